"""The ledger of permission on both databases: nothing rewrites it, and a no wins at every moment until the mail has left."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import Connection, update
from sqlalchemy.exc import DBAPIError

from nurture.db import addresses, consents, deliveries, ledger_guard, outbox, state, suppressions
from nurture.db.consents import ConsentAction
from nurture.db.contacts import CONTACTS
from nurture.db.ledger_guard import erasing
from nurture.db.outbox import Leaving
from nurture.db.session import Database
from nurture.db.suppressions import Change, Suppression
from nurture.db.tables import Base
from nurture.model.words import Channel, DeliveryState, SuppressionReason
from tests.support.stores import DAY, MINUTE, NOW, OPERATIONAL, a_consent, a_workflow, acting, people, planned

LEDGER = ("consents", "suppression_changes")


@pytest.fixture
def database(any_store: str) -> Iterator[Database]:
    database = Database(any_store)
    with database.write() as tx:
        a_workflow(tx)
    yield database
    database.dispose()


def listed(tx: Connection, email: str, reason: SuppressionReason = SuppressionReason.MANUAL) -> Suppression:
    address = addresses.email_hash(state.hash_key(tx), email)
    return Suppression(address_hash=address, channel=Channel.EMAIL, reason=reason, at=NOW, source="a test")


# --- append-only ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("table", LEDGER)
@pytest.mark.parametrize("change", ["UPDATE {} SET source = 'another'", "DELETE FROM {}"])
def test_the_database_itself_refuses_to_rewrite_the_ledger(
    database: Database, table: str, change: str
) -> None:
    with database.write() as tx:
        (ana,) = people(tx, "ana")
        consents.add(tx, [a_consent(ana)])
        suppressions.add(tx, [listed(tx, "ana@example.org")], "kim")

    with pytest.raises(DBAPIError, match="append-only"), database.write() as tx:
        tx.exec_driver_sql(change.format(table))

    with database.read() as tx:
        assert [one.source for one in consents.history(tx, ana)] == ["form"]


@pytest.mark.parametrize("table", LEDGER)
def test_a_row_of_the_ledger_is_replaced_by_no_other(database: Database, table: str) -> None:
    with database.write() as tx:
        (ana,) = people(tx, "ana")
        consents.add(tx, [a_consent(ana)])
        suppressions.add(tx, [listed(tx, "ana@example.org")], "kim")
    sqlite = "INSERT OR REPLACE INTO {0} SELECT * FROM {0}"
    postgres = "INSERT INTO {0} SELECT * FROM {0} ON CONFLICT (id) DO UPDATE SET source = 'another'"

    with pytest.raises(DBAPIError, match="append-only"), database.write() as tx:
        tx.exec_driver_sql((sqlite if tx.dialect.name == "sqlite" else postgres).format(table))


@pytest.mark.parametrize("tables", [*LEDGER, "contacts CASCADE"])
def test_postgresql_empties_no_table_of_the_ledger_at_a_stroke(postgres_url: str, tables: str) -> None:
    database = Database(postgres_url)

    with pytest.raises(DBAPIError, match="append-only"), database.write() as tx, erasing(tx):
        tx.exec_driver_sql(f"TRUNCATE {tables}")

    database.dispose()


def test_an_erasure_alone_deletes_from_the_ledger_and_the_guard_stands_again_after_it(
    database: Database,
) -> None:
    with database.write() as tx:
        (ana,) = people(tx, "ana")
        consents.add(tx, [a_consent(ana)])

    with database.write() as tx, erasing(tx):
        gone = tx.exec_driver_sql("DELETE FROM consents").rowcount
    with database.write() as tx:
        consents.add(tx, [a_consent(ana)])

    assert gone == 1
    with pytest.raises(DBAPIError, match="append-only"), database.write() as tx:
        tx.exec_driver_sql("DELETE FROM consents")


def test_not_even_an_erasure_rewrites_what_somebody_allowed(database: Database) -> None:
    with database.write() as tx:
        (ana,) = people(tx, "ana")
        consents.add(tx, [a_consent(ana, action=ConsentAction.WITHDRAWN)])

    with pytest.raises(DBAPIError, match="append-only"), database.write() as tx, erasing(tx):
        tx.exec_driver_sql("UPDATE consents SET action = 'granted'")


def test_the_story_of_an_address_tells_who_put_it_on_the_list_and_what_ended_it(database: Database) -> None:
    with database.write() as tx:
        entry = listed(tx, "ana@example.org")
        suppressions.add(tx, [entry], "kim@example.com")
        suppressions.add(tx, [entry], "lee@example.com")
        ended = suppressions.end(
            tx,
            entry.address_hash,
            Channel.EMAIL,
            list(SuppressionReason),
            at=NOW + DAY,
            source="confirmed by mail",
            request="r1",
        )

        story = suppressions.story(tx, entry.address_hash, Channel.EMAIL)

    assert ended == {SuppressionReason.MANUAL}
    assert [(one.change, one.actor, one.request) for one in story] == [
        (Change.ADDED, "kim@example.com", None),
        (Change.ENDED, None, "r1"),
    ]


def test_the_ledger_guards_every_column_but_the_proof() -> None:
    for table, words in ledger_guard._WORDS.items():
        assert {*words, "proof"} >= set(Base.metadata.tables[table].c.keys()) >= set(words)


# --- who wins ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "holds"),
    [
        ((ConsentAction.GRANTED, ConsentAction.WITHDRAWN), False),
        ((ConsentAction.WITHDRAWN, ConsentAction.GRANTED), True),
        ((ConsentAction.GRANTED, ConsentAction.WITHDRAWN, ConsentAction.WITHDRAWN), False),
    ],
)
def test_of_words_of_one_instant_the_one_that_arrived_last_counts(
    database: Database, words: tuple[ConsentAction, ...], holds: bool
) -> None:
    with database.write() as tx:
        (ana,) = people(tx, "ana")
        for word in words:
            consents.add(tx, [a_consent(ana, action=word)])

        assert bool(consents.grants(tx, [ana], NOW)) is holds
        assert (consents.withdrawn(tx, [ana]) == {}) is holds


def withdraw(tx: Connection, ana: int) -> None:
    consents.add(tx, [a_consent(ana, action=ConsentAction.WITHDRAWN)])


def let_expire(tx: Connection, ana: int) -> None:
    consents.add(tx, [a_consent(ana, expires_at=NOW)])


def suppress(tx: Connection, ana: int) -> None:
    suppressions.add(tx, [listed(tx, "ana@example.org")])


No = Callable[[Connection, int], None]
every_no = pytest.mark.parametrize(
    ("no", "reason"), [(withdraw, "no-consent"), (let_expire, "no-consent"), (suppress, "suppressed")]
)


def ready(database: Database) -> tuple[int, int]:
    """Ana with a marketing message that may leave: her id and the message's."""
    with database.write() as tx:
        (ana,) = people(tx, "ana")
        (message,) = planned(tx, acting(tx, [ana]), [ana])
    return ana, message


