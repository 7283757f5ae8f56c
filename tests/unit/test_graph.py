"""Is a drawn workflow whole, sound and readable: every step once, nothing over anything else, nothing foreign in it?"""

from __future__ import annotations

from itertools import combinations
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings

from nurture.rendering.graph import Figures, StageFigures, StepFigures, draw
from nurture.rendering.graph_layout import (
    BOX_HEIGHT,
    BOX_WIDTH,
    EXIT_HEIGHT,
    EXIT_WIDTH,
    GATE_HEIGHT,
    GATE_WIDTH,
    Box,
    Lane,
    Layout,
    Line,
    lay_out,
)
from nurture.workflow.model import Workflow
from nurture.workflow.outline import outline
from nurture.workflow.reader import read_workflow
from tests.support.documents import ROOT
from tests.support.generated import workflows
from tests.support.worlds import one_stage

SVG = "{http://www.w3.org/2000/svg}"
SAMPLES = sorted((ROOT / "workflows").glob("*.yaml"))
Area = tuple[int, int, int, int]


def sample(path: Path) -> Workflow:
    workflow, problems = read_workflow(path.read_bytes(), path.name)
    assert workflow is not None, problems
    return workflow


def areas(layout: Layout) -> list[Area]:
    """Everything that holds text: left, top, right, bottom."""
    found = [
        (one.x, one.y, one.x + BOX_WIDTH, one.y + BOX_HEIGHT) for lane in layout.lanes for one in lane.boxes
    ]
    found += [
        (one.x, one.y, one.x + EXIT_WIDTH, one.y + EXIT_HEIGHT) for lane in layout.lanes for one in lane.exits
    ]
    return found + [(one.x, one.y, one.x + GATE_WIDTH, one.y + GATE_HEIGHT) for one in layout.gates]


def overlap(one: Area, other: Area) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def segments(line: Line) -> list[Area]:
    """The straight parts of a way, as areas without breadth."""
    start, end, turn = line.start, line.end, line.turn
    low, high = sorted((start.y, end.y))
    return [
        (min(start.x, turn), start.y, max(start.x, turn), start.y),
        (turn, low, turn, high),
        (min(turn, end.x), end.y, max(turn, end.x), end.y),
    ]


def runs_through(line: Line, box: Box) -> bool:
    inside = (box.x + 1, box.y + 1, box.x + BOX_WIDTH - 1, box.y + BOX_HEIGHT - 1)
    return any(
        part[0] < inside[2] and inside[0] < part[2] + 1 and part[1] < inside[3] and inside[1] < part[3] + 1
        for part in segments(line)
    )


def check(workflow: Workflow) -> None:
    layout = lay_out(workflow)
    svg = str(draw(workflow, Figures()))
    tree = ElementTree.fromstring(svg)

    drawn = [group.get("data-step") for group in tree.iter(f"{SVG}g") if group.get("data-step")]
    assert sorted(drawn) == sorted(workflow.steps)  # type: ignore[type-var]
    assert not [pair for pair in combinations(areas(layout), 2) if overlap(*pair)]
    for lane in layout.lanes:
        assert not [(line, box) for line in lane.lines for box in lane.boxes if runs_through(line, box)]
        assert_inside(lane)
    assert all(right <= layout.width and bottom <= layout.height for _, _, right, bottom in areas(layout))
    assert "style" not in svg
    assert "script" not in svg


def assert_inside(lane: Lane) -> None:
    assert all(lane.y < box.y and box.y + BOX_HEIGHT < lane.bottom for box in lane.boxes)


@pytest.mark.parametrize("path", SAMPLES, ids=[path.stem for path in SAMPLES])
def test_the_sample_workflows_are_drawn_whole_and_nothing_stands_on_anything(path: Path) -> None:
    workflow = sample(path)

    check(workflow)

    assert lay_out(workflow).width <= 1040
    assert draw(workflow, Figures()) == draw(sample(path), Figures())


@settings(max_examples=25, deadline=None, derandomize=True)
@given(workflows())
def test_workflows_that_nobody_would_write_are_drawn_whole_as_well(workflow: Workflow) -> None:
    check(workflow)


def test_the_counts_stand_where_they_belong_and_lead_to_the_contacts() -> None:
    workflow = sample(ROOT / "workflows" / "retirement-readiness.yaml")
    figures = Figures(
        stages={
            "lead-offer": StageFigures(
                now=7, finished=2, entered=66, validated=41, conversion=41 / 66, lost={"never-downloaded": 9}
            )
        },
        steps={"guide-reminder": StepFigures(now=5, did="31 sent")},
    )

    tree = ElementTree.fromstring(
        draw(workflow, figures, lambda stage, step: f"/c?stage={stage}&step={step or ''}")
    )

    link = next(one for one in tree.iter(f"{SVG}a") if "step=guide-reminder" in str(one.get("href")))
    said = ["".join(text.itertext()) for text in tree.iter(f"{SVG}text")]
    assert "31 sent" in "".join(link.itertext())
    assert "5 here now" in "".join(link.itertext())
    assert {"66 entered", "41 validated, 62% of 66", "7 here", "9"} <= set(said)


def test_every_way_out_of_a_step_is_told_in_words() -> None:
    workflow = one_stage(
        """
        - {split: first, variants: {a: {weight: 1, do: [{email: one}]}, b: {weight: 3, do: []}}}
        - wait_until: email.clicked
          timeout: 2 days
          on_timeout: [{lose: gone}]
        - {when: contact.score > 3, else: [{exit: enough}]}
        - {call_task: ring, outcomes: {voicemail: [{email: two}]}}
        - {email: three, on_failure: [{email: four}]}
        """
    )

    items = outline(workflow, workflow.stages[0])

    assert [[branch.label for branch in item.branches] for item in items] == [
        ["a 25%", "b 75%"],
        ["not within 2 days"],
        ["no"],
        ["voicemail"],
        ["it fails"],
    ]
    assert [item.otherwise for item in items] == [None, "it comes", "yes", "any other outcome", "it goes out"]


def test_words_of_a_workflow_stay_words_in_the_picture() -> None:
    workflow = one_stage("- {when: 'contact.first_name == \"<script>&\"', do: [{email: one}]}")

    svg = str(draw(workflow, Figures()))

    assert "<script" not in svg
    assert "&lt;script&gt;" in svg
    ElementTree.fromstring(svg)
