"""Did it keep its promises? The invariants A to G, asked of the database and of what the mail server remembers.

It trusts no part of the program that it audits beyond reading its rows, and knows the life only by its journal.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, select

from nurture.db import enrollments, turns
from nurture.db.tables import ContactRow, DeliveryRow, EnrollmentRow, NoticeRow, PauseRow, TaskRow, table_of
from nurture.db.turns import LoggedTurn, Transition
from nurture.model.decisions import Call, Change, Decision, Finish, HandOver, Move, Send, Skip
from nurture.model.errors import Severity
from nurture.model.words import Channel, DeliveryState, Enrollment, Reason, Status, TaskState
from nurture.services.running import doctor
from tests.support.lives import BYSTANDER, POISON, Journal
from tests.support.mortal import Life

D, T, E, P, C, N = (
    table_of(row) for row in (DeliveryRow, TaskRow, EnrollmentRow, PauseRow, ContactRow, NoticeRow)
)
OVER = ("sent", "skipped", "failed", "ambiguous")
Spans = Sequence[tuple[datetime, datetime | None]]


@dataclass(frozen=True)
class Books:
    """Everything of all contacts, read in one snapshot."""

    people: Mapping[int, str]
    deliveries: Sequence[Mapping[str, object]]
    tasks: Sequence[Mapping[str, object]]
    enrollments: Sequence[Enrollment]
    turns: Mapping[int, Sequence[LoggedTurn]]
    moves: Mapping[int, Sequence[Transition]]
    pauses: Sequence[Mapping[str, object]]
    notices: frozenset[str]
    """Message-IDs of the installation's own mails, which go to our own people."""


def settled(life: Life) -> list[str]:
    """F: after any fault, once the leases have lapsed, nothing is held and nothing that is due waits."""
    nurture = life.process.nurture
    with nurture.database.read() as tx:
        held = tx.execute(select(E.c.id).where(E.c.lease_until.is_not(None))).all()
        stuck = tx.execute(select(D.c.id).where(D.c.state.in_(("claimed", "sending")))).all()
    found = [f"F enrollment {one.id} is still held" for one in held]
    found += [f"F message {one.id} is still in somebody's hands" for one in stuck]
    if due := nurture.due().turns:
        found.append(f"F {due} enrollments are due and nobody takes their turn")
    return found


def audit(life: Life) -> list[str]:
    """Everything that was promised and not kept, after a life has been lived to its end; empty when all is well."""
    diagnosis = doctor.examine(life.process.nurture.runtime)
    found = [f"doctor: {one}" for one in diagnosis.findings if one.severity is Severity.ERROR]
    with life.process.nurture.database.read() as tx:
        books = read(tx)
    journal = life.journal
    return [
        *found,
        *settled(life),
        *everything_ended(books),
        *accepted_once(books, journal),
        *never_early(books),
        *never_after_a_no(books, journal),
        *nobody_waited_for_another(books, journal),
        *told_what_happened(books),
    ]


def read(tx: Connection) -> Books:
    people = {row.id: row.email for row in tx.execute(select(C.c.id, C.c.email))}
    own = [one for person in people for one in enrollments.of_contact(tx, person)]
    taken: dict[int, list[LoggedTurn]] = {one.id: [] for one in own}
    for turn in turns.of_enrollments(tx, list(taken)):
        taken[turn.enrollment_id].append(turn)
    moved: dict[int, list[Transition]] = {one.id: [] for one in own}
    for person in people:
        for move in turns.transitions_of(tx, person):
            moved[move.enrollment_id].append(move)
    rows = {
        table: [dict(row._mapping) for row in tx.execute(select(table).order_by(table.c.id))]
        for table in (D, T, P)
    }
    notices = frozenset(tx.execute(select(N.c.message_id)).scalars())
    return Books(people, rows[D], rows[T], own, taken, moved, rows[P], notices)


def name(books: Books, row: Mapping[str, object]) -> str:
    person = books.people[row["contact_id"]].partition("@")[0]  # type: ignore[index]
    return f"{person}'s {row['workflow']}/{row['step']}#{row['visit']}"


# --- A: every step that was due ended, in a state that can be seen ------------------------------------------------


