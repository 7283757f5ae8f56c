"""The people of the demo: made up, the same every time, each with a way of their own to say yes, no, later or nothing.

Every address and number is reserved for examples, so that nobody real is ever reached.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from nurture.model.chance import pick, share

HOW_MANY = 120
FIRST = [
    "Ana",
    "Bea",
    "Carl",
    "Dora",
    "Eli",
    "Fay",
    "Gus",
    "Hana",
    "Ivan",
    "June",
    "Kai",
    "Lena",
    "Milo",
    "Nora",
    "Owen",
    "Petra",
    "Quinn",
    "Rosa",
    "Sami",
    "Tess",
    "Uma",
    "Victor",
    "Wanda",
    "Xavier",
    "Yara",
    "Zoe",
    "Amir",
    "Britt",
    "Cleo",
    "Dev",
]
LAST = [
    "Marsh",
    "Okafor",
    "Lindqvist",
    "Tran",
    "Boucher",
    "Reyes",
    "Novak",
    "Sharma",
    "Eide",
    "Castellanos",
    "Whitfield",
    "Moreau",
]
FRENCH = frozenset({"Boucher", "Moreau"})
"""Who reads French first."""
HOSTS = ("example.org", "example.com", "example.net")
ZONES = {
    "America/Toronto": 9,
    "America/Winnipeg": 2,
    "America/Vancouver": 3,
    "America/Halifax": 2,
    "Europe/Berlin": 1,
}


class Start(StrEnum):
    """How somebody comes to the company."""

    GUIDE = "readiness-guide"
    EVENING = "catch-up-evening"
    CLIENT = "client"
    DORMANT = "dormant"
    """Silent since last year; somebody enrolls them to win them back."""


class Temper(StrEnum):
    """How somebody takes what they get."""

    EAGER = "eager"
    CURIOUS = "curious"
    SLOW = "slow"
    SILENT = "silent"
    LEAVING = "leaving"
    GONE = "gone"
    """The address stops working."""


STARTS: dict[str, float] = {Start.GUIDE: 36, Start.EVENING: 15, Start.CLIENT: 8, Start.DORMANT: 6}
LAST_DAY = {Start.GUIDE: 41, Start.EVENING: 41, Start.CLIENT: 3, Start.DORMANT: 12}
"""By which day of the demo the last of them has come."""
RUSH = 10
"""Days."""


@dataclass(frozen=True, slots=True)
class Player:
    """One person. ``first_move`` counts from the first day of the demo."""

    email: str
    first_name: str
    last_name: str
    phone: str | None
    timezone: str
    locale: str
    age: int
    household: str
    start: Start
    temper: Temper
    consents: bool
    first_move: timedelta

    def share(self, *names: str) -> float:
        """Their chance in one matter, the same every time."""
        return share("demo", self.email, *names)

    def after(self, what: str, least_hours: float, most_hours: float) -> timedelta:
        """How long they take for something."""
        return timedelta(hours=least_hours + (most_hours - least_hours) * self.share("time", what))


def players() -> Iterator[Player]:
    """Everybody, in the order of their names."""
    for number in range(HOW_MANY):
        first = FIRST[number % len(FIRST)]
        # They would begin anew after 60: no two have the same name.
        last = LAST[(number * 5 + number // 60) % len(LAST)]
        email = f"{first}.{last}@{HOSTS[number % 3]}".lower()
        start = Start(pick(STARTS, "start", email))
        yield Player(
            email=email,
            first_name=first,
            last_name=last,
            phone=None if share("phone", email) < 0.15 else f"+1416555{100 + number:04}",
            timezone=pick(ZONES, "zone", email),
            locale="fr-CA" if last in FRENCH else "en-CA",
            age=45 + int(24 * share("age", email)),
            household=pick({"single": 3, "couple": 5, "family": 2}, "household", email),
            start=start,
            temper=Temper(
                pick(
                    {
                        Temper.EAGER: 22,
                        Temper.CURIOUS: 30,
                        Temper.SLOW: 22,
                        Temper.SILENT: 18,
                        Temper.LEAVING: 5,
                        Temper.GONE: 3,
                    },
                    "temper",
                    email,
                )
            ),
            consents=share("consents", email) < 0.93,
            first_move=timedelta(days=_day(start, email), hours=8 + 13 * share("hour", email)),
        )


def _day(start: Start, email: str) -> int:
    """The day on which somebody comes: more of them every week, and a rush at the end, as after a good article."""
    last, when = LAST_DAY[start], share("day", email)
    rushes = start in (Start.GUIDE, Start.EVENING) and share("rush", email) < 0.2
    return last - int(RUSH * when) if rushes else int(last * when**0.7)


def as_csv(people: list[Player]) -> bytes:
    """These people as the spreadsheet that somebody would import."""
    text = io.StringIO()
    sheet = csv.writer(text)
    sheet.writerow(
        ("E-mail", "First name", "Last name", "Phone", "Time zone", "Language", "Age", "Household", "Tags")
    )
    for one in people:
        tags = "client" if one.start is Start.CLIENT else ""
        row = (
            one.email,
            one.first_name,
            one.last_name,
            one.phone or "",
            one.timezone,
            one.locale,
            one.age,
            one.household,
            tags,
        )
        sheet.writerow(row)
    return text.getvalue().encode()
