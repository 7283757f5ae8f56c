"""Who makes a call: the contact's owner, a named person, or a team in turn, those with the fewest calls that day first.

The day that counts is the one on which the call is due, in the workspace's zone. Refuses nobody's work: where everybody
is full, or away, the one with the fewest gets it. Only a workspace without teams leaves a call without a name, and
`nurture doctor` says so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from nurture.db import contacts, tasks, users
from nurture.db.contacts import Change
from nurture.db.tasks import NewTask
from nurture.model.accounts import CALLERS
from nurture.model.calendars import day_span
from nurture.model.teams import Member, members, person_key
from nurture.model.words import TaskState
from nurture.model.workspace import Workspace

ROUND_ROBIN = "round-robin "
OWNER = "owner"


@dataclass(frozen=True, slots=True)
class Load:
    """How many calls one person of a team has due on a day; ``capacity`` None is no limit."""

    member: Member
    calls: int
    there: bool

    @property
    def over(self) -> bool:
        """More than they are there for."""
        limit = self.member.capacity if self.there else 0
        return limit is not None and self.calls > limit


def to_people(tx: Connection, workspace: Workspace, new: Sequence[NewTask], now: datetime) -> list[NewTask]:
    """The same tasks, each with its assignee. A contact without an owner gets the one who makes the first call."""
    opening = [task for task in new if task.state is TaskState.OPEN]
    if not opening:
        return list(new)
    tasks.one_hand_at_a_time(tx)
    people = contacts.load(tx, {task.contact_id for task in opening})
    owners = {id_: person_key(one.owner) for id_, one in people.items() if one.owner}
    rota = _rota(tx, workspace, {task.due.astimezone(workspace.zone).date() for task in opening})
    new_owners: dict[int, str] = {}
    assigned = []
    for task in new:
        if task.state is TaskState.OPEN:
            person = rota.assignee(task, owners.get(task.contact_id))
            if person and task.assign == OWNER and task.contact_id not in owners:
                owners[task.contact_id] = new_owners[task.contact_id] = person
            task = replace(task, assignee=person)  # noqa: PLW2901 - the same task, assigned
        assigned.append(task)
    contacts.apply_changes(tx, {id_: Change({"owner": owner}) for id_, owner in new_owners.items()}, now)
    return assigned


def loads_on(tx: Connection, workspace: Workspace, day: date) -> tuple[Load, ...]:
    """How many calls everybody in a team has due on a day of the workspace's zone."""
    rota = _rota(tx, workspace, {day})
    return tuple(Load(member, rota.load[member.key, day], member.there(day)) for member in members(workspace))


def logged_in(tx: Connection) -> tuple[Member, ...]:
    """Everybody who logs in and may make calls, as if they were a team of their own that is always there."""
    known = [one.account for one in users.everyone(tx) if not one.disabled and one.account.role in CALLERS]
    return tuple(Member(person_key(one.email), one.email, one.called, team="") for one in known)


@dataclass(slots=True)
class _Rota:
    """The teams, and how many calls everybody has on each day that matters; counts on as it gives out calls."""

    people: tuple[Member, ...]
    callers: frozenset[str]
    """Who logs in and may make calls, in a team or not."""
    load: Counter[tuple[str, date]]
    zone: ZoneInfo

    def assignee(self, task: NewTask, owner: str | None) -> str | None:
        """The key of the person who gets this call."""
        day = task.due.astimezone(self.zone).date()
        person = self._chosen(task.assign, owner, day)
        if person:
            self.load[person, day] += 1
        return person

    def _chosen(self, assign: str, owner: str | None, day: date) -> str | None:
        if assign == OWNER:
            own = [one for one in self.people if one.key == owner]
            if any(one.there(day) for one in own) or (not own and owner in self.callers):
                return owner
            return self._next_of(self.people, day) or owner
        team = [one for one in self.people if one.team == assign.removeprefix(ROUND_ROBIN).strip()]
        if team or assign.startswith(ROUND_ROBIN):
            return self._next_of(team, day)
        return person_key(assign)

    def _next_of(self, candidates: Iterable[Member], day: date) -> str | None:
        """Who is there and has room before who is full, both before who is away; then the fewest calls, then the team's order."""

        def rank(one: Member) -> tuple[bool, bool, int]:
            calls = self.load[one.key, day]
            return not one.there(day), one.capacity is not None and calls >= one.capacity, calls

        chosen = min(candidates, key=rank, default=None)
        return chosen.key if chosen else None


def _rota(tx: Connection, workspace: Workspace, days: Iterable[date]) -> _Rota:
    people = members(workspace)
    spans: Mapping[date, tuple[datetime, datetime]] = {day: day_span(day, workspace.zone) for day in days}
    load = tasks.load_per_day(tx, spans, {one.key for one in people})
    return _Rota(people, frozenset(one.key for one in logged_in(tx)), Counter(load), workspace.zone)
