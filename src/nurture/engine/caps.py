"""How many messages and calls are good manners: when a cap allows the next one, and whom it lets go first.

Pure counting; whether a message is asked about its caps at all is said in ``gates``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from nurture.model.decisions import Call, Send
from nurture.model.timing import Duration, Unit, add
from nurture.model.words import BACKSTAGE, Channel, Facts, Rival
from nurture.model.workspace import Cap, Workspace


@dataclass(frozen=True, slots=True)
class Full:
    """A cap is used up: which one, and when it allows the next."""

    cap: Cap
    until: datetime


def capped_channel(touch: Send | Call) -> Channel | None:
    """The channel whose caps count this; None for what no cap counts: answers, and notices to our own people."""
    if isinstance(touch, Call):
        return Channel.PHONE
    return touch.channel if touch.marketing and touch.channel not in BACKSTAGE else None


def with_own_cap(workspace: Workspace, days: int) -> Workspace:
    """The workspace as it is for a contact who wants at most one marketing mail in so many days: one more cap."""
    own = Cap(1, Duration(days, Unit.DAYS), chosen=True)
    ours = workspace.caps.get(Channel.EMAIL, ())
    return replace(workspace, caps={**workspace.caps, Channel.EMAIL: (*ours, own)})


def told(cap: Cap, channel: Channel) -> str:
    """The cap as a reason names it: ``messages: 3 per 7 days``, ``their own choice: 1 per 7 days``."""
    if cap.chosen:
        return f"their own choice: {cap}"
    return f"{'calls' if channel is Channel.PHONE else 'messages'}: {cap}"


def full(caps: Iterable[Cap], moments: Sequence[datetime], at: datetime, zone: ZoneInfo) -> Full | None:
    """The cap that holds the longest what would happen at ``at``; None when all of them allow it.

    ``moments`` is what they count, in any order; what is still to come counts like what has been.
    """
    ordered = sorted(moments)
    held = [
        Full(cap, until)
        for cap in caps
        if len(ordered) >= cap.most and (until := add(ordered[-cap.most], cap.per, zone)) > at
    ]
    return max(held, key=lambda one: one.until, default=None)


def outranked(facts: Facts, me: Rival, at: datetime, zone: ZoneInfo) -> tuple[Rival, Full] | None:
    """Who goes first on the local day of ``at``, when the caps leave too few slots for both; None when I may go.

    Only those that stand before a message that is due that day count: they go when due, or at ``at`` when that is
    past. The order is strict and stays the same while manners move messages about, so that no two wait for each other.
    """
    caps, spent = facts.workspace.caps.get(Channel.EMAIL, ()), facts.recent.get(Channel.EMAIL, ())
    day = at.astimezone(zone).date()
    first = [one for one in facts.rivals if one.rank < me.rank and one.due.astimezone(zone).date() == day]
    theirs = sorted(((max(one.due, at), one) for one in first), key=lambda pair: (pair[0], pair[1].rank))
    without_me, with_me = list(spent), [*spent, at]
    loses = None
    for when, one in theirs:
        if loses is None and full(caps, with_me, when, zone):
            loses = one
        without_me.append(when)
        with_me.append(when)
    held = full(caps, without_me, at, zone) if loses else None
    return (loses, held) if loses and held else None
