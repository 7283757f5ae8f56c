"""Somebody made a call and says how it went: it counts two minutes later, and can be taken back until then.

Do-not-call and wrong-number do not wait: the number is closed with the click. What an outcome then leads to is decided
by the workflow, as for any event.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from nurture.db import contacts, outcomes, suppressions, tasks, users
from nurture.db.outcomes import CallOutcome, NewOutcome
from nurture.db.session import UnreachableError
from nurture.db.suppressions import Suppression
from nurture.db.tasks import Task
from nurture.engine.effects import CALLS_AGAIN, CLOSES_PHONE
from nurture.model.accounts import CALLERS, Account
from nurture.model.calendars import to_utc
from nurture.model.errors import NotFoundError, NurtureError, did_you_mean
from nurture.model.teams import members, person_key
from nurture.model.words import Channel, Scalar, TaskState
from nurture.model.workspace import Workspace
from nurture.services.events.ingest import CALL_OUTCOME, Happening, take_in
from nurture.services.runtime import Runtime
from nurture.steps.call_task import OUTCOMES

log = structlog.get_logger()

GRACE = timedelta(minutes=2)
"""Business time in which a click can be taken back."""
LONGEST_NOTE = 2_000
LONGEST_CALL = 600
"""Minutes."""
LATEST_CALL_BACK = timedelta(days=366)
BATCH = 200
PUT_OFF = timedelta(hours=1)
"""How long an outcome rests that could not be stored."""


@dataclass(frozen=True, slots=True)
class Reported:
    """What was noted. ``late``: the call was over already, so that it will be shown and move nothing."""

    outcome: CallOutcome
    task: Task
    late: bool


def report(
    runtime: Runtime,
    task_id: int,
    outcome: str,
    actor: Account,
    *,
    at: datetime | None = None,
    minutes: float | None = None,
    note: str | None = None,
) -> Reported:
    """Note how a call went; within the grace it takes the place of what was reported before.

    ``at`` is when to call back, without a zone on the reporter's own wall; ``minutes`` is how long the call took.
    Raises NotFoundError for an unknown call, NurtureError for an outcome that nobody declared, or a call-back without
    a time to come.
    """
    now = runtime.now()

    def write(tx: Connection) -> Reported:
        workspace = runtime.shelf.published(tx).workspace
        _refuse_unknown(outcome, workspace)
        data = _data(_call_back(outcome, at, workspace.zone_of(actor.timezone), now), minutes, note)
        task = _locked(tx, task_id)
        for before in outcomes.of_task(tx, task_id):
            if before.pending:
                _take_back(tx, before.id, now)
        new = NewOutcome(
            task_id=task_id,
            outcome=outcome,
            data=data,
            actor=actor.email,
            reported_at=now,
            settles_at=now + GRACE,
            closed=_close(tx, task, outcome, actor, now),
        )
        return Reported(outcomes.add(tx, new), task, late=task.state is not TaskState.OPEN)

    return runtime.database.retrying(write)


def undo(runtime: Runtime, outcome_id: int, actor: Account) -> Task:
    """Take a click back, and open the number that it closed. Returns the call it was about.

    Raises NotFoundError, and NurtureError when it counts already or was taken back before.
    """
    now = runtime.now()

    def write(tx: Connection) -> Task:
        told = outcomes.get(tx, outcome_id)
        if told is None:
            raise NotFoundError("there is no such outcome", hint="the call's page lists those there are")
        task = _locked(tx, told.task_id)
        if not _take_back(tx, told.id, now):
            raise NurtureError(
                f"'{told.outcome}' cannot be taken back any more",
                hint="record a new outcome, or move the contact to a stage by hand, with a reason",
            )
        _note(runtime, tx, actor, "undo-outcome", task, {"outcome": told.outcome})
        return task

    return runtime.database.retrying(write)


def settle(runtime: Runtime, limit: int = BATCH) -> int:
    """Turn the outcomes whose time has come into events; returns how many. Any number of processes may at once."""
    now = runtime.now()
    with runtime.database.read() as tx:
        waiting = outcomes.due(tx, now, limit)
    return _settle(runtime, waiting, now) if waiting else 0


def take(runtime: Runtime, task_id: int, actor: Account) -> Task:
    """Make somebody else's call one's own. Raises NotFoundError, and NurtureError for a call that is over."""
    return assign_to(runtime, task_id, actor.email, actor)


def assign_to(runtime: Runtime, task_id: int, person: str, actor: Account) -> Task:
    """Give an open call to somebody: a member of a team, or a person who logs in and may make calls.

    Raises NotFoundError for an unknown call or person, NurtureError for a call that is over.
    """
    key = person_key(person)

    def write(tx: Connection) -> Task:
        before = _task(tx, task_id)
        known = callers(tx, runtime.shelf.published(tx).workspace)
        if key not in known:
            hint = did_you_mean(key, set(known)) or "add them to [teams] in nurture.toml and publish"
            raise NotFoundError(f"nobody who makes calls is known as {person}", hint=hint)
        given = tasks.assign(tx, task_id, key)
        if given is None:
            raise NurtureError("this call is over", hint="nobody needs to make it any more")
        if before.assignee != key:
            _note(runtime, tx, actor, "assign-call", given, {"from": before.assignee or "", "to": key})
        return given

    return runtime.database.retrying(write)


def callers(tx: Connection, workspace: Workspace) -> Mapping[str, str]:
    """Everybody who may make calls, by key, and what they are called: teams first, in their order."""
    found = {one.key: one.name for one in members(workspace)}
    for known in users.everyone(tx):
        if known.account.role in CALLERS and not known.disabled:
            key = person_key(known.account.email)
            found[key] = known.account.name or found.get(key) or known.account.called
    return found


def allowed_outcomes(workspace: Workspace) -> tuple[str, ...]:
    """Every outcome a call may have, as people meet them: good ones first, those that close the number last."""
    return (*FIRST, *sorted(workspace.outcomes - OUTCOMES), *CLOSES_PHONE)


FIRST = ("reached", "booked", "voicemail", "no-answer", CALLS_AGAIN, "not-interested")
"""The known outcomes that leave the number open."""


# --- what a report must hold ------------------------------------------------------------------------------------


def _data(at: datetime | None, minutes: float | None, note: str | None) -> dict[str, Scalar]:
    """What goes into the event beside the outcome."""
    data: dict[str, Scalar] = {}
    if at is not None:
        data["at"] = at.isoformat(timespec="minutes")
    if minutes is not None:
        if not 0 <= minutes <= LONGEST_CALL:
            raise NurtureError(f"a call takes 0 to {LONGEST_CALL} minutes", hint="leave it empty when unsure")
        data["minutes"] = minutes
    if note and (written := "".join(c for c in note if c.isprintable() or c in "\n\t").strip()):
        if len(written) > LONGEST_NOTE:
            raise NurtureError(
                f"a note has at most {LONGEST_NOTE:,} characters", hint=f"this one has {len(written):,}"
            )
        data["note"] = written
    return data


def _refuse_unknown(outcome: str, workspace: Workspace) -> None:
    known = allowed_outcomes(workspace)
    if outcome not in known:
        declare = "declare it under [outcomes] in nurture.toml and publish"
        raise NurtureError(
            f"there is no outcome '{outcome[:80]}'", hint=did_you_mean(outcome, known) or declare
        )


def _call_back(outcome: str, at: datetime | None, zone: ZoneInfo, now: datetime) -> datetime | None:
    """When to call back; only that outcome has a time. A time without a zone is one on the wall in ``zone``."""
    if outcome != CALLS_AGAIN:
        return None
    if at is None:
        raise NurtureError("when shall we call back?", hint="choose a day and a time")
    again = to_utc(at, zone) if at.tzinfo is None else at
    if again <= now:
        raise NurtureError("the time to call back is over already", hint="choose one that is still to come")
    if again > now + LATEST_CALL_BACK:
        raise NurtureError("the time to call back is more than a year away", hint="choose an earlier one")
    return again


def _task(tx: Connection, task_id: int) -> Task:
    task = tasks.get(tx, task_id)
    if task is None:
        raise NotFoundError("there is no such call", hint="the queue lists those there are")
    return task


def _locked(tx: Connection, task_id: int) -> Task:
    """The call as it is while nobody else stores anything about its contact, or opens or closes the number."""
    contact = _task(tx, task_id).contact_id
    _, phone = suppressions.hashes_of(tx, {contact})[contact]
    contacts.lock_numbers(tx, {phone} if phone else ())
    contacts.lock(tx, {contact})
    return _task(tx, task_id)


# --- numbers that a click closes --------------------------------------------------------------------------------


def _close(tx: Connection, task: Task, outcome: str, actor: Account, now: datetime) -> str | None:
    """Close the number at once where the outcome says so; its hash, unless it had been closed before."""
    reason = CLOSES_PHONE.get(outcome)
    _, phone = suppressions.hashes_of(tx, {task.contact_id})[task.contact_id]
    if reason is None or phone is None:
        return None
    entry = Suppression(
        address_hash=phone, channel=Channel.PHONE, reason=reason, at=now, source=f"call by {actor.email}"
    )
    return phone if suppressions.add(tx, [entry], actor.email) else None


def _take_back(tx: Connection, outcome_id: int, now: datetime) -> bool:
    """Take it back if there is time left; exactly what this click closed is open again.

    Unless another click closed the same number, be it that of another contact who shares it.
    """
    told = outcomes.undo(tx, outcome_id, now)
    if told is None:
        return False
    if told.closed:
        others = outcomes.pending_of_number(tx, told.closed)
        heir = next((one for one in others if one.outcome == told.outcome), None)
        if heir:
            outcomes.hand_on(tx, heir.id, told.closed)
        else:
            suppressions.end(
                tx,
                told.closed,
                Channel.PHONE,
                [CLOSES_PHONE[told.outcome]],
                at=now,
                source="outcome taken back",
            )
    return True


# --- from click to event ----------------------------------------------------------------------------------------


def _settle(runtime: Runtime, waiting: Mapping[int, int], now: datetime) -> int:
    """Settle these at once or, where one of them cannot be stored, one by one: it holds up no other."""

    def write(tx: Connection) -> int:
        contacts.lock(tx, set(waiting.values()))
        settled = outcomes.settle(tx, list(waiting), now)
        about = tasks.by_ids(tx, {one.task_id for one in settled})
        happenings = [_happening(one, about[one.task_id]) for one in settled]
        take_in(tx, runtime.shelf, happenings, now)
        return len(settled)

    try:
        return runtime.database.retrying(write)
    except (OperationalError, UnreachableError):
        raise  # the database is away, and these are as good as any
    except Exception:
        if len(waiting) > 1:
            return sum(_settle(runtime, {one: contact}, now) for one, contact in waiting.items())
        (outcome_id,) = waiting
        log.exception("outcome cannot be settled", outcome=outcome_id)
        with runtime.database.write() as tx:
            outcomes.put_off(tx, outcome_id, now + PUT_OFF)
        return 0


def _happening(told: CallOutcome, task: Task) -> Happening:
    return Happening(
        contact_id=task.contact_id,
        name=CALL_OUTCOME,
        data={"outcome": told.outcome, **told.data},
        at=told.reported_at,
        # The call's key cannot be guessed: nobody outside can take this id before us.
        id=f"outcome:{task.key}:{told.id}",
        source=told.actor,
        about=(task.enrollment_id, task.step, task.visit),
        number=told.closed,
    )


def _note(
    runtime: Runtime, tx: Connection, actor: Account, action: str, task: Task, detail: Mapping[str, str]
) -> None:
    runtime.audit(tx, actor.email, action, f"task:{task.id}", detail)
