"""One webhook over a real connection: signed as the standard says, to the address that was judged, and in time."""

from __future__ import annotations

import ssl
from base64 import b64decode
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any

import pytest
import trustme

from nurture.channels.reach import Reach
from nurture.channels.webhook import Answer, Silence, WebhookChannel, as_words, signature
from tests.support.receiver import a_raw_server, a_receiver

AT = datetime(2021, 2, 25, 15, 2, 10, tzinfo=UTC)
KEYS = ("first-key-" * 4, "second-key-" * 4)
OK = b"HTTP/1.1 200 OK\r\n"


def a_channel(*allow: str, **more: Any) -> WebhookChannel:
    return WebhookChannel(KEYS, Reach.of(allow or ("127.0.0.1",)), **more)


def post(channel: WebhookChannel, url: str, body: bytes = b"{}") -> Answer | Silence:
    return channel.post("crm", url, "msg_1", body, AT)


# --- the signature ---------------------------------------------------------------------------------------------------


def test_the_published_vector_of_standard_webhooks_comes_out() -> None:
    secret = b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")

    made = signature(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')

    assert made == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_while_keys_rotate_every_key_signs_and_the_first_comes_first() -> None:
    with a_receiver() as receiver:
        channel = a_channel()
        post(channel, receiver.url, b'{"a":1}')

    (heard,) = receiver.heard
    made = [signature(one, "msg_1", int(AT.timestamp()), b'{"a":1}') for one in channel.secrets("crm")]
    assert heard.headers["webhook-signature"] == " ".join(made)
    assert heard.headers["webhook-timestamp"] == str(int(AT.timestamp()))
    assert made == [signature(one, "msg_1", 1614265330, b'{"a":1}') for one in channel.secrets("crm")]


def test_each_endpoint_has_a_secret_of_its_own_that_stays() -> None:
    channel = a_channel()

    assert channel.secrets("crm") == a_channel().secrets("crm")
    assert len({*channel.secrets("crm"), *channel.secrets("ledger")}) == 4
    assert as_words(channel.secrets("crm")[0]).startswith("whsec_")
    assert len(b64decode(as_words(channel.secrets("crm")[0]).removeprefix("whsec_"))) == 32


def test_without_a_key_nothing_is_signed() -> None:
    with pytest.raises(ValueError, match="secret"):
        WebhookChannel().secrets("crm")


# --- the address -----------------------------------------------------------------------------------------------------


def test_a_name_that_means_another_machine_a_moment_later_reaches_only_what_was_judged() -> None:
    meanings = [["127.0.0.1"], ["127.0.0.2"], ["169.254.169.254"]]

    def rebinding(host: str, port: int, seconds: float) -> Sequence[str]:
        return meanings.pop(0)

    with a_receiver() as receiver:
        channel = a_channel(resolve=rebinding)
        url = f"http://rebind.example.com:{receiver.port}/"
        first = post(channel, url)
        asked_once = len(meanings) == 2
        later = [post(channel, url), post(channel, url)]

    assert first == Answer(200)
    assert asked_once  # what was judged is what was connected to: the name is not asked again
    assert ["no public address" in str(one) for one in later] == [True, True]
    assert len(receiver.heard) == 1


def test_the_host_is_named_although_the_address_is_connected_to() -> None:
    with a_receiver() as receiver:
        channel = a_channel("crm.internal", resolve=lambda host, port, seconds: ["127.0.0.1"])
        said = post(channel, f"http://crm.internal:{receiver.port}/in?a=b")

    (heard,) = receiver.heard
    assert isinstance(said, Answer)
    assert heard.headers["host"] == f"crm.internal:{receiver.port}"
    assert heard.path == "/in?a=b"


def test_another_address_is_tried_when_the_first_takes_no_connection() -> None:
    with a_receiver() as receiver:
        channel = a_channel("crm.internal", resolve=lambda host, port, seconds: ["127.0.0.2", "127.0.0.1"])

        assert post(channel, f"http://crm.internal:{receiver.port}/") == Answer(200)


@pytest.mark.parametrize(("named", "taken"), [("crm.internal", True), ("other.internal", False)])
def test_the_certificate_must_be_for_the_name_that_was_asked_for(named: str, taken: bool) -> None:
    authority = trustme.CA()
    theirs, ours = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert(named).configure_cert(theirs)
    authority.configure_trust(ours)

    with a_receiver(tls=theirs) as receiver:
        channel = a_channel("crm.internal", resolve=lambda host, port, seconds: ["127.0.0.1"], tls=ours)
        said = post(channel, f"https://crm.internal:{receiver.port}/")

    assert isinstance(said, Answer) is taken
    assert len(receiver.heard) == int(taken)


def test_a_host_that_nobody_finds_is_silence() -> None:
    def unknown(host: str, port: int, seconds: float) -> Sequence[str]:
        raise OSError("Name or service not known")

    assert "not known" in str(post(a_channel(resolve=unknown), "https://nowhere.example.com/"))


# --- the answer ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_any_2xx_is_a_yes(status: int) -> None:
    with a_receiver(status) as receiver:
        said = post(a_channel(), receiver.url)

    assert isinstance(said, Answer)
    assert said.taken


@pytest.mark.parametrize("status", [301, 302, 307, 400, 401, 404, 410, 500, 503])
def test_anything_else_is_a_no_and_nothing_is_followed(status: int) -> None:
    with a_receiver((status, {"Location": "/elsewhere"}, b"no")) as receiver:
        said = post(a_channel(), receiver.url)

    assert said == Answer(status, "no")
    assert isinstance(said, Answer)
    assert not said.taken
    assert len(receiver.heard) == 1


def test_of_the_answer_only_the_first_printable_characters_are_kept() -> None:
    words = b"\x1b[31mred\x00\n\tand\xff" + b"long " * 30_000
    with a_receiver((500, {}, words)) as receiver:
        said = post(a_channel(), receiver.url)

    assert isinstance(said, Answer)
    assert said.text.startswith("[31mred and")
    assert len(said.text) == 200
    assert said.text.isprintable()


@pytest.mark.parametrize(
    "words",
    [
        b'{"error":"ana.b+c@example.org is taken"}',
        b"email=ana%40example.org",
        "Zoë <zoë@bücher.example>".encode(),
    ],
)
def test_an_answer_that_repeats_a_mail_address_is_kept_without_it(words: bytes) -> None:
    with a_receiver((422, {}, words)) as receiver:
        said = post(a_channel(), receiver.url)

    assert "…@…" in str(said)
    assert "example" not in str(said)


def test_no_key_stands_in_what_a_channel_shows_of_itself() -> None:
    assert KEYS[0] not in repr(a_channel())


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("120", timedelta(minutes=2)),
        ("Thu, 25 Feb 2021 16:02:10 GMT", timedelta(hours=1)),
        ("Thu, 25 Feb 2021 12:00:00 GMT", timedelta()),
        ("soon", None),
        ("Thu, 25 Feb 2021 16:02:10 +99999999999999", None),
        ("Thu, 25 Feb 99999999999999 16:02:10 GMT", None),
        ("-5", None),
        ("", None),
    ],
)
def test_retry_after_is_read_as_seconds_or_as_a_date(value: str, expected: timedelta | None) -> None:
    with a_receiver((503, {"Retry-After": value}, b"")) as receiver:
        said = post(a_channel(), receiver.url)

    assert isinstance(said, Answer)
    assert said.retry_after == expected


