"""What people tell and do by hand: once, with a name and a reason, and before any worker's own idea."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path

import pytest
from sqlalchemy import update

from nurture.db import audit, deliveries, enrollments, events, suppressions, tasks
from nurture.db.suppressions import Suppression
from nurture.engine.decide import decide
from nurture.model.accounts import Account, Role
from nurture.model.errors import NotFoundError, NurtureError
from nurture.model.words import Channel, DeliveryState, Event, SuppressionReason
from nurture.rendering.links import Kind
from nurture.services.advancing.record import record_turns
from nurture.services.consent import leaving
from nurture.services.contacts import hands, shown, steering
from nurture.services.contacts.hands import Told
from nurture.services.facts import load_facts
from nurture.services.forms import downloads
from tests.support.guided import a_guided_nurture
from tests.support.running import Running

KIM = "kim@example.org"
ME = Account(1, KIM, "Kim", Role.MARKETER)


@pytest.fixture
def running(any_database: str, tmp_path: Path) -> Iterator[Running]:
    running = a_guided_nurture(any_database, tmp_path)
    running.add()
    running.track("offer.requested", offer="guide")
    running.run()
    yield running
    running.nurture.close()


def happened(running: Running, contact: int = 1) -> list[Event]:
    with running.nurture.database.read() as tx:
        return list(reversed(events.of_contact(tx, contact)))


def names(running: Running) -> list[str]:
    return [event.name for event in happened(running)]


def deeds(running: Running) -> list[tuple[str, str]]:
    with running.nurture.database.read() as tx:
        return [(one.actor, one.action) for one in audit.latest(tx)]


def to_kim(running: Running) -> EmailMessage:
    """The one mail that went to Kim."""
    (mail,) = [one for one in running.mails() if one["To"] == KIM]
    return mail


# --- telling ------------------------------------------------------------------------------------------------------


def test_a_sale_is_stored_with_its_amount_and_who_told_it_and_moves_the_contact(running: Running) -> None:
    said = hands.happened(
        running.nurture.runtime, 1, Told("sale.closed", "a" * 16, amount=1200, kind="upgrade"), KIM
    )
    running.run()

    sale = happened(running)[-1]
    assert sale.data == {"amount": 1200.0, "currency": "USD", "kind": "upgrade", "by": KIM}
    assert said == "Sale closed, 1,200 USD, is noted for Ana."
    assert running.moves()[-3:] == ["skipped lead-offer", "validated first-sale", "entered onboarding"]
    assert (KIM, "tell") in deeds(running)


def test_a_form_that_is_sent_twice_is_one_sale(running: Running) -> None:
    told = Told("sale.closed", "b" * 16, amount=10)
    hands.happened(running.nurture.runtime, 1, told, KIM)

    again = hands.happened(running.nurture.runtime, 1, told, KIM)

    assert "already" in again
    assert names(running).count("sale.closed") == 1
    assert deeds(running).count((KIM, "tell")) == 1


@pytest.mark.parametrize(
    "told",
    [
        Told("sale.closed", "c" * 16),
        Told("sale.closed", "c" * 16, amount=-1),
        Told("sale.closed", "c" * 16, amount=float("nan")),
        Told("sale.closed", "c" * 16, amount=1e15),
        Told("no.such", "c" * 16),
        Told("stage.validated", "c" * 16),
        Told("note.added", "c" * 16),
        Told("email.sent", "c" * 16),
    ],
)
def test_what_cannot_have_happened_is_refused_and_stores_nothing(running: Running, told: Told) -> None:
    before = names(running)

    with pytest.raises(NurtureError):
        hands.happened(running.nurture.runtime, 1, told, KIM)

    assert names(running) == before


def test_only_what_the_workspace_declares_can_be_told(running: Running) -> None:
    with running.nurture.database.read() as tx:
        workspace = running.nurture.runtime.shelf.published(tx).workspace

    offered = {one.event: one.money for one in hands.tellings(workspace)}

    assert offered["meeting.booked"] is False
    assert offered["sale.closed"] is True
    assert "onboarding.completed" not in offered


def test_a_note_is_kept_and_neither_wakes_nor_proves_nor_holds_anything(running: Running) -> None:
    before = running.enrollments()

    hands.note(running.nurture.runtime, 1, "Prefers mornings <b>", "d" * 16, KIM)
    hands.note(running.nurture.runtime, 1, "Prefers mornings <b>", "d" * 16, KIM)

    kept = happened(running)[-1]
    assert (kept.name, kept.human, kept.data) == (
        "note.added",
        False,
        {"text": "Prefers mornings <b>", "by": KIM},
    )
    assert names(running).count("note.added") == 1
    assert running.enrollments() == before
    assert running.nurture.due().turns == 0
    with pytest.raises(NurtureError, match="empty"):
        hands.note(running.nurture.runtime, 1, "  ", "e" * 16, KIM)


def test_nobody_unknown_is_told_anything_about(running: Running) -> None:
    with pytest.raises(NotFoundError):
        hands.note(running.nurture.runtime, 99, "who?", "f" * 16, KIM)


# --- permission ---------------------------------------------------------------------------------------------------


def test_they_asked_us_to_stop_ends_what_rests_on_the_permission(running: Running) -> None:
    hands.withdraw(running.nurture.runtime, 1, "nurture", "told me on the phone", "g" * 16, KIM)
    running.run()

    one = running.enrollments()[0]
    assert (one.status, one.end_reason) == ("lost", "unsubscribed")


def test_a_yes_by_hand_needs_words_and_a_place_and_opens_no_dead_mailbox(running: Running) -> None:
    running.track("email.bounced", kind="hard")
    with pytest.raises(NurtureError, match="what they agreed to"):
        hands.grant(running.nurture.runtime, 1, "nurture", " ", "the fair", "h" * 16, KIM)

    said = hands.grant(running.nurture.runtime, 1, "nurture", "Yes, write to me", "the fair", "i" * 16, KIM)

    assert said.endswith("But the address stays closed: hard-bounce.")
    with running.nurture.database.read() as tx:
        assert [one.reason for one in suppressions.entries_of(tx, 1)] == ["hard-bounce"]


def test_do_not_call_closes_the_number_and_calls_off_the_open_call(running: Running) -> None:
    running.track("offer.downloaded", offer="guide")
    running.advance(days=2, step_hours=6)
    assert [state for _, state, _ in running.calls()] == ["open"]

    hands.do_not_call(running.nurture.runtime, 1, "they said so", "j" * 16, KIM)
    running.run()

    assert [state for _, state, _ in running.calls()] == ["done"]
    with running.nurture.database.read() as tx:
        assert suppressions.of(tx, [1]) == {1: {Channel.PHONE: frozenset({"do-not-call"})}}


# --- the wheel ----------------------------------------------------------------------------------------------------


def test_a_contact_is_moved_with_a_reason_and_gets_what_the_stage_sends(running: Running) -> None:
    said = steering.move(running.nurture.runtime, 1, "onboarding", "signed on paper", KIM)
    running.advance(hours=2)

    assert said == "Ana is in stage 'onboarding' now, by your hand: signed on paper."
    assert running.moves()[-3:] == ["skipped lead-offer", "skipped first-sale", "entered onboarding"]
    assert running.states()[-1][0] == "welcome"
    assert (KIM, "move") in deeds(running)


def test_a_contact_can_be_moved_back_and_begins_the_stage_again(running: Running) -> None:
    steering.move(running.nurture.runtime, 1, "first-sale", "talked", KIM)
    steering.move(running.nurture.runtime, 1, "lead-offer", "not ready", KIM)
    running.advance(days=3, step_hours=12)

    one = running.enrollments()[0]
    assert (one.stage, one.visit) == ("lead-offer", 2)
    assert [template for template, _, _ in running.states()].count("delivery") == 2


def test_no_move_without_a_reason_into_nowhere_or_after_the_end(running: Running) -> None:
    runtime = running.nurture.runtime
    with pytest.raises(NurtureError, match="a reason is missing"):
        steering.move(runtime, 1, "onboarding", "  ", KIM)
    with pytest.raises(NotFoundError, match="no stage 'onbording'"):
        steering.move(runtime, 1, "onbording", "why", KIM)
    steering.end(runtime, 1, "moved abroad", KIM)
    with pytest.raises(NotFoundError, match="is over"):
        steering.move(runtime, 1, "onboarding", "why", KIM)


def test_what_a_worker_decided_at_the_same_moment_is_dropped_after_a_move(running: Running) -> None:
    database, runtime, now = running.nurture.database, running.nurture.runtime, running.clock.now()
    later = now + timedelta(days=2)
    running.clock.advance(days=2)
    with database.write() as tx:
        claimed = enrollments.claim_due(tx, later, later)
        published = runtime.shelf.published(tx)
        versions = runtime.shelf.versions(tx, [claimed[0].enrollment.version])
        facts = load_facts(tx, [claimed[0].enrollment], published.workspace, later)
    workers = decide(next(iter(versions.values())), claimed[0].enrollment, facts[1], later)

    steering.move(runtime, 1, "onboarding", "signed", KIM)
    with database.write() as tx:
        written, _ = record_turns(tx, runtime.shelf, [(claimed[0], workers)], later)

    assert workers.decisions
    assert written == 0
    assert running.enrollments()[0].stage == "onboarding"
    running.run()
    assert "reminder" not in [template for template, _, _ in running.states()]


def test_a_waiting_mail_is_skipped_with_its_reason_and_never_goes(running: Running) -> None:
    steering.skip(running.nurture.runtime, 1, "reminder", "they have it", KIM)
    running.advance(days=4, step_hours=12)

    assert [state for state in running.states() if state[0] == "reminder"] == [
        ("reminder", "skipped", "by-hand")
    ]


def test_a_mail_in_the_outbox_is_taken_out_of_it(running: Running) -> None:
    running.clock.advance(days=2)
    running.nurture.advance.batch()
    assert ("reminder", "pending", None) in running.states()

    steering.skip(running.nurture.runtime, 1, "reminder", "they have it", KIM)
    running.run()

    assert ("reminder", "skipped", "by-hand") in running.states()
    assert len(running.mails()) == 1


def test_a_mail_that_is_leaving_cannot_be_skipped_any_more(running: Running) -> None:
    running.clock.advance(days=2)
    running.nurture.advance.batch()
    with running.nurture.database.write() as tx:
        tx.execute(
            update(deliveries.D).where(deliveries.D.c.step == "reminder").values(state=DeliveryState.SENDING)
        )

    with pytest.raises(NurtureError, match="is leaving"):
        steering.skip(running.nurture.runtime, 1, "reminder", "too late", KIM)

    assert running.enrollments()[0].step == "reminder"


def test_an_open_call_is_called_off_when_its_step_is_skipped(running: Running) -> None:
    running.track("offer.downloaded", offer="guide")
    running.advance(days=2, step_hours=6)

    steering.skip(running.nurture.runtime, 1, "ring", "met at the fair", KIM)

    with running.nurture.database.read() as tx:
        (call,) = tasks.of_contact(tx, 1)
    assert (call.state, call.reason) == ("cancelled", "by-hand")
    assert running.enrollments()[0].step == "last-word"


def test_what_the_person_saw_must_still_be_there_to_be_skipped(running: Running) -> None:
    with pytest.raises(NurtureError, match="not at 'story' any more"):
        steering.skip(running.nurture.runtime, 1, "story", "why", KIM)


def test_ending_calls_off_what_waits_and_letting_in_again_obeys_the_rules(running: Running) -> None:
    said = steering.end(running.nurture.runtime, 1, "moved abroad", KIM)

    assert said == "Ana has left 'From the guide to a sale': moved abroad."
    assert running.enrollments()[0].end_reason == "moved abroad"
    with pytest.raises(NurtureError, match="lets nobody in twice"):
        steering.enroll(running.nurture.runtime, 1, "guided", "again", KIM)


def test_a_pause_by_hand_holds_the_contact_until_it_is_let_go(running: Running) -> None:
    steering.hold(running.nurture.runtime, 1, "on holiday", KIM)
    running.advance(days=3, step_hours=24)
    assert "reminder" not in [template for template, _, _ in running.states()]

    steering.let_go(running.nurture.runtime, 1, "", KIM)
    running.advance(days=3, step_hours=24)

    assert "reminder" in [template for template, _, _ in running.states()]


# --- send me this mail --------------------------------------------------------------------------------------------


def test_a_test_mail_goes_to_the_colleague_once_and_not_to_the_contact(running: Running) -> None:
    said = shown.send_me(running.nurture.runtime, 1, ME, "k" * 16, template="story")
    shown.send_me(running.nurture.runtime, 1, ME, "k" * 16, template="story")
    running.run()

    mail = to_kim(running)
    assert mail["Subject"] == "[Test for Ana] story for Ana"
    assert said == "'story for Ana' is on its way to kim@example.org, as a test. Ana gets nothing."
    assert len(running.deliveries()) == 1


def test_the_links_of_a_test_mail_unsubscribe_and_hand_out_nothing(running: Running) -> None:
    runtime = running.nurture.runtime
    delivered = running.deliveries()[0]
    shown.send_me(runtime, 1, ME, "l" * 16, delivery_id=delivered.id)
    running.run()
    text = str(to_kim(running).get_body(("plain",)).get_content())  # type: ignore[union-attr]
    way_out = re.search(r"/u/([^\s)>]+)", text)
    offer = re.search(r"/d/([^\s)>]+)", text)
    assert way_out
    assert offer
    before = names(running)

    key = runtime.links.read(way_out[1], Kind.LEAVE, running.clock.now()).key
    leaving.leave(runtime, key, "one-click")
    link = runtime.links.read(offer[1], Kind.DOWNLOAD, running.clock.now())

    assert key != delivered.key
    assert downloads.take(runtime, link) is None
    assert names(running) == before


def test_a_name_cannot_break_the_header_of_a_test_mail(running: Running) -> None:
    hostile = "Eve\r\nBcc: all@example.org \u202e" + "x" * 200
    running.add("eve@example.org", first_name=hostile)

    shown.send_me(running.nurture.runtime, 2, ME, "m" * 16, template="story")
    running.run()

    mail = to_kim(running)
    assert mail["Bcc"] is None
    assert str(mail["Subject"]).startswith("[Test for Eve")


def test_a_message_is_shown_as_it_went_and_says_when_its_template_has_changed(running: Running) -> None:
    delivered = running.deliveries()[0]
    as_sent = shown.show(running.nurture.runtime, 1, delivered.id)
    running.write(
        "templates/email/delivery.md", "---\nsubject: Other words\n---\nHi. [x]({{ offer.link }})\n"
    )
    running.publish()

    now = shown.show(running.nurture.runtime, 1, delivered.id)

    assert (as_sent.unchanged, as_sent.subject) == (True, "delivery for Ana")
    assert dict(as_sent.headers)["Message-ID"] == delivered.message_id
    assert (now.unchanged, now.subject) == (False, "Other words")
    assert dict(as_sent.headers)["To"].endswith("ana@example.org>")
    with pytest.raises(NotFoundError):
        shown.show(running.nurture.runtime, 2, delivered.id)


def test_a_move_that_is_clicked_twice_moves_once_and_sends_its_mail_once(running: Running) -> None:
    steering.move(running.nurture.runtime, 1, "first-sale", "talked", KIM)
    running.advance(days=1, step_hours=12)

    with pytest.raises(NurtureError, match="in stage 'first-sale' already"):
        steering.move(running.nurture.runtime, 1, "first-sale", "talked", KIM)
    running.advance(days=1, step_hours=12)

    assert [template for template, _, _ in running.states()].count("story") == 1


def test_a_yes_by_hand_tells_that_an_unsubscribed_address_stays_on_the_list(running: Running) -> None:
    with running.nurture.database.write() as tx:
        address, _ = suppressions.hashes_of(tx, [1])[1]
        entry = Suppression(
            address_hash=address,
            channel=Channel.EMAIL,
            reason=SuppressionReason.UNSUBSCRIBED,
            at=running.clock.now(),
            source="a list",
        )
        suppressions.add(tx, [entry])

    said = hands.grant(running.nurture.runtime, 1, "nurture", "Yes, again", "the fair", "form-1", KIM)

    assert "stays closed: unsubscribed" in said
