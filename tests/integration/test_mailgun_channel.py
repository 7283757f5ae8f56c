"""Mail over HTTP against a real server: what each answer means, and that a message is never sent twice on a guess."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import trustme

from nurture.channels import channel_for
from nurture.channels.base import (
    Accepted,
    Deferred,
    Outcome,
    RefusedMessage,
    RefusedUs,
    Unknown,
)
from nurture.channels.mailgun import parse_mailgun_url
from nurture.model.errors import SettingsError
from tests.integration.test_channel_contract import a_message
from tests.support.mailgun_server import KEY, Mailgun, Saying, a_mailgun
from tests.support.waiting import free_port


@pytest.fixture
def server() -> Iterator[Mailgun]:
    with a_mailgun() as server:
        yield server


def send(url: str, *keys: str) -> list[Outcome]:
    channel = channel_for(url, mail_folder=Path())
    staged = channel.stage([a_message(key) for key in keys])
    outcomes = {**staged.refused, **staged.finish()}
    channel.close()
    return [outcomes[index] for index in range(len(keys))]


def said(server: Mailgun, *script: Saying) -> Outcome:
    server.script += script
    return send(server.url, "a")[0]


@pytest.mark.parametrize(
    ("status", "meaning"),
    [
        (200, Accepted),
        (202, Accepted),
        (301, RefusedUs),
        (400, RefusedMessage),
        (401, RefusedUs),
        (402, RefusedUs),
        (403, RefusedUs),
        (404, RefusedUs),
        (413, RefusedMessage),
        (422, RefusedMessage),
        (429, Deferred),
        (500, Deferred),
        (502, Unknown),
        (503, Deferred),
        (504, Unknown),
    ],
)
def test_every_answer_has_its_meaning(server: Mailgun, status: int, meaning: type[Outcome]) -> None:
    outcome = said(server, Saying(status, "Some words about ana@example.org"))

    assert type(outcome) is meaning
    assert outcome.code == status
    assert "ana@example.org" not in outcome.text


def test_a_refusal_of_us_needs_a_person_and_is_not_of_one_domain(server: Mailgun) -> None:
    outcome = send(server.url.replace(KEY, "wrong"), "a")[0]

    assert isinstance(outcome, RefusedUs)
    assert (outcome.permanent, outcome.of_recipient) == (True, False)


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"Retry-After": "120"}, timedelta(minutes=2)),
        ({"Retry-After": "99999999"}, timedelta(days=1)),
        ({"Retry-After": "soon"}, None),
        ({}, None),
    ],
)
def test_it_says_how_long_to_wait(server: Mailgun, headers: dict[str, str], wait: timedelta | None) -> None:
    outcome = said(server, Saying(429, "slow down", headers))

    assert isinstance(outcome, Deferred)
    assert outcome.retry_after == wait


def test_no_answer_after_the_word_leaves_it_in_doubt(server: Mailgun) -> None:
    assert isinstance(said(server, Saying(cut=True)), Unknown)


def test_an_answer_that_takes_too_long_leaves_it_in_doubt() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        outcome = send(f"mailgun://{KEY}@127.0.0.1:{port}/news.example.org?tls=0&timeout=0.1", "a")[0]

    assert isinstance(outcome, Unknown)


def test_one_that_refuses_before_it_has_everything_has_taken_nothing(server: Mailgun) -> None:
    server.script.append(Saying(401, "Forbidden", early=True))
    channel = channel_for(server.url, mail_folder=Path())
    staged = channel.stage([a_message("a")])

    outcome = next(iter(staged.finish().values()))

    assert isinstance(outcome, RefusedUs | Deferred)
    assert server.taken == []
    channel.close()


def test_one_that_cannot_be_reached_is_asked_once_and_nobody_is_touched() -> None:
    outcomes = send(f"mailgun://{KEY}@127.0.0.1:{free_port()}/news.example.org?tls=0", "a", "b")

    assert [type(one) for one in outcomes] == [RefusedUs, RefusedUs]


def test_connections_are_kept_and_a_stale_one_is_no_failure(server: Mailgun) -> None:
    channel = channel_for(server.url, mail_folder=Path())
    for number in range(3):
        assert isinstance(channel.stage([a_message(f"k{number}")]).finish()[0], Accepted)
    kept = server.connections
    server.script.append(Saying(500, "tired", {"Connection": "close"}))
    channel.stage([a_message("tired")]).finish()

    outcome = channel.stage([a_message("after")]).finish()[0]

    assert kept == 1
    assert isinstance(outcome, Accepted)
    assert [one.to for one in server.taken] == [f"{key}@example.org" for key in ("k0", "k1", "k2", "after")]
    channel.close()


def test_it_goes_encrypted_and_only_to_whom_the_certificate_is_for(tmp_path: Path) -> None:
    authority, stranger = trustme.CA(), trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    stranger.cert_pem.write_to_path(tmp_path / "stranger.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)

    with a_mailgun("timeout=5", context) as server:
        good = send(f"{server.url}&cafile={tmp_path / 'ca.pem'}", "a", "b")
        bad = send(f"{server.url}&cafile={tmp_path / 'stranger.pem'}", "c")

    assert [type(one) for one in (*good, *bad)] == [Accepted, Accepted, RefusedUs]
    assert sorted(one.to for one in server.taken) == ["a@example.org", "b@example.org"]  # two connections


def test_a_message_keeps_every_byte_of_itself_and_goes_to_the_envelope_alone(server: Mailgun) -> None:
    message = a_message("a", "--not a boundary\r\n.\r\n\r\nend")

    channel = channel_for(server.url, mail_folder=Path())
    channel.stage([message]).finish()
    channel.close()

    assert [(one.to, one.data) for one in server.taken] == [("a@example.org", message.data)]


@pytest.mark.parametrize(
    ("url", "wrong"),
    [
        ("mailgun://api.mailgun.net/news.example.org", "names no key"),
        ("mailgun://secret@api.mailgun.net", "names no key"),
        ("mailgun://secret@api.mailgun.net/news.example.org?tls=0", "in the clear"),
        ("mailgun://secret@api.mailgun.net/news.example.org?starttls=1", "unknown option"),
        ("mailgun://secret@api.mailgun.net/a%20b", "domain"),
        ("mailgun://sec%0Dret@api.mailgun.net/news.example.org", "strange"),
        ("mailgun://secret@api.mailgun.net:x/news.example.org", "cannot be read"),
    ],
)
def test_an_address_that_cannot_be_used_is_refused_without_its_key(url: str, wrong: str) -> None:
    with pytest.raises(SettingsError, match=wrong) as caught:
        parse_mailgun_url(url)

    assert "secret" not in str(caught.value)


def test_the_usual_address_is_encrypted() -> None:
    settings = parse_mailgun_url("mailgun://secret@api.eu.mailgun.net/news.example.org")

    assert (settings.host, settings.port, settings.tls) == ("api.eu.mailgun.net", 443, True)
    assert "secret" not in repr(settings)
