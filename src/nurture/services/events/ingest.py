"""Something happened: store it once, let it take effect, and wake whoever it concerns, in one transaction.

It enrolls and suppresses, but moves nobody through a workflow: that is for the next turn of each enrollment.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection

from nurture.db import contacts, deliveries, enrollments, events, tasks
from nurture.db.deliveries import Delivery
from nurture.db.events import NewEvent
from nurture.db.tasks import Task
from nurture.engine.evidence import shows_a_human
from nurture.model.words import NOTHING, Event, Scalar
from nurture.services.advancing.enroll import Answer, enter_by_events
from nurture.services.events import effects
from nurture.services.forms import offers
from nurture.services.published import Shelf
from nurture.services.runtime import Runtime

CALL_OUTCOME = "call.outcome"
About = tuple[int, str, int]
"""The enrollment, step and visit whose message or call an event concerns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """An event on its way in. ``id`` makes it idempotent; ``at`` is when it happened, now by default.

    ``proof`` is what shows a consent (form, address, click); it is kept in the ledger beside it, not in the event.
    ``number`` is the hash of the number that was called, where it is known: by now the contact may have another.
    """

    contact_id: int
    name: str
    data: Mapping[str, Scalar] = field(default_factory=lambda: NOTHING)
    at: datetime | None = None
    id: str | None = None
    source: str = "nurture"
    about: About | None = None
    alone: bool = False
    """It concerns a message of no workflow: then it is not taken for one about the last message that was sent."""
    human: bool = True
    proof: Mapping[str, Scalar] = field(default_factory=lambda: NOTHING)
    number: str | None = None


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of the happenings, in their order: the events (None for a duplicate), and who entered where."""

    events: tuple[Event | None, ...]
    answers: tuple[Answer, ...]


def track(runtime: Runtime, happenings: Sequence[Happening]) -> Taken:
    """Take these in, in this order, in one transaction."""
    now = runtime.now()

    return runtime.database.retrying(lambda tx: take_in(tx, runtime.shelf, happenings, now))


def take_in(tx: Connection, shelf: Shelf, happenings: Sequence[Happening], now: datetime) -> Taken:
    """The same inside a transaction of the caller. What is told of somebody who was erased meanwhile is stored nowhere."""
    if not happenings:
        return Taken((), ())
    told = {one.contact_id for one in happenings}
    there = told.intersection(contacts.lock(tx, told))
    if there < told:
        return _of_living(tx, shelf, happenings, there, now)
    new = _new_events(tx, happenings, now)
    stored = events.store(tx, new)
    taken = tuple(
        None if result.duplicate else _event(event, result.id)
        for event, result in zip(new, stored, strict=True)
    )
    fresh = [event for event in taken if event]
    proofs = {
        event.id: one.proof for event, one in zip(taken, happenings, strict=True) if event and one.proof
    }
    numbers = {
        event.id: one.number for event, one in zip(taken, happenings, strict=True) if event and one.number
    }
    effects.apply(tx, shelf, fresh, now, proofs, numbers)
    scored = effects.score(tx, shelf, fresh, now)
    contacts.touch_active(tx, {event.contact_id: event.arrived_at for event in fresh if shows_a_human(event)})
    answers = enter_by_events(tx, shelf, fresh, now)
    offers.deliver_requested(tx, shelf, fresh, answers, now)
    wake_readers(tx, fresh, now)
    note_changes(tx, shelf, scored, now)
    return Taken(taken, tuple(answers))


def _of_living(
    tx: Connection, shelf: Shelf, happenings: Sequence[Happening], there: Collection[int], now: datetime
) -> Taken:
    taken = take_in(tx, shelf, [one for one in happenings if one.contact_id in there], now)
    events_ = iter(taken.events)
    return Taken(
        tuple(next(events_) if one.contact_id in there else None for one in happenings), taken.answers
    )


def wake_readers(tx: Connection, fresh: Sequence[Event], now: datetime) -> None:
    """Everyone whom these events concern reads them now; what a machine did wakes nobody and holds nothing."""
    newest = {event.contact_id: event.id for event in fresh if event.human}
    readers = enrollments.live_of(tx, newest) + enrollments.reopenable_of(tx, newest, now)
    enrollments.note_events(tx, {one.id: newest[one.contact_id] for one in readers}, now)


def note_changes(tx: Connection, shelf: Shelf, contact_ids: Collection[int], now: datetime) -> None:
    """What we know of these contacts changed: that counts as an event."""
    take_in(
        tx, shelf, [Happening(contact_id=id_, name="contact.changed") for id_ in sorted(contact_ids)], now
    )


def _new_events(tx: Connection, happenings: Sequence[Happening], now: datetime) -> list[NewEvent]:
    """An e-mail event that names no message concerns the last one sent; an outcome, the call opened last."""
    of_mail = {
        one.contact_id
        for one in happenings
        if one.name.startswith("email.") and not one.about and not one.alone
    }
    of_calls = {one.contact_id for one in happenings if one.name == CALL_OUTCOME}
    sent = deliveries.last_sent(tx, of_mail)
    calls = tasks.open_of_each(tx, of_calls)
    return [
        _new_event(one, sent.get(one.contact_id), calls.get(one.contact_id, []), now) for one in happenings
    ]


def _new_event(happening: Happening, sent: Delivery | None, calls: Sequence[Task], now: datetime) -> NewEvent:
    about = happening.about or _concerned(happening, sent, calls)
    open_calls = [(one.enrollment_id, one.step, one.visit) for one in calls]
    is_late = happening.name == CALL_OUTCOME and about is not None and about not in open_calls
    return NewEvent(
        contact_id=happening.contact_id,
        name=happening.name,
        at=min(happening.at or now, now),
        arrived_at=now,
        data=happening.data,
        external_id=happening.id,
        source=happening.source,
        enrollment_id=about[0] if about else None,
        step=about[1] if about else None,
        visit=about[2] if about and not is_late else None,
        human=happening.human,
    )


def _concerned(happening: Happening, sent: Delivery | None, calls: Sequence[Task]) -> About | None:
    if happening.name == CALL_OUTCOME and calls:
        return calls[-1].enrollment_id, calls[-1].step, calls[-1].visit
    if happening.name.startswith("email.") and not happening.alone and sent and sent.enrollment_id:
        return sent.enrollment_id, sent.step, sent.visit
    return None


def _event(new: NewEvent, number: int) -> Event:
    return Event(
        id=number,
        name=new.name,
        at=new.at,
        arrived_at=new.arrived_at,
        data=new.data,
        contact_id=new.contact_id,
        enrollment_id=new.enrollment_id,
        step=new.step,
        visit=new.visit,
        human=new.human,
    )
