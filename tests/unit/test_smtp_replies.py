"""What every answer of a mail server means: the whole table, by where in the dialogue it comes."""

from __future__ import annotations

import pytest

from nurture.channels.base import (
    Accepted,
    Dead,
    Deferred,
    Message,
    Outcome,
    RefusedMessage,
    RefusedUs,
    allows,
)
from nurture.channels.replies import Reply, Stage, classify
from nurture.channels.smtp_url import Tls, parse_smtp_url
from nurture.model.addresses import AddressError
from nurture.model.errors import SettingsError

OPENING = (Stage.GREETING, Stage.EHLO, Stage.STARTTLS, Stage.AUTH)
ENVELOPE = (Stage.MAIL, Stage.RCPT, Stage.DATA, Stage.END)
LATE = (Stage.RCPT, Stage.DATA, Stage.END)


def meaning(stage: Stage, text: str) -> Outcome:
    return classify(stage, Reply(int(text[:3]), (text[4:],)))


CODES = (*range(200, 256), *range(300, 360), *range(400, 460), *range(500, 560))


@pytest.mark.parametrize("stage", list(Stage))
def test_every_bare_code_has_one_meaning_at_every_stage(stage: Stage):
    outcomes = {code: meaning(stage, f"{code} words") for code in CODES}

    assert {code: type(outcome) for code, outcome in outcomes.items()} == {
        code: expected(stage, code) for code in CODES
    }
    assert all(outcome.code == code for code, outcome in outcomes.items())


def expected(stage: Stage, code: int) -> type[Outcome]:
    """The table in words: our log-in and the opening are about us, at the end 2xx is a yes, 4xx is later …"""
    if stage is Stage.END and code < 300:
        return Accepted
    if code in (421, 530, 534, 535, 538) or stage in OPENING:
        return RefusedUs
    if code < 500:
        return Deferred
    if stage is Stage.MAIL:
        return RefusedMessage if code == 552 else RefusedUs
    if stage is Stage.RCPT and code in (550, 552):
        return Dead if code == 550 else Deferred
    return RefusedMessage


@pytest.mark.parametrize("status", ["5.1.0", "5.1.1", "5.1.2", "5.1.3", "5.1.4", "5.1.6", "5.1.10", "5.2.1"])
@pytest.mark.parametrize("stage", LATE)
def test_a_dead_address_is_dead_wherever_it_is_said_of_the_recipient(stage: Stage, status: str):
    outcome = meaning(stage, f"550 {status} no such user")

    assert type(outcome) is Dead
    assert outcome.status == status


@pytest.mark.parametrize("status", ["5.1.7", "5.1.8"])
@pytest.mark.parametrize("stage", ENVELOPE)
def test_a_bad_sender_address_is_ours_and_kills_no_contact(stage: Stage, status: str):
    assert type(meaning(stage, f"550 {status} bad sender")) is RefusedUs


@pytest.mark.parametrize(
    "status",
    [
        "5.7.3",
        "5.7.8",
        "5.7.9",
        "5.7.11",
        "5.7.14",
        "5.7.20",
        "5.7.25",
        "5.7.26",
        "5.7.28",
        "5.7.57",
        "5.7.501",
        "5.7.515",
        "5.7.606",
        "5.7.705",
    ],
)
@pytest.mark.parametrize("stage", LATE)
def test_policy_about_us_pauses_the_channel_and_touches_no_contact(stage: Stage, status: str):
    outcome = meaning(stage, f"550 {status} not you")

    assert isinstance(outcome, RefusedUs)
    assert outcome.permanent


@pytest.mark.parametrize(
    "text",
    [
        "550 relay not permitted",
        "554 5.7.1 <ana@example.org>: Relay access denied",
        "550 5.7.1 Unable to relay",
        "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.example",
        "550 Sender address rejected: domain not found",
        "530 5.7.0 Authentication required",
    ],
)
def test_words_about_us_at_the_recipient_are_not_about_the_recipient(text: str):
    assert type(meaning(Stage.RCPT, text)) is RefusedUs


@pytest.mark.parametrize("text", ["552 too many", "552 5.5.3 Too many recipients", "552 5.2.2 Mailbox full"])
def test_too_much_at_the_recipient_is_only_not_now(text: str):
    """RFC 5321, 4.5.3.1.10: 552 at RCPT means 452."""
    assert type(meaning(Stage.RCPT, text)) is Deferred
    assert type(meaning(Stage.RCPT, "552 5.3.4 Message too big")) is RefusedMessage


@pytest.mark.parametrize(
    ("stage", "text"),
    [
        (Stage.RCPT, "550 5.7.1 Recipient does not accept mail from you"),
        (Stage.END, "550 5.7.1 Message rejected as spam"),
        (Stage.END, "554 5.6.0 Message looks odd"),
        (Stage.END, "550 no"),
        (Stage.END, "554 5.7.1 blocked using content filter"),
        (Stage.END, "552 5.3.4 Message too big"),
        (Stage.MAIL, "552 5.3.4 Message size exceeds fixed limit"),
        (Stage.MAIL, "550 5.6.7 SMTPUTF8 required"),
        (Stage.RCPT, "553 5.1.9 odd"),
        (Stage.RCPT, "554 5.2.2 Mailbox full"),
        (Stage.RCPT, "551 User not local"),
    ],
)
def test_anything_else_fails_this_message_alone(stage: Stage, text: str):
    assert type(meaning(stage, text)) is RefusedMessage


