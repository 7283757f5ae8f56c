"""What an event does at once, whoever reads it later: the address it closes, the permission, when to call again.

Only answers; the store writes them down, and walks keep them in memory.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta

from nurture.model.permission import channels_of, end_of
from nurture.model.words import Channel, Event, Grant, Scalar, SuppressionReason

CLOSES_MAIL = {
    "email.bounced": SuppressionReason.HARD_BOUNCE,
    "email.complained": SuppressionReason.COMPLAINT,
}
CLOSES_PHONE = {
    "wrong-number": SuppressionReason.WRONG_NUMBER,
    "do-not-call": SuppressionReason.DO_NOT_CALL,
}
CALLS_AGAIN = "call-back"
"""The outcome that keeps a call open, for another time."""
CALL_BACK_IN = timedelta(days=1)


def closes(event: Event) -> tuple[Channel, SuppressionReason] | None:
    """The channel on which the contact must not be reached any more, and why."""
    if event.name == "email.bounced" and event.data.get("kind", "hard") != "hard":
        return None
    if event.name in CLOSES_MAIL:
        return Channel.EMAIL, CLOSES_MAIL[event.name]
    outcome = event.data.get("outcome") if event.name == "call.outcome" else None
    return (Channel.PHONE, CLOSES_PHONE[str(outcome)]) if outcome in CLOSES_PHONE else None


def asks_to_call_back(event: Event) -> bool:
    """Is this the outcome that keeps a call open, for another time?"""
    return event.name == "call.outcome" and event.data.get("outcome") == CALLS_AGAIN


def redated(event: Event, due: datetime, expires: datetime) -> tuple[datetime, datetime]:
    """``due`` and ``expires`` of a call that is to be made again: at the event's ``at``, else a day later."""
    again = _moment(event.data.get("at")) or event.arrived_at + CALL_BACK_IN
    return again, max(expires, again + (expires - due))


def permissions(
    event: Event, grants: tuple[Grant, ...], withdrawn: frozenset[str], ours: Collection[str]
) -> tuple[tuple[Grant, ...], frozenset[str]]:
    """The live grants and the purposes taken back once ``event`` has come; without a purpose it withdraws all of ``ours``."""
    purpose, by_mail = event.data.get("purpose"), concerns_mail(event)
    if event.name == "consent.granted" and purpose:
        new = Grant(event.id, Channel.EMAIL, str(purpose), event.arrived_at, end_of(event.data))
        # The latest word counts: what was granted before is proof, and no more.
        others = tuple(one for one in grants if one.purpose != new.purpose)
        return (*others, new) if by_mail else grants, withdrawn - {new.purpose}
    if event.name == "consent.withdrawn":
        gone = {str(purpose)} if purpose else {*ours, *(one.purpose for one in grants)}
        left = tuple(one for one in grants if one.purpose not in gone)
        return left if by_mail else grants, withdrawn | gone
    return grants, withdrawn


def concerns_mail(event: Event) -> bool:
    """Is this yes or no about mail? It is unless it names other channels only."""
    named = channels_of(event.data)
    return not named or Channel.EMAIL in named


def granted(purposes: Iterable[str], at: datetime) -> tuple[Grant, ...]:
    """Live grants for e-mail with these purposes: what the contacts of walks and scenarios hold."""
    return tuple(Grant(n, Channel.EMAIL, purpose, at) for n, purpose in enumerate(sorted(purposes), start=1))


def _moment(value: Scalar) -> datetime | None:
    """None for what is no time, lies beyond any diary, or says no zone: nobody knows which nine o'clock is meant."""
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return moment if moment.tzinfo and 1970 < moment.year < 3000 else None
