"""Who works with nurture: people who log in, tokens of other systems, and what each may do. A contact never logs in."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What a person may do: everything; define workflows; make calls and close sales; look."""

    ADMIN = "admin"
    MARKETER = "marketer"
    SALES = "sales"
    VIEWER = "viewer"


EVERYBODY = frozenset(Role)
"""May look at every page but those about people who log in."""
CALLERS = frozenset({Role.ADMIN, Role.MARKETER, Role.SALES})
"""May make calls, and say what happened outside: a meeting, a sale, a note."""
MARKETERS = frozenset({Role.ADMIN, Role.MARKETER})
"""May move contacts, pause workflows, add contacts, stop all sending."""
ADMINS = frozenset({Role.ADMIN})
"""May manage those who log in, and tokens."""


class Scope(StrEnum):
    """What a token of another system may do: report events; store contacts and their consent; read about contacts."""

    EVENTS_WRITE = "events:write"
    CONTACTS_WRITE = "contacts:write"
    CONTACTS_READ = "contacts:read"


@dataclass(frozen=True, slots=True)
class Account:
    """A person who may log in. ``timezone`` is theirs, None for the workspace's."""

    id: int
    email: str
    name: str
    role: Role
    timezone: str | None = None

    @property
    def called(self) -> str:
        """How we speak of them."""
        return self.name or self.email.partition("@")[0].capitalize()
