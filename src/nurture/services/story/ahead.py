"""What comes next to one contact, if nothing happens meanwhile: the next weeks as the engine itself would play them.

It stores nothing and promises nothing. A contact whom we paused has nothing ahead until somebody resumes them; a rest of
their own ends by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from nurture.db import deliveries, enrollments, outcomes, pauses, points, tasks
from nurture.db.deliveries import Delivery
from nurture.db.forecasting import OnItsWay, Ringing
from nurture.db.outcomes import CallOutcome
from nurture.db.points import Points
from nurture.db.tasks import Task
from nurture.engine.foresee import Foreseen, Said, Standing, foresee
from nurture.engine.scoring import Gain
from nurture.engine.world_calls import OpenCall
from nurture.model.decisions import Call
from nurture.model.errors import NurtureError
from nurture.model.words import DeliveryState, Enrollment, Facts, Pause, Phase, Reason, TaskState
from nurture.services.facts import load_facts, with_variants
from nurture.services.runtime import Runtime

HORIZON = timedelta(days=60)
ON_ITS_WAY = (DeliveryState.PENDING, DeliveryState.CLAIMED, DeliveryState.SENDING)


@dataclass(frozen=True, slots=True)
class Ahead:
    """What is to come, in order; ``trouble`` where the workflow cannot be played on."""

    coming: tuple[Foreseen, ...] = ()
    trouble: str | None = None


def ahead(runtime: Runtime, contact_id: int, span: timedelta = HORIZON) -> Ahead:
    """What happens to this contact in the next ``span`` of business time if nothing else does."""
    with runtime.database.read() as tx:
        own = enrollments.of_contact(tx, contact_id)
        facts = load_facts(tx, own, runtime.shelf.published(tx).workspace, runtime.now())
        mails, calls = deliveries.of_contact(tx, contact_id), tasks.of_contact(tx, contact_id)
        return look_ahead(tx, runtime, own, facts, mails, calls, span)


def look_ahead(
    tx: Connection,
    runtime: Runtime,
    own: Sequence[Enrollment],
    facts: Mapping[int, Facts],
    mails: Sequence[Delivery],
    calls: Sequence[Task],
    span: timedelta = HORIZON,
) -> Ahead:
    """The same from what has been loaded: all of a contact's enrollments, their facts, messages and calls."""
    now = runtime.now()
    published = runtime.shelf.published(tx)
    versions = runtime.shelf.versions(tx, {one.version for one in own})
    known = with_variants(tx, own, versions, dict(facts))
    standings = [
        Standing(one, versions[one.version], known[one.id], _leaves(runtime, one, known[one.id], mails, now))
        for one in own
    ]
    names = {*published.workflows, *(one.workflow for one in own)}
    people = {one.contact_id for one in own}
    stood_still = pauses.pauses_for(tx, {(person, name) for person in people for name in names})
    tasks_by_id = {task.id: task for task in calls}
    earned = [one for known in points.of_contacts(tx, people).values() for one in known]
    try:
        coming = foresee(
            standings,
            [open_call(task, task.step) for task in calls if task.state is TaskState.OPEN],
            published.workflows,
            {name: spans for (_, name), spans in stood_still.items()},
            now,
            now + span,
            [
                reported(one, tasks_by_id[one.task_id], tasks_by_id[one.task_id].step)
                for one in outcomes.pending_of_tasks(tx, tasks_by_id)
            ],
            [task.ended_at for task in calls if task.state is TaskState.DONE and task.ended_at],
            published.segments,
            fading(earned),
        )
    except NurtureError as error:
        return Ahead(trouble=str(error))
    return Ahead(coming)


def waits_at(enrollment: Enrollment, mails: Sequence[Delivery]) -> Delivery | None:
    """The message that an enrollment acts on and that has not left yet."""
    return next(
        (
            one
            for one in mails
            if (one.enrollment_id, one.step, one.visit) == (enrollment.id, enrollment.step, enrollment.visit)
            and enrollment.phase is Phase.ACTING
            and one.state in ON_ITS_WAY
        ),
        None,
    )


def _leaves(
    runtime: Runtime, enrollment: Enrollment, facts: Facts, mails: Sequence[Delivery], now: datetime
) -> datetime | None:
    """When the message it acts on leaves; None when it acts on none, or nobody can tell."""
    waiting = waits_at(enrollment, mails)
    return goes_at(runtime, waiting, now, facts.pauses) if waiting else None


# --- rows, as the engine plays them -------------------------------------------------------------------------------


def goes_at(
    runtime: Runtime, mail: Delivery | OnItsWay, now: datetime, stood_still: Sequence[Pause] = ()
) -> datetime | None:
    """When a message that was planned leaves: when it is due, at its next attempt, or when a rest that holds it ends.

    ``stood_still`` are the pauses of its workflow for this contact; None while one of ours lasts.
    """
    again = mail.retry_at - runtime.clock.operational() if mail.retry_at else timedelta()
    at = max(mail.due, now + max(again, timedelta()))
    holding = [one for one in stood_still if one.until is None and (mail.marketing or not one.own)]
    if any(one.ends is None for one in holding):
        return None
    return max([at, *(one.ends for one in holding if one.ends)])


def fading(earned: Iterable[Points]) -> list[Gain]:
    """The points that will be gone one day."""
    return [Gain(one.rule, one.points, one.fades_at) for one in earned if one.fades_at]


def reported(told: CallOutcome, call: Task | Ringing, step: str) -> Said:
    """What was said of a call, of the step that is called so now."""
    about = (call.enrollment_id, step, call.visit)
    return Said(told.settles_at, about, {"outcome": told.outcome, **told.data})


def open_call(row: Task | Ringing, step: str) -> OpenCall:
    """A call that waits for its outcome, of the step that is called so now."""
    call = Call(
        at=row.appeared_at,
        stage=row.stage,
        step=step,
        visit=row.visit,
        reason=Reason.DUE,
        script=row.script,
        assign=row.assign,
        due=row.due,
        expires=row.expires,
        held=row.held,
    )
    return OpenCall(row.enrollment_id, call, row.expires)
