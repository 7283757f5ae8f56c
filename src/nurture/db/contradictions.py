"""What cannot be true of healthy tables: each contradiction is one query over whole tables, with rows to show.

It reads and repairs nothing. What a finding means and what to do about it is said in ``services.running.findings``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    Table,
    and_,
    case,
    exists,
    func,
    literal_column,
    or_,
    select,
)

from nurture.db import hooks, leave, office
from nurture.db.examples import contact, enrollment, said, shown, touch, where
from nurture.db.sets import AnySelect, now_param, pairs, word
from nurture.db.tables import (
    ConsentRow,
    ContactRow,
    DeliveryRow,
    EnrollmentRow,
    EventRow,
    OutcomeRow,
    PauseRow,
    SuppressionRow,
    TaskRow,
    TransitionRow,
    TurnRow,
    table_of,
)
from nurture.model.decisions import Change
from nurture.model.words import (
    BACKSTAGE,
    Channel,
    DeliveryState,
    Phase,
    Reason,
    Status,
    SuppressionReason,
    TaskState,
)

E = table_of(EnrollmentRow)
D = table_of(DeliveryRow)
T = table_of(TaskRow)
P = table_of(ContactRow)
O = table_of(OutcomeRow)  # noqa: E741 - as its store names it
MOVES = table_of(TransitionRow)

SHOWN = 20
OVERDUE = timedelta(minutes=10)
"""Work that waits longer than this although its time has come is stuck."""
LAPSED = timedelta(minutes=2)
"""Claims lapse after 45 seconds and are rescued every few: one that lapsed longer ago was forgotten."""
IN_DIALOGUE = timedelta(seconds=10)
"""A message already in its dialogue when the way was closed may end; later than this, it should not have gone."""
LATELY = timedelta(days=7)
"""How long a message that did not go out is told of: nobody can mend it later than that."""
FORGOTTEN = timedelta(days=31)
"""What nobody confirmed is forgotten after thirty days."""


@dataclass(frozen=True, slots=True)
class Found:
    """How many rows contradict, and up to ``SHOWN`` of them in words."""

    count: int
    examples: tuple[str, ...]


def delivery_counts(tx: Connection) -> dict[str, int]:
    """How many messages stand in each state."""
    return pairs(tx.execute(select(D.c.state, func.count()).group_by(D.c.state)))


def task_counts(tx: Connection) -> dict[str, int]:
    """How many calls stand in each state."""
    return pairs(tx.execute(select(T.c.state, func.count()).group_by(T.c.state)))


def find_contradictions(tx: Connection, now: datetime, operational: datetime) -> dict[str, Found]:
    """What is found, by code; codes without rows are left out. ``now`` is business time."""
    moments = {
        "now": now,
        "operational": operational,
        "overdue": now - OVERDUE,
        "lapsed": operational - LAPSED,
        "lately": now - LATELY,
        "forgotten": now - FORGOTTEN,
        "most": SHOWN,
    }
    found = {code: _look(tx, query, moments) for code, query in QUERIES.items()}
    found |= {code: _look_between(tx, query) for code, query in TOO_LATE.items()}
    return {code: one for code, one in found.items() if one.count}


def _look(tx: Connection, query: AnySelect, moments: Mapping[str, Any]) -> Found:
    rows = tx.execute(query, moments).all()
    return Found(rows[0].total if rows else 0, tuple(row.example for row in rows))


def _look_between(tx: Connection, query: AnySelect) -> Found:
    """Rows of (example, closed, went) where more than a dialogue lies between; the few there are, are counted here."""
    rows = [row.example for row in tx.execute(query) if row.went - row.closed > IN_DIALOGUE]
    return Found(len(rows), tuple(rows[:SHOWN]))


# --- conditions -------------------------------------------------------------------------------------------------

_LIVE = E.c.status == word(Status.ACTIVE)
_ACTING = and_(_LIVE, E.c.phase == word(Phase.ACTING), E.c.step.is_not(None))
_SLEEPS = or_(E.c.wake_at.is_(None), E.c.wake_at > now_param())
_FREE = or_(E.c.lease_until.is_(None), E.c.lease_until < now_param("operational"))
_IS_SENT = D.c.state == word(DeliveryState.SENT)
_IS_MAIL = D.c.channel == word(Channel.EMAIL)
_WAITS = or_(D.c.state == word(DeliveryState.PENDING), D.c.state == word(DeliveryState.CLAIMED))
_HELD = or_(D.c.state == word(DeliveryState.CLAIMED), D.c.state == word(DeliveryState.SENDING))
_UNDER_WAY = or_(_WAITS, D.c.state == word(DeliveryState.SENDING))
_IS_OPEN = T.c.state == word(TaskState.OPEN)


def _paused() -> ColumnElement[bool]:
    ours, theirs = table_of(PauseRow), table_of(PauseRow).alias("theirs")
    of_all = or_(ours.c.scope == literal_column("'everything'"), ours.c.workflow == E.c.workflow)
    lasts = exists().where(ours.c.until.is_(None), ours.c.contact_id.is_(None), of_all)
    rests = exists().where(theirs.c.contact_id == E.c.contact_id, theirs.c.until.is_(None))
    return or_(lasts.correlate(E), rests.correlate(E))


def _has(table: Table, *conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    """The step that the enrollment acts on has such a message or call."""
    same = (
        table.c.enrollment_id == E.c.id,
        table.c.step == E.c.step,
        table.c.visit == E.c.visit,
    )
    return exists().where(*same, *conditions).correlate(E)


def _ended(table: Table) -> AnySelect:
    """Messages or calls whose enrollment is over."""
    return where(table.join(E, E.c.id == table.c.enrollment_id), touch(table), ~_LIVE)  # type: ignore[arg-type]


def _missing(table: Table, column: str, home: Table) -> AnySelect:
    """Rows that point at a row that is not there."""
    example = said(f"{table.name} ", table.c.id, f" names {column} ", table.c[column])
    there = exists().where(home.c.id == table.c[column]).correlate(table)
    return where(table, example, table.c[column].is_not(None), ~there)


# --- stages -----------------------------------------------------------------------------------------------------


def _is(change: Change) -> ColumnElement[bool]:
    return MOVES.c.change == word(change)


def _stages_that_do_not_add_up() -> AnySelect:
    """Every enrollment was entered; it ended once more than it was reopened, or as often while it lives."""
    ends = case(
        (or_(_is(Change.LOST), _is(Change.EXITED), _is(Change.COMPLETED)), 1), (_is(Change.REOPENED), -1)
    )
    moved = (
        select(
            MOVES.c.enrollment_id,
            func.sum(func.coalesce(ends, 0)).label("ends"),
            func.sum(case((_is(Change.ENTERED), 1), else_=0)).label("entries"),
        )
        .group_by(MOVES.c.enrollment_id)
        .subquery()
    )
    expected = case((_LIVE, 0), else_=1)
    wrong = or_(
        func.coalesce(moved.c.entries, 0) == literal_column("0", Integer),
        func.coalesce(moved.c.ends, 0) != expected,
    )
    home = E.outerjoin(moved, moved.c.enrollment_id == E.c.id)
    return select(enrollment(E).label("example")).select_from(home).where(wrong)


def _entered_twice() -> AnySelect:
    """Two entries into one visit of one stage."""
    twice = (
        select(MOVES.c.enrollment_id, MOVES.c.contact_id, MOVES.c.workflow, MOVES.c.stage)
        .where(_is(Change.ENTERED))
        .group_by(MOVES.c.enrollment_id, MOVES.c.contact_id, MOVES.c.workflow, MOVES.c.stage, MOVES.c.visit)
        .having(func.count() > 1)
        .subquery()
    )
    return select(said(contact(twice), " ", twice.c.workflow, "/", twice.c.stage).label("example"))


# --- mail after the way was closed --------------------------------------------------------------------------------


def _after_suppression() -> AnySelect:
    listed = table_of(SuppressionRow)
    return (
        select(touch(D).label("example"), listed.c.at.label("closed"), D.c.ended_at.label("went"))
        .select_from(D)
        .join(P, P.c.id == D.c.contact_id)
        .join(listed, and_(listed.c.address_hash == P.c.email_hash, listed.c.channel == word(Channel.EMAIL)))
        .where(
            _IS_SENT,
            _IS_MAIL,
            D.c.ended_at > listed.c.at,
            or_(D.c.marketing, listed.c.reason != word(SuppressionReason.UNSUBSCRIBED)),
        )
        .order_by(D.c.id)
    )


def _after_withdrawal() -> AnySelect:
    """The contact's last word on the purpose, when the message went, was no."""
    withdrawn, later = table_of(ConsentRow).alias("withdrawn"), table_of(ConsentRow).alias("later")
    same = and_(
        later.c.contact_id == withdrawn.c.contact_id,
        later.c.purpose == withdrawn.c.purpose,
        later.c.channel == withdrawn.c.channel,
    )
    changed = exists().where(same, later.c.id > withdrawn.c.id, later.c.at <= D.c.ended_at)
    return (
        select(touch(D).label("example"), withdrawn.c.at.label("closed"), D.c.ended_at.label("went"))
        .select_from(D)
        .join(
            withdrawn,
            and_(
                withdrawn.c.contact_id == D.c.contact_id,
                withdrawn.c.purpose == D.c.purpose,
                withdrawn.c.channel == D.c.channel,
            ),
        )
        .where(
            _IS_SENT,
            _IS_MAIL,
            D.c.marketing,
            withdrawn.c.action == literal_column("'withdrawn'"),
            withdrawn.c.at < D.c.ended_at,
            ~changed.correlate(D, withdrawn),
        )
        .order_by(D.c.id)
    )


