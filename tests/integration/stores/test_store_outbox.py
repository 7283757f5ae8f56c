"""A message is planned once, leaves only while law and order allow it, and its end wakes its enrollment."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Connection

from nurture.db import consents, deliveries, enrollments, outbox, pauses, receipts, suppressions
from nurture.db.consents import ConsentAction
from nurture.db.outbox import LEASE, ClaimedDelivery, Leaving, Outcome
from nurture.db.rescue import rescue
from nurture.db.session import Database
from nurture.db.suppressions import Suppression
from nurture.model.words import Channel, DeliveryState, Reason, Receipt, ReceiptState, SuppressionReason
from tests.support.stores import (
    DAY,
    MINUTE,
    NOW,
    OPERATIONAL,
    a_consent,
    a_message,
    a_workflow,
    acting,
    consenting,
    people,
    planned,
    wake_times,
)


class World:
    """One contact, Ana, whose enrollment waits for one planned message."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.database = Database(url)
        with self.database.write() as tx:
            a_workflow(tx)
            (self.ana,) = people(tx, "ana")
            (self.enrollment,) = acting(tx, [self.ana])
            (self.message,) = planned(tx, [self.enrollment], [self.ana])

    def claim(self, now: datetime = NOW, operational: datetime = OPERATIONAL) -> list[ClaimedDelivery]:
        with self.database.write() as tx:
            return outbox.claim(tx, now, operational)

    def claimed(self) -> ClaimedDelivery:
        (claimed,) = self.claim()
        return claimed

    def start(self, claimed: ClaimedDelivery) -> frozenset[int]:
        leaving = Leaving(claimed.id, claimed.fence, f"<{claimed.key}@x>", "ana@example.org", "hash")
        with self.database.write() as tx:
            return outbox.mark_sending(tx, [leaving], NOW, OPERATIONAL + LEASE)

    def end(self, claimed: ClaimedDelivery, state: DeliveryState, **more: object) -> set[int]:
        with self.database.write() as tx:
            return outbox.record_outcomes(tx, [Outcome(claimed.id, claimed.fence, state, **more)], NOW)  # type: ignore[arg-type]

    def state(self) -> tuple[DeliveryState, str | None]:
        with self.database.read() as tx:
            delivery = deliveries.by_ids(tx, [self.message])[self.message]
        return delivery.state, delivery.reason

    def woken(self) -> bool:
        with self.database.read() as tx:
            return wake_times(tx)[self.enrollment] == NOW

    def suppress(self, reason: SuppressionReason) -> None:
        with self.database.write() as tx:
            email, _ = suppressions.hashes_of(tx, [self.ana])[self.ana]
            entry = Suppression(
                address_hash=email, channel=Channel.EMAIL, reason=reason, at=NOW, source="test"
            )
            suppressions.add(tx, [entry])

    def withdraw(self) -> None:
        with self.database.write() as tx:
            consents.add(tx, [a_consent(self.ana, action=ConsentAction.WITHDRAWN)])

    def happen(self) -> None:
        with self.database.write() as tx:
            enrollments.note_events(tx, {self.enrollment: 99}, NOW)

    def transactional(self) -> None:
        """Ana's message is one she asked for."""
        with self.database.write() as tx:
            row = deliveries.D.update().values(marketing=False, grant_id=None)
            tx.execute(row)


@pytest.fixture
def world(any_store: str) -> Iterator[World]:
    world = World(any_store)
    yield world
    world.database.dispose()


# --- the way out ------------------------------------------------------------------------------------------------


def test_a_message_is_claimed_started_and_sent_and_its_enrollment_goes_on(world: World) -> None:
    claimed = world.claimed()
    may = world.start(claimed)
    before = world.woken()

    written = world.end(claimed, DeliveryState.SENT, detail="250 queued")

    assert may == written == {world.message}
    assert (before, world.woken()) == (False, True)
    with world.database.read() as tx:
        sent = deliveries.by_ids(tx, [world.message])[world.message]
        receipt = receipts.receipts(tx, {world.enrollment: ("first-mail", 1)})
    assert (sent.state, sent.attempts, sent.message_id, sent.recipient, sent.detail, sent.ended_at) == (
        DeliveryState.SENT,
        1,
        f"<{claimed.key}@x>",
        "ana@example.org",
        "250 queued",
        NOW,
    )
    assert receipt == {world.enrollment: Receipt("first-mail", 1, ReceiptState.SENT, NOW)}


