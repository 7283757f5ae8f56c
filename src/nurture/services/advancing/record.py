"""Write turns down, and do what they decided: rows for messages and calls, changes of stage, fields, other workflows.

Everything of a turn is recorded in the transaction of its caller, or nothing is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy import Connection

from nurture.db import contacts, deliveries, enrollments, state, tasks, turns, variants
from nurture.db.deliveries import NewDelivery
from nurture.db.enrollments import Claimed
from nurture.db.tasks import NewTask
from nurture.db.turns import Transition
from nurture.db.variants import Fallen
from nurture.engine.decide import end
from nurture.model.decisions import (
    Branch,
    Call,
    Change,
    Clear,
    Decision,
    EnrollIn,
    Finish,
    HandOver,
    Move,
    Send,
    SetFields,
    Skip,
    Turn,
)
from nurture.model.words import (
    BACKSTAGE,
    Channel,
    DeliveryState,
    Enrollment,
    Payload,
    Reason,
    Status,
    TaskState,
)
from nurture.rendering.links import delivery_key
from nurture.services.facts import load_facts
from nurture.services.phone import assign
from nurture.services.published import Shelf

ENDS = {Status.COMPLETED: Change.COMPLETED, Status.LOST: Change.LOST, Status.EXITED: Change.EXITED}


@dataclass(frozen=True, slots=True)
class Wish:
    """A step or a loss wants this contact in another workflow."""

    contact_id: int
    decision: EnrollIn
    parent: int


@dataclass
class Outcome:
    """What a set of turns leaves for its caller to do in the same transaction."""

    wishes: list[Wish] = field(default_factory=list)
    lost: list[tuple[Enrollment, Finish]] = field(default_factory=list)
    changed: set[int] = field(default_factory=set)
    """Contacts whose fields a step changed."""


def record_turns(
    tx: Connection,
    shelf: Shelf,
    taken: Sequence[tuple[Claimed, Turn]],
    now: datetime,
    actor: str | None = None,
) -> tuple[int, Outcome]:
    """Record claimed turns whose claim still holds; returns how many, and what is left to do.

    A turn whose claim was taken away meanwhile is dropped whole: its enrollment will be decided again.
    """
    written = enrollments.record_turns(tx, taken, now)
    kept = [turn for claimed, turn in taken if claimed.enrollment.id in written]
    return len(kept), record_decisions(tx, shelf, kept, now, actor)


def record_decisions(
    tx: Connection, shelf: Shelf, kept: Sequence[Turn], now: datetime, actor: str | None = None
) -> Outcome:
    """Everything of these turns but the enrollments themselves. ``actor`` is who decided by hand."""
    if not kept:
        return Outcome()
    ledger = _Ledger(now, state.hash_key(tx).hex(), actor)
    for turn in kept:
        for decision in turn.decisions:
            ledger.take(turn.enrollment, decision)
    turns.write(tx, [(turn.enrollment.id, now, turn.decisions) for turn in kept if turn.decisions])
    # What a stage had waiting goes before what the next stage plans.
    deliveries.clear(tx, ledger.cleared, Reason.STAGE_LEFT, now)
    tasks.clear(tx, ledger.cleared, Reason.STAGE_LEFT, now)
    deliveries.plan(tx, list(ledger.deliveries.values()))
    if ledger.tasks:
        workspace = shelf.published(tx).workspace
        tasks.open_tasks(tx, assign.to_people(tx, workspace, list(ledger.tasks.values()), now))
    turns.move(tx, ledger.transitions)
    variants.remember(tx, ledger.fallen)
    if ledger.changes:
        ledger.outcome.changed = contacts.apply_changes(tx, ledger.changes, now)
    if ledger.reopened:
        _end_children(tx, shelf, ledger, now)
    return ledger.outcome


def _end_children(tx: Connection, shelf: Shelf, ledger: _Ledger, now: datetime) -> None:
    """What a loss had enrolled ends when that loss is taken back."""
    end_from_outside(tx, shelf, enrollments.children_of(tx, ledger.reopened), Reason.REOPENED, now)


def end_from_outside(
    tx: Connection,
    shelf: Shelf,
    ending: Sequence[Enrollment],
    reason: str,
    now: datetime,
    actor: str | None = None,
) -> None:
    """End live enrollments that did not decide it themselves: restarted, reopened elsewhere, by hand."""
    if not ending:
        return
    published = shelf.published(tx)
    versions = shelf.versions(tx, {one.version for one in ending})
    facts = load_facts(tx, ending, published.workspace, now)
    ended = enrollments.end_many(tx, [one.id for one in ending], Status.EXITED, reason, now)
    record_decisions(
        tx, shelf, [end(versions[one.version], one, facts[one.id], now, reason) for one in ended], now, actor
    )


@dataclass
class _Ledger:
    """The rows that a set of turns asks for."""

    now: datetime
    secret: str
    actor: str | None
    deliveries: dict[str, NewDelivery] = field(default_factory=dict)
    tasks: dict[str, NewTask] = field(default_factory=dict)
    transitions: list[Transition] = field(default_factory=list)
    cleared: set[int] = field(default_factory=set)
    reopened: set[int] = field(default_factory=set)
    changes: dict[int, contacts.Change] = field(default_factory=dict)
    fallen: list[Fallen] = field(default_factory=list)
    outcome: Outcome = field(default_factory=Outcome)

    def take(self, enrollment: Enrollment, decision: Decision) -> None:
        match decision:
            case Send():
                self._deliver(enrollment, decision)
            case Call():
                self._call(enrollment, decision)
            case HandOver():
                self._hand_over(enrollment, decision)
            case Skip():
                self._skip(enrollment, decision)
            case Clear():
                self._clear(enrollment)
            case Branch(branch=str() as variant, reason=Reason.CHANCE, step=str() as step):
                self.fallen.append(
                    Fallen(
                        enrollment.contact_id, enrollment.workflow, step, variant, enrollment.id, decision.at
                    )
                )
            case Move():
                self._move(enrollment, decision, decision.change)
                if decision.change is Change.REOPENED:
                    self.reopened.add(enrollment.id)
            case Finish():
                self._move(enrollment, decision, ENDS[decision.status], decision.before)
                if decision.status is Status.LOST:
                    self.outcome.lost.append((enrollment, decision))
            case SetFields():
                self._change(enrollment, decision)
            case EnrollIn():
                self.outcome.wishes.append(Wish(enrollment.contact_id, decision, enrollment.id))

    def _deliver(self, enrollment: Enrollment, send: Send) -> None:
        self._plan(
            enrollment,
            send,
            channel=send.channel,
            template=send.template,
            purpose=send.purpose,
            marketing=send.marketing and send.channel is Channel.EMAIL,
            due=send.due,
            offer=send.offer,
            team=send.to,
            payload=self._payload(enrollment, send),
            grant_id=send.grant,
        )

    def _payload(self, enrollment: Enrollment, send: Send) -> Payload | None:
        """What a webhook says, with the id under which every attempt goes; empty stays empty until it is rendered."""
        if not send.payload:
            return send.payload
        return {"id": delivery_key(enrollment.id, send.step or "", send.visit, self.secret), **send.payload}

    def _hand_over(self, enrollment: Enrollment, offer: HandOver) -> None:
        self._plan(
            enrollment,
            offer,
            channel=Channel.PORTAL,
            template="",
            purpose="transactional",
            marketing=False,
            due=offer.due,
            offer=offer.offer,
            state=DeliveryState.SENT,
            ended_at=self.now,
        )

    def _skip(self, enrollment: Enrollment, skip: Skip) -> None:
        if skip.channel is Channel.PHONE:
            task = self._task(enrollment, skip, skip.what, "", skip.due, skip.due, held=False)
            self.tasks[task.key] = _ended(task, skip.reason, self.now)
            return
        self._plan(
            enrollment,
            skip,
            channel=skip.channel,
            template=skip.what,
            purpose=skip.purpose,
            marketing=False,
            due=skip.due,
            state=DeliveryState.SKIPPED,
            reason=skip.reason,
            ended_at=self.now,
        )

    def _plan(self, enrollment: Enrollment, decision: Decision, **more: object) -> None:
        delivery = NewDelivery(**self._common(enrollment, decision), planned_at=self.now, **more)  # type: ignore[arg-type]
        self.deliveries[delivery.key] = delivery

    def _call(self, enrollment: Enrollment, call: Call) -> None:
        task = self._task(enrollment, call, call.script, call.assign, call.due, call.expires, held=call.held)
        self.tasks[task.key] = task

    def _task(
        self,
        enrollment: Enrollment,
        decision: Decision,
        script: str,
        assign_to: str,
        due: datetime,
        expires: datetime,
        *,
        held: bool,
    ) -> NewTask:
        common = {
            name: value for name, value in self._common(enrollment, decision).items() if name != "event_id"
        }
        return NewTask(
            **common,  # type: ignore[arg-type]
            script=script,
            assign=assign_to,
            assignee=None,
            held=held,
            appeared_at=self.now,
            due=due,
            expires=expires,
        )

    def _common(self, enrollment: Enrollment, decision: Decision) -> dict[str, object]:
        step = decision.step or ""
        return {
            "key": delivery_key(enrollment.id, step, decision.visit, self.secret),
            "enrollment_id": enrollment.id,
            "contact_id": enrollment.contact_id,
            "workflow": enrollment.workflow,
            "stage": decision.stage,
            "step": step,
            "visit": decision.visit,
            "event_id": decision.event,
        }

    def _clear(self, enrollment: Enrollment) -> None:
        """What this very turn had planned before the stage was left is over before it began."""
        self.cleared.add(enrollment.id)
        for key, delivery in self.deliveries.items():
            waits = delivery.state is DeliveryState.PENDING and delivery.channel not in BACKSTAGE
            if delivery.enrollment_id == enrollment.id and waits:
                self.deliveries[key] = _skipped(delivery, Reason.STAGE_LEFT, self.now)
        for key, task in self.tasks.items():
            if task.enrollment_id == enrollment.id and task.state is TaskState.OPEN:
                self.tasks[key] = _ended(task, Reason.STAGE_LEFT, self.now)

    def _move(
        self, enrollment: Enrollment, decision: Decision, change: Change, before: str | None = None
    ) -> None:
        self.transitions.append(
            Transition(
                enrollment_id=enrollment.id,
                contact_id=enrollment.contact_id,
                workflow=enrollment.workflow,
                stage=decision.stage,
                visit=decision.visit,
                change=change,
                at=decision.at,
                reason=decision.reason,
                event_id=decision.event,
                before=before,
                actor=self.actor,
            )
        )

    def _change(self, enrollment: Enrollment, change: SetFields) -> None:
        before = self.changes.get(enrollment.contact_id, contacts.Change({}))
        self.changes[enrollment.contact_id] = contacts.Change(
            values={**before.values, **change.values},
            add_tags=(before.add_tags - change.remove_tags) | change.add_tags,
            remove_tags=(before.remove_tags - change.add_tags) | change.remove_tags,
        )


def _skipped(delivery: NewDelivery, reason: Reason, at: datetime) -> NewDelivery:
    return replace(delivery, state=DeliveryState.SKIPPED, reason=reason, ended_at=at)


def _ended(task: NewTask, reason: str, at: datetime) -> NewTask:
    return replace(task, state=TaskState.CANCELLED, reason=reason, ended_at=at)
