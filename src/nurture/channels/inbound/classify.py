"""A raw message that came in: bounce, complaint, automatic answer, or a person? The rules, in order.

Reports for machines are believed before words for people, and what a mail system says before what anybody says. The
outcome is never worse than what is known for certain: an address is called dead by a mail system's own clear word or
number only. docs/bounces.md tells the rules to people.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from nurture.channels.inbound import delivery_status, plain_text, traces
from nurture.channels.inbound.automatic import CHALLENGE, answers_us, automatic
from nurture.channels.inbound.feedback import feedback
from nurture.channels.inbound.reading import LONGEST_TEXT, Part, read
from nurture.channels.inbound.report import Kind, Recipient, Report
from nurture.channels.inbound.words import plain

_RETURNED = (
    "message/rfc822",
    "message/global",
    "message/rfc822-headers",
    "text/rfc822-headers",
    "message/global-headers",
)
_WORST_FIRST = (Kind.HARD, Kind.SOFT, Kind.NOT_BOUNCE)
_Found = tuple[Kind, str, tuple[Recipient, ...]]


def classify(raw: bytes) -> Report:
    """What this message is, and of whom and what it tells. Any bytes have an answer; a few milliseconds each."""
    message = read(raw)
    text = text_for_people(message)
    if not text.strip() and (wrapped := _wrapped_report(message)) is not None:
        message, text = wrapped, text_for_people(wrapped)
    kind, why, recipients = _understand(message, text)
    return Report(
        kind=kind,
        why=why,
        recipients=recipients,
        message_ids=traces.message_ids(message, text),
        tokens=traces.tokens(message),
        sender=plain_text.sender_of(message) or None,
        reported_at=traces.reported_at(message),
    )


def text_for_people(message: Part) -> str:
    """All that stands there to be read, in front of the returned message; HTML only where there is nothing else."""
    leaves: list[Part] = []
    for part in message.walk():
        if part.type in _RETURNED:
            break
        if not part.parts and not delivery_status.is_status(part):
            leaves.append(part)
    written = _joined(part for part in leaves if part.type == "text/plain")
    return written if written.strip() else _joined(part for part in leaves if part.type == "text/html")


def _joined(leaves: Iterable[Part]) -> str:
    texts: list[str] = []
    for part in leaves:
        texts.append(part.text)
        if sum(len(text) for text in texts) > LONGEST_TEXT:
            break
    return "\n".join(texts)


def _understand(message: Part, text: str) -> _Found:
    """The first rule that knows what it is."""
    found = feedback(message) or _delivery_status(message, text) or _disposition(message, text)
    if found:
        return found
    by_machine = automatic(message, text)
    if by_machine and by_machine[0] is Kind.CHALLENGE and not plain_text.from_a_mail_system(message):
        return (*by_machine, ())
    bounce = plain_text.bounce_in_words(message, text)
    if bounce or _reports_failure(message):
        return _worst(
            plain_text.recipients(message, text), bounce or "it calls itself a delivery status report"
        )
    if by_machine:
        return (*by_machine, ())
    if answers_us(message):
        return Kind.REPLY, "somebody answers a message", ()
    return Kind.NOT_BOUNCE, "nothing in it speaks of a failure, a complaint or an absence", ()


def _delivery_status(message: Part, text: str) -> _Found | None:
    statuses = delivery_status.status_parts(message)
    told = [recipient for part in statuses for recipient in delivery_status.recipients(part, text)]
    if not told or _passes_on(message):
        return None
    if any(
        "x-boxbe" in recipient.diagnostic.lower() or "boxbe" in recipient.diagnostic.lower()
        for recipient in told
    ):
        return Kind.CHALLENGE, CHALLENGE.meaning, ()
    if CHALLENGE.found_in(plain(text[:4_000])) and all(r.kind is Kind.SOFT for r in told):
        return Kind.CHALLENGE, CHALLENGE.meaning, ()
    return _worst(tuple(told), "a delivery status report")


def _passes_on(message: Part) -> bool:
    """Does a person answer us, and show a report that they got? Some mail programs forward its parts without its cover."""
    return (
        message.type != "multipart/report"
        and answers_us(message)
        and not plain_text.from_a_mail_system(message)
        and not plain_text.null_return_path(message)
    )


def _disposition(message: Part, text: str) -> _Found | None:
    """A receipt (RFC 8098): read, or deleted unread. Some servers refuse with one, and say so in words."""
    receipt = message.parameters.get("report-type", "").lower() == "disposition-notification"
    if not receipt and not any(part.type == "message/disposition-notification" for part in message.walk()):
        return None
    refused = "rejected" in message.get("auto-submitted").lower() or " automatically rejected " in plain(
        text[:500]
    )
    if refused:
        return _worst(plain_text.recipients(message, text), "refused by a receipt")
    return Kind.NOT_BOUNCE, "a receipt: it tells what became of a message that arrived", ()


def _reports_failure(message: Part) -> bool:
    return message.parameters.get("report-type", "").lower() == "delivery-status" or (
        message.type == "multipart/report"
        and not message.parameters.get("report-type")
        and plain_text.from_a_mail_system(message)
    )


def _wrapped_report(message: Part) -> Part | None:
    """The report that a filter on the way has packed into another message."""
    if not plain_text.from_a_mail_system(message):
        return None
    for part in message.parts:
        inner = part.message if part.type == "message/rfc822" else None
        if inner is not None and any(delivery_status.is_status(one) for one in inner.walk()):
            return replace(inner, fields=inner.fields + message.fields)
    return None


def _worst(recipients: tuple[Recipient, ...], what: str) -> _Found:
    worst = next(
        (recipient for kind in _WORST_FIRST for recipient in recipients if recipient.kind is kind),
        recipients[0],
    )
    return worst.kind, f"{what}: {worst.why}", recipients