@pytest.mark.parametrize(
    "text",
    ["450 4.2.1 busy", "451 4.7.1 Greylisted", "452 4.2.2 full", "450 4.1.1 unverified", "499 4.9.9 x"],
)
@pytest.mark.parametrize("stage", ENVELOPE)
def test_a_4xx_is_tried_again_later(stage: Stage, text: str):
    assert type(meaning(stage, text)) is Deferred


def test_a_421_waits_with_everything_and_a_5xx_at_the_door_needs_a_person():
    waiting = meaning(Stage.RCPT, "421 4.3.2 closing")
    refused = meaning(Stage.AUTH, "535 5.7.8 wrong password")

    assert isinstance(waiting, RefusedUs)
    assert not waiting.permanent
    assert isinstance(refused, RefusedUs)
    assert refused.permanent


def test_an_enhanced_code_of_another_class_is_only_words():
    assert Reply(550, ("2.1.5 ok",)).status is None
    assert Reply(550, ("5.1.1",)).status == "5.1.1"
    assert Reply(250, ("2.0.0 a", "2.0.0 b")).text == "a b"


def test_words_of_a_server_are_one_short_printable_line():
    text = Reply(550, ("5.1.1 no\x1b[31m" + "x" * 2000, "5.1.1 more")).text

    assert len(text) == 500
    assert text.isprintable()


# Where the server is


def test_an_address_with_starttls_user_and_options():
    settings = parse_smtp_url(
        "smtp://kim%40x:p%2Fw@mail.example.org:2525?starttls=1&connections=8&timeout=5&dot_timeout=9&helo=me.example"
    )

    assert (settings.host, settings.port, settings.tls) == ("mail.example.org", 2525, Tls.STARTTLS)
    assert (settings.user, settings.password, settings.connections, settings.helo) == (
        "kim@x",
        "p/w",
        8,
        "me.example",
    )
    assert (settings.timeouts.command, settings.timeouts.final_dot) == (5, 9)
    assert "p/w" not in repr(settings)


@pytest.mark.parametrize(
    ("url", "port", "tls"),
    [
        ("smtp://h", 25, Tls.NONE),
        ("smtp://h?starttls=yes", 587, Tls.STARTTLS),
        ("smtps://u:p@h", 465, Tls.IMPLICIT),
        ("smtp://u:p@localhost:1025", 1025, Tls.NONE),
        ("smtp://[::1]:25", 25, Tls.NONE),
    ],
)
def test_ports_follow_the_kind_of_encryption(url: str, port: int, tls: Tls):
    settings = parse_smtp_url(url)

    assert (settings.port, settings.tls) == (port, tls)
    assert settings.timeouts.final_dot == 600


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://h", "does not begin with smtp://"),
        ("mail.example.org", "does not begin with"),
        ("smtp://", "names no host"),
        ("smtp://h:port", "port that cannot be read"),
        ("smtp://h:99999", "cannot be read"),
        ("smtp://u@h?starttls=1", "without a password"),
        ("smtp://u:secret@mail.example.org", "in the clear"),
        ("smtp://u:secret#x@h", "has a #"),
        ("smtp://u:secret/x@h", "port that cannot be read"),
        ("smtp://h/x", "has a path"),
        ("smtp://h?startls=1", "did you mean 'starttls'"),
        ("smtp://h?starttls=maybe", "starttls='maybe'"),
        ("smtps://h?starttls=1", "use one of them"),
        ("smtp://h?connections=0", "from 1 to 500"),
        ("smtp://h?connections=many", "no number"),
        ("smtp://h?cafile=/nowhere.pem", "cannot be used"),
        (f"smtp://h?cafile={__file__}", "cannot be used"),
        ("smtp://a..b", "is no name"),
    ],
)
def test_an_address_that_cannot_be_used_says_why_and_never_the_password(url: str, words: str):
    with pytest.raises(SettingsError) as caught:
        parse_smtp_url(url)

    assert words in str(caught.value)
    assert "secret" not in str(caught.value)


# The staging guard


@pytest.mark.parametrize(
    ("recipient", "allowed", "through"),
    [
        ("ana@example.org", [], True),
        ("ana@example.org", ["ana@example.org"], True),
        ("Ana@Example.ORG", ["aNA@exaMPLE.org"], True),
        ("ana@example.org", ["example.org"], True),
        ("ana@example.org", [" @EXAMPLE.org "], True),
        ("ana@bücher.example", ["xn--bcher-kva.example"], True),
        ("ana@xn--bcher-kva.example", ["Bücher.example"], True),
        ("ana@sub.example.org", ["example.org"], False),
        ("ana@notexample.org", ["example.org"], False),
        ("eve@example.org", ["ana@example.org"], False),
        ("no address", ["example.org"], False),
        ("ana@example.org", ["not a domain!"], False),
        ("ana@example.org", ["", " "], True),
    ],
)
def test_only_listed_addresses_and_domains_pass_the_guard(recipient: str, allowed: list[str], through: bool):
    assert allows(recipient, allowed) is through


@pytest.mark.parametrize("bad", ["a@b.c>\r\nRCPT TO:<eve@b.c", "a b@c.d", "", "a@b.c\n"])
def test_nothing_can_break_out_of_an_envelope(bad: str):
    with pytest.raises(AddressError):
        Message("claire@example.org", bad, b"", "<x@y>", "k")


@pytest.mark.parametrize("key", ["", "../x", "a b", "a/b"])
def test_a_delivery_key_is_a_plain_word(key: str):
    with pytest.raises(ValueError, match="delivery key"):
        Message("", "ana@example.org", b"", "<x@y>", key)
