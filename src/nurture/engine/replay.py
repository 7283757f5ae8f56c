"""What really happened to a contact, played once more through another version of the workflow: the production ``decide``.

What contacts did is taken as given, at the moments when it arrived: nobody answers a message that only the draft sends. Reads
no database and no clock; what it cannot know (fields as they were then) is said by whoever calls it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType

from nurture.engine.world import World
from nurture.model.decisions import Call, Change, Decision, Finish, Move, Send
from nurture.model.matching import DATE_REACHED, SEGMENT_ENTERED
from nurture.model.words import (
    Channel,
    Contact,
    EnteredBy,
    Event,
    Grant,
    SuppressionReason,
)
from nurture.model.workspace import Workspace
from nurture.workflow.model import Workflow

MOVED = timedelta(minutes=1)
"""A message that differs by more than this has moved."""
BY: Mapping[str, EnteredBy] = MappingProxyType(
    {SEGMENT_ENTERED: EnteredBy.SEGMENT, DATE_REACHED: EnteredBy.DATE}
)
"""Evidence that is nothing the contact did: it frees no message from consent."""
NEAR = timedelta(hours=1)
"""What was recorded and what is played may differ by as much and still agree: workers take their time."""


class Told(StrEnum):
    """What can happen from outside."""

    EVENT = "event"
    PAUSE = "pause"
    RESUME = "resume"
    MESSAGE = "message"
    """Another workflow wrote to the contact; caps count it."""
    CLOSED = "closed"
    """An address came onto the suppression list."""


@dataclass(frozen=True, slots=True)
class Happening:
    """One thing that happened at ``at``, from outside."""

    at: datetime
    told: Told
    event: Event | None = None
    channel: Channel | None = None
    reason: SuppressionReason | None = None


@dataclass(frozen=True, slots=True)
class Lived:
    """One enrollment as it was recorded: who, how it began, and what happened then, in order of time."""

    enrollment: int
    contact: Contact
    entered_at: datetime
    stage: str
    evidence: Event | None
    happened: tuple[Happening, ...]
    grants: tuple[Grant, ...] = ()
    withdrawn: frozenset[str] = frozenset()
    suppressed: Mapping[Channel, frozenset[SuppressionReason]] = field(default_factory=dict)
    held_out: bool = False
    messages: tuple[datetime, ...] = ()
    """Marketing mails that the contact had got before; caps count them."""


@dataclass(frozen=True, slots=True)
class Line:
    """A message, a call, or a stage that was entered; ``step`` is the stage's name for a stage."""

    at: datetime
    kind: str
    what: str
    step: str


@dataclass(frozen=True, slots=True)
class Journey:
    """What came of one enrollment. ``end``: status, stage and reason of an enrollment that is over."""

    lines: tuple[Line, ...]
    end: tuple[str, str, str] | None = None
    ended_at: datetime | None = None

    def stages(self) -> dict[str, datetime]:
        """When each stage was entered first."""
        found: dict[str, datetime] = {}
        for line in self.lines:
            if line.kind == "stage":
                found.setdefault(line.what, line.at)
        return found

    def touches(self) -> list[Line]:
        return [line for line in self.lines if line.kind != "stage"]


def replay(workflow: Workflow, workspace: Workspace, lived: Lived, until: datetime) -> Journey | None:
    """The journey through ``workflow`` up to ``until``; None when it has no such stage to begin at.

    Raises NurtureError where ``decide`` does.
    """
    if lived.stage not in {stage.name for stage in workflow.stages}:
        return None
    world = Replay(
        workflows={workflow.name: workflow},
        contact=lived.contact,
        workspace=workspace,
        now=lived.entered_at,
        grants=lived.grants,
        withdrawn=lived.withdrawn,
        suppressed=lived.suppressed,
        held_out=lived.held_out,
        events=[lived.evidence] if lived.evidence else [],
        messages=list(lived.messages),
        recorded=lived.enrollment,
    )
    world.enroll(
        workflow.name,
        by=BY.get(lived.evidence.name, EnteredBy.EVENT) if lived.evidence else EnteredBy.HAND,
        event=lived.evidence,
        stage=lived.stage,
    )
    for happening in lived.happened:
        if happening.at > until:
            break
        world.advance_to(max(world.now, happening.at))
        world.happen(happening)
    world.advance_to(max(world.now, until))
    return Journey(tuple(world.lines), world.end, world.ended_at)