# --- time and size ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pieces", "pause"),
    [
        ([], 0.0),  # takes the request and says nothing
        ([b"HTTP/1.1 2"], 0.0),
        ([OK[index : index + 1] for index in range(len(OK))] * 5, 0.1),  # drips, a byte at a time
        ([OK, *[b"X-Header: y\r\n"] * 100], 0.05),
    ],
    ids=["silent", "half", "drip", "headers"],
)
def test_an_answer_that_does_not_come_to_an_end_is_no_answer(pieces: list[bytes], pause: float) -> None:
    with a_raw_server(*pieces, pause=pause, hold=5) as port:
        begun = monotonic()
        said = post(a_channel(seconds=0.3), f"http://127.0.0.1:{port}/")

    assert said == Silence("no answer within 0.3 seconds")
    assert monotonic() - begun < 1.5


def test_a_status_counts_though_the_words_beside_it_never_end() -> None:
    with a_raw_server(OK + b"Content-Length: 900000\r\n\r\nhel", b"lo", pause=0.05, hold=5) as port:
        said = post(a_channel(seconds=0.4), f"http://127.0.0.1:{port}/")

    assert isinstance(said, Answer)
    assert said.taken


def test_of_an_endless_answer_no_more_than_64_kilobytes_are_read() -> None:
    with a_raw_server(OK + b"\r\n" + b"x" * 5_000_000) as port:
        begun = monotonic()
        said = post(a_channel(seconds=5), f"http://127.0.0.1:{port}/")

    assert said == Answer(200, "x" * 200)
    assert monotonic() - begun < 4


@pytest.mark.parametrize(
    "nonsense",
    [
        b"\x00\x01\x02",
        b"SSH-2.0-OpenSSH\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 9_000,
        b"",
    ],
)
def test_what_is_no_http_is_silence_and_no_crash(nonsense: bytes) -> None:
    with a_raw_server(nonsense) as port:
        said = post(a_channel(seconds=2), f"http://127.0.0.1:{port}/")

    assert isinstance(said, Silence)
    assert said.text.isprintable()


def test_where_nobody_listens_there_is_silence() -> None:
    with a_raw_server() as port:
        pass

    assert "refused" in str(post(a_channel(), f"http://127.0.0.1:{port}/")).lower()
