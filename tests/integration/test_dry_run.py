"""Is what was recorded played again as it was, and is every difference of a draft told?"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from textwrap import dedent

import pytest
from sqlalchemy import func, select

from nurture.db.session import Database
from nurture.db.tables import Base
from nurture.engine.answers import Seen
from nurture.engine.replay import Differs
from nurture.services.rehearsing.observed import observe
from nurture.services.rehearsing.replay import Draft, DryRun, dry_run, read_draft
from nurture.services.running.pausing import Scope, pause, resume
from nurture.workflow.model import Workflow
from tests.support.running import Running, a_nurture

GUIDE = """\
    workflow: guide
    purpose: nurture
    stages:
      - stage: first
        need: Know more
        trigger: a.happened
        validate: b.happened
        steps:
          - {email: hello, purpose: transactional}
          - {email: again, after: 2 days}
          - {call_task: ring, after: 1 day, assign: round-robin sales, expires: 2 business days}
        loss:
          - {on: quote.requested, reason: elsewhere}
          - {after: 10 days, reason: timed-out}
      - stage: second
        need: Have more
        validate: meeting.booked
        steps:
          - {email: more, after: 1 day}
        loss:
          - {after: 20 days, reason: went-quiet}
"""


def a_guide(database_url: str, folder: Path) -> Running:
    running = a_nurture(database_url, folder, mails=("hello", "again", "more", "news"))
    running.write("templates/call/ring.txt", "Hello {{ contact.first_name or 'there' }}.\n")
    running.write("workflows/guide.yaml", GUIDE)
    running.publish()
    return running


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory, _migrated_sqlite: Path) -> Iterator[Running]:
    """Ana goes on after three days, Bea asks elsewhere, Carl is silent, Dora never agreed, Eve leaves. Only read from then on."""
    folder = tmp_path_factory.mktemp("lived")
    running = a_guide(f"sqlite:///{shutil.copy(_migrated_sqlite, folder / 'nurture.db')}", folder)
    for name in ("ana", "bea", "carl", "dora", "eve"):
        running.add(f"{name}@example.org", consent=None if name == "dora" else "nurture")
        running.track("a.happened", email=f"{name}@example.org")
    running.advance(hours=30)
    running.track("quote.requested", email="bea@example.org")
    running.track("consent.withdrawn", email="eve@example.org")
    running.advance(hours=40)
    running.track("b.happened", email="ana@example.org")
    running.advance(days=8)
    yield running
    running.nurture.close()


def workflows_of(running: Running) -> Mapping[str, Workflow]:
    with running.nurture.database.read() as tx:
        return running.nurture.runtime.shelf.published(tx).workflows


def changed(running: Running, old: str, new: str, file: str = "guide.yaml") -> Draft:
    assert old in GUIDE
    path = running.project.parent / file
    path.write_text(dedent(GUIDE.replace(old, new)))
    return read_draft(running.project, path, "guide")


def told(answer: DryRun, email: str) -> list[tuple[Differs, str]]:
    return [
        (each.differs, each.what)
        for one in answer.different
        if one.email == f"{email}@example.org"
        for each in one.differences
    ]


def test_the_live_version_played_again_does_what_was_recorded(lived: Running) -> None:

    answer = dry_run(lived.nurture.runtime, changed(lived, "need: Know more", "need: Know it"), 100)

    assert (answer.agreed, answer.recorded, answer.played) == (5, 5, 5)
    assert answer.different == ()
    assert answer.live == answer.draft


def test_a_longer_wait_moves_what_had_come_and_takes_away_what_comes_too_late(lived: Running) -> None:

    answer = dry_run(
        lived.nurture.runtime, changed(lived, "again, after: 2 days", "again, after: 4 days"), 100
    )

    # Ana had gone on by then; Carl gets it two days later, and his call too; Dora gets none; the others had left.
    assert told(answer, "ana") == [(Differs.WOULD_NOT_GO, "again")]
    assert told(answer, "carl") == [(Differs.MOVED, "again"), (Differs.MOVED, "ring")]
    assert told(answer, "dora") == [(Differs.MOVED, "ring")]
    assert told(answer, "eve") == told(answer, "bea") == []
    assert answer.totals[Differs.MOVED, "call", "ring"] == 2


def test_another_loss_and_another_message_are_told_with_the_end_they_lead_to(lived: Running) -> None:
    draft = changed(lived, "{email: hello, purpose: transactional}", "{email: news, purpose: transactional}")

    answer = dry_run(lived.nurture.runtime, draft, 100)
    sooner = dry_run(lived.nurture.runtime, changed(lived, "after: 10 days", "after: 1 day"), 100)

    assert answer.totals[Differs.WOULD_GO, "email", "news"] == 5
    assert answer.totals[Differs.WOULD_NOT_GO, "email", "hello"] == 5
    assert (Differs.END, "lost timed-out → lost timed-out") not in told(sooner, "carl")
    assert (Differs.END, "lost elsewhere → lost timed-out") in told(sooner, "bea")


def test_a_draft_whose_first_stage_is_another_cannot_be_played_and_says_so(lived: Running) -> None:

    answer = dry_run(lived.nurture.runtime, changed(lived, "stage: first", "stage: begin"), 100)

    assert answer.played == 0
    assert len(answer.unplayable) == 5
    assert answer.unplayable[0].endswith("it began at 'first', which is not there any more")


@pytest.mark.slow
def test_both_databases_tell_the_same_story_a_pause_included(any_database: str, tmp_path: Path) -> None:
    running = a_guide(any_database, tmp_path)
    for name in ("ana", "carl"):
        running.add(f"{name}@example.org")
        running.track("a.happened", email=f"{name}@example.org")
    running.advance(hours=2)
    held = Scope(workflow="guide")
    pause(running.nurture.runtime, held, "a test")
    running.advance(step_hours=24, days=3)
    resume(running.nurture.runtime, held, "a test")
    running.track("b.happened")
    running.advance(hours=5)

    answer = dry_run(running.nurture.runtime, changed(running, "need: Know more", "need: Know it"), 100)
    seen = observe(running.nurture.runtime, workflows_of(running), "guide").seen
    running.nurture.close()

    assert (answer.agreed, answer.recorded) == (2, 2)
    assert (seen["guide", "stage.validated", "first"].times, seen["guide", "email.clicked", "hello"]) == (
        1,
        Seen(0, 2),
    )


def test_nothing_of_it_writes_anything(lived: Running) -> None:
    before = rows(lived.nurture.database)

    dry_run(lived.nurture.runtime, changed(lived, "after: 2 days", "after: 4 days"), 100)
    observe(lived.nurture.runtime, workflows_of(lived), "guide")

    assert rows(lived.nurture.database) == before


def rows(database: Database) -> dict[str, int]:
    with database.read() as tx:
        return {
            table.name: tx.execute(select(func.count()).select_from(table)).scalar_one()
            for table in Base.metadata.sorted_tables
        }


def test_rates_are_counted_from_what_happened(lived: Running) -> None:
    seen = observe(lived.nurture.runtime, workflows_of(lived), "guide").seen

    validated = seen["guide", "stage.validated", "first"]
    assert (validated.times, validated.n) == (1, 5)
    assert timedelta(days=validated.days or 0) == timedelta(hours=70)
    assert seen["guide", "stage.lost", "first"] == Seen(1, 5)
    assert seen["guide", "email.clicked", "hello"] == Seen(0, 5)
    assert seen["guide", "consent.withdrawn", "hello"].times == 1
