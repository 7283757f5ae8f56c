"""Who may enter a workflow, and who not yet, not now, or never again.

Pure: the store, walks and simulations all ask here before a contact enters.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from nurture.engine.decide import enter
from nurture.engine.evidence import entry_stage, moves, reopens
from nurture.model.chance import share
from nurture.model.decisions import Finish, Turn
from nurture.model.expressions import Scope
from nurture.model.timing import add
from nurture.model.words import Enrollment, EnteredBy, Event, Facts, Reason, Status
from nurture.workflow.model import Stage, Workflow

AUTOMATIC = frozenset((Reason.UNSUBSCRIBED, Reason.BOUNCED, Reason.COMPLAINED))
"""After these losses nothing starts by itself."""

SAME_REQUEST = timedelta(hours=24)
"""A live enrollment younger than this is not restarted: a form sent twice is one wish."""


@dataclass(frozen=True, slots=True)
class Past:
    """What went before in this workflow: the live enrollment, when the last one ended, and the one evidence may revive."""

    live: Enrollment | None = None
    last_end: datetime | None = None
    reopenable: Enrollment | None = None

    @property
    def standing(self) -> Enrollment | None:
        """Where an event finds them: the enrollment they are in, or the one it may revive."""
        return self.live or self.reopenable


def entry_by_event(
    workflow: Workflow, theirs: Workflow, event: Event, past: Past, scope: Scope
) -> Stage | None:
    """The stage that this event asks to enter; None when it asks for none, or moves or revives who is there already.

    ``theirs`` is the version that the contact is in or was lost from, which may have other stages than the live one.
    """
    stage = entry_stage(workflow, event, scope)
    if stage is None:
        return None
    there = replace(scope, stage=past.standing.stage) if past.standing else scope
    if past.live:
        return None if moves(theirs, past.live, event, there) else stage
    if past.reopenable and reopens(theirs, past.reopenable, event, there):
        return None
    return stage


def refusal(workflow: Workflow, past: Past, facts: Facts, now: datetime) -> Reason | None:
    """Why the contact may not enter now, or None. With ``reentry: always`` a live enrollment older than a day gives way."""
    rule = workflow.reentry
    if past.live:
        young = now - past.live.entered_at <= SAME_REQUEST
        return Reason.ALREADY_ENROLLED if rule.kind != "always" or young else None
    if past.last_end is None or rule.kind == "always":
        return None
    if rule.kind == "never" or rule.after is None:
        return Reason.NEVER_AGAIN
    zone = facts.workspace.zone_of(facts.contact.timezone)
    return Reason.TOO_SOON if now < add(past.last_end, rule.after, zone) else None


def admit(
    workflow: Workflow,
    facts: Facts,
    now: datetime,
    *,
    stage: Stage,
    by: EnteredBy,
    reason: str = Reason.EVENT,
    event: Event | None = None,
    parent: int | None = None,
    cursor: int = 0,
) -> Turn:
    """The first turn of a new enrollment (its id is 0 until stored). ``cursor`` is the contact's last event so far."""
    enrollment = Enrollment(
        id=0,
        contact_id=facts.contact.id,
        workflow=workflow.name,
        version=workflow.version,
        entered_at=event.arrived_at if event else now,
        parent=parent,
        cursor=event.id if event else cursor,
        holdout=is_held_out(workflow, facts.contact.id),
    )
    return enter(workflow, enrollment, facts, now, stage=stage, by=by, reason=reason, event=event)


def lost_at(workflow: str, finish: Finish) -> str | None:
    """``WORKFLOW/STAGE``, as `trigger: lost` names this end; None for one after which nothing starts by itself."""
    if finish.status is not Status.LOST or finish.reason in AUTOMATIC:
        return None
    return f"{workflow}/{finish.before or finish.stage}"


def is_held_out(workflow: Workflow, contact_id: int) -> bool:
    """The same contacts every time: a share of them gets nothing, so that the others can be compared."""
    return workflow.holdout > 0 and share("holdout", workflow.name, str(contact_id)) < workflow.holdout
