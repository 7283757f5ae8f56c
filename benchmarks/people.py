"""The contacts both sides write to: invented, always the same for the same number.

All addresses are in a domain reserved for examples; nobody real can ever be reached.
"""

from __future__ import annotations

from dataclasses import dataclass

FIRST_NAMES = ("Ana", "Bea", "Carl", "Dora", "Zoë", "Emil", "Fay", "Jürgen", "Gus", "Hana")
LAST_NAMES = ("Archer", "Bell", "Côté", "Doyle", "Evans", "Fox", "Grant")
DOMAINS = 40  # mail goes to many hosts in life; one domain would meet a per-domain rate


@dataclass(frozen=True, slots=True)
class Person:
    """One invented contact, who agreed to get mail for the purpose ``nurture``."""

    email: str
    first_name: str
    last_name: str
    timezone: str


def people(count: int) -> list[Person]:
    """The first ``count`` people, each with an address of their own."""
    return [
        Person(
            email=f"person{number}@mail{number % DOMAINS}.example.org",
            first_name=FIRST_NAMES[number % len(FIRST_NAMES)],
            last_name=LAST_NAMES[number % len(LAST_NAMES)],
            timezone="America/Toronto",
        )
        for number in range(count)
    ]
