"""The path of a contact: stages with their proof, touchpoints with their why, and what is next."""

from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from nurture.model.errors import NotFoundError
from nurture.services.contacts.hands import Told, happened
from nurture.services.story.journeys import ContactPath, Journey, Leg, LegState
from nurture.services.story.marks import Kind, State
from nurture.services.story.path import path
from nurture.services.story.picture import picture
from tests.support.guided import a_guided_nurture
from tests.support.running import Running


@pytest.fixture
def running(sqlite_url: str, tmp_path: Path) -> Running:
    running = a_guided_nurture(sqlite_url, tmp_path)
    running.add()
    return running


def seen(running: Running) -> ContactPath:
    return path(running.nurture.runtime, 1)


def the(running: Running) -> Journey:
    return seen(running).journeys[0]


def states(journey: Journey) -> list[LegState]:
    return [leg.state for leg in journey.legs]


def marks(leg: Leg) -> list[tuple[Kind, State, str]]:
    return [(mark.kind, mark.state, mark.what) for mark in (*leg.marks, *leg.coming)]


def test_a_contact_without_a_workflow_has_an_empty_path_and_an_unknown_one_none(running: Running) -> None:
    assert seen(running).journeys == ()
    assert seen(running).next is None
    with pytest.raises(NotFoundError):
        path(running.nurture.runtime, 99)


def test_what_happened_stands_filled_and_what_is_next_hollow_in_order(running: Running) -> None:
    running.track("offer.requested", offer="guide")
    running.run()

    journey = the(running)

    assert states(journey) == [LegState.CURRENT, LegState.AHEAD, LegState.AHEAD]
    assert marks(journey.legs[0]) == [
        (Kind.FORM, State.DONE, "offer.requested"),
        (Kind.MAIL, State.DONE, "delivery"),
        (Kind.MAIL, State.NEXT, "reminder"),
    ]
    assert seen(running).next == (journey.legs[0].coming[0], journey)


def test_each_touchpoint_says_why_with_its_line_in_the_file(running: Running) -> None:
    running.track("offer.requested", offer="guide")
    running.run()

    form, mail = the(running).legs[0].marks
    (reminder,) = the(running).legs[0].coming

    assert form.why == "Enters stage 'lead-offer', event offer.requested is the evidence."
    assert "as the answer to what they did" in mail.why
    assert str(mail.place).startswith("workflows/guided.yaml:11")
    assert mail.title == "delivery for Ana"
    assert reminder.title == "reminder for Ana"
    assert "2 days after Mon 2 Mar 2026 09:00" in reminder.why


def test_a_validated_stage_shows_its_proof_with_time_and_source(running: Running) -> None:
    running.track("offer.requested", offer="guide")
    running.advance(hours=5)
    running.track("offer.downloaded", offer="guide")
    running.run()

    first, second, _ = the(running).legs

    assert (first.state, second.state) == (LegState.VALIDATED, LegState.CURRENT)
    assert first.proof is not None
    assert (first.proof.event, first.proof.said, first.proof.source) == (
        "offer.downloaded",
        "Downloaded guide",
        "from nurture",
    )
    assert first.visits[0].left_at == second.visits[0].entered_at == first.proof.at
    assert [mark.proof for mark in first.marks] == [True, False, True]


def test_proof_told_by_hand_names_the_person(running: Running) -> None:
    running.track("offer.requested", offer="guide")
    running.run()
    told = Told("offer.downloaded", once="a1", more={"offer": "guide"})

    happened(running.nurture.runtime, seen(running).contact.id, told, "kim@example.org")
    running.run()

    proof = the(running).legs[0].proof
    assert proof is not None
    assert proof.source == "told by kim@example.org"


def test_an_open_call_is_next_and_a_call_that_was_made_shows_its_outcome_once(running: Running) -> None:
    running.track("offer.downloaded", offer="guide")
    running.enroll("guided")
    running.track("offer.downloaded", offer="guide")
    running.advance(days=2)
    ahead = [mark for mark in the(running).legs[1].coming if mark.kind is Kind.CALL]
    assert [mark.status for mark in ahead] == ["to be made"]

    running.track("call.outcome", outcome="reached")
    running.run()

    calls = [mark for mark in the(running).legs[1].marks if mark.kind is Kind.CALL]
    assert [(mark.state, mark.status) for mark in calls] == [(State.DONE, "reached")]
    assert not [mark for mark in the(running).legs[1].marks if mark.what == "call.outcome"]


