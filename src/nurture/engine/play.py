"""One turn in the making: where the contact stands while ``decide`` plays, and what has been decided so far.

The moves that several rules share are here (arrive at a step, go on in the list, enter a stage, leave); which of them
happens is decided in ``decide``. The value that comes in is never changed; a turn is what comes out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from nurture.model.decisions import (
    Branch,
    Change,
    Clear,
    Decision,
    EnrollIn,
    Finish,
    Move,
    SetFields,
    Turn,
    Wait,
)
from nurture.model.errors import Place
from nurture.model.expressions import Scope
from nurture.model.timing import Calendar, add
from nurture.model.words import (
    Contact,
    Enrollment,
    EnteredBy,
    Event,
    Facts,
    Pause,
    Phase,
    Reason,
    StageRecord,
    Status,
)
from nurture.steps import KINDS
from nurture.steps.base import Scene, Step, Watch
from nurture.steps.wait_until import satisfied_by
from nurture.workflow.model import Stage, Workflow


@dataclass
class Play:
    """The enrollment as it moves, the facts as the turn itself changes them, and the decisions in order."""

    workflow: Workflow
    enrollment: Enrollment
    facts: Facts
    now: datetime
    variants: Mapping[str, str] = field(default_factory=dict)
    decisions: list[Decision] = field(default_factory=list)

    # --- what a rule looks at -------------------------------------------------------------------------------

    @property
    def live(self) -> bool:
        return self.enrollment.live

    @property
    def stage(self) -> Stage:
        return self.workflow.stage(self.enrollment.stage)

    @property
    def step(self) -> Step | None:
        return self.workflow.steps[self.enrollment.step] if self.enrollment.step else None

    @property
    def zone(self) -> ZoneInfo:
        return self.facts.workspace.zone_of(self.facts.contact.timezone)

    @property
    def calendar(self) -> Calendar:
        return self.facts.workspace.calendar(self.workflow.calendar)

    def scope(self, event: Event | None = None) -> Scope:
        return Scope(
            contact=self.facts.contact,
            event=event.data if event else None,
            stage=self.enrollment.stage,
            workspace=self.facts.workspace,
        )

    def scene(self, at: datetime) -> Scene:
        return Scene(
            workflow=self.workflow.name,
            purpose=self.workflow.purpose,
            calendar=self.calendar,
            zone=self.zone,
            workspace=self.facts.workspace,
            enrollment=self.enrollment,
            facts=self.facts,
            event=self.facts.evidence,
            at=at,
            now=self.now,
            variants=self.variants,
        )

    # --- what a rule does -----------------------------------------------------------------------------------

    def decide(self, *decisions: Decision) -> None:
        self.decisions.extend(decisions)

    def become(self, **changes: object) -> None:
        self.enrollment = replace(self.enrollment, **changes)  # type: ignore[arg-type]

    def remember(self, stage: Stage, **changes: object) -> None:
        """Change what the enrollment remembers of a stage."""
        record = replace(self.record(stage), **changes)  # type: ignore[arg-type]
        self.become(stages={**self.enrollment.stages, stage.name: record})

    def record(self, stage: Stage) -> StageRecord:
        return self.enrollment.stages.get(stage.name, StageRecord())

    def enter(
        self,
        stage: Stage,
        at: datetime,
        *,
        by: EnteredBy,
        reason: str,
        event: Event | None = None,
        place: Place | None = None,
    ) -> None:
        """Enter ``stage``: a new visit, its list from the top. Only a jump leaves the loss clocks running."""
        record = self.record(stage)
        fresh = by is not EnteredBy.JUMP or record.clock_from is None
        self.remember(stage, visits=record.visits + 1, clock_from=at if fresh else record.clock_from)
        if by is not EnteredBy.JUMP:
            self.facts = replace(self.facts, evidence=event)
            self.become(evidence=event.id if event else None)
        self.become(
            stage=stage.name,
            visit=record.visits + 1,
            stage_entered_at=at,
            entered_by=by,
            resting=False,
            ran=(),
            history=event.id if event else self.enrollment.cursor,
        )
        self._moved(stage, Change.ENTERED, at, reason=reason, event=event, by=by, place=place or stage.place)
        self.arrive(stage.first, at)

    def validate(self, stage: Stage, event: Event | None, at: datetime, reason: str = Reason.EVENT) -> None:
        self.remember(stage, validated=True)
        self._moved(stage, Change.VALIDATED, at, reason=reason, event=event, place=stage.place)

    def pass_over(self, goal: Stage, event: Event | None, at: datetime, reason: str = Reason.EVENT) -> None:
        """The stages from here up to ``goal`` are skipped, but for those already validated."""
        for stage in self.workflow.stages[self.stage.index : goal.index]:
            if not self.record(stage).validated:
                self._moved(stage, Change.SKIPPED, at, reason=reason, event=event, place=stage.place)

    def rest(self, stage: Stage, event: Event | None, at: datetime) -> None:
        """The stage is validated, the next one waits for its own trigger: only the ``after`` clock runs.

        It goes on from the entry to the stage; a stage that was only passed starts its clock now.
        """
        if stage.index != self.stage.index:
            self.remember(stage, clock_from=at)
        self.become(
            stage=stage.name,
            resting=True,
            evidence=event.id if event else None,
            ran=(),
            history=event.id if event else self.enrollment.cursor,
            **AT_NO_STEP,
        )

    def clear(self, at: datetime, reason: str = Reason.STAGE_LEFT) -> None:
        """Leaving ends what waits: messages not yet in a dialogue, open tasks."""
        self.decide(Clear(at=at, stage=self.enrollment.stage, visit=self.enrollment.visit, reason=reason))

    def finish(
        self,
        status: Status,
        reason: str,
        at: datetime,
        *,
        event: Event | None = None,
        place: Place | None = None,
        before: Stage | None = None,
        reopens: bool = False,
        enroll: str | None = None,
    ) -> None:
        """End the enrollment; ``reopens`` when a later validation may revive it."""
        self.clear(at)
        common = {"at": at, "stage": self.enrollment.stage, "visit": self.enrollment.visit, "reason": reason}
        event_id = event.id if event else None
        self.decide(
            Finish(
                **common,  # type: ignore[arg-type]
                status=status,
                before=before.name if before else None,
                event=event_id,
                place=place,
            )
        )
        if enroll:
            self.decide(
                EnrollIn(**common, workflow=enroll, by=EnteredBy.LOST, event=event_id, place=place)  # type: ignore[arg-type]
            )
        until = add(at, self.workflow.reopen, self.zone) if reopens else None
        self.become(status=status, ended_at=at, end_reason=reason, reopen_until=until, **AT_NO_STEP)

    def revive(self, event: Event) -> None:
        """A validation came after a loss by timer: the enrollment lives on where it was lost, its clocks anew."""
        at = event.arrived_at
        self.become(status=Status.ACTIVE, ended_at=None, end_reason=None, reopen_until=None)
        self.remember(self.stage, clock_from=at)
        self._moved(
            self.stage, Change.REOPENED, at, reason=Reason.REOPENED, event=event, place=self.stage.place
        )

    # --- the walk through a list ----------------------------------------------------------------------------

    def arrive(self, step_id: str | None, since: datetime) -> None:
        """Stand at this step; its clock starts at ``since``. None: the list is finished."""
        if step_id is None:
            self.become(**AT_NO_STEP)
            return
        if any(ran.step == step_id for ran in self.enrollment.ran):
            # Only a contact who came into this version half way meets a step again: it was put before them.
            self.take_branch(self.workflow.steps[step_id], None, since, reason=Reason.ALREADY_RAN)
            return
        self.become(step=step_id, phase=Phase.WAITING, since=since, first_due=None, due=None)
        self.set_due()

    def set_due(self) -> None:
        """Work out when the step is due, by its rule and today's calendar and zone; note a wait when it changed."""
        step, since = self.step, self.enrollment.since
        if (
            step is None
            or since is None
            or self.enrollment.phase is Phase.ACTING
            or self.enrollment.first_due
        ):
            return
        kind = KINDS[step.kind]
        scene = self.scene(since)
        outcome = kind.run(step, scene) if step.kind == "wait_until" else None
        if isinstance(outcome, Watch):
            self._watch(step, scene, outcome)
            return
        due = kind.due(step, scene)
        at = max(due.at, since)  # a clock time that is past already is due at once, not before we came
        if at == self.enrollment.due:
            return
        reason = Reason.RECKONED_ANEW if self.enrollment.due else Reason.DUE
        self.become(due=at)
        if at > self.now:
            self.decide(
                Wait(**scene.decided(step, reason, *due.derivation), until=at)  # type: ignore[arg-type]
            )

    def _watch(self, step: Step, scene: Scene, watch: Watch) -> None:
        first = self.enrollment.phase is not Phase.WATCHING
        if not first and watch.until.at == self.enrollment.due:
            return
        self.become(phase=Phase.WATCHING, due=watch.until.at)
        first_id, last_id = self.enrollment.history, self.enrollment.cursor
        seen = [event for event in self.facts.events if first_id < event.id <= last_id] if first else []
        early = next((event for event in seen if satisfied_by(step, scene, event)), None)
        if early:
            self.take_branch(
                step, None, scene.at, reason=Reason.EVENT, event=early, because=("it came early",)
            )
            return
        names = tuple(match.name for match in step.fields.wait_until)  # type: ignore[attr-defined]
        self.decide(
            Wait(
                **scene.decided(step, Reason.EVENT, *watch.until.derivation),  # type: ignore[arg-type]
                until=watch.until.at,
                for_events=names,
            )
        )

    def take_branch(
        self,
        step: Step,
        branch: str | None,
        at: datetime,
        *,
        reason: str,
        event: Event | None = None,
        because: tuple[str, ...] = (),
    ) -> None:
        """Go into a branch of ``step``, or straight on when it has no such branch or the branch is empty."""
        there = step.branches.get(branch) if branch else None
        self.decide(
            Branch(
                at=at,
                stage=step.stage,
                step=step.id,
                visit=self.enrollment.visit,
                reason=reason,
                because=because,
                place=step.place,
                event=event.id if event else None,
                branch=branch,
            )
        )
        if there:
            self.arrive(there, at)
        else:
            self.go_on(step, at)

    def go_on(self, step: Step, at: datetime) -> None:
        """The step is over: the next in its list, or where the list above goes on."""
        above: Step | None = step
        while above and above.next is None:
            above = self.workflow.steps[above.parent] if above.parent else None
        self.arrive(above.next if above else None, at)

    def change_contact(self, change: SetFields) -> None:
        """What a ``set`` step writes counts at once, for the rest of this turn too."""
        self.facts = replace(self.facts, contact=with_change(self.facts.contact, change))

    # --- the end --------------------------------------------------------------------------------------------

    def turn(self, wake_at: datetime | None) -> Turn:
        return Turn(self.enrollment, tuple(self.decisions), wake_at)

    def _moved(
        self,
        stage: Stage,
        change: Change,
        at: datetime,
        *,
        reason: str,
        event: Event | None,
        by: EnteredBy = EnteredBy.EVENT,
        place: Place | None = None,
    ) -> None:
        self.decide(
            Move(
                at=at,
                stage=stage.name,
                visit=max(1, self.record(stage).visits),
                reason=reason,
                event=event.id if event else None,
                place=place,
                change=change,
                by=by,
            )
        )


AT_NO_STEP: Mapping[str, object] = {
    "step": None,
    "phase": Phase.WAITING,
    "since": None,
    "due": None,
    "first_due": None,
}
BUILT_IN = frozenset(("first_name", "last_name", "phone", "timezone", "locale", "owner", "score"))


def with_change(contact: Contact, change: SetFields) -> Contact:
    """The contact as a ``set`` step leaves them."""
    own = {name: value for name, value in change.values.items() if name in BUILT_IN}
    fields = {name: value for name, value in change.values.items() if name not in BUILT_IN}
    tags = (contact.tags | change.add_tags) - change.remove_tags
    return replace(contact, **own, fields={**contact.fields, **fields}, tags=tags)  # type: ignore[arg-type]


def put_off(pauses: Iterable[Pause], start: datetime, due: datetime, now: datetime) -> datetime:
    """``due`` of a clock that runs from ``start`` and stood still in each pause that began before it rang.

    Pauses that overlap count once. One that lasts counts until ``now``.
    """
    for pause in sorted(pauses, key=lambda pause: pause.since):
        since, until = max(pause.since, start), pause.until or now
        if since >= due:
            break
        if until > since:
            due += until - since
            start = until
    return due
