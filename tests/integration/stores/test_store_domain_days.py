"""What each domain took, day by day, adds up for all workers at once."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from nurture.db import domain_days
from nurture.db.domain_days import Counted
from nurture.db.session import Database
from tests.support.stores import OPERATIONAL

TODAY = OPERATIONAL.date()
LAST_WEEK = TODAY - timedelta(days=7)


@pytest.fixture
def database(any_store: str) -> Iterator[Database]:
    database = Database(any_store)
    yield database
    database.dispose()


def test_many_workers_count_and_nothing_is_lost(database: Database) -> None:
    def work(number: int) -> None:
        names = [f"{letter}.example" for letter in ("abc" if number % 2 else "cba")]
        database.retrying(
            lambda tx: domain_days.count(tx, [Counted(name, TODAY, "default", sent=1) for name in names])
        )

    with ThreadPoolExecutor(4) as workers:
        list(workers.map(work, range(12)))

    with database.read() as tx:
        assert [(one.domain, one.sent) for one in domain_days.largest(tx, TODAY, 5)] == [
            ("a.example", 12),
            ("b.example", 12),
            ("c.example", 12),
        ]
        assert domain_days.sent_by(tx, {"default", "desk"}, TODAY) == {"default": 36}


def test_what_was_counted_too_much_is_taken_back(database: Database) -> None:
    with database.write() as tx:
        domain_days.count(tx, [Counted("a.example", TODAY, "default", sent=3)])
        domain_days.count(tx, [Counted("a.example", TODAY, "default", sent=-1)])
        domain_days.count(tx, [])

    with database.read() as tx:
        assert domain_days.sent_by(tx, {"default"}, TODAY) == {"default": 2}


def test_complaints_are_held_against_all_that_the_domain_got_since(database: Database) -> None:
    with database.write() as tx:
        domain_days.count(
            tx,
            [
                Counted("a.example", LAST_WEEK - timedelta(days=1), "default", sent=500, complained=9),
                Counted("a.example", LAST_WEEK, "default", sent=100),
                Counted("a.example", TODAY, "desk", sent=100),
                Counted("a.example", TODAY, complained=2),
                Counted("b.example", TODAY, sent=100, complained=1),
            ],
        )

    with database.read() as tx:
        (one,) = domain_days.complained_of(tx, LAST_WEEK, at_least=2)
    assert (one.domain, one.sent, one.complained, one.complaint_rate) == ("a.example", 200, 2, 0.01)


def test_old_days_are_forgotten(database: Database) -> None:
    with database.write() as tx:
        domain_days.count(tx, [Counted("a.example", LAST_WEEK, sent=1), Counted("a.example", TODAY, sent=1)])

        domain_days.forget(tx, TODAY)

    with database.read() as tx:
        assert [one.sent for one in domain_days.largest(tx, LAST_WEEK, 5)] == [1]
