"""Messages as they come back, written in the shapes of the real ones, and what each should be called.

Nothing here is copied from anybody's mailbox: names and hosts are made up, the words of the servers are theirs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from nurture.channels.inbound import Kind
from tests.support.returned.build import DAEMON, block, failed, message, parts
from tests.support.returned.refusals import DEAD_IN_WORDS, SOFT_IN_WORDS
from tests.support.returned.reports import reports
from tests.support.returned.texts import texts
from tests.support.returned.writers import machines, people

__all__ = ["DAEMON", "Case", "block", "cases", "message", "parts"]


@dataclass(frozen=True)
class Case:
    """One message, what it is, and a name to find it by."""

    name: str
    kind: Kind
    raw: bytes


def cases() -> Iterator[Case]:
    """All of them."""
    for kind, lines in ((Kind.HARD, DEAD_IN_WORDS), (Kind.SOFT, SOFT_IN_WORDS)):
        for line in lines.strip().splitlines():
            yield Case(f"dsn: {line[:60]}", kind, failed(line))
    for table in (reports, texts, machines, people):
        for name, kind, raw in table():
            yield Case(name, kind, raw)