@every_no
def test_a_no_between_the_decision_and_the_claim_stops_the_mail(
    database: Database, no: No, reason: str
) -> None:
    ana, message = ready(database)

    with database.write() as tx:
        no(tx, ana)
    with database.write() as tx:
        claimed = outbox.claim(tx, NOW, OPERATIONAL)

    assert claimed == []
    with database.read() as tx:
        ended = deliveries.by_ids(tx, [message])[message]
    assert (ended.state, ended.reason) == (DeliveryState.SKIPPED, reason)


@every_no
def test_a_no_between_the_claim_and_the_dialogue_stops_the_mail(
    database: Database, no: No, reason: str
) -> None:
    ana, message = ready(database)
    with database.write() as tx:
        (claimed,) = outbox.claim(tx, NOW, OPERATIONAL)

    with database.write() as tx:
        no(tx, ana)
    with database.write() as tx:
        leaving = Leaving(claimed.id, claimed.fence, "<key@x>", "ana@example.org")
        may = outbox.mark_sending(tx, [leaving], NOW, OPERATIONAL + MINUTE)

    assert may == frozenset()
    with database.read() as tx:
        ended = deliveries.by_ids(tx, [message])[message]
    assert (ended.state, ended.reason) == (DeliveryState.SKIPPED, reason)


def test_a_permission_that_ends_while_the_mail_waits_holds_nothing_from_that_moment_on(
    database: Database,
) -> None:
    with database.write() as tx:
        ana, bea = people(tx, "ana", "bea")
        mails = planned(tx, acting(tx, [ana, bea]), [ana, bea])
        consents.add(tx, [a_consent(one, expires_at=NOW + DAY) for one in (ana, bea)])
        (first,) = outbox.claim(tx, NOW + DAY - MINUTE, OPERATIONAL, limit=1)
        leaving = Leaving(first.id, first.fence, "<key@x>", "ana@example.org")

        at_the_end = outbox.mark_sending(tx, [leaving], NOW + DAY, OPERATIONAL + MINUTE)
        later = outbox.claim(tx, NOW + DAY, OPERATIONAL)

    assert (at_the_end, later) == (frozenset(), [])
    with database.read() as tx:
        assert {one.reason for one in deliveries.by_ids(tx, mails).values()} == {"no-consent"}


def test_a_mail_names_the_permission_that_held_when_it_left(database: Database) -> None:
    ana, message = ready(database)
    with database.write() as tx:
        (renewed,) = consents.add(tx, [a_consent(ana, source="another form")])
        (claimed,) = outbox.claim(tx, NOW, OPERATIONAL)
        leaving = Leaving(claimed.id, claimed.fence, "<key@x>", "ana@example.org")

        outbox.mark_sending(tx, [leaving], NOW, OPERATIONAL + MINUTE)

        sent = deliveries.by_ids(tx, [message])[message]
    assert claimed.grant_id != renewed
    assert sent.grant_id == renewed


def test_a_suppression_follows_the_address_and_not_the_person(database: Database) -> None:
    """An address that changes in the middle of a workflow: the old one stays closed, the new one is open."""
    with database.write() as tx:
        (ana,) = people(tx, "ana")
        key = state.hash_key(tx)
        suppressions.add(tx, [listed(tx, "ana@example.org")])
        planned(tx, acting(tx, [ana]), [ana])
        moved = {"email": "ana@example.com", "email_key": "ana@example.com"}
        hashed = {"email_hash": addresses.email_hash(key, "ana@example.com")}
        tx.execute(update(CONTACTS).where(CONTACTS.c.id == ana).values(moved | hashed))

        assert suppressions.of(tx, [ana]) == {}
        assert len(outbox.claim(tx, NOW, OPERATIONAL)) == 1
        (back,) = people(tx, "ana")

        assert back != ana
        assert suppressions.of(tx, [back]) == {back: {Channel.EMAIL: {SuppressionReason.MANUAL}}}
