"""A workflow as people read it: steps with the branches below them, and each time, trigger and loss in words.

What the drawn graph and the list beside it both say. Values only; it knows no numbers.
"""

from __future__ import annotations

from dataclasses import dataclass

from nurture.model.timing import Rule
from nurture.steps import KINDS
from nurture.steps.base import Step
from nurture.steps.call_task import CallTaskFields
from nurture.steps.email import EmailFields
from nurture.steps.enroll import EnrollFields
from nurture.steps.exit import ExitFields
from nurture.steps.jump import JumpFields
from nurture.steps.lose import LoseFields
from nurture.steps.notify import NotifyFields
from nurture.steps.set import SetStepFields
from nurture.steps.split import SplitFields
from nurture.steps.wait import WaitFields
from nurture.steps.wait_until import WaitUntilFields
from nurture.steps.webhook import WebhookFields
from nurture.steps.when import WhenFields
from nurture.workflow.model import Loss, Stage, Trigger, TriggerKind, Workflow

KIND_WORDS = {
    "email": "mail",
    "call_task": "call",
    "offer": "offer",
    "notify": "notice to the team",
    "webhook": "webhook",
    "wait": "wait",
    "wait_until": "wait for",
    "when": "if",
    "split": "split",
    "set": "set",
    "enroll": "enroll",
    "jump": "jump",
    "lose": "lose",
    "exit": "exit",
}
"""What people call a step kind."""
ENDS = frozenset({"jump", "lose", "exit"})
"""Kinds after which nothing comes in their list."""


@dataclass(frozen=True, slots=True)
class Branch:
    """One way out of a step. ``label`` says when it is taken; an empty list goes straight on."""

    name: str
    label: str
    steps: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Item:
    """A step, the branches below it, and, where some go past them, in which case."""

    step: Step
    branches: tuple[Branch, ...]
    otherwise: str | None
    """When the contact goes straight on past the branches; None when there are none, or one is always taken."""

    @property
    def ends_here(self) -> bool:
        """Nothing of its list comes after it: the contact leaves the stage."""
        return self.step.kind in ENDS


def outline(workflow: Workflow, stage: Stage) -> tuple[Item, ...]:
    """The steps of a stage, in the order of the file."""
    return _list(workflow, stage.first)


def _list(workflow: Workflow, first: str | None) -> tuple[Item, ...]:
    found = []
    while first is not None:
        step = workflow.steps[first]
        branches = tuple(
            Branch(name, branch_words(step, name), _list(workflow, start))
            for name, start in step.branches.items()
        )
        found.append(Item(step, branches, _otherwise(step)))
        first = step.next
    return tuple(found)


def branch_words(step: Step, name: str) -> str:
    """When this branch is taken."""
    match step.fields:
        case WaitUntilFields(timeout=timeout):
            return f"not within {timeout}"
        case WhenFields():
            return "yes" if name == "do" else "no"
        case SplitFields(weights=weights):
            share = weights.get(name, 0) / (sum(weights.values()) or 1)
            return f"{name} {share:.0%}"
        case EmailFields() | WebhookFields():
            return "it fails"
        case _:
            return name


def _otherwise(step: Step) -> str | None:
    if not step.branches:
        return None
    match step.fields:
        case WaitUntilFields():
            return "it comes"
        case WhenFields():
            return (
                None if {"do", "else"} <= step.branches.keys() else ("no" if "do" in step.branches else "yes")
            )
        case SplitFields():
            return None
        case EmailFields() | WebhookFields():
            return "it goes out"
        case CallTaskFields():
            return "any other outcome"
        case _:
            return "otherwise"


# --- words ------------------------------------------------------------------------------------------------------


def kind_words(step: Step) -> str:
    return KIND_WORDS.get(step.kind, step.kind.replace("_", " "))


def step_name(step: Step) -> str:
    """What a step is called on a page: its id where the file gives one, else what it does."""
    return step.id if KINDS[step.kind].value_is_id or step.fields.id else what_words(step)


def what_words(step: Step) -> str:
    """What a step does, beyond its kind."""
    match step.fields:
        case EmailFields(email=name) | CallTaskFields(call_task=name) | NotifyFields(notify=name):
            return name
        case WebhookFields() as fields:
            return f"tells {fields.endpoint}"
        case WaitUntilFields(wait_until=matches):
            return " or ".join(str(match) for match in matches)
        case WhenFields(when=condition):
            return str(condition)
        case SetStepFields(set=changes):
            return ", ".join(f"{name} = {value}" for name, value in changes.items())
        case EnrollFields(enroll=name) | JumpFields(jump=name) | LoseFields(lose=name):
            return name
        case ExitFields(exit=name):
            return name or "leaves the workflow"
        case WaitFields() as fields:
            return _wait_words(step, fields)
        case _:
            return step.id


def time_words(step: Step) -> str:
    """When a step is due, counted from the one before it; empty for at once."""
    match step.fields:
        case WaitUntilFields(timeout=timeout):
            return f"up to {timeout}"
        case WaitFields():
            return ""
        case _:
            return rule_words(step.rule)


def rule_words(rule: Rule) -> str:
    """``after 2 days on weekdays at 09:30``: the rule as the file spells it; empty for at once."""
    return str(rule) if rule != Rule() else ""


def _wait_words(step: Step, fields: WaitFields) -> str:
    if fields.until:
        return f"until {fields.until}"
    if isinstance(fields.wait, Rule):
        return rule_words(fields.wait)
    return f"until {fields.wait}" if fields.wait else rule_words(step.rule)


def trigger_words(trigger: Trigger) -> str:
    """What enters a stage."""
    match trigger.kind:
        case TriggerKind.EVENT:
            return str(trigger.match)
        case TriggerKind.SEGMENT:
            return f"joins segment {trigger.name}"
        case TriggerKind.DATE:
            return f"on {trigger.date}"
        case TriggerKind.LOST:
            return f"lost at {trigger.name}"
        case TriggerKind.MANUAL:
            return "enrolled by hand or by another workflow"


def clock_words(loss: Loss) -> str:
    """What makes a contact fall off: a time, a silence, an event."""
    if loss.on:
        return f"on {loss.on}"
    return f"after {loss.after}" if loss.after else f"silent for {loss.silent}"
