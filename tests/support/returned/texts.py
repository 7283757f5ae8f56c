"""Bounces in words for people."""

from __future__ import annotations

from collections.abc import Iterator

from nurture.channels.inbound import Kind
from tests.support.returned.build import (
    ANA,
    DAEMON,
    EXIM,
    HARD,
    NOBODY,
    POSTFIX,
    QMAIL,
    RETURNED,
    SENT,
    SOFT,
    YAHOO,
    message,
    parts,
    person,
    told,
)


def texts() -> Iterator[tuple[str, Kind, bytes]]:
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
