"""What if? The natural alternatives of a walk, each played to its end: silence, going on, every answer to a call, leaving.

Plain values for the command line, the storyboard and a page. Thinks up nothing that the workflow does not listen to.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import islice

from nurture.engine.answers import outcomes_of
from nurture.model.contact_values import as_text
from nurture.model.errors import NotFoundError, did_you_mean
from nurture.model.expressions import Scope
from nurture.model.matching import EventMatch
from nurture.model.time_rules import parse_rule
from nurture.model.words import Scalar, Status
from nurture.services.rehearsing.made_up import Doing, taken_by
from nurture.services.rehearsing.rehearsal import Ground
from nurture.services.rehearsing.walk import Itinerary, Walk, walk
from nurture.services.rehearsing.walk_world import Touchpoint
from nurture.steps.wait_until import WaitUntilFields
from nurture.workflow.model import Stage, Workflow

SILENCE = "silence"
LATER = timedelta(days=1)
"""How long after entering a stage the contact goes on, where nothing else says so."""
SOON = timedelta(hours=1)
"""How long after a message or call the contact answers it."""
CALLS = "call.outcome"
MOST = 80


@dataclass(frozen=True, slots=True)
class WhatIf:
    """One alternative: what the contact does beside what the walk says already, or the variant they get."""

    name: str
    """To be asked for: ``guide-arrived-voicemail``."""
    title: str
    doings: tuple[Doing, ...] = ()
    variants: Mapping[str, str] = field(default_factory=dict)

    @property
    def options(self) -> tuple[str, ...]:
        """How to say it to `nurture walk`."""
        said = tuple(f"--do '{option_of(doing)}'" for doing in self.doings)
        return said + tuple(f"--variant {split}={name}" for split, name in self.variants.items())


@dataclass(frozen=True, slots=True)
class Alternative:
    """An alternative, played: the path, what it cost in messages and calls, and how it ends."""

    what_if: WhatIf
    walk: Walk

    @property
    def path(self) -> tuple[str, ...]:
        """The stages that were entered, those of another workflow as ``WORKFLOW/STAGE``."""
        own = self.walk.workflow.name
        return tuple(
            touch.what if touch.workflow == own else f"{touch.workflow}/{touch.what}"
            for touch in self.walk.touchpoints
            if touch.kind == "stage" and touch.status == "entered"
        )

    @property
    def messages(self) -> int:
        return self._number("email", "sent")

    @property
    def calls(self) -> int:
        return self._number("call_task", "opened")

    @property
    def days(self) -> int | None:
        """Days on the contact's calendar from the start to the end of this workflow; None while it goes on."""
        end, zone = self.walk.outcome.at, self.walk.zone
        return (end.astimezone(zone).date() - self.walk.start.astimezone(zone).date()).days if end else None

    @property
    def happy(self) -> bool:
        return self.walk.outcome.status == Status.COMPLETED

    def _number(self, kind: str, status: str) -> int:
        return sum((touch.kind, touch.status) == (kind, status) for touch in self.walk.touchpoints)


def what_ifs(ground: Ground, name: str, itinerary: Itinerary, base_url: str) -> tuple[Alternative, ...]:
    """Every alternative of this walk, played: first what it says itself, then in the order of the stages.

    Raises what `walk` raises.
    """
    explorer = _Explorer(ground, ground.workflow(name), itinerary, base_url)
    return tuple(islice(explorer.all(), MOST))


def what_if(ground: Ground, name: str, itinerary: Itinerary, wanted: str, base_url: str) -> Alternative:
    """The one of this name. Raises NotFoundError, with the nearest name there is."""
    found = what_ifs(ground, name, itinerary, base_url)
    for one in found:
        if one.what_if.name == wanted:
            return one
    names = [one.what_if.name for one in found]
    raise NotFoundError(
        f"there is no what-if '{wanted}'", hint=did_you_mean(wanted, names) or f"known are {', '.join(names)}"
    )


