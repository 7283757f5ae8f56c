"""The people of the teams: each known by one address, however it is written, and there or away on a day.

Values only; who gets which call is decided elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from nurture.model.addresses import AddressError, parse_mailbox, same_key
from nurture.model.workspace import Team, Workspace


@dataclass(frozen=True, slots=True)
class Member:
    """One person in one team. ``key`` is what tasks and owners are matched by; ``capacity`` None is no limit."""

    key: str
    address: str
    name: str
    team: str
    capacity: int | None = None
    absent: frozenset[str] = frozenset()

    def there(self, day: date) -> bool:
        """Are they at work on this day? Absences are dates of the workspace's zone."""
        return day.isoformat() not in self.absent


def person_key(who: str) -> str:
    """What all spellings of a person's address share: ``Kim <KIM@Example.org>`` and ``kim@example.org`` are one.

    A name that is no address stands for itself.
    """
    try:
        return same_key(parse_mailbox(who).address)
    except AddressError:
        return who.strip()


def called(who: str) -> str:
    """How we speak of somebody of whom only the address is known."""
    return who.partition("@")[0].replace(".", " ").title()


def members(workspace: Workspace) -> tuple[Member, ...]:
    """Everybody in a team, in the order in which the teams name them; who is in two teams stands there twice."""
    return tuple(_member(team, who) for team in workspace.teams.values() for who in team.members)


def _member(team: Team, who: str) -> Member:
    key = person_key(who)
    mailbox = parse_mailbox(who)
    absent = {day for away, days in team.absences.items() if person_key(away) == key for day in days}
    return Member(
        key, mailbox.address, mailbox.name or called(key), team.name, team.capacity, frozenset(absent)
    )
