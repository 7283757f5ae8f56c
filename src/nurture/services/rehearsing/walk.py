"""`nurture walk`: one contact takes the whole journey in frozen time, before a customer does.

Nothing is stored, nothing leaves, and no live figure changes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from nurture.model.decisions import Finish, Refuse, Wait
from nurture.model.errors import NotFoundError, NurtureError, did_you_mean
from nurture.model.expressions import Scope
from nurture.model.matching import RESERVED_EVENTS, EventMatch
from nurture.model.timing import parse_rule, resolve
from nurture.model.words import Contact, Enrollment, Status, about_a_touch
from nurture.services.rehearsing.made_up import Doing, as_option, taken_by
from nurture.services.rehearsing.rehearsal import Ground, begin, enters_by_itself, tell
from nurture.services.rehearsing.walk_world import Touchpoint, Walked
from nurture.steps.wait_until import WaitUntilFields
from nurture.workflow.documents import Offer, Persona
from nurture.workflow.model import Workflow


@dataclass(frozen=True, slots=True)
class Itinerary:
    """Who walks, from when on, and what they do on the way. ``variants`` picks split variants: split id → variant."""

    contact: Contact
    start: datetime
    persona: Persona | None = None
    doings: Sequence[Doing] = ()
    variants: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Mover:
    """An event that would have moved the contact, and how to say it: ``--do '…@+1d'``."""

    stage: str
    event: str
    option: str


@dataclass(frozen=True, slots=True)
class Watched:
    """The contact came to this wait at ``at``."""

    step: str
    stage: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one enrollment ended; ``before`` is the stage a contact did not go on to."""

    workflow: str
    status: str
    stage: str
    reason: str | None
    at: datetime | None
    before: str | None = None


@dataclass(frozen=True, slots=True)
class Walk:
    """A journey that was walked. ``elsewhere`` are the ends in other workflows, such as a win-back."""

    workflow: Workflow
    workflows: Mapping[str, Workflow]
    """All there are: the journey may go on in another."""
    contact: Contact
    persona: Persona | None
    zone: ZoneInfo
    start: datetime
    touchpoints: tuple[Touchpoint, ...]
    outcome: Outcome
    elsewhere: tuple[Outcome, ...]
    movers: tuple[Mover, ...]
    waits: tuple[Watched, ...] = ()
    """When the contact came to each wait for an event, in the workflow that was asked for."""
    offers: Mapping[str, Offer] = field(default_factory=dict)
    """What their pages show."""

    @property
    def faults(self) -> tuple[Touchpoint, ...]:
        """Messages and scripts that could not be rendered for this contact."""
        return tuple(touch for touch in self.touchpoints if touch.fault)


def usual_start(zone: ZoneInfo, now: datetime) -> datetime:
    """Nine in the morning of the next weekday, so that a walk does not depend on the hour it is tried at."""
    return resolve(parse_rule("on weekdays at 09:00"), now, zone).at


def walk(ground: Ground, name: str, itinerary: Itinerary, base_url: str) -> Walk:
    """The whole journey of one contact through the workflow ``name``.

    Raises NotFoundError for an unknown workflow, split or variant, NurtureError when the contact never enters.
    """
    workflow = ground.workflow(name)
    workflows = ground.workflows
    _refuse_unknown_variants(workflows, itinerary.variants)
    _refuse_slips(ground, itinerary.doings)
    world = begin(ground, itinerary.contact, itinerary.start, variants=itinerary.variants, base_url=base_url)
    _play(world, workflow, itinerary)
    own = [one for one in world.enrollments.values() if one.workflow == name]
    if not own:
        raise _never_entered(world, workflow)
    outcome = _outcome(world, own[-1])
    others = [one for one in world.enrollments.values() if one.workflow != name]
    return Walk(
        workflow=workflow,
        workflows=workflows,
        contact=itinerary.contact,
        persona=itinerary.persona,
        zone=ground.workspace.zone_of(itinerary.contact.timezone),
        start=itinerary.start,
        touchpoints=tuple(world.notes),
        outcome=outcome,
        elsewhere=tuple(_outcome(world, one) for one in others),
        movers=_movers(world, workflow, outcome),
        waits=_waits(world, name),
        offers=ground.offers,
    )


# --- the way ------------------------------------------------------------------------------------------------------


def _play(world: Walked, workflow: Workflow, itinerary: Itinerary) -> None:
    zone = world.workspace.zone_of(itinerary.contact.timezone)
    calendar = world.workspace.calendar(workflow.calendar)
    planned = [(resolve(doing.rule, itinerary.start, zone, calendar).at, doing) for doing in itinerary.doings]
    planned.sort(key=lambda one: one[0])
    at_once = [doing for at, doing in planned if at <= itinerary.start]
    _enter(world, workflow, at_once)
    for at, doing in planned:
        world.go_to(at, doing.event)
        tell(world, doing.event, doing.words, doing.data, f"--do {doing.event}")
    world.finish()


