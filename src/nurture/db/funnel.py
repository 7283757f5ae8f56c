"""What became of contacts at each stage and step: the counts behind the funnel, the losses and the workflow pages.

Reads whole tables in single grouped statements; what a number means to a marketer is said in ``reports``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Connection, Text, and_, bindparam, case, func, select

from nurture.db.sets import AnySelect, now_param, word
from nurture.db.tables import DeliveryRow, EnrollmentRow, RefusalRow, TaskRow, TransitionRow, table_of
from nurture.model.decisions import Change
from nurture.model.words import Status

E = table_of(EnrollmentRow)
MOVES = table_of(TransitionRow)
D = table_of(DeliveryRow)
T = table_of(TaskRow)
REFUSALS = table_of(RefusalRow)


class Fate(StrEnum):
    """What became of one enrollment at one stage; exactly one of these is true."""

    VALIDATED = "validated"
    UNDER_WAY = "under-way"
    LOST = "lost"
    SKIPPED = "skipped"
    EXITED = "exited"
    WENT_BACK = "went-back"


@dataclass(frozen=True, slots=True)
class FateCount:
    """How many enrollments had this fate at a stage, split by whether they ever entered it, were lost there, came back."""

    workflow: str
    stage: str
    fate: Fate
    entered: bool
    lost: bool
    reopened: bool
    count: int


@dataclass(frozen=True, slots=True)
class LossCount:
    """Enrollments lost at a stage for a reason. ``before``: they had validated the stage before and did not go on to this."""

    workflow: str
    stage: str
    before: bool
    reason: str
    count: int


@dataclass(frozen=True, slots=True)
class Standing:
    """Live enrollments of one version at one place; ``step`` is None when the stage's list is finished."""

    workflow: str
    version: str
    stage: str
    step: str | None
    resting: bool
    count: int


@dataclass(frozen=True, slots=True)
class Done:
    """What a step made of it: messages or calls in this state, for this reason or with this outcome."""

    step: str
    state: str
    reason: str | None
    count: int


def fates(
    tx: Connection, workflow: str | None = None, since: datetime | None = None, until: datetime | None = None
) -> list[FateCount]:
    """What became of enrollments at each stage they met; of those that began from ``since`` to before ``until``."""
    query = _fates(workflow is not None, since is not None, until is not None)
    rows = tx.execute(query, _named(workflow, since, until))
    return [
        FateCount(
            row.workflow,
            row.stage,
            Fate(row.fate),
            bool(row.entered),
            bool(row.lost),
            bool(row.reopened),
            row.number,
        )
        for row in rows
    ]


def losses(
    tx: Connection, workflow: str | None = None, since: datetime | None = None, until: datetime | None = None
) -> list[LossCount]:
    """Enrollments ever lost, by stage and reason, each counted once for each of them."""
    query = _losses(workflow is not None, since is not None, until is not None)
    rows = tx.execute(query, _named(workflow, since, until))
    return [LossCount(row.workflow, row.place, bool(row.early), row.reason, row.number) for row in rows]


def standing(tx: Connection, workflow: str | None = None) -> list[Standing]:
    """Where live enrollments stand."""
    query = _STANDING if workflow is None else _STANDING.where(E.c.workflow == bindparam("workflow"))
    rows = tx.execute(query, _named(workflow))
    return [
        Standing(row.workflow, row.version, row.stage, row.step, bool(row.resting), row.number)
        for row in rows
    ]


def ends(tx: Connection) -> dict[str, dict[Status, int]]:
    """How many enrollments of each workflow live, completed, were lost, left."""
    found: dict[str, dict[Status, int]] = {}
    for row in tx.execute(_ENDS):
        found.setdefault(row.workflow, {})[Status(row.status)] = row.number
    return found


def messages(tx: Connection, workflow: str) -> list[Done]:
    """What became of the messages of each step."""
    return [Done(*row) for row in tx.execute(_MESSAGES, {"workflow": workflow})]


def calls(tx: Connection, workflow: str) -> list[Done]:
    """What became of the calls of each step; the reason is the outcome of those that were made."""
    return [Done(*row) for row in tx.execute(_CALLS, {"workflow": workflow})]


def versions_of(tx: Connection, workflow: str) -> dict[str, tuple[int, int]]:
    """How many live in each version, and how many ever entered it: ``{version: (live, all)}``."""
    return {row.version: (row.live, row.number) for row in tx.execute(_VERSIONS, {"workflow": workflow})}


def refusals(tx: Connection, workflow: str) -> dict[str, int]:
    """How many entries were refused, by rule."""
    return {row.reason: row.number for row in tx.execute(_REFUSALS, {"workflow": workflow})}


# --- statements -------------------------------------------------------------------------------------------------

_NUMBER = func.count().label("number")
_IS_LIVE = E.c.status == word(Status.ACTIVE)


def _named(
    workflow: str | None, since: datetime | None = None, until: datetime | None = None
) -> Mapping[str, Any]:
    given = {"workflow": workflow, "since": since, "until": until}
    return {name: value for name, value in given.items() if value is not None}


