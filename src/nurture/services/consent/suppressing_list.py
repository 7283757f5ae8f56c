"""Many addresses at once are left alone: the suppression list of another tool, from a spreadsheet or by the API.

It makes no contact and takes nothing off the list. It is stored in chunks, so that the same file again completes a list
that was cut off.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import BinaryIO

from pydantic import Field
from sqlalchemy import Connection

from nurture.db import state, suppressions
from nurture.model.addresses import AddressError
from nurture.model.errors import NurtureError
from nurture.model.words import Channel, SuppressionReason
from nurture.services.consent.suppressing import (
    Target,
    add_all,
    address_target,
    read_reason,
    read_why,
    reader,
    require_reason,
)
from nurture.services.contacts.importing.cells import CellError
from nurture.services.contacts.importing.mapping import map_columns
from nurture.services.contacts.importing.reader import Row, Table, open_table
from nurture.services.contacts.importing.report import RowError
from nurture.services.contacts.importing.values import email_address
from nurture.services.events.batches import Address, Reading, Strict, Text, Word, read_batch
from nurture.services.runtime import Runtime

CHUNK = 2_000
MOST_LISTED = 10_000


@dataclass(slots=True)
class ImportedList:
    """What became of a list: rows = added + known + rejected. ``contacts`` is how many of them are contacts of ours."""

    rows: int = 0
    added: int = 0
    known: int = 0
    """Addresses that were on the list for this reason, or stood in an earlier row."""
    rejected: int = 0
    contacts: int = 0
    errors: list[RowError] = field(default_factory=list)


def import_list(
    runtime: Runtime,
    stream: BinaryIO,
    *,
    reason: SuppressionReason,
    source: str,
    actor: str,
    mapping: Sequence[str] = (),
    on_progress: Callable[[int], None] | None = None,
) -> ImportedList:
    """Put every address of a CSV file on the list. ``mapping`` holds ``Column=email`` where the heading does not tell.

    Raises NurtureError when the file as a whole cannot be taken, or ``source`` names an address; nothing is stored then.
    """
    why = read_why(source)
    require_reason(Channel.EMAIL, reason)
    report = ImportedList()
    fields = runtime.published().workspace.fields
    with open_table(stream) as table:
        column = map_columns(table.headers, fields, mapping).email
        for rows in _chunks(table):
            _store(runtime, rows, column.index, column.header, report, reason, why, actor)
            if on_progress is not None:
                on_progress(report.rows)
    detail = {"reason": reason, "why": why, "added": report.added, "rows": report.rows}
    with runtime.database.write() as tx:
        runtime.audit(tx, actor, "suppress", "a list", detail)
    return report


def _store(
    runtime: Runtime,
    rows: Sequence[Row],
    index: int,
    header: str,
    report: ImportedList,
    reason: SuppressionReason,
    why: str,
    actor: str,
) -> None:
    now = runtime.now()

    def write(tx: Connection) -> tuple[list[Target], list[RowError], int, int]:
        targets, errors = _read(tx, rows, index, header)
        new = add_all(tx, runtime, targets, reason, why, actor, now)
        holders = suppressions.holders(tx, {one.hash for one in targets}, Channel.EMAIL)
        return targets, errors, len(new), len(holders)

    targets, errors, new, holders = runtime.database.retrying(write)
    report.rows += len(rows)
    report.added += new
    report.known += len(targets) - new
    report.rejected += len(errors)
    report.contacts += holders
    report.errors += errors[: MOST_LISTED - len(report.errors)]


def _read(
    tx: Connection, rows: Sequence[Row], index: int, header: str
) -> tuple[list[Target], list[RowError]]:
    key = state.hash_key(tx)
    targets, errors = [], []
    for row in rows:
        try:
            if row.fault is not None:
                raise NurtureError(row.fault)
            targets.append(address_target(email_address(row.cells[index]), key))
        except (CellError, AddressError, NurtureError) as error:
            errors.append(RowError(row.number, header, str(error)))
    return targets, errors


def _chunks(table: Table) -> Iterator[list[Row]]:
    rows = iter(table.rows())
    while chunk := list(islice(rows, CHUNK)):
        yield chunk


# --- by the API -----------------------------------------------------------------------------------------------------


class SuppressionForm(Strict):
    """An address or a number to leave alone."""

    email: Address | None = None
    phone: Text | None = Field(default=None, examples=["+1 416 555 0100"])
    reason: Word = Field(default=SuppressionReason.MANUAL.value, examples=["unsubscribed", "do-not-call"])
    source: Word = Field(examples=["Unsubscribed in the old tool, 2 March 2026"], description="How you know.")


def keep_batch(runtime: Runtime, given: object, *, actor: str) -> ImportedList:
    """Leave one address or number alone, or a list of them (``SuppressionForm``), in one transaction.

    Raises BatchRefused with everything that is wrong; nothing is stored then.
    """
    now = runtime.now()
    reading = read_batch(SuppressionForm, given)

    def work(tx: Connection) -> ImportedList:
        asked = reading.copy()
        wanted = _wanted(tx, runtime, asked)
        asked.require_sound()
        report = ImportedList(rows=len(reading.items))
        for (_, reason, source), targets in wanted.items():
            new = add_all(tx, runtime, targets, reason, source, actor, now)
            report.added += len(new)
            report.known += len(targets) - len(new)
        return report

    return runtime.database.retrying(work)


_Kind = tuple[Channel, SuppressionReason, str]


def _wanted(tx: Connection, runtime: Runtime, reading: Reading[SuppressionForm]) -> dict[_Kind, list[Target]]:
    """What is to be left alone, by channel, reason and source; what is wrong is noted in ``reading``."""
    found: dict[_Kind, list[Target]] = {}
    read = reader(tx, runtime)

    def judge(form: SuppressionForm) -> None:
        if (form.email is None) is (form.phone is None):
            raise NurtureError("an item is an email or a phone, and one of them")
        target = read(form.email or form.phone or "", Channel.EMAIL if form.email else Channel.PHONE)
        reason = read_reason(form.reason)
        require_reason(target.channel, reason)
        found.setdefault((target.channel, reason, read_why(form.source)), []).append(target)

    for index, item in reading.items.items():
        reading.check(index, "email" if item.email else "phone", judge, item)
    return found
