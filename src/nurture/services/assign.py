"""Who makes a call: the contact's owner, a named person, or a team in turn, those with the fewest calls first.

Refuses nobody's work: a call without anybody to make it stays open without a name, and `nurture doctor` says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta

from sqlalchemy import Connection

from nurture.db import contacts, tasks
from nurture.db.contacts import Change
from nurture.db.tables import TaskState
from nurture.db.tasks import NewTask
from nurture.model.workspace import Team, Workspace

ROUND_ROBIN = "round-robin "
OWNER = "owner"


def to_people(tx: Connection, workspace: Workspace, new: Sequence[NewTask], now: datetime) -> list[NewTask]:
    """The same tasks, each with its assignee. A contact without an owner gets the one who makes the first call."""
    opening = [task for task in new if task.state is TaskState.OPEN]
    if not opening:
        return list(new)
    people = contacts.load(tx, {task.contact_id for task in opening})
    load = tasks.load_per_assignee(tx, now - timedelta(days=1), now + timedelta(days=7))
    owners = {task.contact_id: people[task.contact_id].owner for task in opening if task.contact_id in people}
    new_owners: dict[int, str] = {}
    assigned = []
    for task in new:
        if task.state is TaskState.OPEN:
            person = _assignee(task, owners.get(task.contact_id), workspace, load, now.date())
            if person and task.assign == OWNER and not owners.get(task.contact_id):
                owners[task.contact_id] = new_owners[task.contact_id] = person
            if person:
                load[person] = load.get(person, 0) + 1
            task = replace(task, assignee=person)  # noqa: PLW2901 - the same task, assigned
        assigned.append(task)
    contacts.apply_changes(tx, {id_: Change({"owner": owner}) for id_, owner in new_owners.items()}, now)
    return assigned


def _assignee(
    task: NewTask, owner: str | None, workspace: Workspace, load: dict[str, int], today: date
) -> str | None:
    if task.assign == OWNER:
        return owner or _next_of(list(workspace.teams.values()), load, today)
    if task.assign.startswith(ROUND_ROBIN):
        team = workspace.teams.get(task.assign.removeprefix(ROUND_ROBIN).strip())
        return _next_of([team] if team else [], load, today)
    team = workspace.teams.get(task.assign)
    return _next_of([team], load, today) if team else task.assign


def _next_of(teams: Sequence[Team], load: dict[str, int], today: date) -> str | None:
    """The member who is there and has the fewest calls, in the order in which the team names them."""
    members = [member for team in teams for member in team.members]
    there = [
        member
        for team in teams
        for member in team.members
        if today.isoformat() not in team.absences.get(member, ())
    ]
    return min(there or members, key=lambda member: load.get(member, 0), default=None)
