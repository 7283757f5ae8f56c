"""What each of a contact's enrollments waits for, until when and by which rule, and what the gates would say then.

For people to read, on pages and the command line and by the API: nothing is decided here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from nurture.db.pauses import PauseRecord, PauseScope
from nurture.engine.caps import told as as_reason
from nurture.engine.decide import upcoming
from nurture.engine.explain import in_words, sentence
from nurture.engine.foresee import Foreseen
from nurture.engine.play import Play
from nurture.model.decisions import Change, Finish, Move, Shift, Skip
from nurture.model.timing import add
from nurture.model.words import Channel, DeliveryState, Enrollment, Phase, Reason
from nurture.services.story.known import PASSED, PAUSED, Known, Next, StepState, told
from nurture.services.story.under_way import under_way
from nurture.steps import KINDS
from nurture.steps.base import Step, Watch
from nurture.steps.wait_until import WaitUntilFields

NOTICED = frozenset(("email", "call_task", "offer"))
"""The kinds of steps whose turn is foreseen by name."""


def next_of(known: Known, one: Enrollment) -> Next:
    """What this enrollment waits for, and what happens then."""
    if not one.live:
        return _ended(known, one)
    if held := pauses_of(known, one):
        return paused(known, one, held)
    if one.step is None:
        return _awaits_evidence(known, one)
    if one.phase is Phase.ACTING:
        return under_way(known, one)
    if one.phase is Phase.WATCHING:
        return _watches(known, one)
    return _to_come(known, one)


# --- over, or held ----------------------------------------------------------------------------------------------


def _ended(known: Known, one: Enrollment) -> Next:
    """Why it ended, until when evidence reopens it, and from when on the contact may enter again."""
    reason = one.end_reason or ""
    since = known.when(one.ended_at) if one.ended_at else "some time ago"
    said = [f"Nothing: {one.status} since {since}, because {in_words(reason)}."]
    reopens = one.reopen_until if one.reopen_until and one.reopen_until > known.now else None
    if reopens:
        said.append(
            f"A validation of stage '{one.stage}' or a later one reopens it until {known.when(reopens)}."
        )
    again, rule = _again(known, one)
    said.append(rule)
    return told(known, one, StepState.ENDED, reason, " ".join(said), at=again, until=reopens, rule=rule)


def _again(known: Known, one: Enrollment) -> tuple[datetime | None, str]:
    """From when on the contact may enter again, in words too; None for never."""
    head = known.published.workflows.get(one.workflow)
    if head is None:
        return None, "Nobody enters it any more: it is not published."
    if any(other.live and other.workflow == one.workflow for other in known.own):
        return None, "The contact is in this workflow again."
    if head.reentry.kind == "always":
        return known.now, "The contact may enter again at any time."
    if head.reentry.kind == "never" or head.reentry.after is None:
        return None, "Nobody enters it twice."
    again = add(one.ended_at or known.now, head.reentry.after, known.zone)
    if again <= known.now:
        return known.now, f"The contact may enter again: {head.reentry.after} have passed."
    return again, f"The contact may enter again {head.reentry.after} later, from {known.when(again)}."


def pauses_of(known: Known, one: Enrollment) -> list[PauseRecord]:
    """The pauses that hold this enrollment now."""
    return [
        pause
        for pause in known.pauses
        if pause.workflow in (None, one.workflow) and pause.contact_id in (None, one.contact_id)
    ]


def paused(known: Known, one: Enrollment, held: Sequence[PauseRecord]) -> Next:
    """What it is held by, since when, by whom and why."""
    what = {PauseScope.EVERYTHING: "everything", PauseScope.CONTACT: "the contact"}
    causes = [
        _own_pause(known, pause)
        if pause.own
        else f"{what.get(pause.scope) or f'workflow {one.workflow}'} is paused since {known.when(pause.since)}"
        f"{f' by {pause.actor}' if pause.actor else ''}{f' ({pause.reason})' if pause.reason else ''}"
        for pause in held
    ]
    stands = f" It stands at step '{one.step}'." if one.step else ""
    until = held[0].ends_at if len(held) == 1 and held[0].own else None
    then = next(known.coming(one), None) if until else None
    if until:
        said = f"Nothing until {known.when(until)}: {causes[0]}; what they ask for is answered.{stands}"
    else:
        said = f"Nothing until it is resumed: {', and '.join(causes)}; only events are read.{stands}"
    if then:
        said += f" Then, {known.when(then.at)}: {sentence(then.decision, known.zone)}"
    return told(
        known,
        one,
        StepState.PAUSED,
        PAUSED,
        said,
        at=then.at if then else None,
        until=until,
        rule="; ".join(causes),
        gate=PAUSED,
    )


def _own_pause(known: Known, pause: PauseRecord) -> str:
    ends = f" until {known.when(pause.ends_at)}" if pause.ends_at else ""
    return f"the contact asked for a pause{ends}, on {known.when(pause.since)}"


# --- without a step ---------------------------------------------------------------------------------------------


def _awaits_evidence(known: Known, one: Enrollment) -> Next:
    """The list is finished or the contact rests: an event moves it on, or the stage's time runs out."""
    workflow = known.workflow_of(one)
    stage = workflow.stage(one.stage)
    onward = workflow.after(stage)
    ends = _end_ahead(known, one)
    until = ends.at if ends else upcoming(workflow, one, known.facts[one.id], known.now)
    lost = f" until {known.when(until)}" if until else ""
    then = f"; then {_as_end(ends.decision)}" if ends and isinstance(ends.decision, Finish) else ""
    if one.resting and onward:
        awaited = onward.trigger.event if onward.trigger and onward.trigger.event else "by hand"
        said = f"Stage '{one.stage}' is validated; the trigger of '{onward.name}' ({awaited}) is awaited{lost}{then}."
    else:
        awaited = stage.validate.name
        said = f"The steps of stage '{one.stage}' are done; its evidence ({awaited}) is awaited{lost}{then}."
    return told(known, one, StepState.WAITING, Reason.EVENT, said, until=until, rule=awaited)


