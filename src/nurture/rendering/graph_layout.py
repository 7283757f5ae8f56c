"""Where each part of a drawn workflow stands: stages as lanes below each other, steps from left to right in them.

Geometry only, in pixels: the same workflow always gives the same picture. Branches get rows of their own, so that no
box stands on another and no line runs through one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from nurture.workflow.model import Loss, Stage, Workflow
from nurture.workflow.outline import Item, outline

BOX_WIDTH, BOX_HEIGHT = 136, 76
GAP = 26
"""Between two boxes of a row; forks and merges run in it."""
LABEL = 24
"""Above each box, for when its branch is taken and who stands there."""
ROW, COLUMN = BOX_HEIGHT + LABEL, BOX_WIDTH + GAP
EDGE = 14
HEAD = 46
"""The top of a lane: the stage's name, what is needed there, who is in it."""
GATE_WIDTH, GATE_HEIGHT = 376, 46
EXIT_WIDTH, EXIT_HEIGHT = 180, 50
BESIDE = 20
"""Between what stands side by side below a lane."""
FALL = 18
"""How far a line runs from a lane down to a gate or an exit."""


@dataclass(frozen=True, slots=True)
class Point:
    x: int
    y: int


@dataclass(frozen=True, slots=True)
class Box:
    """One step; ``x`` and ``y`` are its upper left corner."""

    item: Item
    x: int
    y: int

    @property
    def left(self) -> Point:
        return Point(self.x, self.y + BOX_HEIGHT // 2)

    @property
    def right(self) -> Point:
        return Point(self.x + BOX_WIDTH, self.y + BOX_HEIGHT // 2)


@dataclass(frozen=True, slots=True)
class Line:
    """A way from one point to another; where their rows differ it turns at ``turn``."""

    start: Point
    end: Point
    turn: int


@dataclass(frozen=True, slots=True)
class Label:
    """When a way is taken, written above it."""

    text: str
    at: Point


@dataclass(frozen=True, slots=True)
class Exit:
    """One way to fall off; ``x`` and ``y`` are the upper left corner of what is said of it, below the lane."""

    loss: Loss
    x: int
    y: int


@dataclass(frozen=True, slots=True)
class Gate:
    """What lets contacts into a stage (``proof`` False), or what validates it."""

    stage: Stage
    proof: bool
    x: int
    y: int


@dataclass(slots=True)
class Lane:
    """One stage: its band, its steps, and the point at which those wait whose steps are done."""

    stage: Stage
    x: int
    y: int
    height: int = 0
    boxes: list[Box] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    labels: list[Label] = field(default_factory=list)
    exits: list[Exit] = field(default_factory=list)
    end: Point | None = None
    """None when nobody comes to the end of the list."""

    @property
    def bottom(self) -> int:
        return self.y + self.height

    @property
    def right(self) -> int:
        """How far its contents reach."""
        reach = [box.x + BOX_WIDTH for box in self.boxes] + [one.x + EXIT_WIDTH for one in self.exits]
        return max([*reach, self.end.x if self.end else 0, self.x + GATE_WIDTH]) + EDGE


@dataclass(frozen=True, slots=True)
class Layout:
    """The whole picture. ``falls`` are the straight ways down, between lanes and gates."""

    width: int
    height: int
    lanes: tuple[Lane, ...]
    gates: tuple[Gate, ...]
    falls: tuple[Line, ...]


def lay_out(workflow: Workflow) -> Layout:
    """Place everything, from the first stage's trigger down to the last one's proof."""
    lanes: list[Lane] = []
    gates: list[Gate] = []
    falls: list[Line] = []
    x, y = EDGE + GATE_WIDTH // 2, 0
    for stage in workflow.stages:
        if stage.trigger:
            gates.append(Gate(stage, proof=False, x=EDGE, y=y))
            y = _fall(falls, x, y + GATE_HEIGHT)
        lane = _lane(workflow, stage, y)
        lanes.append(lane)
        gates.append(Gate(stage, proof=True, x=EDGE, y=_fall(falls, x, lane.bottom)))
        y = lane.bottom + FALL + GATE_HEIGHT
        if workflow.after(stage):
            # Exits are a little taller than gates; the way down goes on beside them.
            below = lane.bottom + FALL + max(GATE_HEIGHT, EXIT_HEIGHT) + FALL // 2
            falls.append(_straight(x, y, below + FALL))
            y = below + FALL
    width = max(lane.right for lane in lanes) + EDGE
    bottom = lanes[-1].bottom + FALL + max(GATE_HEIGHT, EXIT_HEIGHT) + 2
    return Layout(width, bottom, tuple(lanes), tuple(gates), tuple(falls))


def _fall(falls: list[Line], x: int, y: int) -> int:
    falls.append(_straight(x, y, y + FALL))
    return y + FALL


def _straight(x: int, top: int, bottom: int) -> Line:
    return Line(Point(x, top), Point(x, bottom), x)


def _lane(workflow: Workflow, stage: Stage, y: int) -> Lane:
    lane = Lane(stage, EDGE, y)
    items = outline(workflow, stage)
    columns, rows, tails = _Placing(lane).sequence(items, 0, 0)
    lane.height = HEAD + max(1, rows) * ROW + EDGE if items else HEAD + EDGE
    if tails:
        end = Point(_column(columns) + 8, _row(lane, 0) + BOX_HEIGHT // 2)
        lane.lines += [Line(tail, Point(end.x - 7, end.y), end.x - 8 - GAP // 2) for tail in tails]
        lane.end = end
    for number, loss in enumerate(stage.losses):
        left = EDGE + GATE_WIDTH + BESIDE + number * (EXIT_WIDTH + BESIDE // 2)
        lane.exits.append(Exit(loss, left, lane.bottom + FALL))
    return lane


@dataclass(slots=True)
class _Placing:
    """Puts lists of steps into a lane, column by column; a branch takes as many rows as it needs below the others."""

    lane: Lane

    def sequence(self, items: Sequence[Item], column: int, row: int) -> tuple[int, int, list[Point]]:
        """Place a list from this column and row on; returns the next free column, its rows, and its loose ends."""
        rows = 1
        loose: list[Point] = []
        for number, item in enumerate(items):
            box = Box(item, _column(column), _row(self.lane, row))
            self.lane.boxes.append(box)
            if number:
                self.lane.lines += [Line(tail, box.left, box.x - GAP // 2) for tail in loose]
            column, taken, loose = self._branches(box, column + 1, row)
            rows = max(rows, taken)
        return column, rows, loose

    def _branches(self, box: Box, column: int, row: int) -> tuple[int, int, list[Point]]:
        item = box.item
        straight = _straight_on(item)
        loose = [box.right] if straight is not None else []
        if straight and any(one.steps for one in item.branches):
            self.lane.labels.append(Label(straight, Point(_column(column) + 2, box.right.y - 7)))
        here, furthest = row + len(loose), column
        for branch in item.branches:
            if not branch.steps:
                continue
            self.lane.lines.append(
                Line(
                    box.right,
                    Point(_column(column), _row(self.lane, here) + BOX_HEIGHT // 2),
                    box.x + BOX_WIDTH + GAP // 2,
                )
            )
            above = Point(_column(column) + 2, _row(self.lane, here) - 7)
            self.lane.labels.append(Label(branch.label, above))
            reached, taken, ends = self.sequence(branch.steps, column, here)
            here, furthest = here + taken, max(furthest, reached)
            loose += ends
        return furthest, max(1, here - row), loose


def _straight_on(item: Item) -> str | None:
    """In which cases the contact goes on past the branches; empty when there is nothing to say; None for never."""
    if item.ends_here:
        return None
    empty = [branch.label for branch in item.branches if not branch.steps]
    cases = [*empty, *([item.otherwise] if item.otherwise is not None else [])]
    if cases or not item.branches:
        return ", ".join(cases)
    return None


def _column(number: int) -> int:
    return 2 * EDGE + number * COLUMN


def _row(lane: Lane, number: int) -> int:
    return lane.y + HEAD + LABEL - 6 + number * ROW
