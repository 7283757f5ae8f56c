"""What a played scenario says: expected and actual side by side, in the contact's own time.

The same text on the command line, in pytest and in the report for a build server. Judges nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from textwrap import shorten

from nurture.engine.explain import moment
from nurture.model.contact_values import as_text
from nurture.model.errors import on_one_line
from nurture.services.rehearsing.scenarios import ENDS, Mark, Rehearsed, Verdict
from nurture.services.rehearsing.walk_world import Touchpoint
from nurture.workflow.scenarios import Wanted

SIGNS = {
    Mark.MET: "=",
    Mark.MISSING: "<",
    Mark.WRONG_TIME: "≠",
    Mark.OTHER_END: "≠",
    Mark.UNEXPECTED: ">",
    Mark.OUT_OF_ORDER: "≠",
}
LEGEND = "= as expected   < missing   > unexpected   ≠ at another time or otherwise"
DAY = 18
"""Characters of ``11 Mar 2027 09:30``, and one."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the comparison: what was expected and when, a sign, and what happened and when."""

    sort: tuple[datetime, int]
    """When, and at the same minute in the order of the journey."""
    left_at: str
    left: str
    sign: str
    right_at: str
    right: str


def failure(played: Rehearsed) -> list[str]:
    """Everything about a scenario that failed: each reason at its line, then the two timelines."""
    lines = list(reasons(played))
    if played.actual:
        start = moment(played.start, played.zone) if played.start else ""
        lines += ["", f"Times are in {played.zone.key}; it starts on {start}.", *side_by_side(played), LEGEND]
    return lines


def reasons(played: Rehearsed) -> Iterator[str]:
    """``scenarios/guide.yaml:9:13: email guide-reminder is missing``, one line for each thing that is wrong."""
    for trouble in played.trouble:
        yield on_one_line(f"{trouble.place}: {trouble.said}")
    for verdict in played.failures:
        yield f"{verdict.expectation.place}: {said_of(verdict, played)}"


def said_of(verdict: Verdict, played: Rehearsed) -> str:
    """What became of one expectation, in a sentence."""
    what = str(verdict.expectation)
    found = played.actual[verdict.found] if verdict.found is not None else None
    came = moment(found.at, played.zone) if found else ""
    due = moment(verdict.at, played.zone) if verdict.at else ""
    match verdict.mark:
        case Mark.WRONG_TIME if found and verdict.at:
            return f"{what} came {_off(found.at - verdict.at)}: on {came} instead of {due}"
        case Mark.UNEXPECTED:
            return f"{verdict.expectation.name} was ruled out, and came on {came}"
        case Mark.OTHER_END if found:
            return f"{what} was expected{f' on {due}' if due else ''}; it ended as '{told(found)}' on {came}"
        case Mark.OUT_OF_ORDER:
            return f"{what} came before the line above it, on {came}"
        case Mark.MISSING:
            return (
                f"{what} is missing{f': it was expected on {due}' if due else ''}{_skipped(verdict, played)}"
            )
    return f"{what} came true"


def _skipped(verdict: Verdict, played: Rehearsed) -> str:
    """Why a message that was expected did not happen, where the journey says so."""
    name = verdict.expectation.name
    for touch in played.actual:
        if (
            name in (touch.what, touch.step)
            and touch.status in ("skipped", "failed")
            and touch.kind != "stage"
        ):
            return f"; it was {touch.status} on {moment(touch.at, played.zone)}: {touch.reason}"
    return ""


def _off(by: timedelta) -> str:
    """``2 days 1 hour late``, as far as two units tell it."""
    minutes = round(abs(by).total_seconds() / 60)
    days, hours, rest = minutes // 1440, minutes // 60 % 24, minutes % 60
    parts = [(days, "day"), (hours, "hour"), (rest, "minute")]
    told = [f"{number} {word}{'s' if number > 1 else ''}" for number, word in parts if number][:2]
    return f"{' '.join(told) or 'less than a minute'} {'late' if by > timedelta() else 'early'}"


# --- the two timelines --------------------------------------------------------------------------------------------


def side_by_side(played: Rehearsed, width: int = 116) -> list[str]:
    """Two columns, expected and actual, in the order of time."""
    rows = sorted(rows_of(played), key=lambda row: row.sort)
    half = (width - 3) // 2
    heads = [f"{'expected':<{half}}   actual", f"{'─' * half}   {'─' * half}"]
    return heads + [
        f"{_cell(row.left_at, row.left, half)} {row.sign or ' '} {_cell(row.right_at, row.right, half)}".rstrip()
        for row in rows
    ]


def rows_of(played: Rehearsed) -> Iterator[Row]:
    """An expectation stands beside what answers it; what nobody spoke of stands alone."""
    answered = {verdict.found for verdict in played.verdicts if verdict.found is not None}
    begin = played.start or played.actual[0].at
    for verdict in played.verdicts:
        found = played.actual[verdict.found] if verdict.found is not None else None
        if found is None and verdict.mark is Mark.MET:
            continue  # a `not` that held has no place in time
        yield Row(
            (found.at if found else verdict.at or begin, -1 if verdict.found is None else verdict.found),
            _short(verdict.at, played) if verdict.at else "",
            str(verdict.expectation),
            SIGNS[verdict.mark],
            _short(found.at, played) if found else "",
            told(found) if found else "",
        )
    for number, touch in enumerate(played.actual):
        if number not in answered:
            yield Row((touch.at, number), "", "", "", _short(touch.at, played), told(touch))


def told(touch: Touchpoint) -> str:
    """A touchpoint in the words of a scenario: ``email guide-delivery``, ``stage first-sale``, ``lost went-silent``."""
    if touch.kind == "event":
        said = ", ".join(f"{key} {as_text(value)}" for key, value in touch.data.items())
        return f"· {touch.what}{f' ({said})' if said else ''}"
    if touch.kind == "stage":
        if touch.status in ENDS.values():
            return f"{touch.status} {touch.reason}" if touch.status != Wanted.COMPLETED else "completed"
        word = {"entered": "stage", "validated": "validated"}.get(touch.status, touch.status)
        return f"{word} {touch.what}{f': {touch.reason}' if touch.status == 'refused' else ''}"
    happened = touch.status in ("sent", "opened", "handed-over")
    return (
        f"{touch.kind} {touch.what}"
        if happened
        else f"{touch.status} {touch.what}: {touch.reason or touch.kind}"
    )


def _short(at: datetime, played: Rehearsed) -> str:
    return at.astimezone(played.zone).strftime("%e %b %Y %H:%M" if _is_long(played) else "%a %e %b %H:%M")


def _is_long(played: Rehearsed) -> bool:
    """A journey of most of a year, in which a weekday and a day alone could mean two."""
    return bool(played.actual) and played.actual[-1].at - played.actual[0].at > timedelta(days=300)


def _cell(at: str, text: str, width: int) -> str:
    return (
        f"{at:<{DAY}}{shorten(on_one_line(text), width - DAY, placeholder='…'):<{width - DAY}}"
        if text
        else " " * width
    )


def summary(played: Sequence[Rehearsed], seconds: float) -> str:
    """``9 passed, 1 failed in 0.3 s``."""
    failed = sum(not one.passed for one in played)
    counts = f"{len(played) - failed} passed" + (f", {failed} failed" if failed else "")
    return f"{counts} in {seconds:.1f} s" if played else "there are no scenarios yet: write one in scenarios/"
