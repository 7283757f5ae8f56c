"""Every message of the sample company, whole: what a change does to one of them is seen before anybody gets it.

After a wanted change: ``python -m tests.support.golden``, then read the difference.
"""

from __future__ import annotations

import re
from email import message_from_bytes, policy
from email.message import EmailMessage
from functools import cache

import dkim
import pytest

from nurture.rendering.dkim import KeyKind, Signer, new_key, read_key
from nurture.rendering.mime import sealed
from tests.support.golden import FOLDER, messages, to_read


@cache
def built() -> dict[str, bytes]:
    return dict(messages())


KEPT = sorted(file.name for file in FOLDER.glob("*.eml"))


def test_every_message_is_kept_and_nothing_else() -> None:
    assert sorted(built()) == KEPT


@pytest.mark.parametrize("name", KEPT)
def test_the_whole_message_is_what_it_was(name: str) -> None:
    kept = (FOLDER / name).read_text(encoding="utf-8")

    assert to_read(built()[name]) == kept, "renew it with: python -m tests.support.golden"


def test_what_travels_is_what_is_kept() -> None:
    """RFC 5322: CRLF only, no line beyond 998 octets, each header once; and it reads back as the file that is kept."""
    for name, raw in built().items():
        kept = message_from_bytes((FOLDER / name).read_bytes(), policy=policy.default.clone(utf8=True))
        sent = message_from_bytes(raw, policy=policy.default.clone(utf8=True))

        assert re.search(rb"(?<!\r)\n|\r(?!\n)|\0", raw) is None, name
        assert max(map(len, raw.split(b"\r\n"))) <= 998, name
        assert raw.partition(b"\r\n\r\n")[0].isascii(), name
        assert sent.defects == [], name
        assert len(set(map(str.lower, sent.keys()))) == len(sent.keys()), name
        assert [part_of(one) for one in sent.walk()] == [part_of(one) for one in kept.walk()], name


def part_of(part: object) -> tuple[str, bytes]:
    assert isinstance(part, EmailMessage)
    payload = b"" if part.is_multipart() else part.get_payload(decode=True)
    assert isinstance(payload, bytes)
    return part.get_content_type(), payload.replace(b"\r\n", b"\n").rstrip(b"\n")


def test_every_marketing_message_has_one_click_an_address_and_a_way_out_in_both_parts() -> None:
    marketing = {name: raw for name, raw in built().items() if b"\r\nList-Unsubscribe: <https://" in raw}

    assert len(marketing) > 20
    for name, raw in marketing.items():
        message = message_from_bytes(raw, policy=policy.default)
        assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click", name
        link = str(message["List-Unsubscribe"]).strip("<>")
        for part in message.iter_parts():
            text = part.get_content()
            assert link in text, name
            assert "18 Tamarack Lane, Suite 200" in text, name


@pytest.mark.parametrize("kind", KeyKind)
def test_every_message_can_be_signed_and_says_the_same_under_its_seal(kind: KeyKind) -> None:
    key = read_key(new_key(kind))
    signer = Signer("example.org", "s1", key)
    for name, raw in built().items():
        under_seal = sealed(raw, signer)

        assert dkim.verify(under_seal, dnsfunc=lambda *_, **__: key.record.encode()), name
        assert under_seal.endswith(raw), name


def test_what_a_contact_is_called_stays_text() -> None:
    theirs = [
        message_from_bytes(raw, policy=policy.default) for name, raw in built().items() if ".zoe." in name
    ]

    for message in theirs:
        html = message.get_body(("html",))
        assert html is not None
        assert "🎉 <b>" not in html.get_content()
        assert message["To"].addresses[0].addr_spec == "zoe@xn--bcher-kva.example"
    assert any("🎉 &lt;b&gt;" in one.get_body(("html",)).get_content() for one in theirs)
