"""Splits and holdouts: contacts stay where they are, everybody counts once, and no winner is named too early."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete

from nurture.db import experiments, variants
from nurture.db.migrations.versions.segments_and_releases import remember_variants
from nurture.db.tables import VariantRow, table_of
from nurture.model.statistics import Share
from nurture.reports.experiments import Experiments, in_time, read, sample_sentence, verdict
from nurture.services.releases import workflows
from tests.support.browsing import a_browser
from tests.support.running import Running, a_nurture
from tests.support.worlds import MONDAY

SPLIT = """\
workflow: welcome
title: Welcome
purpose: nurture
reentry: always
holdout: {holdout}
stages:
  - stage: only
    need: Know more
    trigger: a.happened
    validate: sale.closed
    steps:
      - split: story
        variants:
          long: {{weight: {long}, do: [{{email: hello}}]}}
          short: {{weight: {short}, do: [{{email: again}}]}}
        measure: {measure}
    loss: [{{after: 10 days, reason: timed-out}}]
"""


@pytest.fixture
def running(any_database: str, tmp_path: Path) -> Iterator[Running]:
    running = a_nurture(any_database, tmp_path, mails=("hello", "again"))
    publish(running)
    yield running
    running.nurture.close()


def publish(
    running: Running, long: int = 1, short: int = 1, holdout: str = "0%", measure: str = "meeting.booked"
) -> None:
    text = SPLIT.format(long=long, short=short, holdout=holdout, measure=measure)
    running.write("workflows/welcome.yaml", text)
    running.publish()


def enter(running: Running, count: int) -> list[str]:
    people = [f"c{number}@example.org" for number in range(count)]
    for email in people:
        running.add(email)
        running.track("a.happened", email)
    running.run()
    return people


def told(running: Running) -> Experiments:
    known = workflows.known(running.nurture.runtime)
    with running.nurture.database.read() as tx:
        return read(tx, known, running.nurture.runtime.shelf.published(tx).workspace)


def by_name(running: Running) -> dict[str, Share]:
    (split,) = told(running).splits
    return {group.name: group.share for group in split.groups}


def test_a_contact_keeps_the_variant_when_weights_change_and_when_they_come_again(running: Running) -> None:
    people = enter(running, 12)
    before = {email: running.states(email)[0][0] for email in people}

    publish(running, long=1, short=1000)
    running.advance(step_hours=24, days=11)
    for email in people:
        running.track("a.happened", email)
    running.run()

    again = {email: running.states(email)[-1][0] for email in people}
    assert set(before.values()) == {"hello", "again"}
    assert again == before
    assert sum(share.n for share in by_name(running).values()) == len(people)


def test_variants_that_were_taken_before_they_were_remembered_are_read_from_the_turns(
    running: Running,
) -> None:
    enter(running, 6)
    with running.nurture.database.write() as tx:
        everybody = set(range(1, 100))
        before = variants.of_contacts(tx, everybody)
        tx.execute(delete(table_of(VariantRow)))

        remember_variants(tx)

        assert variants.of_contacts(tx, everybody) == before
    assert len(before) == 6


def test_what_is_measured_counts_once_for_each_contact_and_only_in_time(running: Running) -> None:
    early, twice, late, _never = enter(running, 4)
    running.track("meeting.booked", early)
    for _ in range(2):
        running.track("meeting.booked", twice)
    running.advance(step_hours=24, days=9)
    running.advance(step_hours=24, days=32)
    running.track("meeting.booked", late)

    assert sum(share.k for share in by_name(running).values()) == 2
    assert sum(share.n for share in by_name(running).values()) == 4
    assert in_time(MONDAY + timedelta(days=30), MONDAY)
    assert not in_time(MONDAY + timedelta(days=31), MONDAY)
    assert not in_time(None, None)


def test_a_measure_with_a_condition_counts_what_fits_it(running: Running) -> None:
    publish(running, measure="meeting.booked where event.kind == 'video' and contact.plan == 'plus'")
    fits, other_kind, other_plan = enter(running, 3)
    running.add(fits, fields={"plan": "plus"})
    running.add(other_kind, fields={"plan": "plus"})
    running.track("meeting.booked", fits, kind="phone")
    running.track("meeting.booked", fits, kind="video")
    running.track("meeting.booked", other_kind, kind="phone")
    running.track("meeting.booked", other_plan, kind="video")

    shares = by_name(running)

    assert sum(share.k for share in shares.values()) == 1
    assert sum(share.n for share in shares.values()) == 3


def test_a_click_counts_for_the_enrollment_whose_mail_it_concerns(running: Running) -> None:
    publish(running, measure="email.clicked")
    clicked, machine = enter(running, 2)
    running.track("email.clicked", clicked)
    with running.nurture.database.write() as tx:
        exposed = experiments.exposed(tx, "welcome", "story", "email.clicked", own=True)

    assert sum(one.did_at is not None for one in exposed) == 1
    assert len(exposed) == len((clicked, machine))


def test_who_is_held_out_is_compared_and_is_no_part_of_the_split(running: Running) -> None:
    publish(running, holdout="50%")
    people = enter(running, 16)
    held = [email for email in people if running.enrollments(email)[0].holdout]
    treated = [email for email in people if email not in held]
    for email in (held[0], *treated[:3]):
        running.track("sale.closed", email, amount=10)
    running.run()

    found = told(running)

    assert sum(group.share.n for group in found.splits[0].groups) == len(treated)
    completed, sale = found.lifts
    assert [completed.goal, sale.goal] == ["completed", "sale"]
    for lift in (completed, sale):
        assert (lift.treated.share, lift.held_out.share) == (Share(3, len(treated)), Share(1, len(held)))
        assert lift.gain == pytest.approx(3 / len(treated) - 1 / len(held))
        assert lift.verdict.winner is None


def test_the_page_shows_variants_holdout_and_that_it_is_too_early(running: Running) -> None:
    publish(running, holdout="50%")
    enter(running, 8)

    page = a_browser(running).get("/admin/experiments").text

    assert "story" in page
    assert "meeting.booked" in page
    assert "held out" in page
    assert "Not yet: each needs 100 contacts" in page


# --- the verdict ---------------------------------------------------------------------------------------------------


def of(**shares: tuple[int, int]) -> dict[str, Share]:
    return {name: Share(*share) for name, share in shares.items()}


def test_a_winner_needs_contacts_deeds_and_a_difference() -> None:
    nobody = verdict(of(a=(0, 0), b=(0, 0)))
    too_few = verdict(of(a=(90, 99), b=(1, 100)))
    hardly_any = verdict(of(a=(5, 1000), b=(0, 1000)))
    unsure = verdict(of(a=(60, 500), b=(50, 500)))
    equal = verdict(of(a=(50, 500), b=(50, 500)))
    sure = verdict(of(a=(90, 500), b=(50, 500)))

    assert (nobody.winner, nobody.more) == (None, 200)
    assert (too_few.winner, too_few.more) == (None, 1)
    assert (hardly_any.winner, hardly_any.more) == (None, 2000)
    assert (unsure.winner, unsure.more) == (None, 6_682)
    assert (equal.winner, equal.said) == (None, "not yet: there is no difference to be seen")
    assert (sure.winner, sure.said) == ("a", "a does better")


def test_of_many_variants_the_best_must_be_surer() -> None:
    pair = of(a=(70, 500), b=(48, 500))
    many = pair | of(c=(47, 500), d=(46, 500), e=(20, 500))

    assert verdict(pair).winner == "a"
    assert verdict(many).winner is None


def test_the_sample_is_said_for_the_difference_at_hand_or_for_a_fifth_more() -> None:
    assert "tell 20.0% from 10.0%" in sample_sentence(of(a=(20, 100), b=(10, 100)))
    assert "about 199 contacts in each variant" in sample_sentence(of(a=(20, 100), b=(10, 100)))
    assert "tell 12.0% from 10.0%" in sample_sentence(of(a=(10, 100), b=(10, 100)))
    assert "can be said once" in sample_sentence(of(a=(0, 100), b=(0, 0)))
    assert "nothing to gain" in sample_sentence(of(a=(10, 10), b=(10, 10)))
