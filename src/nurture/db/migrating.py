"""Who is under way in which version of a workflow, and the rows that take a step's or a stage's new name with them.

Names change only inside the caller's transaction, together with the enrollments they belong to. Nothing here decides.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial

from sqlalchemy import (
    Connection,
    Table,
    Text,
    Update,
    and_,
    bindparam,
    exists,
    func,
    select,
    union_all,
    update,
)

from nurture.db.enrollments import IS_LIVE, TAKEN_AWAY, VALUE_COLUMNS, Claimed, E, value_of
from nurture.db.sets import POSTGRES, AnySelect, among, given, limit_param, run_on
from nurture.db.tables import DeliveryRow, EventRow, TaskRow, TransitionRow, table_of
from nurture.model.words import Enrollment

D = table_of(DeliveryRow)
T = table_of(TaskRow)
EVENTS = table_of(EventRow)
MOVES = table_of(TransitionRow)


@dataclass(frozen=True, slots=True)
class NewName:
    """In this enrollment's rows ``before`` is called ``after`` from now on."""

    enrollment_id: int
    before: str
    after: str


def live_by_version(tx: Connection) -> dict[tuple[str, str], int]:
    """How many are under way: ``{(workflow, version): count}``."""
    return {(workflow, version): number for workflow, version, number in tx.execute(_BY_VERSION)}


def live_in(
    tx: Connection, workflow: str, *, but: str | None = None, after: int = 0, limit: int = 500
) -> list[Enrollment]:
    """The live enrollments of a workflow with ids above ``after``, in order; without those of the version ``but``."""
    values = {"workflow": workflow, "but": but or "", "after": after, "most": limit}
    return [value_of(row) for row in tx.execute(_LIVE_IN, values)]


def people_under_way(tx: Connection) -> list[int]:
    """The ids of all contacts with a live enrollment, in order."""
    return list(tx.execute(_PEOPLE).scalars())


def take(tx: Connection, ids: Collection[int]) -> list[Claimed]:
    """Take these live enrollments from whoever holds them, in order of their ids; those that are over are left out.

    A worker that decides one of them at this moment writes nothing: it is decided again by the version it then has.
    """
    if not ids:
        return []
    if tx.dialect.name == POSTGRES:
        # Senders write a message first and its enrollment then: so do we, and nobody waits in a circle.
        for statement in _LOCKS:
            tx.execute(statement, {"ids": ids}).all()
    rows = tx.execute(_TAKE, {"ids": ids}).all()
    return sorted((Claimed(value_of(row), row.fence) for row in rows), key=lambda one: one.enrollment.id)


def had_their_turn(tx: Connection, ids: Collection[int]) -> dict[int, set[tuple[str, int]]]:
    """The steps of each enrollment that a message or call was planned for, whatever came of it: ``(step, visit)``."""
    found: dict[int, set[tuple[str, int]]] = {}
    for enrollment, step, visit in tx.execute(_TURNS_HAD, {"ids": ids}) if ids else ():
        found.setdefault(enrollment, set()).add((step, visit))
    return found


def rename_steps(tx: Connection, names: Sequence[NewName]) -> None:
    """Messages, calls and events of these steps bear the new name: their keys, and all that they prove, go on."""
    if names:
        rows = [_row(name) for name in names]
        for table in (D, T, EVENTS):
            run_on(tx, partial(_rename, table, "step"), rows)


def rename_stages(tx: Connection, names: Sequence[NewName]) -> None:
    """The same for stages: messages, calls, and every change of stage on record."""
    if names:
        rows = [_row(name) for name in names]
        for table, column in ((D, "stage"), (T, "stage"), (MOVES, "stage"), (MOVES, "before")):
            run_on(tx, partial(_rename, table, column), rows)


def _row(name: NewName) -> Mapping[str, object]:
    return {"enrollment_id": name.enrollment_id, "was": name.before, "now_called": name.after}


@cache
def _rename(table: Table, column: str, dialect: str) -> Update:
    row = given(dialect, enrollment_id=D.c.enrollment_id, was=Text(), now_called=Text())
    conditions = [table.c.enrollment_id == row.c.enrollment_id, table.c[column] == row.c.was]
    if table in (D, T) and column == "step":
        # (enrollment, step, visit) is unique: a step of an older version may have borne this name before.
        other = table.alias("other")
        conditions.append(
            ~exists().where(
                and_(
                    other.c.enrollment_id == row.c.enrollment_id,
                    other.c.step == row.c.now_called,
                    other.c.visit == table.c.visit,
                )
            )
        )
    return update(table).where(*conditions).values({column: row.c.now_called})


_BY_VERSION = (
    select(E.c.workflow, E.c.version, func.count()).where(IS_LIVE).group_by(E.c.workflow, E.c.version)
)
_LIVE_IN = (
    select(*VALUE_COLUMNS)
    .where(
        E.c.workflow == bindparam("workflow"),
        IS_LIVE,
        E.c.version != bindparam("but"),
        E.c.id > bindparam("after"),
    )
    .order_by(E.c.id)
    .limit(limit_param("most"))
)
_PEOPLE = select(E.c.contact_id).distinct().where(IS_LIVE).order_by(E.c.contact_id)
_LOCKS: tuple[AnySelect, ...] = tuple(
    select(table.c.id).where(among(table.c.enrollment_id)).order_by(table.c.id).with_for_update()
    for table in (D, T)
)
_TAKE = update(E).where(among(E.c.id), IS_LIVE).values(TAKEN_AWAY).returning(*VALUE_COLUMNS, E.c.fence)
_TURNS_HAD = union_all(
    *(
        select(table.c.enrollment_id, table.c.step, table.c.visit).where(among(table.c.enrollment_id))
        for table in (D, T)
    )
)
