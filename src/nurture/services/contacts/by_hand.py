"""A person enrolls others by hand: one, a list, a segment or everybody, in chunks that each stand whole or not at all.

It obeys the workflow's own rules of entry: who is refused is told with the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import BinaryIO

from sqlalchemy import Connection

from nurture.db import contacts, segments
from nurture.model.addresses import AddressError, same_key
from nurture.model.words import Contact, EnteredBy, Reason
from nurture.services.advancing.enroll import Request, enter_all
from nurture.services.contacts.importing.mapping import map_columns
from nurture.services.contacts.importing.reader import open_table
from nurture.services.events.segment_list import fitting
from nurture.services.runtime import Runtime

CHUNK = 2_000
UNKNOWN = "unknown-contact"
NO_ADDRESS = "not-an-address"

OnProgress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Refused:
    """Somebody who did not enter, and by which rule."""

    email: str
    reason: str


@dataclass(slots=True)
class Enrolled:
    """What became of a list: how many entered, and who did not."""

    enrolled: int = 0
    refused: list[Refused] = field(default_factory=list)

    @property
    def seen(self) -> int:
        return self.enrolled + len(self.refused)


def enroll_addresses(
    runtime: Runtime,
    workflow: str,
    emails: Iterable[str],
    reason: str,
    *,
    actor: str = "command line",
    on_progress: OnProgress | None = None,
) -> Enrolled:
    """Enroll the contacts with these addresses, each once. Raises NotFoundError for an unknown workflow."""
    entry = _Entry(runtime, workflow, reason, actor, on_progress)
    for chunk in _chunks(emails):
        entry.of_addresses(chunk)
    return entry.over(f"{entry.result.seen} named contacts")


def enroll_all(
    runtime: Runtime,
    workflow: str,
    reason: str,
    *,
    segment: str | None = None,
    actor: str = "command line",
    on_progress: OnProgress | None = None,
) -> Enrolled:
    """Enroll every contact, or everybody in a segment, of a file or saved. Raises NotFoundError for an unknown one."""
    entry = _Entry(runtime, workflow, reason, actor, on_progress)
    for people in _pages(runtime, segment):
        entry.of_contacts(people)
    return entry.over(f"segment {segment}" if segment else "everybody")


def addresses_in(runtime: Runtime, stream: BinaryIO) -> Iterator[str]:
    """The addresses of a CSV file, as ``contacts import`` would find them. Raises NurtureError for an unreadable file."""
    fields = runtime.published().workspace.fields
    with open_table(stream) as table:
        column = map_columns(table.headers, fields).email.index
        for row in table.rows():
            if column < len(row.cells) and row.cells[column].strip():
                yield row.cells[column].strip()


@dataclass
class _Entry:
    """One enrolling by hand, from its first chunk to its line in the audit log."""

    runtime: Runtime
    workflow: str
    reason: str
    actor: str
    on_progress: OnProgress | None
    result: Enrolled = field(default_factory=Enrolled)

    def __post_init__(self) -> None:
        self.runtime.published().workflow(self.workflow)

    def of_addresses(self, emails: Sequence[str]) -> None:
        readable: dict[str, str] = {}
        for email in emails:
            try:
                readable.setdefault(same_key(email), email)
            except AddressError:
                self.result.refused.append(Refused(email, NO_ADDRESS))
        with self.runtime.database.read() as tx:
            found = contacts.by_email(tx, list(readable.values()))
        self.result.refused += [
            Refused(email, UNKNOWN) for key, email in readable.items() if key not in found
        ]
        self.of_contacts(list(found.values()))

    def of_contacts(self, people: Sequence[Contact]) -> None:
        emails = {one.id: one.email for one in people}
        requests = [
            Request(one.id, self.workflow, EnteredBy.HAND, self.reason or Reason.BY_HAND) for one in people
        ]
        now = self.runtime.now()

        def enter(tx: Connection) -> list[Refused]:
            # Nobody's event may slip in between what we look at and what we store.
            contacts.lock(tx, emails)
            answers = enter_all(tx, self.runtime.shelf, requests, now, self.actor)
            return [Refused(emails[one.request.contact_id], one.refused) for one in answers if one.refused]

        refused = self.runtime.database.retrying(enter) if requests else []
        self.result.refused += refused
        self.result.enrolled += len(requests) - len(refused)
        if self.on_progress:
            self.on_progress(self.result.seen)

    def over(self, whom: str) -> Enrolled:
        detail = {"whom": whom, "reason": self.reason, "enrolled": self.result.enrolled}
        with self.runtime.database.write() as tx:
            self.runtime.audit(tx, self.actor, "enroll", f"workflow:{self.workflow}", detail)
        return self.result


def _pages(runtime: Runtime, segment: str | None) -> Iterator[list[Contact]]:
    """All contacts in pages, or those who fit the segment."""
    last = 0
    while True:
        with runtime.database.read() as tx:
            if segment is None:
                page = contacts.search(tx, limit=CHUNK, after=last)
            else:
                fits = fitting(tx, runtime.shelf.published(tx), segment)
                found = contacts.load(tx, segments.page(tx, fits, after=last, most=CHUNK))
                page = [found[one] for one in sorted(found)]
        if not page:
            return
        last = page[-1].id
        yield page


def _chunks(emails: Iterable[str]) -> Iterator[list[str]]:
    """Each address once, a few thousand at a time."""
    fresh = iter(dict.fromkeys(emails))
    while chunk := list(islice(fresh, CHUNK)):
        yield chunk
