"""Is a scenario read strictly, played as production would, and judged line by line?"""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from nurture.services.files.folder import open_sound
from nurture.services.rehearsing.rehearsal import Ground, of_folder
from nurture.services.rehearsing.scenario_words import failure, reasons, side_by_side
from nurture.services.rehearsing.scenarios import Mark, Rehearsed, Trouble, rehearse
from nurture.workflow.scenarios import read_scenario
from tests.support.commands import a_starter, mend

TOP = """\
scenario: A try
workflow: first-steps
as: busy-owner
start: 2026-03-02 10:00
"""
ASKED = "{at: start, event: offer.requested, offer: checklist}"
TOOK = "{at: +1 hour, event: offer.downloaded, offer: checklist}"


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    project = a_starter(tmp_path_factory.mktemp("scenarios") / "acme")
    split = "      - split: story\n        variants: {short: {do: [{email: one-question, id: short}]}, long: {do: [{email: one-question, id: long}]}}\n"
    mend(
        project / "workflows/first-steps.yaml",
        "      - call_task: first-talk",
        split + "      - call_task: first-talk",
    )
    return of_folder(open_sound(project))


def problems(text: str) -> list[str]:
    return [str(one).split("\n")[0] for one in read_scenario(dedent(text), "scenarios/a.yaml").problems]


def played(
    ground: Ground, *expect: str, events: tuple[str, ...] = (ASKED, TOOK), more: str = ""
) -> Rehearsed:
    lines = [f"  - {line}" for line in expect]
    told = [f"  - {line}" for line in events] or ["  []"]
    text = TOP + more + "\n".join(["events:", *told, "expect:", *lines]) + "\n"
    file = read_scenario(text, "scenarios/a.yaml")
    return rehearse(ground, file, "http://x", [Trouble(one.place, one.message) for one in file.problems])


def marks(one: Rehearsed) -> list[Mark]:
    assert one.trouble == ()
    return [verdict.mark for verdict in one.verdicts]


# --- reading ----------------------------------------------------------------------------------------------------


def test_every_fault_of_a_file_is_told_at_its_place() -> None:
    found = problems(
        """\
        scenario: A try
        workflow: First
        start: 2026-03-02
        events:
          - {at: +2 dys, event: offer.requested}
          - {event: sale.closed}
          - once
        expect:
          - {email: a, call_task: b}
          - {emial: a}
          - {not: a, at: +2 days}
          - {lost: a, reason: b}
          - {completed: no}
        """
    )

    assert found == [
        "scenarios/a.yaml:2:11: bad-word  'First' is no word in slug form",
        "scenarios/a.yaml:3:8: bad-time  '2026-03-02' does not say at what time",
        "scenarios/a.yaml:5:13: bad-time  'dys' is no unit of time",
        "scenarios/a.yaml:6:5: missing-key  'at' is missing",
        "scenarios/a.yaml:7:5: bad-value  this is no group of keys",
        "scenarios/a.yaml:9:5: bad-value  this line says email and call_task at once",
        "scenarios/a.yaml:10:6: unknown-key  'emial' is not known here",
        "scenarios/a.yaml:11:5: bad-value  'not' means at no time",
        "scenarios/a.yaml:12:5: bad-value  a reason belongs to 'skipped'",
        "scenarios/a.yaml:13:5: bad-value  'completed: no' is no expectation",
    ]


def test_a_scenario_that_expects_nothing_is_refused() -> None:
    found = problems("scenario: A\nworkflow: a\nstart: 2026-03-02 10:00\n")

    assert found == ["scenarios/a.yaml:1:1: missing-key  a scenario that expects nothing proves nothing"]


# --- judging ----------------------------------------------------------------------------------------------------


def test_what_comes_in_its_minute_is_met_and_each_touchpoint_answers_one_line(ground: Ground) -> None:
    once = played(ground, "{email: checklist-delivery, at: start}", "{stage: first-sale, at: +1 hour}")
    twice = played(ground, "{email: checklist-delivery}", "{email: checklist-delivery}")

    assert once.passed
    assert marks(twice) == [Mark.MET, Mark.MISSING]


