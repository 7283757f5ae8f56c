"""The housekeeping goes on, whichever of its parts is broken; and what failed is not kept quiet."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from nurture.db import outbox, pauses, state
from nurture.db.outbox import LEASE
from tests.integration.test_rules_in_the_database import AFTER_LOSS, WORKFLOW
from tests.support.running import Running, a_nurture


@pytest.fixture
def running(sqlite_url: str, tmp_path: Path) -> Iterator[Running]:
    running = a_nurture(sqlite_url, tmp_path, mails=("hello", "again", "decide", "sorry"))
    running.write("templates/call/ring.txt", "Call {{ contact.first_name or 'them' }}.\n")
    running.write("workflows/one.yaml", WORKFLOW)
    running.write("workflows/after-loss.yaml", AFTER_LOSS)
    running.publish()
    yield running
    running.nurture.close()


def left_behind(running: Running) -> None:
    """A message in the hands of a worker that died, and a rest whose end has come."""
    contact = running.add()
    running.track("a.happened")
    running.nurture.advance.batch()
    now = running.clock.now()
    with running.nurture.database.write() as tx:
        assert outbox.claim(tx, now, running.clock.operational())
        pauses.rest(tx, now, contact.id, now + timedelta(minutes=1))
    running.clock.advance(seconds=(LEASE + timedelta(minutes=2)).total_seconds())


def break_visits(running: Running) -> None:
    with running.nurture.database.write() as tx:
        tx.execute(text("ALTER TABLE hits RENAME TO lost"))


def break_gauges(running: Running) -> None:
    with running.nurture.database.write() as tx:
        state.put(tx, "gauge:example.org", {"nonsense": 1}, running.clock.operational())


def is_tidy(running: Running) -> bool:
    with running.nurture.database.read() as tx:
        return running.states("ana@example.org")[0][1] == "pending" and not pauses.open_pauses(tx)


def test_a_part_that_fails_keeps_no_other_from_its_work_and_is_told_of(running: Running) -> None:
    left_behind(running)
    break_gauges(running)

    with pytest.raises(KeyError, match="forgiven"):
        running.nurture.sweep()

    assert is_tidy(running)


def test_several_that_fail_are_all_told_of(running: Running) -> None:
    left_behind(running)
    break_gauges(running)
    break_visits(running)

    with pytest.raises(ExceptionGroup) as told:
        running.nurture.sweep()

    assert {type(one) for one in told.value.exceptions} == {OperationalError, KeyError}
    assert is_tidy(running)
