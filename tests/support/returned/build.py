"""How messages that come back are written: one call for each shape; names and hosts are made up."""

from __future__ import annotations

from textwrap import dedent

from nurture.channels.inbound import Kind

HARD, SOFT, COMPLAINT, AUTOREPLY = Kind.HARD, Kind.SOFT, Kind.COMPLAINT, Kind.AUTOREPLY
CHALLENGE, REPLY, NOT = Kind.CHALLENGE, Kind.REPLY, Kind.NOT_BOUNCE
RETURN_PATH = "return-k1-abc@bounces.nurture.example"
SENT = "<delivery-1@nurture.example>"
ANA = "ana@example.org"
DAEMON = "Mail Delivery System <MAILER-DAEMON@mx.example.net>"
RETURNED = f"Return-Path: <{RETURN_PATH}>\nFrom: Nora <news@nurture.example>\nTo: {ANA}\nSubject: Your guide\nMessage-ID: {SENT}\n"


def message(sender: str, subject: str, body: str, *, to: str = RETURN_PATH, **headers: str) -> bytes:
    """A message of one text; further headers by name, with _ for -."""
    lines = [f"From: {sender}", f"To: {to}", f"Subject: {subject}", "Date: Mon, 2 Mar 2026 10:00:00 +0100"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    if "Content_Type" not in headers:
        lines.append("Content-Type: text/plain; charset=utf-8")
    return ("\n".join(lines) + "\n\n" + dedent(body).lstrip("\n") + "\n").encode()


def parts(*bodies: tuple[str, str]) -> str:
    """The inside of a multipart with the boundary BB, from pairs of type and body."""
    return "".join(f"--BB\nContent-Type: {kind}\n\n{body}\n" for kind, body in bodies) + "--BB--\n"


def block(
    to: str = ANA, status: str = "5.0.0", diagnostic: str = "", action: str = "failed", more: str = ""
) -> str:
    """One recipient of a delivery status report."""
    said = f"Diagnostic-Code: smtp; {diagnostic}\n" if diagnostic else ""
    return f"Final-Recipient: rfc822; {to}\nAction: {action}\nStatus: {status}\n{said}{more}\n"


def dsn(
    *blocks: str,
    text: str = "Your message could not be delivered.\n",
    subject: str = "Undelivered Mail Returned to Sender",
) -> bytes:
    """A delivery status report (RFC 3464) with the headers of what was returned."""
    body = parts(
        ("text/plain; charset=us-ascii", text),
        ("message/delivery-status", "Reporting-MTA: dns; mx.example.net\n\n" + "".join(blocks)),
        ("text/rfc822-headers", RETURNED),
    )
    kind = 'multipart/report; report-type=delivery-status; boundary="BB"'
    return message(
        DAEMON, subject, body, Content_Type=kind, Auto_Submitted="auto-replied", MIME_Version="1.0"
    )


def failed(diagnostic: str, status: str = "5.0.0") -> bytes:
    """A report about one recipient."""
    return dsn(block(ANA, status, diagnostic))


def told(
    body: str, *, sender: str = DAEMON, subject: str = "Undelivered Mail Returned to Sender", **headers: str
) -> bytes:
    """A bounce in words only, with what was returned behind it."""
    return message(
        sender,
        subject,
        f"{dedent(body).strip()}\n\n--- Below this line is a copy of the message.\n\n{RETURNED}",
        **headers,
    )


def feedback(kind: str, original: str = f"Original-Rcpt-To: {ANA}\n", returned: str = RETURNED) -> bytes:
    """A feedback report (RFC 5965)."""
    body = parts(
        ("text/plain", "This is an email abuse report for an email message."),
        ("message/feedback-report", f"Feedback-Type: {kind}\nUser-Agent: Loop/1.0\nVersion: 1\n{original}"),
        ("message/rfc822", f"{returned}\nHello."),
    )
    header = 'multipart/report; report-type=feedback-report; boundary="BB"'
    return message("fbl@isp.example", "FW: Your guide", body, Content_Type=header, MIME_Version="1.0")


def receipt(disposition: str, text: str, **headers: str) -> bytes:
    """A receipt (RFC 8098)."""
    told = f"Final-Recipient: rfc822; {ANA}\nOriginal-Message-ID: {SENT}\nDisposition: {disposition}\n"
    body = parts(("text/plain", text), ("message/disposition-notification", told))
    header = 'multipart/report; report-type=disposition-notification; boundary="BB"'
    return message(
        f"Ana <{ANA}>", headers.pop("subject", "Read: Your guide"), body, Content_Type=header, **headers
    )


def person(subject: str, body: str, **headers: str) -> bytes:
    """A message that Ana writes, or her machine."""
    return message(f"Ana Gomez <{ANA}>", subject, body, **headers)


NOBODY = "host mx.example.org[192.0.2.9] said: 550 5.1.1 <ana@example.org>: Recipient address rejected: User unknown"
POSTFIX = "This is the mail system at host mx.example.net.\n\nI'm sorry to have to inform you that your message could not\nbe delivered to one or more recipients.\n\n"
QMAIL = "Hi. This is the qmail-send program at mx.example.net.\nI'm afraid I wasn't able to deliver your message to the following addresses.\nThis is a permanent error; I've given up. Sorry it didn't work out.\n\n"
EXIM = "This message was created automatically by mail delivery software.\n\nA message that you sent could not be delivered to one or more of its\nrecipients. This is a permanent error. The following address(es) failed:\n\n"
YAHOO = "Message from yahoo.com.\nUnable to deliver message to the following address(es).\n\n"
