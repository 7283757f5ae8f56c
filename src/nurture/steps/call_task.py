"""A task for a person: phone this contact, with a script, by a time; the outcome decides what comes next."""

from __future__ import annotations

from nurture.model.decisions import Call
from nurture.model.timing import Duration, Unit, add_open_time
from nurture.model.words import Reason
from nurture.steps.base import Act, DurationText, Kind, Scene, Slug, Step, TouchFields, YesNo

OUTCOMES = frozenset(
    (
        "reached",
        "booked",
        "voicemail",
        "no-answer",
        "call-back",
        "wrong-number",
        "not-interested",
        "do-not-call",
    )
)
"""The outcomes every workspace knows; its own stand under ``[outcomes]`` in ``nurture.toml``."""


class CallTaskFields(TouchFields):
    call_task: Slug
    assign: str = "owner"
    due: DurationText = Duration(1, Unit.BUSINESS_DAYS)
    expires: DurationText = Duration(5, Unit.BUSINESS_DAYS)
    hold: YesNo = True


def run(step: Step, scene: Scene) -> Act:
    """The task appears now; ``due`` and ``expires`` count from here, in the calendar's open hours."""
    fields = step.fields
    assert isinstance(fields, CallTaskFields)
    due = add_open_time(scene.now, fields.due, scene.zone, scene.calendar)
    expires = add_open_time(scene.now, fields.expires, scene.zone, scene.calendar)
    call = Call(
        **scene.decided(step, Reason.DUE, *due.derivation),  # type: ignore[arg-type]
        script=fields.call_task,
        assign=fields.assign,
        due=due.at,
        expires=max(expires.at, due.at),
        purpose=fields.purpose or scene.purpose,
        held=fields.hold,
    )
    return Act(call, hold=fields.hold)


CALL_TASK = Kind("call_task", CallTaskFields, run, branches={"outcomes": "map"}, value_is_id=True)
