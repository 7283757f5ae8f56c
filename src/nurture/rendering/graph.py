"""A workflow as a picture: stages as lanes, steps in them, gates between, and the ways to fall off below.

Plain SVG with classes only: colours come from the page's stylesheet, nothing is scripted. All text is escaped. What
it shows stands in words beside it on the page.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from textwrap import wrap

from markupsafe import Markup, escape

from nurture.model.timing import Rule
from nurture.rendering.graph_layout import (
    BOX_HEIGHT,
    BOX_WIDTH,
    EDGE,
    EXIT_HEIGHT,
    EXIT_WIDTH,
    FALL,
    GATE_HEIGHT,
    GATE_WIDTH,
    Box,
    Exit,
    Gate,
    Lane,
    Line,
    lay_out,
)
from nurture.steps.base import Step
from nurture.workflow.model import Workflow
from nurture.workflow.outline import (
    clock_words,
    kind_words,
    rule_words,
    step_name,
    time_words,
    trigger_words,
    what_words,
)

ICONS = {
    "email": "M2 4h12v9H2zM2 4.500l6 5 6-5",
    "call_task": "M4 2h2.200l1.200 3-1.500 1.200a8 8 0 0 0 3.900 3.900L11 8.600l3 1.200V12a2 2 0 0 1-2 2A10 10 0 0 1 2 4a2 2 0 0 1 2-2",
    "offer": "M2 6h12v8H2zM1.500 4h13v2h-13zM8 4v10",
    "notify": "M4 11V7a4 4 0 0 1 8 0v4l1.500 1.500h-11zM6.500 14.200h3",
    "webhook": "M6 10a3 3 0 1 1 2-5l2 4M10 6a3 3 0 1 1-1 5.500H5M5 11.500h.01M11.500 9h.01",
    "wait": "M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2M8 5v3.200l2.200 1.400",
    "wait_until": "M4 2h8M4 14h8M5 2c0 4 6 4 6 8v4M11 2c0 4-6 4-6 8v4",
    "when": "M8 1.500 14.500 8 8 14.500 1.500 8z",
    "split": "M2 8h4c3 0 2-5 6-5h2M6 8c3 0 2 5 6 5h2",
    "set": "M2 8V2h6l6 6-6 6zM5 5h.01",
    "enroll": "M2 8h10M8.500 4.500 12 8l-3.500 3.500M14 3v10",
    "jump": "M3 13V8a4 4 0 0 1 4-4h6M10 1l3 3-3 3",
    "lose": "M4 4l8 8M12 4l-8 8",
    "exit": "M9 2H3v12h6M6.500 8H14M11 5l3 3-3 3",
}
"""Drawn in a square of 16."""
OTHER_ICON = "M3 3h10v10H3z"
NAME, SMALL = 7.8, 6.1
"""About how wide a letter is, in pixels, so that no text runs over its box in any usual font."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepFigures:
    """What is written on a step: who stands there, and what it did, in two or three words."""

    now: int = 0
    did: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StageFigures:
    """What is written on a stage. ``finished`` have its steps behind them, ``resting`` wait for the next trigger."""

    now: int = 0
    finished: int = 0
    resting: int = 0
    entered: int = 0
    validated: int = 0
    conversion: float | None = None
    lost: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Figures:
    """The numbers of a picture, by name of stage and id of step; what is missing is none."""

    stages: Mapping[str, StageFigures] = field(default_factory=dict)
    steps: Mapping[str, StepFigures] = field(default_factory=dict)


Address = Callable[[str, str | None], str]
"""Where the contacts of a stage, or of a step in it, are listed."""


def draw(workflow: Workflow, figures: Figures, address: Address | None = None) -> Markup:
    """The picture. With ``address`` its lanes and steps lead to the contacts who stand there."""
    layout = lay_out(workflow)
    inner = [
        *(_way(line, "fall") for line in layout.falls),
        *(part for lane in layout.lanes for part in _lane(lane, layout.width, figures, address)),
        *(_gate(gate, figures.stages.get(gate.stage.name, StageFigures())) for gate in layout.gates),
    ]
    said = (
        f"The stages of {workflow.name} from top to bottom, with their steps, ways to fall off and counts. "
        "The list of steps below says the same in words."
    )
    return Markup(
        '<svg class="graph" xmlns="http://www.w3.org/2000/svg" width="{w}" height="{h}" viewBox="0 0 {w} {h}" '
        'role="group" aria-label="{said}">{tip}{inner}</svg>'
    ).format(w=layout.width, h=layout.height, said=said, tip=_TIP, inner=_joined(inner))


_TIP = Markup(
    '<defs><marker id="graph-tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" '
    'markerUnits="userSpaceOnUse" orient="auto"><path class="tip" d="M0 0.500 7 4 0 7.500z"/></marker></defs>'
)


# --- lanes ------------------------------------------------------------------------------------------------------


