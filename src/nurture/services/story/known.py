"""Everything of one contact that bears on what is next, read in one snapshot, and the shape of the answer.

It reads and decides nothing. What is to come is played by the production ``decide`` (``services.story.ahead``), so that every
cap, window and consent is asked as it will be.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from nurture.db import deliveries, enrollments, pauses, state, tasks, turns
from nurture.db.deliveries import Delivery
from nurture.db.pauses import PauseRecord
from nurture.db.tasks import Task
from nurture.db.turns import LoggedTurn
from nurture.engine.explain import moment
from nurture.engine.foresee import Foreseen
from nurture.model.decisions import Decision
from nurture.model.words import Contact, Enrollment, Facts, Pause, Status
from nurture.services.consent.permission import relied_on
from nurture.services.facts import load_facts
from nurture.services.published import Published
from nurture.services.runtime import Runtime
from nurture.services.story.ahead import HORIZON, Ahead, look_ahead
from nurture.workflow.model import Workflow

EMAIL = "email"
LATEST = timedelta(days=800)
"""No further ahead is anything played."""
PAUSED = "paused"
PASSED = "passed-over"
NOT_IN_VERSION = "not-in-version"
NEVER_ASKED = "never-asked"


class StepState(StrEnum):
    """What can be said of a step, or of where an enrollment stands."""

    NOT_YET = "not yet"
    SHIFTED = "shifted"
    WAITING = "waiting"
    PAUSED = "paused"
    NEVER = "never"
    NOT_REACHED = "not reached"
    NOT_ENROLLED = "not enrolled"
    ENDED = "ended"
    SENT = "sent"
    SKIPPED = "skipped"
    FAILED = "failed"
    AMBIGUOUS = "ambiguous"
    DONE = "done"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Next:
    """What is next, or what became of one step.

    ``at`` is when it happens as far as is known, ``until`` when the present state ends at the latest. ``rule`` tells how the
    time was worked out, ``reason`` why it stands so, and ``gate`` what would keep the step from happening then.
    """

    workflow: str
    status: Status | None
    stage: str
    step: str | None
    at: datetime | None
    state: StepState
    reason: str
    until: datetime | None
    rule: str
    gate: str | None
    said: str


@dataclass(frozen=True)
class Known:
    """Everything of one contact that bears on what is next, in one snapshot."""

    contact: Contact
    zone: ZoneInfo
    now: datetime
    operational: datetime
    published: Published
    own: Sequence[Enrollment]
    versions: Mapping[str, Workflow]
    facts: Mapping[int, Facts]
    mails: Sequence[Delivery]
    calls: Sequence[Task]
    turns: Sequence[LoggedTurn]
    seen: Ahead
    pauses: Sequence[PauseRecord]
    rests_on: Mapping[int, str]
    """The permission that each marketing message relies on, in words, by the message's id."""
    refused: state.ChannelPause | None
    """The mail server refuses us until then."""

    def workflow_of(self, one: Enrollment) -> Workflow:
        return self.versions[one.version]

    def decisions_of(self, one: Enrollment) -> Iterator[Decision]:
        return (
            decision for turn in self.turns if turn.enrollment_id == one.id for decision in turn.decisions
        )

    def pauses_of(self, mail: Delivery) -> Sequence[Pause]:
        """The spans in which the workflow of this message stood still for them."""
        facts = self.facts.get(mail.enrollment_id or 0)
        return facts.pauses if facts else ()

    def coming(self, one: Enrollment) -> Iterator[Foreseen]:
        return (each for each in self.seen.coming if each.enrollment == one.id)

    def when(self, at: datetime) -> str:
        return moment(at, self.zone)

    def in_business(self, at: datetime) -> datetime:
        """The business time at which the operational clock will show ``at``; never in the past."""
        return self.now + max(at - self.operational, timedelta())


def know(tx: Connection, runtime: Runtime, contact: Contact) -> Known:
    """Load what is known of this contact, and play what is to come."""
    now, operational = runtime.now(), runtime.clock.operational()
    published = runtime.shelf.published(tx)
    own = enrollments.of_contact(tx, contact.id)
    facts = load_facts(tx, own, published.workspace, now)
    mails, calls = deliveries.of_contact(tx, contact.id), tasks.of_contact(tx, contact.id)
    furthest = max((one.due for one in own if one.due), default=now) - now
    span = min(max(HORIZON, furthest + timedelta(days=8)), LATEST)
    channel = state.channel_pause(tx, EMAIL)
    return Known(
        contact=contact,
        zone=published.workspace.zone_of(contact.timezone),
        now=now,
        operational=operational,
        published=published,
        own=own,
        versions=runtime.shelf.versions(tx, {one.version for one in own}),
        facts=facts,
        mails=mails,
        calls=calls,
        turns=turns.of_enrollments(tx, [one.id for one in own]),
        seen=look_ahead(tx, runtime, own, facts, mails, calls, span),
        pauses=pauses.open_pauses(tx, [contact.id]),
        rests_on=relied_on(tx, mails, published.workspace.zone_of(contact.timezone)),
        refused=channel if channel and channel.until > operational else None,
    )


def told(known: Known, one: Enrollment, state_: StepState, reason: str, said: str, **more: object) -> Next:
    """An answer about where this enrollment stands; ``more`` is what differs from that."""
    answer = Next(
        workflow=one.workflow,
        status=one.status,
        stage=one.stage,
        step=one.step,
        at=None,
        state=state_,
        reason=str(reason),
        until=None,
        rule="",
        gate=None,
        said=said,
    )
    return replace(answer, **more)  # type: ignore[arg-type]
