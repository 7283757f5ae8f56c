"""The people who work at the sample company, so that a visitor can log in as one of them."""

from __future__ import annotations

from dataclasses import dataclass

from nurture.model.accounts import Account, Role
from nurture.services.runtime import Runtime
from nurture.services.staff import accounts

STAFF = (
    ("claire@example.org", "Claire Novak", Role.ADMIN),
    ("kim@example.org", "Kim Park", Role.SALES),
    ("leo@example.org", "Leo Brandt", Role.SALES),
)


@dataclass(frozen=True, slots=True)
class Staff:
    """Everybody who may log in, and the one password made for this demo alone."""

    people: tuple[Account, ...]
    password: str

    @property
    def boss(self) -> Account:
        """Who sees everything."""
        return self.people[0]

    @property
    def caller(self) -> Account:
        """Who makes calls."""
        return self.people[1]


def hire(runtime: Runtime) -> Staff:
    """Give each of them an account."""
    password = accounts.make_password()
    people = tuple(
        accounts.add(runtime, email, role, password, name=name, actor="demo") for email, name, role in STAFF
    )
    return Staff(people, password)
