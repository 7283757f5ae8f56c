"""Do jumps and enrollments lead in a circle without time passing? A mail is no wait, and neither is a date that may be past."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from nurture.model.errors import Problem
from nurture.model.timing import Rule
from nurture.steps.base import Step
from nurture.steps.call_task import CallTaskFields
from nurture.steps.enroll import EnrollFields
from nurture.steps.jump import JumpFields
from nurture.steps.wait import WaitFields
from nurture.steps.wait_until import WaitUntilFields
from nurture.workflow.checks.codes import problem
from nurture.workflow.checks.lines import is_unclear, step_place
from nurture.workflow.model import Workflow, followers
from nurture.workflow.project import Project
from nurture.workflow.reader import Draft

StageKey = tuple[str, str]
"""A workflow's name and a stage's name."""


@dataclass(frozen=True, slots=True)
class _Way:
    """A step that takes the contact on to another stage, or into another workflow, without having waited."""

    draft: Draft
    step: Step
    target: StageKey


def endless_loops(project: Project) -> Iterator[Problem]:
    """Every jump, enrollment and loss that closes a circle in which no time passes."""
    drafts = {draft.workflow.name: draft for draft in project.drafts if draft.workflow.stages}
    ways: dict[StageKey, list[_Way]] = {}
    for draft in drafts.values():
        for stage in draft.workflow.stages:
            ways[draft.workflow.name, stage.name] = list(_ways(drafts, draft, stage.first))
    for source, found in ways.items():
        for way in found:
            if _leads_to(ways, way.target, source):
                yield problem(
                    "endless-loop",
                    step_place(way.draft, way.step),
                    f"this leads back to '{source[1]}' without any time passing",
                    "put 'wait: 1 day' on the way; a mail is no wait",
                )


def _leads_to(ways: Mapping[StageKey, list[_Way]], start: StageKey, goal: StageKey) -> bool:
    seen: set[StageKey] = set()
    left = [start]
    while left:
        here = left.pop()
        if here == goal:
            return True
        if here not in seen:
            seen.add(here)
            left.extend(way.target for way in ways.get(here, []))
    return False


def _ways(drafts: Mapping[str, Draft], draft: Draft, first: str | None) -> Iterator[_Way]:
    """What a contact comes to from the start of a stage's list before anything makes them wait."""
    steps = draft.workflow.steps
    seen: set[str] = set()
    left = [first]
    while left:
        name = left.pop()
        step = steps.get(name) if name else None
        if step is None or step.id in seen:
            continue
        seen.add(step.id)
        if _waits(step) or is_unclear(draft, step):
            continue
        yield from (_Way(draft, step, target) for target in _targets(drafts, draft.workflow, step))
        left.extend(_following(draft.workflow, step))


def _waits(step: Step) -> bool:
    """Whether time surely passes before the step is over. ``on`` and ``at`` may be now, a date may be past."""
    match step.fields:
        case WaitUntilFields() | CallTaskFields(hold=True):
            return True
        case WaitFields(wait=Rule() as rule):
            return _takes_time(rule)
    return _takes_time(step.rule)


def _takes_time(rule: Rule) -> bool:
    return rule.after is not None and rule.after.amount > 0


def _targets(drafts: Mapping[str, Draft], workflow: Workflow, step: Step) -> Iterator[StageKey]:
    match step.fields:
        case JumpFields(jump=target):
            yield workflow.name, target
        case EnrollFields(enroll=name) if name in drafts:
            yield name, drafts[name].workflow.stages[0].name
        case _ if step.kind == "lose":
            known = followers(other.workflow for other in drafts.values())
            for other, stage in known.get(f"{workflow.name}/{step.stage}", ()):
                yield other.name, stage.name


def _following(workflow: Workflow, step: Step) -> list[str | None]:
    """The steps that may come right after this one: into its branches, along its list, or up out of its branch."""
    if step.kind in ("exit", "lose", "jump"):
        return []
    into = [first for first in step.branches.values() if first is not None]
    return [*into, _onward(workflow, step)]


def _onward(workflow: Workflow, step: Step | None) -> str | None:
    while step is not None:
        if step.next is not None:
            return step.next
        step = workflow.steps.get(step.parent) if step.parent else None
    return None
