"""Who answers: a person, a person who quotes, or a machine that says so in words alone?"""

from __future__ import annotations

import pytest

from nurture.channels.inbound import Kind, classify
from tests.support.returned import build
from tests.support.returned.build import ANA, SENT, block, person

pytestmark = pytest.mark.unit

FOOTER = "This is an automated message. Please do not reply to this email."
QUOTING = {
    "outlook, html": f"<p>Yes, call me.</p><p><b>From:</b> Nora &lt;news@nurture.example&gt;<br><b>Sent:</b> Monday</p><p>{FOOTER}</p>",
    "outlook, french": f"Oui.\n\nDe\u00a0: Nora <news@nurture.example>\nEnvoyé : lundi\n\n{FOOTER}",
    "gmail, html": f"<div>Oui.</div><div>Le lun. 2 mars 2026, Nora a écrit\u00a0:</div><blockquote>{FOOTER}</blockquote>",
}


@pytest.mark.parametrize("body", QUOTING.values(), ids=QUOTING.keys())
def test_a_person_who_quotes_our_automatic_words_is_a_person(body: str) -> None:
    kind = "text/html" if body.startswith("<") else "text/plain"
    raw = person("Re: Your guide", body, In_Reply_To=SENT, Content_Type=f"{kind}; charset=utf-8")

    assert classify(raw).kind is Kind.REPLY


@pytest.mark.parametrize(
    "body",
    [
        "Your request has been received. A ticket has been created with the number 4711.",
        "Thank you for contacting us. We have received your enquiry. Your case number is 00123.",
        "Vielen Dank für Ihre Anfrage. Dies ist eine automatische Eingangsbestätigung.",
        "Votre demande est enregistrée. Merci de ne pas répondre à ce message automatique.",
        "このメールは自動送信されています。",
        "Wir melden uns. Diese E-Mail wurde automatisch erstellt.",
        "We will be in touch. This message has been automatically generated.",
    ],
)
def test_a_machine_that_calls_itself_one_or_counts_tickets_is_no_person(body: str) -> None:
    assert classify(person("Re: Your guide", body, In_Reply_To=SENT)).kind is Kind.AUTOREPLY


@pytest.mark.parametrize(
    "body",
    [
        "Ich bin bis 30.11. im Urlaub und nicht erreichbar. In dringenden Fällen hilft Bob.",
        "Estou ausente do escritório até dia 30. Em caso de urgência contacte o Paulo.",
        "Jestem nieobecna do 30 listopada. W pilnych sprawach proszę o kontakt z Pawłem.",
        "Jag är på semester till den 30 november. Vid brådskande ärenden kontakta Per.",
        "Jeg er på ferie indtil den 30. november. Ved hastesager kontakt Per.",
        "Olen lomalla 30.11. asti. Kiireellisissä asioissa ota yhteyttä Pekkaan.",
        "Jsem na dovolené do 30. listopadu. V naléhavých případech kontaktujte Petra.",
        "休暇をいただいております。11月30日以降にご連絡いたします。",
        "我正在休假，11月30日回来。如有急事请联系小王。",
        "Я нахожусь в отпуске до 30 ноября. По срочным вопросам обращайтесь к Павлу.",
        "30 Kasım'a kadar yıllık izindeyim. Acil durumlarda Ali ile iletişime geçin.",
    ],
)
def test_an_absence_without_any_header_is_known_by_two_phrases_in_many_languages(body: str) -> None:
    assert classify(person("Re: Your guide", body, In_Reply_To=SENT)).kind is Kind.AUTOREPLY


def test_a_person_who_answers_and_shows_a_report_that_they_got_is_a_person() -> None:
    inside = build.parts(
        ("text/plain", "I got this:"), ("message/delivery-status", f"{block(status='5.1.1')}")
    )
    mixed = 'multipart/mixed; boundary="BB"'

    raw = person("Re: Your guide", inside, In_Reply_To=SENT, Content_Type=mixed, Return_Path=f"<{ANA}>")

    assert classify(raw).kind is Kind.REPLY


@pytest.mark.parametrize(
    "body",
    [
        "Ich bin im Urlaub, aber rufen Sie mich gern am 30. an.",
        "Is this an automated message? This is an automatic one, or are you real?",
        "I guess this is an automated email, but what does it cost?",
        "Thank you for your message. I will get back to you as soon as possible.",
        "We have received your guide; our own ticket number is gone. Please call.",
        "Yes, call me.\n\nThis email has been automatically scanned for viruses.",
        "Gern am Montag.\n\nDiese Nachricht wurde automatisch auf Viren geprüft.",
    ],
)
def test_a_person_who_wonders_about_machines_is_a_person(body: str) -> None:
    assert classify(person("Re: Your guide", body, In_Reply_To=SENT)).kind is Kind.REPLY


COMPLAINTS = {
    "in words": ("Complaint about message from your team", "text/plain"),
    "with a date": ("Complaint about message from 12 November", "text/plain"),
    "with a name that could be a number": ("Complaint about message from Bea: the price", "text/plain"),
    "about something else": ("Feedback loop: who calls me?", "text/plain"),
    "with our message": ("Complaint about message from 12 November", 'multipart/mixed; boundary="BB"'),
}


@pytest.mark.parametrize(("subject", "kind"), COMPLAINTS.values(), ids=COMPLAINTS.keys())
def test_a_person_who_complains_in_a_subject_is_no_feedback_report(subject: str, kind: str) -> None:
    said, ours = "Please call me about it.", f"Message-ID: {SENT}\n\nHello."
    body = said if kind == "text/plain" else build.parts(("text/plain", said), ("message/rfc822", ours))

    assert classify(person(subject, body, In_Reply_To=SENT, Content_Type=kind)).kind is Kind.REPLY
