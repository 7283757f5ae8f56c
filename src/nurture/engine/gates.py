"""May this contact receive this message or call now? Every reason to say no, in order.

Law skips, then the experiment skips, then manners move to a better time. Asked when the step is due; the mail gates
are asked again in SQL when the message is claimed and right before it leaves.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

from nurture.model.calendars import end_of_quiet
from nurture.model.decisions import Call, Send
from nurture.model.matching import CONTACT_CHANGED
from nurture.model.timing import Calendar, Rule, add, resolve
from nurture.model.words import Channel, Enrollment, EnteredBy, Event, Facts, Grant, Reason, SuppressionReason
from nurture.steps.email import TRANSACTIONAL

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
    if touch.channel is Channel.TEAM:
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
    if isinstance(touch, Send) and touch.channel is Channel.TEAM:
        return None
    return next((reason for reason, closed in GATES if closed(touch, enrollment, facts, now)), None)


Push = Callable[[datetime], datetime]


def better_time(
    send: Send, rule: Rule, facts: Facts, now: datetime, zone: ZoneInfo, calendar: Calendar
) -> tuple[datetime, Reason] | None:
    """When manners would rather have this message leave, and which of them says so; None for now.

    The step's own window holds for every message: it may have been left since the step was due. The cap counts
    marketing messages of all workflows; quiet hours are the contact's.
    """
    pushes: list[tuple[Reason, Push]] = [(Reason.WINDOW, lambda at: _into_window(rule, at, zone, calendar))]
    if send.marketing:
        pushes.append((Reason.FREQUENCY_CAP, lambda at: _after_cap(facts, at, zone)))
        pushes.append((Reason.QUIET_HOURS, lambda at: _after_quiet(facts, at, zone)))
    at, reason = now, None
    for _ in range(10):
        before = at
        for manner, push in pushes:
            moved = push(at)
            if moved > at:
                at, reason = moved, reason or manner
        if at == before:
            break
    return (at, reason) if reason else None


def _into_window(rule: Rule, at: datetime, zone: ZoneInfo, calendar: Calendar) -> datetime:
    if rule.window is None and rule.quiet is None:
        return at
    return resolve(Rule(window=rule.window, quiet=rule.quiet), at, zone, calendar).at


def _after_cap(facts: Facts, at: datetime, zone: ZoneInfo) -> datetime:
    cap = facts.workspace.cap
    if cap is None or len(facts.messages) < cap.messages:
        return at
    newest = sorted(facts.messages)[-cap.messages]
    return max(at, add(newest, cap.per, zone))


def _after_quiet(facts: Facts, at: datetime, zone: ZoneInfo) -> datetime:
    quiet = facts.workspace.quiet
    return end_of_quiet(quiet, at, zone) if quiet else at
