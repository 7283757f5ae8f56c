"""Taking contacts along: names change everywhere at once, nothing is sent twice, a crash goes on, and who cannot come stays."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from nurture.db import enrollments, migrating, outbox, state, tasks
from nurture.db.enrollments import Claimed
from nurture.engine.decide import decide
from nurture.engine.migrating import Obstacle
from nurture.model.errors import NurtureError, TextError
from nurture.model.words import DeliveryState, Phase
from nurture.services.advancing.record import record_turns
from nurture.services.facts import load_facts
from nurture.services.releases import migration, planning
from nurture.services.releases.migration import FACT
from nurture.services.releases.plan_values import Plan
from nurture.services.releases.publish import make_live
from nurture.services.releases.wishes import read_wishes
from nurture.services.running import doctor
from nurture.services.story.path import path
from nurture.services.story.why import why
from tests.support.running import Running, a_nurture

WORKFLOW = """\
workflow: one
purpose: nurture
calendar: business
stages:
  - stage: first
    need: Know more
    trigger: a.happened
    validate: b.happened
    steps:
      - {email: hello}
      - wait: 2 days
      - {email: again}
      - {wait_until: email.clicked, timeout: 3 days}
      - {call_task: ring, assign: round-robin sales}
      - {email: last, after: 1 day}
    loss: [{after: 30 days, reason: timed-out}]
  - stage: second
    need: Decide
    validate: sale.closed
    loss: [{after: 30 days, reason: timed-out}]
