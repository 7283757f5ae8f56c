"""Can everybody come in, get on, and leave: entries, time losses, steps out of reach, and windows that never open?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from nurture.model.errors import Problem
from nurture.model.timing import DEFAULT_CALENDAR, Calendar, Rule, never_opens
from nurture.model.workspace import TRANSACTIONAL, Workspace
from nurture.steps.base import Step
from nurture.steps.call_task import CallTaskFields
from nurture.steps.email import EmailFields
from nurture.steps.split import SplitFields
from nurture.steps.wait import WaitFields
from nurture.steps.webhook import WebhookFields
from nurture.workflow.checks.codes import problem
from nurture.workflow.checks.lines import place_of, step_place
from nurture.workflow.model import TriggerKind, Workflow
from nurture.workflow.project import Project
from nurture.workflow.reader import Draft
from nurture.workflow.yaml_text import ListNode

_ENDS = ("exit", "lose", "jump")
"""Steps after which a list does not go on."""


def broken_flow(project: Project) -> Iterator[Problem]:
    """Ways in, through and out that do not exist."""
    for draft in project.drafts:
        yield from _time_losses(draft)
        yield from _entries(draft)
        yield from _unreachable(draft)
        for step in draft.workflow.steps.values():
            yield from _senseless_branches(draft, step)
            yield from _never_open(draft, step, project.workspace)


def _time_losses(draft: Draft) -> Iterator[Problem]:
    for stage, node in zip(draft.workflow.stages, draft.stage_nodes, strict=True):
        losses = node.get("loss")
        # What could not be read may have been the loss we miss.
        listed = isinstance(losses, ListNode) and len(losses.items) == len(stage.losses)
        all_read = losses is None or listed
        if all_read and not any(loss.after and loss.after.amount for loss in stage.losses):
            yield problem(
                "stage-without-time-loss",
                place_of(node, "stage"),
                f"a contact to whom nothing happens stays in '{stage.name}' forever",
                "add a loss such as {after: 30 days, reason: went-silent}",
            )


def _entries(draft: Draft) -> Iterator[Problem]:
    for stage, node in zip(draft.workflow.stages, draft.stage_nodes, strict=True):
        enrolls = stage.index == 0 or stage.entry
        if enrolls and node.key("trigger") is None:
            yield problem(
                "stage-without-entry",
                place_of(node, "entry" if stage.index else "stage"),
                f"nobody can enter '{stage.name}': it has no trigger",
                "add 'trigger:'; 'trigger: manual' when contacts are enrolled from elsewhere",
            )
        if not enrolls and stage.trigger and stage.trigger.kind is TriggerKind.LOST:
            yield problem(
                "trigger-never-fires",
                stage.trigger.place,
                "a lost trigger enrolls, and this stage enrolls nobody",
                "add 'entry: yes', or move the trigger to the first stage",
            )


# --- steps out of reach -------------------------------------------------------------------------------------------


def _unreachable(draft: Draft) -> Iterator[Problem]:
    for step in draft.workflow.steps.values():
        following = draft.workflow.steps.get(step.next or "")
        if following is not None and _ends(draft.workflow, step):
            yield problem(
                "unreachable-step",
                step_place(draft, following),
                f"no contact comes to '{step.next}': the list ends at '{step.id}'",
                "remove it, or move it before that step",
            )


def _ends(workflow: Workflow, step: Step) -> bool:
    """Whether no way leads past this step: it leaves, or each of its branches does."""
    if step.kind in _ENDS:
        return True
    every_way_is_a_branch = (
        step.kind == "when" and {"do", "else"} <= set(step.branches)
    ) or step.kind == "split"
    return (
        every_way_is_a_branch
        and bool(step.branches)
        and all(_list_ends(workflow, first) for first in step.branches.values())
    )


def _list_ends(workflow: Workflow, first: str | None) -> bool:
    current = workflow.steps.get(first) if first else None
    while current is not None:
        if _ends(workflow, current):
            return True
        current = workflow.steps.get(current.next) if current.next else None
    return False


# --- single steps -------------------------------------------------------------------------------------------------


def _senseless_branches(draft: Draft, step: Step) -> Iterator[Problem]:
    node = draft.step_nodes.get(step.id)
    if isinstance(step.fields, CallTaskFields) and not step.fields.hold and step.branches:
        yield problem(
            "no-hold-outcomes",
            place_of(node, "outcomes", default=step.place),
            "a call that holds nobody up cannot branch on its outcome",
            "remove 'hold: no', or the outcomes",
        )
    if isinstance(step.fields, WebhookFields) and not step.fields.hold and node and node.get("on_failure"):
        yield problem(
            "no-hold-failure",
            place_of(node, "on_failure"),
            "a webhook that holds nobody up cannot branch on its failure",
            "add 'hold: yes', or remove 'on_failure'",
        )
    if isinstance(step.fields, SplitFields) and len(step.fields.weights) < 2:
        yield problem(
            "single-variant",
            place_of(node, "variants", default=step.place),
            "a split compares at least two variants",
        )


def _never_open(draft: Draft, step: Step, workspace: Workspace | None) -> Iterator[Problem]:
    calendar = _calendar(draft.workflow, workspace)
    rule = step.rule
    if isinstance(step.fields, WaitFields) and isinstance(step.fields.wait, Rule):
        rule = step.fields.wait
    if rule == Rule(after=rule.after):
        return
    key = "window" if rule.window else "quiet" if rule.quiet else "on" if rule.on else "at"
    place = step_place(draft, step, key)
    if never_opens(rule, calendar):
        yield problem("never-opens", place, f"'{rule}' leaves no moment for this step", "widen it")
        return
    quiet = workspace.quiet if workspace and _marketing(step, draft.workflow) else None
    if quiet and rule.window and not rule.quiet and never_opens(replace(rule, quiet=quiet), calendar):
        message = f"this window only opens in the workspace's quiet hours ({quiet})"
        yield problem("never-opens", place, message, "move the window")


def _calendar(workflow: Workflow, workspace: Workspace | None) -> Calendar:
    known = workspace.calendars if workspace else {}
    return known.get(workflow.calendar or "", DEFAULT_CALENDAR)


def _marketing(step: Step, workflow: Workflow) -> bool:
    return isinstance(step.fields, EmailFields) and (step.fields.purpose or workflow.purpose) != TRANSACTIONAL
