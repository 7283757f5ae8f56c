"""Do mails of the installation itself leave within seconds, once, and never to whom they must not?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from nurture.channels.base import Dead, Deferred, Outcome, RefusedUs, Unknown
from nurture.db import notices as store
from nurture.db import state, suppressions
from nurture.db.addresses import email_hash
from nurture.db.notices import LEASE, NoticeKind, NoticeState, PlannedNotice
from nurture.db.suppressions import Suppression
from nurture.model.words import Channel, SuppressionReason
from nurture.services.running import pausing
from nurture.services.sending import notices
from nurture.services.sending.notices import Notice
from tests.support.channels import ScriptedChannel
from tests.support.running import Running, a_nurture

CONFIRM = Notice(
    key="confirm:ana@example.org:2026-03-02",
    kind=NoticeKind.CONFIRM,
    to="Ana <ana@example.org>",
    subject="Please confirm",
    text="One click and it is yours.\n",
)


@pytest.fixture
def running(sqlite_url: str, tmp_path: Path) -> Iterator[Running]:
    running = a_nurture(sqlite_url, tmp_path)
    running.publish()
    yield running
    running.nurture.database.dispose()


def plan(running: Running, *wanted: Notice) -> int:
    with running.nurture.database.write() as tx:
        return notices.plan(tx, running.nurture.runtime, wanted)


def seen(running: Running) -> PlannedNotice:
    with running.nurture.database.read() as tx:
        return store.latest(tx)[0]


def answers(running: Running, *said: Outcome) -> ScriptedChannel:
    """The mail server says these things, one a message, and then accepts."""
    channel = ScriptedChannel(list(said))
    running.nurture.runtime = replace(running.nurture.runtime, open_channel=lambda: channel)
    return channel


def test_a_notice_leaves_as_mail_of_the_workspaces_default_sender(running: Running) -> None:
    plan(running, replace(CONFIRM, html="<p>One click and it is yours.</p>"))

    running.run()

    (mail,) = running.mails()
    assert mail["From"] == "Tamarack Lane <hello@example.org>"
    assert mail["To"] == "Ana <ana@example.org>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert "List-Unsubscribe" not in mail
    assert "ana" not in str(mail["Message-ID"])
    assert mail.get_body(("plain",)).get_content().splitlines() == ["One click and it is yours."]  # type: ignore[union-attr]
    assert mail.get_body(("html",)) is not None
    assert seen(running).state is NoticeState.SENT


def test_a_notice_is_planned_and_sent_once_however_often_it_is_wanted(running: Running) -> None:
    planned = [plan(running, CONFIRM), plan(running, CONFIRM, replace(CONFIRM, subject="Again"))]
    running.run()
    planned.append(plan(running, CONFIRM))
    running.run()

    assert planned == [1, 0, 0]
    assert len(running.mails()) == 1


def test_the_scheduler_sees_that_a_notice_waits(running: Running) -> None:
    before = running.nurture.due().deliveries
    plan(running, CONFIRM)
    waiting = running.nurture.due().deliveries
    running.run()

    assert (before, waiting, running.nurture.due().deliveries) == (0, 1, 0)


@pytest.mark.parametrize("reason", ["hard-bounce", "complaint", "manual"])
def test_a_closed_address_gets_no_notice(running: Running, reason: str) -> None:
    suppress(running, SuppressionReason(reason))
    plan(running, replace(CONFIRM, kind=NoticeKind.TEST))

    running.run()

    assert running.mails() == []
    assert seen(running).state is NoticeState.FAILED
    assert seen(running).detail == f"the address is suppressed: {reason}"


@pytest.mark.parametrize(
    ("reason", "mails"), [("hard-bounce", 1), ("soft-bounces", 1), ("manual", 1), ("complaint", 0)]
)
def test_a_closed_address_is_still_asked_whether_it_was_them_but_for_a_complaint(
    running: Running, reason: str, mails: int
) -> None:
    suppress(running, SuppressionReason(reason))
    plan(running, CONFIRM)

    running.run()

    assert len(running.mails()) == mails


def test_who_left_marketing_still_gets_what_they_ask_for(running: Running) -> None:
    suppress(running, SuppressionReason.UNSUBSCRIBED)
    plan(running, CONFIRM)

    running.run()

    assert len(running.mails()) == 1


def test_the_staging_guard_stops_a_notice(running: Running) -> None:
    running.nurture.runtime = replace(running.nurture.runtime, allow_recipients=("example.com",))
    plan(running, CONFIRM)

    running.run()

    assert running.mails() == []
    assert seen(running).state is NoticeState.FAILED
    assert "NURTURE_ALLOW_RECIPIENTS" in str(seen(running).detail)


def test_the_red_button_holds_notices_until_it_is_let_go(running: Running) -> None:
    runtime = running.nurture.runtime
    pausing.pause(runtime, pausing.Scope(), "a fire")
    plan(running, CONFIRM)
    running.run()
    held = running.mails()

    pausing.resume(runtime, pausing.Scope(), "it is out")
    running.run()

    assert held == []
    assert len(running.mails()) == 1


def test_a_notice_that_is_put_off_goes_later_and_once(running: Running) -> None:
    channel = answers(running, Deferred(451, "4.7.1", "greylisted"))
    plan(running, CONFIRM)
    running.run()
    put_off = seen(running)

    running.clock.advance(minutes=7)
    running.run()
    running.run()

    assert (put_off.state, put_off.detail) == (NoticeState.PENDING, "451 4.7.1 greylisted")
    assert len(channel.accepted) == 1
    assert seen(running).state is NoticeState.SENT


def test_a_server_that_refuses_us_uses_up_no_attempt(running: Running) -> None:
    answers(running, RefusedUs(421, None, "busy"))
    plan(running, CONFIRM)
    running.run()

    assert (seen(running).state, seen(running).attempts) == (NoticeState.PENDING, 0)

    running.clock.advance(minutes=2)
    running.run()
    assert seen(running).state is NoticeState.SENT


def test_a_notice_whose_end_nobody_saw_is_never_sent_again_by_itself(running: Running) -> None:
    channel = answers(running, Unknown())
    plan(running, CONFIRM)
    running.run()

    running.clock.advance(days=2)
    running.run()

    assert seen(running).state is NoticeState.AMBIGUOUS
    assert channel.accepted == []


def test_a_sender_that_died_leaves_a_doubt_that_the_sweep_writes_down(running: Running) -> None:
    plan(running, CONFIRM)
    with running.nurture.database.write() as tx:
        store.claim(tx, running.clock.operational(), 1)
    running.clock.advance(seconds=(LEASE + timedelta(seconds=1)).total_seconds())

    running.run()

    assert running.mails() == []
    assert seen(running).state is NoticeState.AMBIGUOUS


def test_an_address_that_does_not_exist_is_written_to_no_more(running: Running) -> None:
    answers(running, Dead(550, "5.1.1", "no such user"))
    plan(running, CONFIRM)
    running.run()
    first = seen(running)

    plan(running, replace(CONFIRM, key="another day", kind=NoticeKind.TEST))
    running.run()

    assert (first.state, first.detail) == (NoticeState.FAILED, "550 5.1.1 no such user")
    assert seen(running).detail == "the address is suppressed: hard-bounce"


def suppress(running: Running, reason: SuppressionReason) -> None:
    with running.nurture.database.write() as tx:
        listed = Suppression(
            address_hash=email_hash(state.hash_key(tx), "ana@example.org"),
            channel=Channel.EMAIL,
            reason=reason,
            at=running.clock.now(),
            source="a test",
        )
        suppressions.add(tx, [listed])
