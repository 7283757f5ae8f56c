"""What happens next to one contact in one workflow, and why: the whole sequencer in one pure function.

START READING HERE. ``decide`` takes values and returns values; production, walks, scenarios, simulations and the
property tests all play this one. It reads no clock and no database, and sends nothing.

The order within a turn never varies: the exit condition; unread events as they arrived; then timers by due time,
losses before steps.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from nurture.engine.evidence import (
    Match,
    awaited_by,
    ends_everything,
    entered_by,
    forward,
    is_evidence,
    loss_on,
    reentered,
    reopens,
)
from nurture.engine.gates import judged
from nurture.engine.play import Play, put_off
from nurture.engine.touch import run_touch, skip
from nurture.model.decisions import Send, SetFields, Turn
from nurture.model.errors import NurtureError
from nurture.model.timing import add
from nurture.model.words import (
    Enrollment,
    EnteredBy,
    Event,
    Facts,
    Phase,
    Reason,
    Receipt,
    ReceiptState,
    Status,
)
from nurture.steps import KINDS
from nurture.steps.base import Act, Jump, Leave, Over, Step, Take
from nurture.workflow.model import Loss, Stage, Workflow

MOST_STEPS = 1_000
"""Steps in one turn without a wait; the checker refuses loops that would need more."""


def decide(
    workflow: Workflow,
    enrollment: Enrollment,
    facts: Facts,
    now: datetime,
    variants: Mapping[str, str] | None = None,
) -> Turn:
    """One turn: everything that is to happen to this enrollment up to ``now``, with the reason of each.

    ``variants`` picks split variants by hand, for walks. Raises NurtureError when the workflow turns in a circle.
    """
    play = Play(workflow, enrollment, facts, now, variants or {})
    if play.live:
        leave_by_condition(play)
    for event in facts.events:
        if event.id > play.enrollment.cursor:
            read(play, event)
            play.become(cursor=event.id)
    if play.live and not facts.paused:
        play.set_due()
        run_timers(play)
    elif play.live and facts.resting:
        answer(play)
    return play.turn(next_look(play))


def upcoming(workflow: Workflow, enrollment: Enrollment, facts: Facts, now: datetime) -> datetime | None:
    """When the next timer of this enrollment rings; None while paused, acting or ended."""
    return next_look(Play(workflow, enrollment, facts, now))


def enter(
    workflow: Workflow,
    enrollment: Enrollment,
    facts: Facts,
    now: datetime,
    *,
    stage: Stage,
    by: EnteredBy,
    reason: str = Reason.EVENT,
    event: Event | None = None,
) -> Turn:
    """The first turn of a new ``enrollment``: it enters ``stage`` and stands at its first step."""
    play = Play(workflow, enrollment, facts, now)
    play.enter(stage, event.arrived_at if event else now, by=by, reason=reason, event=event)
    return play.turn(now)


def end(workflow: Workflow, enrollment: Enrollment, facts: Facts, now: datetime, reason: str) -> Turn:
    """The turn that ends an enrollment from outside: by hand, restarted, reopened elsewhere."""
    play = Play(workflow, enrollment, facts, now)
    play.finish(Status.EXITED, reason, now)
    return play.turn(None)


def move_by_hand(
    workflow: Workflow, enrollment: Enrollment, facts: Facts, now: datetime, stage: Stage, reason: str
) -> Turn:
    """The turn in which a person puts the contact into ``stage``; ``reason`` is theirs and takes the evidence's place."""
    play = Play(workflow, enrollment, facts, now)
    play.pass_over(stage, None, now, reason)
    play.clear(now)
    play.enter(stage, now, by=EnteredBy.HAND, reason=reason)
    return play.turn(now)


def skip_by_hand(
    workflow: Workflow, enrollment: Enrollment, facts: Facts, now: datetime, reason: str
) -> Turn:
    """The turn in which a person has the contact go past the step they stand at; ``reason`` is theirs.

    A message or call is skipped, anything else goes straight on, past all of its branches. Raises NurtureError where
    the contact stands at no step.
    """
    play = Play(workflow, enrollment, facts, now)
    step = play.step
    if step is None:
        raise NurtureError(
            f"there is no step to skip: stage '{enrollment.stage}' has none left",
            hint="move the contact to another stage",
        )
    outcome = KINDS[step.kind].run(step, play.scene(now))
    if isinstance(outcome, Act):
        skip(play, step, outcome.decision, Reason.BY_HAND, because=(reason,))
    else:
        play.take_branch(step, None, now, reason=Reason.BY_HAND, because=(reason,))
    return play.turn(now)