def _end_ahead(known: Known, one: Enrollment) -> Foreseen | None:
    return next((each for each in known.coming(one) if isinstance(each.decision, Finish)), None)


def _as_end(end: Finish) -> str:
    return f"the contact is {end.status}, because {in_words(end.reason)}"


# --- at a step --------------------------------------------------------------------------------------------------


def _to_come(known: Known, one: Enrollment) -> Next:
    """The step's time has not come: when it does, how that was worked out, and what the gates would say then."""
    step = known.workflow_of(one).steps[one.step or ""]
    due = one.due or known.now
    if one.first_due:
        shift = _last_shift(known, one)
        reason = shift.reason if shift else Reason.DUE
        was = min(one.first_due, shift.due) if shift else one.first_due
        because = "; ".join([*shift.because, *used_up(known, shift)] if shift else [])
        said = (
            f"Step '{step.id}' was due {known.when(was)} and is moved to {known.when(due)}, "
            f"because {in_words(reason)}{f' ({because})' if because else ''}."
        )
        answer = told(known, one, StepState.SHIFTED, reason, said, at=due, until=due, rule=because)
    else:
        rule = "; ".join(_derivation(known, one, step))
        said = f"Step '{step.id}' is due {known.when(due)}{f' ({rule})' if rule else ''}."
        answer = told(known, one, StepState.NOT_YET, Reason.DUE, said, at=due, until=due, rule=rule)
    return judged(known, one, step.id, answer)


def judged(known: Known, one: Enrollment, step: str, answer: Next) -> Next:
    """``answer`` with what the gates say when the step's time comes: it happens, moves to a better time, or never does."""
    if known.seen.trouble:
        return replace(answer, said=f"{answer.said} What comes then cannot be told: {known.seen.trouble}.")
    for then in known.coming(one):
        decision = then.decision
        if _has_come(known, one, step, answer, then):
            return answer
        if isinstance(decision, Finish):
            return _never(known, answer, then, decision.reason, _as_end(decision))
        if isinstance(decision, Move) and decision.change is Change.ENTERED and one.step == step:
            return _never(known, answer, then, PASSED, f"the contact goes on to stage '{decision.stage}'")
        if decision.step != step:
            continue
        if isinstance(decision, Skip):
            because = f" ({', '.join(decision.because)})" if decision.because else ""
            told_ = f"{answer.said} It will be skipped then, because {in_words(decision.reason)}{because}."
            return replace(answer, state=StepState.NEVER, gate=decision.reason, at=then.at, said=told_)
        return _moved(known, step, answer, then)
    return answer


