"""Amazon SES: bounces and complaints, told by SNS, which signs them by a certificate of its own.

Anybody with an account at Amazon can have SNS sign anything, so only the topics that the settings name are believed. The
certificate is fetched from Amazon's own hosts alone, and only for such a topic. Sources: Amazon's documentation of SNS,
"Verifying the signatures of messages", and of SES, "Notification contents". Needs the extra `mail`.
"""

from __future__ import annotations

import re
from base64 import b64decode
from binascii import Error as BinasciiError
from collections import OrderedDict
from collections.abc import Sequence
from datetime import datetime
from hmac import compare_digest
from threading import Lock
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, parse_qs, urlsplit

from nurture.channels.inbound import Kind, Recipient
from nurture.channels.providers.base import (
    Confirms,
    Event,
    Fetch,
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
    parts,
    refused,
    report_of,
    word,
)
from nurture.channels.providers.keys import read_certificate, verify_rsa

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

_HOST = re.compile(r"sns\.[a-z0-9-]{3,30}\.amazonaws\.com(?:\.cn)?")
_CERTIFICATE = re.compile(r"/SimpleNotificationService-[A-Za-z0-9]{1,64}\.pem")
_SIGNED = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    "SubscriptionConfirmation": (
        "Message",
        "MessageId",
        "SubscribeURL",
        "Timestamp",
        "Token",
        "TopicArn",
        "Type",
    ),
}
_SIGNED["UnsubscribeConfirmation"] = _SIGNED["SubscriptionConfirmation"]
LONGEST = 1_000_000
MOST_CERTIFICATES = 8
_ITS_OWN_LIST = frozenset({"Suppressed", "OnAccountSuppressionList"})


class Ses(Provider):
    name = "ses"

    def __init__(self, keys: Sequence[str], fetch: Fetch) -> None:
        super().__init__(keys, fetch)
        self._certificates: OrderedDict[str, Certificate] = OrderedDict()
        self._lock = Lock()

    def check(self, posted: Posted, now: datetime) -> None:
        told = as_object(as_json(posted.body))
        topic = word(told, "TopicArn").encode()
        if not any(compare_digest(topic, key.encode()) for key in self.keys):
            raise ForgedError("this is not about a topic that we listen to")
        names = _SIGNED.get(word(told, "Type"))
        if names is None:
            raise ForgedError("SNS sends nothing of this type")
        try:
            signature = b64decode(word(told, "Signature"), validate=True)
        except (BinasciiError, ValueError):
            signature = b""
        signed = "".join(
            f"{name}\n{word(told, name, LONGEST)}\n" for name in names if isinstance(told.get(name), str)
        )
        certificate = self._certificate(word(told, "SigningCertURL"))
        sha1 = word(told, "SignatureVersion") == "1"
        if not signature or not verify_rsa(certificate, signature, signed.encode(), sha1=sha1, at=now):
            raise ForgedError("the signature is missing, or is not Amazon's")

    def read(self, posted: Posted) -> Heard:
        told = as_object(as_json(posted.body))
        if word(told, "Type") == "SubscriptionConfirmation":
            return Confirms(self._subscription(told))
        if word(told, "Type") != "Notification":
            return ()
        message = as_json(word(told, "Message", LONGEST).encode())
        return tuple(_events(message, word(told, "MessageId"))) if isinstance(message, dict) else ()

    def _certificate(self, url: str) -> Certificate:
        """The certificate at this address, if it is one of Amazon's own. Raises ForgedError, OSError."""
        place = _parts(url)
        if place.query or place.fragment or not _CERTIFICATE.fullmatch(place.path):
            raise ForgedError("it names no certificate of Amazon SNS")
        with self._lock:
            if url in self._certificates:
                return self._certificates[url]
        found = read_certificate(self.fetch(url))
        if found is None:
            raise ForgedError("there is no certificate at the address that was given")
        with self._lock:
            self._certificates[url] = found
            while len(self._certificates) > MOST_CERTIFICATES:
                self._certificates.popitem(last=False)
        return found

    def _subscription(self, told: Object) -> str:
        """Where the subscription is confirmed: at Amazon, for this very topic. Raises ForgedError."""
        url = word(told, "SubscribeURL", 2_000)
        place = _parts(url)
        asked = parse_qs(place.query)
        meant = asked.get("TopicArn") == [word(told, "TopicArn")]
        if place.path != "/" or place.fragment or asked.get("Action") != ["ConfirmSubscription"] or not meant:
            raise ForgedError("the address to confirm at is for something else")
        return url