@pytest.mark.parametrize("state", [DeliveryState.SKIPPED, DeliveryState.FAILED, DeliveryState.AMBIGUOUS])
def test_every_end_wakes_the_enrollment(world: World, state: DeliveryState) -> None:
    claimed = world.claimed()
    world.start(claimed)

    world.end(claimed, state, reason="because")

    assert world.state() == (state, "because")
    assert world.woken()


def test_a_message_put_off_waits_for_its_next_attempt_and_its_enrollment_with_it(world: World) -> None:
    claimed = world.claimed()
    world.start(claimed)
    retry = OPERATIONAL + 30 * MINUTE

    world.end(claimed, DeliveryState.PENDING, detail="450 later", retry_at=retry)

    assert not world.woken()
    assert world.claim(operational=retry - MINUTE) == []
    (again,) = world.claim(operational=retry)
    assert (again.attempts, again.message_id) == (1, f"<{claimed.key}@x>")


def test_a_message_leaves_no_earlier_than_due(world: World) -> None:
    with world.database.write() as tx:
        (bea,) = people(tx, "bea")
        later = planned(tx, acting(tx, [bea]), [bea], due=NOW + DAY)

    assert [one.id for one in world.claim()] == [world.message]
    assert [one.id for one in world.claim(NOW + DAY)] == later


def test_two_claimers_never_share_a_message(world: World) -> None:
    with world.database.write() as tx:
        crowd = people(tx, *(f"p{number}" for number in range(200)))
        due = [world.message, *planned(tx, acting(tx, crowd), crowd)]

    def work(_: int) -> list[int]:
        own = Database(world.url)
        taken: list[int] = []
        while True:
            with own.write() as tx:
                batch = outbox.claim(tx, NOW, OPERATIONAL, limit=7)
            if not batch:
                own.dispose()
                return taken
            taken += [one.id for one in batch]

    with ThreadPoolExecutor(6) as pool:
        claimed = [id_ for taken in pool.map(work, range(6)) for id_ in taken]

    assert Counter(claimed) == Counter(due)


def test_a_step_has_one_message_however_often_it_is_planned(world: World) -> None:
    with world.database.write() as tx:
        again = deliveries.plan(tx, [a_message(world.enrollment, world.ana, template="another")])
        next_visit = deliveries.plan(tx, [a_message(world.enrollment, world.ana, key="next", visit=2)] * 2)
        mine = deliveries.of_contact(tx, world.ana)

    assert again == [None]
    assert next_visit[0] is not None
    assert next_visit[1] is None
    assert [(one.visit, one.template) for one in mine] == [(1, "guide"), (2, "guide")]


def test_a_skipped_message_and_a_handed_over_offer_are_born_with_their_end(world: World) -> None:
    with world.database.write() as tx:
        portal = {"channel": Channel.PORTAL, "marketing": False, "ended_at": NOW}
        deliveries.plan(
            tx,
            [
                a_message(world.enrollment, world.ana, key="a", step="a", state=DeliveryState.SENT, **portal),
                a_message(
                    world.enrollment,
                    world.ana,
                    key="b",
                    step="b",
                    state=DeliveryState.SKIPPED,
                    reason=Reason.NO_CONSENT,
                    ended_at=NOW,
                ),
            ],
        )

        receipt = receipts.receipts(tx, {world.enrollment: ("b", 1)})[world.enrollment]

    assert (receipt.state, receipt.reason) == (ReceiptState.SKIPPED, Reason.NO_CONSENT)
    assert [one.id for one in world.claim()] == [world.message]


# --- law and order ----------------------------------------------------------------------------------------------


def test_a_suppressed_address_is_never_claimed_and_its_message_ends(world: World) -> None:
    world.suppress(SuppressionReason.HARD_BOUNCE)

    assert world.claim() == []
    assert world.state() == (DeliveryState.SKIPPED, Reason.SUPPRESSED)
    assert world.woken()


