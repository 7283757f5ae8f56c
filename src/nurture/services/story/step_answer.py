"""What became of one step for a contact, or what will: sent, waiting, shifted, skipped, never, not yet, not reached.

It reads and decides nothing; what is to come is asked of ``services.story.outlook``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TypeVar

from nurture.db.deliveries import Delivery
from nurture.db.tasks import Task
from nurture.engine.explain import in_words, sentence
from nurture.model.decisions import Decision, Move, Shift, Wait
from nurture.model.errors import NotFoundError, did_you_mean
from nurture.model.words import DeliveryState, Enrollment, Reason, TaskState
from nurture.services.story.ahead import ON_ITS_WAY
from nurture.services.story.became import said_of, said_of_call
from nurture.services.story.known import NOT_IN_VERSION, PASSED, Known, Next, StepState, told
from nurture.services.story.outlook import judged, next_of, paused, pauses_of
from nurture.services.story.under_way import of_open_call, of_waiting_mail
from nurture.steps.base import Step
from nurture.workflow.model import Workflow

NOT_REACHED = "not-reached"
SKIPS = frozenset(
    (
        Reason.SUPPRESSED,
        Reason.NO_CONSENT,
        Reason.NO_PHONE,
        Reason.HOLDOUT,
        Reason.LATE,
        Reason.BY_HAND,
        Reason.HELD_TOO_LONG,
    )
)
"""Why a call was never opened; one cancelled for another reason had been."""


def of_step(known: Known, one: Enrollment, step: str) -> Next:
    """The answer for this step in this enrollment. Raises NotFoundError for a step that no version has."""
    workflow = known.workflow_of(one)
    if step not in workflow.steps:
        return _not_in_version(known, one, step)
    if mail := _newest(known.mails, one, step):
        return _of_mail(known, one, mail)
    if call := _newest(known.calls, one, step):
        return _of_call(known, one, call)
    if one.live and one.step == step:
        return next_of(known, one)
    if taken := [each for each in known.decisions_of(one) if each.step == step]:
        return _of_taken(known, one, taken[-1])
    return _not_reached(known, one, workflow.steps[step])


def no_such_step(workflow: Workflow, step: str) -> NotFoundError:
    hint = did_you_mean(step, list(workflow.steps)) or "`nurture check` knows the steps of a workflow"
    return NotFoundError(f"workflow '{workflow.name}' has no step '{step}'", hint=hint)


Row = TypeVar("Row", Delivery, Task)


def _newest(rows: Sequence[Row], one: Enrollment, step: str) -> Row | None:
    """The message or call of the latest visit."""
    own = [row for row in rows if (row.enrollment_id, row.step) == (one.id, step)]
    return max(own, key=lambda row: row.visit, default=None)


def _of_mail(known: Known, one: Enrollment, mail: Delivery) -> Next:
    if mail.state in ON_ITS_WAY:
        if held := pauses_of(known, one):
            return replace(paused(known, one, held), stage=mail.stage, step=mail.step)
        return replace(of_waiting_mail(known, one, mail), stage=mail.stage)
    ends = {
        DeliveryState.SENT: StepState.SENT,
        DeliveryState.SKIPPED: StepState.SKIPPED,
        DeliveryState.FAILED: StepState.FAILED,
        DeliveryState.AMBIGUOUS: StepState.AMBIGUOUS,
    }
    reason = mail.reason or Reason.DUE
    gate = mail.reason if mail.state is DeliveryState.SKIPPED else None
    place = {"stage": mail.stage, "step": mail.step, "at": mail.ended_at, "rule": mail.detail or ""}
    said = said_of(mail, known.rests_on.get(mail.id))
    return told(known, one, ends[mail.state], reason, said, gate=gate, **place)


def _of_call(known: Known, one: Enrollment, call: Task) -> Next:
    if call.state is TaskState.OPEN:
        return replace(of_open_call(known, one, call), stage=call.stage)
    if call.state is TaskState.CANCELLED and call.reason in SKIPS:
        state = StepState.SKIPPED
    else:
        state = StepState(call.state.value)
    reason = call.outcome or call.reason or ""
    gate = call.reason if state is StepState.SKIPPED else None
    place = {"stage": call.stage, "step": call.step, "at": call.ended_at}
    return told(known, one, state, reason, said_of_call(call), gate=gate, **place)


def _of_taken(known: Known, one: Enrollment, decision: Decision) -> Next:
    """A step that is no message and no call: it was decided, or is left behind."""
    place = {"stage": decision.stage, "step": decision.step, "at": decision.at}
    rule = "; ".join(decision.because)
    if isinstance(decision, Wait | Shift):  # waited for, and left before its time came
        said = f"{sentence(decision, known.zone)} {_what_came_before(known, one, decision)}"
        return told(known, one, StepState.NEVER, PASSED, said, gate=PASSED, rule=rule, **place)
    return told(
        known, one, StepState.DONE, decision.reason, sentence(decision, known.zone), rule=rule, **place
    )


def _what_came_before(known: Known, one: Enrollment, waited: Wait | Shift) -> str:
    """What the contact did instead of waiting to the end of it: they went on, or it all ended while they stood there."""
    decisions = list(known.decisions_of(one))
    later = decisions[decisions.index(waited) + 1 :]
    if one.live or any(isinstance(each, Move) or each.step not in (None, waited.step) for each in later):
        return "The contact went on before that."
    return f"Before that the contact was {one.status}, because {in_words(one.end_reason or '')}."


def _not_reached(known: Known, one: Enrollment, step: Step) -> Next:
    """The contact has not come so far, or went another way."""
    place = {"stage": step.stage, "step": step.id}
    where = f"step '{one.step}'" if one.step else f"stage '{one.stage}', whose steps are done"
    if not one.live:
        ended = f"{one.status} in stage '{one.stage}', because {in_words(one.end_reason or '')}"
        said = f"Never reached: the contact was {ended}."
        return told(
            known, one, StepState.NEVER, one.end_reason or "", said, gate=PASSED, at=one.ended_at, **place
        )
    workflow = known.workflow_of(one)
    if not _lies_ahead(workflow, one, step):
        said = f"Passed over: the contact stands at {where}, and the way there did not lead by '{step.id}'."
        return told(known, one, StepState.NEVER, PASSED, said, gate=PASSED, **place)
    said = f"The contact stands at {where}, and has not come here."
    answer = told(known, one, StepState.NOT_REACHED, NOT_REACHED, said, **place)
    if not any(each.decision.step == step.id for each in known.coming(one)):
        return answer
    return judged(known, one, step.id, answer)


def _lies_ahead(workflow: Workflow, one: Enrollment, step: Step) -> bool:
    here, there = workflow.stage(one.stage).index, workflow.stage(step.stage).index
    if there != here:
        return there > here
    return not one.resting and one.step is not None and step.id in _reachable(workflow, one.step)


def _reachable(workflow: Workflow, start: str) -> set[str]:
    """The steps of this stage to which the lists may still lead from ``start``."""
    found: set[str] = set()
    asked = list(_after(workflow, workflow.steps[start]))
    while asked:
        name = asked.pop()
        if name not in found:
            found.add(name)
            asked += _after(workflow, workflow.steps[name])
    return found


def _after(workflow: Workflow, step: Step) -> Iterator[str]:
    yield from filter(None, step.branches.values())
    above: Step | None = step
    while above and above.next is None:
        above = workflow.steps[above.parent] if above.parent else None
    if above and above.next:
        yield above.next


def _not_in_version(known: Known, one: Enrollment, step: str) -> Next:
    head = known.published.workflows.get(one.workflow)
    if head is None or step not in head.steps:
        raise no_such_step(head or known.workflow_of(one), step)
    said = (
        f"Never: the contact is in version {one.version[:7]}, which has no step '{step}'; "
        f"it was published later, and who was under way stayed."
    )
    return told(
        known,
        one,
        StepState.NEVER,
        NOT_IN_VERSION,
        said,
        gate=NOT_IN_VERSION,
        stage=head.steps[step].stage,
        step=step,
    )
