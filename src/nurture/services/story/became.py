"""What became of a message or a call, in one sentence. It looks nothing up and decides nothing."""

from __future__ import annotations

from nurture.db.deliveries import Delivery
from nurture.db.tasks import Task
from nurture.engine.explain import in_words
from nurture.model.words import Channel, DeliveryState, TaskState


def said_of(delivery: Delivery, rests_on: str | None = None) -> str:
    """What became of a message, in a sentence; and on which permission it rested, where that is told."""
    said = _said_of(delivery)
    went = delivery.state in (DeliveryState.SENT, DeliveryState.AMBIGUOUS)
    return f"{said} It rested on {rests_on}." if rests_on and went else said


def _said_of(delivery: Delivery) -> str:
    name = f"'{delivery.template}'"
    what = "Webhook" if delivery.channel is Channel.WEBHOOK else "Mail"
    told = f": {delivery.detail}" if delivery.detail else ""
    because = f", because {in_words(delivery.reason)}" if delivery.reason else ""
    match delivery.state:
        case DeliveryState.SENT:
            if delivery.channel is Channel.WEBHOOK:
                return f"Webhook {name} was taken by {delivery.team}{told}."
            return f"Mail {name} was handed to the mail server{told}."
        case DeliveryState.AMBIGUOUS:
            return f"Mail {name} may or may not have gone out{because}. It is not sent again by itself."
        case _:
            return f"{what} {name} {delivery.state}{because}{told}."


def said_of_call(task: Task) -> str:
    """What became of a call, in one sentence."""
    if task.state is TaskState.DONE:
        return f"Call '{task.script}' was made: {task.outcome}."
    because = f", because {in_words(task.reason)}" if task.reason else ""
    return f"Call '{task.script}' {task.state}{because}."