def _enter(world: Walked, workflow: Workflow, at_once: Sequence[Doing]) -> None:
    """By the first stage's own trigger; an event that is told for the very start goes before one made up here."""
    if enters_by_itself(world, workflow, "a walk"):
        return
    trigger = workflow.stages[0].trigger
    assert trigger is not None
    assert trigger.match is not None
    match = trigger.match
    if any(doing.event == match.name for doing in at_once):
        return
    data = taken_by(match, _scope(world))
    if data is None:
        hint = f"tell the event yourself: --do '{match.name}:key=value@+0d'"
        raise NurtureError(f"nobody can be made up who meets the trigger '{match}'", hint=hint)
    world.tell(match.name, data)


def _scope(world: Walked) -> Scope:
    return Scope(contact=world.contact, workspace=world.workspace)


# --- the end ------------------------------------------------------------------------------------------------------


def _outcome(world: Walked, enrollment: Enrollment) -> Outcome:
    ends = [one for _, key, one in world.log if key == enrollment.id and isinstance(one, Finish)]
    finish = ends[-1] if ends and not enrollment.live else None
    return Outcome(
        workflow=enrollment.workflow,
        status=enrollment.status,
        stage=finish.stage if finish else enrollment.stage,
        reason=enrollment.end_reason,
        at=enrollment.ended_at,
        before=finish.before if finish else None,
    )


def _waits(world: Walked, workflow: str) -> tuple[Watched, ...]:
    return tuple(
        Watched(one.step or "", one.stage, at)
        for at, key, one in world.log
        if isinstance(one, Wait) and one.for_events and world.enrollments[key].workflow == workflow
    )


def _movers(world: Walked, workflow: Workflow, outcome: Outcome) -> tuple[Mover, ...]:
    """What would have moved a contact who fell off: the events from their stage on, nearest first."""
    if outcome.status != Status.LOST:
        return ()
    here = workflow.stage(outcome.before or outcome.stage)
    came = [note.at for note in world.notes if note.stage == outcome.stage and note.workflow == workflow.name]
    found = []
    for stage in workflow.stages[here.index :]:
        matches = [stage.validate]
        if (stage.index > here.index or outcome.before) and stage.trigger and stage.trigger.match:
            matches.insert(0, stage.trigger.match)
        for match in matches:
            about = _first_touch(world, workflow, match.name) if about_a_touch(match.name) else came[0]
            if about:
                day = (max(about, came[0]) - world.notes[0].at).days + 1
                found.append(Mover(stage.name, str(match), as_option(match, _scope(world), day)))
    return tuple(found)


def _first_touch(world: Walked, workflow: Workflow, event: str) -> datetime | None:
    """When the message or call came that such an event can be about; None when there was none."""
    wanted = ("call_task", "opened") if event == "call.outcome" else ("email", "sent")
    own = (note for note in world.notes if note.workflow == workflow.name)
    return next((note.at for note in own if (note.kind, note.status) == wanted), None)


# --- refusals -----------------------------------------------------------------------------------------------------


def _never_entered(world: Walked, workflow: Workflow) -> NurtureError:
    refused = [one for _, _, one in world.log if isinstance(one, Refuse) and one.workflow == workflow.name]
    trigger = workflow.stages[0].trigger
    if refused:
        return NurtureError(f"the contact is not let into '{workflow.name}': {refused[-1].reason}")
    return NurtureError(
        f"nothing of what the contact does enters '{workflow.name}'",
        hint=f"its trigger is {trigger.as_written}" if trigger else None,
    )


def _refuse_unknown_variants(workflows: Mapping[str, Workflow], wanted: Mapping[str, str]) -> None:
    splits = {
        step.id: tuple(step.branches)
        for workflow in workflows.values()
        for step in workflow.steps.values()
        if step.kind == "split"
    }
    for split, variant in wanted.items():
        if split not in splits:
            known = f"known are {', '.join(sorted(splits))}" if splits else "no workflow has one"
            raise NotFoundError(
                f"there is no split '{split}'", hint=did_you_mean(split, list(splits)) or known
            )
        if variant not in splits[split]:
            hint = did_you_mean(variant, splits[split]) or f"known are {', '.join(splits[split])}"
            raise NotFoundError(f"split '{split}' has no variant '{variant}'", hint=hint)


def _refuse_slips(ground: Ground, doings: Sequence[Doing]) -> None:
    """A misspelt event would quietly move nothing."""
    known = RESERVED_EVENTS | ground.workspace.events | _named_in(ground.workflows)
    for doing in doings:
        if doing.event not in known and (hint := did_you_mean(doing.event, known)):
            raise NotFoundError(f"there is no event '{doing.event}'", hint=hint)


def _named_in(workflows: Mapping[str, Workflow]) -> frozenset[str]:
    """The events that workflows look out for, declared or not."""
    matches: list[EventMatch | None] = []
    for workflow in workflows.values():
        for stage in workflow.stages:
            matches += [stage.validate, stage.trigger.match if stage.trigger else None]
            matches += [loss.on for loss in stage.losses]
        for step in workflow.steps.values():
            matches += step.fields.wait_until if isinstance(step.fields, WaitUntilFields) else ()
    return frozenset(match.name for match in matches if match)
