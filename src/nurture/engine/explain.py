"""Every decision as one English sentence: what the command line, the pages and the API answer to "why?".

Says only what the decision holds; looks nothing up and decides nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import singledispatch
from types import MappingProxyType
from zoneinfo import ZoneInfo

from nurture.model.decisions import (
    Branch,
    Call,
    Change,
    Clear,
    Decision,
    EnrollIn,
    Finish,
    HandOver,
    Migrate,
    Move,
    Refuse,
    Send,
    SetFields,
    Shift,
    Skip,
    Wait,
)
from nurture.model.words import Channel, EnteredBy, Reason, Status

NO_NAMES: Mapping[int, str] = MappingProxyType({})
IN_WORDS: Mapping[str, str] = {
    Reason.SUPPRESSED: "the address is on the suppression list",
    Reason.NO_CONSENT: "there is no live consent for this purpose",
    Reason.HOLDOUT: "the contact is in the holdout, which gets nothing so that the others can be compared",
    Reason.NO_PHONE: "the contact has no phone number",
    Reason.NOT_ALLOWED: "NURTURE_ALLOW_RECIPIENTS does not list this recipient",
    Reason.WINDOW: "its step's own window or quiet hours were over",
    Reason.QUIET_HOURS: "it fell into the contact's quiet hours",
    Reason.FREQUENCY_CAP: "the contact has had as much as the cap allows",
    Reason.PRIORITY: "another workflow goes first that day",
    Reason.RATE_LIMIT: "its sender sends only so much at a time, and it waits for its turn",
    Reason.DOMAIN_RESTS: "nothing like it goes to this mail domain for now",
    Reason.UNSIGNED: "its sender's mail is signed, and the key cannot be used",
    Reason.HELD_TOO_LONG: "windows, quiet hours, caps and rates would have held it too long",
    Reason.LATE: "it was later than the step allows",
    Reason.STAGE_LEFT: "the contact left the stage",
    Reason.ERASED: "the contact was erased",
    Reason.TEMPLATE_FAILED: "its template could not be rendered for this contact",
    Reason.OFFER_MISSING: "the offer it links to is not published",
    Reason.ENDPOINT_MISSING: "the endpoint it goes to is not published",
    Reason.MESSAGE_REFUSED: "the mail server refused this message",
    Reason.ADDRESS_DEAD: "the mail server says the address does not exist",
    Reason.GAVE_UP: "the other side put it off until we gave up",
    Reason.INTERRUPTED: "a crash hid whether the mail server took it",
    Reason.UNSUBSCRIBED: "the contact withdrew the permission",
    Reason.BOUNCED: "mail to the address bounced for good",
    Reason.COMPLAINED: "the contact complained",
    Reason.DID_NOT_GO_ON: "the contact did not go on in time",
    Reason.EXIT_WHEN: "the workflow's exit condition holds",
    Reason.EXIT_STEP: "an exit step was reached",
    Reason.RESTARTED: "a new request restarted the workflow",
    Reason.REOPENED: "later evidence reopened the workflow that was lost before",
    Reason.BY_HAND: "a person did it",
    Reason.STEP_FAILED: "a message failed, and its step says that loses the contact",
    Reason.ALREADY_ENROLLED: "the contact is in this workflow already",
    Reason.TOO_SOON: "the workflow's re-entry time has not passed",
    Reason.NEVER_AGAIN: "the workflow lets nobody in twice",
    Reason.DUE: "it was due",
    Reason.RECKONED_ANEW: "what its time is counted by has changed",
    Reason.EVENT: "an event is the evidence",
    Reason.TIMEOUT: "the time ran out",
    Reason.RECEIPT: "that is how the message or call ended",
    Reason.CONDITION: "the condition was asked",
    Reason.CHANCE: "chance decides, the same for this contact every time",
    Reason.STEP: "a step says so",
    Reason.MIGRATED: "a published version took over who was under way",
    Reason.ALREADY_RAN: "it had its turn in this stage already, before the contact came into this version",
}
"""A reason in words; a word that a workflow declared itself stands for itself."""


TELLS_MORE = (Reason.HELD_TOO_LONG, Reason.BY_HAND)
"""Reasons of a skip with more behind them: which of the manners held it, what the person said."""


def in_words(reason: str) -> str:
    return IN_WORDS.get(reason, f"'{reason}'")


def moment(at: datetime, zone: ZoneInfo) -> str:
    """``Mon 2 Mar 2026 09:00`` in the reader's zone."""
    return at.astimezone(zone).strftime("%a %-d %b %Y %H:%M")


def sentence(decision: Decision, zone: ZoneInfo, events: Mapping[int, str] = NO_NAMES) -> str:
    """One sentence, times in ``zone``; the derivation stands behind it where there is one.

    ``events`` gives evidence its name: event id → name; without it evidence is told by its number.
    """
    said = _say(decision, zone)
    if name := events.get(decision.event or 0):
        said = said.replace(f"event {decision.event} is", f"event {name} is", 1)
    return f"{said[0].upper()}{said[1:]}."


def verb(decision: Decision) -> str:
    """The decision in one word, for code and tables: ``send``, ``skip``, ``wait``, ``entered``, ``lost``…"""
    match decision:
        case Move(change=change):
            return change.value
        case Finish(status=status):
            return status.value
        case EnrollIn():
            return "enroll"
        case HandOver():
            return "hand-over"
        case SetFields():
            return "set"
        case _:
            return type(decision).__name__.lower()


