"""Does somebody get to see everything that is held about them, and is nothing of them left when they are forgotten?"""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from urllib.parse import quote

import pytest
from sqlalchemy import func, select

from nurture.channels.base import Dead
from nurture.db import audit, consents, contact_import, forgetting, outbox, personal, suppressions
from nurture.db.consents import Consent, ConsentAction
from nurture.db.contact_import import NewContact
from nurture.db.outbox import LEASE
from nurture.db.tables import Base
from nurture.model.errors import NotFoundError
from nurture.model.words import Channel, DeliveryState
from nurture.services import inbound
from nurture.services.contacts import by_hand
from nurture.services.contacts.import_contacts import import_contacts
from nurture.services.events.ingest import Happening, track
from nurture.services.privacy import erasing, rights
from nurture.services.running import doctor
from nurture.services.sending.dead import report_dead
from nurture.web import create_app
from nurture.workers.logs import configure_logging
from nurture.workflow.workspace import read_workspace
from tests.support.came_back import bounce, complaint, reply
from tests.support.canary import (
    EMAIL,
    FIRST,
    KEY,
    KIM,
    OFFER,
    a_company,
    found_in_files,
    found_in_tables,
    link,
    live_through,
    post,
    words_in,
)
from tests.support.running import LINKED, Running, a_nurture, track_by_email
from tests.support.waiting import until


def test_every_table_says_whether_it_holds_people() -> None:
    people, nobody = {one.table for one in personal.HOLDINGS}, set(personal.NO_PERSON)

    assert people | nobody == set(Base.metadata.tables.values()), (
        "say in db/personal.py how it is shown and forgotten"
    )
    assert not people & nobody
    assert set(forgetting.WORDS) <= people | nobody


@pytest.fixture
def here(any_database: str, tmp_path: Path) -> Iterator[Running]:
    with a_company(any_database, tmp_path) as running:
        yield running


def folder(running: Running) -> Path:
    return running.project / "var" / "mail"


def erase(running: Running, **more: float) -> erasing.Erased:
    reason = f"{FIRST} asked for it: {EMAIL}"
    return erasing.erase(running.nurture.runtime, EMAIL, folder(running), KIM, reason, **more)


