"""Visits to a message in words: who it seems to have been, and what shows it.

Chooses words only; ``engine.grading`` judges.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from nurture.db import hits
from nurture.db.hits import Response
from nurture.model.visits import IN_WORDS, Grade, HitKind, Sign
from nurture.model.words import Event

WHO = {
    Grade.HUMAN: "a person",
    Grade.PROBABLE: "probably a machine",
    Grade.CERTAIN: "a machine",
}
MOST = 100
NOT_YET = "not judged yet"
_DID = {HitKind.OPEN: "opened it", HitKind.TRAP: "followed the link that nobody sees"}


@dataclass(frozen=True, slots=True)
class VisitLine:
    """One visit for a page: when, what, by whom it seems, and why it seems so."""

    at: datetime
    did: str
    who: str
    why: str
    human: bool


def visits_to(tx: Connection, delivery_id: int, since: datetime) -> tuple[VisitLine, ...]:
    """The visits to one message after a moment, the last hundred of them, oldest first."""
    found = hits.of_deliveries(tx, [delivery_id], since).get(delivery_id, [])[-MOST:]
    urls = hits.targets(tx, {one.target for one in found if one.target})
    return tuple(
        VisitLine(
            at=one.at,
            did=_DID.get(one.kind) or f"followed {urls.get(one.target or '', 'a link')}",
            who=WHO[one.grade] if one.grade else NOT_YET,
            why=because(one.because) if one.grade else "",
            human=one.grade is Grade.HUMAN,
        )
        for one in found
    )


def because(signs: Iterable[Sign]) -> str:
    """``It came within seconds after the message had left.``; nothing without a sign."""
    words = "; ".join(IN_WORDS[sign] for sign in signs)
    return f"{words[:1].upper()}{words[1:]}." if words else ""


def who_did(event: Event) -> str:
    """By whom a visit was, as an event tells it: ``probably a machine``."""
    grade = event.data.get("grade")
    return WHO[Grade(str(grade))] if grade in set(Grade) else "a machine did it"


def what_shows(event: Event) -> str:
    """Why it is taken so, as the event tells it."""
    known = set(Sign)
    return because(Sign(word) for word in str(event.data.get("because") or "").split(", ") if word in known)


def answers(response: Response) -> str:
    """``clicked, opened by a machine``: how one message was answered."""
    said = [
        word
        for word, yes in (
            ("clicked", response.clicked),
            ("opened", response.opened),
            ("clicked by a machine", response.clicked_by_machine),
            ("opened by a machine", response.opened_by_machine),
        )
        if yes
    ]
    return ", ".join(said)
