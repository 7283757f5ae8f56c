"""A life as it is written down before it is lived, and what an onlooker notes of it: for tests in which processes die."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from tests.support.generated import MAIL, SCRIPT
from tests.support.running import TOML

PEOPLE = ("ana", "bea", "carl")
"""They act; ``dora`` only gets her mail, and ``polly`` is poison."""
BYSTANDER, POISON = "dora", "polly"
NOWHERE = "Nowhere/At_all"
STEADY = """\
workflow: steady
title: One mail a day
purpose: nurture
reentry: never
stages:
  - stage: only
    need: Something every day
    trigger: manual
    validate: onboarding.completed
    steps:
"""
STEADY += "".join(f"      - {{email: {MAIL}, id: day{number}, after: 1 day}}\n" for number in range(1, 9))
STEADY += "    loss:\n      - {after: 60 days, reason: timed-out}\n"
LETTER = """\
---
subject: "News for {{ contact.first_name or 'you' }}"
---
{% if contact.plan == 'plus' %}{{ contact.nobody_has_this }}{% endif %}News. [Leave]({{ links.unsubscribe }}), {{ workspace.postal_address }}.
"""
MANNERS = '\n[caps]\nmessages = "2 per 3 days"\nquiet = "21:00-08:00"\n'


@dataclass(frozen=True)
class Deed:
    """Some hours pass, then this happens to or by somebody."""

    hours: int
    who: str
    what: str


@dataclass(frozen=True)
class Fault:
    """At this moment something goes wrong, or somebody gets in between.

    Moments are counted in all, or with ``in_dialogue`` only those while messages are in the hands of a sender; then it is
    one of their contacts who does ``what``.
    """

    moment: int
    what: str
    who: str = PEOPLE[0]
    in_dialogue: bool = False


@dataclass(frozen=True)
class Script:
    """A life: the workflows, a later version of the first, what happens when, what goes wrong, what the server says."""

    one: str
    two: str
    later: str
    manners: bool
    poison: str
    deeds: tuple[Deed, ...]
    faults: tuple[Fault, ...]
    answers: tuple[str, ...]
    """What the server says to one message after the other; it takes all the rest."""


def project(script: Script, one: str) -> dict[str, bytes]:
    """The files of a life's project, with ``one`` as the text of its first workflow."""
    files = {
        f"workflows/{name}.yaml": body
        for name, body in (("one", one), ("two", script.two), ("steady", STEADY))
    }
    files["nurture.toml"] = TOML + MANNERS * script.manners
    files[f"templates/email/{MAIL}.md"] = LETTER
    files[f"templates/call/{SCRIPT}.txt"] = "Call {{ contact.first_name }}.\n"
    return {path: body.encode() for path, body in files.items()}


@dataclass(frozen=True)
class Acceptance:
    """The server took a message. ``closed``: what its contact had told us before its dialogue was begun."""

    key: str
    message_id: str
    at: datetime
    closed: frozenset[str]


@dataclass
class Journal:
    """What an onlooker outside of the program knows: who was accepted, who opted out, when nobody could work."""

    accepted: list[Acceptance] = field(default_factory=list)
    closed: dict[str, frozenset[str]] = field(default_factory=dict)
    idle: list[tuple[datetime, datetime]] = field(default_factory=list)
    """Spans in which no worker ran, or the server refused us."""
    put_off: set[str] = field(default_factory=set)
    moved: set[str] = field(default_factory=set)
    deaths: int = 0
    doubts: int = 0
    """How often the server hung up, or a process slept too long: doubt is right then."""
    told: list[str] = field(default_factory=list)

    def close(self, email: str, why: str) -> None:
        self.closed[email] = self.closed.get(email, frozenset()) | {why}

    def open(self, email: str, why: str) -> None:
        self.closed[email] = self.closed.get(email, frozenset()) - {why}
