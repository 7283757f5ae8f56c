"""Postmark: bounces and spam complaints, one a request. It signs nothing; a password in the webhook's address stands for it.

Source: Postmark's developer documentation, "Bounce webhook" and "Bounce types". It names messages by numbers of its own,
so that a bounce is known by the copy it may carry, else by its address.
"""

from __future__ import annotations

from datetime import datetime
from hmac import compare_digest

from nurture.channels.inbound import Kind, Recipient, classify
from nurture.channels.providers.base import (
    Event,
    ForgedError,
    Heard,
    Object,
    Posted,
    Provider,
    as_json,
    as_object,
    moment,
    refused,
    report_of,
    word,
)

_DEAD = frozenset({"HardBounce", "BadEmailAddress"})
_NOT_ARRIVED = frozenset(
    {
        "Transient",
        "DnsError",
        "SpamNotification",
        "OpenRelayTest",
        "Unknown",
        "SoftBounce",
        "VirusNotification",
        "ManuallyDeactivated",
        "Blocked",
        "DMARCPolicy",
    }
)
_MACHINES = {
    "AutoResponder": Kind.AUTOREPLY,
    "ChallengeVerification": Kind.CHALLENGE,
    "AddressChange": Kind.AUTOREPLY,
}


class Postmark(Provider):
    name = "postmark"

    def check(self, posted: Posted, now: datetime) -> None:
        given = (posted.password or "").encode()
        if not any(compare_digest(given, key.encode()) for key in self.keys):
            raise ForgedError("the password is missing, or is not the one we know")

    def read(self, posted: Posted) -> Heard:
        told = as_object(as_json(posted.body))
        recipient = _recipient(told)
        if recipient is None:
            return ()
        copy = classify(word(told, "Content", 200_000).encode())
        identity = f"{word(told, 'RecordType')}:{word(told, 'ID')}:{word(told, 'MessageID')}"
        report = report_of(
            recipient,
            message_ids=copy.message_ids,
            tokens=copy.tokens,
            at=moment(told.get("BouncedAt")),
        )
        return (Event(identity, report),)


def _recipient(told: Object) -> Recipient | None:
    address, kind = word(told, "Email"), word(told, "Type")
    if word(told, "RecordType") == "SpamComplaint" or kind == "SpamComplaint":
        return Recipient(address, Kind.COMPLAINT, why="Postmark: SpamComplaint")
    if word(told, "RecordType") != "Bounce":
        return None
    why = f"Postmark: {kind}"
    if kind in _MACHINES:
        return Recipient(address, _MACHINES[kind], why=why)
    if kind in _DEAD or kind in _NOT_ARRIVED:
        said = word(told, "Details")
        return refused(address, said, permanent=kind in _DEAD, why=why, names_it_dead=True)
    return None
