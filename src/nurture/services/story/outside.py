"""Why a contact is not in a workflow: by which rule they were refused, or what would have to come to take them in.

It reads and decides nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from nurture.db.turns import Refusal
from nurture.engine.dates import comes_next
from nurture.engine.explain import in_words
from nurture.model.expressions import Scope
from nurture.services.story.known import NEVER_ASKED, Known, Next, StepState
from nurture.services.story.step_answer import no_such_step
from nurture.workflow.model import Trigger, TriggerKind


def not_enrolled(known: Known, refused: Sequence[Refusal], name: str, step: str | None) -> Next:
    """Refused by which rule, or never asked; ``at`` is then the next day of theirs that takes them in, if one will."""
    workflow = known.published.workflow(name)
    if step and step not in workflow.steps:
        raise no_such_step(workflow, step)
    triggers = [stage.trigger for stage in workflow.entries() if stage.trigger]
    enters = "; ".join(_takes_in(known, one) for one in triggers)
    at = None
    if refused:
        last = refused[-1]
        reason, at = last.reason, last.at
        said = f"Not in this workflow: refused {known.when(at)}, because {in_words(reason)}."
    else:
        reason = NEVER_ASKED
        at = min(filter(None, (_day_of(known, one) for one in triggers)), default=None)
        said = f"Not in this workflow, and nothing has asked for it yet: {enters}."
    return Next(
        workflow=name,
        status=None,
        stage=workflow.steps[step].stage if step else workflow.stages[0].name,
        step=step,
        at=at,
        state=StepState.NOT_REACHED if step else StepState.NOT_ENROLLED,
        reason=reason,
        until=None,
        rule=enters,
        gate=reason if refused else None,
        said=said,
    )


def _takes_in(known: Known, trigger: Trigger) -> str:
    """What takes the contact in by this trigger, and how far they are from it."""
    match trigger.kind:
        case TriggerKind.SEGMENT:
            return f"`{trigger.as_written}` takes in who enters it from now on{_membership(known, trigger)}"
        case TriggerKind.DATE:
            day = _day_of(known, trigger)
            when = f", next on {known.when(day)}" if day else ", and no such day of theirs is to come"
            return f"`{trigger.as_written}` enters it{when}"
        case TriggerKind.MANUAL:
            return "a person, a loss or another workflow enters it"
    return f"`{trigger.as_written}` enters it"


def _membership(known: Known, trigger: Trigger) -> str:
    segment = known.published.segments.get(trigger.name or "")
    if segment is None:
        return ""
    fits = segment.where.holds(Scope(known.contact, workspace=known.published.workspace))
    return ", and they fit it already" if fits else ", and they do not fit it now"


def _day_of(known: Known, trigger: Trigger) -> datetime | None:
    if trigger.date is None:
        return None
    return comes_next(trigger.date, known.contact, known.published.workspace, known.now)
