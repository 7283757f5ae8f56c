"""What comes back about a message of ours: bounces, complaints, automatic answers, and a person's reply, as raw mails."""

from __future__ import annotations

from itertools import count

from tests.support.returned import DAEMON, block, message, parts

NOBODY = "550 5.1.1 <{to}>: Recipient address rejected: User unknown"
FULL = "452 4.2.2 <{to}>: mailbox full"
_numbers = count(1)


def bounce(
    *recipients: str,
    said: str = NOBODY,
    status: str = "5.1.1",
    action: str = "failed",
    returned: str = "",
    to: str = "hello@example.org",
    original: str = "",
) -> bytes:
    """A delivery status report; ``returned`` is the Message-ID of what came back, if it says so."""
    more = f"Original-Recipient: rfc822; {original}\n" if original else ""
    blocks = "".join(block(one, status, said.format(to=one), action, more) for one in recipients)
    inside = [
        ("text/plain; charset=us-ascii", "Your message could not be delivered.\n"),
        ("message/delivery-status", f"Reporting-MTA: dns; mx.example.net\n\n{blocks}"),
    ]
    if returned:
        inside.append(("text/rfc822-headers", f"From: hello@example.org\nMessage-ID: {returned}\n"))
    kind = 'multipart/report; report-type=delivery-status; boundary="BB"'
    return message(
        DAEMON,
        "Undelivered Mail Returned to Sender",
        parts(*inside),
        to=to,
        Content_Type=kind,
        MIME_Version="1.0",
        Message_ID=_fresh(),
    )


def full_mailbox(*recipients: str, **more: str) -> bytes:
    """It may pass."""
    return bounce(*recipients, said=FULL, status="4.2.2", **more)


def complaint(
    returned: str, recipient: str = "", to: str = "hello@example.org", kind: str = "abuse"
) -> bytes:
    """A feedback report; without a ``recipient`` the receiver has blackened the address."""
    shown = f"Original-Rcpt-To: {recipient}\n" if recipient else ""
    inside = parts(
        ("text/plain", "This is an email abuse report."),
        (
            "message/feedback-report",
            f"Feedback-Type: {kind}\nUser-Agent: SomeGenerator/1.0\nVersion: 1\n{shown}",
        ),
        ("message/rfc822", f"From: hello@example.org\nTo: redacted\nMessage-ID: {returned}\n\nHello."),
    )
    content = 'multipart/report; report-type=feedback-report; boundary="BB"'
    return message(
        "feedback@mx.example.net",
        "FW: your guide",
        inside,
        to=to,
        Content_Type=content,
        MIME_Version="1.0",
        Message_ID=_fresh(),
    )


def out_of_office(answers: str, sender: str = "ana@example.org", to: str = "hello@example.org") -> bytes:
    return message(
        sender,
        "Automatic reply: your guide",
        "I am on leave until Monday.",
        to=to,
        In_Reply_To=answers,
        Auto_Submitted="auto-replied",
        Message_ID=_fresh(),
    )


def challenge(answers: str, sender: str = "ana@example.org") -> bytes:
    return message(
        sender,
        "Please verify your email",
        "To deliver your message, please click this link to confirm that you are a human being, not a spammer:",
        to="hello@example.org",
        In_Reply_To=answers,
        Auto_Submitted="auto-replied",
        Precedence="bulk",
        Message_ID=_fresh(),
    )


def reply(
    answers: str,
    sender: str = "Ana <ana@example.org>",
    words: str = "Yes please, call me.",
    to: str = "hello@example.org",
    **headers: str,
) -> bytes:
    """A person answers."""
    named = {"In_Reply_To": answers} if answers else {}
    return message(sender, "Re: your guide", words, to=to, Message_ID=_fresh(), **{**named, **headers})


def another_way(raw: bytes) -> bytes:
    """The same message as it arrives by another route: other trace headers on top, other line ends."""
    trace = b"Return-Path: <>\nDelivered-To: other@example.org\nReceived: from a by b; Mon, 2 Mar 2026 10:00:09 +0000\n"
    return (trace + raw).replace(b"\n", b"\r\n")


def _fresh() -> str:
    return f"<report-{next(_numbers)}@mx.example.net>"
