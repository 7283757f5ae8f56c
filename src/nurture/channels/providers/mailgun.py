"""Mailgun: one event a request, signed by a key that both sides know.

The signature covers a time and a token, not the event: so it is good for five minutes, and each token for one event only
(`marks`). Source: Mailgun's documentation, "Securing webhooks" and "Event structure".
"""

from __future__ import annotations

import hmac
from datetime import datetime, timedelta
from hashlib import sha256

from nurture.channels.inbound import Kind, Recipient
from nurture.channels.providers.base import (
    Event,
    ForgedError,
    Heard,
    Object,
    Posted,
    Provider,
    as_json,
    as_object,
    message_id,
    moment,
    part,
    refused,
    report_of,
    word,
)

GOOD_FOR = timedelta(minutes=5)
_OWN_LIST = ("suppress-", "old")
"""Mailgun did not even try: its own list of addresses that once failed or left says nothing new."""


class Mailgun(Provider):
    name = "mailgun"

    def check(self, posted: Posted, now: datetime) -> None:
        signature = _signature(posted)
        timestamp, token = word(signature, "timestamp"), word(signature, "token")
        signed = f"{timestamp}{token}".encode()
        given = word(signature, "signature").encode()
        good = any(
            hmac.compare_digest(given, hmac.new(key.encode(), signed, sha256).hexdigest().encode())
            for key in self.keys
        )
        if not good or not token:
            raise ForgedError("the signature is missing, or is not Mailgun's")
        at = moment(timestamp)
        if at is None or abs(now - at) > GOOD_FOR:
            raise ForgedError("the signature is too old, or from the future")

    def marks(self, posted: Posted) -> tuple[str, ...]:
        return (word(_signature(posted), "token"),)

    def read(self, posted: Posted) -> Heard:
        told = part(as_object(as_json(posted.body)), "event-data")
        recipient = _recipient(told)
        if recipient is None:
            return ()
        headers, envelope = part(part(told, "message"), "headers"), part(told, "envelope")
        report = report_of(
            recipient,
            message_ids=message_id(word(headers, "message-id")),
            tokens=tuple(one for one in (word(envelope, "sender"),) if one),
            at=moment(told.get("timestamp")),
        )
        return (Event(word(told, "id") or f"{word(told, 'timestamp')}:{word(told, 'event')}", report),)


def _signature(posted: Posted) -> Object:
    return part(as_object(as_json(posted.body)), "signature")


def _recipient(told: Object) -> Recipient | None:
    address = word(told, "recipient")
    match word(told, "event"):
        case "complained":
            return Recipient(address, Kind.COMPLAINT, why="Mailgun: complained")
        case "failed" if word(told, "severity") == "permanent":
            return _failed(told, address)
        case _:
            return None  # a temporary failure is tried again by Mailgun itself, and is told when it gives up


def _failed(told: Object, address: str) -> Recipient:
    reason, status = word(told, "reason"), part(told, "delivery-status")
    code = word(status, "code")
    enhanced = word(status, "enhanced-code")
    words = word(status, "message") or word(status, "description")
    said = words if words.startswith(code) or not _is_smtp(code) else f"{code} {words}"
    listed = reason.startswith(_OWN_LIST)
    return refused(
        address,
        said,
        enhanced,
        permanent=not listed,
        why=f"Mailgun: permanent failure, {reason or 'no reason given'}",
    )


def _is_smtp(code: str) -> bool:
    """Mailgun has numbers of its own, such as 605, for its list; those mean nothing to a judge of refusals."""
    return len(code) == 3 and code.isdecimal() and code[0] in "45" and code not in ("498", "499")
