"""One person, one address: what is the same address, and what stands for it without showing it."""

from __future__ import annotations

import pytest

from nurture.db.addresses import (
    address_hash,
    email_hash,
    normalise_phone,
    phone_hash,
)
from nurture.model.addresses import AddressError, same_key
from nurture.model.words import Channel

KEY = b"k" * 32


@pytest.mark.parametrize(
    ("written", "compared"),
    [
        ("  Ana@Example.ORG ", "ana@example.org"),
        ("ana.b+news@example.org", "ana.b+news@example.org"),
        ("ana@Bücher.example", "ana@xn--bcher-kva.example"),
        ("ana@xn--bcher-kva.example", "ana@xn--bcher-kva.example"),
        ("ana@example.org.", "ana@example.org"),
        ("u\u0308ber@example.org", "\u00fcber@example.org"),
        ("J\u030c@example.org", "\u01f0@example.org"),  # only the small letter has a form in one sign
    ],
)
def test_ways_to_write_one_address_are_one(written: str, compared: str) -> None:
    assert same_key(written) == compared


def test_dots_and_plus_tags_belong_to_the_receiving_server() -> None:
    assert len({same_key(f"{local}@example.org") for local in ("ab", "a.b", "a+b")}) == 3


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ana",
        "@example.org",
        "ana@",
        "ana@@example.org",
        "ana@home@example.org",
        "ana@ex ample.org",
        "ana\n@example.org",
        "ana@-.example",
        "a@" + "b" * 400,
    ],
)
def test_what_cannot_be_an_address_is_refused(text: str) -> None:
    with pytest.raises(AddressError):
        same_key(text)


def test_a_number_is_its_digits_and_its_plus() -> None:
    assert normalise_phone(" +49 (30) 12-34 ") == "+49301234"
    assert normalise_phone("030/1234") == "0301234"


def test_a_hash_tells_addresses_channels_and_installations_apart() -> None:
    hashes = {
        email_hash(KEY, "ana@example.org"),
        email_hash(KEY, "bea@example.org"),
        email_hash(b"another key", "ana@example.org"),
        address_hash(KEY, Channel.PHONE, "ana@example.org"),
    }

    assert len(hashes) == 4
    assert all(len(one) == 64 and "ana" not in one for one in hashes)


def test_no_number_has_no_hash() -> None:
    assert phone_hash(KEY, None) is None
    assert phone_hash(KEY, "ask her") is None
    assert phone_hash(KEY, "+49 30 1234") == phone_hash(KEY, "+49301234")