TOO_LATE: Mapping[str, AnySelect] = {
    "mailed-after-suppression": _after_suppression(),
    "mailed-after-withdrawal": _after_withdrawal(),
}

QUERIES: Mapping[str, AnySelect] = {
    **office.QUERIES,
    # Accounting.
    "half-ended": shown(
        where(
            E,
            enrollment(E),
            case(
                (_LIVE, E.c.ended_at.is_not(None)),
                else_=or_(E.c.ended_at.is_(None), E.c.step.is_not(None), E.c.wake_at.is_not(None)),
            ),
        ),
        where(D, touch(D), D.c.ended_at.is_(None) != _UNDER_WAY),
        where(T, touch(T), T.c.ended_at.is_(None) != _IS_OPEN),
    ),
    "stages-do-not-add-up": shown(_stages_that_do_not_add_up()),
    "entered-twice": shown(_entered_twice()),
    # Stuck.
    "overdue-turns": shown(where(E, enrollment(E), E.c.wake_at <= now_param("overdue"), _FREE)),
    "overdue-messages": shown(
        where(
            D.outerjoin(E, E.c.id == D.c.enrollment_id),  # type: ignore[arg-type]
            touch(D),
            D.c.state == word(DeliveryState.PENDING),
            D.c.due <= now_param("overdue"),
            or_(D.c.retry_at.is_(None), D.c.retry_at <= now_param("operational")),
            ~hooks.waits_for_its_endpoint(),
            ~leave.unread(),
            ~leave.paused(),
        )
    ),
    "overdue-calls": shown(where(T, touch(T), _IS_OPEN, T.c.expires <= now_param("overdue"))),
    "lapsed-claims": shown(
        office.lapsed_notices(),
        where(E, enrollment(E), _LIVE, E.c.lease_until < now_param("lapsed"), E.c.wake_at <= now_param()),
        where(D, touch(D), _HELD, or_(D.c.lease_until.is_(None), D.c.lease_until < now_param("lapsed"))),
    ),
    "undecidable": shown(where(E, said(enrollment(E), ": ", E.c.trouble), _LIVE, E.c.trouble.is_not(None))),
    "nothing-wakes": shown(
        where(
            E,
            enrollment(E),
            _LIVE,
            E.c.wake_at.is_(None),
            ~_paused(),
            ~and_(_ACTING, or_(_has(D, _UNDER_WAY), _has(T, _IS_OPEN))),
        )
    ),
    "unread-event": shown(
        where(E, enrollment(E), _LIVE, E.c.last_event > E.c.cursor, _SLEEPS, E.c.trouble.is_(None))
    ),
    "unread-receipt": shown(
        where(
            E,
            enrollment(E),
            _ACTING,
            _SLEEPS,
            ~_paused(),
            or_(_has(D, D.c.ended_at.is_not(None)), _has(T, T.c.ended_at.is_not(None))),
        )
    ),
    # Contradictions.
    "acting-on-nothing": shown(where(E, enrollment(E), _ACTING, ~_has(D), ~_has(T))),
    "message-of-ended": shown(
        _ended(D).where(_WAITS, *(D.c.channel != word(one) for one in sorted(BACKSTAGE)))
    ),
    "call-of-ended": shown(_ended(T).where(_IS_OPEN)),
    "sent-early": shown(where(D, touch(D), _IS_SENT, _IS_MAIL, D.c.ended_at < D.c.due)),
    "sent-unnamed": shown(
        where(D, touch(D), _IS_SENT, _IS_MAIL, or_(D.c.message_id.is_(None), D.c.recipient.is_(None)))
    ),
    "orphans": shown(
        _missing(E, "contact_id", P),
        _missing(E, "evidence", table_of(EventRow)),
        _missing(E, "parent", E.alias("parents")),  # type: ignore[arg-type]
        _missing(D, "contact_id", P),
        _missing(D, "enrollment_id", E),
        _missing(D, "grant_id", table_of(ConsentRow)),
        _missing(D, "event_id", table_of(EventRow)),
        _missing(T, "enrollment_id", E),
        _missing(T, "contact_id", P),
        _missing(O, "task_id", T),
        _missing(table_of(TurnRow), "enrollment_id", E),
        _missing(MOVES, "enrollment_id", E),
        _missing(MOVES, "event_id", table_of(EventRow)),
        _missing(table_of(EventRow), "contact_id", P),
        _missing(table_of(ConsentRow), "contact_id", P),
    ),
    # What a person has to look at.
    "held-by-a-rate": shown(
        where(
            D,
            said(touch(D), " ", D.c.detail),
            D.c.state == word(DeliveryState.SKIPPED),
            D.c.reason == word(Reason.HELD_TOO_LONG),
            D.c.detail.startswith(Reason.RATE_LIMIT),
            D.c.ended_at > now_param("lately"),
        )
    ),
    "ambiguous": shown(
        where(D, said(touch(D), " ", D.c.message_id), D.c.state == word(DeliveryState.AMBIGUOUS))
    ),
    "nobody-calls": shown(where(T, touch(T), _IS_OPEN, T.c.assignee.is_(None))),
}
