"""The housekeeping goes on, whichever of its parts is broken; and what failed is not kept quiet."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event, text
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


GROWING = "hits|events|deliveries|reports|notices|turns|transitions|contacts|suppressions|domain_days"
WHOLE = re.compile(rf"SCAN (?:{GROWING})(?: USING (?:COVERING )?INDEX (?P<index>\w+))?$")
SMALL = {"ix_hits_unsettled", "ix_deliveries_webhooks"}
"""Indexes of a few rows of a large table."""


def test_it_reads_no_table_whole_that_only_grows(running: Running) -> None:
    running.nurture.sweep()
    asked: list[tuple[str, Any]] = []

    def note(_connection: object, _cursor: object, statement: str, values: Any, *_: object) -> None:
        asked.append((statement, values))

    event.listen(Engine, "before_cursor_execute", note)
    running.nurture.due()
    running.nurture.sweep()
    running.nurture.send_notices()
    event.remove(Engine, "before_cursor_execute", note)

    with running.nurture.database.read() as tx:
        plans = {
            (row.detail, statement)
            for statement, values in asked
            if statement.startswith(("SELECT", "UPDATE", "DELETE", "WITH"))
            for row in tx.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
        }
    assert len(asked) > 20
    assert [one for one in plans if (found := WHOLE.match(one[0])) and found["index"] not in SMALL] == []
