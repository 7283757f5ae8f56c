"""Which segments a workflow depends on: those whose coming and going opens, proves, loses or ends a wait.

Only reads workflows; who is in a segment is looked for elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from nurture.model.expression_tree import Compare, Constant, Every, Name, Tree
from nurture.model.matching import SEGMENT_ENTERED, SEGMENT_LEFT, EventMatch
from nurture.steps.wait_until import WaitUntilFields
from nurture.workflow.documents import Segment
from nurture.workflow.model import TriggerKind, Workflow


def asked_for(workflow: Workflow, known: Mapping[str, Segment]) -> set[str]:
    """The segments that a workflow's triggers, validations, losses and waits depend on."""
    found = {
        stage.trigger.name or ""
        for stage in workflow.stages
        if stage.trigger and stage.trigger.kind is TriggerKind.SEGMENT
    }
    return found.union(*(named_by(match, known) for match in _matches(workflow)))


def _matches(workflow: Workflow) -> Iterator[EventMatch]:
    for stage in workflow.stages:
        yield stage.validate
        yield from (loss.on for loss in stage.losses if loss.on)
        if stage.trigger and stage.trigger.match:
            yield stage.trigger.match
    for step in workflow.steps.values():
        if isinstance(step.fields, WaitUntilFields):
            yield from step.fields.wait_until


def named_by(match: EventMatch, known: Mapping[str, Segment]) -> set[str]:
    """The segments whose coming and going an event line means: ``where event.segment == "warm"`` names one; without such a condition it may be any."""
    if match.name not in (SEGMENT_ENTERED, SEGMENT_LEFT):
        return set()
    named = set(_compared(match.where.tree)) if match.where else set()
    return named or set(known)


def _compared(tree: Tree) -> Iterator[str]:
    parts = tree.operands if isinstance(tree, Every) else (tree,)
    for part in parts:
        match part:
            case Compare("==", Name("event", "segment"), Constant(str(name))):
                yield name
