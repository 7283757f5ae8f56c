"""SendGrid: many events a request, signed by its private key over the time and the very bytes.

A signature never ends, since SendGrid tries again for a day; an event counts once by its id. Source: SendGrid's
documentation, "Event webhook reference" and "Security features". Needs the extra `mail`.
"""

from __future__ import annotations

import re
from base64 import b64decode
from binascii import Error as BinasciiError
from datetime import datetime

from nurture.channels.inbound import Kind, Recipient
from nurture.channels.providers.base import (
    Event,
    ForgedError,
    Heard,
    Object,
    Posted,
    Provider,
    UnreadableError,
    as_json,
    message_id,
    moment,
    refused,
    report_of,
    word,
)
from nurture.channels.providers.keys import verify_ecdsa

SIGNATURE = "x-twilio-email-event-webhook-signature"
TIMESTAMP = "x-twilio-email-event-webhook-timestamp"
_ITS_OWN_ID = re.compile(r"@ismtpd|\.sendgrid\.net>$")
"""A Message-ID that SendGrid made, because the message came without one: it says nothing to us."""


class SendGrid(Provider):
    name = "sendgrid"

    def check(self, posted: Posted, now: datetime) -> None:
        try:
            signature = b64decode(posted.headers.get(SIGNATURE, ""), validate=True)
        except (BinasciiError, ValueError):
            signature = b""
        signed = posted.headers.get(TIMESTAMP, "").encode() + posted.body
        if not signature or not any(verify_ecdsa(key, signature, signed) for key in self.keys):
            raise ForgedError("the signature is missing, or is not SendGrid's")

    def read(self, posted: Posted) -> Heard:
        told = as_json(posted.body)
        if not isinstance(told, list):
            raise UnreadableError("a list of events was expected")
        return tuple(event for one in told if isinstance(one, dict) and (event := _event(one)))


def _event(told: Object) -> Event | None:
    recipient = _recipient(told)
    if recipient is None:
        return None
    identity = word(told, "sg_event_id") or ":".join(
        word(told, name) for name in ("sg_message_id", "event", "timestamp", "email")
    )
    named = message_id(word(told, "smtp-id"))
    ours = tuple(one for one in named if not _ITS_OWN_ID.search(one))
    return Event(identity, report_of(recipient, message_ids=ours, at=moment(told.get("timestamp"))))


def _recipient(told: Object) -> Recipient | None:
    address, said, status = word(told, "email"), word(told, "reason"), word(told, "status")
    match word(told, "event"), word(told, "type"):
        case "spamreport", _:
            return Recipient(address, Kind.COMPLAINT, why="SendGrid: spamreport")
        case "bounce", kind:
            # "blocked" is a refusal of us or of this message; older events name no type.
            return refused(
                address,
                said,
                status,
                permanent=kind in ("", "bounce"),
                why=f"SendGrid: {kind or 'bounce'}",
                names_it_dead=word(told, "bounce_classification") == "Invalid Address",
            )
        case "blocked", _:
            return refused(address, said, status, permanent=False, why="SendGrid: blocked")
        case "dropped", _:
            # Its own list, or our own mistake: SendGrid did not even try.
            return refused(address, said, "", permanent=False, why="SendGrid: dropped")
    return None  # deferred is tried again by SendGrid itself
