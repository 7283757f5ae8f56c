"""Everybody who works here: who may log in, in which teams they take calls, and who of a team cannot log in yet.

Shows what people did, too: the audit log, which nobody changes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from nurture.db import audit, users
from nurture.db.audit import Deed
from nurture.db.users import Known
from nurture.model.accounts import Account
from nurture.model.errors import NotFoundError, NurtureError
from nurture.model.teams import Member, members, person_key
from nurture.services.runtime import Runtime

DEEDS = 50
"""How many of the audit log stand on one page."""


@dataclass(frozen=True, slots=True)
class Colleague:
    """One person who may log in, or might again, and the teams they are in."""

    known: Known
    teams: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Crew:
    """All of them; ``strangers`` take calls in a team and cannot log in."""

    colleagues: tuple[Colleague, ...]
    strangers: tuple[Member, ...]


@dataclass(frozen=True, slots=True)
class Deeds:
    """A page of the audit log, newest first; ``older`` is where the next page begins, None at the end."""

    deeds: tuple[Deed, ...]
    older: int | None


def crew(runtime: Runtime) -> Crew:
    """Everybody, by address."""
    with runtime.database.read() as tx:
        everyone = users.everyone(tx)
    in_teams = _by_person(runtime)
    keys = {person_key(one.account.email): one for one in everyone}
    colleagues = [
        Colleague(one, tuple(member.team for member in in_teams.get(key, ()))) for key, one in keys.items()
    ]
    strangers = [own[0] for key, own in in_teams.items() if key not in keys]
    return Crew(tuple(colleagues), tuple(strangers))


def account(runtime: Runtime, user_id: int) -> Account:
    """The person with this id. Raises NotFoundError."""
    with runtime.database.read() as tx:
        found = users.by_id(tx, user_id)
    if found is None:
        raise NotFoundError("nobody like this logs in here")
    return found


def deeds(runtime: Runtime, before: int | None = None) -> Deeds:
    """What people did, newest first: one page, of what came before the deed ``before``."""
    with runtime.database.read() as tx:
        found = audit.page(tx, before=before, limit=DEEDS + 1)
    shown = found[:DEEDS]
    return Deeds(tuple(deed for _, deed in shown), shown[-1][0] if len(found) > DEEDS else None)


def _by_person(runtime: Runtime) -> Mapping[str, list[Member]]:
    """The members of all teams by person; none before anything was published."""
    try:
        workspace = runtime.published().workspace
    except NurtureError:
        return {}
    found: dict[str, list[Member]] = {}
    for member in members(workspace):
        found.setdefault(member.key, []).append(member)
    return found
