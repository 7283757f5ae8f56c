"""A journey as a picture and in words: which marks stand on the line, what each says, and what somebody who hears it is told.

Chooses words only; where things stand is worked out by ``rendering.path_drawing``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from nurture.engine.explain import in_words, moment
from nurture.model.words import Status, SuppressionReason
from nurture.rendering.path_drawing import Dot, Drawing, Drop, Stretch, draw
from nurture.services.story.journeys import Fall, Journey, Leg, LegState
from nurture.services.story.marks import Mark

MOST_AHEAD = 12
"""Hollow marks in a picture; the table has them all."""
ENDED = {Status.LOST: "lost", Status.EXITED: "ended", Status.COMPLETED: "completed"}
NOTES = {
    LegState.AHEAD: "ahead",
    LegState.SKIPPED: "passed over",
    LegState.LEFT: "left again",
    LegState.LOST: "lost here",
}

KEYS = (
    ("From us", (("mail", "mail"), ("call", "call"), ("offer", "offer handed over"))),
    (
        "From them",
        (
            ("form", "asked on a form"),
            ("download", "download"),
            ("click", "click"),
            ("reply", "reply"),
            ("event", "meeting and the like"),
            ("sale", "sale"),
        ),
    ),
)
"""What the shapes mean: (who, (shape, words))."""
HOLDS = {
    SuppressionReason.UNSUBSCRIBED: "holds back marketing mail; what they ask for still goes",
    SuppressionReason.HARD_BOUNCE: "holds back every mail: the mailbox does not exist",
    SuppressionReason.SOFT_BOUNCES: "holds back every mail for a while: too many did not arrive",
    SuppressionReason.COMPLAINT: "holds back every mail: they reported one as spam",
    SuppressionReason.MANUAL: "holds back everything, by somebody's hand",
    SuppressionReason.ERASED: "holds back everything, since all we knew was erased",
    SuppressionReason.WRONG_NUMBER: "holds back every call: it is not their number",
    SuppressionReason.DO_NOT_CALL: "holds back every call: they do not want any",
}
"""What each suppression keeps from happening."""


@dataclass(frozen=True, slots=True)
class Row:
    """One touchpoint of the table; ``anchor`` is where its mark leads."""

    anchor: str
    mark: Mark


@dataclass(frozen=True, slots=True)
class Rows:
    """What happened in one stage, and what is to come there."""

    leg: Leg
    anchor: str
    past: tuple[Row, ...]
    coming: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Picture:
    """The drawing of a journey, the same as rows, and as one paragraph."""

    journey: Journey
    drawing: Drawing
    stages: tuple[Rows, ...]
    told: str


def picture(journey: Journey, zone: ZoneInfo) -> Picture:
    """Days are those of the reader's ``zone``."""
    stages = tuple(_rows(journey, leg) for leg in journey.legs)
    current = next(
        (
            index
            for index, leg in enumerate(journey.legs)
            if leg.state in (LegState.CURRENT, LegState.RESTING)
        ),
        None,
    )
    stretches = [_stretch(rows, zone) for rows in stages]
    drawing = draw(stretches, _drops(journey, zone), current=current)
    return Picture(journey, drawing, stages, _told(journey, zone))


def _rows(journey: Journey, leg: Leg) -> Rows:
    own = journey.enrollment.id
    return Rows(
        leg=leg,
        anchor=f"s{own}-{leg.stage}",
        past=tuple(Row(_anchor(own, mark, index), mark) for index, mark in enumerate(leg.marks)),
        coming=tuple(
            Row(f"n{own}-{leg.stage}-{index}", mark) for index, mark in enumerate(leg.coming, start=1)
        ),
    )


def _anchor(enrollment: int, mark: Mark, index: int) -> str:
    """The same for ever, so that a row can be linked to."""
    if mark.delivery:
        return f"d{mark.delivery}"
    if mark.task:
        return f"t{mark.task}"
    return f"e{enrollment}-{mark.event}" if mark.event else f"o{enrollment}-{mark.stage}-{index}"


def _stretch(rows: Rows, zone: ZoneInfo) -> Stretch:
    leg = rows.leg
    return Stretch(
        name=leg.stage,
        note=_note(leg, zone),
        # Who was there and was then led past it did walk here.
        state=LegState.LEFT if leg.state is LegState.SKIPPED and leg.visits else leg.state,
        anchor=rows.anchor,
        title=f"{leg.stage}: {_note(leg, zone)}. Need: {leg.need}",
        past=[_dot(row, zone) for row in rows.past],
        coming=[_dot(row, zone) for row in rows.coming[:MOST_AHEAD]],
    )


def _note(leg: Leg, zone: ZoneInfo) -> str:
    """What a stage is to the contact, in a few words."""
    times = f" · {len(leg.visits)} visits" if len(leg.visits) > 1 else ""
    if leg.state is LegState.CURRENT and leg.visits:
        return f"here since {_day(leg.visits[-1].entered_at, zone)}{times}"
    if leg.proof:
        rests = ", rests" if leg.state is LegState.RESTING else ""
        return f"✓ {leg.proof.said}{rests}{times}"
    return f"{NOTES.get(leg.state, leg.state)}{times}"


def _dot(row: Row, zone: ZoneInfo) -> Dot:
    mark = row.mark
    return Dot(
        shape=mark.kind,
        state=mark.state,
        title=f"{moment(mark.at, zone)} · {mark.title} · {mark.status}",
        anchor=row.anchor,
        day=_day(mark.at, zone),
        proof=mark.proof,
    )


def _drops(journey: Journey, zone: ZoneInfo) -> list[Drop]:
    names = [leg.stage for leg in journey.legs]

    def drop(fall: Fall, *, ahead: bool) -> Drop:
        way = ENDED[fall.status]
        said = f"{'then ' if ahead else ''}{way}: {_reason(fall)}"
        return Drop(
            stretch=names.index(fall.stage),
            said=said,
            day=_day(fall.at, zone),
            title=f"{moment(fall.at, zone)} · {fall.said}",
            ahead=ahead,
        )

    drops = [drop(journey.fall, ahead=False)] if journey.fall else []
    return drops + ([drop(journey.fall_ahead, ahead=True)] if journey.fall_ahead else [])


def _reason(fall: Fall) -> str:
    told = in_words(fall.reason)
    return fall.reason if told == f"'{fall.reason}'" else told


def _told(journey: Journey, zone: ZoneInfo) -> str:
    """The picture for who cannot see it."""
    parts = [f"The path through {journey.title}."]
    for leg in journey.legs:
        count = len(leg.marks)
        many = f", {count} touchpoint{'s' if count != 1 else ''}" if count else ""
        parts.append(f"Stage {leg.stage}: {_note(leg, zone)}{many}.")
    if journey.fall:
        parts.append(f"{journey.fall.said} {moment(journey.fall.at, zone)}.")
    coming: Sequence[Mark] = sorted(journey.coming, key=lambda mark: mark.at)
    if coming:
        parts.append(f"Next: {coming[0].title}, {moment(coming[0].at, zone)}.")
    if journey.fall_ahead:
        parts.append(f"If nothing happens: {journey.fall_ahead.said}")
    return " ".join(parts)


def _day(at: datetime, zone: ZoneInfo) -> str:
    return at.astimezone(zone).strftime("%-d %b")
