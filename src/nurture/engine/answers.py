"""What contacts may do in answer to what happens to them, and how likely: the assumptions of a simulation.

A rate is given by whoever asks, else observed often enough, else assumed; each says which. Draws nothing and reads nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from nurture.model.errors import NotFoundError, NurtureError, did_you_mean
from nurture.model.matching import EventMatch, is_own_action
from nurture.model.words import NOTHING, Scalar
from nurture.steps.call_task import CallTaskFields
from nurture.steps.email import EmailFields
from nurture.steps.wait_until import WaitUntilFields
from nurture.workflow.model import Stage, Workflow

ENOUGH = 30
"""As many occasions must have been seen before a rate is taken from them."""
CALL = "call."
DEFAULTS: Mapping[str, float] = {
    "email.opened": 0.4,
    "email.clicked": 0.08,
    "email.replied": 0.01,
    "email.bounced": 0.003,
    "consent.withdrawn": 0.004,
    "stage.validated": 0.25,
    "stage.entered": 0.4,
    "stage.lost": 0.02,
    "wait.ended": 0.3,
    "call.reached": 0.3,
    "call.voicemail": 0.35,
    "call.no-answer": 0.15,
    "call.not-interested": 0.05,
}
"""Rates for want of better: none of them was measured. They are there to be replaced."""
OTHER_OUTCOME = 0.05
DAYS: Mapping[str, float] = {"email": 1.0, "consent": 1.0, "stage": 5.0, "wait": 5.0, "call": 1.0}
"""Days until the answer, on average; most come sooner, a few much later."""


class Cue(StrEnum):
    """What happens to the contact, and may be answered."""

    MAIL = "mail"
    CALL = "call"
    STAGE = "stage"
    REST = "rest"
    """A stage was validated, and the next one waits for a trigger of its own."""
    WAIT = "wait"


class Source(StrEnum):
    OBSERVED = "observed"
    ASSUMED = "assumed"
    GIVEN = "given"


@dataclass(frozen=True, slots=True)
class Seen:
    """On ``n`` occasions it happened ``times``, after ``days`` on average where that is known."""

    times: int
    n: int
    days: float | None = None


@dataclass(frozen=True, slots=True)
class Rate:
    """How often, 0 to 1, after how many days on average, and how we come to say so; ``n`` occasions where it was seen."""

    value: float
    days: float
    source: Source
    n: int | None = None


@dataclass(frozen=True, slots=True)
class Chance:
    """At this cue (of a step or stage, ``where``) the contact does ``event`` with this rate. ``what`` names it to people."""

    workflow: str
    cue: Cue
    where: str
    what: str
    event: str
    rate: Rate
    data: Mapping[str, Scalar] = field(default_factory=lambda: NOTHING)

    @property
    def key(self) -> str:
        """As ``--assume`` calls it: ``email.clicked@guide-delivery``."""
        return f"{self.what}@{self.where}"


Where = tuple[str, str, str]
"""Workflow, what, and the step or stage."""
MadeUp = Callable[[EventMatch], Mapping[str, Scalar] | None]
"""The least data with which an event meets a line; None when nobody can make it up."""


@dataclass(frozen=True, slots=True)
class Rates:
    """What was ``given`` (``{"email.clicked@STEP": 0.2}``, or without a step) goes before what was ``seen``."""

    given: Mapping[str, float] = field(default_factory=dict)
    seen: Mapping[Where, Seen] = field(default_factory=dict)

    def of(self, workflow: str, what: str, where: str) -> Rate:
        days = DAYS[what.partition(".")[0]]
        seen = self.seen.get((workflow, what, where))
        enough = seen is not None and seen.n >= ENOUGH
        if seen is not None and enough and seen.days is not None:
            days = seen.days
        for key in (f"{what}@{where}", what):
            if key in self.given:
                return Rate(self.given[key], days, Source.GIVEN)
        if seen is not None and enough:
            return Rate(seen.times / seen.n, days, Source.OBSERVED, seen.n)
        return Rate(DEFAULTS.get(what, OTHER_OUTCOME), days, Source.ASSUMED, seen.n if seen else None)


def chances_of(workflow: Workflow, rates: Rates, made_up: MadeUp) -> tuple[Chance, ...]:
    """Everything a contact may do on the way through this workflow.

    A stage that is validated by something of the contact's own (a sale, a download) is so by one draw when it is entered,
    at the rate of the stage; one that a mail or call validates is so by the answers to its mails and calls.
    """
    return tuple(_of_stages(workflow, rates, made_up)) + tuple(_of_steps(workflow, rates, made_up))


def outcomes_of(workflow: Workflow) -> tuple[str, ...]:
    """The outcomes of calls that are drawn: the usual ones, and those that lead somewhere in this workflow."""
    usual = [what.removeprefix(CALL) for what in DEFAULTS if what.startswith(CALL)]
    branches = [
        name
        for step in workflow.steps.values()
        if isinstance(step.fields, CallTaskFields)
        for name in step.branches
        if name != "failure"
    ]
    return tuple(dict.fromkeys((*usual, *branches)))


def refuse_unknown(given: Mapping[str, float], chances: Iterator[Chance] | tuple[Chance, ...]) -> None:
    """Raises NotFoundError for an assumption that nothing asks for, NurtureError for one that is no share."""
    known: set[str] = set()
    for chance in chances:
        known |= {chance.what, chance.key}
    for key, value in given.items():
        if key not in known:
            hint = (
                did_you_mean(key, known)
                or f"known are {', '.join(sorted({one for one in known if '@' not in one}))}"
            )
            raise NotFoundError(f"nothing is assumed about '{key}'", hint=hint)
        if not 0 <= value <= 1:
            raise NurtureError(f"{key}={value:g} is no share", hint="write a number from 0 to 1, such as 0.2")


# --- the parts of a workflow --------------------------------------------------------------------------------------


def _is_answer(match: EventMatch) -> bool:
    """Does it come by itself from what answers mails and calls, or from us?"""
    return match.name.startswith(("email.", "call.", "consent.")) or is_own_action(match.name)


def _of_stages(workflow: Workflow, rates: Rates, made_up: MadeUp) -> Iterator[Chance]:
    for stage in workflow.stages:
        lines = [("stage.validated", Cue.STAGE, stage.name, stage.name, stage.validate)]
        lines += [
            ("stage.lost", Cue.STAGE, stage.name, stage.name, loss.on) for loss in stage.losses if loss.on
        ]
        onward = workflow.after(stage)
        if onward and onward.trigger and onward.trigger.match:
            lines.append(("stage.entered", Cue.REST, stage.name, onward.name, onward.trigger.match))
        for what, cue, where, named, match in lines:
            data = None if _is_answer(match) else made_up(match)
            if data is not None:
                # Named by the stage it is about: one that waits for its own trigger is the next.
                rate = rates.of(workflow.name, what, named)
                yield Chance(workflow.name, cue, where, what, match.name, rate, data)


def _of_steps(workflow: Workflow, rates: Rates, made_up: MadeUp) -> Iterator[Chance]:
    mails = ["email.clicked", "email.replied", "email.bounced", "consent.withdrawn"]
    if _listens_to_opens(workflow):
        mails.insert(0, "email.opened")
    for step in workflow.steps.values():
        if isinstance(step.fields, EmailFields):
            for event in mails:
                rate = rates.of(workflow.name, event, step.id)
                yield Chance(workflow.name, Cue.MAIL, step.id, event, event, rate)
        elif isinstance(step.fields, CallTaskFields):
            for outcome in outcomes_of(workflow):
                rate = rates.of(workflow.name, f"{CALL}{outcome}", step.id)
                data = {"outcome": outcome}
                yield Chance(workflow.name, Cue.CALL, step.id, f"{CALL}{outcome}", "call.outcome", rate, data)
        elif isinstance(step.fields, WaitUntilFields):
            stage = workflow.stage(step.stage)
            for match in step.fields.wait_until:
                wanted = None if _is_answer(match) or _validates(stage, match) else made_up(match)
                if wanted is not None:
                    rate = rates.of(workflow.name, "wait.ended", step.id)
                    yield Chance(workflow.name, Cue.WAIT, step.id, "wait.ended", match.name, rate, wanted)


def _validates(stage: Stage, match: EventMatch) -> bool:
    return match.name == stage.validate.name


def _listens_to_opens(workflow: Workflow) -> bool:
    lines = [stage.validate for stage in workflow.stages]
    for step in workflow.steps.values():
        lines += step.fields.wait_until if isinstance(step.fields, WaitUntilFields) else ()
    return any(line.name == "email.opened" for line in lines)
