"""What contacts may choose about our mail: how often it comes at most, and for how many weeks none comes.

The choices and their words; who may be written to at all is a matter of permission, not of these.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from nurture.model.words import Scalar

HOW_OFTEN: Mapping[int, str] = {
    7: "At most one a week",
    14: "At most one in two weeks",
    30: "At most one a month",
}
"""Days between two marketing mails → how people say it. Without a choice they come as they come."""
AS_THEY_COME = "As they come"
WEEKS = (2, 4, 8, 12)
"""For how many weeks somebody may pause our mail: a rest, which is nobody else's."""

THEMSELVES = "the contact"
"""Whom a rest that somebody chose is by: nobody of ours ends it, and they end nobody else's."""
FEWER, PAUSE, GO_ON = "fewer", "pause", "go-on"
"""What an event ``preference.changed`` tells, in ``event.choice``."""


def in_words(data: Mapping[str, Scalar]) -> str:
    """The choice that an event tells: ``Chose how often: at most one a week``, ``Asked for a pause until 3 April 2026``."""
    match data.get("choice"):
        case "fewer":
            days = data.get("days")
            said = HOW_OFTEN.get(days, AS_THEY_COME) if isinstance(days, int) else AS_THEY_COME
            return f"Chose how often: {said[0].lower()}{said[1:]}"
        case "pause":
            return f"Asked for a pause until {_day(data.get('until'))}"
        case "go-on":
            return "Ended their own pause before its time"
    return "Chose something about our mail"


def _day(until: Scalar) -> str:
    """A date as a person writes it; the text as it stands when it is none."""
    try:
        return f"{datetime.fromisoformat(str(until)):%-d %B %Y}"
    except ValueError:
        return str(until)
