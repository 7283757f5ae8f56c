"""Workflows that nobody would write, and lives that nobody would live: what the property tests play."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

from nurture.engine.world import World
from nurture.model.decisions import Turn
from nurture.model.words import Enrollment, Facts
from nurture.workflow.model import Workflow
from tests.support.worlds import a_workflow

EVENTS = ("a.happened", "b.happened", "meeting.booked", "quote.requested", "sale.closed")
KINDS = ("email", "email", "email", "call", "wait", "until", "when", "split", "set", "jump", "lose", "exit")
MAIL, SCRIPT = "news", "ring"
"""The one mail and the one script that generated steps name; their ids tell them apart."""
MOMENTS = ("2 hours", "1 day", "3 days", "2 business days", "1 week", "1 month")


@dataclass
class Recorded(World):
    """A world that keeps what went into every turn, and what came out."""

    turns: list[tuple[Workflow, Enrollment, Facts, Any, Turn]] = field(default_factory=list)

    def _decide(self, workflow: Workflow, enrollment: Enrollment, facts: Facts) -> Turn:
        turn = super()._decide(workflow, enrollment, facts)
        self.turns.append((workflow, enrollment, facts, self.now, turn))
        return turn


def _timed(draw: Any, step: dict[str, Any]) -> dict[str, Any]:
    if draw(st.booleans()):
        step["after"] = draw(st.sampled_from(MOMENTS))
    if draw(st.integers(0, 3)) == 0:
        step["at"] = draw(st.sampled_from(("09:30", "02:30", "23:00")))
    if draw(st.integers(0, 4)) == 0:
        step["on"] = draw(st.sampled_from(("weekdays", "mon,thu", "weekends")))
    return step


@st.composite
def step_lists(draw: Any, stages: int, depth: int, path: str) -> list[dict[str, Any]]:
    steps: list[dict[str, Any]] = []
    for number in range(draw(st.integers(0, 4 if depth == 0 else 2))):
        name = f"{path}-{number}"
        kind = draw(st.sampled_from(KINDS))
        steps.extend(_step(draw, kind, name, stages, depth))
    return steps


def _step(draw: Any, kind: str, name: str, stages: int, depth: int) -> list[dict[str, Any]]:
    def below(branch: str) -> list[dict[str, Any]]:
        return draw(step_lists(stages, depth + 1, f"{name}{branch}")) if depth < 2 else []

    match kind:
        case "email":
            purpose = {"purpose": "transactional"} if draw(st.integers(0, 3)) == 0 else {}
            late = {"if_late": draw(st.sampled_from(("send", "skip", "shift")))}
            return [_timed(draw, {"email": MAIL, "id": f"m{name}", **purpose, **late})]
        case "call":
            outcomes = {"voicemail": below("v")}
            return [_timed(draw, {"call_task": SCRIPT, "id": f"c{name}", "outcomes": outcomes})]
        case "wait":
            return [{"wait": draw(st.sampled_from(MOMENTS))}]
        case "until":
            awaited = draw(st.sampled_from(("email.clicked", "email.replied", "quote.requested")))
            return [
                {"wait_until": awaited, "timeout": draw(st.sampled_from(MOMENTS)), "on_timeout": below("t")}
            ]
        case "when":
            return [{"when": "contact.score >= 10", "do": below("d"), "else": below("e")}]
        case "split":
            variants = {"one": {"weight": 1, "do": below("o")}, "two": {"weight": 2, "do": below("w")}}
            return [{"split": f"s{name}", "variants": variants}]
        case "set":
            return [{"set": {"score": "contact.score + 5"}}]
        case "jump":
            return [{"jump": f"stage{draw(st.integers(0, stages - 1))}", "after": "1 day"}]
        case _:
            return [{kind: "had-enough", "after": "2 hours"}]


def workflows() -> st.SearchStrategy[Workflow]:
    """One to four stages with steps of every kind, branches two deep, clocks and jumps."""
    return workflow_texts().map(a_workflow)


@st.composite
def workflow_texts(
    draw: Any, name: str = "generated", most_stages: int = 4, sends_on_to: str | None = None
) -> str:
    """The same as the text of a file; who falls off by a timer may be sent on to another workflow."""
    count = draw(st.integers(1, most_stages))
    stages = []
    for number in range(count):
        stage: dict[str, Any] = {"stage": f"stage{number}", "need": "Something"}
        if number == 0:
            stage["trigger"] = "a.happened"
        elif draw(st.booleans()):
            stage["trigger"] = draw(st.sampled_from(EVENTS))
            if draw(st.booleans()):
                stage["reenter"] = "yes"
        stage["validate"] = draw(st.sampled_from(EVENTS[1:]))
        stage["steps"] = draw(step_lists(count, 0, str(number)))
        losses: list[dict[str, Any]] = [
            {"after": draw(st.sampled_from(("10 days", "30 days"))), "reason": "timed-out"}
        ]
        if sends_on_to and draw(st.booleans()):
            losses[0]["enroll"] = sends_on_to
        if draw(st.booleans()):
            losses.append({"silent": "5 days", "reason": "went-silent"})
        if draw(st.booleans()):
            losses.append({"on": "sale.refunded", "reason": "refunded"})
        stage["loss"] = losses
        stages.append(stage)
    head = {
        "workflow": name,
        "title": "Generated",
        "purpose": "nurture",
        "calendar": "business",
        "exit_when": "contact.is_competitor",
        "reentry": draw(st.sampled_from(("never", "20 days", "always"))),
        "stages": stages,
    }
    return json.dumps(head)


@dataclass(frozen=True)
class Act:
    """Some hours pass, then this happens."""

    hours: int
    what: str


def lives() -> st.SearchStrategy[list[Act]]:
    """What a contact does, and what is done to them, over weeks."""
    deeds = (
        *EVENTS,
        *EVENTS,
        "email.clicked",
        "email.replied",
        "machine-click",
        "sale.refunded",
        "call:voicemail",
        "call:reached",
        "move",
        "pause",
        "resume",
        "outage",
    )
    act = st.builds(Act, st.sampled_from((0, 1, 7, 26, 75, 200)), st.sampled_from(deeds))
    return st.lists(act, max_size=12)


def live_through(world: World, acts: list[Act]) -> None:
    """Play these acts; the contact's first act is always the one that enters."""
    world.track("a.happened")
    for act in acts:
        if act.what == "outage":
            world.late_by(hours=act.hours)
            continue
        world.advance(hours=act.hours)
        if act.what in ("pause", "resume"):
            paused = bool(world.pauses) and world.pauses[-1].until is None
            if (act.what == "pause") != paused:
                getattr(world, act.what)()
        elif act.what == "machine-click":
            world.track("email.clicked", human=False)
        elif act.what.startswith("call:"):
            world.track("call.outcome", {"outcome": act.what.removeprefix("call:")})
        elif act.what == "move":
            world.change(timezone="Pacific/Auckland")
        else:
            world.track(act.what)
    if world.pauses and world.pauses[-1].until is None:
        world.resume()
