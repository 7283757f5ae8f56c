"""Reports for machines: delivery status, feedback, receipts."""

from __future__ import annotations

from collections.abc import Iterator

from nurture.channels.inbound import Kind
from tests.support.returned.build import (
    ANA,
    COMPLAINT,
    DAEMON,
    HARD,
    NOBODY,
    NOT,
    POSTFIX,
    RETURNED,
    SOFT,
    block,
    dsn,
    failed,
    feedback,
    message,
    parts,
    receipt,
)


def reports() -> Iterator[tuple[str, Kind, bytes]]:
    yield "dsn: 5.1.1 without a word", HARD, dsn(block(status="5.1.1"))
    yield "dsn: 5.2.2 without a word", SOFT, dsn(block(status="5.2.2"))
    yield "dsn: 5.0.0 without a word", SOFT, dsn(block())
    yield (
        "dsn: the reason stands behind the number",
        SOFT,
        dsn(block(status="5.0.0 (recipient reached disk quota)")),
    )
    yield (
        "dsn: the reason stands behind the action",
        HARD,
        dsn(block(action="failed (Bad destination mailbox address)", status="5.1.1")),
    )
    yield (
        "dsn: a number without dots",
        SOFT,
        dsn(block(status="553 Exceeded maximum inbound message size", action="failure")),
    )
    yield (
        "dsn: an error as action",
        HARD,
        dsn(block(action="error"), text="ana@example.org: Domain does not exist\n"),
    )
    yield (
        "dsn: delayed",
        SOFT,
        dsn(block(action="delayed", status="4.4.1"), subject="Delayed Mail (still being retried)"),
    )
    yield (
        "dsn: delayed with a dead word",
        SOFT,
        dsn(block(action="Delayed", status="4.1.1", diagnostic="450 4.1.1 user unknown")),
    )
    yield (
        "dsn: delivered",
        NOT,
        dsn(block(action="delivered", status="2.0.0"), subject="Successful Mail Delivery Report"),
    )
    yield "dsn: relayed", NOT, dsn(block(action="relayed", status="2.0.0"), subject="Delivery Notification")
    yield "dsn: expanded", NOT, dsn(block(action="expanded", status="2.0.0"), subject="Delivery Notification")
    yield (
        "dsn: one dead, one full",
        HARD,
        dsn(block(status="5.1.1"), block("bea@example.org", "5.2.2", "552 mailbox full")),
    )
    yield (
        "dsn: one full, one delivered",
        SOFT,
        dsn(block(status="5.2.2"), block("bea@example.org", "2.0.0", action="delivered")),
    )
    yield (
        "dsn: words only for people",
        HARD,
        dsn(
            block(),
            text="Failed to deliver to 'ana@example.org'\nhost mx says:\n550 ana@example.org unknown user account\n",
        ),
    )
    yield (
        "dsn: quota only for people",
        SOFT,
        dsn(block(), text="Failed to deliver to '<ana@example.org>'\naccount is full (quota exceeded)\n"),
    )
    yield (
        "dsn: a footer about viruses",
        HARD,
        dsn(
            block(status="5.1.1"),
            text="Delivery to the following recipients failed.\n\n  ana@example.org\n\n_____________\nThis email has been scanned for all viruses.\n",
        ),
    )
    yield (
        "dsn: a host called spam",
        HARD,
        failed(
            "host spam.filter.example[192.0.2.7] said: 550 5.1.1 <full.mailbox@blocked.example>: User unknown"
        ),
    )
    yield "dsn: x400", SOFT, dsn(block(status="4.4.7", more='X400-Supplementary-Info: "Message timed out"\n'))
    yield (
        "dsn: international",
        HARD,
        message(
            DAEMON,
            "Undelivered",
            parts(
                ("text/plain", "Not delivered."),
                (
                    "message/global-delivery-status",
                    "Reporting-MTA: dns; mx\n\nFinal-Recipient: utf-8; b\\x{FC}ro@example.org\nAction: failed\nStatus: 5.1.1\n\n",
                ),
            ),
            Content_Type="multipart/report; report-type=delivery-status; boundary=BB",
        ),
    )
    yield (
        "dsn: in a multipart/mixed, by a filter",
        HARD,
        message(
            DAEMON,
            "Undelivered Mail",
            parts(
                ("text/plain", POSTFIX),
                ("message/delivery-status", "Reporting-MTA: dns; mx\n\n" + block(diagnostic=NOBODY)),
            ),
            Content_Type='multipart/mixed; boundary="BB"',
        ),
    )
    yield (
        "dsn: called plain text",
        SOFT,
        message(
            DAEMON,
            "Non delivery report: 5.9.8 (Spam)",
            parts(
                ("text/plain", "Reason: Spam"), ("text/plain", block(status="5.9.8", diagnostic="5.9.8 Spam"))
            ),
            Content_Type='multipart/report; report-type=delivery-status; boundary="BB"',
        ),
    )
    yield (
        "dsn: no block for anybody",
        SOFT,
        message(
            DAEMON,
            "Mail System Error - Returned Mail",
            parts(
                (
                    "text/plain",
                    "This Message was undeliverable due to the following reason:\nHost example.org is not responding.\n<ana@example.org>\n",
                ),
                ("message/delivery-status", "Reporting-MTA: dns; mx.example.net\n"),
            ),
            Content_Type='multipart/report; report-type=delivery-status; boundary="BB"',
        ),
    )
    yield (
        "dsn: nothing in it",
        SOFT,
        message(
            DAEMON,
            "Returned mail: see transcript for details",
            "<<< No Message Collected >>>",
            Content_Type='multipart/report; report-type=delivery-status; boundary="BB"',
        ),
    )
    yield (
        "dsn: wrapped by a filter",
        HARD,
        message(
            "postmaster@example.org",
            "Delivery Status Notification (Failure)",
            parts(("message/rfc822", dsn(block(status="5.1.1")).decode().replace("BB", "CC"))),
            Content_Type='multipart/mixed; boundary="BB"',
        ),
    )
    yield (
        "dsn: Exchange, in Swedish",
        HARD,
        dsn(
            block(status="5.1.1", diagnostic="550 5.1.1 RESOLVER.ADR.RecipNotFound; not found"),
            text="Det gick inte att leverera till följande mottagare.\n",
            subject="Olevererbart: Din guide",
        ),
    )
    yield "arf: abuse", COMPLAINT, feedback("abuse")
    yield "arf: fraud", COMPLAINT, feedback("fraud")
    yield "arf: virus", COMPLAINT, feedback("virus")
    yield "arf: other", COMPLAINT, feedback("other")
    yield "arf: a type of tomorrow", COMPLAINT, feedback("x-annoying")
    yield "arf: hidden recipient", COMPLAINT, feedback("abuse", "Original-Rcpt-To: redacted@example.org\n")
    yield "arf: not spam", NOT, feedback("not-spam")
    yield "arf: authentication failure", NOT, feedback("auth-failure", "Auth-Failure: dmarc\n")
    yield (
        "arf: the old loop of Hotmail",
        COMPLAINT,
        message(
            "staff@hotmail.com",
            "complaint about message from 192.0.2.1",
            parts(("message/rfc822", f"X-HmXmrOriginalRecipient: <{ANA}>\n{RETURNED}\nHello.")),
            Content_Type='multipart/mixed; boundary="BB"',
        ),
    )
    yield (
        "dsn: its header lines came apart",
        HARD,
        dsn(block(status="5.1.1")).replace(b"delivery-status; boundary", b"delivery-status;\nboundary"),
    )
    yield (
        "dsn: the preferences of a recipient",
        SOFT,
        failed("550 5.1.1 RCP-P2 Refused due to recipient preferences", "5.1.1"),
    )
    yield "mdn: read", NOT, receipt("manual-action/MDN-sent-manually; displayed", "Your message was read.")
    yield (
        "mdn: deleted unread",
        NOT,
        receipt(
            "automatic-action/MDN-sent-automatically; deleted",
            "Your message was deleted without being read.",
            subject="Not read: Your guide",
        ),
    )
    yield (
        "mdn: refused for quota",
        SOFT,
        receipt(
            "automatic-action/MDN-sent-automatically; deleted",
            f"Your message to <{ANA}> was automatically rejected:\nQuota exceeded",
            Auto_Submitted="auto-replied (rejected)",
            subject="Automatically rejected mail",
        ),
    )
    yield (
        "dmarc: aggregate report",
        NOT,
        message(
            "noreply-dmarc@isp.example",
            "Report domain: nurture.example Submitter: isp.example",
            parts(("text/plain", "This is an aggregate report."), ("application/gzip", "xx")),
            Content_Type='multipart/mixed; boundary="BB"',
        ),
    )
