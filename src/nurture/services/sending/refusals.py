"""Who does not want us: the mail server altogether, or one mail domain behind it? A group's answers tell; that one rests.

A server that passes on what others say must not stop all mail because one of them is in a bad mood. No message is
judged here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field
from datetime import timedelta

import structlog
from sqlalchemy import Connection

from nurture.channels.base import Accepted, Outcome, RefusedUs
from nurture.db import state
from nurture.services.runtime import Runtime
from nurture.services.sending import domains

log = structlog.get_logger()

EMAIL = "email"
FIRST_PAUSE = timedelta(seconds=30)
LAST_PAUSE = timedelta(minutes=30)
"""How long the channel rests when the server refuses *us*: doubling, and over by itself."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one group's answers mean. ``server`` refused us; ``domains`` do, by what was said; ``taken`` took mail."""

    server: RefusedUs | None = None
    domains: Mapping[str, str] = field(default_factory=dict)
    taken: frozenset[str] = frozenset()


def judge(said: Iterable[tuple[str, Outcome]], before: Set[str] = frozenset()) -> Verdict:
    """``said`` are the domain and the outcome of every message in the group; ``before`` the domains that had refused us.

    A refusal before any message was spoken of is the server's. One said of a message, after the server had taken us and
    our sender, is put down to the message's domain; if several domains begin to refuse us and none takes anything, it is
    the server after all. Those that had refused us before tell nothing new of it, whenever they are tried together.
    """
    answers = list(said)
    taken = frozenset(domain for domain, one in answers if isinstance(one, Accepted))
    refused = [(domain, one) for domain, one in answers if isinstance(one, RefusedUs)]
    of_server = next((one for _, one in refused if not one.of_recipient), None)
    of_domains = {domain: one for domain, one in refused if one.of_recipient and domain not in taken}
    if not taken and (of_server or len(of_domains.keys() - before) > 1):
        return Verdict(server=of_server or next(iter(of_domains.values())))
    return Verdict(domains={domain: str(one) for domain, one in of_domains.items()}, taken=taken)


def heed(runtime: Runtime, verdict: Verdict, *, rested: bool, before: Set[str]) -> None:
    """A server or domain that refuses us rests; one that took a message works again.

    ``rested``: the server had refused us; ``before`` are the domains that had.
    """
    operational = runtime.clock.operational()
    works_again = verdict.taken & before
    ends = rested and bool(verdict.taken)
    if not (verdict.server or verdict.domains or works_again or ends):
        return

    def write(tx: Connection) -> None:
        if verdict.server:
            pause = state.channel_pause(tx, EMAIL)
            until = operational + min(LAST_PAUSE, FIRST_PAUSE * 2 ** min(pause.times if pause else 0, 10))
            state.pause_channel(tx, EMAIL, until, str(verdict.server), operational)
            log.error("mail server refuses us", until=until.isoformat(), reply=str(verdict.server))
        if ends:
            state.resume_channel(tx, EMAIL)
        domains.forgive(tx, works_again)
        domains.refuse(tx, verdict.domains, operational)

    runtime.database.retrying(write)
