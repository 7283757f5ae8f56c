"""A message to our own people, by mail or into the system where they talk. It never holds the contact up."""

from __future__ import annotations

from nurture.model.decisions import Send
from nurture.model.words import Channel, Reason
from nurture.model.workspace import TRANSACTIONAL
from nurture.steps.base import Act, Kind, Scene, Slug, Step, TimedFields

BY_WEBHOOK = "webhook"


class NotifyFields(TimedFields):
    notify: Slug
    to: str = "owner"

    @property
    def endpoint(self) -> str | None:
        """``webhook team-chat``: the endpoint it goes to; None for a mail."""
        way, _, name = self.to.partition(" ")
        return name.strip() if way == BY_WEBHOOK else None


def run(step: Step, scene: Scene) -> Act:
    fields = step.fields
    assert isinstance(fields, NotifyFields)
    endpoint = fields.endpoint
    notice = Send(
        **scene.decided(step, Reason.DUE),  # type: ignore[arg-type]
        template=fields.notify,
        purpose=TRANSACTIONAL,
        due=scene.at,
        marketing=False,
        channel=Channel.TEAM if endpoint is None else Channel.WEBHOOK,
        to=fields.to if endpoint is None else endpoint,
        payload=None if endpoint is None else {},  # empty: its words are rendered when it leaves
    )
    return Act(notice, hold=False)


NOTIFY = Kind("notify", NotifyFields, run, value_is_id=True)