def _never(known: Known, answer: Next, then: Foreseen, gate: str, because: str) -> Next:
    said = f"{answer.said} It never comes to that: by {known.when(then.at)} {because}."
    return replace(answer, state=StepState.NEVER, gate=gate, at=None, until=then.at, said=said)


def _has_come(known: Known, one: Enrollment, step: str, answer: Next, then: Foreseen) -> bool:
    """Has a step that nobody notices, such as a wait, had its turn by what is foreseen next? No gate ever moves its time.

    At the very moment of its time a loss comes first; what another step does then, it does after this one.
    """
    steps = known.workflow_of(one).steps
    if answer.until is None or steps[step].kind in NOTICED or then.at < answer.until:
        return False
    by_a_step = then.decision.step or then.decision.place in {each.place for each in steps.values()}
    return then.at > answer.until or bool(by_a_step)


def _moved(known: Known, step: str, answer: Next, then: Foreseen) -> Next:
    """The step happens; manners may have moved it on the way."""
    shifts = [each for each in then.led if isinstance(each, Shift) and each.step == step]
    if not shifts:
        return replace(answer, at=then.at)
    last = shifts[-1]
    because = "; ".join([*last.because, *used_up(known, last)])
    told_ = (
        f"{answer.said} It will be moved to {known.when(then.at)} then, because {in_words(last.reason)}"
        f"{f' ({because})' if because else ''}."
    )
    return replace(answer, at=then.at, gate=last.reason, said=told_)


def _derivation(known: Known, one: Enrollment, step: Step) -> tuple[str, ...]:
    """How the time engine comes to the step's time, worked out anew."""
    scene = Play(known.workflow_of(one), one, known.facts[one.id], known.now).scene(one.since or known.now)
    return KINDS[step.kind].due(step, scene).derivation


def _last_shift(known: Known, one: Enrollment) -> Shift | None:
    here = [
        each
        for each in known.decisions_of(one)
        if isinstance(each, Shift) and (each.step, each.visit) == (one.step, one.visit)
    ]
    return here[-1] if here else None


def used_up(known: Known, shift: Shift) -> list[str]:
    """Which messages used up the cap that moved this one."""
    if shift.reason != Reason.FREQUENCY_CAP:
        return []
    workspace = next((facts.workspace for facts in known.facts.values()), known.published.workspace)
    caps = workspace.caps.get(Channel.EMAIL, ())
    cap = next((each for each in caps if as_reason(each, Channel.EMAIL) in shift.because), None)
    if cap is None:
        return []
    counted = sorted(
        (mail.ended_at or mail.due, mail.template)
        for mail in known.mails
        if mail.marketing and mail.state not in (DeliveryState.SKIPPED, DeliveryState.FAILED)
    )
    last = [each for each in counted if each[0] <= max(shift.at, known.now)][-cap.most :]
    used = ", ".join(f"'{template}' {known.when(at)}" for at, template in last)
    return [f"used up by {used}"] if used else []


def _watches(known: Known, one: Enrollment) -> Next:
    step = known.workflow_of(one).steps[one.step or ""]
    assert isinstance(step.fields, WaitUntilFields)
    awaited = " or ".join(dict.fromkeys(match.name for match in step.fields.wait_until))
    play = Play(known.workflow_of(one), one, known.facts[one.id], known.now)
    watch = KINDS[step.kind].run(step, play.scene(one.since or known.now))
    rule = "; ".join(watch.until.derivation) if isinstance(watch, Watch) else ""
    until = known.when(one.due) if one.due else "it comes"
    said = f"Step '{step.id}' waits for {awaited} until {until}{f' ({rule})' if rule else ''}; "
    ends = _end_ahead(known, one)
    if ends and one.due and ends.at < one.due and isinstance(ends.decision, Finish):
        said += f"but by {known.when(ends.at)} {_as_end(ends.decision)}."
        return told(known, one, StepState.WAITING, Reason.EVENT, said, at=ends.at, until=ends.at, rule=rule)
    said += "then its timeout comes."
    return told(known, one, StepState.WAITING, Reason.EVENT, said, at=one.due, until=one.due, rule=rule)
