"""The calls that are to be made: overdue, today, later; one's own, everybody's, or those that nobody has.

Shows what there is and changes nothing. A call to a number that was closed, or with an outcome that still may be taken
back, is none that anybody is to make.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from nurture.db import contacts, enrollments, outcomes, tasks
from nurture.db.addresses import normalise_phone
from nurture.db.outcomes import CallOutcome
from nurture.db.tasks import Task
from nurture.engine.effects import CALLS_AGAIN
from nurture.model.accounts import Account
from nurture.model.teams import called, members, person_key
from nurture.model.words import Contact
from nurture.model.workspace import Workspace
from nurture.services.phone.calls import allowed_outcomes
from nurture.services.runtime import Runtime
from nurture.services.sending.compose import full_name
from nurture.services.story.marks import in_plain

MOST_SHOWN = 200


class Whose(StrEnum):
    MINE = "mine"
    EVERYONE = "everyone"
    UNASSIGNED = "unassigned"


@dataclass(frozen=True, slots=True, kw_only=True)
class Queued:
    """One call to be made. ``zone`` is the contact's; ``why`` says in a few words what the call is for."""

    task: Task
    contact: Contact
    name: str
    zone: ZoneInfo
    why: str
    need: str
    workflow: str
    caller: str | None

    @property
    def dial(self) -> str:
        """The number as a phone takes it; empty without one."""
        return normalise_phone(self.contact.phone or "")


@dataclass(frozen=True, slots=True)
class Pending:
    """An outcome that may still be taken back, and whose call it is about."""

    outcome: CallOutcome
    name: str

    @property
    def label(self) -> str:
        return in_plain(self.outcome.outcome)


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """``today`` is the reader's day. ``counts`` is of all calls, also of those beyond the ones shown."""

    whose: Whose
    zone: ZoneInfo
    overdue: tuple[Queued, ...]
    today: tuple[Queued, ...]
    later: tuple[Queued, ...]
    counts: Mapping[Whose, int]
    pending: tuple[Pending, ...]
    outcomes: tuple[tuple[str, str], ...]
    """What may be said of a call, with its label; but for those that need more than a click."""

    @property
    def shown(self) -> int:
        return len(self.overdue) + len(self.today) + len(self.later)


def queue(runtime: Runtime, account: Account, whose: Whose = Whose.MINE) -> Queue:
    """The calls to be made, the first due first, at most ``MOST_SHOWN``, and what the reader may still take back."""
    now = runtime.now()
    mine = person_key(account.email)
    with runtime.database.read() as tx:
        workspace = runtime.shelf.published(tx).workspace
        zone = workspace.zone_of(account.timezone)
        rows = queued(tx, runtime, _wanted(tx, whose, mine))
        by_person = tasks.waiting_counts(tx)
        pending = _pending(tx, account)
    today = now.astimezone(zone).date()
    return Queue(
        whose=whose,
        zone=zone,
        overdue=tuple(one for one in rows if one.task.due < now),
        today=tuple(
            one for one in rows if one.task.due >= now and one.task.due.astimezone(zone).date() == today
        ),
        later=tuple(one for one in rows if one.task.due.astimezone(zone).date() > today),
        counts={
            Whose.MINE: by_person.get(mine, 0),
            Whose.EVERYONE: sum(by_person.values()),
            Whose.UNASSIGNED: by_person.get(None, 0),
        },
        pending=pending,
        outcomes=tuple((one, in_plain(one)) for one in allowed_outcomes(workspace) if one != CALLS_AGAIN),
    )


def queued(tx: Connection, runtime: Runtime, wanted: Sequence[Task]) -> list[Queued]:
    """These calls with everything that a person wants to know before calling, in their order."""
    workspace = runtime.shelf.published(tx).workspace
    people = contacts.load(tx, {task.contact_id for task in wanted})
    standing = enrollments.get(tx, {task.enrollment_id for task in wanted})
    versions = runtime.shelf.versions(tx, {one.version for one in standing.values()})
    names = names_of(workspace)
    rows = []
    for task in wanted:
        contact, workflow = people[task.contact_id], versions[standing[task.enrollment_id].version]
        stage = next((one for one in workflow.stages if one.name == task.stage), None)
        rows.append(
            Queued(
                task=task,
                contact=contact,
                name=full_name(contact) or contact.email,
                zone=workspace.zone_of(contact.timezone),
                why=in_plain(task.script),
                need=stage.need if stage else "",
                workflow=workflow.title or workflow.name,
                caller=names.get(task.assignee, called(task.assignee)) if task.assignee else None,
            )
        )
    return rows


def names_of(workspace: Workspace) -> Mapping[str, str]:
    """What the members of the teams are called, by their key."""
    return {one.key: one.name for one in members(workspace)}


def _wanted(tx: Connection, whose: Whose, mine: str) -> list[Task]:
    if whose is Whose.EVERYONE:
        return tasks.waiting(tx, limit=MOST_SHOWN)
    return tasks.waiting_for(tx, mine if whose is Whose.MINE else None, limit=MOST_SHOWN)


def _pending(tx: Connection, account: Account) -> tuple[Pending, ...]:
    told = outcomes.pending_by(tx, account.email)
    about = tasks.by_ids(tx, {one.task_id for one in told})
    people = contacts.load(tx, {task.contact_id for task in about.values()})
    names = {task.id: people[task.contact_id] for task in about.values()}
    return tuple(Pending(one, full_name(names[one.task_id]) or names[one.task_id].email) for one in told)
