"""What the database has seen of a workflow: how often contacts answered, went on and fell off, and who they are.

The base of a simulation's rates. Reads only; how many occasions are enough is the simulation's own rule.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from sqlalchemy import Connection

from nurture.db import contacts, funnel, history
from nurture.db.funnel import Fate
from nurture.engine.answers import CALL, ENOUGH, Seen, Where
from nurture.model.decisions import Change
from nurture.model.words import Contact, Reason, TaskState
from nurture.services.runtime import Runtime
from nurture.workflow.model import Workflow

ANSWERS = ("email.opened", "email.clicked", "email.replied", "email.bounced")
MOST_PEOPLE = 500
"""Contacts, the newest, of whom a simulation takes turns."""


@dataclass(frozen=True, slots=True)
class Observed:
    """``people`` are real contacts to take turns of; none where there are too few to stand for others."""

    seen: Mapping[Where, Seen] = field(default_factory=dict)
    people: tuple[Contact, ...] = ()
    whose: str = ""
    """Where the people were found."""


def observe(runtime: Runtime, workflows: Mapping[str, Workflow], name: str) -> Observed:
    """What was seen of all these workflows; the people are those of workflow ``name``, else anybody."""
    with runtime.database.read() as tx:
        seen = {
            (workflow.name, what, where): one
            for workflow in workflows.values()
            for what, where, one in _of_workflow(tx, workflow)
        }
        people, whose = _people(tx, name)
    return Observed(seen, people, whose)


def _people(tx: Connection, name: str) -> tuple[tuple[Contact, ...], str]:
    own = [one.contact_id for one in history.newest(tx, name, MOST_PEOPLE)]
    anybody = history.newest_people(tx, MOST_PEOPLE) if len(set(own)) < ENOUGH else []
    chosen, whose = (anybody, "contacts") if anybody else (own, f"contacts of {name}")
    if len(set(chosen)) < ENOUGH:
        return (), ""
    found = contacts.load(tx, set(chosen))
    return tuple(found[number] for number in sorted(found)), whose


def _of_workflow(tx: Connection, workflow: Workflow) -> Iterator[tuple[str, str, Seen]]:
    yield from _mails(tx, workflow)
    yield from _calls(tx, workflow)
    yield from _stages(tx, workflow)


def _mails(tx: Connection, workflow: Workflow) -> Iterator[tuple[str, str, Seen]]:
    mailed = history.mailed(tx, workflow.name)
    answers = history.answered(tx, workflow.name, ANSWERS)
    left = sum(loss.count for loss in funnel.losses(tx, workflow.name) if loss.reason == Reason.UNSUBSCRIBED)
    messages = sum(mailed.values())
    for step, number in mailed.items():
        for event in ANSWERS:
            yield event, step, Seen(min(answers.get((step, event), 0), number), number)
        # Who leaves does not say because of which mail: each bears its share.
        yield "consent.withdrawn", step, Seen(min(left, messages), messages)


def _calls(tx: Connection, workflow: Workflow) -> Iterator[tuple[str, str, Seen]]:
    over: dict[str, int] = defaultdict(int)
    outcomes: dict[tuple[str, str], int] = defaultdict(int)
    for done in funnel.calls(tx, workflow.name):
        if done.state in (TaskState.DONE, TaskState.EXPIRED):
            over[done.step] += done.count
        if done.state == TaskState.DONE and done.reason:
            outcomes[done.step, done.reason] += done.count
    for (step, outcome), count in outcomes.items():
        yield f"{CALL}{outcome}", step, Seen(count, over[step])


def _stages(tx: Connection, workflow: Workflow) -> Iterator[tuple[str, str, Seen]]:
    """Of those whose time in a stage is over: how many validated it, went on to the next, fell off by an event."""
    over: dict[str, int] = defaultdict(int)
    validated: dict[str, int] = defaultdict(int)
    for fate in funnel.fates(tx, workflow.name):
        if fate.entered and fate.fate is not Fate.UNDER_WAY:
            over[fate.stage] += fate.count
            validated[fate.stage] += fate.count if fate.fate is Fate.VALIDATED else 0
    losses = funnel.losses(tx, workflow.name)
    days = _days_to_validate(tx, workflow)
    for stage in workflow.stages:
        yield (
            "stage.validated",
            stage.name,
            Seen(validated[stage.name], over[stage.name], days.get(stage.name)),
        )
        told = {loss.reason for loss in stage.losses if loss.on}
        lost = sum(
            one.count for one in losses if one.stage == stage.name and not one.before and one.reason in told
        )
        if told:
            yield "stage.lost", stage.name, Seen(min(lost, over[stage.name]), over[stage.name])
        if stage.trigger and stage.index:
            not_come = sum(one.count for one in losses if one.stage == stage.name and one.before)
            came = over[stage.name]
            yield "stage.entered", stage.name, Seen(came, came + not_come)


def _days_to_validate(tx: Connection, workflow: Workflow) -> dict[str, float]:
    """Days from entering a stage to validating it, on average."""
    began: dict[tuple[int, str], float] = {}
    spans: dict[str, list[float]] = defaultdict(list)
    for move in history.paces(tx, workflow.name):
        at = move.at.timestamp()
        if move.change is Change.ENTERED:
            began[move.enrollment, move.stage] = at
        elif (start := began.get((move.enrollment, move.stage))) is not None:
            spans[move.stage].append((at - start) / 86_400)
    return {stage: sum(days) / len(days) for stage, days in spans.items()}
