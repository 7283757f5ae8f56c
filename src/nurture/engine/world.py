"""One contact's life in frozen time: what walks, scenarios, simulations and the rules' own tests play in.

The production ``decide`` runs here unchanged; messages arrive the moment they are sent, calls wait for an outcome or
expire. Nothing is stored and nothing leaves.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from nurture.engine.decide import decide, end
from nurture.engine.effects import closes, permissions
from nurture.engine.entering import Past, admit, entry_by_event, lost_at, refusal
from nurture.engine.evidence import entered_by, shows_a_human
from nurture.engine.play import with_change
from nurture.engine.rivals import rival
from nurture.engine.world_calls import OpenCall, answered, counted
from nurture.engine.world_watch import Watched
from nurture.model.decisions import (
    Call,
    Change,
    Clear,
    Decision,
    EnrollIn,
    Finish,
    Move,
    Refuse,
    Send,
    SetFields,
    Turn,
)
from nurture.model.expressions import Scope
from nurture.model.matching import CONTACT_CHANGED
from nurture.model.words import (
    NOTHING,
    Channel,
    Enrollment,
    EnteredBy,
    Event,
    Facts,
    Grant,
    Pause,
    Phase,
    Reason,
    Receipt,
    ReceiptState,
    Scalar,
    SuppressionReason,
)
from nurture.workflow.model import Workflow, followers, purposes_of


@dataclass
class World(Watched):
    """A contact, the workflows that exist, and a clock that only moves forward."""

    grants: tuple[Grant, ...] = ()
    withdrawn: frozenset[str] = frozenset()
    suppressed: Mapping[Channel, frozenset[SuppressionReason]] = field(default_factory=dict)
    pauses: tuple[Pause, ...] = ()
    variants: Mapping[str, str] = field(default_factory=dict)
    held_out: bool | None = False
    """None leaves the holdout to chance, as in production."""
    enrollments: dict[int, Enrollment] = field(default_factory=dict)
    wake: dict[int, datetime | None] = field(default_factory=dict)
    receipts: dict[int, Receipt] = field(default_factory=dict)
    calls: list[OpenCall] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    messages: list[datetime] = field(default_factory=list)
    made: list[datetime] = field(default_factory=list)
    """When calls were made."""
    log: list[tuple[datetime, int, Decision]] = field(default_factory=list)
    """Every decision: when, in which enrollment, what."""
    failing: frozenset[str] = frozenset()
    """Steps whose messages fail."""

    # --- what happens from outside --------------------------------------------------------------------------

    def track(
        self,
        name: str,
        data: Mapping[str, Scalar] = NOTHING,
        *,
        at: datetime | None = None,
        about: tuple[int, str, int] | None = None,
        human: bool = True,
    ) -> Event:
        """An event arrives now; ``about`` names the enrollment, step and visit it concerns, the newest by default."""
        event = self._event(name, data, at=at, about=about, human=human)
        self._take_in(event)
        self._play()
        return event

    def enroll(
        self,
        workflow: str,
        *,
        by: EnteredBy = EnteredBy.HAND,
        reason: str = Reason.BY_HAND,
        event: Event | None = None,
        parent: int | None = None,
        stage: str | None = None,
    ) -> Enrollment | None:
        """Enter a workflow now, or be refused by its rules; a refusal is in the log."""
        if not self.takes_in(workflow):
            return None
        definition = self.workflows[workflow]
        past = self._past(workflow)
        entered = definition.stage(stage) if stage else definition.stages[0]
        if why_not := refusal(definition, past, self._facts(None), self.now):
            refused = Refuse(at=self.now, stage=entered.name, reason=why_not, workflow=workflow)
            self.log.append((self.now, parent or 0, refused))
            self.hear_refusal(refused)
            return None
        if past.live:
            self._end(past.live, Reason.RESTARTED)
        turn = admit(
            definition,
            self._facts(None),
            self.now,
            stage=entered,
            by=by,
            reason=reason,
            event=event,
            parent=parent,
            cursor=self.last_event,
        )
        number = max(self.enrollments, default=0) + 1
        held_out = turn.enrollment.holdout if self.held_out is None else self.held_out
        enrollment = replace(turn.enrollment, id=number, holdout=held_out)
        self._apply(number, replace(turn, enrollment=enrollment))
        return enrollment

    def pause(self) -> None:
        self.pauses = (*self.pauses, Pause(self.now))

    def resume(self) -> None:
        *earlier, last = self.pauses
        self.pauses = (*earlier, Pause(last.since, self.now))
        for enrollment in self.live():
            self.wake[enrollment.id] = self.now

    def change(self, **changes: object) -> None:
        """What we know of the contact changes; that counts as an event."""
        self.contact = replace(self.contact, **changes)  # type: ignore[arg-type]
        self.track(CONTACT_CHANGED)

    # --- time -----------------------------------------------------------------------------------------------

    def advance_to(self, until: datetime) -> None:
        """Play everything that falls due up to ``until``, each at its own moment."""
        self._play()
        while (moment := self.next_moment()) is not None and moment <= until:
            self.now = max(self.now, moment)
            self._catch_up()
        self.now = max(self.now, until)

    def advance(self, **amount: float) -> None:
        self.advance_to(self.now + timedelta(**amount))

    def late_by(self, **amount: float) -> None:
        """Nobody works for a while: time passes, then everything overdue is played at once."""
        self.now += timedelta(**amount)
        self._catch_up()

    def run(self, most: timedelta = timedelta(days=3650)) -> None:
        """On to the journey's end, or as long as ``most``; days that come to who is under way nowhere are not waited for."""
        until = self.now + most
        while self._own_moments() and (moment := self.next_moment()) and moment <= until:
            self.advance_to(max(self.now, moment))

    def next_moment(self) -> datetime | None:
        return min(filter(None, [*self._own_moments(), self.next_by_itself()]), default=None)

    def _own_moments(self) -> list[datetime]:
        return [*filter(None, self.wake.values()), *(call.expires for call in self.calls)]

    # --- what those who look on, walks and tests read -------------------------------------------------------

    def hear(self, enrollment: int, decision: Decision) -> None:
        """Every decision, before it takes effect."""

    def hear_refusal(self, refused: Refuse) -> None:
        """Every entry that was refused."""

    def takes_in(self, workflow: str) -> bool:
        """May this workflow be entered here at all? Where not, a wish for it comes to nothing, and is no refusal."""
        return True

    def only(self) -> Enrollment:
        """The newest enrollment."""
        return self.enrollments[max(self.enrollments)]

    @property
    def last_event(self) -> int:
        """The id of the newest event; 0 before anything happened."""
        return self.events[-1].id if self.events else 0

    def live(self) -> list[Enrollment]:
        return [enrollment for enrollment in self.enrollments.values() if enrollment.live]

    def decided(self, kind: type[Decision]) -> list[Decision]:
        return [decision for _, _, decision in self.log if isinstance(decision, kind)]

    # --- the machinery --------------------------------------------------------------------------------------

    def _event(
        self,
        name: str,
        data: Mapping[str, Scalar] = NOTHING,
        *,
        at: datetime | None = None,
        about: tuple[int, str, int] | None = None,
        human: bool = True,
    ) -> Event:
        enrollment, step, visit = about or self._concerned(name) or (None, None, None)
        if name == "call.outcome" and (enrollment, step, visit) not in [one.about for one in self.calls]:
            visit = None  # that call is over
        return Event(
            id=self.last_event + 1,
            name=name,
            at=min(at or self.now, self.now),
            arrived_at=self.now,
            data=data,
            contact_id=self.contact.id,
            enrollment_id=enrollment,
            step=step,
            visit=visit,
            human=human,
        )

    def _take_in(self, event: Event) -> None:
        self.events.append(event)
        if shows_a_human(event):
            self.contact = replace(self.contact, last_active_at=self.now)
        self._settle(event)
        scored = self.score(event)
        pasts = [self._past(workflow) for workflow in self.workflows]
        self._admit_by_event(event)
        for past in pasts:
            if reader := past.live or past.reopenable:
                self.wake[reader.id] = self.now
        if event.name == CONTACT_CHANGED:
            self.look_at_segments()
        if scored:
            self.happens(CONTACT_CHANGED)

    def happens(self, name: str, data: Mapping[str, Scalar] = NOTHING) -> None:
        self._take_in(self._event(name, data))

    def _catch_up(self) -> None:
        """What is due at this moment: calls that nobody made, what comes by itself, then everybody's turns."""
        self._expire_calls()
        self.come_about()
        self._play()

    def _play(self) -> None:
        for _ in range(1_000):
            due = [key for key, moment in self.wake.items() if moment and moment <= self.now]
            if not due:
                return
            for key in sorted(due, key=self._rank):
                before = self.contact
                enrollment = self.enrollments[key]
                facts = self._with_rivals(enrollment, self._facts(enrollment))
                turn = self._decide(self._workflow_of(enrollment), enrollment, facts)
                self._apply(key, turn)
                if self.contact != before and any(isinstance(one, SetFields) for one in turn.decisions):
                    self.happens(CONTACT_CHANGED)
        raise AssertionError("the world turns in a circle")

    def _rank(self, key: int) -> tuple[int, int]:
        """Who goes first when a cap bites: the workflow of higher priority, then the older enrollment."""
        return -self._workflow_of(self.enrollments[key]).priority, key

    def _with_rivals(self, enrollment: Enrollment, facts: Facts) -> Facts:
        """What else stands before the contact, where a cap has messages compete."""
        others = [one for one in self.live() if one.id != enrollment.id] if self.workspace.caps else []
        found = (rival(self._workflow_of(one), one, self._facts(one), self.now) for one in others)
        return replace(facts, rivals=tuple(filter(None, found)))

    def _workflow_of(self, enrollment: Enrollment) -> Workflow:
        return self.workflows[enrollment.workflow]

    def _decide(self, workflow: Workflow, enrollment: Enrollment, facts: Facts) -> Turn:
        return decide(workflow, enrollment, facts, self.now, self.variants)

    def _apply(self, key: int, turn: Turn) -> None:
        self.enrollments[key] = turn.enrollment
        self.wake[key] = turn.wake_at
        for decision in turn.decisions:
            self.log.append((self.now, key, decision))
            self.hear(key, decision)
            self._do(key, decision)

    def _do(self, key: int, decision: Decision) -> None:
        match decision:
            case Send():
                self._deliver(key, decision)
            case Call():
                self.calls.append(OpenCall(key, decision, decision.expires))
            case SetFields():
                self.contact = with_change(self.contact, decision)
            case EnrollIn():
                parent = key if decision.by is EnteredBy.LOST else None
                self.enroll(decision.workflow, by=decision.by, reason=decision.reason, parent=parent)
            case Finish():
                self._after_end(key, decision)
            case Move(change=Change.REOPENED):
                self._end_children(key)
            case Clear():
                self.calls = [call for call in self.calls if call.enrollment != key]

    def _deliver(self, key: int, send: Send) -> None:
        if send.marketing and send.channel is Channel.EMAIL:
            self.messages.append(self.now)
        state = ReceiptState.FAILED if send.step in self.failing else ReceiptState.SENT
        if send.step and self.enrollments[key].phase is Phase.ACTING:
            self.receipts[key] = Receipt(send.step, send.visit, state, self.now)
            self.wake[key] = self.now

    def _after_end(self, key: int, finish: Finish) -> None:
        lost = lost_at(self.enrollments[key].workflow, finish)
        for workflow, stage in followers(self.workflows.values()).get(lost or "", ()):
            self.enroll(workflow.name, by=EnteredBy.LOST, reason=finish.reason, parent=key, stage=stage.name)

    def _end_children(self, parent: int) -> None:
        for child in [one for one in self.live() if one.parent == parent]:
            self._end(child, Reason.REOPENED)

    def _end(self, one: Enrollment, reason: Reason) -> None:
        self._apply(one.id, end(self._workflow_of(one), one, self._facts(one), self.now, reason))

    def _admit_by_event(self, event: Event) -> None:
        for workflow in self.workflows.values():
            past = self._past(workflow.name)
            theirs = self._workflow_of(past.standing) if past.standing else workflow
            stage = entry_by_event(workflow, theirs, event, past, self._scope(event))
            if stage:
                self.enroll(
                    workflow.name, by=entered_by(event), reason=Reason.EVENT, event=event, stage=stage.name
                )

    def _scope(self, event: Event) -> Scope:
        return Scope(contact=self.contact, event=event.data, workspace=self.workspace)

    def _past(self, workflow: str) -> Past:
        own = [one for one in self.enrollments.values() if one.workflow == workflow]
        live = next((one for one in own if one.live), None)
        ends = max((one.ended_at for one in own if one.ended_at), default=None)
        return Past(live, ends, reopenable=own[-1] if own and not live else None)

    def _concerned(self, name: str) -> tuple[int, str, int] | None:
        """The newest message, or the open call, of this contact."""
        if name == "call.outcome" and self.calls:
            return self.calls[-1].about
        if name.startswith("email."):
            for _, key, decision in reversed(self.log):
                if isinstance(decision, Send) and decision.channel is Channel.EMAIL:
                    return key, decision.step or "", decision.visit
        return None

    def _settle(self, event: Event) -> None:
        """What an event does beside moving anyone: the call it ends, the permission it gives or takes, the address it closes."""
        if event.name == "call.outcome":
            self.calls, over = answered(self.calls, event)
            self.made += [self.now] * over
        if event.name.startswith("consent."):
            ours = purposes_of(self.workflows.values())
            self.grants, self.withdrawn = permissions(event, self.grants, self.withdrawn, ours)
        if closed := closes(event):
            channel, why = closed
            self.suppressed = {**self.suppressed, channel: self.suppressed.get(channel, frozenset()) | {why}}

    def _expire_calls(self) -> None:
        for one in [call for call in self.calls if call.expires <= self.now]:
            self.calls.remove(one)
            self.receipts[one.enrollment] = Receipt(*one.about[1:], ReceiptState.EXPIRED, one.expires)
            self.wake[one.enrollment] = self.now

    def _facts(self, enrollment: Enrollment | None) -> Facts:
        since = enrollment.history if enrollment else self.last_event
        evidence = enrollment.evidence if enrollment else None
        return Facts(
            contact=self.contact,
            workspace=self.workspace,
            events=tuple(event for event in self.events if event.id > since),
            evidence=next((event for event in reversed(self.events) if event.id == evidence), None),
            receipt=self.receipts.get(enrollment.id) if enrollment else None,
            grants=self.grants,
            withdrawn=self.withdrawn,
            suppressed=self.suppressed,
            pauses=self.pauses,
            recent={
                Channel.EMAIL: tuple(self.messages),
                Channel.PHONE: counted(self.made, self.calls, self.now),
            },
        )
