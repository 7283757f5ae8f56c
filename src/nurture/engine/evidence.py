"""Which event counts as what: a loss, a validation, a trigger, the end of a wait, an outcome, or nothing at all.

Only questions; what follows from the answers is decided in ``decide``. What a machine did is never evidence.
"""

from __future__ import annotations

from dataclasses import dataclass

from nurture.engine.effects import concerns_mail
from nurture.model.expressions import Scope
from nurture.model.matching import DATE_REACHED, SEGMENT_ENTERED, SEGMENT_LEFT, EventMatch
from nurture.model.words import Enrollment, EnteredBy, Event, Phase, Reason, Status
from nurture.steps.base import Scene, Step
from nurture.steps.wait_until import satisfied_by
from nurture.workflow.model import Loss, Stage, TriggerKind, Workflow


@dataclass(frozen=True, slots=True)
class Match:
    """The nearest stage that an event speaks for; ``enters_next`` when it opens the stage behind it too."""

    stage: Stage
    by_trigger: bool = False
    enters_next: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """The branch of the present step that an event takes; None goes straight on."""

    name: str | None


def is_evidence(event: Event, enrollment: Enrollment) -> bool:
    """A machine's click proves nothing; mail and call events concern one message or one open call."""
    if not event.human:
        return False
    if event.name in ("email.bounced", "email.complained"):
        return True  # the address is dead, or the person has had enough, whichever message showed it
    if not event.concerns_a_touch:
        return True
    if event.enrollment_id != enrollment.id:
        return False
    if event.name == "call.outcome":
        return event.visit == enrollment.visit and any(ran.step == event.step for ran in enrollment.ran)
    return True


HUMAN_SIGNS = frozenset(("email.replied", "email.clicked", "offer.requested", "offer.downloaded"))
SPOKE = frozenset(("reached", "booked", "call-back", "not-interested", "do-not-call"))


def shows_a_human(event: Event) -> bool:
    """A person is at the other end: a reply, a human click, a form, a download, a call reached."""
    if event.name == "call.outcome":
        return event.data.get("outcome") in SPOKE
    return event.human and event.name in HUMAN_SIGNS


def ends_everything(event: Event, purpose: str) -> Reason | None:
    """Withdrawn permission, a dead address and a complaint lose the enrollment wherever it stands."""
    withdrawn = event.name == "consent.withdrawn" and concerns_mail(event)
    if withdrawn and event.data.get("purpose") in (None, purpose):
        return Reason.UNSUBSCRIBED
    if event.name == "email.bounced" and event.data.get("kind", "hard") == "hard":
        return Reason.BOUNCED
    if event.name == "email.complained":
        return Reason.COMPLAINED
    return None


def loss_on(stage: Stage, enrollment: Enrollment, event: Event, scope: Scope) -> Loss | None:
    """The loss branch of the present stage that this event is; none while the contact rests."""
    if enrollment.resting:
        return None
    return next((loss for loss in stage.losses if loss.on and _is(loss.on, event, scope)), None)


def forward(workflow: Workflow, enrollment: Enrollment, event: Event, scope: Scope) -> Match | None:
    """The nearest validation or trigger from the present stage onward; within a stage, validation before trigger.

    The present stage's own trigger moves nothing, nor does a repeated validation of a stage we rest behind.
    """
    here = workflow.stage(enrollment.stage).index
    for stage in workflow.stages[here:]:
        present = stage.index == here
        if not (present and enrollment.resting) and _is(stage.validate, event, scope):
            return Match(stage, enters_next=_opens(workflow, workflow.after(stage), event, scope))
        if not present and _triggers(workflow, stage, event, scope):
            return Match(stage, by_trigger=True)
    return None


def reentered(workflow: Workflow, enrollment: Enrollment, event: Event, scope: Scope) -> Stage | None:
    """An earlier stage that lets its trigger take the contact back (``reenter: yes``); the nearest one."""
    here = workflow.stage(enrollment.stage).index
    earlier = (stage for stage in reversed(workflow.stages[:here]) if stage.reenter)
    return next((stage for stage in earlier if _triggers(workflow, stage, event, scope)), None)


def moves(workflow: Workflow, enrollment: Enrollment, event: Event, scope: Scope) -> bool:
    """Does this event take a live enrollment to another stage, or to its end?"""
    return bool(forward(workflow, enrollment, event, scope) or reentered(workflow, enrollment, event, scope))


def goal(workflow: Workflow, enrollment: Enrollment, event: Event, scope: Scope) -> Stage | None:
    """The stage that this event has a live enrollment enter; None when it enters none."""
    match = forward(workflow, enrollment, event, scope)
    if match is None:
        return reentered(workflow, enrollment, event, scope)
    if match.by_trigger:
        return match.stage
    return workflow.after(match.stage) if match.enters_next else None


def reopens(workflow: Workflow, enrollment: Enrollment, event: Event, scope: Scope) -> bool:
    """Does this validation, of the lost stage or a later one, come in time to revive a lost enrollment?"""
    if enrollment.status is not Status.LOST or enrollment.reopen_until is None:
        return False
    if event.arrived_at >= enrollment.reopen_until or not is_evidence(event, enrollment):
        return False
    stage = workflow.stage(enrollment.stage)
    if loss_on(stage, enrollment, event, scope):
        return False
    here = stage.index + enrollment.resting
    return any(_is(stage.validate, event, scope) for stage in workflow.stages[here:])


def entry_stage(workflow: Workflow, event: Event, scope: Scope) -> Stage | None:
    """The stage that this event enrolls into, if it does."""
    if not event.human:
        return None
    return next((stage for stage in workflow.entries() if _triggers(workflow, stage, event, scope)), None)


def awaited_by(step: Step, scene: Scene, event: Event) -> Answer | None:
    """Is this what the present step waits for: the event of a wait, the outcome of its call?"""
    enrollment = scene.enrollment
    if enrollment.phase is Phase.WATCHING and satisfied_by(step, scene, event):
        return Answer(None)
    if enrollment.phase is Phase.ACTING and event.name == "call.outcome" and event.step == step.id:
        outcome = str(event.data.get("outcome", ""))
        return Answer(outcome) if outcome != "call-back" else None  # it re-dates the same task
    return None


def entered_by(event: Event) -> EnteredBy:
    """What puts a contact into the stage that this event opens."""
    return _BY.get(event.name, EnteredBy.EVENT)


_BY = {SEGMENT_ENTERED: EnteredBy.SEGMENT, SEGMENT_LEFT: EnteredBy.SEGMENT, DATE_REACHED: EnteredBy.DATE}


def _opens(workflow: Workflow, stage: Stage | None, event: Event, scope: Scope) -> bool:
    return stage is not None and (stage.trigger is None or _triggers(workflow, stage, event, scope))


def _triggers(workflow: Workflow, stage: Stage, event: Event, scope: Scope) -> bool:
    trigger = stage.trigger
    if trigger is None or trigger.event != event.name:
        return False
    match trigger.kind:
        case TriggerKind.SEGMENT:
            return event.data.get("segment") == trigger.name
        case TriggerKind.DATE:
            told = tuple(event.data.get(name) for name in ("workflow", "stage", "rule"))
            return told == (workflow.name, stage.name, str(trigger.date))
    return trigger.match is not None and _is(trigger.match, event, scope)


def _is(match: EventMatch, event: Event, scope: Scope) -> bool:
    return match.matches(event.name, scope)
