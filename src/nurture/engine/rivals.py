"""What else stands before a contact: the next marketing mails of their other enrollments, which compete for a slot.

Looks only at messages that will be due by themselves; who goes first is said in ``caps``.
"""

from __future__ import annotations

from datetime import datetime

from nurture.engine.caps import capped_channel
from nurture.engine.gates import closed_gate, judged
from nurture.engine.play import Play
from nurture.model.words import Channel, Enrollment, Facts, Phase, Rival
from nurture.steps import KINDS
from nurture.steps.base import Act, TouchFields
from nurture.workflow.model import Workflow


def rival(workflow: Workflow, enrollment: Enrollment, facts: Facts, now: datetime) -> Rival | None:
    """The marketing mail that this enrollment stands before, if law and pauses let it go; None when there is none."""
    if not enrollment.live or enrollment.phase is not Phase.WAITING or facts.paused:
        return None
    step, due = workflow.steps.get(enrollment.step or ""), enrollment.due
    if step is None or due is None or not isinstance(step.fields, TouchFields):
        return None
    wanted = KINDS[step.kind].run(step, Play(workflow, enrollment, facts, now).scene(due))
    if not isinstance(wanted, Act):
        return None
    touch = judged(wanted.decision, enrollment, facts.evidence, workflow.purpose)
    if capped_channel(touch) is not Channel.EMAIL or closed_gate(touch, enrollment, facts, max(now, due)):
        return None
    return standing(workflow, enrollment, due)


def standing(workflow: Workflow, enrollment: Enrollment, due: datetime) -> Rival:
    """How an enrollment that stands before a message due at ``due`` ranks among its contact's others."""
    return Rival(enrollment.id, workflow.name, workflow.priority, due, enrollment.first_due or due)