# --- first: the exit condition -----------------------------------------------------------------------------------


def exits(play: Play) -> bool:
    condition = play.workflow.exit_when
    return condition is not None and condition.holds(play.scope(play.facts.evidence))


def leave_by_condition(play: Play) -> None:
    if exits(play):
        play.finish(Status.EXITED, Reason.EXIT_WHEN, play.now, place=play.workflow.exit_place)


# --- then: events, in order of arrival ---------------------------------------------------------------------------


def read(play: Play, event: Event) -> None:
    """Read one event: at most one move, the first of these that applies."""
    if not play.live:
        if play.facts.replaced or exits(play):
            return
        if not reopens(play.workflow, play.enrollment, event, play.scope(event)):
            return
        play.revive(event)
    if not is_evidence(event, play.enrollment):
        return
    reason = ends_everything(event, play.workflow.purpose)
    if reason:
        play.finish(Status.LOST, reason, event.arrived_at, event=event)
    elif loss := loss_on(play.stage, play.enrollment, event, play.scope(event)):
        lose(play, loss, event.arrived_at, event)
    elif match := forward(play.workflow, play.enrollment, event, play.scope(event)):
        move_forward(play, match, event)
    elif stage := reentered(play.workflow, play.enrollment, event, play.scope(event)):
        play.clear(event.arrived_at)
        play.enter(stage, event.arrived_at, by=entered_by(event), reason=Reason.EVENT, event=event)
    else:
        answer_step(play, event)


def move_forward(play: Play, match: Match, event: Event) -> None:
    """The nearest match wins: stages passed over are skipped, its own is validated or entered."""
    at = event.arrived_at
    play.pass_over(match.stage, event, at)
    play.clear(at)
    if match.by_trigger:
        play.enter(match.stage, at, by=entered_by(event), reason=Reason.EVENT, event=event)
        return
    play.validate(match.stage, event, at)
    onward = play.workflow.after(match.stage)
    if onward is None:
        play.become(stage=match.stage.name)
        play.finish(Status.COMPLETED, Reason.EVENT, at, event=event, place=match.stage.place)
    elif match.enters_next:
        play.enter(onward, at, by=entered_by(event), reason=Reason.EVENT, event=event)
    else:
        play.rest(match.stage, event, at)


def lose(play: Play, loss: Loss, at: datetime, event: Event | None = None) -> None:
    play.finish(
        Status.LOST,
        loss.reason,
        at,
        event=event,
        place=loss.place,
        reopens=loss.on is None or loss.reason == "not-interested",
        enroll=loss.enroll,
    )


def answer_step(play: Play, event: Event) -> None:
    """An event that moves no stage may still end the wait, or be the outcome of the call, that we stand at."""
    step = play.step
    if step is None:
        return
    branch = awaited_by(step, play.scene(play.enrollment.since or play.now), event)
    if branch is not None:
        play.take_branch(step, branch.name, event.arrived_at, reason=Reason.EVENT, event=event)


# --- last: timers, by due time -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Timer:
    """Something that happens at a time: a loss, or (without one) the step we stand at."""

    at: datetime
    loss: Loss | None = None

    @property
    def order(self) -> tuple[datetime, bool]:
        return self.at, self.loss is None


def run_timers(play: Play) -> None:
    for _ in range(MOST_STEPS):
        timer = min(timers(play), key=lambda timer: timer.order, default=None) if play.live else None
        if timer is None or timer.at > play.now:
            return
        if timer.loss:
            fall_off(play, timer.loss, timer.at)
        else:
            run_step(play, timer.at)
    raise NurtureError(
        f"workflow '{play.workflow.name}' took {MOST_STEPS} steps at once from '{play.enrollment.step}'",
        hint="put a wait into the loop",
    )


def answer(play: Play) -> None:
    """Who wants a rest from us still gets what they ask for: answers that are due, and nothing behind them."""
    for _ in range(MOST_STEPS):
        at = step_due(play) if play.live and stands_at_answer(play) else None
        if at is None or at > play.now:
            return
        run_step(play, at)


