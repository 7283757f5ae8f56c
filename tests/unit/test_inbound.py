"""What came back: every shape of message gets its kind, no good address is called dead, and no bytes do harm."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from nurture.channels.inbound import Kind, classify
from nurture.channels.inbound.reading import LONGEST_MESSAGE
from nurture.channels.inbound.verdict import Refusal, judge
from tests.support.returned import Case, build, cases
from tests.support.returned.build import (
    ANA,
    RETURN_PATH,
    SENT,
    block,
    dsn,
    failed,
    feedback,
    person,
    receipt,
    told,
)

pytestmark = pytest.mark.unit

CASES = list(cases())
NOT_DEAD = [case for case in CASES if case.kind is not Kind.HARD]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_message_gets_its_kind_and_a_reason(case: Case) -> None:
    report = classify(case.raw)

    assert report.kind is case.kind, report.why
    assert report.why


def test_the_collection_is_large_and_holds_every_kind() -> None:
    assert len(CASES) >= 200
    assert {case.kind for case in CASES} == set(Kind)


# --- one refusal ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        *[(status, Kind.HARD) for status in ("5.1.0", "5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1")],
        *[
            (status, Kind.SOFT)
            for status in ("5.1.5", "5.1.7", "5.1.8", "5.1.9", "5.2.2", "5.2.3", "5.3.4", "5.4.4")
        ],
        *[
            (status, Kind.SOFT)
            for status in ("5.0.0", "5.5.0", "5.6.0", "5.7.1", "5.7.26", "4.1.1", "4.2.1", "4.4.7")
        ],
    ],
)
def test_a_number_alone_kills_an_address_only_where_it_speaks_of_the_address(status: str, kind: Kind) -> None:
    assert judge(Refusal(status=status)).kind is kind


@pytest.mark.parametrize(
    ("field", "said"), [("5.1.1", "550 5.7.1 no"), ("5.7.1", "550 5.1.1 no"), ("5.1.1", "552 5.2.2 no")]
)
def test_two_numbers_that_contradict_each_other_kill_no_address(field: str, said: str) -> None:
    assert judge(Refusal(said, field)).kind is Kind.SOFT


def test_a_bare_550_counts_at_the_recipient_only() -> None:
    said = "550 Requested action not taken: mailbox unavailable"

    assert judge(Refusal(f"{said} (in reply to RCPT TO command)")).kind is Kind.HARD
    assert judge(Refusal(f"{said} (in reply to end of DATA command)")).kind is Kind.SOFT
    assert judge(Refusal(f"{said}, for your network is unloved")).kind is Kind.SOFT


SAID_UNASKED = {
    "exim": f"{build.EXIM}  {ANA}\n    host mx.example.org [192.0.2.9]\n    SMTP error from remote mail server after pipelined MAIL FROM:<{RETURN_PATH}> SIZE=2048:\n    550 5.1.1 User unknown",
    "exim, on connecting": f"{build.EXIM}  {ANA}\n    SMTP error from remote mail server after initial connection:\n    550 mailbox unavailable",
    "gmx": f"{build.EXIM}{ANA}:\nSMTP error from remote server for MAIL FROM command, host: mx.example.org (192.0.2.9) reason: 550-Requested action not taken: mailbox unavailable",
    "qmail": f"{build.QMAIL}<{ANA}>:\nConnected to 192.0.2.9 but sender was rejected.\nRemote host said: 550 5.1.1 User unknown",
    "qmail, on connecting": f"{build.QMAIL}<{ANA}>:\nConnected to 192.0.2.9 but greeting failed.\nRemote host said: 550 mailbox unavailable",
    "sendmail": f"   ----- The following addresses had permanent fatal errors -----\n<{ANA}>\n\n   ----- Transcript of session follows -----\n>>> MAIL From:<{RETURN_PATH}>\n<<< 550 <{RETURN_PATH}>... User unknown",
}


@pytest.mark.parametrize("body", SAID_UNASKED.values(), ids=SAID_UNASKED.keys())
def test_who_refuses_before_we_named_anybody_says_nothing_about_the_address(body: str) -> None:
    of_the_recipient = body.replace("pipelined MAIL FROM", "RCPT TO").replace(">>> MAIL From", ">>> RCPT To")

    assert classify(told(body)).kind is Kind.SOFT
    if of_the_recipient != body:
        assert classify(told(of_the_recipient)).kind is Kind.HARD


def test_the_command_that_only_people_are_told_counts_in_a_report_for_machines_too() -> None:
    refused = block(ANA, "5.0.0", "550 Requested action not taken: mailbox unavailable")
    for_people = f"{build.POSTFIX}<{ANA}>: host mx.example.org[192.0.2.9] said: 550 Requested action not taken\n    (in reply to %s command)"

    assert classify(dsn(refused, text=for_people % "MAIL FROM")).kind is Kind.SOFT
    assert classify(dsn(refused, text=for_people % "end of DATA")).kind is Kind.SOFT
    assert classify(dsn(refused, text=for_people % "RCPT TO")).kind is Kind.HARD


def test_what_was_refused_for_another_recipient_is_not_held_against_this_one() -> None:
    text = f"<{ANA}>: host mx.example.org said: 550 5.1.1 User unknown (in reply to RCPT TO command)\n\n<bob@example.net>: host mx.example.net said: 550 mailbox unavailable (in reply to MAIL FROM command)"
    blocks = (
        block(ANA, "5.1.1", "550 5.1.1 User unknown"),
        block("bob@example.net", "5.0.0", "550 mailbox unavailable"),
    )

    report = classify(dsn(*blocks, text=text))

    assert [one.kind for one in report.recipients] == [Kind.HARD, Kind.SOFT]


@pytest.mark.parametrize("called", ["Subject:", "The subject of the message is:", "Betreff :"])
def test_what_our_message_is_called_says_nothing(called: str) -> None:
    body = f"Your message to <{ANA}>\n{called} What if your mailbox does not exist?\ncould not be delivered."

    assert classify(told(body)).kind is Kind.SOFT


def test_what_servers_and_mailboxes_are_called_says_nothing() -> None:
    kind = judge(
        Refusal("host spam.blocked.example[192.0.2.1] said: 550 <quota.full@spam.example>: User unknown")
    ).kind

    assert kind is Kind.HARD


def test_words_without_blanks_are_found_in_any_script_and_with_any_accent() -> None:
    for said in (
        "550 USER-UNKNOWN",
        "550 Émpfänger ünbekannt",
        "550 user_unknown",
        "550 该用户不存在",
        "550 User  \tunknown",
    ):
        assert judge(Refusal(said)).kind is Kind.HARD, said


# --- several recipients ---------------------------------------------------------------------------------------------


def test_each_recipient_of_a_report_is_judged_on_its_own_and_the_report_is_the_worst() -> None:
    raw = dsn(
        block("full@example.org", "5.2.2", "552 5.2.2 mailbox full"),
        block("gone@example.org", "5.1.1", "550 5.1.1 User unknown"),
        block("fine@example.org", "2.0.0", action="delivered"),
    )

    report = classify(raw)

    assert report.kind is Kind.HARD
    assert [(one.address, one.kind) for one in report.recipients] == [
        ("full@example.org", Kind.SOFT),
        ("gone@example.org", Kind.HARD),
        ("fine@example.org", Kind.NOT_BOUNCE),
    ]
    assert report.worst is report.recipients[1]


def test_in_a_text_too_each_address_has_its_own_words() -> None:
    raw = told(
        f"{build.YAHOO}<full@example.org>:\nThis account is over quota.\n\n<gone@example.org>:\nThis user doesn't have a"
        " yahoo.com account",
        sender="MAILER-DAEMON@yahoo.com",
    )

    assert [(one.address, one.kind) for one in classify(raw).recipients] == [
        ("full@example.org", Kind.SOFT),
        ("gone@example.org", Kind.HARD),
    ]


@pytest.mark.parametrize("longer", ["joana@example.org", "no.ana@example.org", "ana@example.org.nz"])
def test_an_address_that_ends_or_begins_as_another_does_not_lend_it_its_words(longer: str) -> None:
    text = f"{build.POSTFIX}<{longer}>: 550 5.1.1 User unknown\n\n<{ANA}>: 552 5.2.2 mailbox full\n"
    without_words = (block(longer, "5.0.0", ""), block(ANA, "5.0.0", ""))

    for raw in (told(text), dsn(*without_words, text=text)):
        assert [(one.address, one.kind) for one in classify(raw).recipients] == [
            (longer, Kind.HARD),
            (ANA, Kind.SOFT),
        ]


def test_a_recipient_tells_what_the_report_told() -> None:
    raw = dsn(
        block(
            "ana@host.example", "5.1.1", "550 5.1.1 User unknown", more=f"Original-Recipient: rfc822;{ANA}\n"
        )
    )

    one = classify(raw).recipients[0]

    assert (one.address, one.original, one.written_to) == ("ana@host.example", ANA, ANA)
    assert (one.status, one.action, one.diagnostic) == ("5.1.1", "failed", "550 5.1.1 User unknown")


@pytest.mark.parametrize(
    "written",
    ["rfc822;ana@example.org", "RFC822; <ana@example.org>", "ana@example.org", "LOCAL;<ana@example.org>", "utf-8; an\\x{61}@example.org"],
)  # fmt: skip
def test_an_address_is_found_in_every_way_to_write_it(written: str) -> None:
    raw = dsn(f"Final-Recipient: {written}\nAction: failed\nStatus: 5.1.1\n\n")

    assert classify(raw).recipients[0].address in (ANA, "ana@example.org")


# --- what it is about -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "raw",
    [
        failed("550 5.1.1 User unknown"),
        told(f"{build.POSTFIX}<{ANA}>: 550 User unknown"),
        feedback("abuse"),
        receipt("manual-action/MDN-sent-manually; displayed", "Read."),
        person("Re: Your guide", "Thanks.", In_Reply_To=SENT),
        person("Re: Your guide", "Thanks.", References=f"<older@nurture.example> {SENT}"),
    ],
    ids=["dsn", "text", "arf", "receipt", "in-reply-to", "references"],
)
def test_the_id_of_our_message_is_found(raw: bytes) -> None:
    assert classify(raw).message_ids[0] == SENT


def test_its_own_id_is_none_of_those_it_is_about() -> None:
    raw = person("Re: Your guide", "Thanks.", Message_ID="<own@example.org>", In_Reply_To=SENT)

    assert classify(raw).message_ids == (SENT,)


def test_every_address_that_may_be_our_return_path_is_a_candidate() -> None:
    hidden = feedback("abuse", f"Original-Mail-From: <{RETURN_PATH}>\n", "Subject: hidden\n")

    assert RETURN_PATH in classify(failed("550 no")).tokens
    assert RETURN_PATH in classify(hidden).tokens
    assert "x@elsewhere.example" in classify(person("Hi", "Ho", Delivered_To="<x@elsewhere.example>")).tokens


def test_a_hidden_complainer_is_nobody_rather_than_somebody_else() -> None:
    report = classify(
        feedback("abuse", "Original-Rcpt-To: redacted@isp.example\n", "To: undisclosed@redacted\n")
    )

    assert [one.address for one in report.recipients] == [None]


def test_the_time_of_a_report_is_aware_or_none() -> None:
    assert classify(failed("550 no")).reported_at == datetime(2026, 3, 2, 9, tzinfo=UTC)
    assert classify(b"Date: the day after\n\nx").reported_at is None
    assert classify(b"Date: Mon, 99999999999 Jan 99999 99:99:99 +9999999\n\nx").reported_at is None


# --- what others are told -------------------------------------------------------------------------------------------


def test_others_are_told_five_kinds() -> None:
    assert {kind.public for kind in Kind} == {
        Kind.HARD,
        Kind.SOFT,
        Kind.COMPLAINT,
        Kind.AUTOREPLY,
        Kind.NOT_BOUNCE,
    }
    assert Kind.CHALLENGE.public is Kind.AUTOREPLY
    assert Kind.REPLY.public is Kind.NOT_BOUNCE


# --- any bytes ------------------------------------------------------------------------------------------------------


@given(st.binary(max_size=400))
@example(b"\xff\xfe\x00From: \x00<\n\n")
@example(b"Content-Type: multipart/mixed; boundary=\n\n--\n--\n")
@example(b"Content-Type: text/plain; charset=punycode\n\n\xff")
@example(b"Subject: =?x?b?=?= =?utf-8?b?/////w?=\n\n")
@settings(max_examples=150, deadline=None)
def test_any_bytes_have_an_answer_and_none_of_them_a_dead_address(raw: bytes) -> None:
    assert classify(raw).kind is not Kind.HARD


@given(st.sampled_from(CASES), st.randoms(use_true_random=False))
@settings(max_examples=150, deadline=None)
def test_a_message_with_broken_bytes_has_an_answer(case: Case, chance: object) -> None:
    raw = bytearray(case.raw)
    for _ in range(10):
        at = chance.randrange(len(raw) + 1)  # type: ignore[attr-defined]
        raw[at : at + chance.randrange(8)] = chance.randbytes(chance.randrange(8))  # type: ignore[attr-defined]

    assert classify(bytes(raw)).why


@given(st.sampled_from(NOT_DEAD), st.floats(0, 1))
@settings(max_examples=300, deadline=None)
def test_a_message_cut_off_kills_no_address_that_the_whole_one_spares(case: Case, share: float) -> None:
    assert classify(case.raw[: int(share * len(case.raw))]).kind is not Kind.HARD


@pytest.mark.slow
@pytest.mark.parametrize("case", NOT_DEAD, ids=lambda case: case.name)
def test_wherever_a_message_is_cut_it_kills_no_address(case: Case) -> None:
    dead = [at for at in range(len(case.raw)) if classify(case.raw[:at]).kind is Kind.HARD]

    assert dead == []


def test_a_report_cut_off_within_its_block_is_soft_whatever_the_number() -> None:
    raw = dsn(block(status="5.1.1", diagnostic="552 mailbox is full"))
    cut = raw[: raw.index(b"5.1.1") + 5]

    assert classify(cut).kind is Kind.SOFT


DAEMON = b"From: MAILER-DAEMON@mx.example\nReturn-Path: <>\nSubject: Undelivered Mail\n"
MIXED = DAEMON + b"Content-Type: multipart/mixed; boundary=b\n\n"
HOSTILE = {
    "nothing but line ends": b"\n" * LONGEST_MESSAGE,
    "headers without end": b"a: b\n" * (LONGEST_MESSAGE // 5),
    "encoded words": b"Subject: " + b"=?utf-8?b?QUFB?= " * (LONGEST_MESSAGE // 18) + b"\n\nx",
    "deep nesting": b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (i, i) for i in range(3_000)),
    "messages in messages": DAEMON + b"Content-Type: message/rfc822\n\n" * 3_000,
    "many parts": MIXED + b"--b\n\nx\n" * (LONGEST_MESSAGE // 8),
    "almost parts": MIXED + b"--bx" * (LONGEST_MESSAGE // 4),
    "tags that stay open": DAEMON + b"Content-Type: text/html\n\n" + b"<style><" * (LONGEST_MESSAGE // 8),
    "addresses": DAEMON + b"\n" + b"<ana@example.org> " * (LONGEST_MESSAGE // 18),
    "almost addresses": DAEMON + b"\n" + b"a@" * (LONGEST_MESSAGE // 2),
    "accents": DAEMON + b"\n" + "\u0316\u0301".encode() * (LONGEST_MESSAGE // 4),
    "recipients": DAEMON + b"\n" + b"".join(b"<a%d@b.example>: 550 no\n" % i for i in range(20_000)),
    "blocks": MIXED.replace(b"mixed", b"report") + b"--b\nContent-Type: message/delivery-status\n\n" + b"Final-Recipient: rfc822; a@b.example\nAction: failed\nStatus: 5.0.0\n\n" * 5_000,
}  # fmt: skip


@pytest.mark.parametrize("raw", HOSTILE.values(), ids=HOSTILE.keys())
def test_no_message_takes_long_to_understand(raw: bytes) -> None:
    classify(raw)
    took = []
    for _ in range(3):
        began = time.process_time()
        classify(raw)
        took.append(time.process_time() - began)

    assert min(took) < 0.1  # seconds; a fifth of it on an idle machine