def _lane(lane: Lane, width: int, figures: Figures, address: Address | None) -> Iterator[Markup]:
    stage, counts = lane.stage, figures.stages.get(lane.stage.name, StageFigures())
    right = width - EDGE
    yield Markup('<rect class="lane" x="{}" y="{}" width="{}" height="{}" rx="12"/>').format(
        EDGE // 2, lane.y, width - EDGE, lane.height
    )
    here = f"{counts.now:,} here" + (f", {counts.resting:,} resting" if counts.resting else "")
    named = Markup(
        '<text class="stage" x="{}" y="{}">{}<tspan class="bucket" dx="9">{}</tspan></text>'
    ).format(2 * EDGE, lane.y + 22, stage.name, stage.bucket or "")
    yield _linked(named, address, stage.name, None)
    yield _text("need", 2 * EDGE, lane.y + 38, _fit(stage.need, right - 5 * EDGE, SMALL), full=stage.need)
    yield _text("here", right - EDGE, lane.y + 22, here)
    declared = {loss.reason for loss in stage.losses}
    others = [f"{count:,} {reason}" for reason, count in counts.lost.items() if reason not in declared]
    if others:
        yield _text("others", right - EDGE, lane.bottom - 7, f"also lost here: {', '.join(others)}")
    yield from (_way(line, "way") for line in lane.lines)
    for label in lane.labels:
        text = _fit(label.text, BOX_WIDTH - 24, SMALL)
        yield _text("label", label.at.x, label.at.y, text, full=label.text)
    if lane.end:
        yield Markup('<g class="end"><title>{}</title><circle cx="{}" cy="{}" r="7"/>{}</g>').format(
            f"{counts.finished:,} have the steps behind them and wait for the proof or a loss",
            lane.end.x,
            lane.end.y,
            _text("finished", lane.end.x, lane.end.y + 22, f"{counts.finished:,}") if counts.finished else "",
        )
    yield from (_box(box, figures.steps.get(box.item.step.id, StepFigures()), address) for box in lane.boxes)
    yield from (_exit(one, counts.lost.get(one.loss.reason, 0)) for one in lane.exits)


