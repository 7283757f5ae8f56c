"""Calls where several hands meet: a shared number, a click taken back while another counts, a mended number, a dead sweeper."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import Event

import pytest

from nurture.db import contacts, outcomes, tasks
from nurture.model.errors import NurtureError
from nurture.model.words import SuppressionReason
from nurture.services.events.ingest import CALL_OUTCOME, Happening, take_in
from nurture.services.phone import calls
from nurture.services.running.doctor import examine
from tests.integration.test_calls import KIM, a_company, closed, report, the_call, told, wait
from tests.support.running import Running

DO_NOT_CALL = {SuppressionReason.DO_NOT_CALL}
TWIN = "twin@example.org"


@pytest.fixture
def anywhere(any_database: str, tmp_path: Path) -> Iterator[Running]:
    """Ana and Twin share a phone; both are to be called."""
    running = a_company(any_database, tmp_path)
    running.add(TWIN)
    running.track("a.happened")
    running.track("a.happened", TWIN)
    running.run()
    yield running
    running.nurture.close()


def call_of_twin(running: Running) -> int:
    with running.nurture.database.read() as tx:
        twin = contacts.by_email(tx, [TWIN])[TWIN]
        return tasks.of_contact(tx, twin.id)[0].id


def is_in_order(running: Running) -> bool:
    return examine(running.nurture.runtime).findings == ()


# --- one number, two people -----------------------------------------------------------------------------------------


def test_a_number_that_two_contacts_share_stays_closed_while_one_click_on_it_stands(
    anywhere: Running,
) -> None:
    runtime = anywhere.nurture.runtime
    first = report(anywhere, "do-not-call")
    second = calls.report(runtime, call_of_twin(anywhere), "do-not-call", KIM)

    calls.undo(runtime, first.outcome.id, KIM)
    after_one = closed(anywhere)
    calls.undo(runtime, second.outcome.id, KIM)

    assert after_one == DO_NOT_CALL
    assert closed(anywhere) == frozenset()


def test_a_number_that_is_closed_for_good_at_the_moment_of_an_undo_stays_closed(anywhere: Running) -> None:
    first = report(anywhere, "do-not-call")
    stored, undoing = Event(), Event()

    def from_outside() -> None:
        happening = Happening(
            contact_id=first.task.contact_id, name=CALL_OUTCOME, data={"outcome": "do-not-call"}
        )
        with anywhere.nurture.database.write() as tx:
            take_in(tx, anywhere.nurture.runtime.shelf, [happening], anywhere.clock.now())
            stored.set()
            undoing.wait(0.3)  # what is being taken back was read before this is committed

    def take_back() -> None:
        stored.wait()
        calls.undo(anywhere.nurture.runtime, first.outcome.id, KIM)
        undoing.set()

    with ThreadPoolExecutor(2) as together:
        for one in [together.submit(from_outside), together.submit(take_back)]:
            one.result()

    assert closed(anywhere) == DO_NOT_CALL


def test_many_clicks_and_undos_on_one_number_leave_it_as_the_last_standing_one_says(
    anywhere: Running,
) -> None:
    runtime = anywhere.nurture.runtime
    ids = [the_call(anywhere).id, call_of_twin(anywhere)] * 4

    def click_and_take_back(task: int) -> None:
        told_of = calls.report(runtime, task, "do-not-call", KIM)
        with suppress(NurtureError):  # another click on the same call has taken its place
            calls.undo(runtime, told_of.outcome.id, KIM)

    with ThreadPoolExecutor(4) as together:
        list(together.map(click_and_take_back, ids))

    with anywhere.nurture.database.read() as tx:
        standing = [one for task in set(ids) for one in outcomes.of_task(tx, task) if one.pending]
    assert (closed(anywhere) == DO_NOT_CALL) == bool(standing)
    assert is_in_order(anywhere)


# --- a number that was mended ---------------------------------------------------------------------------------------


def test_a_wrong_number_that_is_mended_within_the_grace_leaves_the_right_one_open(anywhere: Running) -> None:
    report(anywhere, "wrong-number")
    anywhere.add(consent=None, phone="+14165550999")

    wait(anywhere, minutes=2)

    assert the_call(anywhere).outcome == "wrong-number"
    assert closed(anywhere) == frozenset()
    with anywhere.nurture.database.read() as tx:
        assert tasks.get(tx, call_of_twin(anywhere)).state == "cancelled"  # type: ignore[union-attr]


# --- a sweeper that dies --------------------------------------------------------------------------------------------


def test_a_sweeper_that_dies_before_its_commit_leaves_the_outcome_to_the_next_one(
    anywhere: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    report(anywhere, "voicemail")
    anywhere.clock.advance(minutes=2)

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as dying:
        dying.setattr(calls, "_happening", die)
        with pytest.raises(KeyboardInterrupt):
            calls.settle(anywhere.nurture.runtime)
    before = told(anywhere)
    anywhere.advance(days=1)

    assert before == []
    assert [one.data["outcome"] for one in told(anywhere)] == ["voicemail"]
    assert [script for script, _, _ in anywhere.calls()] == ["ring", "ring-again"]
    assert is_in_order(anywhere)


def test_an_outcome_and_the_end_of_its_stage_in_one_moment_count_in_their_order(anywhere: Running) -> None:
    runtime = anywhere.nurture.runtime
    report(anywhere, "not-interested")
    anywhere.clock.advance(minutes=2)

    with ThreadPoolExecutor(3) as together:
        together.submit(calls.settle, runtime)
        together.submit(anywhere.track, "b.happened")
        together.submit(calls.settle, runtime)
    anywhere.run()

    assert len(told(anywhere)) == 1
    assert anywhere.moves()[-1] in ("completed first", "lost first")
    assert the_call(anywhere).state in ("done", "cancelled")
    assert is_in_order(anywhere)
