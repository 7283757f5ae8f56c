"""Is what the files say also meant: tasks that expire before they are due, stages that begin and end with one event?

What can be right in a rare case is a warning; nothing here depends on how a contact behaves.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from nurture.model.errors import Problem
from nurture.model.timing import Duration, Rule, Unit
from nurture.model.workspace import TRANSACTIONAL
from nurture.steps.base import Step
from nurture.steps.call_task import CallTaskFields
from nurture.steps.enroll import EnrollFields
from nurture.steps.set import SetStepFields
from nurture.steps.wait import WaitFields
from nurture.steps.wait_until import WaitUntilFields
from nurture.steps.when import WhenFields
from nurture.workflow.checks.codes import problem
from nurture.workflow.checks.events import implies
from nurture.workflow.checks.lines import is_unclear, place_of, step_place
from nurture.workflow.model import Stage, Workflow
from nurture.workflow.project import Project
from nurture.workflow.reader import Draft

_DAY = timedelta(days=1)
_SHORTEST = {Unit.MINUTES: timedelta(minutes=1), Unit.HOURS: timedelta(hours=1), Unit.DAYS: _DAY}
_SHORTEST |= {Unit.WEEKS: 7 * _DAY, Unit.MONTHS: 28 * _DAY, Unit.BUSINESS_DAYS: _DAY}
_LONGEST = _SHORTEST | {Unit.MONTHS: 31 * _DAY, Unit.BUSINESS_DAYS: 7 * _DAY}


def doubtful_meaning(project: Project) -> Iterator[Problem]:
    """Words that can be read, and can hardly be meant."""
    for draft in project.drafts:
        yield from _permission(draft)
        for stage in draft.workflow.stages:
            yield from _ends_as_it_begins(draft, stage)
            yield from _too_late(draft, stage)
        yield from _into_itself(draft)
        for step in draft.workflow.steps.values():
            yield from _does_nothing(draft, step)
            yield from _expires_first(draft, step)


def _permission(draft: Draft) -> Iterator[Problem]:
    if draft.workflow.purpose == TRANSACTIONAL:
        yield problem(
            "no-permission-behind",
            place_of(draft.top, "purpose"),
            "'transactional' is no permission: who is enrolled by hand, a segment or a date has none",
            "name the permission here, and write 'purpose: transactional' at messages they asked for",
        )


def _ends_as_it_begins(draft: Draft, stage: Stage) -> Iterator[Problem]:
    begins = stage.trigger.match if stage.trigger else None
    if begins is not None and implies(begins, stage.validate):
        yield problem(
            "same-evidence",
            place_of(draft.stage_nodes[stage.index], "validate"),
            f"'{begins.name}' both begins this stage and validates it",
            "name what the contact does next, or tell the two apart with 'where'",
        )


def _into_itself(draft: Draft) -> Iterator[Problem]:
    """Enrolling where one is already, or may not come back to."""
    workflow = draft.workflow
    for step in workflow.steps.values():
        again = isinstance(step.fields, EnrollFields) and step.fields.enroll == workflow.name
        if again and workflow.reentry.kind != "always":
            message = "the contact is in this workflow already, so that this is always refused"
            yield problem("enrolls-itself", step_place(draft, step), message, "use 'jump:' to a stage")
    for stage in workflow.stages:
        for loss in stage.losses:
            if loss.enroll == workflow.name and workflow.reentry.kind == "never":
                message = (
                    "this workflow lets nobody in twice ('reentry: never'), so that this is always refused"
                )
                place = place_of(draft.loss_nodes[loss.place], "enroll")
                yield problem("enrolls-itself", place, message, "write 'reentry: 180 days', say")


def _does_nothing(draft: Draft, step: Step) -> Iterator[Problem]:
    if is_unclear(draft, step):
        return
    if isinstance(step.fields, WhenFields) and not any(step.branches.values()):
        place = step_place(draft, step)
        yield problem(
            "no-effect", place, "whatever the answer is, the same follows", "add steps under 'do:' or 'else:'"
        )
    if isinstance(step.fields, SetStepFields) and not step.fields.set:
        yield problem(
            "no-effect",
            step_place(draft, step),
            "this sets nothing",
            "write set: {score: contact.score + 10}",
        )


def _expires_first(draft: Draft, step: Step) -> Iterator[Problem]:
    node = draft.step_nodes.get(step.id)
    fields = step.fields
    if (
        not isinstance(fields, CallTaskFields)
        or node is None
        or node.get("due") is None
        or node.get("expires") is None
    ):
        return
    if _longest(fields.expires) < _shortest(fields.due) or (
        fields.expires.unit is fields.due.unit and fields.expires.amount < fields.due.amount
    ):
        yield problem(
            "expires-before-due",
            place_of(node, "expires"),
            f"this call expires after {fields.expires}, before it is due after {fields.due}",
            "both count from when the task appears: let it expire later",
        )


# --- how long it takes to come to a step -----------------------------------------------------------------------------


def _too_late(draft: Draft, stage: Stage) -> Iterator[Problem]:
    """The first step of a stage that everybody has left by the time it is due."""
    spans = [loss.after for loss in stage.losses if loss.after is not None and loss.after.amount]
    if not spans:
        return
    first = min(spans, key=_longest)
    late = next(
        (step for step, at in _arrivals(draft.workflow, stage.first, timedelta()) if at >= _longest(first)),
        None,
    )
    if late is not None:
        yield problem(
            "loss-before-step",
            step_place(draft, late),
            f"no contact comes to '{late.id}': the stage loses them after {first}",
            "let the loss come later, or shorten the waits before this step",
        )


def _arrivals(workflow: Workflow, first: str | None, start: timedelta) -> Iterator[tuple[Step, timedelta]]:
    """Each step of a list and of the lists below it, with the least time after which it can be due."""
    at = start
    while first is not None and first in workflow.steps:
        step = workflow.steps[first]
        at += _least_wait(step)
        yield step, at
        for name, below in step.branches.items():
            timed_out = isinstance(step.fields, WaitUntilFields) and name == "timeout"
            more = (
                _shortest(step.fields.timeout)
                if timed_out and isinstance(step.fields, WaitUntilFields)
                else timedelta()
            )
            yield from _arrivals(workflow, below, at + more)
        first = step.next


def _least_wait(step: Step) -> timedelta:
    fields = step.fields
    rule = fields.wait if isinstance(fields, WaitFields) and isinstance(fields.wait, Rule) else step.rule
    if rule.after is None:
        return timedelta()
    # A clock time belongs to the day, which may have begun up to a day before the wait did.
    return max(_shortest(rule.after) - (_DAY if rule.at else timedelta()), timedelta())


def _shortest(span: Duration) -> timedelta:
    return min(span.amount, _COUNTED) * _SHORTEST[span.unit]


def _longest(span: Duration) -> timedelta:
    """With business days as long as one a week would make them, since calendars know holidays."""
    return min(span.amount, _COUNTED) * _LONGEST[span.unit]


_COUNTED = 100_000
"""More of any unit is as good as forever."""