def _box(box: Box, counts: StepFigures, address: Address | None) -> Markup:
    step = box.item.step
    lines = Markup("").join(
        _text(kind, box.x + 9, box.y + 35 + 15 * number, text)
        for number, (kind, text) in enumerate(_words(step))
    )
    here = (
        Markup('<g class="now"><rect x="{}" y="{}" width="{}" height="17" rx="8.500"/>{}</g>').format(
            box.x + BOX_WIDTH - _pill(counts.now) + 4,
            box.y - 9,
            _pill(counts.now),
            _text("", box.x + BOX_WIDTH - _pill(counts.now) // 2 + 4, box.y + 4, f"{counts.now:,}"),
        )
        if counts.now
        else ""
    )
    drawn = Markup(
        '<g class="step {kind}" data-step="{id}"><title>{title}</title>'
        '<rect x="{x}" y="{y}" width="{w}" height="{h}" rx="9"/>'
        '<path class="icon" transform="translate({ix} {iy}) scale(.81)" d="{icon}"/>{word}{did}{lines}{here}</g>'
    ).format(
        kind=step.kind.replace("_", "-"),
        id=step.id,
        title=_title(step, counts),
        x=box.x,
        y=box.y,
        w=BOX_WIDTH,
        h=BOX_HEIGHT,
        ix=box.x + 9,
        iy=box.y + 7,
        icon=ICONS.get(step.kind, OTHER_ICON),
        word=_text("kind", box.x + 26, box.y + 18, kind_words(step)),
        did=_text("did", box.x + BOX_WIDTH - 8, box.y + 18, counts.did) if counts.did else "",
        lines=lines,
        here=here,
    )
    return _linked(drawn, address, step.stage, step.id)


def _words(step: Step) -> list[tuple[str, str]]:
    """The two or three lines of a box: its name, then its time."""
    room = BOX_WIDTH - 16
    names = _wrapped(step_name(step), room, NAME, 2)
    times = _wrapped(_short(step), room, SMALL, 3 - len(names))
    return [("name", name) for name in names] + [("time", time) for time in times]


def _title(step: Step, counts: StepFigures) -> str:
    what = what_words(step)
    parts = [f"{step.id}: {kind_words(step)}" + (f" {what}" if what != step.id else "")]
    parts += [part for part in (time_words(step), counts.did) if part]
    return ", ".join([*parts, f"{counts.now:,} here now"])


def _short(step: Step) -> str:
    """When it is due, as short as a box allows."""
    return time_words(step).removeprefix("after ") if step.rule == Rule() else _short_rule(step.rule)


def _short_rule(rule: Rule) -> str:
    words = rule_words(rule).replace("business day", "work day")
    for before, after in (
        ("after ", "+"),
        (" on ", ", "),
        (" at ", " "),
        (" window ", ", "),
        (" quiet ", ", not "),
    ):
        words = words.replace(before, after)
    return words


def _exit(one: Exit, count: int) -> Markup:
    loss = one.loss
    clock = clock_words(loss)
    onward = f" → {loss.enroll}" if loss.enroll else ""
    x = one.x + 14
    said = (
        f"{loss.reason}: {clock}"
        + (f", then enrolled in {loss.enroll}" if loss.enroll else "")
        + f"; {count:,} so far"
    )
    return Markup(
        '<g class="loss"><title>{}</title><path d="M{} {}v{}" marker-end="url(#graph-tip)"/>'
        '<rect x="{}" y="{}" width="{}" height="{}" rx="9"/>{}{}{}</g>'
    ).format(
        said,
        x,
        one.y - FALL,
        FALL - 1,
        one.x,
        one.y,
        EXIT_WIDTH,
        EXIT_HEIGHT,
        _text(
            "reason", one.x + 10, one.y + 20, _fit(loss.reason, EXIT_WIDTH - 26 - 8 * len(f"{count:,}"), NAME)
        ),
        _text("number", one.x + EXIT_WIDTH - 10, one.y + 20, f"{count:,}"),
        _text(
            "clock",
            one.x + 10,
            one.y + 38,
            _fit(f"{clock}{onward}".replace("silent for", "silent"), EXIT_WIDTH - 18, SMALL),
        ),
    )


# --- gates ------------------------------------------------------------------------------------------------------


def _gate(gate: Gate, counts: StageFigures) -> Markup:
    stage = gate.stage
    if gate.proof:
        word, text = "proof", str(stage.validate)
        share = f", {counts.conversion:.0%} of {counts.entered:,}" if counts.conversion is not None else ""
        number = f"{counts.validated:,} validated{share}"
    else:
        assert stage.trigger is not None
        word, text = "trigger", trigger_words(stage.trigger)
        number = f"{counts.entered:,} entered"
    x, y, notch = gate.x, gate.y, 12
    points = (
        (x, y),
        (x + GATE_WIDTH, y),
        (x + GATE_WIDTH - notch, y + GATE_HEIGHT),
        (x + notch, y + GATE_HEIGHT),
    )
    return Markup('<g class="gate {}"><title>{}</title><polygon points="{}"/>{}{}{}</g>').format(
        word,
        f"{word} of {stage.name}: {text}; {number}",
        " ".join(f"{left},{top}" for left, top in points),
        _text("word", x + 18, y + 18, word),
        _text("number", x + GATE_WIDTH - 18, y + 18, number),
        _text("match", x + 18, y + 36, _fit(text, GATE_WIDTH - 40, SMALL)),
    )


# --- parts ------------------------------------------------------------------------------------------------------


def _way(line: Line, kind: str) -> Markup:
    return Markup('<path class="{}" d="{}" marker-end="url(#graph-tip)"/>').format(kind, _path(line))


def _path(line: Line) -> str:
    """Straight, or with two round corners."""
    start, end = line.start, line.end
    if start.y == end.y:
        return f"M{start.x} {start.y}H{end.x - 1}"
    if start.x == end.x:
        return f"M{start.x} {start.y}V{end.y - 1}"
    down = 1 if end.y > start.y else -1
    bend = min(7, abs(end.y - start.y) // 2)
    return (
        f"M{start.x} {start.y}H{line.turn - bend}q{bend} 0 {bend} {down * bend}"
        f"V{end.y - down * bend}q0 {down * bend} {bend} {down * bend}H{end.x - 1}"
    )


def _text(kind: str, x: int, y: int, text: str, *, full: str | None = None) -> Markup:
    title = Markup("<title>{}</title>").format(full) if full and full != text else ""
    named = Markup(' class="{}"').format(kind) if kind else ""
    return Markup('<text{} x="{}" y="{}">{}{}</text>').format(named, x, y, title, text)


def _linked(inner: Markup, address: Address | None, stage: str, step: str | None) -> Markup:
    return Markup('<a href="{}">{}</a>').format(address(stage, step), inner) if address else inner


def _fit(text: str, room: int, letter: float) -> str:
    most = int(room / letter)
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"


def _wrapped(text: str, room: int, letter: float, most: int) -> list[str]:
    """The text on at most so many lines; the last one is cut."""
    if not text or most < 1:
        return []
    lines = wrap(text, int(room / letter)) or [text]
    rest = text
    for line in lines[: most - 1]:
        rest = rest.removeprefix(line).lstrip()
    return [*lines[: most - 1], _fit(rest, room, letter)] if len(lines) > most else lines


def _pill(count: int) -> int:
    return 12 + 7 * len(f"{count:,}")


def _joined(parts: Sequence[Markup]) -> Markup:
    return Markup("").join(escape(part) for part in parts)
