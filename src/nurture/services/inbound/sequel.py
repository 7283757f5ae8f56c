"""What follows from a report, once it is known which message of ours it is about. Pure: it looks nothing up, writes nothing.

A dead address is closed, and so is that of who complains; what may pass is counted; a person who answers is told to the
workflows. Machines that answer start nothing (RFC 3834), nor does what is about our mail to our own people.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from nurture.channels.inbound import Kind
from nurture.db.notices import NoticeKind
from nurture.model.words import Contact, SuppressionReason
from nurture.services.events.ingest import Happening
from nurture.services.inbound.arrivals import Line
from nurture.services.inbound.match import Match, key_of

SOURCE = "report"
STILL_TRIED = "delayed"
"""The other side goes on trying: no failure yet."""


@dataclass(frozen=True, slots=True)
class Found:
    """A line of a report, the message it is about, and the contact it concerns; without one: our own people, or nobody."""

    line: Line
    match: Match | None
    contact: Contact | None = None

    @property
    def kind(self) -> Kind:
        """What it means for the address we wrote to: one behind it that is gone does not make it dead."""
        kind = self.line.recipient.kind
        return Kind.SOFT if kind is Kind.HARD and self.match and self.match.elsewhere else kind

    @property
    def why(self) -> str:
        why = self.line.recipient.why or self.line.arrival.report.why
        if self.match and self.match.elsewhere and self.line.recipient.kind is Kind.HARD:
            return f"{why}; that is another address, behind the one we wrote to"
        return why

    @property
    def address(self) -> str | None:
        """The address we wrote to."""
        return (self.match.recipient if self.match else None) or (
            self.contact.email if self.contact else None
        )

    @property
    def is_theirs(self) -> bool:
        """Is it still the contact's address? By now they may have another."""
        return self.contact is not None and key_of(self.address) == key_of(self.contact.email)

    def happened_at(self, now: datetime) -> datetime:
        """When it says it happened, if that can be: after the message left, and not in the future."""
        told = self.line.arrival.report.reported_at
        left = self.match.sent_at if self.match else None
        return told if told is not None and left is not None and left <= told <= now else now


@dataclass(frozen=True, slots=True)
class Sequel:
    """What follows: an event of the contact, an address that is closed, or neither."""

    happening: Happening | None = None
    closes: SuppressionReason | None = None


NOTHING_FOLLOWS = Sequel()


def sequel(one: Found, now: datetime) -> Sequel:
    """What follows from this report; what is about no message of ours changes nothing."""
    if one.match is None:
        return NOTHING_FOLLOWS
    notice = one.match.notice
    question = notice is not None and notice.kind is NoticeKind.CONFIRM
    concerns_them = one.contact is not None and (notice is None or question)
    match one.kind:
        case Kind.HARD if concerns_them and one.is_theirs:
            return Sequel(_happening(one, one.contact, "email.bounced", {"kind": "hard"}, now))
        case Kind.HARD if concerns_them or question:
            return Sequel(closes=SuppressionReason.HARD_BOUNCE)
        case Kind.COMPLAINT if concerns_them:
            closes = None if one.is_theirs else SuppressionReason.COMPLAINT
            return Sequel(_happening(one, one.contact, "email.complained", {}, now), closes)
        case Kind.COMPLAINT if question:
            return Sequel(closes=SuppressionReason.COMPLAINT)
        case Kind.SOFT if concerns_them and one.is_theirs and one.line.recipient.action != STILL_TRIED:
            return Sequel(_happening(one, one.contact, "email.bounced", {"kind": "soft"}, now))
        case Kind.REPLY if concerns_them and notice is None:
            return Sequel(_happening(one, one.contact, "email.replied", {}, now))
    return NOTHING_FOLLOWS


def _happening(
    one: Found, contact: Contact | None, name: str, data: Mapping[str, str], now: datetime
) -> Happening:
    assert contact is not None
    assert one.match is not None
    delivery = one.match.delivery
    about = None
    if delivery and delivery.enrollment_id is not None:
        about = (delivery.enrollment_id, delivery.step, delivery.visit)
    status = one.line.recipient.status
    return Happening(
        contact_id=contact.id,
        name=name,
        data={**data, "status": status} if status else data,
        at=one.happened_at(now),
        id=_event_id(one),
        source=SOURCE,
        about=about,
        alone=about is None,
    )


def _event_id(one: Found) -> str:
    """One event for each message and kind, whoever tells of it; but each answer of a person is another."""
    assert one.match is not None
    delivery, notice = one.match.delivery, one.match.notice
    ours = delivery.key if delivery else f"notice-{notice.id if notice else 0}"
    match one.kind:
        case Kind.HARD:
            return f"bounce:{ours}"  # as when the server says it in the dialogue itself
        case Kind.SOFT:
            return f"soft-bounce:{ours}"
        case Kind.COMPLAINT:
            return f"complaint:{ours}"
        case _:
            return f"reply:{ours}:{one.line.fingerprint(ours.encode())}"
