"""People come in from a spreadsheet: whom we can reach is stored, what cannot be used is listed row by row.

A list never takes anything away: empty cells clear nothing, withdrawn permission stays withdrawn, a suppressed address
stays suppressed. It is stored in chunks, each whole or not at all, so that the same file again completes an import
that was cut off.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import BinaryIO

from sqlalchemy import Connection

from nurture.db import consents, enrollments, suppressions
from nurture.db.contact_import import NewContact, upsert
from nurture.db.session import Database
from nurture.model.addresses import LONGEST, AddressError, same_key
from nurture.model.errors import NurtureError
from nurture.model.mentions import names_somebody
from nurture.model.words import Channel, Grant
from nurture.model.workspace import TRANSACTIONAL, Workspace
from nurture.services.consent.permission import IMPLIED_ENDS
from nurture.services.contacts.importing.cells import CellError
from nurture.services.contacts.importing.mapping import SYNONYMS, Columns, map_columns
from nurture.services.contacts.importing.reader import Row, Table, open_table
from nurture.services.contacts.importing.report import ImportReport, RowError
from nurture.services.contacts.importing.values import CellReader, Value, cell_readers, email_address
from nurture.services.events.ingest import note_changes
from nurture.services.published import Shelf

CHUNK_ROWS = 5_000
CHUNK_LETTERS = 4_000_000
"""Rows of huge cells are stored in smaller chunks, so that memory stays flat."""
MOST_LISTED = 10_000
"""Errors and notes that a report lists; beyond, they are only counted."""

ERASED = "person's data was erased: only they themselves can come back, by a form and a yes by mail"

OnChanged = Callable[[Connection, list[int]], None]
OnRejected = Callable[[Table, Row, str], None]
OnProgress = Callable[[int], None]

_PURPOSE = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_LOOKS_LIKE_ADDRESS = re.compile(r"[^\s<>,;:]+@[^\s<>,;:]+")


@dataclass(frozen=True, slots=True)
class Consent:
    """What the people of a list have agreed to, and where that can be proven: ``source`` goes into the ledger.

    An ``implied`` one they did not say: it follows from what they bought or asked, and ends.
    """

    purpose: str
    source: str
    expires: datetime | None = None
    implied: bool = False
    actor: str | None = None

    def __post_init__(self) -> None:
        if not _PURPOSE.fullmatch(self.purpose) or self.purpose == TRANSACTIONAL:
            raise NurtureError(
                f"'{self.purpose}' is no purpose that people consent to",
                hint="give the purpose that a workflow names, in lower-case words and dashes",
            )
        if not self.source.strip():
            raise NurtureError("consent needs a source", hint="say where and when these people agreed")
        if names_somebody(self.source):
            raise NurtureError(
                "the source names an address",
                hint="leave it out: the ledger is never rewritten, also when that person is erased",
            )
        if self.implied and self.expires is None:
            raise NurtureError("an implied consent ends", hint=IMPLIED_ENDS)


def import_contacts(
    database: Database,
    workspace: Workspace,
    stream: BinaryIO,
    *,
    now: datetime,
    mapping: Sequence[str] = (),
    consent: Consent | None = None,
    dry_run: bool = False,
    encoding: str | None = None,
    on_changed: OnChanged | None = None,
    on_rejected: OnRejected | None = None,
    on_progress: OnProgress | None = None,
) -> ImportReport:
    """Import the people of a CSV file.

    ``mapping`` holds ``Column=field`` for columns whose heading does not tell; ``now`` is business time.
    ``on_changed`` is called inside the transaction with the ids of contacts that were known and are different now,
    ``on_rejected`` with each rejected row and why, ``on_progress`` with the rows read so far. A dry run does
    everything but commit. Raises NurtureError when the file as a whole cannot be taken; nothing is stored then.
    """
    with open_table(stream, encoding=encoding) as table:
        columns = map_columns(table.headers, workspace.fields, mapping)
        report = ImportReport(
            encoding=table.encoding,
            delimiter=table.delimiter,
            mapped={column.header: column.field for column in columns.mapped},
            unmapped=columns.unmapped,
        )
        readers = cell_readers(workspace, delimiter=table.delimiter)
        run = _Import(
            database,
            table,
            columns,
            readers,
            report,
            now,
            consent,
            dry_run,
            on_changed,
            on_rejected,
            on_progress,
        )
        run.walk()
    return report


def tell_workflows(shelf: Shelf, now: datetime) -> OnChanged:
    """What ``on_changed`` is in a running nurture: whoever is on their way in a workflow gets a ``contact.changed``."""

    def tell(tx: Connection, ids: list[int]) -> None:
        if enrolled := {enrollment.contact_id for enrollment in enrollments.live_of(tx, ids)}:
            note_changes(tx, shelf, enrolled, now)

    return tell


@dataclass(frozen=True, slots=True)
class _Person:
    """A row that is taken."""

    row: Row
    key: str
    contact: NewContact


@dataclass(slots=True)
class _Chunk:
    """People to be stored together."""

    people: list[_Person] = field(default_factory=list)
    letters: int = 0

    @property
    def full(self) -> bool:
        return len(self.people) >= CHUNK_ROWS or self.letters >= CHUNK_LETTERS

    def add(self, person: _Person) -> None:
        self.people.append(person)
        self.letters += len(person.row.raw)

    def take(self) -> list[_Person]:
        people = self.people
        self.people, self.letters = [], 0
        return people


@dataclass(frozen=True, slots=True)
class _Stored:
    """The numbers of one chunk, to be counted once it is committed."""

    created: int
    updated: int
    unchanged: int
    suppressed: int
    consented: int
    withdrawn: int
    erased: frozenset[str]


@dataclass(slots=True)
class _Import:
    """One import under way."""

    database: Database
    table: Table
    columns: Columns
    readers: Mapping[str, CellReader]
    report: ImportReport
    now: datetime
    consent: Consent | None
    dry_run: bool
    on_changed: OnChanged | None
    on_rejected: OnRejected | None
    on_progress: OnProgress | None

    def walk(self) -> None:
        """Read every row and store it with its chunk. Who has several rows comes when all of them are known.

        So a list that says two things of one person ends the same however long it is, and again when it is repeated.
        """
        again = self._addresses_that_repeat()  # reads all rows: a file beyond the limits stores nothing
        single, several = _Chunk(), _Chunk()
        first_rows: dict[str, int] = {}
        for count, row in enumerate(self.table.rows(), 1):
            if person := self._person(row):
                if self._fingerprint(row) in again:
                    self._note_repetition(person, first_rows)
                    several.add(person)
                else:
                    single.add(person)
            if single.full or several.full:
                self._store(single if single.full else several)
                if self.on_progress is not None:
                    self.on_progress(count)
        self._store(single)
        self._store(several)

    # --- reading --------------------------------------------------------------------------------------------------

    def _person(self, row: Row) -> _Person | None:
        """The person in a row; None when the row is rejected."""
        if row.fault is not None:
            self._reject(row, None, row.fault)
            return None
        column = self.columns.email
        try:
            email = email_address(row.cells[column.index])
            return _Person(row, same_key(email), _contact(email, self._values(row)))
        except (CellError, AddressError) as error:
            self._reject(row, column.header, str(error))
            return None

    def _values(self, row: Row) -> dict[str, Value]:
        """What the row says beside the address; a cell that cannot be read is listed and left out."""
        values: dict[str, Value] = {}
        for column in self.columns.mapped:
            cell = row.cells[column.index]
            if not cell or cell.isspace() or column.field == "email":
                continue
            try:
                value = self.readers[column.field](cell)
            except CellError as error:
                self._list(self.report.errors, RowError(row.number, column.header, str(error)))
                continue
            if value not in ("", frozenset()):
                values[column.field] = value
        return values

    def _addresses_that_repeat(self) -> frozenset[int]:
        seen: set[int] = set()
        again: set[int] = set()
        for row in self.table.rows():
            if row.fault is None:
                mark = self._fingerprint(row)
                (again if mark in seen else seen).add(mark)
        return frozenset(again)

    def _fingerprint(self, row: Row) -> int:
        """A small number for the address of a row, as far as it can be seen without judging it."""
        cell = row.cells[self.columns.email.index]
        found = _LOOKS_LIKE_ADDRESS.search(cell) if len(cell) <= LONGEST else None
        return hash(found.group().lower()) if found else row.number

    # --- storing --------------------------------------------------------------------------------------------------

    def _store(self, chunk: _Chunk) -> None:
        """Store a chunk in one transaction, and count it when it is committed."""
        people = chunk.take()
        if not people:
            return
        contacts = [person.contact for person in people]
        done = self.database.retrying(lambda tx: self._store_in(tx, contacts))
        report = self.report
        forgotten = [person for person in people if person.key in done.erased]
        for person in forgotten:
            self._reject(person.row, self.columns.email.header, f"this {ERASED}")
        report.created += done.created
        report.updated += done.updated
        report.unchanged += done.unchanged
        report.merged += len(contacts) - len(forgotten) - done.created - done.updated - done.unchanged
        report.suppressed += done.suppressed
        report.consented += done.consented
        report.withdrawn += done.withdrawn

    def _store_in(self, tx: Connection, contacts: Sequence[NewContact]) -> _Stored:
        result = upsert(tx, contacts, self.now)
        ids = list(result.ids.values())
        suppressed = {id_ for id_, channels in suppressions.of(tx, ids).items() if Channel.EMAIL in channels}
        granted, withdrew = self._grant(tx, [id_ for id_ in ids if id_ not in suppressed])
        if self.on_changed is not None:
            changed = {*result.updated, *granted}.difference(result.created)
            if changed:
                self.on_changed(tx, sorted(changed))
        if self.dry_run and (transaction := tx.get_transaction()) is not None:
            transaction.rollback()
        return _Stored(
            len(result.created),
            len(result.updated),
            len(result.unchanged),
            len(suppressed),
            len(granted),
            len(withdrew),
            frozenset(result.erased),
        )

    def _grant(self, tx: Connection, ids: list[int]) -> tuple[list[int], set[int]]:
        """Write the consent of those who have none that lasts as long; their ids, and who took it back: they get none."""
        consent = self.consent
        if consent is None:
            return [], set()
        withdrew = consents.ever_withdrew(tx, ids, Channel.EMAIL, consent.purpose)
        live = consents.grants(tx, ids, self.now)
        willing = [id_ for id_ in ids if id_ not in withdrew and not _is_given(consent, live.get(id_, ()))]
        consents.add(
            tx,
            [
                consents.Consent(
                    contact_id=id_,
                    channel=Channel.EMAIL,
                    purpose=consent.purpose,
                    action=consents.ConsentAction.GRANTED,
                    at=self.now,
                    source=consent.source,
                    expires_at=consent.expires,
                    implied=consent.implied,
                    actor=consent.actor,
                )
                for id_ in willing
            ],
        )
        return willing, withdrew

    # --- reporting ------------------------------------------------------------------------------------------------

    def _reject(self, row: Row, column: str | None, message: str) -> None:
        self.report.rejected += 1
        self._list(self.report.errors, RowError(row.number, column, message))
        if self.on_rejected is not None:
            self.on_rejected(self.table, row, message if column is None else f"{column}: {message}")

    def _note_repetition(self, person: _Person, first_rows: dict[str, int]) -> None:
        first = first_rows.setdefault(person.key, person.row.number)
        if first != person.row.number:
            message = f"is the person of row {first} again: put together, later values win"
            self._list(self.report.notes, RowError(person.row.number, self.columns.email.header, message))

    def _list(self, where: list[RowError], what: RowError) -> None:
        if len(where) < MOST_LISTED:
            where.append(what)
        else:
            self.report.unlisted += 1


def _is_given(consent: Consent, live: Sequence[Grant]) -> bool:
    return any(
        one.channel is Channel.EMAIL and one.purpose == consent.purpose and one.lasts_until(consent.expires)
        for one in live
    )


def _contact(email: str, values: Mapping[str, Value]) -> NewContact:
    def words(name: str) -> str | None:
        value = values.get(name)
        return value if isinstance(value, str) else None

    tags = values.get("tags")
    return NewContact(
        email=email,
        first_name=words("first_name"),
        last_name=words("last_name"),
        phone=words("phone"),
        timezone=words("timezone"),
        locale=words("locale"),
        owner=words("owner"),
        tags=tags if isinstance(tags, frozenset) else frozenset(),
        fields={
            name: value
            for name, value in values.items()
            if name not in SYNONYMS and not isinstance(value, frozenset)
        },
    )
