"""What becomes of a message when the mail server says no: four different ends, and doubt that stays doubt."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from nurture.channels.base import Message
from nurture.channels.smtp import SmtpChannel, StagedMail
from nurture.db import suppressions
from nurture.model.errors import NotFoundError
from nurture.services.sending.doubt import Verdict, in_doubt, resolve
from tests.integration.test_rules_in_the_database import AFTER_LOSS, WORKFLOW
from tests.support.running import Running, a_nurture
from tests.support.smtp_server import Rule, ScriptedServer

PEOPLE = ("ana@example.org", "bea@example.org", "carl@example.org")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ScriptedServer]:
    with ScriptedServer(log=tmp_path / "mails.jsonl") as server:
        yield server


def started(
    url: str, folder: Path, server: ScriptedServer, allowed: tuple[str, ...] | None = None
) -> Running:
    """Three contacts, each with one mail planned."""
    mails = ("hello", "again", "decide", "sorry")
    running = a_nurture(url, folder, mails=mails, smtp_url=server.url, allow_recipients=allowed)
    running.write("templates/call/ring.txt", "Call {{ contact.first_name or 'them' }}.\n")
    running.write("workflows/one.yaml", WORKFLOW)
    running.write("workflows/after-loss.yaml", AFTER_LOSS)
    running.publish()
    for email in PEOPLE:
        running.add(email)
        running.track("a.happened", email)
    running.nurture.advance.batch()
    return running


@pytest.fixture
def running(sqlite_url: str, tmp_path: Path, server: ScriptedServer) -> Iterator[Running]:
    running = started(sqlite_url, tmp_path, server)
    yield running
    running.nurture.close()


def first_state(running: Running, email: str) -> tuple[str, str | None]:
    _, state, reason = running.states(email)[0]
    return state, reason


def accepted(server: ScriptedServer) -> list[str]:
    return sorted(server.recipients)


def test_not_now_is_tried_again_later_with_the_same_message_id(
    running: Running, server: ScriptedServer
) -> None:
    server.rules.append(Rule("RCPT", match="ana@", reply="450 4.2.0 greylisted", times=1))

    running.run()
    put_off = running.deliveries("ana@example.org")[0]
    early = accepted(server)
    running.clock.operational_at += timedelta(minutes=30)
    running.run()

    assert (put_off.state, put_off.attempts) == ("pending", 1)
    assert early == ["bea@example.org", "carl@example.org"]
    assert accepted(server) == sorted(PEOPLE)
    assert first_state(running, "ana@example.org") == ("sent", None)


def test_a_dead_address_is_suppressed_and_its_enrollment_lost_the_others_unaffected(
    running: Running, server: ScriptedServer
) -> None:
    server.rules.append(Rule("RCPT", match="ana@", reply="550 5.1.1 no such user"))

    running.run()

    assert first_state(running, "ana@example.org") == ("failed", "address-dead")
    assert running.moves("ana@example.org") == ["entered first", "lost first"]
    assert running.enrollments("ana@example.org")[0].end_reason == "bounced"
    with running.nurture.database.read() as tx:
        assert [entry.reason for entry in suppressions.everything(tx)] == ["hard-bounce"]
    assert accepted(server) == ["bea@example.org", "carl@example.org"]


@pytest.mark.parametrize(
    "rule",
    [
        Rule("GREETING", reply="421 4.3.2 down for maintenance", then="close", times=40),
        Rule("MAIL", reply="550 5.7.1 we do not like you", times=40),
    ],
    ids=["421 at the greeting", "550 at MAIL"],
)
def test_a_refusal_of_us_rests_the_channel_touches_no_contact_and_is_over_by_itself(
    running: Running, server: ScriptedServer, rule: Rule
) -> None:
    server.rules.append(rule)

    running.run()
    during = [first_state(running, email) for email in PEOPLE]
    attempts = [running.deliveries(email)[0].attempts for email in PEOPLE]
    server.rules.clear()
    running.run()
    resting = accepted(server)
    running.clock.operational_at += timedelta(hours=1)
    running.run()

    assert during == [("pending", None)] * 3
    assert attempts == [0, 0, 0]
    assert resting == []
    assert accepted(server) == sorted(PEOPLE)


def test_a_refused_message_fails_alone_and_its_list_goes_on(running: Running, server: ScriptedServer) -> None:
    server.rules.append(Rule("END", match="ana@", reply="554 5.6.0 no such content here"))

    running.run()
    running.advance(days=3)

    assert first_state(running, "ana@example.org") == ("failed", "message-refused")
    assert running.enrollments("ana@example.org")[0].live
    with running.nurture.database.read() as tx:
        assert suppressions.everything(tx) == []


def test_a_connection_cut_after_the_dot_leaves_doubt_that_is_never_sent_again(
    running: Running, server: ScriptedServer
) -> None:
    server.rules.append(Rule("END", match="ana@", reply="", then="reset", taken=True))

    running.run()
    running.clock.operational_at += timedelta(days=1)
    running.run()

    assert first_state(running, "ana@example.org") == ("ambiguous", "interrupted")
    assert accepted(server) == sorted(PEOPLE)


def test_a_connection_cut_before_the_dot_is_tried_again_and_arrives_once(
    running: Running, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.rules.append(Rule("BODY", match="ana@", then="reset", times=1))
    stage = SmtpChannel.stage

    def stage_and_see_the_cut(channel: SmtpChannel, messages: Sequence[Message]) -> StagedMail:
        """A server that is slow to cut lets the dot through, and then the doubt would be right."""
        staged = stage(channel, messages)
        server.wait_for_hangups(1)
        return staged

    monkeypatch.setattr(SmtpChannel, "stage", stage_and_see_the_cut)

    running.run()
    running.clock.operational_at += timedelta(hours=1)
    running.run()

    assert accepted(server) == sorted(PEOPLE)
    assert first_state(running, "ana@example.org") == ("sent", None)


def test_an_opt_out_between_planning_and_sending_is_honoured(
    running: Running, server: ScriptedServer
) -> None:
    running.track("consent.withdrawn", "ana@example.org", purpose="nurture")

    running.run()

    assert accepted(server) == ["bea@example.org", "carl@example.org"]


def test_only_listed_recipients_are_ever_mailed(
    sqlite_url: str, tmp_path: Path, server: ScriptedServer
) -> None:
    running = started(sqlite_url, tmp_path, server, allowed=("bea@example.org",))

    running.run()
    running.nurture.close()

    assert accepted(server) == ["bea@example.org"]
    assert first_state(running, "ana@example.org") == ("skipped", "recipient-not-allowed")


@pytest.mark.parametrize(
    ("verdict", "state", "times"),
    [(Verdict.SENT, "sent", 1), (Verdict.FAILED, "failed", 1), (Verdict.AGAIN, "sent", 2)],
)
def test_a_person_settles_what_was_in_doubt_and_sent_again_it_has_the_same_message_id(
    running: Running, server: ScriptedServer, verdict: Verdict, state: str, times: int
) -> None:
    server.rules.append(Rule("END", match="ana@", reply="", then="reset", taken=True, times=1))
    running.run()
    doubtful = in_doubt(running.nurture.runtime)

    settled = resolve(running.nurture.runtime, [str(doubtful[0].message_id)], verdict)
    running.run()

    to_ana = [mail["message_id"] for mail in server.mails if mail["to"] == "ana@example.org"]
    assert [one.recipient for one in settled] == ["ana@example.org"]
    assert running.states("ana@example.org")[0][1] == state
    assert in_doubt(running.nurture.runtime) == []
    assert len(to_ana) == times
    assert len(set(to_ana)) == 1


def test_settling_a_message_that_is_not_in_doubt_settles_nothing(running: Running) -> None:
    with pytest.raises(NotFoundError, match="is not in doubt"):
        resolve(running.nurture.runtime, ["<nobody@example.org>"], Verdict.SENT)
