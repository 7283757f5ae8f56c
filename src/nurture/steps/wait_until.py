"""A wait for something the contact does, with a branch for when it does not come in time."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field, WithJsonSchema

from nurture.model.matching import parse_event_matches
from nurture.model.timing import Instant, Rule, resolve
from nurture.model.words import Event
from nurture.steps.base import DurationText, EventText, Kind, Scene, Slug, Step, StepFields, Watch, parsed

EventTexts = Annotated[
    tuple[EventText, ...],
    parsed(parse_event_matches),
    Field(min_length=1),
    WithJsonSchema(
        {
            "oneOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}],
            "examples": ["email.clicked, email.replied"],
        }
    ),
]


class WaitUntilFields(StepFields):
    wait_until: EventTexts
    timeout: DurationText
    since: Slug | None = None


def due(step: Step, scene: Scene) -> Instant:
    return Instant(scene.at, ())


def run(step: Step, scene: Scene) -> Watch:
    """The timeout counts from arriving; the look-back reaches to when the watched step became due."""
    fields = step.fields
    assert isinstance(fields, WaitUntilFields)
    until = resolve(Rule(after=fields.timeout), scene.at, scene.zone, scene.calendar)
    watched, since = watched_step(step, scene)
    return Watch(until, since=since, step=watched)


def watched_step(step: Step, scene: Scene) -> tuple[str | None, datetime]:
    fields = step.fields
    assert isinstance(fields, WaitUntilFields)
    for ran in reversed(scene.enrollment.ran):
        if ran.took_place and fields.since in (None, ran.step):
            return ran.step, ran.due
    return None, scene.enrollment.stage_entered_at or scene.enrollment.entered_at


def satisfied_by(step: Step, scene: Scene, event: Event) -> bool:
    """Does this event end the wait? Evidence that concerns a message or call must concern the watched one."""
    fields = step.fields
    assert isinstance(fields, WaitUntilFields)
    watched, since = watched_step(step, scene)
    if not event.human or event.at < since:
        return False
    mine = (scene.enrollment.id, watched, scene.enrollment.visit)
    if event.concerns_a_touch and (event.enrollment_id, event.step, event.visit) != mine:
        return False
    scope = scene.scope.with_event(event.data)
    return any(match.matches(event.name, scope) for match in fields.wait_until)


WAIT_UNTIL = Kind("wait_until", WaitUntilFields, run, due, branches={"on_timeout": "list"})