def _is(*changes: Change) -> ColumnElement[bool]:
    return MOVES.c.change.in_([word(change) for change in changes])


def _ever(*conditions: ColumnElement[bool]) -> ColumnElement[int]:
    return func.max(case((and_(*conditions), 1), else_=0))


def _last(*conditions: ColumnElement[bool]) -> ColumnElement[int]:
    """The id of the last such change; 0 when there was none."""
    return func.max(case((and_(*conditions), MOVES.c.id), else_=0))


def _cohort(query: AnySelect, workflow: bool, since: bool, until: bool) -> AnySelect:
    if workflow:
        query = query.where(MOVES.c.workflow == bindparam("workflow"))
    if since or until:
        query = query.join(E, E.c.id == MOVES.c.enrollment_id)
    if since:
        query = query.where(E.c.entered_at >= now_param("since"))
    if until:
        query = query.where(E.c.entered_at < now_param("until"))
    return query


@cache
def _fates(workflow: bool, since: bool, until: bool) -> AnySelect:
    """One row for each enrollment at each stage, and how many rows are alike."""
    met = _cohort(
        select(
            MOVES.c.workflow,
            MOVES.c.stage,
            MOVES.c.enrollment_id,
            _ever(_is(Change.ENTERED)).label("entered"),
            _ever(_is(Change.VALIDATED)).label("validated"),
            _ever(_is(Change.REOPENED)).label("reopened"),
            # With ``before`` it is a loss between stages: this one was validated.
            _last(_is(Change.LOST), MOVES.c.before.is_(None)).label("lost"),
            _last(_is(Change.SKIPPED)).label("skipped"),
            _last(_is(Change.EXITED)).label("exited"),
        ),
        workflow,
        since,
        until,
    )
    # The enrollment first: its index has the rows almost in order, so that few are sorted at a time.
    met_once = met.group_by(MOVES.c.enrollment_id, MOVES.c.workflow, MOVES.c.stage).subquery("met")
    here = and_(_IS_LIVE, E.c.stage == met_once.c.stage)
    seen = select(
        met_once.c.workflow,
        met_once.c.stage,
        met_once.c.entered,
        met_once.c.reopened,
        case((met_once.c.lost > 0, 1), else_=0).label("lost"),
        case(
            (met_once.c.validated == 1, word(Fate.VALIDATED)),
            (here, word(Fate.UNDER_WAY)),
            (
                and_(met_once.c.lost > met_once.c.skipped, met_once.c.lost > met_once.c.exited),
                word(Fate.LOST),
            ),
            (met_once.c.skipped > met_once.c.exited, word(Fate.SKIPPED)),
            (met_once.c.exited > 0, word(Fate.EXITED)),
            else_=word(Fate.WENT_BACK),
        ).label("fate"),
    ).join(E, E.c.id == met_once.c.enrollment_id)
    row = seen.subquery("seen")
    alike = (row.c.workflow, row.c.stage, row.c.fate, row.c.entered, row.c.lost, row.c.reopened)
    return select(*alike, _NUMBER).group_by(*alike)


@cache
def _losses(workflow: bool, since: bool, until: bool) -> AnySelect:
    early = case((MOVES.c.before.is_not(None), 1), else_=0)
    place = func.coalesce(MOVES.c.before, MOVES.c.stage, type_=Text)
    query = _cohort(
        select(
            MOVES.c.workflow,
            place.label("place"),
            early.label("early"),
            MOVES.c.reason,
            func.count(MOVES.c.enrollment_id.distinct()).label("number"),
        ),
        workflow,
        since,
        until,
    )
    return query.where(_is(Change.LOST)).group_by(MOVES.c.workflow, place, early, MOVES.c.reason)


_STANDING = (
    select(E.c.workflow, E.c.version, E.c.stage, E.c.step, E.c.resting, _NUMBER)
    .where(_IS_LIVE)
    .group_by(E.c.workflow, E.c.version, E.c.stage, E.c.step, E.c.resting)
)
_ENDS = select(E.c.workflow, E.c.status, _NUMBER).group_by(E.c.workflow, E.c.status)
_MESSAGES = (
    select(D.c.step, D.c.state, D.c.reason, _NUMBER)
    .where(D.c.workflow == bindparam("workflow"))
    .group_by(D.c.step, D.c.state, D.c.reason)
)
_RESULT = func.coalesce(T.c.outcome, T.c.reason, type_=Text)
_CALLS = (
    select(T.c.step, T.c.state, _RESULT.label("result"), _NUMBER)
    .where(T.c.workflow == bindparam("workflow"))
    .group_by(T.c.step, T.c.state, _RESULT)
)
_VERSIONS = (
    select(E.c.version, func.sum(case((_IS_LIVE, 1), else_=0)).label("live"), _NUMBER)
    .where(E.c.workflow == bindparam("workflow"))
    .group_by(E.c.version)
)
_REFUSALS = (
    select(REFUSALS.c.reason, _NUMBER)
    .where(REFUSALS.c.workflow == bindparam("workflow"))
    .group_by(REFUSALS.c.reason)
)