def test_a_suppression_after_the_claim_stops_the_message_at_the_last_gate(world: World) -> None:
    claimed = world.claimed()
    world.suppress(SuppressionReason.COMPLAINT)

    assert world.start(claimed) == frozenset()
    assert world.state() == (DeliveryState.SKIPPED, Reason.SUPPRESSED)
    assert world.woken()


def test_whoever_left_still_gets_what_they_asked_for(world: World) -> None:
    world.transactional()
    world.suppress(SuppressionReason.UNSUBSCRIBED)

    assert world.start(world.claimed()) == {world.message}


def test_a_dead_address_gets_nothing_at_all(world: World) -> None:
    world.transactional()
    world.suppress(SuppressionReason.HARD_BOUNCE)

    assert world.claim() == []


def test_a_withdrawn_consent_stops_the_message_before_and_after_the_claim(world: World) -> None:
    claimed = world.claimed()
    world.withdraw()

    assert world.start(claimed) == frozenset()
    assert world.state() == (DeliveryState.SKIPPED, Reason.NO_CONSENT)


def test_a_consent_given_again_lets_the_message_go(world: World) -> None:
    world.withdraw()
    with world.database.write() as tx:
        consenting(tx, [world.ana])

    assert world.start(world.claimed()) == {world.message}


def test_a_marketing_message_without_a_consent_never_leaves(world: World) -> None:
    with world.database.write() as tx:
        tx.execute(deliveries.D.update().values(grant_id=None))

    assert world.claim() == []
    assert world.state() == (DeliveryState.SKIPPED, Reason.NO_CONSENT)


def test_an_expired_consent_stops_the_message(world: World) -> None:
    with world.database.write() as tx:
        (grant,) = consents.add(tx, [a_consent(world.ana, expires_at=NOW)])
        tx.execute(deliveries.D.update().values(grant_id=grant))

    assert world.claim() == []


def test_an_unread_event_holds_the_message_of_its_own_enrollment(world: World) -> None:
    with world.database.write() as tx:
        (bea,) = people(tx, "bea")
        other = planned(tx, acting(tx, [bea]), [bea])
    world.happen()

    assert [one.id for one in world.claim()] == other
    assert world.state() == (DeliveryState.PENDING, None)


def test_an_event_after_the_claim_sends_the_message_back(world: World) -> None:
    claimed = world.claimed()
    world.happen()

    assert world.start(claimed) == frozenset()
    assert world.state() == (DeliveryState.PENDING, None)
    assert world.end(claimed, DeliveryState.SENT) == set()


@pytest.mark.parametrize("scope", ["everything", "workflow", "contact"])
def test_a_pause_holds_the_message_until_it_ends(world: World, scope: str) -> None:
    target = {"workflow": {"workflow": "welcome"}, "contact": {"contact_id": world.ana}}.get(scope, {})
    claimed = world.claimed()
    with world.database.write() as tx:
        pauses.begin(tx, NOW, **target)  # type: ignore[arg-type]

    assert world.start(claimed) == frozenset()
    assert world.claim() == []
    with world.database.write() as tx:
        pauses.end(tx, NOW, **target)  # type: ignore[arg-type]
    assert [one.id for one in world.claim()] == [world.message]


def test_a_notice_to_our_own_people_knows_neither_consent_nor_a_workflows_pause(world: World) -> None:
    with world.database.write() as tx:
        tx.execute(deliveries.D.update().values(channel=Channel.TEAM.value, team="sales", grant_id=None))
        pauses.begin(tx, NOW, workflow="welcome")
    world.suppress(SuppressionReason.MANUAL)

    assert world.start(world.claimed()) == {world.message}


def test_the_red_button_stops_notices_too(world: World) -> None:
    with world.database.write() as tx:
        tx.execute(deliveries.D.update().values(channel=Channel.TEAM.value, team="sales"))
        pauses.begin(tx, NOW)

    assert world.claim() == []


# --- claims, fences and rescue ------------------------------------------------------------------------------------


def test_a_late_holder_neither_starts_nor_ends_a_message(world: World) -> None:
    late = world.claimed()
    with world.database.write() as tx:
        rescue(tx, NOW, OPERATIONAL + LEASE + timedelta(seconds=1))
    holder = world.claimed()

    assert world.start(late) == frozenset()
    assert world.end(late, DeliveryState.FAILED) == set()
    assert world.start(holder) == {world.message}


