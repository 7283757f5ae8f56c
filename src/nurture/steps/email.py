"""A message by e-mail, rendered from a template when it leaves."""

from __future__ import annotations

from enum import StrEnum

from nurture.model.decisions import Send
from nurture.model.words import Reason
from nurture.steps.base import Act, Kind, Scene, Slug, Step, TouchFields


class OnFailure(StrEnum):
    """What comes after a message that was not sent; the third way is a list of steps (the branch ``failure``)."""

    NEXT = "next"
    LOSE = "lose"


class EmailFields(TouchFields):
    email: Slug
    link_offer: Slug | None = None
    on_failure: OnFailure = OnFailure.NEXT


def run(step: Step, scene: Scene) -> Act:
    fields = step.fields
    assert isinstance(fields, EmailFields)
    purpose = fields.purpose or scene.purpose
    return Act(
        Send(
            **scene.decided(step, Reason.DUE),  # type: ignore[arg-type]
            template=fields.email,
            purpose=purpose,
            due=scene.at,
            offer=fields.link_offer,
        )
    )


EMAIL = Kind("email", EmailFields, run, branches={"on_failure": "list-or-word"}, value_is_id=True)
