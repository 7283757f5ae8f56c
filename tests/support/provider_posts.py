"""What providers post to `/hooks/…`, signed as they sign it, with keys of the test's own."""

from __future__ import annotations

import hmac
import json
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from hashlib import sha256
from itertools import count

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import NameOID

TOPIC = "arn:aws:sns:eu-west-1:123456789012:bounces"
CERTIFICATE = (
    "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123456789abcdef0123456789abcdef.pem"
)
PASSWORD, SIGNING_KEY = "a-password-for-postmark", "key-of-mailgun"
_numbers = count(1)


@dataclass(frozen=True)
class Post:
    """One request as it will be posted."""

    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


# --- Postmark ---------------------------------------------------------------------------------------------------------


def postmark(kind: str, email: str, details: str = "", record: str = "Bounce", **more: object) -> bytes:
    told = {
        "RecordType": record,
        "ID": next(_numbers),
        "Type": kind,
        "MessageID": "883953f4-6105-42a2-a16a-77a8eac79483",
        "Description": "The server was unable to deliver your message.",
        "Details": details,
        "Email": email,
        "From": "hello@example.org",
        "BouncedAt": "2026-03-02T15:00:00Z",
    }
    return json.dumps(told | more).encode()


def from_postmark(body: bytes, password: str = PASSWORD) -> Post:
    return Post(body, {"Authorization": "Basic " + b64encode(f"nurture:{password}".encode()).decode()})


# --- Mailgun ----------------------------------------------------------------------------------------------------------


def mailgun(event: str, email: str, about: str = "", **more: object) -> dict[str, object]:
    """``about`` is the Message-ID, which Mailgun gives without its brackets."""
    headers = {"message-id": about.strip("<>")} if about else {}
    told = {"event": event, "id": f"mg-{next(_numbers)}", "recipient": email, "timestamp": 1772463600.5}
    return told | {"message": {"headers": headers}} | more


def failed(
    email: str, about: str = "", code: int = 550, said: str = "5.1.1 No such user", **more: object
) -> dict[str, object]:
    usual = {"severity": "permanent", "reason": "bounce"} | more
    return mailgun("failed", email, about, **{"delivery-status": {"code": code, "message": said}, **usual})


def from_mailgun(
    event: Mapping[str, object],
    now: datetime,
    key: str = SIGNING_KEY,
    token: str = "",
    age: timedelta = timedelta(),
) -> Post:
    timestamp, token = str(int((now - age).timestamp())), token or f"token-{next(_numbers)}"
    signature = hmac.new(key.encode(), f"{timestamp}{token}".encode(), sha256).hexdigest()
    signed = {"timestamp": timestamp, "token": token, "signature": signature}
    return Post(json.dumps({"signature": signed, "event-data": event}).encode())


# --- SendGrid ---------------------------------------------------------------------------------------------------------


@cache
def sendgrid_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def sendgrid_public() -> str:
    """As SendGrid shows it."""
    der = (
        sendgrid_key()
        .public_key()
        .public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    return b64encode(der).decode()


def sendgrid(event: str, email: str, about: str = "", **more: object) -> dict[str, object]:
    return {
        "email": email,
        "timestamp": 1772463600,
        "event": event,
        "smtp-id": about or "<made-up@ismtpd0039p1iad1.sendgrid.net>",
        "sg_event_id": f"sg-{next(_numbers)}",
    } | more


def from_sendgrid(*events: Mapping[str, object]) -> Post:
    body, timestamp = json.dumps(events).encode(), "1772463601"
    signature = sendgrid_key().sign(timestamp.encode() + body, ec.ECDSA(hashes.SHA256()))
    headers = {
        "X-Twilio-Email-Event-Webhook-Signature": b64encode(signature).decode(),
        "X-Twilio-Email-Event-Webhook-Timestamp": timestamp,
    }
    return Post(body, headers)


# --- Amazon -----------------------------------------------------------------------------------------------------------


@cache
def amazons_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@cache
def amazons_certificate(ended: bool = False) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
    begins = datetime(2020, 1, 1, tzinfo=UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(amazons_key().public_key())
        .serial_number(1)
        .not_valid_before(begins)
        .not_valid_after(begins + timedelta(days=30 if ended else 20_000))
        .sign(amazons_key(), hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM)


def ses_bounce(
    *emails: str,
    kind: str = "Permanent",
    detail: str = "General",
    status: str = "5.1.1",
    said: str = "smtp; 550 5.1.1 user unknown",
    about: str = "",
) -> dict[str, object]:
    told = [
        {"emailAddress": one, "action": "failed", "status": status, "diagnosticCode": said} for one in emails
    ]
    if not said:
        told = [{"emailAddress": one} for one in emails]
    return {
        "notificationType": "Bounce",
        "mail": ses_mail(about),
        "bounce": {
            "bounceType": kind,
            "bounceSubType": detail,
            "bouncedRecipients": told,
            "feedbackId": f"feedback-{next(_numbers)}",
            "timestamp": "2026-03-02T15:00:00.000Z",
        },
    }


def ses_complaint(*emails: str, about: str = "", **more: object) -> dict[str, object]:
    return {
        "eventType": "Complaint",
        "mail": ses_mail(about),
        "complaint": {
            "complainedRecipients": [{"emailAddress": one} for one in emails],
            "feedbackId": f"feedback-{next(_numbers)}",
            "complaintFeedbackType": "abuse",
        }
        | more,
    }


def ses_mail(about: str) -> dict[str, object]:
    headers = [{"name": "Message-ID", "value": about}] if about else []
    return {"messageId": "0000-ses", "source": "hello@example.org", "headers": headers}


def from_ses(message: Mapping[str, object] | None = None, **over: str) -> Post:
    """A notification of SNS; what is given ``over`` is signed too, unless it is the signature itself."""
    told = {
        "Type": "Notification",
        "MessageId": f"sns-{next(_numbers)}",
        "TopicArn": TOPIC,
        "Message": json.dumps(message),
        "Timestamp": "2026-03-02T15:00:01.000Z",
        "SignatureVersion": "2",
        "SigningCertURL": CERTIFICATE,
    } | over
    if "Signature" not in over:
        told["Signature"] = signed_by_amazon(told)
    return Post(json.dumps(told).encode(), {"Content-Type": "text/plain; charset=UTF-8"})


def asks_to_subscribe(url: str = "", **over: str) -> Post:
    usual = f"https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn={TOPIC}&Token=abc"
    return from_ses(
        Type="SubscriptionConfirmation",
        Message="You have chosen to subscribe.",
        Token="abc",
        SubscribeURL=url or usual,
        **over,
    )


def signed_by_amazon(told: Mapping[str, str]) -> str:
    names = ["Message", "MessageId"]
    names += ["Subject"] if "Subject" in told else []
    names += ["SubscribeURL"] if told["Type"] != "Notification" else []
    names += ["Timestamp"] + (["Token"] if told["Type"] != "Notification" else []) + ["TopicArn", "Type"]
    text = "".join(f"{name}\n{told[name]}\n" for name in names if name in told)
    digest = hashes.SHA1() if told["SignatureVersion"] == "1" else hashes.SHA256()
    return b64encode(amazons_key().sign(text.encode(), padding.PKCS1v15(), digest)).decode()