"""


on_both = pytest.mark.parametrize("running", ["sqlite", "postgres"], indirect=True)


@pytest.fixture
def running(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Running]:
    """Ana waits for her second mail: on SQLite, or on what the test says."""
    url = str(request.getfixturevalue(f"{getattr(request, 'param', 'sqlite')}_url"))
    running = a_nurture(url, tmp_path, mails=("hello", "again", "last"))
    running.write("templates/call/ring.txt", "Call {{ contact.first_name or 'the contact' }}.\n")
    running.write("workflows/one.yaml", WORKFLOW)
    running.publish()
    running.add()
    running.track("a.happened")
    running.run()
    yield running
    running.nurture.close()


def edit(running: Running, *changes: tuple[str, str]) -> None:
    text = WORKFLOW
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    running.write("workflows/one.yaml", text)


def take_along(running: Running, *words: str) -> Plan:
    plan = planning.plan(running.nurture.runtime, running.project, read_wishes(words or ("one",)))
    make_live(running.nurture.runtime, plan)
    return plan


def said(running: Running) -> list[str]:
    return [turn.said for turn in why(running.nurture.runtime, "ana@example.org").turns]


# --- where they go on ---------------------------------------------------------------------------------------------


def test_who_waits_goes_on_at_the_same_wait_by_the_new_rule(running: Running) -> None:
    running.advance(hours=1)
    edit(
        running,
        ("wait: 2 days", "wait: 3 days"),
        ("{email: hello}", "{email: hello}\n      - {email: last, id: extra, after: 1 hour}"),
    )

    plan = take_along(running)
    running.advance(step_hours=6, days=2)
    before = running.states()
    running.advance(step_hours=6, days=1)

    (group,) = plan.workflows[0].groups
    assert (group.step, group.goal, group.obstacle) == ("first-2", "first-3", None)
    assert [name for name, *_ in before] == ["hello"]
    assert [name for name, *_ in running.states()] == ["hello", "again"]


def test_why_tells_that_and_where_a_contact_was_taken_along(running: Running) -> None:
    edit(running, ("wait: 2 days", "wait: 3 days"))

    take_along(running)

    (told,) = [line for line in said(running) if "instead of" in line]
    assert told.startswith("Goes on at 'first-2' in version")


def test_a_stage_that_was_renamed_takes_its_history_along(running: Running) -> None:
    edit(running, ("stage: first", "stage: interest\n    was: first"))

    take_along(running)
    running.track("b.happened")
    running.run()

    assert running.moves() == ["entered interest", "validated interest", "entered second"]
    assert doctor.examine(running.nurture.runtime).ok


def test_who_stands_at_a_step_that_is_gone_stays_and_is_told_with_the_remedy(running: Running) -> None:
    running.advance(step_hours=12, days=2)
    edit(running, ("      - {wait_until: email.clicked, timeout: 3 days}\n", ""))
    before = running.enrollments()[0].version

    plan = take_along(running)

    (group,) = plan.workflows[0].groups
    assert (group.count, group.obstacle) == (1, Obstacle.STEP_GONE)
    assert running.enrollments()[0].version == before
    running.advance(step_hours=6, days=4)
    assert [name for name, *_ in running.calls()] == ["ring"]


def test_a_person_sends_them_on_by_name(running: Running) -> None:
    running.advance(step_hours=12, days=2)
    edit(running, ("      - {wait_until: email.clicked, timeout: 3 days}\n", ""))

    take_along(running, "one:first-4=last")
    running.advance(step_hours=6, days=2)

    assert [name for name, *_ in running.states()] == ["hello", "again", "last"]
    assert running.calls() == []


def test_a_step_that_was_put_behind_them_is_not_taken_again(running: Running) -> None:
    running.advance(step_hours=12, days=2)
    edit(
        running,
        ("      - {email: hello}\n", ""),
        ("      - {email: last", "      - {email: hello, after: 1 day}\n      - {email: last"),
    )

    take_along(running)
    running.advance(step_hours=12, days=16)

    assert [name for name, *_ in running.states()] == ["hello", "again", "last"]
    assert any("had its turn in this stage already" in line for line in said(running))


# --- what is under way --------------------------------------------------------------------------------------------


@on_both
def test_a_message_in_its_dialogue_ends_under_its_new_name_and_the_contact_goes_on(running: Running) -> None:
    running.clock.advance(days=2)
    running.nurture.advance.batch()
    with running.nurture.database.write() as tx:
        (claim,) = outbox.claim(tx, running.clock.now(), running.clock.operational())
    edit(running, ("{email: again}", "{email: again, id: second-mail, was: again}"))

    take_along(running)
    with running.nurture.database.write() as tx:
        sent = outbox.Outcome(claim.id, claim.fence, DeliveryState.FAILED, reason="message-refused")
        outbox.record_outcomes(tx, [sent], running.clock.now())
    running.run()

    (one,) = running.enrollments()
    assert (one.step, one.phase) == ("first-4", Phase.WATCHING)
    assert [ran.step for ran in one.ran] == ["hello", "second-mail"]
    assert [(each.step, each.state) for each in running.deliveries()][1:] == [
        ("second-mail", DeliveryState.FAILED)
    ]


def test_a_click_in_a_mail_of_a_renamed_step_still_ends_the_wait(running: Running) -> None:
    running.advance(step_hours=12, days=2)
    edit(running, ("{email: again}", "{email: again, id: second-mail, was: again}"))

    take_along(running)
    running.track("email.clicked")
    running.run()

    assert running.enrollments()[0].step == "ring"


def test_the_outcome_of_an_open_call_counts_under_its_new_name(running: Running) -> None:
    running.advance(step_hours=9, days=5, hours=6)
    assert running.enrollments()[0].step == "ring"
    edit(running, ("{call_task: ring,", "{call_task: ring, id: first-call, was: ring,"))

    take_along(running)
    with running.nurture.database.write() as tx:
        (task,) = tasks.of_contact(tx, running.enrollments()[0].contact_id)
        tasks.finish(tx, task.id, "reached", running.clock.now())
    running.run()

    assert (task.step, running.enrollments()[0].step) == ("first-call", "last")


def test_who_acts_is_not_sent_to_another_step(running: Running) -> None:
    running.advance(step_hours=9, days=5, hours=6)
    edit(running, ("      - {call_task: ring, assign: round-robin sales}\n", ""))

    plan = take_along(running, "one:ring=last")

    (group,) = plan.workflows[0].groups
    assert group.obstacle is Obstacle.UNDER_WAY


# --- hands that cross ---------------------------------------------------------------------------------------------


@on_both
def test_a_worker_that_was_deciding_writes_nothing_and_the_new_version_decides(running: Running) -> None:
    running.clock.advance(days=2)
    with running.nurture.database.write() as tx:
        (claim,) = enrollments.claim_due(tx, running.clock.now(), running.clock.operational())
    edit(running, ("wait: 2 days", "wait: 5 days"))

    take_along(running)
    written = late_turn(running, claim)
    running.run()

    assert written == 0
    assert [name for name, *_ in running.states()] == ["hello"]


def late_turn(running: Running, claim: Claimed) -> int:
    """What a worker does that claimed before: returns how many of its turns were written."""
    shelf, now = running.nurture.runtime.shelf, running.clock.now()
    with running.nurture.database.write() as tx:
        versions = shelf.versions(tx, {claim.enrollment.version})
        facts = load_facts(tx, [claim.enrollment], shelf.published(tx).workspace, now)
        turn = decide(versions[claim.enrollment.version], claim.enrollment, facts[claim.enrollment.id], now)
        return record_turns(tx, shelf, [(claim, turn)], now)[0]


@on_both
def test_after_a_crash_between_batches_the_sweep_takes_the_rest_along(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(6):
        running.add(f"p{number}@example.org")
        running.track("a.happened", f"p{number}@example.org")
    running.run()
    edit(running, ("wait: 2 days", "wait: 3 days"))
    monkeypatch.setattr(migration, "BATCH", 3)
    batches = iter(range(1))
    step = migration._next
    monkeypatch.setattr(
        migration, "_next", lambda runtime: step(runtime) if next(batches, None) is not None else None
    )
    take_along(running)
    half = versions_of(running)
    monkeypatch.setattr(migration, "_next", step)

    running.nurture.sweep()

    assert sorted(half.values()) == [3, 4]
    assert list(versions_of(running).values()) == [7]
    with running.nurture.database.read() as tx:
        assert state.get(tx, FACT) is None
    assert [name for name, *_ in running.states()] == ["hello"]


def versions_of(running: Running) -> dict[tuple[str, str], int]:
    with running.nurture.database.read() as tx:
        return migrating.live_by_version(tx)


def test_doing_it_again_changes_nothing(running: Running) -> None:
    edit(running, ("wait: 2 days", "wait: 3 days"))
    take_along(running)

    plan = planning.plan(running.nurture.runtime, running.project, read_wishes(["one"]))

    assert (plan.changes_anything, make_live(running.nurture.runtime, plan).release) == (False, None)


# --- what is due at once ------------------------------------------------------------------------------------------


def test_many_who_are_due_by_a_shorter_wait_take_their_turns_over_minutes(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nurture.services.spread.A_MINUTE", 2)
    for number in range(5):
        running.add(f"p{number}@example.org")
        running.track("a.happened", f"p{number}@example.org")
    running.advance(days=1)
    edit(running, ("wait: 2 days", "wait: 1 hour"))

    plan = take_along(running)
    went = []
    for _ in range(4):
        running.run()
        went.append(len(running.mails()))
        running.clock.advance(minutes=1)

    assert plan.workflows[0].groups[0].at_once == 6
    assert went == [8, 10, 12, 12]


def test_many_whose_wait_is_over_by_a_shorter_timeout_go_on_over_minutes(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nurture.services.spread.A_MINUTE", 2)
    people = ["ana@example.org", *(f"p{number}@example.org" for number in range(3))]
    for email in people[1:]:
        running.add(email)
        running.track("a.happened", email)
    running.advance(step_hours=12, days=3)
    edit(running, ("timeout: 3 days", "timeout: 1 hour"))

    plan = take_along(running)
    called = []
    for _ in range(3):
        running.run()
        called.append(sum(len(running.calls(email)) for email in people))
        running.clock.advance(minutes=1)

    assert plan.workflows[0].groups[0].at_once == 4
    assert called == [2, 4, 4]


# --- what a person asks for ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("two", "there is no such workflow"),
        ("one:first-2=nowhere", "has no step or stage 'nowhere'"),
        ("one:nowhere=last", "has 'nowhere'"),
    ],
)
def test_a_wish_that_names_nothing_is_refused_with_what_is_there(
    running: Running, word: str, told: str
) -> None:
    edit(running, ("wait: 2 days", "wait: 3 days"))

    with pytest.raises(NurtureError, match=told):
        planning.plan(running.nurture.runtime, running.project, read_wishes([word]))


def test_wishes_are_words_or_a_file(tmp_path: Path) -> None:
    (tmp_path / "map.yaml").write_text("one: {old: new}\ntwo:\n")

    found = read_wishes(["one:a=b,c=d", "three", "map.yaml"], tmp_path)

    assert found == {"one": {"a": "b", "c": "d", "old": "new"}, "two": {}, "three": {}}


@pytest.mark.parametrize("word", ["one:", "one:a", "one:a=", ":a=b"])
def test_a_wish_that_says_nothing_is_wrong_usage(word: str) -> None:
    with pytest.raises(TextError):
        read_wishes([word])


def test_pages_still_tell_the_journey_of_who_was_taken_along(running: Running) -> None:
    running.advance(step_hours=12, days=2)
    edit(running, ("{email: again}", "{email: again, id: second-mail, was: again}"))

    take_along(running)

    (one,) = running.enrollments()
    (journey,) = path(running.nurture.runtime, one.contact_id).journeys
    assert [leg.stage for leg in journey.legs] == ["first", "second"]
    told = why(running.nurture.runtime, "ana@example.org", "one", "second-mail").turns
    assert [line.decision for line in told if line.step == "second-mail"][-1:] == ["sent"]


# --- names that another step takes over ---------------------------------------------------------------------------

TIPS = """\
workflow: one
purpose: nurture
stages:
  - stage: first
    need: Know more
    trigger: a.happened
    validate: b.happened
    steps:
{steps}
    loss: [{{after: 30 days, reason: timed-out}}]
"""


def tips(*steps: str) -> str:
    return TIPS.format(steps="\n".join(f"      - {{{step}}}" for step in steps))


def test_where_a_step_takes_the_name_of_another_everybody_stays_and_misses_nothing(running: Running) -> None:
    numbered = ["email: hello, id: tip-1"]
    numbered += [
        f"email: {name}, id: tip-{number}, after: 2 days" for name, number in (("again", 2), ("last", 3))
    ]
    running.write("workflows/one.yaml", tips(*numbered))
    running.publish()
    running.add("bea@example.org")
    running.track("a.happened", "bea@example.org")
    running.advance(step_hours=12, days=1)
    moved_up = "email: again, id: tip-1, was: tip-2, after: 2 days"
    running.write("workflows/one.yaml", tips(moved_up, numbered[-1]))

    plan = take_along(running)
    running.advance(step_hours=12, days=5)

    assert Obstacle.NAME_TAKEN in {group.obstacle for group in plan.workflows[0].groups}
    assert [name for name, *_ in running.states("bea@example.org")] == ["hello", "again", "last"]
