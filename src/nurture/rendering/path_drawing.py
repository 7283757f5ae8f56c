"""The path of a contact as a line: stages one behind the other, touchpoints on it, what is next as hollow marks.

Works out where everything stands, in pixels of a picture that scales; knows no colours and no HTML, and decides nothing
about what is drawn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

WIDTH = 944.0
"""The picture is never narrower; with much to show it grows, and its page scrolls."""
EDGE = 16.0
SLOT = 30.0
"""Between the middles of two marks."""
PAD = 22.0
"""Between the end of a stage and its first mark."""
LEAST = 96.0
LINE_Y = 104.0
HEIGHT = 158.0
WITH_FALL = 212.0
FALL_DROP = 74.0
NAME_Y, NOTE_Y = 28.0, 48.0
DATE_Y = 142.0
CHARACTER = 7.6
"""Width of a letter of a stage's name, about."""
SMALL_CHARACTER = 6.3
DATE_ROOM = 50.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Dot:
    """One mark to be drawn. ``shape`` and ``state`` are words for the style; ``day`` stands below it where there is room."""

    shape: str
    state: str
    title: str
    anchor: str
    day: str
    proof: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """One stage: its name, a note below it, what happened there and what is to come."""

    name: str
    note: str
    state: str
    anchor: str
    title: str
    past: Sequence[Dot] = ()
    coming: Sequence[Dot] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Drop:
    """A branch that leaves the path downward, in this stretch: a loss. ``ahead`` when it is still to come."""

    stretch: int
    said: str
    day: str
    title: str
    ahead: bool = False


@dataclass(frozen=True, slots=True)
class Glyph:
    x: float
    y: float
    dot: Dot
    day: str
    """Empty where the one before it says the same, or stands too near."""


@dataclass(frozen=True, slots=True)
class Line:
    """A piece of the path; ``way`` is how it looks: walked, current, coming, skipped or ahead."""

    x1: float
    x2: float
    way: str


@dataclass(frozen=True, slots=True)
class Label:
    """The name of a stage, cut to its room, with its note; ``x`` is the left end."""

    x: float
    width: float
    name: str
    note: str
    stretch: Stretch


@dataclass(frozen=True, slots=True)
class Branch:
    """A loss: the curve down, and the words beside its end."""

    path: str
    x: float
    y: float
    said: str
    drop: Drop
    anchor: str
    """Where the words stand from the end: start or end, so that they stay in the picture."""


@dataclass(frozen=True, slots=True)
class Gate:
    """Where one stage ends and the next begins."""

    x: float
    passed: bool


@dataclass(frozen=True, slots=True)
class Drawing:
    width: float
    height: float
    line_y: float
    name_y: float
    note_y: float
    date_y: float
    lines: tuple[Line, ...]
    gates: tuple[Gate, ...]
    glyphs: tuple[Glyph, ...]
    labels: tuple[Label, ...]
    branches: tuple[Branch, ...]
    now_x: float | None


def draw(stretches: Sequence[Stretch], drops: Sequence[Drop] = (), *, current: int | None = None) -> Drawing:
    """Lay out a path. ``current`` is the stretch in which the contact is now; None when the journey is over."""
    bounds = _bounds(stretches, drops, current)
    lines: list[Line] = []
    marks: list[tuple[float, Dot]] = []
    now_x = None
    ends: dict[int, float] = {}
    for index, stretch in enumerate(stretches):
        left, right = bounds[index]
        here = index == current
        # Now has a place of its own, between what happened and what is to come.
        before = len(stretch.past)
        count = before + here + len(stretch.coming)
        xs = _places(left, right, count, falls=_falls(index, drops))
        past, coming = xs[:before], xs[before + here :]
        divide = xs[before] if here else right
        now_x = divide if here else now_x
        marks += [*zip(past, stretch.past, strict=True), *zip(coming, stretch.coming, strict=True)]
        last = xs[-1] if xs else left
        ends[index] = min(last + 0.8 * SLOT, right - 6)
        stops = any(drop.stretch == index and not drop.ahead for drop in drops)
        lines += _lines(stretch.state, left, right, divide, here=here, end=ends[index] if stops else None)
    width = bounds[-1][1] + EDGE if bounds else WIDTH
    return Drawing(
        width=width,
        height=WITH_FALL if drops else HEIGHT,
        line_y=LINE_Y,
        name_y=NAME_Y,
        note_y=NOTE_Y,
        date_y=DATE_Y,
        lines=tuple(lines),
        gates=tuple(_gates(stretches, bounds)),
        glyphs=tuple(_glyphs(marks)),
        labels=tuple(_label(one, *bounds[index]) for index, one in enumerate(stretches)),
        branches=tuple(_branch(drop, ends, width) for drop in drops),
        now_x=now_x,
    )


