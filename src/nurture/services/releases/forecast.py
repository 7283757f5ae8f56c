"""How many messages and calls the next fourteen days bring: every contact under way played on through the real gates.

Twice: as it is now, and as it would be. It stores nothing. What contacts will do is not known, so it is taken to be
nothing; of very many contacts a sample is played and scaled, and the numbers say so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from sqlalchemy import Connection

from nurture.db import migrating
from nurture.model.chance import share
from nurture.services.releases.forecast_play import CALL, MESSAGE, Dues, Playing, Standpoint, State, Tally
from nurture.services.releases.newcomers import Newcomers, newcomers
from nurture.services.runtime import Runtime

DAYS = 14
SAMPLE = 5_000
"""Contacts played at most, unless a reader cannot wait; of more a share is picked by hash, always the same."""
CHUNK = 250

Progress = Callable[[int, int], None]
"""Told how many contacts are done, of how many."""


def in_silence(done: int, of: int) -> None:
    """Tells nobody how far it is."""


@dataclass(frozen=True, slots=True)
class Day:
    """What leaves on one day of the workspace's zone: as it is now, then, and of it what new contacts bring."""

    day: date
    messages_now: int
    messages: int
    calls_now: int
    calls: int
    messages_of_new: int
    calls_of_new: int


@dataclass(frozen=True, slots=True)
class Volume:
    """The messages and calls of one workflow by day, new contacts included, in the order of the days."""

    messages_now: tuple[int, ...]
    messages: tuple[int, ...]
    calls_now: tuple[int, ...]
    calls: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Forecast:
    """The next days. ``played`` of ``contacts`` were played; ``entries`` is how many a day come new, by workflow."""

    days: tuple[Day, ...] = ()
    workflows: Mapping[str, Volume] = field(default_factory=dict)
    contacts: int = 0
    played: int = 0
    entries: Mapping[str, float] = field(default_factory=dict)
    dues: Mapping[Standpoint, Dues] = field(default_factory=dict)
    undecidable: int = 0
    """Contacts whose workflow cannot be played on."""

    @property
    def messages(self) -> int:
        return sum(day.messages for day in self.days)

    @property
    def calls(self) -> int:
        return sum(day.calls for day in self.days)


def forecast(
    tx: Connection,
    runtime: Runtime,
    now_live: State,
    planned: State,
    takes_along: frozenset[str],
    progress: Progress = in_silence,
    most: int | None = None,
) -> Forecast:
    """Play everybody under way for fourteen days, at most about ``most`` of them, usually SAMPLE.

    ``planned.ways`` say who could be taken along; ``takes_along`` which versions are.
    """
    now = runtime.now()
    people = migrating.people_under_way(tx)
    most = most or SAMPLE
    chosen = people if len(people) <= most else _sample(people, most)
    first = now.astimezone(planned.workspace.zone).date()
    days = [first + timedelta(days=number) for number in range(DAYS)]
    playing = Playing(tx, runtime, now_live, planned, takes_along, now, days)
    for start in range(0, len(chosen), CHUNK):
        playing.chunk(chosen[start : start + CHUNK])
        progress(min(start + CHUNK, len(chosen)), len(chosen))
    scale = len(people) / len(chosen) if chosen else 1.0
    return _Sum(
        playing.days,
        (playing.before, playing.after),
        scale,
        (
            newcomers(tx, now_live, now, DAYS),
            newcomers(tx, planned, now, DAYS),
        ),
    ).forecast(playing, len(people), len(chosen))


def _sample(people: Sequence[int], most: int) -> list[int]:
    part = most / len(people)
    return [person for person in people if share("forecast", str(person)) < part]


@dataclass(frozen=True, slots=True)
class _Sum:
    """Adds up who is under way, scaled, and who comes new. Everything here is a pair: as it is now, and then."""

    days: Sequence[date]
    tallies: tuple[Tally, Tally]
    scale: float
    new: tuple[Newcomers, Newcomers]

    def forecast(self, playing: Playing, contacts: int, played: int) -> Forecast:
        known = {name for tally in self.tallies for name, _, _ in tally}
        names = sorted(known | self.new[0].a_day.keys() | self.new[1].a_day.keys())
        return Forecast(
            days=tuple(self._day(number, day, names) for number, day in enumerate(self.days)),
            workflows={name: self._volume(name) for name in names},
            contacts=contacts,
            played=played,
            entries=self.new[1].a_day,
            dues=playing.dues,
            undecidable=playing.undecidable,
        )

    def _day(self, number: int, day: date, names: Sequence[str]) -> Day:
        def all_of(then: int, what: str) -> int:
            return round(sum(self._of(name, then, what, number) for name in names))

        def of_new(what: str) -> int:
            return round(sum(self.new[1].on(name, what, number) for name in names))

        return Day(
            day=day,
            messages_now=all_of(0, MESSAGE),
            messages=all_of(1, MESSAGE),
            calls_now=all_of(0, CALL),
            calls=all_of(1, CALL),
            messages_of_new=of_new(MESSAGE),
            calls_of_new=of_new(CALL),
        )

    def _volume(self, name: str) -> Volume:
        def line(then: int, what: str) -> tuple[int, ...]:
            return tuple(round(self._of(name, then, what, number)) for number in range(len(self.days)))

        return Volume(line(0, MESSAGE), line(1, MESSAGE), line(0, CALL), line(1, CALL))

    def _of(self, name: str, then: int, what: str, number: int) -> float:
        under_way = self.tallies[then][name, self.days[number], what] * self.scale
        return under_way + self.new[then].on(name, what, number)
