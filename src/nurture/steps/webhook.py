"""A message to another system: who is where, and the values the file chooses. It asks for no permission and knows no cap.

What it says is settled when the step is due, so that every attempt says the same. It never touches the contact.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field, StringConstraints

from nurture.model.decisions import Send
from nurture.model.expressions import Value
from nurture.model.words import Channel, Payload, Reason, Said
from nurture.model.workspace import TRANSACTIONAL
from nurture.steps.base import Act, ExpressionText, Kind, LateFields, Scene, Slug, Step, YesNo
from nurture.steps.email import OnFailure

STEP_REACHED = "step.reached"
"""The type of the message, for systems that hear of several things."""
Word = Annotated[
    str, StringConstraints(strip_whitespace=True, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=80)
]
"""A name as JSON and programs like it."""


class WebhookFields(LateFields):
    webhook: Slug
    to: Slug | None = None
    data: Annotated[Mapping[Word, ExpressionText], Field(max_length=50)] = {}
    contact: Annotated[tuple[Word, ...], Field(max_length=50)] = ("id", "email", "first_name", "last_name")
    hold: YesNo = False
    on_failure: OnFailure = OnFailure.NEXT

    @property
    def endpoint(self) -> str:
        """The ``[webhooks.NAME]`` it goes to."""
        return self.to or self.webhook


def run(step: Step, scene: Scene) -> Act:
    fields = step.fields
    assert isinstance(fields, WebhookFields)
    message = Send(
        **scene.decided(step, Reason.DUE),  # type: ignore[arg-type]
        template=fields.webhook,
        purpose=TRANSACTIONAL,
        due=scene.at,
        marketing=False,
        channel=Channel.WEBHOOK,
        to=fields.endpoint,
        payload=payload(step, fields, scene),
    )
    return Act(message, hold=fields.hold)


def payload(step: Step, fields: WebhookFields, scene: Scene) -> Payload:
    """What is said, but for the id, which the delivery gives it."""
    enrollment = scene.enrollment
    return {
        "type": STEP_REACHED,
        "timestamp": scene.now.isoformat(timespec="seconds"),
        "workflow": scene.workflow,
        "stage": step.stage,
        "step": step.id,
        "visit": enrollment.visit,
        # Held out of marketing, not out of the books: the other system is told, and told that.
        "holdout": enrollment.holdout,
        "contact": {name: _of_contact(scene, name) for name in fields.contact},
        "data": {name: _plain(expression.value(scene.scope)) for name, expression in fields.data.items()},
    }


def _of_contact(scene: Scene, name: str) -> Said:
    return scene.facts.contact.id if name == "id" else _plain(scene.scope.look_up("contact", name))


def _plain(value: Value) -> Said:
    """As JSON has it."""
    return sorted(value) if isinstance(value, frozenset) else value


WEBHOOK = Kind("webhook", WebhookFields, run, branches={"on_failure": "list-or-word"}, value_is_id=True)
