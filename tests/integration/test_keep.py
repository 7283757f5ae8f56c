"""A sender keeps what it holds while it lives, whatever the database does to one renewal."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, select
from sqlalchemy.exc import OperationalError

from nurture.db import outbox
from nurture.db.deliveries import D
from nurture.db.outbox import LEASE, ClaimedDelivery
from nurture.db.session import CommitUnknownError, UnreachableError
from nurture.services.sending import keep
from tests.support.running import Running, a_nurture
from tests.support.waiting import until

WORKFLOW = """\
    workflow: short
    purpose: nurture
    stages:
      - stage: first
        need: Know where I stand
        trigger: a.happened
        validate: b.happened
        steps: [{email: hello}]
        loss: [{after: 60 days, reason: silent}]
    """


class DeadlockError(Exception):
    """As the driver tells of it: the transaction was rolled back."""

    sqlstate = "40P01"


FAULTS: dict[str, Callable[[], Exception]] = {
    "a deadlock, again and again": lambda: OperationalError("UPDATE", {}, DeadlockError()),
    "a commit without an answer": lambda: CommitUnknownError("nobody knows"),
    "no connection": lambda: UnreachableError("the database is away"),
}


@pytest.fixture
def running(sqlite_url: str, tmp_path: Path) -> Iterator[Running]:
    running = a_nurture(sqlite_url, tmp_path, mails=("hello",))
    running.write("workflows/short.yaml", WORKFLOW)
    running.publish()
    yield running
    running.nurture.close()


def lease(running: Running) -> datetime | None:
    with running.nurture.database.read() as tx:
        lapses: datetime | None = tx.execute(select(D.c.lease_until)).scalar_one()
    return lapses


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_a_renewal_that_breaks_off_does_not_end_the_keeping(
    running: Running, monkeypatch: pytest.MonkeyPatch, fault: Callable[[], Exception]
) -> None:
    running.add()
    running.track("a.happened")
    running.nurture.advance.batch()
    database, clock, renew = running.nurture.database, running.clock, outbox.renew
    with database.write() as tx:
        claims = outbox.claim(tx, clock.now(), clock.operational())
    first = lease(running)
    broken: list[int] = []

    def breaks_off(tx: Connection, claims: Sequence[ClaimedDelivery], lapses: datetime) -> set[int]:
        if len(broken) < 6:  # as often as a transaction is tried
            broken.append(1)
            raise fault()
        return renew(tx, claims, lapses)

    monkeypatch.setattr(outbox, "renew", breaks_off)
    monkeypatch.setattr(keep, "EVERY", timedelta(milliseconds=5))
    clock.advance(seconds=30)
    with keep.kept(database, clock, claims):
        until(lambda: lease(running) != first)

    assert lease(running) == clock.operational() + LEASE
    assert len(broken) == 6
