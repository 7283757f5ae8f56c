"""A person takes the wheel: move a contact to a stage, skip a step, end a journey, begin one, hold and let go.

Every deed has a reason and a name, and is recorded like a turn of the engine. What a worker decides at the same moment
is dropped, and decided again from where the person has put the contact.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection

from nurture.db import contacts, deliveries, enrollments, tasks
from nurture.db.enrollments import Claimed
from nurture.engine.decide import move_by_hand, skip_by_hand
from nurture.engine.explain import in_words
from nurture.model.decisions import Turn
from nurture.model.errors import NotFoundError, NurtureError, did_you_mean
from nurture.model.words import Enrollment, Facts, Phase, Reason
from nurture.services.advancing.enroll import follow_up
from nurture.services.advancing.record import end_from_outside, record_turns
from nurture.services.contacts.by_hand import enroll_addresses
from nurture.services.contacts.hands import called
from nurture.services.contacts.people import contact_of
from nurture.services.events.ingest import note_changes
from nurture.services.facts import load_facts
from nurture.services.running import pausing
from nurture.services.running.pausing import Scope
from nurture.services.runtime import Runtime
from nurture.workflow.model import Workflow

LONGEST_REASON = 300


@dataclass(frozen=True, slots=True)
class Seat:
    """An enrollment that is ours for this transaction, with all that is needed to decide about it."""

    claimed: Claimed
    workflow: Workflow
    facts: Facts

    @property
    def enrollment(self) -> Enrollment:
        return self.claimed.enrollment


def require_own(runtime: Runtime, contact_id: int, enrollment_id: int) -> None:
    """Raises NotFoundError for a journey that is another contact's, or nobody's."""
    with runtime.database.read() as tx:
        found = enrollments.get(tx, [enrollment_id]).get(enrollment_id)
    if found is None or found.contact_id != contact_id:
        raise NotFoundError("there is no such journey of this contact")


def move(runtime: Runtime, enrollment_id: int, stage: str, reason: str, actor: str) -> str:
    """Put the contact into another stage of the workflow, forward or back; its steps begin from the top.

    Into the stage where they are nobody is moved: a button pressed twice would send its first mail twice. Raises
    NotFoundError for an unknown or ended enrollment or stage, NurtureError without a reason, or for that stage.
    """
    now = runtime.now()
    why = _reason(reason)

    def turn(seat: Seat, tx: Connection) -> Turn:
        names = [one.name for one in seat.workflow.stages]
        if stage not in names:
            raise NotFoundError(f"there is no stage '{stage}'", hint=did_you_mean(stage, names))
        if seat.enrollment.stage == stage and not seat.enrollment.resting:
            raise NurtureError(f"the contact is in stage '{stage}' already")
        return move_by_hand(seat.workflow, seat.enrollment, seat.facts, now, seat.workflow.stage(stage), why)

    seat = _by_hand(runtime, enrollment_id, turn, actor, "move", {"stage": stage, "reason": why})
    return f"{called(seat.facts.contact)} is in stage '{stage}' now, by your hand: {why}."


def skip(runtime: Runtime, enrollment_id: int, step: str, reason: str, actor: str) -> str:
    """Go past the step the contact stands at; its message or call does not happen.

    ``step`` is the one the person saw: when the contact has gone on meanwhile, nothing is skipped. Raises NotFoundError,
    and NurtureError without a reason, or where the message is leaving at this moment.
    """
    now = runtime.now()
    why = _reason(reason)

    def turn(seat: Seat, tx: Connection) -> Turn:
        one = seat.enrollment
        if one.step != step:
            raise NurtureError(f"the contact is not at '{step}' any more", hint="look at the path again")
        taken = skip_by_hand(seat.workflow, one, seat.facts, now, why)
        if one.phase is Phase.ACTING:
            about = (one.id, step, one.visit)
            called_off = tasks.cancel(tx, about, Reason.BY_HAND, now)
            if not called_off and not deliveries.call_off(tx, about, Reason.BY_HAND, now):
                raise NurtureError(f"'{step}' is leaving at this moment, or has left: it cannot be skipped")
        return taken

    seat = _by_hand(runtime, enrollment_id, turn, actor, "skip", {"step": step, "reason": why})
    return f"Step '{step}' is skipped for {called(seat.facts.contact)}: {why}."


def end(runtime: Runtime, enrollment_id: int, reason: str, actor: str) -> str:
    """Take the contact out of the workflow. Raises NotFoundError for an unknown or ended enrollment, NurtureError."""
    now = runtime.now()
    why = _reason(reason)

    def write(tx: Connection) -> str:
        seat = _seat(runtime, tx, enrollment_id)
        end_from_outside(tx, runtime.shelf, [seat.enrollment], why, now, actor)
        _note(tx, runtime, actor, "end", seat.enrollment, {"reason": why})
        return f"{called(seat.facts.contact)} has left '{seat.workflow.title}': {why}."

    return runtime.database.retrying(write)


def enroll(runtime: Runtime, contact_id: int, workflow: str, reason: str, actor: str) -> str:
    """Let the contact into a workflow, if its rules of entry do. Raises NotFoundError, and NurtureError for a refusal."""
    why = _reason(reason)
    email = _email(runtime, contact_id)
    result = enroll_addresses(runtime, workflow, [email], why, actor=actor)
    if result.refused:
        raise NurtureError(f"not let into '{workflow}': {in_words(result.refused[0].reason)}")
    return f"They are in '{workflow}' now: {why}."


def hold(runtime: Runtime, contact_id: int, reason: str, actor: str) -> str:
    """Pause every timer and message of the contact; events are still read. Raises NotFoundError, NurtureError."""
    begun = pausing.pause(runtime, Scope(email=_email(runtime, contact_id)), _reason(reason), actor)
    return "Paused: nothing is sent and no clock runs." if begun else "It was paused already."


def let_go(runtime: Runtime, contact_id: int, reason: str, actor: str) -> str:
    """Resume the contact. Raises NotFoundError."""
    scope = Scope(email=_email(runtime, contact_id))
    ended = pausing.resume(runtime, scope, reason.strip(), actor)
    said = "Resumed: it goes on where it stood." if ended else "Nothing was paused."
    if pausing.THEIR_REST not in pausing.still_holding(runtime, scope):
        return said
    return f"{said} They asked for a pause themselves, which goes on: only they end it."


# --- shared ---------------------------------------------------------------------------------------------------------


def _by_hand(
    runtime: Runtime,
    enrollment_id: int,
    decide: Callable[[Seat, Connection], Turn],
    actor: str,
    action: str,
    detail: Mapping[str, object],
) -> Seat:
    """One decision of a person, recorded as a turn in one transaction."""
    now = runtime.now()

    def write(tx: Connection) -> Seat:
        seat = _seat(runtime, tx, enrollment_id)
        _, outcome = record_turns(tx, runtime.shelf, [(seat.claimed, decide(seat, tx))], now, actor)
        follow_up(tx, runtime.shelf, outcome, now)
        note_changes(tx, runtime.shelf, outcome.changed, now)
        _note(tx, runtime, actor, action, seat.enrollment, detail)
        return seat

    return runtime.database.retrying(write)


def _seat(runtime: Runtime, tx: Connection, enrollment_id: int) -> Seat:
    """Take the enrollment from whoever holds it: contact first, as whatever stores events does."""
    found = enrollments.get(tx, [enrollment_id]).get(enrollment_id)
    if found is None:
        raise NotFoundError("there is no such journey")
    contacts.lock(tx, {found.contact_id})
    claimed = enrollments.seize(tx, enrollment_id)
    if claimed is None:
        raise NotFoundError(f"this journey through '{found.workflow}' is over")
    one = claimed.enrollment
    workspace = runtime.shelf.published(tx).workspace
    facts = load_facts(tx, [one], workspace, runtime.now())[one.id]
    return Seat(claimed, runtime.shelf.versions(tx, [one.version])[one.version], facts)


def _reason(text: str) -> str:
    said = " ".join(text.split())
    if not said:
        raise NurtureError("a reason is missing", hint="whoever reads the story later will ask why")
    if len(said) > LONGEST_REASON:
        raise NurtureError(f"the reason is longer than {LONGEST_REASON} characters")
    return said


def _email(runtime: Runtime, contact_id: int) -> str:
    with runtime.database.read() as tx:
        return contact_of(tx, contact_id).email


def _note(
    tx: Connection,
    runtime: Runtime,
    actor: str,
    action: str,
    enrollment: Enrollment,
    detail: Mapping[str, object],
) -> None:
    about = {"workflow": enrollment.workflow, "enrollment": enrollment.id, **detail}
    runtime.audit(tx, actor, action, f"contact:{enrollment.contact_id}", about)
