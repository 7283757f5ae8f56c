"""What waits for one endpoint is claimed apart from mail, and comes back after a crash rather than into doubt."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from nurture.db import deliveries, due, hooks, outbox
from nurture.db.hooks import Closed
from nurture.db.outbox import LEASE, Leaving, Outcome
from nurture.db.rescue import rescue
from nurture.db.session import Database
from nurture.model.words import Channel, DeliveryState, Reason
from tests.support.stores import MINUTE, NOW, OPERATIONAL, a_message, a_workflow, acting, people


class World:
    """Ana, with a mail and a webhook to each of two endpoints, all due."""

    def __init__(self, url: str) -> None:
        self.database = Database(url)
        with self.database.write() as tx:
            a_workflow(tx)
            (ana,) = people(tx, "ana")
            (enrollment,) = acting(tx, [ana])
            rows = [
                a_message(
                    enrollment,
                    ana,
                    key=f"key-{name}",
                    step=name,
                    marketing=False,
                    channel=Channel.WEBHOOK if name != "mail" else Channel.EMAIL,
                    team=name if name != "mail" else None,
                    payload={"id": name, "nested": {"b": [1, "zwei", None]}} if name != "mail" else None,
                )
                for name in ("mail", "crm", "ledger")
            ]
            self.ids = dict(zip(("mail", "crm", "ledger"), deliveries.plan(tx, rows), strict=True))

    def claim(self, endpoint: str | None = None) -> list[str]:
        with self.database.write() as tx:
            return [one.step for one in outbox.claim(tx, NOW, OPERATIONAL, endpoint=endpoint)]

    def waiting(self) -> list[str]:
        with self.database.read() as tx:
            return hooks.waiting_for(tx, NOW, OPERATIONAL)

    def state(self, name: str) -> DeliveryState:
        with self.database.read() as tx:
            (found,) = deliveries.by_ids(tx, [self.ids[name] or 0]).values()
        return found.state


@pytest.fixture
def world(any_store: str) -> Iterator[World]:
    world = World(any_store)
    yield world
    world.database.dispose()


def test_mail_and_each_endpoint_are_claimed_apart(world: World) -> None:
    assert world.waiting() == ["crm", "ledger"]
    assert world.claim() == ["mail"]
    assert world.claim("crm") == ["crm"]
    assert world.claim("crm") == []
    assert world.waiting() == ["ledger"]


def test_what_a_webhook_says_comes_back_as_it_was_written(world: World) -> None:
    with world.database.write() as tx:
        (claim,) = outbox.claim(tx, NOW, OPERATIONAL, endpoint="crm")
        hooks.keep_payloads(tx, {claim.id: {"text": "Grüße \N{WAVING HAND SIGN} \\ \" '"}})
        (kept,) = deliveries.by_ids(tx, [claim.id]).values()

    assert claim.payload == {"id": "crm", "nested": {"b": [1, "zwei", None]}}
    assert kept.payload == {"text": "Grüße \N{WAVING HAND SIGN} \\ \" '"}


def test_a_webhook_that_broke_off_goes_back_and_a_mail_is_in_doubt(world: World) -> None:
    with world.database.write() as tx:
        claims = [*outbox.claim(tx, NOW, OPERATIONAL), *outbox.claim(tx, NOW, OPERATIONAL, endpoint="crm")]
        leaving = [Leaving(one.id, one.fence, one.key, "somewhere") for one in claims]
        going = outbox.mark_sending(tx, leaving, NOW, OPERATIONAL + LEASE)

    with world.database.write() as tx:
        rescued = rescue(tx, NOW, OPERATIONAL + LEASE + MINUTE)

    assert len(going) == 2
    assert (rescued.returned, rescued.ambiguous) == (1, 1)
    assert world.state("crm") is DeliveryState.PENDING
    assert world.state("mail") is DeliveryState.AMBIGUOUS
    with world.database.write() as tx:
        (again,) = outbox.claim(tx, NOW, OPERATIONAL, endpoint="crm")
    assert (again.key, again.attempts) == ("key-crm", 1)


def test_an_endpoint_that_rests_or_is_off_gets_nothing_and_no_bell_rings_for_it(world: World) -> None:
    resting = Closed("crm", OPERATIONAL, OPERATIONAL + MINUTE, "503", 3)
    with world.database.write() as tx:
        hooks.close(tx, resting, OPERATIONAL)
        hooks.close(tx, Closed("ledger", OPERATIONAL, None, "410"), OPERATIONAL)

    with world.database.read() as tx:
        known = hooks.closed(tx)
        now = due.count(tx, NOW, OPERATIONAL)
        later = due.count(tx, NOW, OPERATIONAL + 2 * MINUTE)

    assert known["crm"] == resting
    assert known["ledger"].off
    assert (now.deliveries, now.webhooks, later.webhooks) == (1, 0, 1)


def test_who_works_again_is_told_all_that_waits_at_once(world: World) -> None:
    with world.database.write() as tx:
        (claim,) = outbox.claim(tx, NOW, OPERATIONAL, endpoint="crm")
        retry = Outcome(
            claim.id, claim.fence, DeliveryState.PENDING, retry_at=OPERATIONAL + timedelta(hours=6)
        )
        outbox.record_outcomes(tx, [retry], NOW)
        hooks.close(tx, Closed("crm", OPERATIONAL, None, "410"), OPERATIONAL)
    before = world.waiting()

    with world.database.write() as tx:
        known, unknown = hooks.works(tx, "crm"), hooks.works(tx, "ledger")
        waiting = hooks.hurry(tx, "crm")

    assert (before, known, unknown, waiting) == (["ledger"], True, False, 1)
    assert world.waiting() == ["crm", "ledger"]


def test_only_what_ended_at_this_endpoint_goes_once_more(world: World) -> None:
    with world.database.write() as tx:
        for endpoint, state in (("crm", DeliveryState.FAILED), ("ledger", DeliveryState.SENT)):
            (claim,) = outbox.claim(tx, NOW, OPERATIONAL, endpoint=endpoint)
            reason = Reason.GAVE_UP if state is DeliveryState.FAILED else None
            outbox.record_outcomes(tx, [Outcome(claim.id, claim.fence, state, reason)], NOW)

    with world.database.write() as tx:
        counted = {(one.endpoint, one.state): one.number for one in hooks.counts(tx)}
        again = [
            *hooks.again(tx, "ledger"),  # nothing failed there
            *hooks.again(tx, "crm", ["key-ledger", "key-mail"]),  # none of its own
            *hooks.again(tx, "crm"),
            *hooks.again(tx, "ledger", ["key-ledger"]),
        ]

    assert counted == {("crm", DeliveryState.FAILED): 1, ("ledger", DeliveryState.SENT): 1}
    assert again == ["key-crm", "key-ledger"]
    assert world.waiting() == ["crm", "ledger"]