def option_of(doing: Doing) -> str:
    """As ``--do`` takes it: ``offer.downloaded:offer=guide@+1 day at 09:30``."""
    pairs = ",".join(f"{name}={word}" for name, word in doing.words.items())
    return f"{doing.event}{':' if pairs else ''}{pairs}@+{str(doing.rule).removeprefix('after ')}"


# --- the alternatives ---------------------------------------------------------------------------------------------


@dataclass
class _Explorer:
    """Walks the stages one by one as somebody who goes on, and at each looks to both sides."""

    ground: Ground
    workflow: Workflow
    itinerary: Itinerary
    base_url: str

    def all(self) -> Iterator[Alternative]:
        here = self._play(WhatIf(SILENCE, "does nothing more"))
        yield here
        yield from self._leaving(here)
        for stage in self.workflow.stages:
            if stage.name not in here.path:
                return
            yield from self._beside(stage, here)
            if self._moves(here, stage.name, "validated"):
                continue  # the walk itself goes on from here
            following = self._onward(stage, here)
            if following is None:
                return
            yield following
            here = following

    def _play(self, one: WhatIf) -> Alternative:
        doings = (*self.itinerary.doings, *one.doings)
        variants = {**self.itinerary.variants, **one.variants}
        asked = replace(self.itinerary, doings=doings, variants=variants)
        return Alternative(one, walk(self.ground, self.workflow.name, asked, self.base_url))

    def _also(self, here: Alternative, name: str, title: str, *more: Doing, **variants: str) -> Alternative:
        """What was done to come here, and then this."""
        before = here.what_if
        doings = (*before.doings, *more)
        return self._play(WhatIf(name, title, doings, {**before.variants, **variants}))

    # --- going on -------------------------------------------------------------------------------------------

    def _onward(self, stage: Stage, here: Alternative) -> Alternative | None:
        """The stage is validated, and the next one's own trigger comes; None where nobody can make that up."""
        doing = self._evidence(stage, stage.validate, here)
        if doing is None:
            return None
        onward = self.workflow.after(stage)
        title = f"goes on from {stage.name} by {stage.validate.name}"
        if onward is None:
            return self._also(here, f"{stage.name}-goes-on", f"{title}, to the end", doing)
        found = self._also(here, f"{stage.name}-goes-on", f"{title}, then nothing", doing)
        if onward.name in found.path or not (onward.trigger and onward.trigger.match):
            return found
        data = self._made_up(onward.trigger.match, found)
        validated = self._moves(found, stage.name, "validated")
        if data is None or not validated:
            return found
        event = onward.trigger.match.name
        more = self._doing(event, data, validated[0].at + SOON)
        title = f"goes on from {stage.name} to {onward.name} by {event}, then nothing"
        return self._also(found, f"{stage.name}-goes-on", title, more)

    def _evidence(self, stage: Stage, match: EventMatch, here: Alternative) -> Doing | None:
        """The event a day after entering the stage; an answer to a message or call, an hour after that."""
        entered = self._moves(here, stage.name, "entered")
        data = self._made_up(match, here)
        if not entered or data is None:
            return None
        at = entered[-1].at + LATER
        kind = {"email": "email", "call": "call_task"}.get(match.name.partition(".")[0])
        if kind:
            touches = [one for one in self._touches(here, stage) if one.kind == kind]
            if not touches:
                return None
            at = touches[0].at + SOON
        left = self._left(here, stage)
        if left is not None and at >= left:
            at = entered[-1].at + (left - entered[-1].at) / 2
        return self._doing(match.name, data, at)

    # --- to both sides --------------------------------------------------------------------------------------

    def _beside(self, stage: Stage, here: Alternative) -> Iterator[Alternative]:
        yield from self._variants(stage, here)
        yield from self._answered_waits(stage, here)
        yield from self._answered_calls(stage, here)
        for loss in stage.losses:
            # The outcomes of calls are told with the calls.
            doing = self._evidence(stage, loss.on, here) if loss.on and loss.on.name != CALLS else None
            if doing and loss.on:
                name = f"{stage.name}-{loss.reason}"
                yield self._also(here, name, f"is lost in {stage.name} by {loss.on.name}", doing)

    def _variants(self, stage: Stage, here: Alternative) -> Iterator[Alternative]:
        for step in self.workflow.steps.values():
            if step.kind == "split" and step.stage == stage.name:
                for variant in step.branches:
                    title = f"gets variant {variant} of {step.id}"
                    yield self._also(here, f"{step.id}-{variant}", title, **{step.id: variant})

    def _answered_waits(self, stage: Stage, here: Alternative) -> Iterator[Alternative]:
        for watched in here.walk.waits:
            step = self.workflow.steps[watched.step]
            if watched.stage != stage.name or not isinstance(step.fields, WaitUntilFields):
                continue
            for match in step.fields.wait_until:
                data = None if match.name == stage.validate.name else self._made_up(match, here)
                if data is not None:
                    doing = self._doing(match.name, data, watched.at + SOON)
                    name = f"{watched.step.replace('.', '-')}-{match.name.replace('.', '-')}"
                    yield self._also(here, name, f"answers the wait in {stage.name} by {match.name}", doing)

    def _answered_calls(self, stage: Stage, here: Alternative) -> Iterator[Alternative]:
        seen: set[str] = set()
        for call in self._touches(here, stage):
            if call.kind != "call_task" or call.step is None or call.step in seen:
                continue
            seen.add(call.step)
            for outcome in self._outcomes(call.step):
                doing = self._doing(CALLS, {"outcome": outcome}, call.at + SOON)
                yield self._also(here, f"{call.step}-{outcome}", f"call {call.what}: {outcome}", doing)

    def _outcomes(self, step: str) -> tuple[str, ...]:
        own = tuple(name for name in self.workflow.steps[step].branches if name != "failure")
        return tuple(dict.fromkeys((*own, *outcomes_of(self.workflow), "booked")))

    def _leaving(self, here: Alternative) -> Iterator[Alternative]:
        mails = [touch for touch in here.walk.touchpoints if (touch.kind, touch.status) == ("email", "sent")]
        if mails:
            at = mails[0].at + SOON
            leaves = self._doing("consent.withdrawn", {}, at)
            yield self._also(here, "unsubscribes", "unsubscribes after the first message", leaves)
            bounces = self._doing("email.bounced", {"kind": "hard"}, mails[0].at)
            yield self._also(here, "bounces", "the first message bounces for good", bounces)

    # --- what a walk shows ----------------------------------------------------------------------------------

    def _moves(self, here: Alternative, stage: str, status: str) -> list[Touchpoint]:
        own = self.workflow.name
        return [
            touch
            for touch in here.walk.touchpoints
            if (touch.kind, touch.workflow, touch.what, touch.status) == ("stage", own, stage, status)
        ]

    def _touches(self, here: Alternative, stage: Stage) -> list[Touchpoint]:
        """The messages and calls of the stage that happened."""
        return [
            touch
            for touch in here.walk.touchpoints
            if (touch.workflow, touch.stage) == (self.workflow.name, stage.name)
            and (touch.kind, touch.status) in (("email", "sent"), ("call_task", "opened"))
        ]

    def _left(self, here: Alternative, stage: Stage) -> datetime | None:
        outcome = here.walk.outcome
        return outcome.at if outcome.stage == stage.name else None

    def _made_up(self, match: EventMatch, here: Alternative) -> Mapping[str, Scalar] | None:
        return taken_by(match, Scope(contact=here.walk.contact, workspace=self.ground.workspace))

    def _doing(self, event: str, data: Mapping[str, Scalar], at: datetime) -> Doing:
        """At the first whole minute from then, said as a day and a clock, so that it can be asked for again."""
        zone = self.ground.workspace.zone_of(self.itinerary.contact.timezone)
        whole = (
            at
            if not (at.second or at.microsecond)
            else at.replace(second=0, microsecond=0) + timedelta(minutes=1)
        )
        local, start = whole.astimezone(zone), self.itinerary.start.astimezone(zone)
        days = (local.date() - start.date()).days
        rule = parse_rule(f"after {days} days at {local:%H:%M}")
        return Doing(event, {name: as_text(value) for name, value in data.items()}, rule)
