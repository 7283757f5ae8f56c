"""Does a simulation play the real engine, add up, and say what it rests on?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from nurture.engine.answers import Seen, Source
from nurture.engine.simulate import interval, simulate
from nurture.model.errors import NotFoundError, NurtureError
from nurture.services.files.folder import open_sound
from nurture.services.rehearsing.observed import Observed
from nurture.services.rehearsing.rehearsal import Ground, of_folder
from nurture.services.rehearsing.simulate import Simulated, Wish, foretell
from nurture.services.rehearsing.simulate_words import assumption_rows, over_capacity
from tests.support.commands import a_starter

MONDAY = datetime(2026, 3, 2, 10, tzinfo=UTC)
NOBODY = {"stage.validated": 0.0, "email.bounced": 0.0, "consent.withdrawn": 0.0}


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    return of_folder(open_sound(a_starter(tmp_path_factory.mktemp("simulate") / "acme")))


def simulated(
    ground: Ground, assume: Mapping[str, float] | None = None, seen: Observed | None = None, **more: object
) -> Simulated:
    wish = Wish("first-steps", 60, MONDAY, assume=assume or {})
    return foretell(ground, replace(wish, **more), seen or Observed())  # type: ignore[arg-type]


def test_the_same_seed_gives_the_same_answer_and_another_seed_another(ground: Ground) -> None:
    first, again, other = (simulated(ground, seed=seed).answer for seed in ("1", "1", "2"))

    assert first == again
    assert first.stages != other.stages


def test_everyone_who_arrives_is_somewhere_in_the_end(ground: Ground) -> None:
    answer = simulated(ground, days=20).answer

    under_way = sum(stage.under_way for stage in answer.stages)
    lost = sum(count for _, _, count in answer.losses)
    assert answer.arrived == 60 == under_way + lost + answer.completed


def test_who_never_answers_gets_every_message_and_is_lost_by_the_clock(ground: Ground) -> None:
    answer = simulated(ground, NOBODY).answer

    assert answer.losses == (("lead-offer", "never-downloaded", 60),)
    assert answer.messages == ((date(2026, 3, 2), 60), (date(2026, 3, 4), 60))
    assert answer.calls == ()


def test_who_always_goes_on_completes(ground: Ground) -> None:
    surely = {"stage.validated": 1.0, "email.bounced": 0.0, "consent.withdrawn": 0.0}

    answer = simulated(ground, surely, days=365).answer

    # A few would take longer to buy than the stage lasts.
    assert answer.completed + sum(count for _, _, count in answer.losses) == 60
    assert answer.stages[0].validated == 60
    assert answer.completed > 50


def test_contacts_arrive_day_by_day(ground: Ground) -> None:
    answer = simulated(ground, NOBODY, per_day=20).answer

    assert dict(answer.messages)[date(2026, 3, 3)] == 20
    assert answer.arrived == 60
    assert simulated(ground, NOBODY, per_day=20, days=2).answer.arrived == 40


def test_a_day_with_more_calls_than_room_is_named_with_the_team(ground: Ground) -> None:
    everybody = {"stage.validated@lead-offer": 1.0, "stage.validated@first-sale": 0.0, "email.bounced": 0.0}
    team = replace(ground.workspace.teams["sales"], capacity=3)
    small = replace(ground, workspace=replace(ground.workspace, teams={"sales": team}))

    found = simulated(small, everybody)

    over = [day for day in found.answer.calls if day.over]
    assert sum(day.calls for day in found.answer.calls) > 40
    assert over
    fullest, *_ = said = over_capacity(found)
    assert f"sales: {max(day.calls for day in over)} calls for 1 person with room for 3" in fullest
    assert len(said) == len(over)


def test_costs_are_those_of_the_workspace_and_the_offers(ground: Ground) -> None:
    costly = replace(ground, workspace=replace(ground.workspace, costs={"email": 0.5, "call_minute": 2.0}))
    offer = replace(ground.offers["checklist"], cost=3.0)
    costly = replace(costly, offers={**ground.offers, "checklist": offer})

    costs = simulated(costly, NOBODY).answer.costs

    assert costs == {"messages": 120 * 0.5, "calls": 0.0, "offers": 120 * 3.0}


def test_a_rate_is_given_else_observed_often_enough_else_assumed(ground: Ground) -> None:
    seen = Observed(
        {
            ("first-steps", "email.clicked", "checklist-delivery"): Seen(20, 40),
            ("first-steps", "email.clicked", "checklist-reminder"): Seen(3, 29),
            ("first-steps", "stage.validated", "lead-offer"): Seen(15, 30, days=2.5),
        }
    )

    found = {
        (one.what, one.where): (one.value, one.source, one.n)
        for one in simulated(ground, {"email.replied@checklist-delivery": 0.5}, seen).assumptions
    }

    delivery, reminder = "first-steps/checklist-delivery", "first-steps/checklist-reminder"
    assert found["email.clicked", delivery] == (0.5, Source.OBSERVED, 40)
    assert found["email.clicked", reminder] == (0.08, Source.ASSUMED, 29)
    assert found["stage.validated", "first-steps/lead-offer"] == (0.5, Source.OBSERVED, 30)
    assert found["email.replied", delivery] == (0.5, Source.GIVEN, None)
    assert any("observed, n = 40" in row for row in assumption_rows(simulated(ground, None, seen)))


def test_an_assumption_nothing_asks_for_is_refused_with_the_nearest(ground: Ground) -> None:
    with pytest.raises(NotFoundError, match=r"did you mean 'email\.clicked'"):
        simulated(ground, {"email.cliked": 0.2})
    with pytest.raises(NurtureError, match="is no share"):
        simulated(ground, {"email.clicked": 20})


def test_real_contacts_are_taken_in_turn_without_their_past(ground: Ground) -> None:
    there = simulated(ground).question.mix[0]
    moved = replace(there, id=7, timezone="America/Toronto", last_active_at=MONDAY + timedelta(days=900))

    found = simulated(ground, NOBODY, Observed({}, (there, moved), "contacts"))

    assert found.assumptions[0].value == "2 taken in turn"
    assert found.answer.losses == (("lead-offer", "never-downloaded", 60),)


def test_a_simulation_leaves_its_question_as_it_was(ground: Ground) -> None:
    question = simulated(ground).question

    assert simulate(question) == simulate(question)


@pytest.mark.parametrize(
    ("count", "of", "low", "high"), [(0, 100, 0, 3), (50, 100, 42, 58), (100, 100, 97, 100), (0, 0, 0, 0)]
)
def test_intervals_are_wilsons(count: int, of: int, low: int, high: int) -> None:
    assert interval(count, of) == (low, high)


@pytest.mark.slow
def test_a_thousand_contacts_live_through_ninety_days_of_the_sample_in_seconds() -> None:
    from pathlib import Path
    from time import process_time

    sample = of_folder(open_sound(Path(__file__).parents[2]))
    began = process_time()

    answer = foretell(sample, Wish("retirement-readiness", 1000, MONDAY, days=90), Observed()).answer

    assert answer.arrived == 1000
    assert process_time() - began < 30