def test_days_keep_the_clock_on_the_wall_and_hours_do_not(ground: Ground) -> None:
    spring = (
        "{at: +27 days, event: offer.downloaded, offer: checklist}",
    )  # British clocks go forward on 29 March

    one = played(
        ground,
        "{stage: first-sale, at: +27 days}",
        "{stage: first-sale, at: +648 hours}",
        events=(ASKED, *spring),
    )

    assert marks(one) == [Mark.MET, Mark.MISSING]
    later = played(ground, "{stage: first-sale, at: +648 hours}", events=(ASKED, *spring))
    assert list(reasons(later)) == [
        (
            "scenarios/a.yaml:9:13: stage first-sale came 1 hour early: on Sun 29 Mar 2026 10:00"
            " instead of Sun 29 Mar 2026 11:00"
        )
    ]


def test_within_allows_more_than_the_minute(ground: Ground) -> None:
    exact = played(ground, "{stage: first-sale, at: +2 hours}")
    near = played(ground, "{stage: first-sale, at: +2 hours, within: 1 hour}")

    assert (marks(exact), marks(near)) == ([Mark.WRONG_TIME], [Mark.MET])


def test_what_was_ruled_out_and_happens_is_unexpected(ground: Ground) -> None:
    one = played(ground, "{not: checklist-reminder}", "{not: first-sale}")

    assert marks(one) == [Mark.MET, Mark.UNEXPECTED]


def test_a_skip_is_met_by_its_reason_and_told_where_the_message_was_expected(ground: Ground) -> None:
    skipped = played(ground, "{skipped: one-question, reason: no-consent}", more="consent: no\n")
    expected = played(ground, "{email: one-question}", more="consent: no\n")

    assert marks(skipped) == [Mark.MET]
    assert "it was skipped on Thu 5 Mar 2026 09:30: no-consent" in next(reasons(expected))


def test_an_end_of_another_kind_stands_beside_the_one_that_was_expected(ground: Ground) -> None:
    one = played(ground, "{completed: yes}", events=(ASKED,))

    assert marks(one) == [Mark.OTHER_END]
    assert next(reasons(one)).endswith("it ended as 'lost never-downloaded' on Wed 1 Apr 2026 10:00")


def test_a_second_request_is_refused_as_it_is_in_production(ground: Ground) -> None:
    again = "{at: +1 day, event: offer.requested, offer: checklist}"

    one = played(ground, "{refused: already-enrolled, at: +1 day}", events=(ASKED, again))

    assert one.passed


def test_a_name_that_is_a_steps_id_means_that_step_and_a_variant_can_be_picked(ground: Ground) -> None:
    one = played(
        ground,
        "{email: long}",
        "{not: short}",
        "{email: one-question, at: +3 days at 09:30}",
        more="variants: {story: long}\n",
    )

    assert one.passed


def test_with_order_the_lines_come_true_one_after_the_other(ground: Ground) -> None:
    lines = ("{stage: first-sale}", "{email: checklist-delivery}")

    assert played(ground, *lines).passed
    assert marks(played(ground, *lines, more="order: yes\n")) == [Mark.MET, Mark.OUT_OF_ORDER]


def test_until_ends_the_scenario_before_the_journeys_end(ground: Ground) -> None:
    lines = ("{not: checklist-reminder}",)

    assert not played(ground, *lines, events=(ASKED,)).passed
    assert played(ground, *lines, events=(ASKED,), more="until: +1 day\n").passed


def test_given_fields_go_over_the_personas_example(ground: Ground) -> None:
    one = played(
        ground, "{email: checklist-delivery, at: start}", more="given: {timezone: America/Toronto}\n"
    )

    assert one.passed
    assert one.zone.key == "America/Toronto"


def test_a_scenario_in_which_nobody_enters_fails_though_it_rules_everything_out(ground: Ground) -> None:
    one = played(ground, "{not: checklist-reminder}", events=())

    assert not one.passed
    assert one.trouble[0].said.startswith("nothing that the contact does enters 'first-steps'")


