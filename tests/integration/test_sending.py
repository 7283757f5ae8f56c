"""What leaves is signed, has a return path of its own, and no more of it than receivers like."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from threading import Thread

import dkim
import pytest

from nurture.channels.base import Accepted, Message, Outcome, RefusedUs
from nurture.db import domain_days, notices
from nurture.db.domain_days import Counted
from nurture.db.notices import NoticeKind
from nurture.model.errors import NotFoundError
from nurture.model.words import DeliveryState, Reason
from nurture.rendering.dkim import KeyKind, new_key, read_key
from nurture.services.running import pausing
from nurture.services.running.doctor import examine
from nurture.services.running.pausing import Scope
from nurture.services.sending import domains
from nurture.services.sending.notices import Notice, plan
from nurture.services.story.why import why
from nurture.wiring import Nurture, build
from tests.support.channels import ScriptedChannel, ScriptedGroup
from tests.support.running import Running, a_nurture

WORKFLOW = """\
workflow: NAME
title: One
purpose: nurture
stages:
  - stage: first
    need: Know more
    trigger: EVENT
    validate: b.happened
    steps:
      - {email: TEMPLATEMORE}
    loss: [{after: 300 days, reason: timed-out}]
"""
SENDER = 'from = "Tamarack Lane <hello@example.org>"\n'
SIGNED = 'dkim_selector = "s1"\ndkim_key_file = "keys/s1.pem"\n'


def configure(running: Running, lines: str = "", more: str = "") -> None:
    """The default sender has these lines; ``more`` stands behind all."""
    toml = (running.project / "nurture.toml").read_text()
    running.write("nurture.toml", toml.replace(SENDER, SENDER + lines) + more)
    write_workflow(running, "one", "a.happened", "hello")
    running.publish()


def write_workflow(running: Running, name: str, event: str, template: str, more: str = "") -> None:
    words = {"NAME": name, "EVENT": event, "TEMPLATE": template, "MORE": more}
    text = WORKFLOW
    for word, value in words.items():
        text = text.replace(word, value)
    running.write(f"workflows/{name}.yaml", text)


def a_key(running: Running, name: str = "s1", kind: KeyKind = KeyKind.ED25519) -> str:
    """Write a key into the project; returns its DNS record."""
    pem = new_key(kind)
    (running.project / "keys").mkdir(exist_ok=True)
    (running.project / "keys" / f"{name}.pem").write_bytes(pem)
    return read_key(pem).record


def go(running: Running, *emails: str) -> None:
    for email in emails:
        running.add(email)
        running.track("a.happened", email)
    running.run()


def through(running: Running, *script: Outcome) -> ScriptedChannel:
    """From now on mail leaves through a channel that says this."""
    channel = ScriptedChannel(list(script))
    running.nurture = Nurture(
        running.nurture.settings, replace(running.nurture.runtime, open_channel=lambda: channel)
    )
    return channel


def good(data: bytes, record: str) -> bool:
    verified: bool = dkim.verify(data, dnsfunc=lambda name, timeout=5: record.encode())
    return verified


def states(running: Running, *emails: str) -> list[tuple[str, str | None]]:
    return [running.states(email)[0][1:] for email in emails]


@pytest.fixture
def running(sqlite_url: str, tmp_path: Path) -> Iterator[Running]:
    running = a_nurture(sqlite_url, tmp_path, mails=("hello", "again"))
    yield running
    running.nurture.close()


@pytest.fixture
def on_both(any_database: str, tmp_path: Path) -> Iterator[Running]:
    running = a_nurture(any_database, tmp_path, mails=("hello", "again"))
    yield running
    running.nurture.close()


# --- signatures ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KeyKind)
def test_what_leaves_is_signed_with_the_file_of_its_sender(running: Running, kind: KeyKind) -> None:
    record = a_key(running, kind=kind)
    configure(running, SIGNED)
    channel = through(running)

    go(running, "ana@example.org")

    (message,) = channel.accepted
    assert good(message.data, record)
    assert b"list-unsubscribe-post" in message.data.partition(b"bh=")[0]


def test_a_machine_without_the_file_signs_with_the_key_it_was_given(sqlite_url: str, tmp_path: Path) -> None:
    pem = new_key(KeyKind.ED25519).decode()
    running = a_nurture(sqlite_url, tmp_path, mails=("hello",), dkim_key=pem.replace("\n", "\\n"))
    configure(running, SIGNED)
    channel = through(running)

    go(running, "ana@example.org")

    assert good(channel.accepted[0].data, read_key(pem.encode()).record)
    running.nurture.close()


def test_mail_that_should_be_signed_waits_for_its_key_and_never_leaves_without(running: Running) -> None:
    configure(running, SIGNED)
    channel = through(running)

    go(running, "ana@example.org")
    waiting = states(running, "ana@example.org")
    said = why(running.nurture.runtime, "ana@example.org").next[0].said
    found = {one.code for one in examine(running.nurture.runtime).findings}
    a_key(running)
    running.advance(step_hours=0.1, minutes=6)

    assert waiting == [("pending", Reason.UNSIGNED)]
    assert "keys/s1.pem" in said
    assert "cannot-sign" in found
    assert states(running, "ana@example.org") == [("sent", None)]
    assert b"DKIM-Signature" in channel.accepted[0].data


def test_no_key_is_published_or_logged(running: Running, capsys: pytest.CaptureFixture[str]) -> None:
    a_key(running)
    secret = (running.project / "keys" / "s1.pem").read_text().splitlines()[1]
    configure(running, SIGNED)

    go(running, "ana@example.org")

    stored = b"".join(file.read_bytes() for file in running.project.parent.rglob("*.db*"))
    assert secret.encode() not in stored
    assert secret not in capsys.readouterr().out


def test_the_installations_own_mails_are_signed_as_they_leave(running: Running) -> None:
    record = a_key(running)
    configure(running, SIGNED)
    channel = through(running)
    notice = Notice("k1", NoticeKind.TEST, "kim@example.org", "A test", "Hello\n")
    with running.nurture.database.write() as tx:
        plan(tx, running.nurture.runtime, [notice])

    running.nurture.send_notices()

    (message,) = channel.accepted
    assert good(message.data, record)
    assert message.sender == "hello@example.org"


def test_a_notice_waits_for_its_key_too(running: Running) -> None:
    configure(running, SIGNED)
    channel = through(running)
    notice = Notice("k1", NoticeKind.TEST, "kim@example.org", "A test", "Hello\n")
    with running.nurture.database.write() as tx:
        plan(tx, running.nurture.runtime, [notice])

    running.nurture.send_notices()

    with running.nurture.database.read() as tx:
        (listed,) = notices.latest(tx, 10)
    assert (listed.state, channel.accepted) == ("pending", [])


# --- return paths and senders ---------------------------------------------------------------------------------------


def test_a_message_has_a_return_path_by_which_its_bounce_is_known(running: Running) -> None:
    configure(running, 'return_path_domain = "bounces.example.org"\n')
    channel = through(running)

    go(running, "ana@example.org")

    (message,) = channel.accepted
    assert message.sender.endswith("@bounces.example.org")
    assert "ana" not in message.sender
    assert running.nurture.runtime.links.read_return_path(message.sender.upper()) == message.key
    assert b"From: Tamarack Lane <hello@example.org>" in message.data


def test_each_sender_has_its_own_address_key_and_return_path(running: Running) -> None:
    news, desk = a_key(running, "s1"), a_key(running, "desk")
    running.write("templates/email/again.md", "---\nsubject: Asked for\nsender: desk\n---\nHere.\n")
    write_workflow(running, "two", "quote.requested", "again", ", purpose: transactional")
    configure(
        running,
        SIGNED,
        '\n[senders.desk]\nfrom = "desk@desk.example.net"\nreturn_path_domain = "b.example.net"\n'
        'dkim_selector = "d1"\ndkim_key_file = "keys/desk.pem"\n',
    )
    channel = through(running)

    go(running, "ana@example.org")
    running.track("quote.requested")
    running.run()

    marketing, asked_for = channel.accepted
    assert (good(marketing.data, news), good(asked_for.data, desk)) == (True, True)
    assert (
        good(marketing.data, desk),
        b"d=desk.example.net; s=d1" in asked_for.data.replace(b"\r\n", b""),
    ) == (
        False,
        True,
    )
    assert asked_for.sender.endswith("@b.example.net")
    assert b"List-Unsubscribe" not in asked_for.data.partition(b"\r\nDate")[2]


# --- warming up -----------------------------------------------------------------------------------------------------


def people(count: int, domain: str = "example.org") -> list[str]:
    return [f"p{number:02}@{domain}" for number in range(count)]


def warm_up(running: Running, start: int) -> None:
    since = running.clock.operational().date().isoformat()
    configure(running, f'warm_up = {{ since = "{since}", start = {start}, double_every = "1 day" }}\n')


def test_a_new_sender_sends_so_many_a_day_and_more_the_next(on_both: Running) -> None:
    running = on_both
    warm_up(running, 3)
    everyone = people(10)

    go(running, *everyone)
    first = [state for state, _ in states(running, *everyone)]
    told = why(running.nurture.runtime, everyone[-1]).next[0]
    running.advance(step_hours=6, hours=25)
    second = [state for state, _ in states(running, *everyone)]
    running.advance(step_hours=6, hours=24)

    assert first == ["sent"] * 3 + ["pending"] * 7
    assert running.deliveries(everyone[0])[0].ended_at is not None
    assert "warming up: at most 3 on" in told.said
    assert second.count("sent") == 9
    assert [state for state, _ in states(running, *everyone)] == ["sent"] * 10


def test_who_waits_since_yesterday_goes_before_those_who_come_earlier_in_the_day(on_both: Running) -> None:
    running = on_both
    warm_up(running, 3)
    waiting, morning = people(8), people(4, "example.net")

    go(running, *waiting)
    running.clock.advance(hours=23)
    go(running, *morning)
    early = [state for state, _ in states(running, *morning)]
    running.clock.advance(hours=2)
    running.run()

    assert early == ["sent", "pending", "pending", "pending"]  # of six, five are theirs who wait
    assert [state for state, _ in states(running, *waiting)] == ["sent"] * 8


def test_nobody_waits_for_those_whom_a_pause_holds(on_both: Running) -> None:
    running = on_both
    write_workflow(running, "two", "quote.requested", "again")
    warm_up(running, 3)

    go(running, *people(20))
    pausing.pause(running.nurture.runtime, Scope("one"), "the list is old")
    running.clock.advance(hours=23)
    running.add("ana@example.net")
    running.track("quote.requested", "ana@example.net")
    running.run()

    assert states(running, "ana@example.net") == [("sent", None)]


def test_what_somebody_asked_for_counts_and_never_waits(running: Running) -> None:
    write_workflow(running, "two", "quote.requested", "again", ", purpose: transactional")
    warm_up(running, 1)
    go(running, "ana@example.org", "bea@example.org")

    running.track("quote.requested", "bea@example.org")
    running.run()

    with running.nurture.database.read() as tx:
        day = running.clock.operational().date()
        counted = domain_days.sent_by(tx, {"default"}, day)
    by_template = {template: state for template, state, _ in running.states("bea@example.org")}
    assert by_template == {"hello": "pending", "again": "sent"}
    assert counted == {"default": 2}


def test_what_did_not_leave_gives_its_place_back(running: Running) -> None:
    warm_up(running, 2)
    down = RefusedUs(421, text="down")
    channel = through(running, down, down)

    go(running, *people(3))
    running.advance(step_hours=0.02, minutes=2)

    assert len(channel.accepted) == 2
    assert [state for state, _ in states(running, *people(3))].count("sent") == 2


class KilledError(BaseException):
    """The worker is gone, and nothing after it runs."""


class Deadly(ScriptedChannel):
    """A channel at whose last point but one the worker is killed."""

    def stage(self, messages: Sequence[Message]) -> ScriptedGroup:
        raise KilledError


def test_a_worker_that_is_killed_uses_up_no_place(on_both: Running) -> None:
    running = on_both
    warm_up(running, 2)
    for email in people(3):
        running.add(email)
        running.track("a.happened", email)
    running.nurture.advance.batch()
    runtime = replace(running.nurture.runtime, open_channel=lambda: Deadly([]))

    with pytest.raises(KilledError):
        Nurture(running.nurture.settings, runtime).deliver.batch()
    running.clock.advance(minutes=2)
    running.run()

    assert [state for state, _ in states(running, *people(3))].count("sent") == 2


def test_many_workers_send_no_more_than_the_day_allows(on_both: Running) -> None:
    running = on_both
    warm_up(running, 5)
    for email in people(20):
        running.add(email)
        running.track("a.happened", email)
    running.nurture.advance.batch()
    workers = [build(running.nurture.settings, running.clock) for _ in range(3)]

    threads = [Thread(target=worker.deliver.batch, args=(4,)) for worker in workers for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    running.run()
    for worker in workers:
        worker.close()

    assert [state for state, _ in states(running, *people(20))].count("sent") == 5


# --- domains --------------------------------------------------------------------------------------------------------


def count(running: Running, domain: str, days_ago: int = 0, **numbers: int) -> None:
    day: date = running.clock.operational().date() - timedelta(days=days_ago)
    with running.nurture.database.write() as tx:
        domain_days.count(tx, [Counted(domain, day, **numbers)])


def test_every_message_is_counted_for_its_domain(on_both: Running) -> None:
    running = on_both
    configure(running)

    go(running, "ana@example.org", "bea@example.org", "carl@example.net")

    with running.nurture.database.read() as tx:
        counted = domains.standings(tx, running.clock.operational())
    assert [(one.domain, one.sent) for one in counted] == [("example.org", 2), ("example.net", 1)]


def test_too_many_complaints_stop_marketing_mail_to_that_domain_and_no_other(on_both: Running) -> None:
    running = on_both
    write_workflow(running, "two", "quote.requested", "again", ", purpose: transactional")
    configure(running)
    count(running, "example.org", sent=1000, complained=3)
    count(running, "example.net", sent=1000, complained=2)

    running.run()
    go(running, "ana@example.org", "bea@example.net")
    running.track("quote.requested", "ana@example.org")
    running.run()

    by_template = {template: (state, reason) for template, state, reason in running.states("ana@example.org")}
    assert by_template == {"hello": ("pending", Reason.DOMAIN_RESTS), "again": ("sent", None)}
    assert states(running, "bea@example.net") == [("sent", None)]
    assert "3 of 1,000 messages in a week were called spam" in str(
        running.deliveries("ana@example.org")[0].detail
    )
    assert "domain-complains" in {one.code for one in examine(running.nurture.runtime).findings}


@pytest.mark.parametrize(("sent", "complained"), [(1001, 3), (99, 5), (100, 1)])
def test_few_mails_or_complaints_stop_nothing(running: Running, sent: int, complained: int) -> None:
    configure(running)
    count(running, "example.org", sent=sent, complained=complained)

    running.run()
    go(running, "ana@example.org")

    assert states(running, "ana@example.org") == [("sent", None)]


def test_it_goes_on_by_itself_when_the_bad_days_have_passed(running: Running) -> None:
    configure(running)
    count(running, "example.org", sent=1000, complained=4)
    running.run()
    go(running, "ana@example.org")

    during = states(running, "ana@example.org")
    running.clock.operational_at += timedelta(days=8)
    running.run()
    running.run()

    assert during == [("pending", Reason.DOMAIN_RESTS)]
    assert states(running, "ana@example.org") == [("sent", None)]


def test_by_hand_it_goes_on_at_once_and_only_new_complaints_stop_it_again(on_both: Running) -> None:
    running = on_both
    configure(running)
    count(running, "example.org", sent=1000, complained=4)
    running.run()
    go(running, "ana@example.org")

    waiting = domains.resume(running.nurture.runtime, "Example.org", "kim@example.org", "the list is clean")
    running.run()
    after = states(running, "ana@example.org")
    count(running, "example.org", complained=4)
    running.run()
    go(running, "bea@example.org")

    assert waiting == 1
    assert after == [("sent", None)]
    assert states(running, "bea@example.org") == [("pending", Reason.DOMAIN_RESTS)]


def test_what_was_excused_by_hand_excuses_nothing_when_its_days_have_passed(on_both: Running) -> None:
    running = on_both
    configure(running)
    count(running, "example.org", sent=1000, complained=8)
    running.run()
    domains.resume(running.nurture.runtime, "example.org", "kim@example.org")

    running.clock.operational_at += timedelta(days=5)
    count(running, "example.org", sent=2000, complained=5)
    running.run()
    before = domains.all_standings(running.nurture.runtime)[0]
    running.clock.operational_at += timedelta(days=4)
    count(running, "example.org", complained=1)
    running.run()
    after = domains.all_standings(running.nurture.runtime)[0]

    assert (before.complained, before.resting) == (13, None)
    assert after.resting is not None
    assert (after.resting.sent, after.resting.complained) == (2000, 6)


def test_a_domain_that_does_not_rest_cannot_be_resumed(running: Running) -> None:
    configure(running)

    with pytest.raises(NotFoundError):
        domains.resume(running.nurture.runtime, "example.org", "kim@example.org")


def test_a_domain_that_refuses_us_is_left_alone_and_the_others_get_their_mail(running: Running) -> None:
    configure(running)
    for email in (*people(2, "angry.example"), *people(2, "kind.example")):
        running.add(email)
        running.track("a.happened", email)
    no = RefusedUs(421, "4.7.0", "too much mail from you", of_recipient=True)
    channel = through(running, no, no, Accepted(250), Accepted(250))

    running.run()
    angry = states(running, *people(2, "angry.example"))
    attempts = [running.deliveries(email)[0].attempts for email in people(2, "angry.example")]
    kind = states(running, *people(2, "kind.example"))
    found = {one.code for one in examine(running.nurture.runtime).findings}
    running.clock.advance(seconds=31)
    running.run()

    assert angry == [("pending", Reason.DOMAIN_RESTS)] * 2
    assert attempts == [0, 0]
    assert kind == [("sent", None)] * 2
    assert found & {"channel-paused", "domain-refuses"} == {"domain-refuses"}
    assert states(running, *people(2, "angry.example")) == [("sent", None)] * 2
    assert len(channel.accepted) == 4
    with running.nurture.database.read() as tx:
        assert domains.rests(tx).refusing == {}


def test_a_rest_grows_with_each_refusal(running: Running) -> None:
    configure(running)
    no = RefusedUs(421, "4.7.0", "go away", of_recipient=True)
    through(running, no, no, no)
    go(running, "ana@angry.example")
    rests = []

    for _ in range(3):
        with running.nurture.database.read() as tx:
            until = domains.rests(tx).refusing["angry.example"].until
        rests.append(until - running.clock.operational())
        running.clock.operational_at = until + timedelta(seconds=1)
        running.run()

    assert rests == [timedelta(seconds=seconds) for seconds in (30, 60, 120)]
    assert states(running, "ana@angry.example") == [(DeliveryState.SENT, None)]
