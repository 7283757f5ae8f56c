"""Does what comes back about a message close, count or tell exactly what it should, once, and nothing when it is not ours?"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from nurture.channels.inbound import Kind
from nurture.db import contacts, domain_days, notices
from nurture.model.returns import Effect, MatchedBy
from nurture.services.inbound import Taken, take
from nurture.services.inbound.match import same_mailbox
from tests.support.came_back import (
    another_way,
    bounce,
    challenge,
    complaint,
    full_mailbox,
    out_of_office,
    reply,
)
from tests.support.returning import (
    MAILS,
    closed,
    ends,
    first_of,
    id_of,
    live,
    mail_events,
    noted,
    return_path_of,
    takes,
    told,
)
from tests.support.running import Running, a_nurture

FOREIGN = "<somebody-elses@mail.example.com>"


@pytest.fixture(params=["sqlite", "postgres"])
def either(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Running]:
    url = str(request.getfixturevalue(f"{request.param}_url"))
    yield (running := live(a_nurture(url, tmp_path, mails=MAILS)))
    running.nurture.database.dispose()


@pytest.fixture
def running(sqlite_url: str, tmp_path: Path) -> Iterator[Running]:
    yield (running := live(a_nurture(sqlite_url, tmp_path, mails=MAILS)))
    running.nurture.database.dispose()


def effects(taken: Taken) -> list[tuple[Kind, MatchedBy | None, Effect]]:
    return [(one.kind, one.matched_by, one.effect) for one in taken.became]


NOTHING = [(Kind.HARD, None, Effect.NOTHING)]


# --- whose message ------------------------------------------------------------------------------------------------


def test_a_bounce_that_comes_to_the_return_path_is_about_that_message_whatever_it_says(
    either: Running,
) -> None:
    taken = takes(either, bounce("ana@example.org", to=return_path_of(either)))

    assert effects(taken) == [(Kind.HARD, MatchedBy.RETURN_PATH, Effect.SUPPRESSED)]
    assert taken.became[0].delivery == first_of(either).id
    assert told(either) == [("email.bounced", {"kind": "hard", "status": "5.1.1"})]
    assert closed(either) == {"hard-bounce"}


def test_a_return_path_that_we_did_not_sign_counts_for_nothing(running: Running) -> None:
    local, _, domain = return_path_of(running).partition("@")
    forged = f"{local[:-1]}{'a' if local[-1] != 'a' else 'b'}@{domain}"

    taken = takes(running, bounce("ana@example.org", returned=FOREIGN, to=forged))

    assert effects(taken) == NOTHING
    assert closed(running) == set()


def test_a_bounce_that_returns_our_message_is_known_by_its_id(running: Running) -> None:
    taken = takes(running, bounce("ana@example.org", returned=id_of(running)))

    assert effects(taken) == [(Kind.HARD, MatchedBy.MESSAGE_ID, Effect.SUPPRESSED)]


def test_a_report_that_names_no_message_counts_for_an_address_we_wrote_to_within_a_week(
    running: Running,
) -> None:
    running.clock.advance(days=6)

    taken = takes(running, bounce("Ana@Example.org"))

    assert effects(taken) == [(Kind.HARD, MatchedBy.RECIPIENT, Effect.SUPPRESSED)]


@pytest.mark.parametrize(
    ("raw", "days"),
    [
        (bounce("ana@example.org"), 8),
        (bounce("ana@example.org", returned=FOREIGN), 0),
        (bounce("stranger@example.org"), 0),
        (bounce("ana@example.org").replace(b"multipart/report", b"multipart/mixed"), 0),
    ],
    ids=["too old", "about somebody else's message", "about a stranger", "no report made for machines"],
)
def test_what_is_about_no_message_of_ours_is_noted_and_changes_nothing(
    running: Running, raw: bytes, days: int
) -> None:
    running.clock.advance(days=days)

    taken = takes(running, raw)

    assert [(one.matched_by, one.effect) for one in taken.became] == [(None, Effect.NOTHING)]
    assert (told(running), closed(running)) == ([], set())
    assert [(one.matched_by, one.contact_id, one.email) for one in noted(running)] == [(None, None, None)]


def test_each_recipient_of_one_report_is_taken_for_itself(sqlite_url: str, tmp_path: Path) -> None:
    people = ("ana@example.org", "bea@example.org", "carl@example.org")
    running = live(a_nurture(sqlite_url, tmp_path, mails=MAILS), *people)

    taken = takes(running, bounce("bea@example.org", "nobody@example.net", "ana@example.org"))

    assert [(one.recipient, one.effect) for one in taken.became] == [
        ("bea@example.org", Effect.SUPPRESSED),
        ("nobody@example.net", Effect.NOTHING),
        ("ana@example.org", Effect.SUPPRESSED),
    ]
    assert [closed(running, one) for one in people] == [{"hard-bounce"}, {"hard-bounce"}, set()]


def test_an_address_behind_ours_that_is_gone_does_not_make_ours_dead(running: Running) -> None:
    taken = takes(running, bounce("old-friend@elsewhere.example", returned=id_of(running)))

    assert effects(taken) == [(Kind.SOFT, MatchedBy.MESSAGE_ID, Effect.COUNTED)]
    assert "another address" in noted(running)[0].because
    assert closed(running) == set()


def test_the_same_name_at_a_public_provider_is_another_mailbox(running: Running) -> None:
    taken = takes(running, bounce("ana@gmail.com", returned=id_of(running)))

    assert effects(taken) == [(Kind.SOFT, MatchedBy.MESSAGE_ID, Effect.COUNTED)]
    assert closed(running) == set()
    assert same_mailbox("ana@googlemail.com", "ana@gmail.com")
    assert not same_mailbox("ana@yahoo.co.uk", "ana@gmail.com")
    assert not same_mailbox("ana@hotmail.com", "ana@outlook.com")
    assert not same_mailbox("ana@yahoo.com", "ana@yahoo.fr")
    assert same_mailbox("ana+news@outlook.com", "ana@outlook.com")


def test_an_address_that_a_server_rewrote_is_still_the_one_we_wrote_to(running: Running) -> None:
    rewritten = bounce("ana@tenant.onmail.example", returned=id_of(running))
    told_both = bounce("uid-7@inside.example", returned=id_of(running), original="ana@example.org")

    first, second = takes(running, rewritten), takes(running, told_both)

    assert effects(first) == [(Kind.HARD, MatchedBy.MESSAGE_ID, Effect.SUPPRESSED)]
    assert second.became[0].kind is Kind.HARD
    assert len(told(running)) == 1


# --- what follows -------------------------------------------------------------------------------------------------


def test_a_hard_bounce_cancels_every_step_that_is_queued_and_loses_the_contact(either: Running) -> None:
    either.advance(days=3, step_hours=24)
    assert [(one.template, one.state) for one in either.deliveries()][-1][0] == "reminder"
    either.clock.advance(hours=1)
    either.nurture.advance.batch()  # the next mail is planned and has not left
    assert either.states()[-1] == ("talk", "pending", None)

    takes(either, bounce("ana@example.org", returned=id_of(either)))
    assert either.nurture.deliver.batch() == 0 or either.states()[-1][1] == "skipped"
    either.advance(days=9, step_hours=24)

    assert ends(either) == [("lost", "bounced")]
    assert [state for _, state, _ in either.states()] == ["sent", "sent", "skipped"]
    assert len(either.mails()) == 2


def test_a_complaint_with_a_blackened_address_closes_and_loses_by_the_id_of_the_message(
    running: Running,
) -> None:
    taken = takes(running, complaint(id_of(running)))
    running.advance(days=9, step_hours=24)

    assert effects(taken) == [(Kind.COMPLAINT, MatchedBy.MESSAGE_ID, Effect.SUPPRESSED)]
    assert closed(running) == {"complaint"}
    assert ends(running) == [("lost", "complained")]
    assert len(running.mails()) == 1


@pytest.mark.parametrize("kind", ["not-spam", "auth-failure"])
def test_a_feedback_report_that_is_no_complaint_changes_nothing(running: Running, kind: str) -> None:
    takes(running, complaint(id_of(running), kind=kind))

    assert (told(running), closed(running)) == ([], set())


def test_the_domain_of_the_address_counts_what_came_back(running: Running) -> None:
    takes(running, complaint(id_of(running)))
    takes(running, bounce("ana@example.org", returned=id_of(running)))

    day = running.clock.operational().date()
    with running.nurture.database.read() as tx:
        sums = domain_days.of_domains(tx, {"example.org"}, day)["example.org"]
    assert (sums.bounced, sums.complained) == (1, 1)


@pytest.mark.parametrize("answer", [out_of_office, challenge], ids=["out of office", "challenge"])
def test_an_automatic_answer_is_noted_and_starts_nothing(running: Running, answer: object) -> None:
    assert callable(answer)
    before = len(running.mails())

    taken = takes(running, answer(id_of(running)))
    running.run()

    assert [(one.matched_by, one.effect) for one in taken.became] == [(MatchedBy.MESSAGE_ID, Effect.NOTHING)]
    assert told(running) == []
    assert len(running.mails()) == before
    assert noted(running)[0].email == "ana@example.org"


def test_an_automatic_answer_to_the_return_path_is_known_too(running: Running) -> None:
    taken = takes(running, out_of_office("", to=return_path_of(running)))

    assert effects(taken) == [(Kind.AUTOREPLY, MatchedBy.RETURN_PATH, Effect.NOTHING)]


def test_a_persons_answer_ends_the_wait_and_none_of_its_words_are_kept(running: Running) -> None:
    takes(running, reply(id_of(running), words="My secret is Xylophon.", Subject_Note="x"))
    running.advance(hours=2)

    assert told(running) == [("email.replied", {})]
    assert [template for template, _, _ in running.states()] == ["hello", "talk"]
    event = mail_events(running)[0]
    assert (event.human, event.step, event.enrollment_id) == (True, "hello", running.enrollments()[0].id)
    assert "Xylophon" not in str(noted(running))


def test_an_answer_from_another_address_of_the_same_person_counts_and_each_one_does(running: Running) -> None:
    first = reply(id_of(running), sender="Ana at home <ana@home.example>")
    second = reply("", words="One more thing.", References=f"<other@home.example> {id_of(running)}")

    takes(running, first), takes(running, second)

    assert [name for name, _ in told(running)] == ["email.replied", "email.replied"]


def test_a_message_put_off_is_noted_and_is_no_bounce(running: Running) -> None:
    taken = takes(running, full_mailbox("ana@example.org", returned=id_of(running), action="delayed"))

    assert effects(taken) == [(Kind.SOFT, MatchedBy.MESSAGE_ID, Effect.NOTHING)]
    assert told(running) == []


# --- once ---------------------------------------------------------------------------------------------------------


def test_the_same_report_by_two_ways_counts_once(either: Running) -> None:
    raw = bounce("ana@example.org", returned=id_of(either))

    first, again = takes(either, raw, "mailbox"), takes(either, another_way(raw), "pipe")

    assert (first.duplicate, again.duplicate) == (False, True)
    assert len(noted(either)) == len(told(either)) == 1


def test_twenty_at_once_have_one_effect(either: Running) -> None:
    raw = bounce("ana@example.org", returned=id_of(either))
    runtime = either.nurture.runtime

    with ThreadPoolExecutor(20) as pool:
        taken = list(pool.map(lambda _: take(runtime, raw, "pipe"), range(20)))

    assert sum(not one.duplicate for one in taken) == 1
    assert len(noted(either)) == len(told(either)) == 1


def test_two_reports_about_one_message_bounce_it_once(running: Running) -> None:
    takes(running, bounce("ana@example.org", returned=id_of(running)))
    takes(running, bounce("ana@example.org", to=return_path_of(running)))

    assert len(noted(running)) == 2
    assert len(told(running)) == 1


# --- soft ---------------------------------------------------------------------------------------------------------

DAILY = """\
workflow: daily
title: A mail a day
purpose: nurture
stages:
  - stage: days
    need: Hear from them
    trigger: b.happened
    validate: meeting.booked
    steps:
      - email: hello
        after: 1 day
      - jump: days
    loss:
      - after: 90 days
        reason: timed-out
