"""What comes about in a world without anybody's doing: points fade, segments are entered and left, days come.

In life a sweep looks for it within a minute; here it happens at its own moment. Who fits a segment when the world begins
is a member already, and days that are over are over.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from nurture.engine.dates import comes, comes_next, date_triggers
from nurture.engine.scoring import Gain, gains
from nurture.model.expressions import Scope
from nurture.model.matching import CONTACT_CHANGED, DATE_REACHED, SEGMENT_ENTERED, SEGMENT_LEFT
from nurture.model.words import NOTHING, Contact, Event, Scalar
from nurture.model.workspace import Workspace
from nurture.workflow.asking import asked_for, named_by
from nurture.workflow.documents import Segment
from nurture.workflow.model import Workflow


@dataclass
class Watched(ABC):
    """A contact whose score, segments and days are looked after; ``happens`` is told what comes about."""

    workflows: Mapping[str, Workflow]
    contact: Contact
    workspace: Workspace
    now: datetime
    segments: Mapping[str, Segment] = field(default_factory=dict)
    members: set[str] | None = None
    """The segments the contact is in; None takes those whose condition they fit."""
    fading: dict[str, datetime] = field(default_factory=dict)
    """The segments they no longer fit, and since when."""
    gained: list[Gain] = field(default_factory=list)
    """Points that will fade."""
    rung_until: datetime | None = None
    """Days up to this moment have come."""

    def __post_init__(self) -> None:
        asked = {name for one in self.versions() for name in asked_for(one, self.segments)}
        asked |= {name for rule in self.workspace.scores for name in named_by(rule.on, self.segments)}
        self._asked = [self.segments[name] for name in sorted(asked & self.segments.keys())]
        dates = (one for workflow in self.versions() for one in date_triggers(workflow))
        self._dates = list({one.key: one for one in dates}.values())
        if self.members is None:
            self.members = {one.name for one in self._asked if self._fits(one)}
        if self.rung_until is None:
            self.rung_until = self.now

    def versions(self) -> Iterable[Workflow]:
        """The workflows whose segments and days matter here."""
        return self.workflows.values()

    @abstractmethod
    def happens(self, name: str, data: Mapping[str, Scalar] = NOTHING) -> None:
        """An event that nobody caused is taken in."""

    # --- what the world does ------------------------------------------------------------------------------------

    def score(self, event: Event) -> bool:
        """Add the points that an event brings; is the score another now?"""
        found = list(gains(event, self.contact, self.workspace))
        self.gained += [one for one in found if one.fades_at]
        return self._add_to_score(sum(one.points for one in found))

    def look_at_segments(self) -> None:
        """What we know of the contact changed: who enters does so at once, who leaves begins to fade."""
        members = self.members if self.members is not None else set()
        for one in self._asked:
            if not self._fits(one):
                if one.name in members:
                    self.fading.setdefault(one.name, self.now)
            elif one.name in members:
                self.fading.pop(one.name, None)
            else:
                members.add(one.name)
                self.happens(SEGMENT_ENTERED, {"segment": one.name})

    def come_about(self) -> None:
        """Everything whose time has come by now."""
        gone = [one for one in self.gained if one.fades_at and one.fades_at <= self.now]
        self.gained = [one for one in self.gained if one not in gone]
        if self._add_to_score(-sum(one.points for one in gone)):
            self.happens(CONTACT_CHANGED)
        for one in self._asked:
            if one.name in self.fading and self.fading[one.name] + one.span <= self.now:
                del self.fading[one.name]
                (self.members or set()).discard(one.name)
                self.happens(SEGMENT_LEFT, {"segment": one.name})
        since, self.rung_until = self.rung_until or self.now, self.now
        for trigger in self._dates:
            for day, _ in comes(trigger.rule, self.contact, self.workspace, since, self.now):
                self.happens(DATE_REACHED, trigger.data(day))

    def next_by_itself(self) -> datetime | None:
        """When something comes about next."""
        return min(self._moments(), default=None)

    # --- the machinery ------------------------------------------------------------------------------------------

    def _moments(self) -> Iterator[datetime]:
        yield from (one.fades_at for one in self.gained if one.fades_at)
        yield from (self.fading[one.name] + one.span for one in self._asked if one.name in self.fading)
        for trigger in self._dates:
            at = comes_next(trigger.rule, self.contact, self.workspace, self.rung_until or self.now)
            if at is not None:
                yield at

    def _fits(self, segment: Segment) -> bool:
        return segment.where.holds(Scope(self.contact, workspace=self.workspace))

    def _add_to_score(self, points: float) -> bool:
        self.contact = replace(self.contact, score=self.contact.score + points)
        return points != 0
