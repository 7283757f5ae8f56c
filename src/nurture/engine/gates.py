"""May this contact receive this message or call now? Every reason to say no, in order.

Law skips, then the experiment skips, then manners move to a better time. Asked when the step is due; the mail gates
are asked again in SQL when the message is claimed and right before it leaves.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from nurture.engine.caps import capped_channel, full, outranked, told
from nurture.model.calendars import end_of_quiet
from nurture.model.decisions import Call, Send
from nurture.model.matching import CONTACT_CHANGED
from nurture.model.timing import Calendar, Rule, resolve
from nurture.model.words import (
    BACKSTAGE,
    Channel,
    Enrollment,
    EnteredBy,
    Event,
    Facts,
    Grant,
    Reason,
    Rival,
    SuppressionReason,
)
from nurture.model.workspace import TRANSACTIONAL

UNSUBSCRIBED_ONLY = frozenset((SuppressionReason.UNSUBSCRIBED,))


def judged(
    touch: Send | Call, enrollment: Enrollment, evidence: Event | None, workflow_purpose: str
) -> Send | Call:
    """``touch`` with the purpose it is judged by.

    ``transactional`` frees a message only where the contact's own event, or a sale, entered the stage; anywhere else
    it is judged by the workflow's purpose. So is every call: no purpose frees it from a withdrawal.
    """
    if isinstance(touch, Call):
        return replace(touch, purpose=workflow_purpose) if touch.purpose == TRANSACTIONAL else touch
    if touch.channel in BACKSTAGE:
        return touch
    if touch.purpose == TRANSACTIONAL:
        if _did_it_themselves(enrollment, evidence):
            return replace(touch, marketing=False)
        return replace(touch, purpose=workflow_purpose, marketing=True)
    return touch if touch.marketing else replace(touch, marketing=True)


def _did_it_themselves(enrollment: Enrollment, evidence: Event | None) -> bool:
    """A field that an import or a step of ours changed is an event, but nothing that the contact did."""
    changed_by_us = evidence is not None and evidence.name == CONTACT_CHANGED
    return enrollment.entered_by is EnteredBy.EVENT and not changed_by_us


def live_grant(facts: Facts, purpose: str, now: datetime, channel: Channel = Channel.EMAIL) -> Grant | None:
    """The consent a marketing message with this purpose would rely on."""
    return next(
        (
            grant
            for grant in facts.grants
            if grant.channel is channel
            and grant.purpose == purpose
            and (grant.expires_at is None or grant.expires_at > now)
        ),
        None,
    )


def _is_suppressed(touch: Send | Call, enrollment: Enrollment, facts: Facts, now: datetime) -> bool:
    channel = Channel.PHONE if isinstance(touch, Call) else Channel.EMAIL
    reasons = facts.suppressed.get(channel, frozenset())
    if isinstance(touch, Send) and not touch.marketing:
        reasons = reasons - UNSUBSCRIBED_ONLY
    return bool(reasons)


def _lacks_consent(touch: Send | Call, enrollment: Enrollment, facts: Facts, now: datetime) -> bool:
    if isinstance(touch, Call):
        return touch.purpose in facts.withdrawn
    return touch.marketing and live_grant(facts, touch.purpose, now) is None


def _is_held_out(touch: Send | Call, enrollment: Enrollment, facts: Facts, now: datetime) -> bool:
    return enrollment.holdout and (isinstance(touch, Call) or touch.marketing)


def _lacks_phone(touch: Send | Call, enrollment: Enrollment, facts: Facts, now: datetime) -> bool:
    return isinstance(touch, Call) and not facts.contact.phone


Gate = Callable[[Send | Call, Enrollment, Facts, datetime], bool]

GATES: tuple[tuple[Reason, Gate], ...] = (
    # Law first, then the experiment; the first closed gate is the reason a marketer reads.
    (Reason.SUPPRESSED, _is_suppressed),
    (Reason.NO_CONSENT, _lacks_consent),
    (Reason.NO_PHONE, _lacks_phone),
    (Reason.HOLDOUT, _is_held_out),
)


def closed_gate(touch: Send | Call, enrollment: Enrollment, facts: Facts, now: datetime) -> Reason | None:
    """The first reason why this message or call must not happen, or None."""
    if isinstance(touch, Send) and touch.channel in BACKSTAGE:
        return None
    return next((reason for reason, closed in GATES if closed(touch, enrollment, facts, now)), None)


@dataclass(frozen=True, slots=True)
class Held:
    """Manners would rather have it later: until when, which of them, and in words what exactly."""

    until: datetime
    reason: Reason
    because: tuple[str, ...] = ()


def better_time(
    touch: Send | Call, rule: Rule, facts: Facts, me: Rival, now: datetime, zone: ZoneInfo, calendar: Calendar
) -> Held | None:
    """When manners would rather have this message leave or call appear, and which of them says so; None for now.

    The step's own window holds for every message and call: it may have been left since the step was due. Caps count
    marketing messages, and calls, of all workflows; quiet hours are the contact's, and calls know none. ``me`` is how
    it ranks among what else stands before the contact.
    """
    asked = _asked(touch, rule, facts, me, zone, calendar)
    at, first = now, None
    for _ in range(_MOST_ROUNDS):
        before = at
        for manner in asked:
            held = manner(at)
            if held and held.until > at:
                at, first = held.until, first or held
        if at == before:
            break
    return replace(first, until=at) if first else None


_MOST_ROUNDS = 10
"""How often manners may push in turn; what they still push then is asked again at the time they found."""

Manner = Callable[[datetime], Held | None]


def _asked(
    touch: Send | Call, rule: Rule, facts: Facts, me: Rival, zone: ZoneInfo, calendar: Calendar
) -> list[Manner]:
    manners: list[Manner] = []
    if rule.window or rule.quiet:
        manners.append(lambda at: _outside_window(rule, at, zone, calendar))
    channel = capped_channel(touch)
    caps = facts.workspace.caps.get(channel, ()) if channel else ()
    if channel and caps:
        manners.append(lambda at: _over_cap(channel, facts, at, zone))
    if channel is Channel.EMAIL and caps and facts.rivals:
        manners.append(lambda at: _outranked(facts, me, at, zone))
    if channel is not None and channel is not Channel.PHONE and (quiet := facts.workspace.quiet):
        manners.append(lambda at: Held(end_of_quiet(quiet, at, zone), Reason.QUIET_HOURS))
    return manners


def _outside_window(rule: Rule, at: datetime, zone: ZoneInfo, calendar: Calendar) -> Held:
    own = Rule(window=rule.window, quiet=rule.quiet)
    return Held(resolve(own, at, zone, calendar).at, Reason.WINDOW)


def _over_cap(channel: Channel, facts: Facts, at: datetime, zone: ZoneInfo) -> Held | None:
    spent = full(facts.workspace.caps[channel], facts.recent.get(channel, ()), at, zone)
    if spent is None:
        return None
    return Held(spent.until, Reason.FREQUENCY_CAP, (told(spent.cap, channel),))


def _outranked(facts: Facts, me: Rival, at: datetime, zone: ZoneInfo) -> Held | None:
    found = outranked(facts, me, at, zone)
    if found is None:
        return None
    first, spent = found
    when = f"{first.due.astimezone(zone):%a %-d %b %H:%M}"
    return Held(spent.until, Reason.PRIORITY, (f"'{first.workflow}' goes first, due {when}",))
