"""Every message that we sign is verified by a library that is not ours, and none that was touched afterwards."""

from __future__ import annotations

import re
from functools import cache

import dkim
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from dkim import canonicalization
from hypothesis import given, settings
from hypothesis import strategies as st

from nurture.model.addresses import Mailbox, is_selector
from nurture.rendering.dkim import (
    DkimError,
    KeyKind,
    Signer,
    SigningKey,
    covered,
    new_key,
    read_key,
    relaxed_body,
)
from nurture.rendering.mime import build_message, preview_headers, sealed
from tests.support.messages import a_mail

WORDS = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=120)
TEXTS = st.text(st.sampled_from(" \t\n\r.abcß=ñ-"), max_size=200)
ONE_CLICK = {"list-unsubscribe", "list-unsubscribe-post"}
each_kind = pytest.mark.parametrize("kind", KeyKind)


@cache
def key(kind: KeyKind) -> SigningKey:
    return read_key(new_key(kind))


def signer(kind: KeyKind = KeyKind.ED25519) -> Signer:
    return Signer("example.org", "s1", key(kind))


def holds(data: bytes, kind: KeyKind = KeyKind.ED25519) -> bool:
    """What a receiver finds who looks up our record."""
    asked: list[bytes] = []

    def dns(name: bytes, timeout: int = 5) -> bytes:
        asked.append(name)
        return key(kind).record.encode()

    good: bool = dkim.verify(data, dnsfunc=dns)
    assert asked == [b"s1._domainkey.example.org."]
    return good


def signed_names(data: bytes) -> list[str]:
    found = re.search(rb";\s+h=([^;]*);", data)
    assert found is not None
    return re.sub(r"\s", "", found[1].decode()).split(":")


@each_kind
@settings(max_examples=60, deadline=None)
@given(
    subject=WORDS, name=WORDS, text=TEXTS, html=st.none() | TEXTS, reply=st.booleans(), list_=st.booleans()
)
def test_what_we_sign_is_good_whatever_it_says(
    kind: KeyKind, subject: str, name: str, text: str, html: str | None, reply: bool, list_: bool
) -> None:
    mail = a_mail(
        subject=subject,
        from_=Mailbox("claire@example.org", name),
        text=text,
        html=html,
        reply_to=Mailbox("hello@example.org", name) if reply else None,
        unsubscribe_link="https://example.org/u/token" if list_ else None,
        list_id="nurture.example.org" if list_ else None,
    )

    data = build_message(mail, signer(kind))

    assert holds(data, kind)
    assert max(len(line) for line in data.partition(b"\r\n\r\n")[0].split(b"\r\n")[:12]) <= 78


@settings(max_examples=150, deadline=None)
@given(st.text(st.sampled_from(" \t\nab."), max_size=40))
def test_a_body_is_signed_as_the_standard_says(text: str) -> None:
    body = f"{text}\n".replace("\n", "\r\n").encode()  # as every body of ours ends

    assert relaxed_body(body) == canonicalization.Relaxed.canonicalize_body(body)


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_a_message_that_was_touched_is_good_no_more(data: st.DataObject) -> None:
    sent = build_message(a_mail(reply_to=Mailbox("hello@example.org")), signer())
    head, _, body = sent.partition(b"\r\n\r\n")
    first = head.index(b"\r\nDate: ") + 2
    signed = bytearray(head[first:] + b"\r\n\r\n" + body.rstrip())
    at = data.draw(st.sampled_from([at for at, byte in enumerate(signed) if chr(byte).isalnum()]))

    signed[at] = ord("x") if signed[at] not in b"xX" else ord("y")

    assert not holds(head[:first] + bytes(signed) + b"\r\n")


@pytest.mark.parametrize("name", ["From", "To", "Cc", "Subject", "Reply-To", "Date"])
def test_a_second_header_beside_the_signed_one_breaks_the_seal(name: str) -> None:
    sent = build_message(a_mail(), signer())

    assert holds(sent)
    assert not holds(f"{name}: somebody else <x@example.net>\r\n".encode() + sent)


@pytest.mark.parametrize(
    "name",
    ["From", "To", "Subject", "Date", "Message-ID", "List-Unsubscribe", "List-Unsubscribe-Post", "List-Id"],
)
def test_a_signed_header_that_was_taken_away_breaks_the_seal(name: str) -> None:
    sent = build_message(a_mail(), signer())

    cut = re.sub(rf"\r\n{name}: [^\r]*".encode(), b"", sent, count=1)

    assert cut != sent
    assert not holds(cut)


def test_the_signature_names_all_that_the_standards_want() -> None:
    names = signed_names(build_message(a_mail(reply_to=Mailbox("hello@example.org")), signer()))

    assert set(names) >= {
        *(
            "from",
            "to",
            "subject",
            "date",
            "message-id",
            "reply-to",
            "mime-version",
            "content-type",
            "list-id",
        ),
        *ONE_CLICK,
    }
    assert (names.count("from"), names.count("subject")) == (2, 2)
    assert names.count("list-unsubscribe") == 1


def test_nothing_limits_the_length_that_is_signed() -> None:
    sent = build_message(a_mail(), signer())

    assert b"l=" not in sent.partition(b"\r\nDate")[0].replace(b"rel", b"")
    assert not holds(sent + b"more\r\n")


def test_every_header_that_a_marketing_mail_has_is_covered_but_those_added_by_hand() -> None:
    headers = preview_headers(a_mail(extra={"X-Ours": "1"}))

    names, _ = covered(headers)

    assert {name.lower() for name, _ in headers} - set(names) == {"x-ours"}


def test_a_message_that_lay_ready_is_sealed_like_a_new_one() -> None:
    mail = a_mail(
        subject="A rather long subject that has to be folded, since it does not fit into one line of 78"
    )

    assert sealed(build_message(mail), signer()) == build_message(mail, signer())


# --- keys ---------------------------------------------------------------------------------------------------------


def pem(private: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    return private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


@pytest.mark.parametrize(
    ("key_file", "said"),
    [
        (b"", "no private key"),
        (b"-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n", "no private key"),
        (pem(ec.generate_private_key(ec.SECP256R1())), "neither RSA nor Ed25519"),
    ],
)
def test_a_key_that_cannot_sign_is_refused_without_a_word_of_it(key_file: bytes, said: str) -> None:
    with pytest.raises(DkimError, match=said) as caught:
        read_key(key_file)

    assert "c2VjcmV0" not in str(caught.value)
    assert "nurture dkim new" in str(caught.value)


def test_a_key_and_a_signer_show_nothing_of_the_secret() -> None:
    shown = repr(signer())

    assert "SigningKey(ed25519-sha256)" in shown
    assert "0x" not in shown


@pytest.mark.parametrize("text", ["", "a b", "s1;", "-s", "s\r\n", "x" * 64, "a..b"])
def test_a_selector_that_would_break_out_is_none(text: str) -> None:
    assert not is_selector(text)
    with pytest.raises(DkimError):
        Signer("example.org", text, key(KeyKind.ED25519))


def test_an_international_domain_signs_as_it_travels() -> None:
    made = Signer("bücher.example", "s1", key(KeyKind.ED25519))

    assert b"d=xn--bcher-kva.example;" in build_message(a_mail(), made)
    assert made.record_name == "s1._domainkey.xn--bcher-kva.example"
