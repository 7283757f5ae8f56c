"""What will happen to a contact if nothing happens: the production ``decide``, played on from where they stand.

Every gate, cap, window and quiet hour is asked as it will be. A message is taken to arrive the moment it is sent, a call
to be made by nobody. Nothing is stored, and nothing that is foreseen is promised: one event changes it all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType

from nurture.engine.decide import upcoming
from nurture.engine.scoring import Gain
from nurture.engine.world import World
from nurture.engine.world_calls import OpenCall
from nurture.model.decisions import (
    Branch,
    Call,
    Decision,
    Finish,
    HandOver,
    Move,
    Send,
    SetFields,
    Shift,
    Skip,
    Wait,
)
from nurture.model.words import (
    BACKSTAGE,
    Channel,
    Enrollment,
    Event,
    Facts,
    Pause,
    Receipt,
    ReceiptState,
    Scalar,
)
from nurture.workflow.documents import Segment
from nurture.workflow.model import Workflow

CALL_OUTCOME = "call.outcome"


@dataclass(frozen=True, slots=True)
class Standing:
    """One enrollment as it is now, with its facts and the version it is pinned to.

    ``leaves`` is when the message it acts on will leave, if it acts on one that waits.
    """

    enrollment: Enrollment
    workflow: Workflow
    facts: Facts
    leaves: datetime | None = None


@dataclass(frozen=True, slots=True)
class Said:
    """How a call went, as somebody reported it: it counts at ``at``, for this enrollment, step and visit."""

    at: datetime
    about: tuple[int, str, int]
    data: Mapping[str, Scalar]


@dataclass(frozen=True, slots=True)
class Foreseen:
    """Something that will happen at ``at`` in an enrollment; ``led`` is what brings it about, in order."""

    at: datetime
    enrollment: int
    workflow: str
    decision: Decision
    led: tuple[Decision, ...] = ()


def foresee(
    standings: Sequence[Standing],
    calls: Sequence[OpenCall],
    workflows: Mapping[str, Workflow],
    pauses: Mapping[str, tuple[Pause, ...]],
    now: datetime,
    until: datetime,
    said: Sequence[Said] = (),
    made: Sequence[datetime] = (),
    segments: Mapping[str, Segment] = MappingProxyType({}),
    gained: Sequence[Gain] = (),
) -> tuple[Foreseen, ...]:
    """What happens in these enrollments of one contact up to ``until``, in order: messages, calls, offers, moves, ends.

    ``workflows`` are those that may be entered on the way; ``pauses`` says of any workflow when it stood still for this
    contact, and a rest of their own ends when it says; ``said`` is what was reported of calls and counts soon, ``made`` when earlier ones were made; ``gained``
    are points that will fade. Enrollments that ended belong to ``standings`` too: they rule who may enter again.
    Raises NurtureError where ``decide`` does.
    """
    if not standings:
        return ()
    first = standings[0].facts
    world = Ahead(
        workflows=workflows,
        contact=first.contact,
        workspace=first.workspace,
        now=now,
        segments=segments,
        gained=list(gained),
        grants=first.grants,
        withdrawn=first.withdrawn,
        suppressed=first.suppressed,
        held_out=None,
        enrollments={one.enrollment.id: one.enrollment for one in standings},
        receipts={one.enrollment.id: one.facts.receipt for one in standings if one.facts.receipt},
        calls=list(calls),
        events=_known_events(standings),
        messages=list(first.recent.get(Channel.EMAIL, ())),
        made=list(made),
        known={one.enrollment.id: one for one in standings},
        stood_still=pauses,
    )
    for one in standings:
        if one.enrollment.live:
            world.begin(one)
    for one_said in sorted(said, key=lambda each: each.at):
        world.advance_to(max(world.now, min(one_said.at, until)))
        world.track(CALL_OUTCOME, one_said.data, about=one_said.about)
    world.advance_to(until)
    return tuple(world.foreseen)


def _known_events(standings: Sequence[Standing]) -> list[Event]:
    """What each of them may still look back to, and the evidence that moved it where it stands."""
    known = {event.id: event for one in standings for event in one.facts.events}
    known |= {one.facts.evidence.id: one.facts.evidence for one in standings if one.facts.evidence}
    return [known[number] for number in sorted(known)]


@dataclass
class Ahead(World):
    """A world that begins in the middle of a life: what was known stands in ``known``, what comes is played."""

    known: Mapping[int, Standing] = field(default_factory=dict)
    stood_still: Mapping[str, tuple[Pause, ...]] = field(default_factory=dict)
    foreseen: list[Foreseen] = field(default_factory=list)
    _led: dict[int, list[Decision]] = field(default_factory=dict)

    def begin(self, standing: Standing) -> None:
        """When a live enrollment is looked at first: at once for an unread event, else when its next timer rings."""
        one = standing.enrollment
        if standing.leaves and one.step:
            arrives = max(self.now, standing.leaves)
            self.receipts[one.id] = Receipt(one.step, one.visit, ReceiptState.SENT, arrives)
        facts = self._facts(one)
        unread = any(event.human and event.id > one.cursor for event in facts.events)
        self.wake[one.id] = self.now if unread else upcoming(standing.workflow, one, facts, self.now)

    def hear(self, enrollment: int, decision: Decision) -> None:
        """Notes what the contact, or whoever looks after them, would notice."""
        match decision:
            case Wait() | Shift() | Branch() | SetFields():
                self._led.setdefault(enrollment, []).append(decision)
            case Send(channel=channel) | Skip(channel=channel) if channel in BACKSTAGE:
                pass
            case Send() | Call() | HandOver() | Skip() | Move() | Finish():
                led = tuple(self._led.pop(enrollment, ()))
                workflow = self.enrollments[enrollment].workflow
                self.foreseen.append(Foreseen(self.now, enrollment, workflow, decision, led))

    def come_about(self) -> None:
        """A rest that the contact chose ends by itself; what others hold lasts."""
        if (ends := self._rest_ends()) and ends <= self.now:
            self.stood_still = {
                name: tuple(Pause(one.since, self.now) if one.ends else one for one in spans)
                for name, spans in self.stood_still.items()
            }
            for enrollment in self.live():
                self.wake[enrollment.id] = self.now
        super().come_about()

    def next_by_itself(self) -> datetime | None:
        return min(filter(None, (self._rest_ends(), super().next_by_itself())), default=None)

    def takes_in(self, workflow: str) -> bool:
        """As in production, a wish for a workflow that was withdrawn comes to nothing."""
        return workflow in self.workflows

    def versions(self) -> Iterable[Workflow]:
        """Also those that the contact entered, whatever is live by now."""
        own = (one.workflow for one in self.known.values() if one.enrollment.live)
        return [*super().versions(), *own]

    @property
    def last_event(self) -> int:
        cursors = [one.cursor for one in self.enrollments.values()]
        return max([super().last_event, *cursors])

    def _rest_ends(self) -> datetime | None:
        return min(
            (one.ends for spans in self.stood_still.values() for one in spans if one.ends), default=None
        )

    def _workflow_of(self, enrollment: Enrollment) -> Workflow:
        standing = self.known.get(enrollment.id)
        return standing.workflow if standing else super()._workflow_of(enrollment)

    def _facts(self, enrollment: Enrollment | None) -> Facts:
        facts = super()._facts(enrollment)
        pauses = self.stood_still.get(enrollment.workflow, ()) if enrollment else ()
        standing = self.known.get(enrollment.id) if enrollment else None
        return replace(facts, pauses=pauses, variants=standing.facts.variants if standing else {})
