"""Is this still a good time? A message that waited in the outbox is asked about manners once more before it leaves.

A server that rests, a pause or a rate can hold a message for hours: what was planned for noon must not arrive at three
in the morning, nor beside others that a cap would have kept apart. What leaves at once is not asked again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from nurture.db import enrollments, holding, outbox, turns
from nurture.db.holding import PutOff
from nurture.db.outbox import ClaimedDelivery
from nurture.db.receipts import Spent, spent
from nurture.engine.gates import Held, better_time
from nurture.engine.rivals import standing
from nurture.engine.touch import held_at_most
from nurture.model.decisions import Send, Shift
from nurture.model.timing import Rule
from nurture.model.words import Channel, DeliveryState, Enrollment, Facts, Reason
from nurture.model.workspace import Workspace
from nurture.services.facts import load_facts, reach_back
from nurture.services.published import Shelf
from nurture.workflow.model import Workflow

FRESH = timedelta(minutes=5)
"""What was planned no longer ago (business time) has just been asked."""


@dataclass
class Asked:
    """A batch of claims, sorted: what may leave, what goes back with a new date, and what was held too long."""

    go: list[ClaimedDelivery] = field(default_factory=list)
    later: list[tuple[ClaimedDelivery, Held]] = field(default_factory=list)
    ended: list[tuple[ClaimedDelivery, Held]] = field(default_factory=list)


def is_fresh(claim: ClaimedDelivery, now: datetime) -> bool:
    """Has it just been asked, or is it none that manners hold: a notice, an offer handed out on request?"""
    asked = claim.channel is Channel.EMAIL and claim.enrollment_id is not None
    return not asked or now - claim.planned_at <= FRESH


def ask_again(tx: Connection, shelf: Shelf, claims: Sequence[ClaimedDelivery], now: datetime) -> Asked:
    """Ask about those that waited; ``claims`` in the order in which they leave. Nothing is written."""
    waited = [one for one in claims if not is_fresh(one, now)]
    workspace = shelf.published(tx).workspace
    own = enrollments.get(tx, {one.enrollment_id for one in waited if one.enrollment_id})
    facts = load_facts(tx, list(own.values()), workspace, now)
    versions = shelf.versions(tx, {one.version for one in own.values()})
    line = _Line(tx, {own[id_].contact_id: known.workspace for id_, known in facts.items()}, now)
    asked = Asked()
    for one in claims:
        enrollment = own.get(one.enrollment_id or 0)
        if is_fresh(one, now) or enrollment is None or enrollment.id not in facts:
            asked.go.append(one)
            continue
        known = replace(facts[enrollment.id], recent={one.channel: line.before(one)})
        held, too_long = _judge(one, enrollment, versions[enrollment.version], known, now)
        if held is None:
            asked.go.append(one)
        elif too_long:
            line.leaves(one)
            asked.ended.append((one, held))
        else:
            line.moves(one, held.until)
            asked.later.append((one, held))
    return asked


def hold(tx: Connection, asked: Asked, now: datetime) -> None:
    """Write down what must not leave now: put off with the reason, as a shift of its step, or skipped."""
    moved = holding.put_off(tx, [PutOff(one.id, one.fence, held.until) for one, held in asked.later])
    turns.write(
        tx,
        [
            (one.enrollment_id, now, [_shift(one, held, now)])
            for one, held in asked.later
            if one.id in moved and one.enrollment_id
        ],
    )
    outbox.record_outcomes(tx, list(_skipped(asked)), now)


def _judge(
    claim: ClaimedDelivery, enrollment: Enrollment, workflow: Workflow, facts: Facts, now: datetime
) -> tuple[Held | None, bool]:
    """What holds it now, and whether that would be longer than its step allows, counted from when it was due at first."""
    workspace = facts.workspace
    zone, calendar = workspace.zone_of(facts.contact.timezone), workspace.calendar(workflow.calendar)
    step = workflow.steps.get(claim.step)
    me = standing(workflow, enrollment, claim.due)
    held = better_time(_touch(claim), step.rule if step else Rule(), facts, me, now, zone, calendar)
    if held is None or step is None:
        return held, False
    due = next((ran.due for ran in reversed(enrollment.ran) if ran.step == claim.step), claim.planned_at)
    due = max(due, claim.again_at or due)
    return held, held.until > held_at_most(step, due, facts.pauses, now, zone, calendar)


def _touch(claim: ClaimedDelivery) -> Send:
    return Send(
        at=claim.planned_at,
        stage=claim.stage,
        step=claim.step,
        visit=claim.visit,
        reason=Reason.DUE,
        template=claim.template,
        purpose=claim.purpose,
        due=claim.due,
        marketing=claim.marketing,
        channel=claim.channel,
    )


def _shift(claim: ClaimedDelivery, held: Held, now: datetime) -> Shift:
    return Shift(
        at=now,
        stage=claim.stage,
        step=claim.step,
        visit=claim.visit,
        reason=held.reason,
        because=held.because,
        due=claim.due,
        until=held.until,
    )


def _skipped(asked: Asked) -> Iterator[outbox.Outcome]:
    for one, held in asked.ended:
        why = ", ".join((str(held.reason), *held.because))
        yield outbox.Outcome(one.id, one.fence, DeliveryState.SKIPPED, Reason.HELD_TOO_LONG, why)


class _Line:
    """What caps count before each waiting message: what went, and what waits in front of it.

    What waits behind it does not count, or two that wait would hold each other up.
    """

    def __init__(self, tx: Connection, workspaces: Mapping[int, Workspace], now: datetime) -> None:
        """``workspaces`` is what holds for each contact, by id."""
        capped = {id_: one for id_, one in workspaces.items() if one.caps}
        channels = {channel for one in capped.values() for channel in one.caps} - {Channel.PHONE}
        rows = spent(tx, capped, channels, reach_back(capped.values(), now)) if channels else []
        self._now = now
        self._rows: dict[int, list[Spent]] = {}
        for row in rows:
            self._rows.setdefault(row.contact_id, []).append(row)

    def before(self, claim: ClaimedDelivery) -> tuple[datetime, ...]:
        place = (claim.due, claim.id)
        return tuple(
            row.moment(self._now)
            for row in self._rows.get(claim.contact_id, ())
            if row.channel is claim.channel and row.id != claim.id and (row.at or (row.due, row.id) < place)
        )

    def moves(self, claim: ClaimedDelivery, until: datetime) -> None:
        """It waits at another place now."""
        self._rows[claim.contact_id] = [
            replace(row, due=until) if row.id == claim.id else row
            for row in self._rows.get(claim.contact_id, ())
        ]

    def leaves(self, claim: ClaimedDelivery) -> None:
        """It takes no slot any more."""
        self._rows[claim.contact_id] = [
            row for row in self._rows.get(claim.contact_id, ()) if row.id != claim.id
        ]
