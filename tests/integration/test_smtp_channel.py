"""The mail server in all its moods: what it says, when it hangs up, and what becomes of each message."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from email import message_from_bytes, policy
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from nurture.channels import channel_for, smtp
from nurture.channels.base import (
    Accepted,
    Dead,
    Deferred,
    Message,
    Outcome,
    RefusedMessage,
    RefusedUs,
    Unknown,
    Untried,
)
from nurture.channels.smtp import SmtpChannel
from nurture.rendering.mime import build_message
from tests.support.messages import a_mail
from tests.support.smtp_server import OFFERS, Rule, ScriptedServer, authority_file

Serve = Callable[..., ScriptedServer]
Connect = Callable[..., SmtpChannel]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    servers: list[ScriptedServer] = []

    def start(*rules: Rule, **over: object) -> ScriptedServer:
        server = ScriptedServer(
            tmp_path / f"log{len(servers)}.jsonl", [replace(rule) for rule in rules], **over
        )  # type: ignore[arg-type]
        servers.append(server.start())
        return server

    yield start
    for server in servers:
        server.stop()


@pytest.fixture
def connect(tmp_path: Path) -> Iterator[Connect]:
    channels: list[SmtpChannel] = []

    def open_(url: str, **options: object) -> SmtpChannel:
        usual = {"connections": 4, "timeout": 10, "dot_timeout": 10}
        query = "&".join(f"{name}={value}" for name, value in {**usual, **options}.items())
        channel = channel_for(f"{url}?{query}", mail_folder=tmp_path, helo="nurture.example")
        assert isinstance(channel, SmtpChannel)
        channels.append(channel)
        return channel

    yield open_
    for channel in channels:
        channel.close()


def to(name: str, **over: object) -> Message:
    key = name.partition("@")[0].encode("ascii", "ignore").decode() or "k"
    message_id = f"<{key}@example.org>"
    data = build_message(a_mail(message_id=message_id, **over))
    return Message(
        "claire@example.org", name if "@" in name else f"{name}@example.org", data, message_id, key
    )


def send(channel: SmtpChannel, *messages: Message) -> dict[int, Outcome]:
    staged = channel.stage(list(messages))
    return {**staged.refused, **staged.finish()}


# The ways in


@pytest.mark.parametrize("offers", [OFFERS, ("8BITMIME",), ()])
def test_mail_goes_with_and_without_pipelining_over_kept_connections(
    serve: Serve, connect: Connect, offers: tuple[str, ...]
):
    server = serve(offers=offers)
    channel = connect(server.url)

    outcomes = [*send(channel, to("a"), to("b"), to("c")).values(), *send(channel, to("d"), to("e")).values()]

    assert [type(outcome) for outcome in outcomes] == [Accepted] * 5
    assert sorted(server.recipients) == [f"{name}@example.org" for name in "abcde"]
    assert len(server.dialogues) == 3


def test_a_whole_mail_is_read_by_another_mail_server_as_it_was_written(connect: Connect):
    received: list[tuple[str, bytes]] = []

    class Peer:
        async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
            assert isinstance(envelope.content, bytes)
            received.append((envelope.rcpt_tos[0], envelope.content))
            return "250 OK"

    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    peer = Controller(Peer(), hostname="127.0.0.1", port=port, enable_SMTPUTF8=True)
    peer.start()
    mail = to("zoë@bücher.example", subject="Grüße", text=".\n..x\n" + "long " * 500, html="<p>ü</p>")
    try:
        outcome = send(connect(f"smtp://127.0.0.1:{port}"), mail)[0]
    finally:
        peer.stop()

    assert isinstance(outcome, Accepted)
    assert received == [("zoë@xn--bcher-kva.example", mail.data)]
    assert message_from_bytes(received[0][1], policy=policy.SMTP)["Subject"] == "Grüße"


@pytest.mark.parametrize(
    ("tls", "scheme", "option"), [("starttls", "smtp", {"starttls": 1}), ("implicit", "smtps", {})]
)
@pytest.mark.parametrize("ways", ["AUTH PLAIN", "AUTH LOGIN"])
def test_mail_goes_encrypted_and_logged_in(
    serve: Serve, connect: Connect, tmp_path: Path, tls: str, scheme: str, option: dict[str, int], ways: str
):
    server = serve(tls=tls, user="kim", password="p@ss", offers=(*OFFERS, ways))
    channel = connect(
        f"{scheme}://kim:p%40ss@localhost:{server.port}", cafile=authority_file(tmp_path), **option
    )

    outcomes = send(channel, to("a"), to("b"), to("c"))

    assert [type(outcome) for outcome in outcomes.values()] == [Accepted] * 3


def test_a_big_mail_goes_encrypted_too(serve: Serve, connect: Connect, tmp_path: Path):
    server = serve(tls="starttls")
    channel = connect(f"smtp://localhost:{server.port}", starttls=1, cafile=authority_file(tmp_path))

    outcomes = send(channel, to("a", html="<p>" + "ü" * 2_000_000), to("b", html="<p>" + "x" * 3_000_000))

    assert [type(outcome) for outcome in outcomes.values()] == [Accepted] * 2
    assert min(len(mail["data"]) for mail in server.mails) > 3_000_000


def test_a_certificate_that_nobody_vouches_for_gets_no_password(serve: Serve, connect: Connect):
    server = serve(tls="starttls", user="kim", password="secret")
    channel = connect(f"smtp://kim:secret@localhost:{server.port}", starttls=1)

    outcome = send(channel, to("a"))[0]

    assert isinstance(outcome, RefusedUs)
    assert "certificate" in outcome.text
    assert not [line for line in server.dialogues[0] if line.startswith("AUTH")]


def test_stripped_starttls_gets_no_mail_and_no_password(serve: Serve, connect: Connect):
    server = serve(tls="none", user="kim", password="secret")
    channel = connect(f"smtp://kim:secret@127.0.0.1:{server.port}", starttls=1)

    outcome = send(channel, to("a"))[0]

    assert isinstance(outcome, RefusedUs)
    assert outcome.permanent
    assert server.dialogues[0] == ["EHLO nurture.example"]


def test_answers_slipped_in_before_tls_are_thrown_away(serve: Serve, connect: Connect, tmp_path: Path):
    injected = "220 2.0.0 go\r\n250-evil.example\r\n250 AUTH PLAIN"
    server = serve(Rule("STARTTLS", reply=injected), tls="starttls")
    channel = connect(f"smtp://localhost:{server.port}", starttls=1, cafile=authority_file(tmp_path))

    outcome = send(channel, to("a"))[0]

    assert isinstance(outcome, Accepted)


# Refusals


@pytest.mark.parametrize("offers", [OFFERS, ()])
@pytest.mark.parametrize(
    ("rule", "kind"),
    [
        (Rule("RCPT", "bea@", "550 5.1.1 no such user"), Dead),
        (Rule("RCPT", "bea@", "550 unknown"), Dead),
        (Rule("RCPT", "bea@", "450 4.7.1 greylisted"), Deferred),
        (Rule("RCPT", "bea@", "553 5.7.1 not from you"), RefusedMessage),
        (Rule("DATA", "", "451 4.3.0 later", times=1), Deferred),
        (Rule("END", "bea@", "554 5.7.1 spam"), RefusedMessage),
        (Rule("END", "bea@", "452 4.3.1 full"), Deferred),
        (Rule("END", "bea@", "550 5.1.1 no such user after all"), Dead),
    ],
)
def test_a_refusal_of_one_message_leaves_the_others_alone(
    serve: Serve, connect: Connect, rule: Rule, kind: type[Outcome], offers: tuple[str, ...]
):
    server = serve(rule, offers=offers)
    channel = connect(server.url, connections=1) if rule.on == "DATA" else connect(server.url)

    first = send(channel, to("bea"), *([] if rule.on == "DATA" else [to("ana"), to("dora")]))
    second = send(channel, to("ann"))

    assert type(first[0]) is kind
    assert all(isinstance(outcome, Accepted) for outcome in [*list(first.values())[1:], second[0]])
    assert "bea@example.org" not in server.recipients


def test_after_a_refusal_the_next_mail_on_that_connection_begins_tidily(serve: Serve, connect: Connect):
    server = serve(Rule("RCPT", "bea@", "550 5.1.1 no"))
    channel = connect(server.url, connections=1)

    outcomes = [send(channel, to(name))[0] for name in ("bea", "ana", "dora")]

    assert [type(outcome) for outcome in outcomes] == [Dead, Accepted, Accepted]
    assert [line.split()[0] for line in server.dialogues[0]] == [
        "EHLO",
        "MAIL",
        "RCPT",
        "DATA",
        "RSET",
        "MAIL",
        "RCPT",
        "DATA",
        "MAIL",
        "RCPT",
        "DATA",
    ]


def test_a_server_that_wants_a_body_for_nobody_gets_none(serve: Serve, connect: Connect):
    server = serve(Rule("RCPT", "bea@", "550 5.1.1 no"), eager=True)
    channel = connect(server.url, connections=1)

    outcomes = [send(channel, to(name))[0] for name in ("bea", "ana")]

    assert [type(outcome) for outcome in outcomes] == [Dead, Accepted]
    assert server.recipients == ["ana@example.org"]


@pytest.mark.parametrize("on", ["MAIL", "RCPT", "END"])
def test_a_server_that_says_more_than_it_was_asked_is_never_misunderstood(
    serve: Serve, connect: Connect, on: str
):
    server = serve(Rule(on, "bea@|FROM", "250 2.0.0 ok\r\n250 2.0.0 and again", times=1))
    channel = connect(server.url, connections=1)

    first, second = send(channel, to("bea"))[0], send(channel, to("ana"))[0]

    assert type(first) is (Accepted if on == "END" else Deferred)
    assert isinstance(second, Accepted)
    assert server.recipients == (["bea@example.org"] if on == "END" else []) + ["ana@example.org"]


@pytest.mark.parametrize(
    ("rule", "permanent"),
    [
        (Rule("GREETING", reply="554 5.7.1 go away"), True),
        (Rule("GREETING", reply="421 4.3.2 not now", then="close"), False),
        (Rule("GREETING", reply="", then="close"), False),
        (Rule("GREETING", reply="HTTP/1.1 200 OK"), False),
        (Rule("EHLO", reply="550 5.7.1 who?"), True),
        (Rule("AUTH", reply="535 5.7.8 wrong"), True),
        (Rule("AUTH", reply="454 4.7.0 later"), False),
        (Rule("MAIL", reply="550 5.7.1 not you"), True),
        (Rule("MAIL", reply="421 4.7.0 not now", then="close"), False),
        (Rule("RCPT", reply="421 4.7.0 slow down", then="close"), False),
        (Rule("RCPT", reply="554 5.7.1 Relay access denied"), True),
    ],
)
def test_a_refusal_of_us_touches_no_contact(serve: Serve, connect: Connect, rule: Rule, permanent: bool):
    server = serve(rule, user="kim", password="pw")
    channel = connect(f"smtp://kim:pw@127.0.0.1:{server.port}")

    outcomes = send(channel, to("a"), to("b"))

    assert {type(outcome) for outcome in outcomes.values()} == {RefusedUs}
    assert {outcome.permanent for outcome in outcomes.values() if isinstance(outcome, RefusedUs)} == {
        permanent
    }
    assert server.mails == []


def test_a_wrong_password_is_tried_once_not_for_every_connection(serve: Serve, connect: Connect):
    server = serve(user="kim", password="right")
    channel = connect(f"smtp://kim:wrong@127.0.0.1:{server.port}")

    outcomes = send(channel, to("a"), to("b"), to("c"))

    assert {type(outcome) for outcome in outcomes.values()} == {RefusedUs}
    assert len(server.dialogues) == 1


def test_a_server_that_is_not_there_is_said_with_its_name(connect: Connect):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]

    outcome = send(connect(f"smtp://127.0.0.1:{port}"), to("a"))[0]

    assert isinstance(outcome, RefusedUs)
    assert f"cannot reach 127.0.0.1:{port}" in outcome.text


def test_a_server_that_takes_few_connections_gets_few(serve: Serve, connect: Connect):
    server = serve(most_connections=2)
    channel = connect(server.url)

    outcomes = send(channel, to("a"), to("b"), to("c"), to("d"))

    assert sorted(type(outcome).__name__ for outcome in outcomes.values()) == [
        "Accepted",
        "Accepted",
        "Untried",
        "Untried",
    ]
    assert {type(outcome) for outcome in outcomes.values()} == {Accepted, Untried}
    assert channel.group == 2


def test_a_server_is_asked_for_more_connections_again_after_a_while(
    serve: Serve, connect: Connect, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(smtp, "_TRY_MORE_AFTER", 0.0)
    server = serve(most_connections=2)
    channel = connect(server.url)
    send(channel, to("a"), to("b"), to("c"))
    server.most_connections = None

    outcomes = send(channel, to("d"), to("e"), to("f"), to("g"))

    assert [type(outcome) for outcome in outcomes.values()] == [Accepted] * 4


def test_what_the_server_can_never_take_is_not_even_tried(serve: Serve, connect: Connect):
    server = serve(offers=("PIPELINING", "SIZE 2000"))
    channel = connect(server.url)

    outcomes = send(channel, to("zoë"), to("a", html="x" * 5000), to("b"))

    assert [type(outcomes[index]) for index in range(3)] == [RefusedMessage, RefusedMessage, Accepted]
    assert (outcomes[0].status, outcomes[1].status) == ("5.6.7", "5.3.4")
    assert any(" SIZE=" in line for dialogue in server.dialogues for line in dialogue)


# Hanging up


def test_kept_connections_that_the_server_closed_are_replaced_in_silence(serve: Serve, connect: Connect):
    server = serve()
    channel = connect(server.url)
    send(channel, to("a"), to("b"))
    server.hang_up()

    outcomes = send(channel, to("c"), to("d"), to("e"))

    assert [type(outcome) for outcome in outcomes.values()] == [Accepted] * 3
    assert sorted(server.recipients) == [f"{name}@example.org" for name in "abcde"]


def test_all_kept_connections_may_be_gone_though_few_are_needed(serve: Serve, connect: Connect):
    server = serve()
    channel = connect(server.url)
    send(channel, to("a"), to("b"), to("c"), to("d"))
    server.hang_up()
    server.wait_for_hangups(4)

    outcomes = send(channel, to("e"))

    assert [type(outcome) for outcome in outcomes.values()] == [Accepted]


def test_a_421_to_the_first_word_on_a_kept_connection_is_no_refusal(serve: Serve, connect: Connect):
    server = serve(Rule("MAIL", reply="421 4.4.2 idle too long", then="close", skip=2, times=2))
    channel = connect(server.url)
    send(channel, to("a"), to("b"))

    outcomes = send(channel, to("c"), to("d"))

    assert [type(outcome) for outcome in outcomes.values()] == [Accepted] * 2


def test_a_server_that_closes_after_every_few_mails_gets_each_mail_once(serve: Serve, connect: Connect):
    server = serve(mails_per_connection=3)
    channel = connect(server.url)

    outcomes = [
        outcome
        for group in range(25)
        for outcome in send(channel, *(to(f"m{group}-{number}") for number in range(4))).values()
    ]

    assert [type(outcome) for outcome in outcomes] == [Accepted] * 100
    assert len(server.recipients) == len(set(server.recipients)) == 100


def test_an_error_at_quit_undoes_nothing(serve: Serve, connect: Connect):
    server = serve(Rule("QUIT", reply="500 5.0.0 no", then="reset"))
    channel = connect(server.url)

    outcome = send(channel, to("a"))[0]
    channel.close()

    assert isinstance(outcome, Accepted)
    assert server.recipients == ["a@example.org"]


@pytest.mark.parametrize("then", ["close", "reset", "hang"])
@pytest.mark.parametrize("taken", [True, False])
def test_silence_after_the_final_dot_is_unknown_for_that_message_only(
    serve: Serve, connect: Connect, then: str, taken: bool
):
    server = serve(Rule("END", "bea@", None, then=then, taken=taken))
    channel = connect(server.url, dot_timeout=0.3)

    outcomes = send(channel, to("ana"), to("bea"), to("dora"))

    assert [type(outcomes[index]) for index in range(3)] == [Accepted, Unknown, Accepted]
    assert ("bea@example.org" in server.recipients) is taken


def test_what_is_lost_between_the_strokes_is_known_not_to_have_gone(serve: Serve, connect: Connect):
    server = serve()
    channel = connect(server.url)
    staged = channel.stage([to("a"), to("b")])
    server.hang_up()
    server.wait_for_hangups(2)

    outcomes = staged.finish()

    assert [type(outcome) for outcome in outcomes.values()] == [Deferred, Deferred]
    assert server.recipients == []


@pytest.mark.parametrize(
    ("rule", "kind"),
    [
        (Rule("BODY", "bea@", None, then="reset"), Deferred),
        (Rule("BODY", "bea@", None, then="close"), Deferred),
        (Rule("BODY", "bea@", "421 4.4.2 too slow", then="close"), RefusedUs),
        (Rule("BODY", "bea@", "552 5.3.4 too much", then="close"), RefusedMessage),
    ],
)
def test_a_cut_in_the_middle_of_the_message_is_known_not_to_have_gone(
    serve: Serve, connect: Connect, rule: Rule, kind: type[Outcome]
):
    server = serve(rule)
    channel = connect(server.url)
    staged = channel.stage([to("ana"), to("bea"), to("dora")])
    server.wait_for_hangups(1)

    outcomes = {**staged.refused, **staged.finish()}

    assert [type(outcomes[index]) for index in range(3)] == [Accepted, kind, Accepted]
    assert sorted(server.recipients) == ["ana@example.org", "dora@example.org"]


@pytest.mark.parametrize("on", ["GREETING", "EHLO", "MAIL", "RCPT", "DATA"])
def test_a_server_that_falls_silent_holds_us_for_the_timeout_and_no_longer(
    serve: Serve, connect: Connect, on: str
):
    server = serve(Rule(on, reply="", then="hang"))
    channel = connect(server.url, timeout=0.3)

    outcome = send(channel, to("a"))[0]

    assert type(outcome) is (RefusedUs if on in ("GREETING", "EHLO") else Deferred)
    assert "in time" in outcome.text
    assert server.mails == []


def test_a_server_that_dribbles_is_held_to_the_same_timeout(connect: Connect):
    stop = threading.Event()
    listener = socket.create_server(("127.0.0.1", 0))

    def dribble() -> None:
        connection, _ = listener.accept()
        with connection:
            while not stop.wait(0.05):
                try:
                    connection.sendall(b"2")
                except OSError:
                    return

    thread = threading.Thread(target=dribble)
    thread.start()

    outcome = send(connect(f"smtp://127.0.0.1:{listener.getsockname()[1]}", timeout=0.4), to("a"))[0]

    stop.set()
    thread.join(5)
    listener.close()
    assert isinstance(outcome, RefusedUs)


@pytest.mark.parametrize("noise", [b"220 hi\r\n" + b"x" * 200_000, b"220-" + b"y" * 200_000, b"\xff\xfe\r\n"])
def test_a_server_that_babbles_is_hung_up_on(connect: Connect, noise: bytes):
    listener = socket.create_server(("127.0.0.1", 0))

    def babble() -> None:
        connection, _ = listener.accept()
        with connection:
            try:
                connection.sendall(noise)
                while connection.recv(1000):
                    pass
            except OSError:
                return

    thread = threading.Thread(target=babble)
    thread.start()

    outcome = send(connect(f"smtp://127.0.0.1:{listener.getsockname()[1]}", timeout=5), to("a"))[0]

    thread.join(5)
    listener.close()
    assert isinstance(outcome, RefusedUs)


def test_one_slow_conversation_does_not_hold_up_the_others_outcomes(serve: Serve, connect: Connect):
    server = serve(Rule("RCPT", "slow@", reply="", then="hang"))
    channel = connect(server.url, timeout=0.5)

    outcomes = send(channel, to("slow"), to("a"), to("b"))

    assert [type(outcomes[index]) for index in range(3)] == [Deferred, Accepted, Accepted]


def test_messages_and_answers_are_never_mixed_up(serve: Serve, connect: Connect):
    rules = [Rule("RCPT", rf"<[a-z]*{digit}\d?@", f"550 5.1.1 nobody {digit}") for digit in (3, 7)]
    server = serve(*rules)
    channel = connect(server.url, connections=10)

    for _ in range(5):
        outcomes = send(channel, *(to(f"n{number}") for number in range(10)))
        assert {index for index, outcome in outcomes.items() if isinstance(outcome, Dead)} == {3, 7}
        assert {index for index, outcome in outcomes.items() if isinstance(outcome, Accepted)} == {
            0,
            1,
            2,
            4,
            5,
            6,
            8,
            9,
        }
    assert all(mail["message_id"] == f"<{mail['to'].partition('@')[0]}@example.org>" for mail in server.mails)


def test_the_log_of_the_scripted_server_survives_its_sudden_death(tmp_path: Path, connect: Connect):
    log, script = tmp_path / "log.jsonl", tmp_path / "script.json"
    script.write_text(json.dumps([{"on": "RCPT", "match": "bea@", "reply": "550 5.1.1 no"}]))
    command = [sys.executable, "-m", "tests.support.smtp_server", "--log", str(log), "--script", str(script)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        port = json.loads(process.stdout.readline())["port"]

        outcomes = send(connect(f"smtp://127.0.0.1:{port}"), to("ana"), to("bea"))
        process.send_signal(signal.SIGKILL)

    assert [type(outcomes[index]) for index in (0, 1)] == [Accepted, Dead]
    assert [json.loads(line)["to"] for line in log.read_text().splitlines()] == ["ana@example.org"]
