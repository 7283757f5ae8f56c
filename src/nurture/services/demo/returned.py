"""What mail servers, programs and people of the demo send back about a message, as the raw mails that a mailbox would hold.

They are taken in like any other, so that the demo shows the true way of a bounce, an answer and an automatic reply.
"""

from __future__ import annotations

from nurture.db.deliveries import Delivery

OURS = "hello@tamarack-lane.example"


def bounced(mail: Delivery) -> bytes:
    """The mailbox does not exist (RFC 3464)."""
    to = mail.recipient or ""
    return _lines(
        "From: Mail Delivery System <MAILER-DAEMON@mx.example.org>",
        *_head(mail, "Undelivered Mail Returned to Sender", "bounce"),
        'Content-Type: multipart/report; report-type=delivery-status; boundary="part"',
        "",
        "--part",
        "Content-Type: text/plain; charset=us-ascii",
        "",
        "Your message could not be delivered to one or more recipients.",
        "--part",
        "Content-Type: message/delivery-status",
        "",
        "Reporting-MTA: dns; mx.example.org",
        "",
        f"Final-Recipient: rfc822; {to}",
        "Action: failed",
        "Status: 5.1.1",
        f"Diagnostic-Code: smtp; 550 5.1.1 <{to}>: Recipient address rejected: User unknown",
        "",
        "--part",
        "Content-Type: text/rfc822-headers",
        "",
        f"To: {to}",
        f"Message-ID: {mail.message_id}",
        "",
        "--part--",
    )


def away(mail: Delivery) -> bytes:
    """Somebody's mail program says that they are on leave (RFC 3834)."""
    return _lines(
        f"From: {mail.recipient}",
        *_head(mail, "Automatic reply: I am away", "away"),
        f"In-Reply-To: {mail.message_id}",
        "Auto-Submitted: auto-replied",
        "",
        "I am on leave, and read mail again next week.",
    )


def replied(mail: Delivery) -> bytes:
    """A person answers."""
    return _lines(
        f"From: {mail.recipient}",
        *_head(mail, "Re: your message", "reply"),
        f"In-Reply-To: {mail.message_id}",
        "",
        "Thank you, this helps. Could we talk about it some day?",
    )


def _head(mail: Delivery, subject: str, kind: str) -> tuple[str, ...]:
    key = (mail.message_id or "").strip("<>").partition("@")[0]
    return (
        f"To: {OURS}",
        f"Subject: {subject}",
        f"Message-ID: <{kind}-{key}@mx.example.org>",
        "MIME-Version: 1.0",
    )


def _lines(*lines: str) -> bytes:
    return "\r\n".join((*lines, "")).encode()
