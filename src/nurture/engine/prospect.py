"""What an outcome of a call would lead to, told before anybody clicks it: the production ``decide``, asked once.

Nothing is stored, and nothing is promised: an event that comes first changes it all.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

from nurture.engine.decide import decide
from nurture.engine.effects import CALLS_AGAIN, CLOSES_PHONE
from nurture.engine.explain import in_words, moment
from nurture.model.decisions import Call, Change, Decision, EnrollIn, Finish, HandOver, Move, Send, Skip, Turn
from nurture.model.words import Channel, Enrollment, Event, Facts, Phase, Receipt, ReceiptState, Status
from nurture.steps.base import Step
from nurture.workflow.model import Workflow

MOVES_NOTHING = "It is kept and shown, and moves nothing."
MOST_TOLD = 3


def after_outcome(
    workflow: Workflow,
    enrollment: Enrollment,
    facts: Facts,
    now: datetime,
    outcome: str,
    about: tuple[str, int],
    zone: ZoneInfo,
) -> str:
    """What follows if the call of this step and visit, still open, ends so: one or two sentences, times in ``zone``.

    Raises NurtureError where ``decide`` does.
    """
    if outcome == CALLS_AGAIN:
        return "The same call again, at the time you choose."
    closes = CLOSES_PHONE.get(outcome)
    first = "The number is closed at once. " if closes else ""
    if closes:
        channels = {**facts.suppressed, Channel.PHONE: frozenset((closes,))}
        facts = replace(facts, suppressed=channels)
    step, visit = about
    turn = decide(workflow, enrollment, _with_outcome(enrollment, facts, now, outcome, step, visit), now)
    told = list(_told(workflow, turn, zone))[:MOST_TOLD]
    said = ", then ".join(told)
    return f"{first}{said[0].upper()}{said[1:]}."


def _with_outcome(
    enrollment: Enrollment, facts: Facts, now: datetime, outcome: str, step: str, visit: int
) -> Facts:
    """The facts as they will be once the outcome is an event and its call is done."""
    event = Event(
        id=max([enrollment.cursor, *(one.id for one in facts.events)]) + 1,
        name="call.outcome",
        at=now,
        arrived_at=now,
        data={"outcome": outcome},
        contact_id=enrollment.contact_id,
        enrollment_id=enrollment.id,
        step=step,
        visit=visit,
    )
    stands_here = (enrollment.step, enrollment.visit, enrollment.phase) == (step, visit, Phase.ACTING)
    receipt = Receipt(step, visit, ReceiptState.DONE, now, outcome) if stands_here else facts.receipt
    return replace(facts, events=(*facts.events, event), receipt=receipt)


def _told(workflow: Workflow, turn: Turn, zone: ZoneInfo) -> Iterator[str]:
    for decision in turn.decisions:
        if said := _of(decision):
            yield said
    after = turn.enrollment
    if after.status is not Status.ACTIVE:
        return
    step = workflow.steps.get(after.step or "")
    if step is None:
        yield f"no further step: stage '{after.stage}' waits for its evidence"
    elif after.phase is Phase.WATCHING:
        yield f"'{step.id}' waits for its event{_until(after.due, zone)}"
    elif after.phase is Phase.WAITING:
        when = _until if step.kind == "wait" else _at
        yield f"{_called(step)}{when(after.due, zone)}"


def _of(decision: Decision) -> str | None:
    match decision:
        case Send(channel=Channel.TEAM | Channel.WEBHOOK):
            return None
        case Send(template=name):
            return f"mail '{name}' goes out"
        case Call(script=name):
            return f"call '{name}' is opened"
        case HandOver(offer=name):
            return f"offer '{name}' is handed over"
        case Skip(what=name, reason=reason):
            return f"'{name}' is skipped, because {in_words(reason)}"
        case Move(change=Change.VALIDATED, stage=stage):
            return f"stage '{stage}' is validated"
        case Move(change=Change.ENTERED, stage=stage):
            return f"stage '{stage}' begins"
        case Finish(status=Status.COMPLETED):
            return "the workflow is completed"
        case Finish(status=Status.LOST, reason=reason):
            return f"the contact is lost: {reason}"
        case Finish():
            return "the contact leaves the workflow"
        case EnrollIn(workflow=workflow):
            return f"workflow '{workflow}' begins"
        case _:
            return None


def _called(step: Step) -> str:
    name = getattr(step.fields, step.kind, None)
    match step.kind:
        case "email":
            return f"mail '{name}'"
        case "call_task":
            return f"call '{name}'"
        case "wait":
            return "a wait"
        case _:
            return f"step '{step.id}'"


def _at(due: datetime | None, zone: ZoneInfo) -> str:
    return f" on {moment(due, zone)}" if due else ""


def _until(due: datetime | None, zone: ZoneInfo) -> str:
    return f" until {moment(due, zone)}" if due else ""
