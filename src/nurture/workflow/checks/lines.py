"""Every event line and every question of a project's files, each with where it stands; what the checks go through.

Judges nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from nurture.model.errors import Place
from nurture.model.expressions import Expression
from nurture.model.matching import WHERE, EventMatch
from nurture.steps.base import Step
from nurture.steps.set import SetStepFields
from nurture.steps.split import SplitFields
from nurture.steps.wait_until import WaitUntilFields
from nurture.steps.webhook import WebhookFields
from nurture.steps.when import WhenFields
from nurture.workflow.documents import Persona, Segment
from nurture.workflow.model import Stage, TriggerKind
from nurture.workflow.project import Project
from nurture.workflow.reader import NOTHING_PROVES, Draft
from nurture.workflow.yaml_text import ListNode, MapNode, Node, TextNode


class Role(StrEnum):
    """What an event does in its place."""

    TRIGGER = "trigger"
    VALIDATION = "validation"
    LOSS = "loss"
    WAIT = "wait"
    MEASURE = "measure"


@dataclass(frozen=True, slots=True)
class Line:
    """One event that a workflow names; ``stage`` is where, ``step`` the step when one names it."""

    role: Role
    match: EventMatch
    node: Node
    draft: Draft
    stage: Stage | None = None
    step: Step | None = None

    @property
    def place(self) -> Place:
        return self.node.place


@dataclass(frozen=True, slots=True)
class Question:
    """One expression; ``offset`` is where it begins in the text of ``node``. ``event`` is the event it is asked about."""

    expression: Expression
    node: Node
    offset: int = 0
    event: str | None = None
    draft: Draft | None = None
    knows_events: bool = True
    """Whether ``event.FIELD`` and ``stage`` mean something here."""
    sets: str | None = None
    """The field that takes the answer, in a ``set`` step; elsewhere the answer decides something."""
    tells: bool = False
    """The answer is only passed on, in a ``webhook`` step: it may well be the same for everyone."""

    def at(self, column: int) -> Place:
        return self.node.at(self.offset + column) if isinstance(self.node, TextNode) else self.node.place


def place_of(node: MapNode | None, *keys: str, default: Place | None = None) -> Place:
    """Where the value behind these keys stands, as far as they lead."""
    current: Node | None = node
    for key in keys:
        following = current.get(key) if isinstance(current, MapNode) else None
        if following is None:
            break
        current = following
    if current is not None:
        return current.place
    assert default is not None
    return default


def step_place(draft: Draft, step: Step, *keys: str) -> Place:
    """Where the value of a step's key stands; the value of its kind without a key."""
    return place_of(draft.step_nodes.get(step.id), *(keys or (step.kind,)), default=step.place)


def is_unclear(draft: Draft, step: Step) -> bool:
    """Whether something in the lines of the step could not be read: it may have been meant to do more."""
    lines = {key.place.line for key, _ in draft.step_nodes[step.id].entries}
    return any(problem.place.line in lines for problem in draft.problems)


def event_lines(project: Project) -> Iterator[Line]:
    """Every event named in any workflow, sound or not, as far as it could be read."""
    for draft in project.drafts:
        yield from _of_stages(draft)
        for step in draft.workflow.steps.values():
            yield from _of_step(draft, step)


def _of_stages(draft: Draft) -> Iterator[Line]:
    for stage, node in zip(draft.workflow.stages, draft.stage_nodes, strict=True):
        trigger, validate = node.get("trigger"), node.get("validate")
        if (
            trigger is not None
            and stage.trigger
            and stage.trigger.kind is TriggerKind.EVENT
            and stage.trigger.match
        ):
            yield Line(Role.TRIGGER, stage.trigger.match, trigger, draft, stage)
        if validate is not None and stage.validate != NOTHING_PROVES:
            yield Line(Role.VALIDATION, stage.validate, validate, draft, stage)
        for loss in stage.losses:
            on = draft.loss_nodes[loss.place].get("on")
            if loss.on is not None and on is not None:
                yield Line(Role.LOSS, loss.on, on, draft, stage)


def _of_step(draft: Draft, step: Step) -> Iterator[Line]:
    node = draft.step_nodes.get(step.id)
    stage = next((stage for stage in draft.workflow.stages if stage.name == step.stage), None)
    if isinstance(step.fields, WaitUntilFields) and node:
        value = node.get("wait_until")
        for number, match in enumerate(step.fields.wait_until):
            line = value.items[number] if isinstance(value, ListNode) else value
            if line is not None:
                yield Line(Role.WAIT, match, line, draft, stage, step)
    if (
        isinstance(step.fields, SplitFields)
        and node
        and step.fields.measure
        and (measure := node.get("measure"))
    ):
        yield Line(Role.MEASURE, step.fields.measure, measure, draft, stage, step)


def questions(project: Project) -> Iterator[Question]:
    """Every expression of every file."""
    for line in event_lines(project):
        if line.match.where is not None and isinstance(line.node, TextNode):
            offset = line.node.text.index(WHERE) + len(WHERE)
            yield Question(line.match.where, line.node, offset, line.match.name, line.draft)
    for draft in project.drafts:
        exit_node = draft.top.get("exit_when")
        if draft.workflow.exit_when is not None and exit_node is not None:
            yield Question(draft.workflow.exit_when, exit_node, draft=draft)
        for step in draft.workflow.steps.values():
            yield from _asked_by(draft, step)
    for read in project.documents:
        match read.document:
            case Persona(who=who) if who is not None:
                yield Question(who, read.top.get("who") or read.top, knows_events=False)
            case Segment(where=where):
                yield Question(where, read.top.get("where") or read.top, knows_events=False)


def _asked_by(draft: Draft, step: Step) -> Iterator[Question]:
    node = draft.step_nodes.get(step.id)
    if isinstance(step.fields, WhenFields) and node and (when := node.get("when")):
        yield Question(step.fields.when, when, draft=draft)
    values = node.get("set") if node else None
    if isinstance(step.fields, SetStepFields) and isinstance(values, MapNode):
        for name, expression in step.fields.set.items():
            yield Question(expression, values.get(name) or values, draft=draft, sets=name)
    told = node.get("data") if node else None
    if isinstance(step.fields, WebhookFields) and isinstance(told, MapNode):
        for name, expression in step.fields.data.items():
            yield Question(expression, told.get(name) or told, draft=draft, tells=True)