@dataclass
class Replay(World):
    """One enrollment lived again; what it would enroll elsewhere is left out, since that has a history of its own."""

    recorded: int = 0
    lines: list[Line] = field(default_factory=list)
    end: tuple[str, str, str] | None = None
    ended_at: datetime | None = None

    def happen(self, one: Happening) -> None:
        match one.told:
            case Told.EVENT if one.event:
                self._told(one.event)
            case Told.PAUSE if not any(pause.until is None for pause in self.pauses):
                self.pause()
            case Told.RESUME if any(pause.until is None for pause in self.pauses):
                self.resume()
                self.advance_to(self.now)
            case Told.MESSAGE:
                self.messages.append(self.now)
            case Told.CLOSED if one.channel and one.reason:
                closed = self.suppressed.get(one.channel, frozenset()) | {one.reason}
                self.suppressed = {**self.suppressed, one.channel: closed}

    def _told(self, event: Event) -> None:
        about = None
        if event.enrollment_id is not None:
            # 1 is the enrollment that is lived again, 0 none: an answer to another workflow's message is no evidence here.
            own = 1 if event.enrollment_id == self.recorded else 0
            about = (own, event.step or "", event.visit or 1)
        self.track(event.name, event.data, at=event.at, about=about, human=event.human)

    def takes_in(self, workflow: str) -> bool:
        return not self.enrollments

    def hear(self, enrollment: int, decision: Decision) -> None:
        match decision:
            case Send(channel=Channel.EMAIL):
                self.lines.append(Line(self.now, "email", decision.template, decision.step or ""))
            case Call():
                self.lines.append(Line(self.now, "call", decision.script, decision.step or ""))
            case Move(change=Change.ENTERED):
                self.lines.append(Line(decision.at, "stage", decision.stage, decision.stage))
            case Move(change=Change.REOPENED):
                self.end = self.ended_at = None
            case Finish():
                self.end = (str(decision.status), decision.before or decision.stage, str(decision.reason))
                self.ended_at = decision.at


# --- two journeys compared ----------------------------------------------------------------------------------------


class Differs(StrEnum):
    """How a draft's journey differs from that of the live version."""

    WOULD_GO = "would go"
    WOULD_NOT_GO = "would not go"
    MOVED = "moved"
    SOONER = "sooner"
    LATER = "later"
    REACHED = "reached"
    NOT_REACHED = "not reached"
    END = "other end"


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that differs; times are None where it does not happen."""

    differs: Differs
    kind: str
    what: str
    live: datetime | None = None
    draft: datetime | None = None
    said: str = ""
    """Of an end: what it was, and what it would be."""


def differences(live: Journey, draft: Journey) -> list[Difference]:
    """Everything in which the draft's journey differs, in the order of time."""
    found = [*_touches(live, draft), *_stages(live, draft)]
    if live.end != draft.end:
        said = f"{_end(live)} → {_end(draft)}"
        found.append(Difference(Differs.END, "end", said, live.ended_at, draft.ended_at, said))
    return sorted(found, key=lambda one: min(filter(None, (one.live, one.draft)), default=live.lines[0].at))


def _touches(live: Journey, draft: Journey) -> Iterator[Difference]:
    """The n-th message of a template stands for the n-th of the other version, whatever its step is called."""
    before, after = _numbered(live.touches()), _numbered(draft.touches())
    for key in [*before, *(key for key in after if key not in before)]:
        kind, what, _ = key
        was, now = before.get(key), after.get(key)
        if was is None:
            yield Difference(Differs.WOULD_GO, kind, what, None, now)
        elif now is None:
            yield Difference(Differs.WOULD_NOT_GO, kind, what, was)
        elif abs(now - was) > MOVED:
            yield Difference(Differs.MOVED, kind, what, was, now)


def _numbered(lines: Iterable[Line]) -> dict[tuple[str, str, int], datetime]:
    seen: Counter[tuple[str, str]] = Counter()
    found = {}
    for line in lines:
        seen[line.kind, line.what] += 1
        found[line.kind, line.what, seen[line.kind, line.what]] = line.at
    return found


def _stages(live: Journey, draft: Journey) -> Iterator[Difference]:
    before, after = live.stages(), draft.stages()
    for stage in [*before, *(stage for stage in after if stage not in before)]:
        was, now = before.get(stage), after.get(stage)
        if was is None:
            yield Difference(Differs.REACHED, "stage", stage, None, now)
        elif now is None:
            yield Difference(Differs.NOT_REACHED, "stage", stage, was)
        elif abs(now - was) > MOVED:
            yield Difference(Differs.SOONER if now < was else Differs.LATER, "stage", stage, was, now)


def _end(journey: Journey) -> str:
    return "under way" if journey.end is None else " ".join(dict.fromkeys((journey.end[0], journey.end[2])))


def agrees(recorded: Journey, played: Journey) -> bool:
    """Did the live version, played again, do what was recorded: the same messages, calls and stages, each within the hour?"""
    if recorded.end != played.end:
        return False
    ours, theirs = _by_step(recorded.lines), _by_step(played.lines)
    return ours.keys() == theirs.keys() and all(
        len(times) == len(theirs[key])
        and all(abs(a - b) <= NEAR for a, b in zip(times, theirs[key], strict=True))
        for key, times in ours.items()
    )


def _by_step(lines: Iterable[Line]) -> Mapping[tuple[str, str], list[datetime]]:
    found: dict[tuple[str, str], list[datetime]] = defaultdict(list)
    for line in lines:
        found[line.kind, line.step].append(line.at)
    return {key: sorted(times) for key, times in found.items()}
