"""How many messages a minute may leave, evenly: who may go now, and when the others come back.

A pace is a promise to a mail server: in no minute more than it says, and never a burst after a rest. Reads no clock;
all times are operational.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

SLACK = timedelta(seconds=3)
"""What was not used in the last moments may be used still: workers look about once a second, not at every turn."""
MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Pace:
    """At most ``per_minute`` messages under one ``name``: a sender's, or a sender's to one domain."""

    name: str
    per_minute: int

    @property
    def apart(self) -> timedelta:
        """The span between two messages. A little more than its share of a minute, so that ``SLACK`` fits in."""
        return (MINUTE + SLACK) / self.per_minute


@dataclass(slots=True)
class Meter:
    """What a pace remembers: when the next message would be in step, and the last turn that was promised."""

    in_step_at: datetime
    promised_at: datetime

    def heed(self, pace: Pace, now: datetime) -> None:
        """Begin anew where the meter is further ahead than it can be: the clock was, and is back."""
        if self.in_step_at > now + SLACK + pace.apart:
            self.in_step_at, self.promised_at = now, now - pace.apart

    def open_at(self, now: datetime) -> bool:
        return self.in_step_at <= now + SLACK

    def take(self, pace: Pace, now: datetime) -> None:
        """One message goes."""
        self.in_step_at = max(self.in_step_at, now) + pace.apart

    def behind(self, pace: Pace) -> datetime:
        """The turn behind all that were promised before."""
        return max(self.promised_at + pace.apart, self.in_step_at)

    def promise(self, at: datetime) -> None:
        """Somebody is told to come then."""
        self.promised_at = at


@dataclass(frozen=True, slots=True)
class Asking:
    """A message that wants to leave, and the paces it keeps.

    ``first`` marks one that goes before those who have only just come: it waited before, or answers a contact's wish.
    """

    id: int
    paces: tuple[Pace, ...]
    first: bool = False


@dataclass(frozen=True, slots=True)
class Turn:
    """When a message that may not go now is to ask again, and which of its paces says so."""

    at: datetime
    by: Pace


def give_turns(asking: Sequence[Asking], meters: Mapping[str, Meter], now: datetime) -> dict[int, Turn]:
    """Let those go for whom there is room, in their order, those marked ``first`` before the others.

    Returns the turns of all others by id; who is missing may leave now. The meters move on. A message keeps its place:
    one that asks again in vain comes back with the next that are free, not behind the queue.
    """
    for pace in {pace for one in asking for pace in one.paces}:
        meters[pace.name].heed(pace, now)
    turns: dict[int, Turn] = {}
    told: dict[str, int] = {}
    for one in sorted(asking, key=lambda one: not one.first):
        if all(meters[pace.name].open_at(now) for pace in one.paces):
            for pace in one.paces:
                meters[pace.name].take(pace, now)
            continue
        turn = max(
            (
                Turn(_next(pace, meters, told) if one.first else meters[pace.name].behind(pace), pace)
                for pace in one.paces
            ),
            key=lambda turn: turn.at,
        )
        if not one.first:
            # Of the pace that holds it, and no other: a sender's turns are not used up by those who wait for their domain.
            meters[turn.by.name].promise(turn.at)
        turns[one.id] = turn
    return turns


def _next(pace: Pace, meters: Mapping[str, Meter], told: dict[str, int]) -> datetime:
    """The next turn of this pace that nobody in this round was told to come for."""
    before = told.get(pace.name, 0)
    told[pace.name] = before + 1
    return meters[pace.name].in_step_at + before * pace.apart
