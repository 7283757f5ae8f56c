"""Touchpoints as a person sees them: a mail, a call, a click, a sale; what became of each, and why, in one sentence.

Chooses words and kinds only. Where each belongs on the path is decided in ``services.story.path``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from nurture.db.deliveries import Delivery
from nurture.db.reports import Reported
from nurture.db.tasks import Task
from nurture.engine.explain import in_words
from nurture.model.contact_values import as_text
from nurture.model.errors import Place
from nurture.model.matching import PREFERENCE_CHANGED
from nurture.model.preferences import in_words as in_words_of_theirs
from nurture.model.words import NOTHING, Channel, DeliveryState, Event, Scalar, TaskState
from nurture.services.story.visit_words import who_did


class Kind(StrEnum):
    """What was noticed; each has a shape of its own."""

    MAIL = "mail"
    CALL = "call"
    OFFER = "offer"
    FORM = "form"
    DOWNLOAD = "download"
    CLICK = "click"
    REPLY = "reply"
    SALE = "sale"
    EVENT = "event"
    NOTE = "note"


class State(StrEnum):
    """What became of it: ``next`` is still to come, ``machine`` was done by a scanner and proves nothing."""

    DONE = "done"
    NEXT = "next"
    SKIPPED = "skipped"
    FAILED = "failed"
    DOUBT = "doubt"
    MACHINE = "machine"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """One touchpoint on the path. ``why`` is a sentence, ``place`` where the workflow says so."""

    at: datetime
    kind: Kind
    state: State
    stage: str
    what: str
    """The template, script, offer or event."""
    title: str
    """What a person calls it: the subject, or a few words."""
    status: str
    """What became of it, in a word or two."""
    why: str = ""
    place: Place | None = None
    step: str | None = None
    delivery: int | None = None
    task: int | None = None
    event: int | None = None
    proof: bool = False
    """It moved the contact to another stage, in or out of the workflow."""
    data: Mapping[str, Scalar] = field(default_factory=lambda: NOTHING)


EVENT_KINDS: Mapping[str, Kind] = {
    "offer.requested": Kind.FORM,
    "offer.downloaded": Kind.DOWNLOAD,
    "email.clicked": Kind.CLICK,
    "email.opened": Kind.CLICK,
    "email.replied": Kind.REPLY,
    "sale.closed": Kind.SALE,
    "sale.refunded": Kind.SALE,
    "note.added": Kind.NOTE,
}
BAD_NEWS = frozenset(("email.bounced", "email.complained", "consent.withdrawn", "sale.refunded"))
_TITLES: Mapping[str, str] = {
    "offer.requested": "Asked for {offer}",
    "offer.downloaded": "Downloaded {offer}",
    "consent.granted": "Said yes to mail for {purpose}",
    "consent.withdrawn": "Took the permission back",
    "email.opened": "Opened a mail",
    "email.clicked": "Clicked a link in a mail",
    "email.replied": "Replied to a mail",
    "email.bounced": "A mail bounced",
    "email.complained": "Complained about a mail",
    "call.outcome": "Call: {outcome}",
    "note.added": "Note by {by}",
    "segment.entered": "Entered segment {segment}",
    "segment.left": "Left segment {segment}",
    "date.reached": "Their day has come: {day}",
}

_REPORTS: Mapping[str, str] = {
    "autoreply": "An automatic answer came back",
    "challenge": "A filter asks for a proof that a person writes",
    "soft": "A mail did not arrive yet",
}
REPORTS_SHOWN = frozenset(_REPORTS)
"""Kinds of reports of which no event tells."""

MAIL_STATES: Mapping[DeliveryState, tuple[State, str]] = {
    DeliveryState.PENDING: (State.NEXT, "waits to leave"),
    DeliveryState.CLAIMED: (State.NEXT, "is leaving"),
    DeliveryState.SENDING: (State.NEXT, "is leaving"),
    DeliveryState.SENT: (State.DONE, "sent"),
    DeliveryState.SKIPPED: (State.SKIPPED, "skipped"),
    DeliveryState.FAILED: (State.FAILED, "failed"),
    DeliveryState.AMBIGUOUS: (State.DOUBT, "nobody knows whether it went"),
}
CALL_STATES: Mapping[TaskState, tuple[State, str]] = {
    TaskState.OPEN: (State.NEXT, "to be made"),
    TaskState.DONE: (State.DONE, "made"),
    TaskState.EXPIRED: (State.FAILED, "nobody called in time"),
    TaskState.CANCELLED: (State.SKIPPED, "called off"),
}


def mark_of_delivery(
    delivery: Delivery, title: str, now: datetime, why: str, place: Place | None = None
) -> Mark:
    """A mail to the contact, or an offer handed over without one. What waits stands at the time it may leave."""
    state, status = MAIL_STATES[delivery.state]
    is_offer = delivery.channel is Channel.PORTAL
    return Mark(
        at=delivery.ended_at or max(delivery.due, now),
        kind=Kind.OFFER if is_offer else Kind.MAIL,
        state=state,
        stage=delivery.stage,
        what=delivery.offer or "" if is_offer else delivery.template,
        title=title,
        status="handed over" if is_offer and state is State.DONE else _with_reason(status, delivery.reason),
        why=why,
        place=place,
        step=delivery.step,
        delivery=None if is_offer else delivery.id,
    )


def mark_of_call(task: Task, why: str, place: Place | None = None) -> Mark:
    """A call: open it stands at the time by which it is to be made, else when it ended."""
    state, status = CALL_STATES[task.state]
    if task.state is TaskState.DONE:
        status = task.outcome or status
    return Mark(
        at=task.ended_at or task.due,
        kind=Kind.CALL,
        state=state,
        stage=task.stage,
        what=task.script,
        title=in_plain(task.script),
        status=_with_reason(status, task.reason),
        why=why,
        place=place,
        step=task.step,
        task=task.id,
    )


def mark_of_report(report: Reported) -> Mark:
    """What a machine answered, or tells of a message that it still holds: it proves and moves nothing."""
    return Mark(
        at=report.arrived_at,
        kind=Kind.REPLY,
        state=State.MACHINE,
        stage=report.stage or "",
        what=report.kind,
        title=_REPORTS[report.kind],
        status="by a machine",
        why=f"Known as that because {report.because}. It starts nothing.",
        step=report.step,
        delivery=report.delivery_id,
    )


def mark_of_event(
    event: Event, stage: str, currency: str, why: str, place: Place | None = None, *, proof: bool = False
) -> Mark:
    """Something that happened; clocks start when it arrived, so that is where it stands."""
    is_note = event.name == "note.added"
    state = State.DONE if event.human or is_note else State.MACHINE
    if event.name in BAD_NEWS:
        state = State.FAILED
    return Mark(
        at=event.arrived_at,
        kind=EVENT_KINDS.get(event.name, Kind.EVENT),
        state=state,
        stage=stage,
        what=event.name,
        title=title_of(event, currency),
        status="written" if is_note else who_did(event) if state is State.MACHINE else "happened",
        why=why,
        place=place,
        step=event.step,
        event=event.id,
        proof=proof,
        data=event.data,
    )


def title_of(event: Event, currency: str) -> str:
    """The event as a person would tell it: ``Sale closed: 1,200 CAD``, ``Asked for readiness-guide``."""
    if event.name == PREFERENCE_CHANGED:
        return in_words_of_theirs(event.data)
    known = _TITLES.get(event.name)
    if known:
        named = {name: as_text(value) for name, value in event.data.items()}
        missing = {"offer": "an offer", "purpose": "every purpose", "outcome": "over", "by": "somebody"}
        return known.format_map(missing | named)
    words = in_plain(event.name)
    amount = event.data.get("amount")
    if isinstance(amount, int | float) and not isinstance(amount, bool):
        words += f": {in_money(amount, str(event.data.get('currency') or currency))}"
    if kind := event.data.get("kind"):
        words += f" ({as_text(kind)})"
    return words


def in_money(amount: float, currency: str) -> str:
    """``1,200 CAD``, ``99.50 CAD``; the bare number where no currency is known."""
    return f"{amount:,.2f}".removesuffix(".00") + f" {currency}".rstrip()


def in_plain(name: str) -> str:
    """``meeting.booked`` → ``Meeting booked``, ``guide-arrived`` → ``Guide arrived``."""
    words = name.replace(".", " ").replace("-", " ").replace("_", " ").strip()
    return f"{words[:1].upper()}{words[1:]}"


def _with_reason(status: str, reason: str | None) -> str:
    return f"{status}: {in_words(reason)}" if reason else status