@pytest.mark.parametrize(
    "any_database", ["sqlite", pytest.param("postgres", marks=pytest.mark.slow)], indirect=True
)
def test_a_whole_life_can_be_seen_and_then_nothing_of_it_is_left(
    here: Running, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    configure_logging("debug")
    live_through(here)
    shown = rights.everything(here.nurture.runtime, EMAIL, folder(here), KIM)
    lived = {part.table for part in shown.parts}

    erase(here)
    here.run()

    assert lived == {one.table.name for one in personal.HOLDINGS}
    assert json.dumps(rights.as_document(shown))
    with here.nurture.database.read() as tx:
        assert found_in_tables(tx) == set()
    assert found_in_files(tmp_path) == set()
    assert words_in(capfd.readouterr().err) == set()


def test_no_row_of_anybody_else_names_them_any_more(either: Running) -> None:
    runtime, other = either.nurture.runtime, "other@example.org"
    page = f"https://www.example.org/?to={KEY}&back=%2Fu%3Fto%3D{quote(quote(EMAIL))}"
    either.add(other, first_name=f"'{EMAIL}'", consent=None)
    track_by_email(runtime, other, "a.happened", {"at": page}, id=f"order:{EMAIL}")
    track_by_email(runtime, other, "a.happened", {"at": page}, id=f"order:{KEY}")
    yes = {"source": f"told by {EMAIL}", "wording": f"Yes,\nlike {KEY}", "version": f"/?of={quote(EMAIL)}"}
    track_by_email(runtime, other, "consent.granted", {"purpose": "nurture", **yes})
    by_hand.enroll_addresses(runtime, "short", [other], f"as {EMAIL} wished")
    visitor = create_app(either.nurture.settings, either.nurture).test_client()
    for who in (other, "waiting@example.org"):
        answers = {"email": who, "first_name": "O", "last_name": "P", "consent": "2026-11"}
        headers = {"User-Agent": f"Browser of {EMAIL}", "Referer": page}
        visitor.post("/o/guide", data=answers | {"phone": ""}, headers=headers)
        either.run()
    post(visitor, link(either, "/confirm/", other), {})
    before = named_in(either)

    named = rights.everything(runtime, EMAIL, folder(either), KIM).elsewhere
    erase(either)
    either.run()

    assert before >= {"consents", "contacts", "events", "requests", "turns"}
    assert before - {"deliveries"} == {one.partition(":")[0] for one in named}  # the messages are their own
    assert named_in(either) == set()


def test_who_is_only_named_by_others_can_be_forgotten_too(asked: Running) -> None:
    asked.track("a.happened", KEY, friend="Only.Named@quagga.example")

    seen = erasing.preview(asked.nurture.runtime, "only.named@quagga.example", folder(asked))
    gone = erasing.erase(asked.nurture.runtime, "only.named@quagga.example", folder(asked), KIM)

    assert (seen.rows, gone.rows, gone.mentions) == ({}, {}, 1)
    assert listed(asked) == [("erased", "erasure")]
    with pytest.raises(NotFoundError, match="nothing is known"):
        erasing.erase(asked.nurture.runtime, "only.named@quagga.example", folder(asked), KIM)


def named_in(running: Running) -> set[str]:
    """The tables in which the address stands."""
    with running.nurture.database.read() as tx:
        return {one.partition(".")[0] for one in found_in_tables(tx) if one.endswith("zebra.canary")}


# --- what stays -----------------------------------------------------------------------------------------------------


SHORT = """\
    workflow: short
    purpose: nurture
    stages:
      - stage: first
        need: Know where I stand
        trigger: offer.requested
        validate: b.happened
        steps:
          - {email: handed, link_offer: guide, purpose: transactional}
          - {email: later, after: 1 day}
        loss: [{after: 60 days, reason: silent}]
    """


def who_asked(database_url: str, tmp_path: Path) -> Running:
    """A small company, and somebody who got a first mail."""
    running = a_nurture(database_url, tmp_path, mails=("later",))
    running.write("offers/guide.yaml", OFFER.replace(", {name: nickname, required: no}", ""))
    running.write("templates/email/handed.md", LINKED.format(name="handed"))
    running.write("assets/guide.pdf", "%PDF-1.4 the guide")
    running.write("workflows/short.yaml", SHORT)
    running.publish()
    running.add(KEY, first_name=FIRST)
    running.track("offer.requested", KEY, offer="guide")
    running.run()
    return running


@pytest.fixture
def asked(sqlite_url: str, tmp_path: Path) -> Iterator[Running]:
    yield (running := who_asked(sqlite_url, tmp_path))
    running.nurture.close()


@pytest.fixture
def either(any_database: str, tmp_path: Path) -> Iterator[Running]:
    """The same on both databases."""
    yield (running := who_asked(any_database, tmp_path))
    running.nurture.close()


def listed(running: Running) -> list[tuple[str, str]]:
    with running.nurture.database.read() as tx:
        return [(one.reason.value, one.source) for one in suppressions.everything(tx)]


def rows_of(running: Running, table: str) -> int:
    with running.nurture.database.read() as tx:
        return int(tx.execute(select(func.count()).select_from(Base.metadata.tables[table])).scalar_one())


def test_only_a_hash_stays_and_no_list_brings_them_back(either: Running) -> None:
    erase(either)

    again = either.nurture.database.retrying(
        lambda tx: contact_import.upsert(
            tx, [NewContact(email=EMAIL), NewContact(email="new@example.org")], either.clock.now()
        )
    )

    assert listed(either) == [("erased", "erasure")]
    assert (again.erased, len(again.created)) == ([KEY], 1)


def test_an_import_rejects_the_row_and_says_why(asked: Running) -> None:
    erase(asked)
    workspace = asked.nurture.runtime.published().workspace

    report = import_contacts(
        asked.nurture.database,
        workspace,
        BytesIO(f"email,first_name\n{EMAIL},Zebrina\nnew@example.org,New\n".encode()),
        now=asked.clock.now(),
    )

    assert (report.created, report.rejected, report.rows) == (1, 1, 2)
    assert [(one.row, one.message.partition(":")[0]) for one in report.errors] == [
        (2, "this person's data was erased")
    ]


def test_they_themselves_come_back_by_a_yes_by_mail(asked: Running) -> None:
    erase(asked)
    visitor = create_app(asked.nurture.settings, asked.nurture).test_client()
    post(visitor, "/o/guide", {"email": EMAIL, "first_name": FIRST, "last_name": "Q", "consent": "2026-11"})
    asked.run()
    before = rows_of(asked, "contacts")

    post(visitor, link(asked, "/confirm/"), {})

    assert before == 0
    assert rows_of(asked, "contacts") == 1
    assert listed(asked) == []


def test_what_stood_on_the_list_stays_there_without_our_words(asked: Running) -> None:
    asked.track("email.complained", KEY)

    erase(asked)

    assert sorted(listed(asked)) == [("complaint", "kept after an erasure"), ("erased", "erasure")]


def test_figures_still_add_up_and_tell_what_they_count_no_more(asked: Running) -> None:
    asked.add("bea@example.org")
    asked.track("offer.requested", "bea@example.org", offer="guide")
    asked.run()
    before = doctor.examine(asked.nurture.runtime).tally

    gone = erase(asked)

    after = doctor.examine(asked.nurture.runtime)
    assert after.ok, [one.code for one in after.findings]
    assert after.tally.adds_up
    assert before.planned - after.tally.planned == gone.rows["deliveries"] == after.erased.messages
    assert after.erased.people == 1


def test_the_deed_is_noted_without_their_name(asked: Running) -> None:
    gone = erase(asked)

    with asked.nurture.database.read() as tx:
        deeds = [one for one in audit.latest(tx) if one.action == "erase"]
    assert [(one.actor, one.subject) for one in deeds] == [(KIM, "contact:erased")]
    assert deeds[0].detail["hash"] == gone.hash[:12]
    assert deeds[0].detail["reason"] == "[erased] asked for it: [erased]"


def test_an_address_that_stands_nowhere_is_told_so(asked: Running) -> None:
    with pytest.raises(NotFoundError, match=r"nothing is known of nobody@example\.org"):
        erasing.erase(asked.nurture.runtime, "nobody@example.org", folder(asked), KIM)
    with pytest.raises(NotFoundError):
        rights.everything(asked.nurture.runtime, "nobody@example.org", folder(asked), KIM)

    assert listed(asked) == []


def test_a_number_that_somebody_else_has_too_keeps_its_story(asked: Running) -> None:
    asked.add("bea@example.org", phone=asked.add(KEY).phone)
    with asked.nurture.database.read() as tx:
        shared = personal.who(tx, [KEY])

    assert shared.numbers == frozenset()


# --- while something is under way -----------------------------------------------------------------------------------


def claimed(running: Running, *, sending: bool) -> list[outbox.ClaimedDelivery]:
    """Their next mail, in the hands of a worker, perhaps at its last point."""
    running.clock.advance(hours=26)
    running.nurture.sweep()
    running.nurture.advance.batch()
    with running.nurture.database.write() as tx:
        claims = outbox.claim(tx, running.clock.now(), running.clock.operational(), limit=10)
    assert claims
    if sending:
        leaving = [
            outbox.Leaving(one.id, one.fence, f"<{one.key}@example.org>", EMAIL, "hash") for one in claims
        ]
        with running.nurture.database.write() as tx:
            assert outbox.mark_sending(tx, leaving, running.clock.now(), running.clock.operational() + LEASE)
    return claims


def test_a_mail_that_was_claimed_does_not_leave(asked: Running) -> None:
    claims = claimed(asked, sending=False)

    erase(asked)

    with asked.nurture.database.write() as tx:
        leaving = [
            outbox.Leaving(one.id, one.fence, f"<{one.key}@example.org>", EMAIL, "hash") for one in claims
        ]
        assert not outbox.mark_sending(tx, leaving, asked.clock.now(), asked.clock.operational() + LEASE)


def test_an_erasure_waits_for_a_mail_at_its_last_point(either: Running) -> None:
    (claim,) = claimed(either, sending=True)
    ended = outbox.Outcome(claim.id, claim.fence, DeliveryState.SENT)

    with ThreadPoolExecutor() as pool:
        erasure = pool.submit(erase, either)
        until(erasure.running)
        waited = not erasure.done()
        with either.nurture.database.write() as tx:
            outbox.record_outcomes(tx, [ended], either.clock.now())
        gone = erasure.result(timeout=30)

    assert waited
    assert gone.rows["deliveries"] >= 2
    assert rows_of(either, "contacts") == 0


def test_it_does_not_wait_for_ever_and_a_late_end_revives_nothing(either: Running) -> None:
    (claim,) = claimed(either, sending=True)

    erase(either, patience=0)
    with either.nurture.database.write() as tx:
        outbox.record_outcomes(
            tx, [outbox.Outcome(claim.id, claim.fence, DeliveryState.SENT)], either.clock.now()
        )
        report_dead(
            tx, either.nurture.runtime, [(claim, Dead(550, "5.1.1", "no such user"))], either.clock.now()
        )
    either.run()

    assert (rows_of(either, "contacts"), rows_of(either, "deliveries"), rows_of(either, "events")) == (
        0,
        0,
        0,
    )


def test_a_late_bounce_revives_nobody(asked: Running) -> None:
    mail = next(one for one in asked.deliveries(KEY) if one.message_id)
    assert mail.message_id
    erase(asked)

    for raw in (
        bounce(EMAIL, returned=mail.message_id),
        reply(mail.message_id, sender=EMAIL),
        complaint(mail.message_id),
    ):
        inbound.take(asked.nurture.runtime, raw, "pipe")
    asked.run()

    assert (rows_of(asked, "contacts"), rows_of(asked, "events"), rows_of(asked, "enrollments")) == (0, 0, 0)
    with asked.nurture.database.read() as tx:
        assert found_in_tables(tx) == set()


def test_links_of_old_mails_say_that_nothing_is_known(asked: Running) -> None:
    visitor = create_app(asked.nurture.settings, asked.nurture).test_client()
    ways = {kind: link(asked, kind) for kind in ("/u/", "/d/")}
    erase(asked)

    left = visitor.post(ways["/u/"], data={"List-Unsubscribe": "One-Click"})

    assert visitor.get(ways["/u/"]).status_code == 200
    assert left.status_code == 200
    assert visitor.post(ways["/d/"]).status_code in (200, 404, 410)
    assert rows_of(asked, "contacts") == 0


def test_two_erasures_at_once_are_one(either: Running) -> None:
    def one() -> bool:
        try:
            erase(either)
        except NotFoundError:
            return False
        return True

    with ThreadPoolExecutor() as pool:
        done = [*pool.map(lambda _: one(), range(4))]

    assert sorted(done) == [False, False, False, True]
    assert rows_of(either, "contacts") == 0


def test_events_that_pour_in_meanwhile_break_nothing(either: Running) -> None:
    contact = next(iter(either.enrollments(KEY))).contact_id
    happening = Happening(contact_id=contact, name="a.happened")

    with ThreadPoolExecutor() as pool:
        told = [pool.submit(track, either.nurture.runtime, [happening]) for _ in range(20)]
        gone = pool.submit(erase, either)
        told += [pool.submit(track, either.nurture.runtime, [happening]) for _ in range(20)]
        for one in told:
            one.result(timeout=60)
        gone.result(timeout=60)

    assert (rows_of(either, "contacts"), rows_of(either, "events")) == (0, 0)


# --- keeping ---------------------------------------------------------------------------------------------------------


def test_what_is_old_goes_in_bites_and_the_doctor_counts_before(either: Running) -> None:
    either.add("silent@example.org")
    either.advance(step_hours=24 * 60, days=800)
    either.add("new@example.org", phone=None)
    toml = either.project / "nurture.toml"
    toml.write_text(
        f'{toml.read_text()}\n[retention]\ncontacts_without_activity = "2 years"\nturns = "1 year"\n'
    )
    either.publish()
    either.clock.advance(days=1)
    waiting = doctor.examine(either.nurture.runtime).let_go

    either.run()

    assert waiting["contacts_without_activity"] == 2
    assert waiting["turns"] > 0
    assert rows_of(either, "contacts") == 1
    assert listed(either) == []
    assert not any(doctor.examine(either.nurture.runtime).let_go.values())


def test_a_proof_loses_its_device_three_years_after_the_permission_ended(either: Running) -> None:
    now, contact = either.clock.now(), either.add("ada@example.org", consent=None)
    traces = {"ip": "203.0.113.9", "confirmed_user_agent": "Some/1", "page": "/o/guide"}
    with either.nurture.database.write() as tx:
        for action, at in ((ConsentAction.GRANTED, now), (ConsentAction.WITHDRAWN, now + timedelta(days=1))):
            line = Consent(
                contact_id=contact.id,
                channel=Channel.EMAIL,
                purpose="nurture",
                action=action,
                at=at,
                source="form",
                proof=traces,
            )
            consents.add(tx, [line])

    either.clock.advance(days=3 * 365)
    either.run()
    early = [one.proof for one in ledger(either, contact.id)]
    either.clock.advance(days=2)
    either.run()

    assert early == [traces, traces]
    assert [one.proof for one in ledger(either, contact.id)] == [{"page": "/o/guide"}] * 2


def ledger(running: Running, contact: int) -> list[Consent]:
    with running.nurture.database.read() as tx:
        return consents.history(tx, contact)


@pytest.mark.parametrize(
    ("said", "days"), [("3 years", 1095), ("90 days", 90), ("2 weeks", 14), ("6 months", 180)]
)
def test_a_span_for_keeping_is_said_in_words(said: str, days: int) -> None:
    workspace, problems = read_workspace(
        f'[workspace]\nname = "A"\n[retention]\nhits = "{said}"\nproofs = "never"\n'
    )

    assert problems == []
    assert workspace is not None
    assert (workspace.retention.hits, workspace.retention.proofs) == (timedelta(days=days), None)


@pytest.mark.parametrize("said", ["soon", "0 days", "3", "1 fortnight"])
def test_a_span_that_is_none_is_told_at_its_line(said: str) -> None:
    _, problems = read_workspace(f'[workspace]\nname = "A"\n[retention]\nhits = "{said}"\n')

    assert [(one.place.line, one.code) for one in problems] == [(4, "bad-value")]