@singledispatch
def _say(decision: Decision, zone: ZoneInfo) -> str:
    raise AssertionError(f"no sentence for {decision}")


@_say.register
def _(decision: Wait, zone: ZoneInfo) -> str:
    until = moment(decision.until, zone) if decision.until else "an event"
    if decision.for_events:
        return f"waits at '{decision.step}' for {' or '.join(decision.for_events)}, until {until}{_because(decision)}"
    anew = f", because {in_words(decision.reason)}" if decision.reason == Reason.RECKONED_ANEW else ""
    return f"waits for '{decision.step}' until {until}{anew}{_because(decision)}"


@_say.register
def _(decision: Shift, zone: ZoneInfo) -> str:
    return (
        f"'{decision.step}' was due {moment(decision.due, zone)} and is moved to {moment(decision.until, zone)}, "
        f"because {in_words(decision.reason)}{_because(decision)}"
    )


@_say.register
def _(decision: Send, zone: ZoneInfo) -> str:
    if decision.channel is Channel.WEBHOOK:
        return f"webhook '{decision.step}' goes to {decision.to}"
    if decision.channel is Channel.TEAM:
        return f"notice '{decision.template}' goes to {decision.to}"
    ground = (
        "as the answer to what they did"
        if not decision.marketing
        else f"by the consent for '{decision.purpose}'"
    )
    return f"mail '{decision.template}' goes out, {ground}; it was due {moment(decision.due, zone)}"


@_say.register
def _(decision: Call, zone: ZoneInfo) -> str:
    return (
        f"a call '{decision.script}' is opened for {decision.assign}, to be made by {moment(decision.due, zone)}; "
        f"it expires {moment(decision.expires, zone)}"
    )


@_say.register
def _(decision: HandOver, zone: ZoneInfo) -> str:
    return f"offer '{decision.offer}' is handed over"


@_say.register
def _(decision: Skip, zone: ZoneInfo) -> str:
    told = f" ({', '.join(decision.because)})" if decision.reason in TELLS_MORE else ""
    return f"'{decision.what}' is skipped, because {in_words(decision.reason)}{told}"


@_say.register
def _(decision: Branch, zone: ZoneInfo) -> str:
    way = f"takes the branch '{decision.branch}'" if decision.branch else "goes straight on"
    return f"'{decision.step}' {way}, because {in_words(decision.reason)}{_because(decision)}"


@_say.register
def _(decision: SetFields, zone: ZoneInfo) -> str:
    changes = [f"{name} = {value!r}" for name, value in decision.values.items()]
    changes += [f"tag '{tag}'" for tag in sorted(decision.add_tags)]
    changes += [f"no tag '{tag}'" for tag in sorted(decision.remove_tags)]
    return f"sets {', '.join(changes) or 'nothing'}{_because(decision)}"


@_say.register
def _(decision: Move, zone: ZoneInfo) -> str:
    if decision.change is Change.ENTERED:
        return f"enters stage '{decision.stage}', {_by(decision)}"
    if decision.change is Change.VALIDATED:
        return f"stage '{decision.stage}' is validated: {_proof(decision)}"
    if decision.change is Change.SKIPPED:
        return f"stage '{decision.stage}' is passed over: {_proof(decision)}"
    return f"is back in stage '{decision.stage}': {_proof(decision)} after it had been lost"


@_say.register
def _(decision: Clear, zone: ZoneInfo) -> str:
    return f"whatever stage '{decision.stage}' had waiting is called off"


@_say.register
def _(decision: EnrollIn, zone: ZoneInfo) -> str:
    return f"enters workflow '{decision.workflow}', because {in_words(decision.reason)}"


@_say.register
def _(decision: Finish, zone: ZoneInfo) -> str:
    where = f"before stage '{decision.before}'" if decision.before else f"in stage '{decision.stage}'"
    if decision.status is Status.COMPLETED:
        return f"completes the workflow: {_proof(decision)}"
    way = "is lost" if decision.status is Status.LOST else "leaves the workflow"
    return f"{way} {where}, because {in_words(decision.reason)}"


@_say.register
def _(decision: Refuse, zone: ZoneInfo) -> str:
    return f"does not enter workflow '{decision.workflow}', because {in_words(decision.reason)}"


@_say.register
def _(decision: Migrate, zone: ZoneInfo) -> str:
    where = f" at '{decision.step}'" if decision.step else f" in stage '{decision.stage}'"
    renamed = f", which was '{decision.before}'" if decision.before else ""
    return f"goes on{where}{renamed} in version {decision.to_version} instead of {decision.from_version}"


def _because(decision: Decision) -> str:
    return f" ({'; '.join(decision.because)})" if decision.because else ""


def _proof(decision: Decision) -> str:
    if decision.event:
        return f"event {decision.event} is the evidence"
    return "by a jump" if decision.reason == Reason.STEP else f"by hand, '{decision.reason}'"


def _by(decision: Move) -> str:
    return {
        EnteredBy.EVENT: _proof(decision),
        EnteredBy.ENROLL: "enrolled by another workflow",
        EnteredBy.JUMP: "by a jump",
        EnteredBy.SEGMENT: "as a member of its segment",
        EnteredBy.DATE: "on its date",
        EnteredBy.HAND: "by hand" if decision.reason == Reason.BY_HAND else f"by hand: {decision.reason}",
        EnteredBy.LOST: "after a loss elsewhere",
    }[decision.by]
