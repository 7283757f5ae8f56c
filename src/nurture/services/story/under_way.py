"""A message that was planned and has not left, or a call that nobody has made yet: what holds it, and until when.

It repeats the law's question, which is asked once more before a message leaves; it decides nothing.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from nurture.db.deliveries import Delivery
from nurture.db.tasks import Task
from nurture.engine.explain import in_words
from nurture.engine.gates import closed_gate
from nurture.model.decisions import Send
from nurture.model.words import Channel, DeliveryState, Enrollment, Reason, TaskState
from nurture.services.story.ahead import waits_at
from nurture.services.story.known import Known, Next, StepState, told


def under_way(known: Known, one: Enrollment) -> Next:
    if mail := waits_at(one, known.mails):
        return of_waiting_mail(known, one, mail)
    about = (one.id, one.step, one.visit)
    call = next(
        (
            each
            for each in known.calls
            if (each.enrollment_id, each.step, each.visit) == about and each.state is TaskState.OPEN
        ),
        None,
    )
    if call:
        return of_open_call(known, one, call)
    said = f"The message or call of step '{one.step}' is over; its enrollment reads that now."
    return told(known, one, StepState.WAITING, Reason.RECEIPT, said, at=known.now)


def of_open_call(known: Known, one: Enrollment, call: Task) -> Next:
    whose = call.assignee or f"nobody yet ({call.assign})"
    said = (
        f"Call '{call.script}' is with {whose}, due {known.when(call.due)}; "
        f"nobody's answer by {known.when(call.expires)} counts as expired."
    )
    rule = f"due {known.when(call.due)}, expires {known.when(call.expires)}"
    return told(
        known,
        one,
        StepState.WAITING,
        Reason.DUE,
        said,
        step=call.step,
        at=call.due,
        until=call.expires,
        rule=rule,
    )


def of_waiting_mail(known: Known, one: Enrollment, mail: Delivery) -> Next:
    """A message that was planned and has not left: what holds it, or which gate has closed meanwhile."""
    name, again = f"Mail '{mail.template or mail.step}'", _tried_again(known, mail)
    gate = _closed(known, one, mail)
    answer = told(known, one, StepState.WAITING, Reason.DUE, "", step=mail.step, at=again or mail.due)
    if gate:
        said = f"{name} will be skipped: {in_words(gate)}."
        return replace(answer, state=StepState.NEVER, reason=gate, gate=gate, said=said)
    if mail.state is DeliveryState.SENDING:
        return replace(answer, said=f"{name} is being handed to the mail server at this moment.")
    if mail.reason in _TURNS and again:
        waits = "waits for its turn" if mail.reason == Reason.RATE_LIMIT else "waits"
        said = f"{name} {waits}: {mail.detail}; about {known.when(again)}."
        return replace(answer, reason=mail.reason, gate=mail.reason, rule=mail.detail or "", said=said)
    if again:
        said = f"{name} was put off by the other side ({mail.detail}) and is tried again about {known.when(again)}; attempt {mail.attempts + 1}."
        return replace(answer, reason="deferred", rule=mail.detail or "", said=said)
    if known.refused and mail.channel is Channel.EMAIL:
        until = known.in_business(known.refused.until)
        said = f"{name} waits: the mail server refuses us ({known.refused.reason}) and is asked again {known.when(until)}."
        return replace(
            answer,
            reason="channel-paused",
            gate="channel-paused",
            at=until,
            rule=known.refused.reason,
            said=said,
        )
    if mail.due > known.now:
        return replace(answer, said=f"{name} leaves {known.when(mail.due)}.")
    return replace(answer, said=f"{name} leaves at once.", at=known.now)


_TURNS = frozenset({Reason.RATE_LIMIT, Reason.DOMAIN_RESTS, Reason.UNSIGNED})
"""Why a message went back before anything was said of it to a server; its detail says it in words."""


def _tried_again(known: Known, mail: Delivery) -> datetime | None:
    """When a message that was put off is tried again, in business time."""
    waits = mail.state is DeliveryState.PENDING and mail.retry_at is not None
    return known.in_business(mail.retry_at) if waits and mail.retry_at else None


def _closed(known: Known, one: Enrollment, mail: Delivery) -> Reason | None:
    """The gate that would be closed when it leaves: law is asked once more then."""
    if mail.channel is not Channel.EMAIL or mail.state is DeliveryState.SENDING:
        return None
    touch = Send(
        at=mail.planned_at,
        stage=mail.stage,
        step=mail.step,
        reason=Reason.DUE,
        template=mail.template,
        purpose=mail.purpose,
        due=mail.due,
        marketing=mail.marketing,
    )
    return closed_gate(touch, one, known.facts[one.id], known.now)