def test_a_day_of_the_contact_opens_a_workflow_on_that_day_and_a_segment_when_they_fit_it(
    tmp_path: Path,
) -> None:
    project = a_starter(tmp_path / "acme")
    (project / "segments").mkdir()
    (project / "segments/keen.yaml").write_text("segment: keen\nwhere: '\"keen\" in contact.tags'\n")
    mend(project / "nurture.toml", "[fields]", '[fields]\nrenewal_on = "date"')
    text = (project / "workflows/first-steps.yaml").read_text()
    for name, trigger in (("renewal", "date contact.renewal_on - 7 days"), ("keen", "segment keen")):
        other = text.replace("workflow: first-steps", f"workflow: {name}")
        trigger_line = 'trigger: offer.requested where event.offer == "checklist"'
        assert trigger_line in other
        (project / f"workflows/{name}.yaml").write_text(other.replace(trigger_line, f"trigger: {trigger}"))
    own = of_folder(open_sound(project))

    day = rehearse(
        own,
        read_scenario(
            "scenario: A day\nworkflow: renewal\nas: busy-owner\ngiven: {renewal_on: 2026-04-10}\n"
            "start: 2026-03-02 10:00\nexpect: [{stage: lead-offer, at: 2026-04-03 09:00}]\n",
            "scenarios/day.yaml",
        ),
        "http://x",
    )
    fits = rehearse(
        own,
        read_scenario(
            "scenario: Fits\nworkflow: keen\nas: busy-owner\nstart: 2026-03-02 10:00\n"
            "events: [{at: +2 days, event: contact.changed, tags: keen}]\n"
            "expect: [{stage: lead-offer, at: +2 days}]\n",
            "scenarios/fits.yaml",
        ),
        "http://x",
    )

    assert [list(reasons(one)) for one in (day, fits)] == [[], []]


def test_an_event_before_the_start_is_told_at_its_line(ground: Ground) -> None:
    one = played(
        ground,
        "{email: welcome}",
        events=("{at: 2026-03-01 09:00, event: offer.requested, offer: checklist}",),
    )

    assert [str(trouble.place) for trouble in one.trouble] == ["scenarios/a.yaml:6:35"]


# --- telling ----------------------------------------------------------------------------------------------------


def test_a_failure_shows_both_timelines_side_by_side(ground: Ground) -> None:
    one = played(
        ground,
        "{email: checklist-delivery, at: +1 hour}",
        "{email: welcome, at: +1 day}",
        "{not: first-talk}",
    )

    lines = [" ".join(line.split()) for line in side_by_side(one)]

    assert "Mon 2 Mar 11:00 email checklist-delivery ≠ Mon 2 Mar 10:00 email checklist-delivery" in lines
    assert "Tue 3 Mar 10:00 email welcome <" in lines
    assert any(line.startswith("not first-talk > ") for line in lines)
    assert failure(one)[0] == (
        "scenarios/a.yaml:9:13: email checklist-delivery came 1 hour early:"
        " on Mon 2 Mar 2026 10:00 instead of Mon 2 Mar 2026 11:00"
    )


def test_no_line_of_the_timelines_is_wider_than_asked(ground: Ground) -> None:
    one = played(ground, "{email: welcome, at: +1 day}")

    assert max(len(line) for line in side_by_side(one, width=80)) <= 80


def test_the_samples_scenarios_all_pass() -> None:
    from nurture.services.rehearsing.scenarios import open_stage

    stage = open_stage(Path(__file__).parents[2])

    assert [one.file for one in stage.play("http://x") if not one.passed] == []
    assert len(stage.files) >= 10


def test_no_word_of_a_file_moves_the_cursor_or_begins_a_line(ground: Ground) -> None:
    told = '{at: +2 hours, event: sale.closed, product: "a\\n::x"}'
    more = "until: +3 hours\n"
    one = played(ground, "{lost: went-silent}", events=(ASKED, TOOK, told), more=more)

    said = "\n".join(failure(one))

    assert "::x)" in said
    assert "\n::" not in said


def test_a_letter_that_moves_the_cursor_is_a_problem_at_its_place(ground: Ground) -> None:
    told = '{at: +2 hours, event: sale.closed, product: "\\e[2J"}'

    said = "\n".join(failure(played(ground, "{lost: went-silent}", events=(ASKED, TOOK, told))))

    assert "control character (U+001B)" in said
    assert "\x1b" not in said


@pytest.mark.parametrize("start", ["0001-01-01 00:00 Asia/Tokyo", "9999-12-31 23:59"])
def test_a_moment_beyond_every_life_is_told_at_its_word(start: str) -> None:
    found = problems(TOP.replace("2026-03-02 10:00", start) + "expect:\n  - {email: welcome}\n")

    assert found == [f"scenarios/a.yaml:4:8: bad-time  '{start}' is no moment that anybody lives through"]
