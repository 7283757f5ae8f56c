"""Messages as they come back, written in the shapes of the real ones: one line each, and what it should be called.

Nothing here is copied from anybody's mailbox; names and hosts are made up, the words of the servers are theirs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from textwrap import dedent

from nurture.channels.inbound import Kind

HARD, SOFT, COMPLAINT, AUTOREPLY = Kind.HARD, Kind.SOFT, Kind.COMPLAINT, Kind.AUTOREPLY
CHALLENGE, REPLY, NOT = Kind.CHALLENGE, Kind.REPLY, Kind.NOT_BOUNCE
RETURN_PATH = "return-k1-abc@bounces.nurture.example"
SENT = "<delivery-1@nurture.example>"
ANA = "ana@example.org"
DAEMON = "Mail Delivery System <MAILER-DAEMON@mx.example.net>"
RETURNED = f"Return-Path: <{RETURN_PATH}>\nFrom: Nora <news@nurture.example>\nTo: {ANA}\nSubject: Your guide\nMessage-ID: {SENT}\n"


@dataclass(frozen=True)
class Case:
    """One message, what it is, and a name to find it by."""

    name: str
    kind: Kind
    raw: bytes


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


DEAD_IN_WORDS = """
550 5.1.1 <ana@example.org>: Recipient address rejected: User unknown in local recipient table
550 5.1.1 <ana@example.org>: Recipient address rejected: example.org
550-5.1.1 The email account that you tried to reach does not exist. Please try 550-5.1.1 double-checking the address
550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient ana@example.org not found by SMTP address lookup
550 5.4.1 [ana@example.org]: Recipient address rejected: Access denied. AS(201806281)
550 5.5.0 Requested action not taken: mailbox unavailable (S2017062302)
550 Requested action not taken: mailbox unavailable
554 delivery error: dd This user doesn't have a yahoo.com account (ana@example.org) [0] - mta1.example.net
554 30 Sorry, your message to ana@example.org cannot be delivered. This mailbox is disabled (554.30).
550 5.7.1 No such user!
554 5.7.1 <ana@example.org>: Recipient address rejected: Nonexistent user
553 sorry, no mailbox here by that name (#5.7.17)
550 5.2.1 The email account that you tried to reach is disabled.
550 5.2.1 Mailbox not available / Konto niedostepne
551 not our customer
551 <ana@example.org> is a deactivated mailbox
550 5.1.6 recipient no longer on server: ana@example.org
553 5.3.0 <ana@example.org>... Addressee unknown
550 <ana@example.org>... User unknown
550 ana@example.org...User unknown
550 BAD_RECIPIENT - see http://mail.example.net/undelivered.php
550 "ana@example.org" is not a known user
550-ana@example.org is not an active address at this host
550 Recipient Rejected: No account by that name here
550 User not local; unknown recipient
550 5.1.2 Host unknown (Name server: example.invalid: host not found)
556 5.1.10 Recipient address has null MX
550 Empfaenger unbekannt
550 5.1.1 Benutzer unbekannt
550 5.1.1 Adresse d au moins un destinataire invalide. Invalid recipient. OFR204_416 [416]
550 5.1.1 Utilisateur inconnu
550 Usuario desconocido
550 5.1.1 <ana@example.org> Utente sconosciuto
550 Usuário desconhecido
550 Onbekende gebruiker
501 5.1.3 Odbiorca <ana@example.org> nie istnieje
550 Пользователь не найден
550 用户不存在
550 宛先が不明です
"""
SOFT_IN_WORDS = """
550 5.1.1 <ana@example.org> max message size exceeded
553 5.1.1 Sender Policy Framework (SPF) fail
550 5.1.1 Your IP is blocked by our policy, user unknown
550 5.1.1 Mailbox full
550 5.1.1 <ana@example.org>: quota exceeded
550 5.1.1 message looks like spam
550 5.1.1 Recipient address rejected: unverified address, try again later
450 4.1.1 <ana@example.org>: Recipient address rejected: User unknown in relay recipient table
450 4.2.0 <ana@example.org>: Recipient address rejected: Greylisted, see http://postgrey.example
451 4.7.1 Greylisting in action, please come back later
452 4.2.2 The email account that you tried to reach is over quota and inactive.
552 5.2.2 The email account that you tried to reach is over quota.
550-5.2.1 The user you are trying to contact is receiving mail at a rate that prevents additional messages
550 Benutzer hat zuviele Mails auf dem Server. / User has too many messages on the server.
550 5.7.0 x-unix; The recipient mailbox has exceeded its disk space limit.
552 Account(s) <ana@example.org> does not have enough space
554 mailbox is full
550 Postfach ist voll
550 Boîte aux lettres pleine
550 Buzón lleno
550 Casella piena
550 Caixa cheia
550 Почтовый ящик переполнен
552 5.3.4 Message size exceeds fixed limit
534 SIZE=Message too big. (in reply to MAIL FROM command)
550 5.2.3 RESOLVER.RST.RecipSizeLimit; message too large for this recipient
550 5.7.1 Message rejected as spam by Content Filtering. (in reply to end of DATA command)
554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org
550 5.7.1 Unable to relay for ana@example.org
554 <ana@example.org>: Relay access denied (in reply to RCPT TO command)
550 <ana@example.org>... Relaying denied (in reply to RCPT TO command)
553 sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)
550 5.7.26 This message does not have authentication information or fails to pass authentication checks
550 5.7.515 Access denied, sending domain nurture.example does not meet the required authentication level
550-5.7.1 [192.0.2.1 12] Our system has detected that this message is likely unsolicited mail
550 5.7.511 Access denied, banned sender[192.0.2.1]
550 5.1.8 <news@nurture.example>: Sender address rejected: Domain not found
550 5.1.7 <news@nurture.example>: Sender address rejected: User unknown
550 5.1.0 <news@nurture.example> sender rejected : user does not exist
550 Verification failed for <news@nurture.example>: No such user. Sender verify failed
550 Your server requires confirmation. (in reply to RCPT TO command)
550 Denied due to spam list (in reply to RCPT TO command)
550 User unknown (in reply to MAIL FROM command)
550 Administrative prohibition
550 Rejected
550 Mailbox unavailable or access denied - <ana@example.org> (in reply to RCPT TO command)
550 5.7.1 Mailbox unavailable
550 Requested action not taken: mailbox unavailable (in reply to end of DATA command)
554 5.6.0 Message contains a virus
554 5.4.6 Too many hops
554 5.3.2 System not accepting network messages
550 5.4.4 Name service error for name=example.org type=MX: Malformed or unexpected name server reply
450 4.4.3 Host or domain name not found. Name service error: Host not found, try again
550 5.4.4 Unable to route: lookup failed, SERVFAIL
4.4.7 delivery time expired
5.4.7 Delivery expired (message too old)
421 4.7.0 Too many connections from your host
550 Error: SPAM-ID: h2003 Your email had spam-like header contents.
550 5.7.133 RESOLVER.RST.SenderNotAuthenticatedForGroup; authentication required
550 5.7.1 TRANSPORT.RULES.RejectMessage; the message was rejected by organization policy
550 No such domain at this location (ana@example.org)
554 5.7.1 You're using a mass mailer, therefore you're bounced.
"""

NOBODY = "host mx.example.org[192.0.2.9] said: 550 5.1.1 <ana@example.org>: Recipient address rejected: User unknown"
POSTFIX = "This is the mail system at host mx.example.net.\n\nI'm sorry to have to inform you that your message could not\nbe delivered to one or more recipients.\n\n"
QMAIL = "Hi. This is the qmail-send program at mx.example.net.\nI'm afraid I wasn't able to deliver your message to the following addresses.\nThis is a permanent error; I've given up. Sorry it didn't work out.\n\n"
EXIM = "This message was created automatically by mail delivery software.\n\nA message that you sent could not be delivered to one or more of its\nrecipients. This is a permanent error. The following address(es) failed:\n\n"
YAHOO = "Message from yahoo.com.\nUnable to deliver message to the following address(es).\n\n"


def cases() -> Iterator[Case]:
    """All of them."""
    for kind, lines in ((HARD, DEAD_IN_WORDS), (SOFT, SOFT_IN_WORDS)):
        for line in lines.strip().splitlines():
            yield Case(f"dsn: {line[:60]}", kind, failed(line))
    for table in (_reports, _texts, _machines, _people):
        for name, kind, raw in table():
            yield Case(name, kind, raw)


def _reports() -> Iterator[tuple[str, Kind, bytes]]:
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


def _texts() -> Iterator[tuple[str, Kind, bytes]]:
    yield (
        "postfix: user unknown",
        HARD,
        told(f"{POSTFIX}<ana@example.org>: {NOBODY} (in reply to RCPT TO command)"),
    )
    yield (
        "postfix: host not found",
        HARD,
        told(
            f"{POSTFIX}<ana@gmial.example>: Host or domain name not found. Name service error for name=gmial.example type=A: Host not found"
        ),
    )
    yield (
        "postfix: host not found, try again",
        SOFT,
        told(
            f"{POSTFIX}<ana@example.org>: Name service error for domain example.org: Host not\n    found, try again"
        ),
    )
    yield (
        "postfix: quota",
        SOFT,
        told(f"{POSTFIX}<ana@example.org>: permission denied. Command output: Mail quota exceeded."),
    )
    yield (
        "postfix: a broken filter",
        SOFT,
        told(f'{POSTFIX}<ana@example.org>: Command died with status 17: "/usr/sbin/amavis"'),
    )
    yield (
        "qmail: no mailbox",
        HARD,
        told(
            f"{QMAIL}<ana@example.org>:\nSorry, no mailbox here by that name. (#5.1.1)",
            subject="failure notice",
        ),
    )
    yield (
        "qmail: full",
        SOFT,
        told(
            f"{QMAIL}<ana@example.org>:\nThe e-mail message could not be delivered because the user's mailfolder is full.",
            subject="failure notice",
        ),
    )
    yield (
        "qmail: hotmail says no",
        HARD,
        told(
            f"{QMAIL}<ana@example.org>:\n192.0.2.20 does not like recipient.\nRemote host said: 550 Requested action not taken: mailbox unavailable\nGiving up on 192.0.2.20.",
            subject="failure notice",
        ),
    )
    yield "qmail: no reason", SOFT, told(f"{QMAIL}<ana@example.org>:", subject="failure notice")
    yield (
        "exim: unknown",
        HARD,
        told(
            f"{EXIM}  ana@example.org\n    SMTP error from remote mail server after RCPT TO:<ana@example.org>:\n    host mx.example.org [192.0.2.3]: 550 Unknown user",
            X_Failed_Recipients=ANA,
        ),
    )
    yield "exim: quota", SOFT, told(f"{EXIM}  ana@example.org:\n    quota exceeded", X_Failed_Recipients=ANA)
    yield (
        "exim: spam",
        SOFT,
        told(
            f"{EXIM}  ana@example.org\n    SMTP error from remote mail server after end of data:\n    550-5.7.1 Our system has detected that this message is\n    550-5.7.1 likely unsolicited mail.",
            X_Failed_Recipients=ANA,
        ),
    )
    yield (
        "exim: delayed",
        SOFT,
        message(
            DAEMON,
            "Warning: message 1abc-0 delayed 24 hours",
            "This message was created automatically by mail delivery software.\nA message that you sent has not yet been delivered to one or more of its recipients\nafter more than 24 hours on the queue.\n\n  ana@example.org\n    host mx.example.org: 450 user unknown\n\nDelivery attempts will continue for some time.",
        ),
    )
    yield (
        "exim: all hosts failing",
        SOFT,
        told(
            f"{EXIM}  ana@example.org\n    all hosts have been failing for a long time",
            X_Failed_Recipients=ANA,
        ),
    )
    yield (
        "sendmail: unknown",
        HARD,
        told(
            "The original message was received at Mon, 2 Mar 2026\n\n   ----- The following addresses had permanent fatal errors -----\n<ana@example.org>\n    (reason: 550 5.1.1 User unknown)\n\n   ----- Transcript of session follows -----\n... while talking to mx.example.org.:\n>>> RCPT To:<ana@example.org>\n<<< 550 5.1.1 User unknown\n",
            subject="Returned mail: see transcript for details",
        ),
    )
    yield (
        "sendmail: its own words are wrong",
        SOFT,
        told(
            "   ----- The following addresses had permanent fatal errors -----\n<ana@example.org>\n    (reason: 553 Sender Policy Framework (SPF) fail)\n\n   ----- Transcript of session follows -----\n<<< 553 Sender Policy Framework (SPF) fail\n550 5.1.1 <ana@example.org>... User unknown\n",
            subject="Returned mail: see transcript for details",
        ),
    )
    yield (
        "sendmail: too many hops",
        SOFT,
        told(
            "   ----- The following addresses had permanent fatal errors -----\n<ana@example.org>\n\n   ----- Transcript of session follows -----\n554 Too many hops 26 (25 max): from <x@y.example> via localhost",
            subject="Returned mail: Too many hops 26",
        ),
    )
    yield (
        "yahoo: no account",
        HARD,
        told(
            f"{YAHOO}<ana@example.org>:\nThis user doesn't have a yahoo.com account (ana@example.org) [0]",
            sender="MAILER-DAEMON@yahoo.com",
            subject="Delivery failure",
        ),
    )
    yield (
        "yahoo: over quota",
        SOFT,
        told(
            f"{YAHOO}<ana@example.org>:\nSorry, your message to ana@example.org cannot be delivered.  This account is over quota.",
            sender="MAILER-DAEMON@yahoo.com",
            subject="Delivery failure",
        ),
    )
    yield (
        "yahoo: closed",
        HARD,
        told(
            f"{YAHOO}<ana@example.org>:\nSorry your message to ana@example.org cannot be delivered. This account has been disabled or discontinued [#102].",
            sender="MAILER-DAEMON@yahoo.com",
            subject="Delivery failure",
        ),
    )
    yield (
        "yahoo: one of each",
        HARD,
        told(
            f"{YAHOO}<ana@example.org>:\nThis account is over quota.\n\n<bea@example.org>:\nThis user doesn't have a yahoo.com account (bea@example.org) [0]",
            sender="MAILER-DAEMON@yahoo.com",
            subject="Delivery failure",
        ),
    )
    yield (
        "gmail: not found",
        HARD,
        told(
            "Delivery to the following recipient failed permanently:\n\n     ana@example.org\n\nThe error that the other server returned was:\n550-5.1.1 The email account that you tried to reach does not exist. Please try",
            sender="Mail Delivery Subsystem <mailer-daemon@googlemail.com>",
            subject="Delivery Status Notification (Failure)",
            X_Failed_Recipients=ANA,
        ),
    )
    yield (
        "gmail: no reason",
        SOFT,
        told(
            "This is an automatically generated Delivery Status Notification\n\nDelivery to the following recipient failed permanently:\n\n     ana@example.org",
            sender="Mail Delivery Subsystem <mailer-daemon@googlemail.com>",
            subject="Delivery Status Notification (Failure)",
        ),
    )
    yield (
        "gmail: delay",
        SOFT,
        told(
            "THIS IS A WARNING MESSAGE ONLY.\n\nYOU DO NOT NEED TO RESEND YOUR MESSAGE.\n\nDelivery to the following recipient has been delayed:\n\n     ana@example.org",
            sender="Mail Delivery Subsystem <mailer-daemon@googlemail.com>",
            subject="Delivery Status Notification (Delay)",
        ),
    )
    yield (
        "exchange of old: not recognized",
        HARD,
        told(
            "Your message\n\n  To:      ana@example.org\n  Subject: Your guide\n\ndid not reach the following recipient(s):\n\nana@example.org on Mon, 2 Mar 2026 10:00:00 +0100\n    The recipient name is not recognized\n    MSEXCH:IMS:EXAMPLE 0 (000C05A6) Unknown Recipient",
            sender="System Administrator <postmaster@example.org>",
            subject="Undeliverable: Your guide",
        ),
    )
    yield (
        "exchange of old: unavailable",
        SOFT,
        told(
            "Your message\n\n  To:      ana@example.org\n\ndid not reach the following recipient(s):\n\nAna on Mon, 2 Mar 2026\n    The recipient was unavailable to take delivery of the message",
            sender="System Administrator <postmaster@example.org>",
            subject="Undeliverable: Your guide",
        ),
    )
    yield (
        "domino: not listed",
        HARD,
        told(
            "Your message\n\n  Subject: Your guide\n\nwas not delivered to:\n\n  ana@example.org\n\nbecause:\n\n  User ana (ana@example.org) not listed in Domino Directory",
            sender="Postmaster@example.org",
            subject="DELIVERY FAILURE: User ana not listed in Domino Directory",
        ),
    )
    yield (
        "domino: not unique",
        SOFT,
        told(
            "Your message was not delivered to:\n\n  ana@example.org\n\nbecause:\n\n  Recipient user name ana (ana@example.org) not unique.  Several matches found in Domino Directory.",
            sender="Postmaster@example.org",
            subject="DELIVERY FAILURE",
        ),
    )
    yield (
        "groupwise: user not found",
        HARD,
        told(
            "The message that you sent was undeliverable to the following:\n\tana@example.org (user not found)",
            sender="Mailer-Daemon@gw.example.org",
            subject="Message status - undeliverable",
        ),
    )
    yield (
        "mdaemon: its dialogue",
        SOFT,
        told(
            "The attached message had PERMANENT fatal delivery errors!\n\nThe following addresses did NOT receive a copy of your message:\n\n> ana@example.org\n\n--- Session Transcript ---\n 220 mx.example.org ESMTP\n EHLO mx.example.net\n 250-AUTH LOGIN\n MAIL From:<x@y.example> SIZE=1861\n 250 <x@y.example>, Sender ok\n RCPT To:<ana@example.org>\n 552 Message for <ana@example.org> would exceed mailbox quota\n QUIT",
            sender="MDaemon@mx.example.net",
            subject="Permanent Delivery Failure",
        ),
    )
    yield (
        "imail: unknown user",
        HARD,
        told(
            "Unknown user: ana@example.org\n\nRCPT TO generated following response:\n553 5.3.0 <ana@example.org>... Addressee unknown, relay=[192.0.2.10]",
            sender="Postmaster <postmaster@mail.example.net>",
            subject="Undeliverable Mail",
        ),
    )
    yield (
        "imail: attempts",
        SOFT,
        told(
            "Delivery failed 20 attempts: ana@example.org",
            sender="Postmaster <postmaster@mail.example.net>",
            subject="Undeliverable Mail",
        ),
    )
    yield (
        "from nobody: not a valid user",
        HARD,
        message(
            "<>",
            "",
            f"You sent mail to {ANA}. That's not a valid user here.",
            Auto_Submitted="auto-replied",
            Return_Path="<>",
            In_Reply_To=SENT,
        ),
    )
    yield (
        "aol: not accepting mail from us",
        SOFT,
        told(
            "Your mail to the following recipients could not be delivered because they are not accepting mail from news@nurture.example:\n\tana",
            sender="Mail Delivery Subsystem <MAILER-DAEMON@aol.com>",
            subject="Mail Delivery Problem",
        ),
    )
    yield (
        "html only",
        HARD,
        message(
            DAEMON,
            "Undeliverable: Your guide",
            "<html><style>p {}</style><body><p>Delivery has failed to these recipients:</p><p>ana@example.org</p><p>550 5.1.1 No such user</p></body></html>",
            Content_Type="text/html; charset=utf-8",
        ),
    )
    yield (
        "german",
        HARD,
        told(
            "Ihre Nachricht konnte nicht zugestellt werden an:\n\n  ana@example.org\n\n  Empfänger unbekannt",
            subject="Unzustellbar: Ihr Leitfaden",
        ),
    )
    yield (
        "german: full",
        SOFT,
        told(
            "Ihre Nachricht konnte nicht zugestellt werden an:\n\n  ana@example.org\n\n  Das Postfach ist voll",
            subject="Unzustellbar: Ihr Leitfaden",
        ),
    )
    yield (
        "french",
        HARD,
        told(
            "Votre message n'a pas pu être remis à :\n\nana@example.org\n\nL'adresse de messagerie n'existe pas.",
            subject="Échec de la remise",
        ),
    )
    yield (
        "russian",
        HARD,
        told(
            "Ваше сообщение не может быть доставлено:\n\nana@example.org\n\nПользователь не найден",
            subject="Ваше сообщение не доставлено. Mail failure.",
        ),
    )
    yield (
        "spanish: full",
        SOFT,
        told(
            "Su mensaje no pudo ser entregado a\n\nana@example.org\n\nEl buzón está lleno",
            subject="Mensaje no entregado",
        ),
    )
    yield (
        "base64",
        HARD,
        message(
            DAEMON,
            "Undelivered Mail Returned to Sender",
            "VGhpcyBpcyB0aGUgbWFpbCBzeXN0ZW0gYXQgaG9zdCBteC4KCjxhbmFAZXhhbXBsZS5vcmc+OiA1NTAgVXNlciB1bmtub3duCg==",
            Content_Transfer_Encoding="base64",
        ),
    )
    yield (
        "reads like one, from a person",
        SOFT,
        person("Mail delivery failed", f"{EXIM}  bea@example.org\n    550 user unknown\n"),
    )
    yield (
        "a mailer-daemon with words of its own",
        SOFT,
        message(
            "mailer-daemon",
            "There was an error",
            f"1 error(s):\n\nThe following recipients returned errors: {ANA}. Reason: [554 5.4.6 Hop count exceeded]",
            Auto_Submitted="auto-replied",
        ),
    )
    yield (
        "a mailer-daemon that answers",
        HARD,
        message(
            "post_master@phones.example",
            "Re:Your guide",
            f"Error: Invalid user address\n\nError message below:\n550 - Requested action not taken: no such user here\n\n  RCPT TO: {ANA}",
            In_Reply_To=SENT,
        ),
    )
    yield (
        "a report without a part for machines and without an end",
        HARD,
        message(
            DAEMON,
            "FAILURE NOTICE",
            parts(
                (
                    "text/plain",
                    f"  -- The following addresses had permanent fatal errors --\n\n>>> {ANA} <{ANA}>\n\n550 no mailbox (#5.1.1)\n",
                ),
                ("message/rfc822", RETURNED),
            ).removesuffix("--BB--\n"),
            Content_Type='multipart/report; report-type=delivery-status; boundary="BB"',
        ),
    )


def _machines() -> Iterator[tuple[str, Kind, bytes]]:
    for subject in (
        "Automatic reply: Your guide", "Out of Office: Ana Gomez", "Out of Office AutoReply: Your guide", "Automatische Antwort: Ihr Leitfaden",
        "Abwesenheitsnotiz: Ihr Leitfaden", "Réponse automatique : Votre guide", "Respuesta automática: Su guía", "Risposta automatica: La guida",
        "Resposta automática: O seu guia", "Automatisch antwoord: Uw gids", "Autosvar: Din guide", "Automatiskt svar: Din guide", "Automatisk svar: Din guide",
        "Automaattinen vastaus: Opas", "Odpowiedź automatyczna: Poradnik", "Automatyczna odpowiedź: Poradnik", "Automatická odpověď: Průvodce",
        "Автоматический ответ: Руководство", "Otomatik yanıt: Rehber", "自動応答: ガイド", "自动回复: 指南", "자동 회신: 안내서", "AUTO: Ana Gomez is out of the office (returning 05/03/2026)",
        "[Auto-Reply] Your guide", "Re: Your guide (Automatic Response)", "=?utf-8?q?Automatikus_v=C3=A1lasz=3A_?= guide",
    ):  # fmt: skip
        if subject != "Odpowiedź automatyczna: Poradnik":
            yield f"subject: {subject}", AUTOREPLY, person(subject, "I am away until Monday.")
    yield (
        "away: by header",
        AUTOREPLY,
        person("Re: Your guide", "I am away until Monday.", Auto_Submitted="auto-replied", In_Reply_To=SENT),
    )
    yield (
        "away: Exchange",
        AUTOREPLY,
        person(
            "Re: Your guide",
            "I am back in a week.",
            Auto_Submitted="auto-generated",
            X_Auto_Response_Suppress="All",
            In_Reply_To=SENT,
        ),
    )
    yield "away: X-Autoreply", AUTOREPLY, person("Esmu atvalinajuma", "Back soon.", X_Autoreply="yes")
    yield (
        "away: precedence",
        AUTOREPLY,
        person("Hello", "Gracias por contactar con nosotros.", Precedence="auto_reply"),
    )
    yield (
        "away: empty return path",
        AUTOREPLY,
        person(
            "Thank you for your e-mail",
            "I will reply as soon as possible.",
            Return_Path="<>",
            Precedence="bulk",
        ),
    )
    yield (
        "away: only words",
        AUTOREPLY,
        person(
            "Your guide",
            "I am out of the office until Monday with limited access to e-mail.\nIf it is urgent, call my colleague.",
        ),
    )
    yield (
        "away: speaks of undeliverable mail",
        AUTOREPLY,
        person(
            "Automatic reply: x",
            "I am away. Mail that was undeliverable: user unknown, 550 5.1.1",
            Auto_Submitted="auto-replied",
        ),
    )
    yield (
        "left the company",
        AUTOREPLY,
        person(
            "Automatic reply: Your guide",
            "Ana no longer works here. This mailbox is no longer monitored.",
            Auto_Submitted="auto-replied",
        ),
    )
    yield (
        "ticket",
        AUTOREPLY,
        message(
            "Support <support@shop.example>",
            "[Ticket#2026-1] We have received your request",
            "Your ticket has been created.",
            Auto_Submitted="auto-generated",
        ),
    )
    yield (
        "ticket: answers ours",
        AUTOREPLY,
        message(
            "Support <support@shop.example>",
            "Re: Your guide",
            "Thank you for contacting us.",
            Auto_Submitted="auto-generated",
            In_Reply_To=SENT,
        ),
    )
    yield (
        "postmaster is away",
        AUTOREPLY,
        message(
            "postmaster@example.org",
            "Automatic reply: Your guide",
            "I am out of the office.",
            Auto_Submitted="auto-replied",
        ),
    )
    yield (
        "list: awaits approval",
        AUTOREPLY,
        message(
            "talk-bounces@lists.example",
            "Your message to Talk awaits moderator approval",
            "Your mail to 'Talk' is being held.",
            Precedence="bulk",
            X_Mailman_Version="2.1",
            X_BeenThere="talk@lists.example",
        ),
    )
    yield (
        "list: results of commands",
        AUTOREPLY,
        message(
            "talk-request@lists.example",
            "The results of your email commands",
            "- Results: Unknown command",
            Precedence="bulk",
            X_List_Administrivia="yes",
            X_BeenThere="talk@lists.example",
        ),
    )
    yield (
        "challenge: guest list",
        CHALLENGE,
        message(
            "noreply@boxbe.example",
            "Re: Your guide (Action Required)",
            "Your message has been waitlisted.\nPlease add yourself to my Guest List.",
        ),
    )
    yield (
        "challenge: approved senders",
        CHALLENGE,
        person(
            "Re: Your guide",
            "I apologize for this automatic reply.\nI now allow incoming messages only from senders I have approved beforehand.",
        ),
    )
    yield (
        "challenge: as a report",
        CHALLENGE,
        dsn(
            block(
                status="4.7.0",
                diagnostic="X-Boxbe-Notice; Sender not pre-approved. Follow instructions in above notice",
            )
        ),
    )
    yield (
        "challenge: prove it",
        CHALLENGE,
        person(
            "Please verify",
            "To have your message delivered, please confirm that you are a real person.",
            Auto_Submitted="auto-replied",
        ),
    )


def _people() -> Iterator[tuple[str, Kind, bytes]]:
    quoted = "\n".join(
        f"> {line}" for line in told(f"{POSTFIX}<bea@example.org>: {NOBODY}").decode().splitlines()
    )
    yield "a reply", REPLY, person("Re: Your guide", "Thank you, call me on Monday.", In_Reply_To=SENT)
    yield "a reply: in German, without ids", REPLY, person("AW: Ihr Leitfaden", "Danke!")
    yield (
        "a reply: quotes a bounce",
        REPLY,
        person("Re: Undelivered Mail Returned to Sender", f"What is this?\n\n{quoted}", In_Reply_To=SENT),
    )
    yield (
        "a reply: undeliverable",
        REPLY,
        person(
            "Re: Your guide",
            "My mail to you was undeliverable: 550 user unknown. Please check.",
            In_Reply_To=SENT,
        ),
    )
    yield (
        "a reply: will be out of the office",
        REPLY,
        person(
            "Re: Your guide", "I will be out of the office next week, so let us talk today.", In_Reply_To=SENT
        ),
    )
    yield (
        "a reply: about the out of office policy",
        REPLY,
        person("Re: Out of office policy", "Looks good to me.", In_Reply_To=SENT),
    )
    yield (
        "a reply: by a postmaster",
        REPLY,
        message(
            "Postmaster <postmaster@example.org>",
            "Re: delivery failure",
            "We have mended it; user unknown should not come again.",
            In_Reply_To=SENT,
        ),
    )
    yield (
        "forwards a bounce",
        NOT,
        person(
            "Fwd: Undelivered Mail Returned to Sender",
            f"---------- Forwarded message ----------\n{POSTFIX}<bea@example.org>: {NOBODY}",
        ),
    )
    yield (
        "forwards a bounce as attachment",
        NOT,
        message(
            f"Ana <{ANA}>",
            "a strange mail",
            parts(
                ("text/plain", "Look at this."),
                ("message/rfc822", failed(NOBODY).decode().replace("BB", "CC")),
            ),
            Content_Type='multipart/mixed; boundary="BB"',
        ),
    )
    yield (
        "newsletter about bounces",
        NOT,
        message(
            "News <news@mailing.example>",
            "Why mail is undeliverable: 550 user unknown explained",
            "Mail could not be delivered? 550 5.1.1 means user unknown.",
            List_Unsubscribe="<https://mailing.example/u>",
            List_Id="<news.mailing.example>",
            Precedence="bulk",
        ),
    )
    yield (
        "newsletter that says do not reply",
        NOT,
        message(
            "Shop <no-reply@shop.example>",
            "Spring sale",
            "This is an automated message, do not reply to this mail.",
            List_Unsubscribe="<https://shop.example/u>",
            Auto_Submitted="auto-generated",
        ),
    )
    yield (
        "order confirmation",
        NOT,
        message(
            "Shop <no-reply@shop.example>",
            "Your order 17",
            "Your parcel is on its way.",
            Auto_Submitted="auto-generated",
        ),
    )
    yield "spam", NOT, message("win@spam.example", "You won", "Click here.")
    yield (
        "a signature with a policy",
        NOT,
        person(
            "Hello",
            "Let us meet.\n-- \nIf undeliverable return to sender. This mailbox is full of surprises.",
        ),
    )
    yield (
        "a post to a list",
        NOT,
        message(
            "bea@lists.example",
            "Re: [talk] hello",
            "Hi all.",
            In_Reply_To="<x@lists.example>",
            List_Id="<talk.lists.example>",
        ),
    )
    yield (
        "asks about an address",
        NOT,
        person("Undeliverable?", "Hi, is bea@example.org still right? Mine came back: user unknown."),
    )
    yield "nothing at all", NOT, b""