def _parts(url: str) -> SplitResult:
    """The parts of an address of Amazon SNS: https, its host, no user, no port. Raises ForgedError for any other."""
    host = url.removeprefix("https://").partition("/")[0]
    if not (url.startswith("https://") and _HOST.fullmatch(host) and url.isascii() and url.isprintable()):
        raise ForgedError("it names an address that is none of Amazon SNS")
    return urlsplit(url)


def _events(message: Object, number: str) -> list[Event]:
    kind = word(message, "notificationType") or word(message, "eventType")
    mail = part(message, "mail")
    bounce, complaint = part(message, "bounce"), part(message, "complaint")
    told = {"Bounce": lambda: _bounced(bounce), "Complaint": lambda: _complained(complaint)}.get(kind)
    if told is None:
        return []
    what = bounce if kind == "Bounce" else complaint
    identity = word(what, "feedbackId") or number
    return [
        Event(
            f"{kind}:{identity}",
            report_of(
                recipient,
                message_ids=_ids(mail),
                tokens=_tokens(mail),
                at=moment(what.get("timestamp")),
            ),
        )
        for recipient in told()
    ]


def _bounced(bounce: Object) -> list[Recipient]:
    """One for each address. What Amazon's own list holds back, and whatever is not permanent, kills nobody."""
    kind, detail = word(bounce, "bounceType"), word(bounce, "bounceSubType")
    permanent = kind == "Permanent" and detail not in _ITS_OWN_LIST
    return [
        refused(
            word(one, "emailAddress"),
            word(one, "diagnosticCode").removeprefix("smtp;").strip(),
            word(one, "status"),
            permanent=permanent,
            why=f"Amazon SES: {kind}, {detail}",
            names_it_dead=detail in ("General", "NoEmail"),
        )
        for one in parts(bounce, "bouncedRecipients")
    ]


def _complained(complaint: Object) -> list[Recipient]:
    """One for each address that may have complained. ``not-spam`` praises; a list of Amazon's own is no new complaint."""
    kind = word(complaint, "complaintFeedbackType")
    listed = word(complaint, "complaintSubType") in _ITS_OWN_LIST
    what = Kind.NOT_BOUNCE if kind == "not-spam" else Kind.SOFT if listed else Kind.COMPLAINT
    why = f"Amazon SES: complaint, {kind or word(complaint, 'complaintSubType') or 'no type given'}"
    return [
        Recipient(word(one, "emailAddress"), what, why=why)
        for one in parts(complaint, "complainedRecipients")
    ]


def _ids(mail: Object) -> tuple[str, ...]:
    """The Message-ID that we wrote, where SES was told to repeat headers; its own says nothing to us."""
    named = [
        word(one, "value") for one in parts(mail, "headers") if word(one, "name").lower() == "message-id"
    ]
    named.append(word(part(mail, "commonHeaders"), "messageId"))
    found = [id_ for text in named for id_ in message_id(text)]
    return tuple(dict.fromkeys(one for one in found if not one.endswith("amazonses.com>")))


def _tokens(mail: Object) -> tuple[str, ...]:
    """Addresses it left from, one of which may be a return path of ours."""
    named = [
        word(one, "value") for one in parts(mail, "headers") if word(one, "name").lower() == "return-path"
    ]
    return tuple(
        one.strip("<>")
        for one in (word(mail, "source"), *named, word(part(mail, "commonHeaders"), "returnPath"))
        if one
    )