def _bounds(
    stretches: Sequence[Stretch], drops: Sequence[Drop], current: int | None
) -> list[tuple[float, float]]:
    """Left and right end of each stage: as wide as its marks need, then the rest shared by need."""
    needs = []
    for index, stretch in enumerate(stretches):
        marks = len(stretch.past) + len(stretch.coming) + _falls(index, drops) + (index == current)
        words = min(max(len(stretch.name) * CHARACTER, len(stretch.note) * SMALL_CHARACTER) + 14, 190)
        needs.append(max(LEAST, words, 2 * PAD + marks * SLOT))
    room = WIDTH - 2 * EDGE
    total = sum(needs)
    share = room / total if total and total < room else 1.0
    bounds, left = [], EDGE
    for need in needs:
        bounds.append((round(left, 1), round(left + need * share, 1)))
        left += need * share
    return bounds


def _falls(index: int, drops: Sequence[Drop]) -> int:
    return sum(drop.stretch == index for drop in drops)


def _places(left: float, right: float, count: int, *, falls: int) -> list[float]:
    """Where marks stand: from the left end on, never wider apart than needed to be seen as one row."""
    if not count:
        return []
    room = right - left - 2 * PAD - falls * SLOT
    step = min(2.2 * SLOT, room / max(1, count - 1)) if count > 1 else 0.0
    return [round(left + PAD + index * step, 1) for index in range(count)]


def _lines(
    state: str, left: float, right: float, divide: float, *, here: bool, end: float | None
) -> list[Line]:
    """One stage's piece of the path; ``end`` is where a journey broke off in it."""
    if here:
        return [Line(left, divide, "walked"), Line(divide, right, "coming")]
    if end is not None:
        return [Line(left, end, "walked"), Line(end, right, "ahead")]
    ways = {"validated": "walked", "left": "walked", "lost": "walked", "skipped": "skipped"}
    return [Line(left, right, ways.get(state, "ahead"))]


def _glyphs(marks: Sequence[tuple[float, Dot]]) -> list[Glyph]:
    """Marks with their days: each day once, and none over another."""
    glyphs: list[Glyph] = []
    last, free = "", float("-inf")
    for x, dot in marks:
        shows = dot.day != last and x >= free
        if shows:
            free = x + DATE_ROOM
        last = dot.day if shows else last
        glyphs.append(Glyph(x, LINE_Y, dot, dot.day if shows else ""))
    return glyphs


def _gates(stretches: Sequence[Stretch], bounds: Sequence[tuple[float, float]]) -> list[Gate]:
    return [
        Gate(bounds[index][1], stretch.state in ("validated", "resting"))
        for index, stretch in enumerate(stretches)
    ]


def _label(stretch: Stretch, left: float, right: float) -> Label:
    room = right - left - 12
    return Label(
        x=left,
        width=room,
        name=cut(stretch.name, room / CHARACTER),
        note=cut(stretch.note, room / SMALL_CHARACTER),
        stretch=stretch,
    )


def cut(text: str, most: float) -> str:
    """The text in at most so many characters, with an ellipsis where something is missing."""
    room = max(3, int(most))
    return text if len(text) <= room else f"{text[: room - 1].rstrip()}…"


def _branch(
    drop: Drop,
    ends: Mapping[int, float],
    width: float,
) -> Branch:
    """From behind the last mark down in a curve; the words stand to the side that has room."""
    x = ends[drop.stretch]
    end_x, end_y = x + 34, LINE_Y + FALL_DROP
    curve = f"M{x:g} {LINE_Y:g}C{x + 20:g} {LINE_Y:g} {x + 6:g} {end_y:g} {end_x - 9:g} {end_y:g}"
    room_right = width - end_x - 14
    leans_left = len(drop.said) * SMALL_CHARACTER > room_right and end_x > width / 2
    return Branch(
        path=curve,
        x=end_x,
        y=end_y,
        said=drop.said,
        drop=drop,
        anchor="end" if leans_left else "start",
    )
