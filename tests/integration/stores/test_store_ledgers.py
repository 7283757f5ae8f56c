"""Consents, suppressions, pauses, calls, turns, published files and small facts: each told back as it was put in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from nurture.db import (
    addresses,
    audit,
    consents,
    contact_import,
    content,
    enrollments,
    pauses,
    receipts,
    state,
    suppressions,
    tasks,
    turns,
)
from nurture.db.audit import Deed
from nurture.db.consents import ConsentAction
from nurture.db.contact_import import NewContact
from nurture.db.content import Version
from nurture.db.session import Database
from nurture.db.suppressions import Suppression
from nurture.db.turns import Refusal, Transition
from nurture.model.decisions import Change, Send, Skip, Wait
from nurture.model.errors import NurtureError, Place
from nurture.model.words import (
    Channel,
    Grant,
    Pause,
    Phase,
    Reason,
    Receipt,
    ReceiptState,
    SuppressionReason,
    TaskState,
)
from tests.support.stores import (
    DAY,
    MINUTE,
    NOW,
    OPERATIONAL,
    a_call,
    a_consent,
    a_workflow,
    acting,
    called,
    enrolled,
    people,
    wake_times,
)


@pytest.fixture
def database(any_store: str) -> Iterator[Database]:
    database = Database(any_store)
    with database.write() as tx:
        a_workflow(tx)
    yield database
    database.dispose()


# --- consents ---------------------------------------------------------------------------------------------------


def test_the_latest_word_of_a_contact_counts(database: Database) -> None:
    with database.write() as tx:
        ana, bea, carl, dora = people(tx, "ana", "bea", "carl", "dora")
        no = ConsentAction.WITHDRAWN
        _, _, _, again, news, implied, _ = consents.add(
            tx,
            [
                a_consent(bea),
                a_consent(bea, action=no),
                a_consent(ana),
                a_consent(ana, at=NOW + MINUTE),
                a_consent(ana, purpose="news"),
                a_consent(carl, expires_at=NOW + DAY),
                a_consent(dora, expires_at=NOW),
            ],
        )

        live = consents.grants(tx, [ana, bea, carl, dora], NOW)

    assert live == {
        ana: (
            Grant(again, Channel.EMAIL, "nurture", NOW + MINUTE),
            Grant(news, Channel.EMAIL, "news", NOW),
        ),
        carl: (Grant(implied, Channel.EMAIL, "nurture", NOW, NOW + DAY),),
    }


def test_the_ledger_keeps_every_word_and_its_proof(database: Database) -> None:
    with database.write() as tx:
        (ana,) = people(tx, "ana")
        words = [
            a_consent(ana, wording="Yes, send me tips.", wording_version="2026-11", proof={"form": "guide"}),
            a_consent(ana, action=ConsentAction.WITHDRAWN, at=NOW + DAY, source="link"),
        ]
        consents.add(tx, words)

        assert consents.history(tx, ana) == words


# --- suppressions -----------------------------------------------------------------------------------------------


def test_a_suppressed_address_is_known_by_its_hash_and_survives_the_contact(database: Database) -> None:
    with database.write() as tx:
        key = state.hash_key(tx)
        made = contact_import.upsert(tx, [NewContact(email="ana@example.org", phone="+49 (30) 12-34")], NOW)
        (ana,) = made.created
        (bea,) = people(tx, "bea")
        email = addresses.email_hash(key, "ana@example.org")
        phone = addresses.phone_hash(key, "+49301234")
        assert phone is not None
        entry = Suppression(
            address_hash=email,
            channel=Channel.EMAIL,
            reason=SuppressionReason.HARD_BOUNCE,
            at=NOW,
            source="dsn",
        )
        call = replace(entry, address_hash=phone, channel=Channel.PHONE, reason=SuppressionReason.DO_NOT_CALL)

        new = suppressions.add(tx, [entry, replace(entry, at=NOW + DAY), call])
        again = suppressions.add(tx, [entry])
        listed = suppressions.of(tx, [ana, bea])
        hashes = suppressions.hashes_of(tx, [ana])
        whole = suppressions.everything(tx)
        revived = suppressions.end(
            tx, email, Channel.EMAIL, [SuppressionReason.HARD_BOUNCE], at=NOW + DAY, source="a test"
        )
        left = suppressions.of(tx, [ana])

    assert (new, again, revived) == (2, 0, {SuppressionReason.HARD_BOUNCE})
    assert listed == {
        ana: {
            Channel.EMAIL: {SuppressionReason.HARD_BOUNCE},
            Channel.PHONE: {SuppressionReason.DO_NOT_CALL},
        }
    }
    assert hashes == {ana: (email, phone)}
    assert whole == [entry, call]
    assert left == {ana: {Channel.PHONE: {SuppressionReason.DO_NOT_CALL}}}
    assert "ana" not in email


# --- pauses -----------------------------------------------------------------------------------------------------


def test_a_pause_stands_once_and_its_end_wakes_who_was_parked(database: Database) -> None:
    with database.write() as tx:
        a_workflow(tx, "win-back")
        ana, bea = people(tx, "ana", "bea")
        mine, hers = enrolled(tx, [ana, bea], wake_at=None)
        (other,) = enrolled(tx, [ana], wake_at=None, workflow="win-back", version="win-back")

        begun = [pauses.begin(tx, NOW, workflow="welcome", reason="typo", actor="kim") for _ in range(2)]
        standing = pauses.open_pauses(tx)
        ended = [pauses.end(tx, NOW + DAY, workflow="welcome") for _ in range(2)]

        assert wake_times(tx) == {mine: NOW + DAY, hers: NOW + DAY, other: None}
    assert (begun, ended) == ([True, False], [True, False])
    assert [(one.workflow, one.reason, one.actor) for one in standing] == [("welcome", "typo", "kim")]


def test_a_resume_takes_an_enrollment_from_a_worker_that_still_thinks_it_paused(database: Database) -> None:
    with database.write() as tx:
        (ana,) = people(tx, "ana")
        enrolled(tx, [ana])
        pauses.begin(tx, NOW, contact_id=ana)
        (claimed,) = enrollments.claim_due(tx, NOW, OPERATIONAL)
        pauses.end(tx, NOW, contact_id=ana)

        (again,) = enrollments.claim_due(tx, NOW, OPERATIONAL)

    assert again.fence > claimed.fence


def test_spans_that_overlap_stand_still_once(database: Database) -> None:
    with database.write() as tx:
        ana, bea = people(tx, "ana", "bea")
        pauses.begin(tx, NOW, workflow="welcome")
        pauses.begin(tx, NOW + DAY, contact_id=ana)
        pauses.end(tx, NOW + 2 * DAY, workflow="welcome")
        pauses.end(tx, NOW + 3 * DAY, contact_id=ana)
        pauses.begin(tx, NOW + 5 * DAY)

        spans = pauses.pauses_for(tx, [(ana, "welcome"), (bea, "welcome"), (bea, "win-back")])

    lasting = Pause(NOW + 5 * DAY)
    assert spans == {
        (ana, "welcome"): (Pause(NOW, NOW + 3 * DAY), lasting),
        (bea, "welcome"): (Pause(NOW, NOW + 2 * DAY), lasting),
        (bea, "win-back"): (lasting,),
    }


# --- calls ------------------------------------------------------------------------------------------------------


def test_the_outcome_of_a_call_wakes_its_enrollment_once(database: Database) -> None:
    with database.write() as tx:
        (ana,) = people(tx, "ana")
        (enrollment,) = acting(tx, [ana])
        (call,) = called(tx, [enrollment], [ana])

        moved = tasks.redate(tx, call, NOW + 2 * DAY, NOW + 6 * DAY)
        done = tasks.finish(tx, call, "booked", NOW + DAY)
        again = tasks.finish(tx, call, "voicemail", NOW + 2 * DAY)
        receipt = receipts.receipts(tx, {enrollment: ("first-mail", 1)})

        assert wake_times(tx) == {enrollment: NOW + DAY}
    assert moved is not None
    assert (moved.due, moved.expires) == (NOW + 2 * DAY, NOW + 6 * DAY)
    assert done is not None
    assert (done.state, done.outcome, again) == (TaskState.DONE, "booked", None)
    assert receipt == {enrollment: Receipt("first-mail", 1, ReceiptState.DONE, NOW + DAY, reason="booked")}


def test_a_call_nobody_made_expires_in_its_time_and_its_enrollment_goes_on(database: Database) -> None:
    with database.write() as tx:
        ana, bea = people(tx, "ana", "bea")
        mine, hers = acting(tx, [ana, bea])
        (call,) = called(tx, [mine], [ana], expires=NOW + DAY)
        called(tx, [hers], [bea], expires=NOW + 2 * DAY)

        early = tasks.expire(tx, NOW + DAY - MINUTE)
        expired = tasks.expire(tx, NOW + DAY)

        assert wake_times(tx) == {mine: NOW + DAY, hers: None}
    assert early == []
    assert [(one.id, one.state) for one in expired] == [(call, TaskState.EXPIRED)]


def test_a_step_has_one_call_and_leaving_cancels_it(database: Database) -> None:
    with database.write() as tx:
        (ana,) = people(tx, "ana")
        (enrollment,) = acting(tx, [ana])
        (call,) = called(tx, [enrollment], [ana])

        again = tasks.open_tasks(tx, [a_call(enrollment, ana)])
        cleared = tasks.clear(tx, [enrollment], Reason.STAGE_LEFT, NOW)
        (cancelled,) = tasks.of_contact(tx, ana)

        assert tasks.open_of_each(tx, [ana]) == {}
    assert (again, cleared) == ([None], 1)
    assert (cancelled.id, cancelled.state, cancelled.reason) == (call, TaskState.CANCELLED, Reason.STAGE_LEFT)


def test_the_queue_is_in_order_of_due_and_the_load_is_counted_by_day(database: Database) -> None:
    with database.write() as tx:
        ana, bea, carl = people(tx, "ana", "bea", "carl")
        later, first, other = (
            called(tx, [enrollment], [contact], due=due, assignee=who)[0]
            for enrollment, contact, due, who in zip(
                acting(tx, [ana, bea, carl]),
                [ana, bea, carl],
                [NOW + 2 * MINUTE, NOW + MINUTE, NOW + DAY],
                ["kim@example.com", "kim@example.com", "lee@example.com"],
                strict=True,
            )
        )

        assert [one.id for one in tasks.queue(tx)] == [first, later, other]
        days = {NOW.date(): (NOW, NOW + DAY), (NOW + DAY).date(): (NOW + DAY, NOW + 2 * DAY)}
        people_of_teams = ["kim@example.com", "lee@example.com"]
        assert tasks.load_per_day(tx, days, people_of_teams) == {
            ("kim@example.com", NOW.date()): 2,
            ("lee@example.com", (NOW + DAY).date()): 1,
        }
        given = tasks.assign(tx, first, "lee@example.com")
        assert given is not None
        assert tasks.load_per_day(tx, days, ["lee@example.com"]) == {
            ("lee@example.com", NOW.date()): 1,
            ("lee@example.com", (NOW + DAY).date()): 1,
        }


# --- turns ------------------------------------------------------------------------------------------------------


def test_a_turn_is_told_back_word_for_word(database: Database) -> None:
    place = Place("workflows/welcome.yaml", 12, 9)
    decided = (
        Send(
            at=NOW,
            stage="lead-offer",
            reason=Reason.DUE,
            step="first-mail",
            because=("2 days after Mon 2 Mar",),
            place=place,
            template="guide",
            purpose="nurture",
            due=NOW,
            grant=4,
        ),
        Wait(at=NOW, stage="lead-offer", reason=Reason.STEP, until=None, for_events=("email.clicked",)),
        Skip(at=NOW, stage="lead-offer", reason=Reason.LATE, what="guide", channel=Channel.EMAIL, due=NOW),
    )
    with database.write() as tx:
        first, second = enrolled(tx, people(tx, "ana", "bea"))
        turns.write(tx, [(first, NOW, decided), (second, NOW, ()), (first, NOW + DAY, decided[:1])])

        told = turns.of_enrollments(tx, [first])

    assert [(one.at, one.decisions) for one in told] == [(NOW, decided), (NOW + DAY, decided[:1])]


def test_refusals_and_changes_of_stage_are_told_back(database: Database) -> None:
    with database.write() as tx:
        (ana,) = people(tx, "ana")
        (enrollment,) = enrolled(tx, [ana])
        refusal = Refusal(
            contact_id=ana, workflow="welcome", at=NOW, reason=Reason.ALREADY_ENROLLED, event_id=3
        )
        moves = [
            Transition(
                enrollment_id=enrollment,
                contact_id=ana,
                workflow="welcome",
                stage="lead-offer",
                visit=1,
                change=change,
                at=NOW,
                reason="event",
                event_id=3,
            )
            for change in (Change.ENTERED, Change.VALIDATED)
        ]
        turns.refuse(tx, [refusal])
        turns.move(tx, moves)

        assert turns.refusals_of(tx, ana) == [refusal]
        assert turns.transitions_of(tx, ana) == moves


# --- published --------------------------------------------------------------------------------------------------


def test_publishing_replaces_the_files_and_keeps_every_content(database: Database) -> None:
    with database.write() as tx:
        before = content.fingerprint(tx)
        first = content.publish_contents(tx, {"a.md": b"one", "b.md": b"same"}, NOW)
        published = content.fingerprint(tx)
        second = content.publish_contents(tx, {"a.md": b"two", "c.md": b"same"}, NOW + DAY)

        assert content.published_files(tx) == {"a.md": b"two", "c.md": b"same"}
        assert content.publications(tx) == second
        assert content.contents(tx, [first["a.md"], "unknown"]) == {first["a.md"]: b"one"}
        assert len({before, published, content.fingerprint(tx)}) == 3


def test_a_version_takes_the_newer_text_of_its_structure_and_heads_follow(database: Database) -> None:
    with database.write() as tx:
        hashes = content.publish_contents(tx, {"w.yaml": b"one", "v.yaml": b"two"}, NOW)
        old = Version("v1", "w", hashes["w.yaml"], "w.yaml", NOW)
        new = Version("v1", "w", hashes["v.yaml"], "v.yaml", NOW + DAY)
        content.publish_versions(tx, [old])
        content.publish_versions(tx, [new])
        content.set_heads(tx, {"w": "v1"}, NOW)

        assert content.versions(tx, ["v1"]) == {"v1": replace(new, published_at=NOW)}
        assert content.workflow_heads(tx) == {"w": "v1"}


# --- small facts --------------------------------------------------------------------------------------------------


def test_one_scheduler_leads_until_it_falls_silent(database: Database) -> None:
    span = timedelta(seconds=15)
    with database.write() as tx:
        taken = [state.lead(tx, "ticks", who, OPERATIONAL, span) for who in ("a", "b", "a")]
        after_silence = state.lead(tx, "ticks", "b", OPERATIONAL + 16 * timedelta(seconds=1), span)
        back_again = state.lead(tx, "ticks", "a", OPERATIONAL + 17 * timedelta(seconds=1), span)

    assert taken == [True, False, True]
    assert (after_silence, back_again) == (True, False)


def test_the_business_clock_only_goes_forward(database: Database) -> None:
    with database.write() as tx:
        start = state.clock_offset(tx)
        state.advance_clock(tx, 2 * DAY, OPERATIONAL)
        state.advance_clock(tx, MINUTE, OPERATIONAL)

        assert start == timedelta(0)
        assert state.clock_offset(tx) == 2 * DAY + MINUTE
        with pytest.raises(NurtureError, match="never goes back"):
            state.advance_clock(tx, -MINUTE, OPERATIONAL)


def test_a_channel_rests_longer_each_time_until_it_works(database: Database) -> None:
    with database.write() as tx:
        state.pause_channel(tx, "email", OPERATIONAL + MINUTE, "535 go away", OPERATIONAL)
        second = state.pause_channel(tx, "email", OPERATIONAL + DAY, "535 still", OPERATIONAL)
        told = state.channel_pause(tx, "email")
        state.resume_channel(tx, "email")

        assert told == second
        assert second.times == 2
        assert state.channel_pause(tx, "email") is None


def test_signs_of_life_and_deeds_are_told_back(database: Database) -> None:
    deed = Deed(NOW, "kim@example.com", "pause", "workflow:welcome", {"reason": "typo"})
    with database.write() as tx:
        state.beat(tx, "worker-1", OPERATIONAL, {"pid": 7})
        state.beat(tx, "worker-1", OPERATIONAL + MINUTE, {"pid": 7})
        audit.note(tx, deed)

        assert [(one.name, one.at, one.value) for one in state.heartbeats(tx)] == [
            ("worker-1", OPERATIONAL + MINUTE, {"pid": 7})
        ]
        assert audit.latest(tx) == [deed]


def test_a_process_that_is_long_gone_is_forgotten_and_nothing_else_is(database: Database) -> None:
    with database.write() as tx:
        state.beat(tx, "worker:here:1", OPERATIONAL)
        state.beat(tx, "worker:here:2", OPERATIONAL + DAY)
        state.pause_channel(tx, "email", OPERATIONAL, "535 log in", OPERATIONAL)

        state.forget_heartbeats(tx, OPERATIONAL + MINUTE)

        assert [one.name for one in state.heartbeats(tx)] == ["worker:here:2"]
        assert state.channel_pause(tx, "email") is not None


def test_an_enrollment_that_does_not_wait_for_its_call_is_left_alone(database: Database) -> None:
    with database.write() as tx:
        (ana,) = people(tx, "ana")
        (enrollment,) = enrolled(tx, [ana], wake_at=NOW + DAY, phase=Phase.WAITING, step="next")
        (call,) = called(tx, [enrollment], [ana], held=False)

        tasks.finish(tx, call, "reached", NOW)

        assert wake_times(tx) == {enrollment: NOW + DAY}