"""


def in_the_day(running: Running, *, bounces: int = 1) -> None:
    """A day passes, its mail goes, and is put back with a full mailbox."""
    running.advance(days=1, step_hours=24)
    message_id = running.deliveries()[-1].message_id
    for _ in range(bounces):
        takes(running, full_mailbox("ana@example.org", returned=str(message_id)))


@pytest.fixture
def daily(sqlite_url: str, tmp_path: Path) -> Iterator[Running]:
    running = a_nurture(sqlite_url, tmp_path, mails=MAILS)
    running.write("workflows/daily.yaml", DAILY)
    running.publish()
    running.add()
    running.track("b.happened")
    yield running
    running.nurture.database.dispose()


def test_five_days_with_a_full_mailbox_rest_the_address_and_never_call_it_dead(daily: Running) -> None:
    for _ in range(4):
        in_the_day(daily, bounces=3)
    assert closed(daily) == set()

    in_the_day(daily)

    assert closed(daily) == {"soft-bounces"}
    assert noted(daily)[-1].effect is Effect.RESTS
    assert {data["kind"] for _, data in told(daily)} == {"soft"}
    assert ends(daily) == [("active", None)]
    daily.advance(days=2, step_hours=24)
    assert daily.states()[-1][1:] == ("skipped", "suppressed")


@pytest.mark.slow
def test_a_rested_address_is_written_to_again_after_its_rest(daily: Running) -> None:
    for _ in range(5):
        in_the_day(daily)

    daily.advance(days=31, step_hours=24)

    assert closed(daily) == set()
    assert daily.states()[-1][1] == "sent"


@pytest.mark.slow
def test_an_answer_shows_that_mail_arrives_and_the_count_begins_anew(daily: Running) -> None:
    for _ in range(4):
        in_the_day(daily)
    daily.advance(days=1, step_hours=24)
    takes(daily, reply(str(daily.deliveries()[-1].message_id)))

    for _ in range(4):
        in_the_day(daily)

    assert closed(daily) == set()


# --- who is gone, and our own mails -------------------------------------------------------------------------------


def test_a_bounce_of_an_old_address_leaves_the_new_one_alone(running: Running) -> None:
    message_id = id_of(running)
    contact = running.deliveries()[0].contact_id
    with running.nurture.database.write() as tx:
        tx.execute(
            contacts.CONTACTS.update()
            .where(contacts.CONTACTS.c.id == contact)
            .values(email="ana@new.example", email_key="ana@new.example", email_hash="another")
        )

    taken = takes(running, bounce("ana@example.org", returned=message_id))

    assert effects(taken) == [(Kind.HARD, MatchedBy.MESSAGE_ID, Effect.SUPPRESSED)]
    assert closed(running) == {"hard-bounce"}
    assert ends(running, "ana@new.example") == [("active", None)]


def test_a_question_to_confirm_that_bounces_or_is_complained_about_closes_its_address(
    running: Running,
) -> None:
    for number, email in enumerate(("typo@example.net", "bombed@example.net")):
        notice = notices.NewNotice(
            key=f"confirm:{number}",
            kind=notices.NoticeKind.CONFIRM,
            sender="hello@example.org",
            recipient=email,
            subject="Please confirm",
            data=b"Subject: Please confirm\r\n\r\nHello.\r\n",
            message_id=f"<confirm-{number}@example.org>",
            planned_at=running.clock.now(),
        )
        with running.nurture.database.write() as tx:
            notices.plan(tx, [notice])
    running.run()

    hard = takes(running, bounce("typo@example.net", returned="<confirm-0@example.org>"))
    spam = takes(running, complaint("<confirm-1@example.org>"))

    assert [one.effect for one in (*hard.became, *spam.became)] == [Effect.SUPPRESSED] * 2
    assert (closed(running, "typo@example.net"), closed(running, "bombed@example.net")) == (
        {"hard-bounce"},
        {"complaint"},
    )
    assert [one.notice for one in noted(running)] == ["confirm", "confirm"]
