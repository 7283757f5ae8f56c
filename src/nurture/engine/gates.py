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
from nurture.model.timing import add
from nurture.model.words import Channel, Enrollment, EnteredBy, Facts, Grant, Reason, SuppressionReason
from nurture.steps.email import TRANSACTIONAL

UNSUBSCRIBED_ONLY = frozenset((SuppressionReason.UNSUBSCRIBED,))


def judged(send: Send, enrollment: Enrollment, workflow_purpose: str) -> Send:
    """``send`` with the purpose it is judged by.

    ``transactional`` frees a message only where the contact's own event, or a sale, entered the stage; anywhere else
    it is judged by the workflow's purpose.
    """
    if send.channel is Channel.TEAM:
        return send
    if send.purpose == TRANSACTIONAL:
        if enrollment.entered_by is EnteredBy.EVENT:
            return replace(send, marketing=False)
        return replace(send, purpose=workflow_purpose, marketing=True)
    return replace(send, marketing=True)


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


def better_time(send: Send, facts: Facts, now: datetime, zone: ZoneInfo) -> tuple[datetime, Reason] | None:
    """When manners would rather have this message leave, and which of them says so; None for now.

    Quiet hours are the contact's; the cap counts marketing messages of all workflows.
    """
    if not send.marketing:
        return None
    at, reason = now, None
    for _ in range(10):
        moved = _after_cap(facts, at, zone)
        if moved > at:
            at, reason = moved, Reason.FREQUENCY_CAP
        moved = _after_quiet(facts, at, zone)
        if moved > at:
            at, reason = moved, reason or Reason.QUIET_HOURS
            continue
        break
    return (at, reason) if reason else None


def _after_cap(facts: Facts, at: datetime, zone: ZoneInfo) -> datetime:
    cap = facts.workspace.cap
    if cap is None or len(facts.messages) < cap.messages:
        return at
    newest = sorted(facts.messages)[-cap.messages]
    return max(at, add(newest, cap.per, zone))


def _after_quiet(facts: Facts, at: datetime, zone: ZoneInfo) -> datetime:
    quiet = facts.workspace.quiet
    return end_of_quiet(quiet, at, zone) if quiet else at
