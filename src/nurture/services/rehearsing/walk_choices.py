"""What may a contact do on a walk? The events that a workflow listens to, each ready to be put into it.

Thinks up nothing that the workflow does not look out for, beside saying no and a mail that comes back.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from nurture.engine.answers import outcomes_of
from nurture.model.contact_values import as_text
from nurture.model.expressions import Scope
from nurture.model.matching import EventMatch
from nurture.model.words import Contact
from nurture.services.rehearsing.made_up import taken_by
from nurture.services.rehearsing.rehearsal import Ground
from nurture.steps.wait_until import WaitUntilFields
from nurture.workflow.model import Workflow

CALLS = "call.outcome"
ALWAYS = (("says no to our mails", "consent.withdrawn"), ("their mail comes back", "email.bounced:kind=hard"))


@dataclass(frozen=True, slots=True)
class Choice:
    """Something to do: how people call it, and the event as a walk takes it, without its time."""

    label: str
    said: str


def choices(ground: Ground, workflow: Workflow, contact: Contact) -> tuple[Choice, ...]:
    """Every event that could move this contact on, in the order of the stages; then the answers to a call."""
    scope = Scope(contact=contact, workspace=ground.workspace)
    found: dict[str, Choice] = {}
    for match in _awaited(workflow):
        data = taken_by(match, scope)
        if data is None or match.name == CALLS:
            continue
        pairs = ",".join(f"{name}={as_text(value)}" for name, value in data.items())
        said = f"{match.name}{':' if pairs else ''}{pairs}"
        found.setdefault(said, Choice(f"{match.name} ({pairs})" if pairs else match.name, said))
    if any(step.kind == "call_task" for step in workflow.steps.values()):
        for outcome in outcomes_of(workflow):
            found[outcome] = Choice(f"answers the call: {outcome}", f"{CALLS}:outcome={outcome}")
    others = tuple(Choice(label, said) for label, said in ALWAYS if said not in found)
    return (*found.values(), *others)


def _awaited(workflow: Workflow) -> Iterator[EventMatch]:
    for stage in workflow.stages:
        if stage.trigger and stage.trigger.match:
            yield stage.trigger.match
        for step in workflow.steps.values():
            if step.stage == stage.name and isinstance(step.fields, WaitUntilFields):
                yield from step.fields.wait_until
        yield stage.validate
        yield from (loss.on for loss in stage.losses if loss.on)
