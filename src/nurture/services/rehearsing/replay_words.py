"""A dry run in sentences and rows, for people at a terminal. Says only what it holds."""

from __future__ import annotations

from collections.abc import Iterator
from zoneinfo import ZoneInfo

from nurture.engine.explain import moment
from nurture.engine.replay import Difference, Differs
from nurture.services.rehearsing.replay import Compared, DryRun

FEW = 0.9
"""A replay that agrees less often than this is a weak witness, and says so."""


def opening(answer: DryRun, zone: ZoneInfo) -> Iterator[str]:
    """How many were played up to when, how far the replay can be believed, and how many differ."""
    yield (
        f"{answer.played} enrollments of {answer.workflow}, the newest, played up to {moment(answer.until, zone)} "
        f"through the live version and the draft."
    )
    if answer.recorded:
        yield (
            f"Played again, the live version did what was recorded for {answer.agreed} of {answer.recorded}"
            f" ({answer.agreed / answer.recorded:.0%}): the same messages, calls and stages, each within the hour."
        )
        if answer.agreed < FEW * answer.recorded:
            yield "Fields, zones and calendars of today, lateness and moves by hand explain the rest: read on with care."
    else:
        yield "None of them entered the live version, so that nothing can be said of how true the replay is."
    for trouble in answer.unplayable:
        yield f"Not played: {trouble}"
    if answer.live == answer.draft:
        yield "The draft has the structure of the live version: nothing can differ."
    count = len(answer.different)
    yield (
        f"{count} of {answer.played} would have gone otherwise."
        if count
        else "Nothing would have been different."
    )


def total_rows(answer: DryRun) -> Iterator[tuple[object, ...]]:
    for (differs, kind, what), count in answer.totals.items():
        yield str(differs), kind, what, count


def example(one: Compared) -> Iterator[str]:
    """One enrollment and each thing that differs, in the contact's own time."""
    yield f"{one.reference}  {one.email}  entered {moment(one.entered_at, one.zone)} ({one.zone.key})"
    for each in one.differences:
        yield f"    {said_of(each, one.zone)}"


def said_of(one: Difference, zone: ZoneInfo) -> str:
    """``email guide-reminder moved: Wed 4 Mar 2026 09:30 → Thu 5 Mar 2026 09:30``."""
    live = moment(one.live, zone) if one.live else None
    draft = moment(one.draft, zone) if one.draft else None
    if one.differs is Differs.END:
        return f"other end: {one.said}"
    when = f"{live} → {draft}" if live and draft else (draft or live or "")
    return f"{one.kind} {one.what} {one.differs}: {when}"