def everything_ended(books: Books) -> Iterator[str]:
    for row in books.deliveries:
        if row["state"] not in OVER:
            yield f"A {name(books, row)} is {row['state']} after the end of everything"
        elif row["state"] != DeliveryState.SENT and not row["reason"]:
            yield f"A {name(books, row)} is {row['state']} without a reason"
    for row in books.tasks:
        if row["state"] == TaskState.OPEN:
            yield f"A call {name(books, row)} is open after the end of everything"
    for one in books.enrollments:
        if one.live:
            yield f"A {books.people[one.contact_id]} is in {one.workflow}/{one.stage} after the end of everything"
        elif not one.end_reason:
            yield f"A {books.people[one.contact_id]} left {one.workflow} without a reason"


# --- B: accepted once, beside doubt that was written down ---------------------------------------------------------


def accepted_once(books: Books, journal: Journal) -> Iterator[str]:
    rows = {row["key"]: row for row in books.deliveries}
    accepted = [one for one in journal.accepted if one.message_id not in books.notices]
    went = Counter(one.key for one in accepted)
    for key, times in went.items():
        row = rows.get(key)
        if row is None:
            yield f"B a message was accepted that no row knows: {key}"
        elif times > 1:
            yield f"B {name(books, row)} was accepted {times} times"
        elif row["state"] not in (DeliveryState.SENT, DeliveryState.AMBIGUOUS):
            yield f"B {name(books, row)} was accepted and is written down as {row['state']}"
    for key, row in rows.items():
        through_us = row["channel"] in (Channel.EMAIL, Channel.TEAM)
        if through_us and row["state"] == DeliveryState.SENT and key not in went:
            yield f"B {name(books, row)} is written down as sent, and nobody accepted it"
    if len({one.message_id for one in accepted}) != len(went):
        yield "B two messages bore one Message-ID, or one message bore two"
    doubts = sum(row["state"] == DeliveryState.AMBIGUOUS for row in books.deliveries)
    if doubts and not (journal.deaths or journal.doubts):
        yield f"B {doubts} messages are in doubt although nobody died and nobody hung up"


# --- C: never early -----------------------------------------------------------------------------------------------


def never_early(books: Books) -> Iterator[str]:
    for row in books.deliveries:
        if row["state"] == DeliveryState.SENT and row["ended_at"] < row["due"]:  # type: ignore[operator]
            yield f"C {name(books, row)} was due {row['due']} and left {row['ended_at']}"
    for one in books.enrollments:
        for turn in books.turns[one.id]:
            for decision in turn.decisions:
                if isinstance(decision, Send | HandOver) and decision.due > turn.at:
                    yield f"C {one.workflow}/{decision.step} ran {turn.at}, and was due {decision.due}"
                if decision.at > turn.at:
                    yield f"C {one.workflow}/{decision.step} counts from {decision.at}, after its turn {turn.at}"


# --- D: nothing after a no ----------------------------------------------------------------------------------------


def never_after_a_no(books: Books, journal: Journal) -> Iterator[str]:
    rows = {row["key"]: row for row in books.deliveries}
    for one in journal.accepted:
        row = rows.get(one.key)
        if row is None or row["channel"] == Channel.TEAM:
            continue
        nos = one.closed if row["marketing"] else one.closed - {"unsubscribed"}
        if nos:
            yield f"D {name(books, row)} was accepted {one.at} although its contact is {', '.join(sorted(nos))}"


# --- E: nobody waits for somebody else's trouble ------------------------------------------------------------------


def nobody_waited_for_another(books: Books, journal: Journal) -> Iterator[str]:
    for row in books.deliveries:
        person = books.people[row["contact_id"]].partition("@")[0]  # type: ignore[index]
        if person == BYSTANDER and row["state"] not in (DeliveryState.SENT, DeliveryState.AMBIGUOUS):
            # A pause is somebody's wish: manners may then find that it has waited for too long.
            if row["reason"] == Reason.HELD_TOO_LONG and excuses(books, journal, row):
                continue
            yield f"E {name(books, row)} is {row['state']}: {row['reason']}"
        if row["state"] != DeliveryState.SENT or row["key"] in journal.put_off or row["channel"] == "portal":
            continue
        wanted, left = max(row["due"], row["planned_at"]), row["ended_at"]  # type: ignore[type-var]
        if left > wanted and not covered(wanted, left, excuses(books, journal, row)):  # type: ignore[operator]
            yield f"E {name(books, row)} could have left {wanted} and left {left}"
    for one in books.enrollments:
        person = books.people[one.contact_id].partition("@")[0]
        if person == POISON or person in journal.moved:
            continue
        row = {"contact_id": one.contact_id, "workflow": one.workflow}
        for turn in books.turns[one.id]:
            for decision in turn.decisions:
                if not isinstance(decision, Send) or decision.due >= turn.at:
                    continue
                if not covered(decision.due, turn.at, excuses(books, journal, row)):
                    yield f"E {person}'s {one.workflow}/{decision.step} was due {decision.due}, decided {turn.at}"


