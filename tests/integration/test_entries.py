"""Whom a segment, a day, a loss or a person brings into a workflow, in the database as it runs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from nurture.db import contacts, events, segments
from nurture.db.contacts import Change
from nurture.services.events import segments as looking
from nurture.services.events import watch
from nurture.services.events.ingest import note_changes
from nurture.services.events.scores import score_of
from tests.support.browsing import a_browser
from tests.support.running import TOML, Running, a_nurture

FIELDS = """\
[fields]
renewal_on = "date"
born_on = "date"
wealth = "number"
"""
SCORES = """\

[[scores]]
on = "a.happened"
add = 15
decay = "10 days"

[[scores]]
on = "quote.requested where event.amount >= 100"
add = 30
"""
WARM = """\
segment: warm
where: contact.score >= 20
"""
NURTURED = """\
workflow: {name}
title: One
purpose: nurture
reentry: {reentry}
stages:
  - stage: first
    need: Know more
    trigger: {trigger}
    validate: b.happened
    steps: [{{email: hello}}]
    loss: [{{after: 30 days, reason: timed-out}}]
  - stage: second
    need: Decide
    {second}
    validate: sale.closed
    steps: [{{email: again}}]
    loss: [{{after: 30 days, reason: timed-out}}]
"""


@pytest.fixture
def running(any_database: str, tmp_path: Path) -> Iterator[Running]:
    running = a_nurture(any_database, tmp_path, mails=("hello", "again"))
    running.write("nurture.toml", TOML.replace("[fields]\n", FIELDS) + SCORES)
    running.write("segments/warm.yaml", WARM)
    yield running
    running.nurture.close()


def begun_by(
    running: Running, trigger: str, *, name: str = "one", reentry: str = "never", second: str = ""
) -> None:
    text = NURTURED.format(name=name, trigger=trigger, reentry=reentry, second=second or "bucket: SQL")
    running.write(f"workflows/{name}.yaml", text)
    running.publish()


def change(running: Running, email: str = "ana@example.org", **values: object) -> None:
    with running.nurture.database.write() as tx:
        contact = contacts.by_email(tx, [email])[email]
        now = running.clock.now()
        changed = contacts.apply_changes(tx, {contact.id: Change(values)}, now)  # type: ignore[arg-type]
        note_changes(tx, running.nurture.runtime.shelf, changed, now)


def told(running: Running, email: str = "ana@example.org") -> list[str]:
    with running.nurture.database.read() as tx:
        found = events.of_contact(tx, contacts.by_email(tx, [email])[email].id)
    return [one.name for one in reversed(found)]


def score(running: Running, email: str = "ana@example.org") -> float:
    with running.nurture.database.read() as tx:
        return contacts.by_email(tx, [email])[email].score


# --- segments -------------------------------------------------------------------------------------------------------


def test_who_enters_a_segment_enters_the_workflow_that_it_triggers(running: Running) -> None:
    begun_by(running, "segment warm")
    running.add()
    running.run()

    running.clock.advance(minutes=2)
    change(running, score=25)
    running.run()

    (enrollment,) = running.enrollments()
    assert (enrollment.stage, enrollment.entered_by) == ("first", "segment")
    assert running.states() == [("hello", "sent", None)]


def test_who_is_created_as_a_member_enters_too(running: Running) -> None:
    begun_by(running, "segment warm")

    running.add(score=30)
    running.run()

    assert [one.stage for one in running.enrollments()] == ["first"]


def test_who_was_a_member_before_the_trigger_was_published_is_not_swept_in(running: Running) -> None:
    running.publish()
    running.add(score=30)

    begun_by(running, "segment warm")
    running.advance(days=2, step_hours=12)

    assert running.enrollments() == []
    assert told(running) == []


@pytest.mark.slow
def test_a_changed_condition_takes_nobody_in_by_itself(running: Running) -> None:
    begun_by(running, "segment warm")
    running.add(score=10)
    running.run()

    running.write("segments/warm.yaml", WARM.replace("20", "5"))
    running.publish()
    running.advance(days=2, step_hours=12)

    assert running.enrollments() == []


@pytest.mark.slow
def test_who_fits_again_within_the_grace_never_left(running: Running) -> None:
    begun_by(running, "segment warm")
    running.add(score=30)
    running.run()

    running.advance(hours=1)
    change(running, score=0)
    running.advance(hours=20)
    change(running, score=30)
    running.advance(days=3, step_hours=6)

    assert [name for name in told(running) if name.startswith("segment.")] == ["segment.entered"]


@pytest.mark.slow
def test_leaving_counts_when_the_grace_is_over_and_ends_no_enrollment(running: Running) -> None:
    running.write("segments/warm.yaml", WARM + "grace: 2 days\n")
    begun_by(running, "segment warm")
    running.add(score=30)
    running.run()

    running.advance(hours=1)
    change(running, score=0)
    running.advance(days=1, hours=12)
    early = told(running)
    running.advance(days=1)

    assert "segment.left" not in early
    assert told(running)[-1] == "segment.left"
    assert [one.live for one in running.enrollments()] == [True]


@pytest.mark.slow
def test_who_left_and_comes_back_asks_to_enter_anew(running: Running) -> None:
    begun_by(running, "segment warm", reentry="always")
    running.add(score=30)
    running.run()

    running.advance(hours=1)
    change(running, score=0)
    running.advance(days=2, step_hours=6)
    change(running, score=30)
    running.advance(hours=1)

    assert told(running).count("segment.entered") == 2
    assert [one.end_reason for one in running.enrollments()] == ["restarted", None]


def test_a_segment_that_triggers_a_later_stage_moves_who_is_in_the_workflow(running: Running) -> None:
    begun_by(running, "a.happened", second="trigger: segment warm")
    running.add()
    running.add("bea@example.org")
    running.track("a.happened")
    running.run()

    running.advance(hours=1)
    change(running, score=30)
    change(running, "bea@example.org", score=30)
    running.advance(hours=1)

    assert running.moves() == ["entered first", "skipped first", "entered second"]
    assert running.enrollments("bea@example.org") == []


def test_a_transactional_mail_is_marketing_to_whom_a_segment_brought(running: Running) -> None:
    begun_by(running, "segment warm")
    text = (running.project / "workflows/one.yaml").read_text()
    running.write(
        "workflows/one.yaml", text.replace("{email: hello}", "{email: hello, purpose: transactional}")
    )
    running.publish()
    running.add(consent=None, score=30)

    running.run()

    assert running.states() == [("hello", "skipped", "no-consent")]


def test_a_thousand_newcomers_enter_once_each_however_often_it_is_looked(running: Running) -> None:
    begun_by(running, "segment warm")
    for number in range(30):
        running.add(f"c{number}@example.org", score=30)
    runtime = running.nurture.runtime

    with running.nurture.database.read() as tx:
        published = runtime.shelf.published(tx)
    first = looking.sweep(runtime, published)
    running.clock.advance(minutes=5)
    again = looking.sweep(runtime, published)

    assert (first, again) == (30, 0)
    with running.nurture.database.read() as tx:
        assert segments.watched(tx) == {"warm"}


@pytest.mark.parametrize("any_database", ["postgres"], indirect=True)  # to the other no sum is too large
def test_a_segment_that_cannot_be_answered_stops_no_other(running: Running) -> None:
    running.write("segments/rich.yaml", "segment: rich\nwhere: contact.wealth + contact.wealth > 5\n")
    begun_by(running, "segment warm", second="trigger: segment rich")
    beyond_every_sum = running.add(fields={"wealth": 1.7e308})
    running.add("bea@example.org", score=30, fields={"wealth": 3})

    running.publish()
    running.advance(step_hours=0.1, minutes=12)
    running.track("b.happened", "bea@example.org")
    with running.nurture.database.write() as tx:
        contacts.apply_changes(tx, {beyond_every_sum.id: Change({"wealth": 1})}, running.clock.now())
    running.advance(step_hours=0.1, minutes=12)

    assert running.moves("bea@example.org") == ["entered first", "validated first", "entered second"]


# --- days -----------------------------------------------------------------------------------------------------------


def test_a_day_rings_at_nine_in_the_zone_of_the_contact_and_once(running: Running) -> None:
    begun_by(running, "date contact.renewal_on - 90 days")
    running.add(fields={"renewal_on": "2026-06-03"})
    running.add("bea@example.org", timezone="Asia/Tokyo", fields={"renewal_on": "2026-06-03"})

    running.advance(days=4, step_hours=2)

    (ana,), (bea,) = running.enrollments(), running.enrollments("bea@example.org")
    assert (ana.entered_at, ana.entered_by) == (datetime(2026, 3, 5, 14, tzinfo=UTC), "date")
    assert bea.entered_at == datetime(2026, 3, 5, 0, tzinfo=UTC)
    assert told(running).count("date.reached") == 1


def test_a_day_that_is_over_rings_for_nobody(running: Running) -> None:
    running.publish()
    running.clock.advance(hours=3)
    running.add(fields={"renewal_on": "2026-03-02"})
    begun_by(running, "date contact.renewal_on")
    running.add("bea@example.org", fields={"renewal_on": "2026-03-02"})

    running.advance(days=3, step_hours=12)

    assert running.enrollments() == running.enrollments("bea@example.org") == []


@pytest.mark.slow
def test_a_changed_date_rings_again_on_its_new_day(running: Running) -> None:
    begun_by(running, "date contact.renewal_on", reentry="always")
    running.add(fields={"renewal_on": "2026-03-03"})
    running.advance(days=3)

    change(running, renewal_on="2026-03-10")
    running.advance(days=8)

    assert told(running).count("date.reached") == 2
    assert len(running.enrollments()) == 2


@pytest.mark.slow
def test_a_birthday_comes_every_year_and_on_the_28th_where_there_is_no_29th(running: Running) -> None:
    running.clock.advance(days=355)
    begun_by(running, "date every contact.born_on", reentry="always")
    running.add(fields={"born_on": "1984-02-29"})

    running.advance(days=380, step_hours=24)

    assert [one.entered_at.date().isoformat() for one in running.enrollments()] == [
        "2027-02-28",
        "2028-02-29",
    ]


@pytest.mark.slow
def test_days_that_came_while_nobody_worked_ring_late_and_once(running: Running) -> None:
    begun_by(running, "date contact.renewal_on")
    running.add(fields={"renewal_on": "2026-03-04"})
    running.run()

    running.clock.advance(days=5)
    running.run()
    running.run()

    assert told(running).count("date.reached") == 1
    assert len(running.enrollments()) == 1


# --- losses, hands, scores --------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_who_is_lost_elsewhere_enters_by_a_lost_trigger(running: Running) -> None:
    begun_by(running, "a.happened")
    begun_by(running, "lost one/first", name="win-back")
    running.add()
    running.track("a.happened")

    running.advance(days=31, step_hours=12)

    assert [(one.workflow, one.entered_by) for one in running.enrollments()][1:] == [("win-back", "lost")]


def test_a_manual_workflow_takes_in_whom_a_person_sends(running: Running) -> None:
    begun_by(running, "manual")
    running.add()
    running.track("a.happened")

    running.enroll("one")

    assert [one.entered_by for one in running.enrollments()] == ["hand"]


def test_events_add_points_that_fade_and_are_told_once(running: Running) -> None:
    running.publish()
    running.add(score=5)
    running.track("a.happened")
    running.track("a.happened")
    running.track("quote.requested", amount=90)
    running.track("quote.requested", amount=120)
    high = score(running)

    running.advance(days=11, step_hours=12)

    assert (high, score(running)) == (65, 35)
    assert told(running).count("contact.changed") == 4


def test_points_open_a_segment_that_asks_for_the_score(running: Running) -> None:
    begun_by(running, "segment warm")
    running.add()

    running.track("a.happened")
    running.track("a.happened")
    running.run()

    assert [one.entered_by for one in running.enrollments()] == ["segment"]


def test_a_score_is_told_as_what_was_set_and_what_events_added(running: Running) -> None:
    running.publish()
    running.add(score=5)
    running.track("a.happened")
    change(running, score=40)

    with running.nurture.database.read() as tx:
        ana = contacts.by_email(tx, ["ana@example.org"])["ana@example.org"]
        found = score_of(tx, ana)
    page = a_browser(running).get(f"/admin/contacts/{ana.id}").text

    assert (found.total, found.ground, [(one.rule, one.points) for one in found.points]) == (
        40,
        25,
        [("a.happened", 15)],
    )
    assert "What made the score of 40" in page


def test_the_moved_clock_stops_where_points_fade_and_days_come(running: Running) -> None:
    begun_by(running, "date contact.renewal_on")
    running.add(fields={"renewal_on": "2026-03-05"})
    running.track("a.happened")
    runtime = running.nurture.runtime
    running.run()

    stops = []
    with running.nurture.database.read() as tx:
        at = running.clock.now()
        while len(stops) < 12 and (at := watch.next_moment(tx, runtime, at)):
            stops.append(at)

    assert datetime(2026, 3, 5, 14, tzinfo=UTC) in stops
    assert datetime(2026, 3, 12, 13, tzinfo=UTC) in stops
