"""What came back, as people look at it: each report, what it was known by, what followed, and whether the mailbox is read.

It shows and changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from sqlalchemy import Connection

from nurture.channels.inbound import Kind
from nurture.db import reports
from nurture.db.reports import Reported
from nurture.services.inbound.mailbox import NEVER, SILENT_FOR, Reading, reading_of
from nurture.services.runtime import Runtime

PAGE = 50
LATELY = timedelta(days=30)
LAST_WEEK = timedelta(days=7)
FAILURES = (Kind.HARD, Kind.SOFT, Kind.COMPLAINT)


class Wanted(StrEnum):
    """What a person may narrow the list to."""

    HARD = "hard"
    SOFT = "soft"
    COMPLAINT = "complaint"
    REPLY = "reply"
    AUTOREPLY = "autoreply"
    UNMATCHED = "unmatched"


@dataclass(frozen=True, slots=True)
class Listing:
    """One page, with how many of each came in the last thirty days. ``reading`` is None where no mailbox is read."""

    rows: tuple[Reported, ...]
    older: int | None
    counts: Mapping[Wanted, int]
    reading: Reading | None
    silent: bool


def look_through(runtime: Runtime, wanted: Wanted | None = None, before: int | None = None) -> Listing:
    """The reports below the id ``before``, newest first."""
    kinds = _kinds(wanted)
    with runtime.database.read() as tx:
        unmatched = wanted is Wanted.UNMATCHED
        found = reports.page(tx, before=before, limit=PAGE + 1, kinds=kinds, unmatched=unmatched)
        since = runtime.now() - LATELY
        counted, strays = reports.counts(tx, since), reports.unmatched(tx, since)
        reading = reading_of(tx, runtime.mailbox) if runtime.mailbox else None
    counts = {one: sum(counted.get(kind, 0) for kind in _kinds(one)) for one in Wanted}
    counts[Wanted.UNMATCHED] = sum(strays.values())
    rows = tuple(found[:PAGE])
    silent = reading is not None and _is_silent(runtime, reading)
    return Listing(rows, rows[-1].id if len(found) > PAGE else None, counts, reading, silent)


def trouble(tx: Connection, runtime: Runtime) -> Iterator[tuple[str, int, str]]:
    """What of it needs a person: a code, how often, and words."""
    if runtime.mailbox:
        reading = reading_of(tx, runtime.mailbox)
        if _is_silent(runtime, reading):
            since = "never" if reading.read_at == NEVER else f"last {reading.read_at:%Y-%m-%d %H:%M} UTC"
            yield (
                "mailbox-unread",
                1,
                f"{reading.place}: {since}{'; ' * bool(reading.problem)}{reading.problem}",
            )
        if reading.left_out:
            yield "mailbox-left-out", reading.left_out, reading.place
    strays = reports.unmatched(tx, runtime.now() - LAST_WEEK)
    failures = {kind: strays[kind] for kind in FAILURES if strays.get(kind)}
    if failures:
        said = ", ".join(f"{kind}: {count}" for kind, count in failures.items())
        yield "unmatched-reports", sum(failures.values()), said


def _is_silent(runtime: Runtime, reading: Reading) -> bool:
    return runtime.clock.operational() - reading.read_at > SILENT_FOR


def _kinds(wanted: Wanted | None) -> tuple[str, ...]:
    if wanted is None or wanted is Wanted.UNMATCHED:
        return ()
    return (Kind.AUTOREPLY, Kind.CHALLENGE) if wanted is Wanted.AUTOREPLY else (wanted.value,)
