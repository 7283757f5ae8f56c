"""What machines and people answer."""

from __future__ import annotations

from collections.abc import Iterator

from nurture.channels.inbound import Kind
from tests.support.returned.build import (
    ANA,
    AUTOREPLY,
    CHALLENGE,
    NOBODY,
    NOT,
    POSTFIX,
    REPLY,
    SENT,
    block,
    dsn,
    failed,
    message,
    parts,
    person,
    told,
)


def machines() -> Iterator[tuple[str, Kind, bytes]]:
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


def people() -> Iterator[tuple[str, Kind, bytes]]:
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
