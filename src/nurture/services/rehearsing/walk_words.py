"""A walk in sentences: what the command line prints and the storyboard shows.

Says only what the walk holds.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime

from nurture.engine.explain import in_words, moment
from nurture.model.contact_values import as_text
from nurture.model.words import Status
from nurture.services.rehearsing.walk import Outcome, Walk
from nurture.services.rehearsing.walk_world import Touchpoint
from nurture.services.rehearsing.what_ifs import Alternative
from nurture.services.sending.compose import full_name

UNUSED = {
    "moved-nothing": "it moved nothing",
    "concerns-nothing": "no message or open call was there for it to concern",
}


def name_of(walked: Walk) -> str:
    """What people call the contact."""
    return walked.contact.first_name or full_name(walked.contact) or walked.contact.email


def opening(walked: Walk) -> str:
    persona = f" ({walked.persona.name})" if walked.persona else ""
    title = f": {walked.workflow.title}" if walked.workflow.title else ""
    return f"{name_of(walked)}{persona} walks {walked.workflow.name}{title}. Times are in {walked.zone}."


def moment_of(touch: Touchpoint, walked: Walk) -> str:
    return moment(touch.at, walked.zone)


def day_number(at: datetime, walked: Walk) -> int:
    """Local days since the start."""
    return (at.astimezone(walked.zone).date() - walked.start.astimezone(walked.zone).date()).days


def stage_of(touch: Touchpoint, walked: Walk) -> str:
    """The stage; in another workflow, that one's name before it."""
    own = touch.workflow in ("", walked.workflow.name)
    return touch.stage if own else f"{touch.workflow}/{touch.stage}"


def line_of(touch: Touchpoint) -> str:
    """What it was, in one line."""
    told = (touch.payload or {}).get("data")
    values = told if isinstance(told, Mapping) else touch.data
    said = ", ".join(f"{key} {_read(value)}" for key, value in values.items())
    line = f"{touch.what} ({said})" if said else touch.what
    if touch.mail:
        line += f": “{touch.mail.rendered.subject}”"
    if touch.fault:
        return f"{line}: {touch.fault}"
    if touch.kind == "stage":
        return touch.why[-1] if touch.why else line
    return f"{line}: {reason_of(touch)}" if touch.reason else line


def _read(value: object) -> str:
    if isinstance(value, list | tuple):
        return " and ".join(map(as_text, value)) or "none"
    return "unset" if value is None else as_text(value)


def payload_of(touch: Touchpoint) -> str | None:
    """What a webhook says, as JSON to read."""
    return json.dumps(touch.payload, indent=2, ensure_ascii=False) if touch.payload else None


def reason_of(touch: Touchpoint) -> str:
    return UNUSED.get(touch.reason or "") or in_words(touch.reason or "")


def closing(walked: Walk) -> Iterator[str]:
    """How it ended, where it went on, and what would have moved a contact who fell off."""
    yield ending(walked, walked.outcome)
    for outcome in walked.elsewhere:
        yield ending(walked, outcome)
    if walked.movers:
        yield f"What would have moved {name_of(walked)} on, nearest first:"
    for mover in walked.movers:
        yield f"  {mover.stage}: {mover.event}"
        yield f"      {mover.option}"
    if walked.faults:
        count = len(walked.faults)
        yield f"{count} message{'s' if count > 1 else ''} could not be rendered for {name_of(walked)}:"
    for touch in walked.faults:
        yield f"  {touch.fault}"


def counted(one: Alternative) -> str:
    """``4 e-mails, 1 call, 30 days``."""
    parts = [(one.messages, "e-mail"), (one.calls, "call")]
    if one.days is not None:
        parts.append((one.days, "day"))
    return ", ".join(f"{number} {word}{'' if number == 1 else 's'}" for number, word in parts)


def ending(walked: Walk, outcome: Outcome) -> str:
    """``Ana is lost in stage 'lead-offer' on Wed 1 Apr 2026 09:00, day 30: 'never-downloaded'.``"""
    name = name_of(walked)
    there = "" if outcome.workflow == walked.workflow.name else f" of workflow '{outcome.workflow}'"
    where = f"before stage '{outcome.before}'" if outcome.before else f"in stage '{outcome.stage}'"
    if outcome.at is None:
        return f"{name} is still {where}{there}."
    when = f"on {moment(outcome.at, walked.zone)}, day {day_number(outcome.at, walked)}"
    if outcome.status == Status.COMPLETED:
        return f"{name} completes '{outcome.workflow}' {when}."
    way = "is lost" if outcome.status == Status.LOST else "leaves"
    return f"{name} {way} {where}{there} {when}: {in_words(outcome.reason or '')}."


def end_of(outcome: Outcome) -> str:
    """``lost: went-silent``, ``completed``, ``under way``, in a word or two."""
    if outcome.at is None:
        return "under way"
    return outcome.status if outcome.status == Status.COMPLETED else f"{outcome.status}: {outcome.reason}"