def test_a_renewed_claim_does_not_lapse(world: World) -> None:
    claimed = world.claimed()
    with world.database.write() as tx:
        kept = outbox.renew(tx, [claimed], OPERATIONAL + 10 * MINUTE)
        rescued = rescue(tx, NOW, OPERATIONAL + 9 * MINUTE)

    assert kept == {world.message}
    assert (rescued.returned, rescued.ambiguous) == (0, 0)
    assert world.start(claimed) == {world.message}


def test_a_lapsed_claim_goes_back_and_a_lapsed_dialogue_is_ambiguous(world: World) -> None:
    with world.database.write() as tx:
        (bea,) = people(tx, "bea")
        (other,) = planned(tx, acting(tx, [bea]), [bea])
    mine = next(one for one in world.claim() if one.id == world.message)
    world.start(mine)

    with world.database.write() as tx:
        rescued = rescue(tx, NOW, OPERATIONAL + LEASE + timedelta(seconds=1))

    assert (rescued.returned, rescued.ambiguous) == (1, 1)
    assert world.state() == (DeliveryState.AMBIGUOUS, Reason.INTERRUPTED)
    assert world.woken()
    assert [one.id for one in world.claim()] == [other]


def test_released_claims_are_claimed_again(world: World) -> None:
    claimed = world.claimed()

    with world.database.write() as tx:
        outbox.release(tx, [claimed])

    assert world.claimed().id == claimed.id


def test_an_ambiguous_message_is_sent_again_only_by_hand_and_under_its_old_name(world: World) -> None:
    claimed = world.claimed()
    world.start(claimed)
    world.end(claimed, DeliveryState.AMBIGUOUS)
    untouched = world.claim()

    with world.database.write() as tx:
        resolved = outbox.resolve_ambiguous(tx, [world.message], DeliveryState.PENDING, NOW)

    assert (untouched, resolved) == ([], {world.message})
    assert world.claimed().message_id == f"<{claimed.key}@x>"


# --- clearing and caps --------------------------------------------------------------------------------------------


def test_leaving_a_stage_skips_what_waited_and_spares_dialogues_and_notices(world: World) -> None:
    with world.database.write() as tx:
        bea, carl, dora = people(tx, "bea", "carl", "dora")
        enrollment_ids = acting(tx, [bea, carl, dora])
        claimed_only, sending = planned(tx, enrollment_ids[:2], [bea, carl])
        (notice,) = planned(tx, enrollment_ids[2:], [dora], channel=Channel.TEAM, team="sales", due=NOW + DAY)
    by_id = {one.id: one for one in world.claim()}
    world.start(by_id[sending])

    with world.database.write() as tx:
        tx.execute(deliveries.D.update().where(deliveries.D.c.id == world.message).values(state="pending"))
        cleared = deliveries.clear(tx, [world.enrollment, *enrollment_ids], Reason.STAGE_LEFT, NOW)
        states = {id_: one.state for id_, one in deliveries.by_ids(tx, [*by_id, notice]).items()}

    assert cleared == 2
    assert states == {
        world.message: DeliveryState.SKIPPED,
        claimed_only: DeliveryState.SKIPPED,
        sending: DeliveryState.SENDING,
        notice: DeliveryState.PENDING,
    }


def test_caps_see_marketing_that_went_or_will_go(world: World) -> None:
    def more(tx: Connection, step: str, **over: object) -> None:
        deliveries.plan(tx, [a_message(world.enrollment, world.ana, key=step, step=step, **over)])

    with world.database.write() as tx:
        more(tx, "went", state=DeliveryState.SENT, ended_at=NOW - DAY)
        more(tx, "long-ago", state=DeliveryState.SENT, ended_at=NOW - 8 * DAY)
        more(tx, "skipped", state=DeliveryState.SKIPPED, ended_at=NOW - DAY)
        more(tx, "asked-for", marketing=False, state=DeliveryState.SENT, ended_at=NOW - DAY)

        spent = receipts.spent(tx, [world.ana], [Channel.EMAIL], NOW - 7 * DAY)

    later = NOW + DAY
    assert sorted(one.moment(later) for one in spent) == [NOW - DAY, later]