def excuses(books: Books, journal: Journal, row: Mapping[str, object]) -> Spans:
    """Spans in which this message, or this enrollment's timers, had to wait: nobody worked, or it was paused."""
    own = [
        (one["since"], one["until"])
        for one in books.pauses
        if one["workflow"] in (None, row["workflow"]) and one["contact_id"] in (None, row["contact_id"])
    ]
    return [*journal.idle, *own]  # type: ignore[list-item]


def covered(since: datetime, until: datetime, spans: Spans) -> bool:
    """Does one of these spans reach into the time from ``since`` to ``until``?"""
    return any(start < until and (end is None or end >= since) for start, end in spans)


# --- G: the log tells what happened -------------------------------------------------------------------------------


@dataclass
class Replay:
    """Where an enrollment stands, by nothing but the decisions that its turns recorded."""

    stage: str = ""
    visit: int = 0
    status: Status = Status.ACTIVE
    reason: str | None = None
    ran: list[str] = field(default_factory=list)

    def take(self, decision: Decision) -> None:
        match decision:
            case Move(change=Change.ENTERED):
                self.stage, self.visit, self.ran = decision.stage, decision.visit, []
            case Move(change=Change.VALIDATED):
                self.stage, self.ran = decision.stage, []
            case Move(change=Change.REOPENED):
                self.status, self.reason = Status.ACTIVE, None
            case Finish():
                self.status, self.reason = decision.status, decision.reason
            case Call() | Send(channel=Channel.EMAIL):
                self.ran.append(decision.step or "")


def told_what_happened(books: Books) -> Iterator[str]:
    for one in books.enrollments:
        decided = [decision for turn in books.turns[one.id] for decision in turn.decisions]
        where = f"{books.people[one.contact_id].partition('@')[0]}'s {one.workflow}"
        replay = Replay()
        for decision in decided:
            replay.take(decision)
        told = (replay.status, replay.stage, replay.reason)
        if told != (one.status, one.stage, one.end_reason):
            yield f"G {where} is {one.status} in {one.stage} ({one.end_reason}), and its turns tell {told}"
        if one.live and replay.visit != one.visit and not one.resting:
            yield f"G {where} is in visit {one.visit}, and its turns tell {replay.visit}"
        yield from same(
            f"G messages of {where}",
            [(one.step, one.visit) for one in decided if is_message(one) and not takes_back(one, decided)],
            [(row["step"], row["visit"]) for row in books.deliveries if row["enrollment_id"] == one.id],
        )
        yield from same(
            f"G calls of {where}",
            [(one.step, one.visit) for one in decided if is_call(one) and not takes_back(one, decided)],
            [(row["step"], row["visit"]) for row in books.tasks if row["enrollment_id"] == one.id],
        )
        yield from same(
            f"G changes of stage of {where}",
            [change_of(one) for one in decided if isinstance(one, Move | Finish)],
            [(str(one.change), one.stage, one.reason) for one in books.moves[one.id]],
        )


def is_message(decision: Decision) -> bool:
    if isinstance(decision, Skip):
        return decision.channel is not Channel.PHONE
    return isinstance(decision, Send | HandOver)


def is_call(decision: Decision) -> bool:
    return isinstance(decision, Call) or (isinstance(decision, Skip) and decision.channel is Channel.PHONE)


def takes_back(decision: Decision, decided: Sequence[Decision]) -> bool:
    """Somebody skipped by hand what was decided and still waited: it stays one message or call, which is skipped now."""
    if not isinstance(decision, Skip) or decision.reason != Reason.BY_HAND:
        return False
    earlier = (one for one in decided[: decided.index(decision)] if is_message(one) or is_call(one))
    return any((one.step, one.visit) == (decision.step, decision.visit) for one in earlier)


def change_of(decision: Move | Finish) -> tuple[str, str, str]:
    change = decision.change if isinstance(decision, Move) else decision.status
    return str(change), decision.stage, decision.reason


def same(what: str, told: Sequence[object], found: Sequence[object]) -> Iterator[str]:
    if Counter(told) != Counter(found):
        missing, more = Counter(told) - Counter(found), Counter(found) - Counter(told)
        yield f"{what}: decided and not there {dict(missing)}, there and not decided {dict(more)}"
