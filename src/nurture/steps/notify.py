"""A message to our own people: the contact's owner, a team, or an address. It never holds the contact up."""

from __future__ import annotations

from nurture.model.decisions import Send
from nurture.model.words import Channel, Reason
from nurture.steps.base import Act, Kind, Scene, Slug, Step, TimedFields
from nurture.steps.email import TRANSACTIONAL


class NotifyFields(TimedFields):
    notify: Slug
    to: str = "owner"


def run(step: Step, scene: Scene) -> Act:
    fields = step.fields
    assert isinstance(fields, NotifyFields)
    notice = Send(
        **scene.decided(step, Reason.DUE),  # type: ignore[arg-type]
        template=fields.notify,
        purpose=TRANSACTIONAL,
        due=scene.at,
        marketing=False,
        channel=Channel.TEAM,
        to=fields.to,
    )
    return Act(notice, hold=False)


NOTIFY = Kind("notify", NotifyFields, run, value_is_id=True)
