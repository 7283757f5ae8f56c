"""Signed links: ours or nobody's, for one purpose, for their time, and without a word about the person."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from nurture.rendering.links import Kind, LinkError, Links, Payload, delivery_key, message_id

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
LINKS = Links("https://example.org/", ("new secret", "old secret"))
KEY = delivery_key(7, "guide-delivery", 1, "secret")


def token_in(link: str) -> str:
    return link.rpartition("/")[2].partition("#")[0]


def refused(token: str, kind: Kind, now: datetime = NOW, links: Links = LINKS) -> str:
    with pytest.raises(LinkError) as caught:
        links.read(token, kind, now)
    return str(caught.value)


def test_the_way_out_is_read_back_and_never_expires():
    link = LINKS.unsubscribe(KEY)

    assert link.startswith("https://example.org/u/")
    assert LINKS.read(token_in(link), Kind.LEAVE, NOW + timedelta(days=36_500)) == Payload(KEY)
    assert token_in(LINKS.preferences(KEY)) == token_in(link)


def test_a_download_says_its_offer_and_ends():
    link = LINKS.download(KEY, "readiness-guide", NOW + timedelta(days=30))

    assert link.startswith("https://example.org/d/")
    assert LINKS.read(token_in(link), Kind.DOWNLOAD, NOW + timedelta(days=30)) == Payload(
        KEY, "readiness-guide"
    )
    refused(token_in(link), Kind.DOWNLOAD, NOW + timedelta(days=30, seconds=1))


def test_every_refusal_has_the_same_words():
    leave, download = LINKS.unsubscribe(KEY), LINKS.download(KEY, "guide", NOW)

    words = {
        refused("", Kind.LEAVE),
        refused("x", Kind.LEAVE),
        refused("ü", Kind.LEAVE),
        refused("x" * 100_000, Kind.LEAVE),
        refused(token_in(leave), Kind.DOWNLOAD),
        refused(token_in(download), Kind.LEAVE),
        refused(token_in(download), Kind.DOWNLOAD, NOW + timedelta(seconds=1)),
        refused(token_in(leave), Kind.LEAVE, links=Links("https://example.org", ("another",))),
        refused(LINKS.token(Kind.LEAVE, KEY, "guide"), Kind.LEAVE),
    }

    assert len(words) == 1


@given(place=st.integers(min_value=0), letter=st.sampled_from("abcXYZ019_-~.="))
def test_no_changed_token_is_read(place: int, letter: str):
    token = token_in(LINKS.download(KEY, "guide", NOW))
    at = place % (len(token) - 1)  # the last letter holds two spare bits, which say nothing
    assume(token[at] != letter)

    refused(token[:at] + letter + token[at + 1 :], Kind.DOWNLOAD)


def test_links_of_an_old_secret_live_on_after_it_was_changed():
    before = Links("https://example.org", ("old secret",)).unsubscribe(KEY)

    assert LINKS.read(token_in(before), Kind.LEAVE, NOW) == Payload(KEY)
    assert token_in(LINKS.unsubscribe(KEY)) == token_in(
        Links("https://example.org", ("new secret",)).unsubscribe(KEY)
    )


def test_a_link_is_short_safe_in_a_url_and_signed_with_256_bits():
    token = token_in(LINKS.download(KEY, "readiness-guide", NOW))

    assert len(token) < 110
    assert set(token) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_~.")
    assert len(base64.urlsafe_b64decode(token.rpartition(".")[2] + "=")) == 32


@pytest.mark.parametrize("word", ["ana@example.org", "a b", "", "a/b", "a~b", "x" * 101])
def test_only_plain_words_can_stand_in_a_link(word: str):
    with pytest.raises(ValueError, match="plain words"):
        LINKS.unsubscribe(word)


def test_without_a_secret_there_are_no_links():
    with pytest.raises(ValueError, match="secret"):
        Links("https://example.org", ()).unsubscribe(KEY)


def test_a_delivery_has_one_key_for_ever_and_no_two_share_one():
    assert KEY == "vueh3l67sz6rsewaiwxiwfxpbu"
    assert delivery_key(7, "guide-delivery", 1, "secret") == KEY
    others = {
        delivery_key(8, "guide-delivery", 1, "secret"),
        delivery_key(7, "guide-delivery", 2, "secret"),
        delivery_key(7, "guide", 1, "secret"),
        delivery_key(7, "guide-delivery", 1, "other"),
    }
    assert len(others | {KEY}) == 5


def test_a_message_id_is_the_key_at_our_domain():
    assert message_id("abc", "Bücher.example") == "<abc@xn--bcher-kva.example>"
    with pytest.raises(ValueError, match="Message-ID"):
        message_id("a>b", "example.org")


def test_a_bounce_finds_its_message_by_the_return_path_whatever_the_case():
    there = LINKS.return_path("abc234", "bounces.example.org")

    assert there.endswith("@bounces.example.org")
    assert len(there.partition("@")[0]) <= 64
    assert LINKS.read_return_path(f"<{there.upper()}>") == "abc234"


@pytest.mark.parametrize(
    "address",
    ["", "b-@x.org", "b-abc234@x.org", "b-abc234-aaaaaaaaaaaaaaaa@x.org", "ana@x.org", "b-é-ü@x.org"],
)
def test_nobody_can_make_up_a_return_path(address: str):
    assert LINKS.read_return_path(address) is None


def test_a_return_path_of_an_old_secret_is_still_read():
    before = Links("https://example.org", ("old secret",))

    assert LINKS.read_return_path(before.return_path("abc234", "x.org")) == "abc234"


def test_a_click_names_its_message_and_its_target_and_an_open_only_its_message():

    click = LINKS.read(token_in(LINKS.click("abc234", "t123")), Kind.CLICK, NOW)
    shown = LINKS.read(token_in(LINKS.open("abc234")).removesuffix(".gif"), Kind.OPEN, NOW)

    assert click == Payload("abc234", target="t123")
    assert shown == Payload("abc234")