def stands_at_answer(play: Play) -> bool:
    """Is the step a message that law and manners free, since the contact's own event stands behind it?"""
    step = play.step
    if step is None or play.enrollment.phase is Phase.WATCHING:
        return False
    outcome = KINDS[step.kind].run(step, play.scene(play.enrollment.since or play.now))
    if not isinstance(outcome, Act) or not isinstance(outcome.decision, Send):
        return False
    touch = judged(outcome.decision, play.enrollment, play.facts.evidence, play.workflow.purpose)
    return isinstance(touch, Send) and not touch.marketing


def next_look(play: Play) -> datetime | None:
    """When the next timer rings; None while paused or ended, when only an event or a resume matters."""
    if not play.live:
        return None
    if play.facts.paused:
        return step_due(play) if play.facts.resting and stands_at_answer(play) else None
    return min((timer.at for timer in timers(play)), default=None)


def timers(play: Play) -> list[Timer]:
    rings = [Timer(at, loss) for loss in play.stage.losses if (at := loss_due(play, loss))]
    step_at = step_due(play)
    return [*rings, Timer(step_at)] if step_at else rings


def loss_due(play: Play, loss: Loss) -> datetime | None:
    """When this loss rings. ``silent`` counts from the later of stage entry and the last human activity."""
    start = play.record(play.stage).clock_from
    if start is None or (play.enrollment.resting and loss.after is None):
        return None
    if loss.after:
        span = loss.after
    elif loss.silent:
        start, span = max(start, play.facts.contact.last_active_at or start), loss.silent
    else:
        return None
    due = add(start, span, play.zone, play.calendar)
    return put_off(play.facts.pauses, start, due, play.now)


def step_due(play: Play) -> datetime | None:
    enrollment = play.enrollment
    if enrollment.step is None:
        return None
    if enrollment.phase is Phase.ACTING:
        receipt = receipt_of(play)
        return receipt.at if receipt else None
    return enrollment.due


def receipt_of(play: Play) -> Receipt | None:
    """How the message or call we stand at ended, if it has."""
    receipt = play.facts.receipt
    here = (play.enrollment.step, play.enrollment.visit)
    return receipt if receipt and (receipt.step, receipt.visit) == here else None


def fall_off(play: Play, loss: Loss, at: datetime) -> None:
    if not play.enrollment.resting:
        lose(play, loss, at)
        return
    # The stage was validated and stays so; its reasons and its win-back do not apply to who did not go on.
    onward = play.workflow.after(play.stage)
    play.finish(Status.LOST, Reason.DID_NOT_GO_ON, at, place=loss.place, before=onward, reopens=True)


def run_step(play: Play, at: datetime) -> None:
    step = play.step
    assert step is not None
    if play.enrollment.phase is Phase.ACTING:
        after_receipt(play, step)
    elif play.enrollment.phase is Phase.WATCHING:
        play.take_branch(step, "timeout", at, reason=Reason.TIMEOUT)
    else:
        run_due(play, step, at)


def run_due(play: Play, step: Step, at: datetime) -> None:
    outcome = KINDS[step.kind].run(step, play.scene(at))
    match outcome:
        case Act():
            run_touch(play, step, outcome)
        case Over(decisions):
            for decision in decisions:
                if isinstance(decision, SetFields):
                    play.change_contact(decision)
            play.decide(*decisions)
            play.go_on(step, at)
        case Take(branch, reason, because):
            play.take_branch(step, branch, at, reason=reason, because=because)
        case Jump(stage):
            goal = play.workflow.stage(stage)
            play.pass_over(goal, None, at, Reason.STEP)
            play.clear(at)
            play.enter(goal, at, by=EnteredBy.JUMP, reason=Reason.STEP, place=step.place)
        case Leave(status, reason):
            reopens_later = status is Status.LOST and reason == "not-interested"
            play.finish(status, reason, at, place=step.place, reopens=reopens_later)
        case _:
            raise AssertionError(f"{step.kind} wants something unknown: {outcome}")


def after_receipt(play: Play, step: Step) -> None:
    """A message or call is over: sent, skipped or in doubt goes on; failed asks ``on_failure``."""
    receipt = receipt_of(play)
    assert receipt is not None
    if receipt.state is not ReceiptState.FAILED:
        play.go_on(step, receipt.at)
    elif getattr(step.fields, "on_failure", None) == "lose":
        play.finish(Status.LOST, Reason.STEP_FAILED, receipt.at, place=step.place)
    elif "failure" in step.branches:
        play.take_branch(step, "failure", receipt.at, reason=Reason.RECEIPT)
    else:
        play.go_on(step, receipt.at)