def test_what_the_caller_wrote_down_stands_beside_the_call_with_who_wrote_it(running: Running) -> None:
    running.track("offer.downloaded", offer="guide")
    running.enroll("guided")
    running.track("offer.downloaded", offer="guide")
    running.advance(days=2)

    running.track("call.outcome", outcome="reached", note="Dreads paperwork")
    running.run()

    (call,) = [mark for mark in the(running).legs[1].marks if mark.kind is Kind.CALL]
    assert call.why.endswith(" wrote: \u201cDreads paperwork\u201d")


def test_a_loss_falls_off_the_stage_with_its_reason(running: Running) -> None:
    running.track("offer.requested", offer="guide")
    running.advance(days=31, step_hours=24)

    journey = the(running)

    assert states(journey) == [LegState.LOST, LegState.AHEAD, LegState.AHEAD]
    assert journey.fall is not None
    assert (journey.fall.stage, journey.fall.reason) == ("lead-offer", "never-downloaded")
    assert str(journey.fall.place).startswith("workflows/guided.yaml:14")
    assert not journey.coming


def test_the_loss_to_come_is_foreseen_and_what_it_passes_over_is_told(running: Running) -> None:
    running.track("offer.requested", offer="guide")
    running.run()
    assert the(running).fall_ahead is not None
    assert the(running).fall_ahead.reason == "never-downloaded"  # type: ignore[union-attr]

    running.track("sale.closed", amount=1200.0)
    running.run()

    assert states(the(running)) == [LegState.SKIPPED, LegState.VALIDATED, LegState.CURRENT]
    assert [mark.title for mark in the(running).legs[1].marks] == ["Sale closed: 1,200 USD"]


def test_what_a_machine_did_is_shown_as_such(running: Running) -> None:
    from nurture.services.events.ingest import Happening, track

    running.track("offer.requested", offer="guide")
    running.run()
    running.clock.advance(minutes=1)
    track(running.nurture.runtime, [Happening(contact_id=1, name="email.clicked", human=False)])

    last = the(running).legs[0].marks[-1]

    assert (last.kind, last.state) == (Kind.CLICK, State.MACHINE)
    assert "proves nothing" in last.why


def test_what_happened_before_any_workflow_stands_beside_the_path(running: Running) -> None:
    running.track("quote.requested")
    running.advance(hours=1)
    running.track("offer.requested", offer="guide")
    running.run()

    assert [mark.what for mark in seen(running).outside] == ["quote.requested"]
    assert "quote.requested" not in [mark.what for leg in the(running).legs for mark in leg.marks]


def test_live_journeys_come_first_and_then_the_newest(running: Running) -> None:
    running.track("offer.requested", offer="guide")
    running.advance(days=31, step_hours=24)
    running.write(
        "workflows/other.yaml",
        """\
        workflow: other
        title: Another
        purpose: nurture
        stages:
          - {stage: only, need: Something, trigger: quote.requested, validate: b.happened,
             loss: [{after: 9 days, reason: timed-out}]}
        """,
    )
    running.publish()
    running.track("quote.requested")
    running.run()

    assert [one.enrollment.workflow for one in seen(running).journeys] == ["other", "guided"]
    assert [one.enrollment.workflow for one in seen(running).present] == ["other"]
    assert [one.enrollment.workflow for one in seen(running).earlier] == ["guided"]


def test_the_picture_says_in_words_what_it_draws(running: Running) -> None:
    running.track("offer.requested", offer="guide")
    running.run()

    drawn = picture(the(running), ZoneInfo("Europe/Berlin"))

    assert drawn.told.startswith("The path through From the guide to a sale.")
    assert "Stage lead-offer: here since 2 Mar, 2 touchpoints." in drawn.told
    assert "Next: reminder for Ana, Wed 4 Mar 2026 15:00." in drawn.told
    assert [glyph.dot.state for glyph in drawn.drawing.glyphs] == ["done", "done", "next"]
    assert [row.anchor for row in drawn.stages[0].past] == ["e1-1", "d1"]
    assert [branch.drop.ahead for branch in drawn.drawing.branches] == [True]


def test_the_path_costs_the_same_few_queries_however_much_happened(running: Running) -> None:
    from sqlalchemy import event

    counted: list[str] = []
    running.track("offer.requested", offer="guide")
    running.run()
    with running.nurture.database.read() as tx:
        engine = tx.engine
    event.listen(engine, "before_cursor_execute", lambda *args: counted.append(args[2]))
    seen(running)
    few = len(counted)
    for _ in range(30):
        running.track("email.clicked")
    running.run()
    counted.clear()

    seen(running)

    assert len(counted) <= few + 3
    assert few < 45
