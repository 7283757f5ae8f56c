"""Whole sets in one statement: thousands of contacts cost as many round trips as one.

With ``json_values`` the only file that knows how SQLite and PostgreSQL differ. A set travels as one parameter (an array, or rows), so
that a statement's text, and with it its plan, stays the same whatever the size of the set. It decides nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from enum import Enum
from functools import cache, partial
from types import NoneType
from typing import Any
from zlib import crc32

from sqlalchemy import (
    ARRAY,
    JSON,
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    CursorResult,
    Dialect,
    Executable,
    FromClause,
    Insert,
    Row,
    Select,
    Table,
    Text,
    and_,
    bindparam,
    cast,
    column,
    func,
    literal_column,
    select,
    table,
    true,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import Boolean, Integer, TypeDecorator, TypeEngine

from nurture.db.types import UtcDateTime, in_utc
from nurture.model.errors import NurtureError

POSTGRES = "postgresql"
AnyRow = Row[*tuple[Any, ...]]
AnySelect = Select[*tuple[Any, ...]]
ONE: ColumnElement[int] = literal_column("1", Integer)


def word(value: Enum) -> ColumnElement[str]:
    """A state as a literal, so that both databases see that a partial index serves the query."""
    return literal_column(f"'{value.value}'", Text)


def pairs(rows: Iterable[Iterable[Any]]) -> dict[Any, Any]:
    """The rows of two columns as a mapping from the first to the second."""
    return {first: second for first, second in rows}  # noqa: C416 - a Row is no tuple to the type checker


def now_param(name: str = "now") -> ColumnElement[datetime]:
    """The moment, as an argument: no statement asks the database's own clock."""
    return bindparam(name, type_=UtcDateTime)


def limit_param(name: str) -> ColumnElement[int]:
    """How many at most, written into the statement: PostgreSQL plans for few rows only when it sees that they are few."""
    return bindparam(name, type_=Integer, literal_execute=True)


def in_order_of_index(tx: Connection) -> None:
    """Until this transaction ends PostgreSQL reads in the order of an index rather than read all that is due and sort.

    While its statistics are young it takes a backlog of thousands for a handful, and would sort it for every batch.
    """
    if tx.dialect.name == POSTGRES:
        tx.exec_driver_sql("SET LOCAL enable_sort = off")


# --- a set of ids or words as one parameter ---------------------------------------------------------------------


class _Many(TypeDecorator[Iterable[Any]]):
    """An array on PostgreSQL, JSON text on SQLite."""

    impl = Text
    cache_ok = True

    def __init__(self, item: TypeEngine[Any]) -> None:
        super().__init__()
        self.item = item

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(ARRAY(self.item) if dialect.name == POSTGRES else Text())

    def process_bind_param(self, value: Iterable[Any] | None, dialect: Dialect) -> Any:
        items = list(value or ())
        return items if dialect.name == POSTGRES else json.dumps(items)


class _Among(FunctionElement[bool]):
    type = Boolean()
    inherit_cache = True

    def self_group(self, against: Any = None) -> Any:
        """It is a condition as it stands: SQLite would add ``= 1``, and no index would serve it any more."""
        return self


@compiles(_Among, POSTGRES)
def _among_array(element: _Among, compiler: SQLCompiler, **kw: Any) -> str:
    subject, values = element.clauses
    return f"{compiler.process(subject, **kw)} = ANY ({compiler.process(values, **kw)})"


@compiles(_Among, "sqlite")
def _among_json(element: _Among, compiler: SQLCompiler, **kw: Any) -> str:
    subject, values = element.clauses
    left, right = compiler.process(subject, **kw), compiler.process(values, **kw)
    return f"{left} IN (SELECT value FROM json_each({right}))"  # noqa: S608 - compiled SQL, no text of a person


def among(subject: ColumnElement[Any], name: str = "ids") -> ColumnElement[bool]:
    """``subject`` is one of the values of the parameter ``name``, a collection of any size."""
    item: TypeEngine[Any] = BigInteger() if isinstance(subject.type, Integer | BigInteger) else Text()
    return _Among(subject, bindparam(name, type_=_Many(item)))


class _Holds(FunctionElement[bool]):
    type = Boolean()
    inherit_cache = True


@compiles(_Holds, POSTGRES)
def _holds_jsonb(element: _Holds, compiler: SQLCompiler, **kw: Any) -> str:
    words, one = (compiler.process(clause, **kw) for clause in element.clauses)
    return f"jsonb_exists({words}, {one})"


@compiles(_Holds, "sqlite")
def _holds_json(element: _Holds, compiler: SQLCompiler, **kw: Any) -> str:
    words, one = (compiler.process(clause, **kw) for clause in element.clauses)
    return f"{one} IN (SELECT value FROM json_each({words}))"  # noqa: S608 - compiled SQL, no text of a person


def holds(words: ColumnElement[Any], name: str) -> ColumnElement[bool]:
    """The list of words in a JSON column holds the parameter ``name``."""
    return holds_word(words, bindparam(name, type_=Text))


def holds_word(words: ColumnElement[Any], one: ColumnElement[str]) -> ColumnElement[bool]:
    """The list of words in a JSON column holds ``one``; null where that is null."""
    return _Holds(words, one)


# --- rows as a table --------------------------------------------------------------------------------------------


def given(dialect: str, **columns: TypeEngine[Any] | Column[Any]) -> FromClause:
    """The rows of ``run_on`` as a table ``given`` with these columns.

    PostgreSQL unfolds one JSON parameter; SQLite, whose JSON is slow and whose inserts are not, a temporary table.
    """
    types = {name: kind.type if isinstance(kind, Column) else kind for name, kind in columns.items()}
    cells = [column(name, kind) for name, kind in types.items()]
    if dialect != POSTGRES:
        return table(_temporary(types), *cells, schema="temp").alias("given")
    rows = cast(bindparam("rows", type_=Text()), JSON(none_as_null=True))
    return func.json_to_recordset(rows).table_valued(*cells).render_derived(name="given", with_types=True)


def same_row(dialect: str, identity: ColumnElement[int], row: FromClause) -> ColumnElement[bool]:
    """The row of ``given`` that has this id.

    PostgreSQL is told the ids once more, as an array: while its statistics are young it may otherwise read a whole
    table, or an index of a few states, for rows that are named by their ids.
    """
    same = identity == row.c.id
    return and_(same, among(identity, "row_ids")) if dialect == POSTGRES else same


def run_on(
    tx: Connection, build: Callable[[str], Executable], rows: Sequence[Mapping[str, Any]], **values: Any
) -> CursorResult[*tuple[Any, ...]]:
    """Run the statement that ``build`` makes for a dialect on these rows (at least one, all with the same keys).

    Instants must be aware. Raises NurtureError for a NUL character in a text, which PostgreSQL cannot keep.
    """
    if tx.dialect.name == POSTGRES:
        if "id" in rows[0]:  # then the statement says same_row
            values["row_ids"] = [row["id"] for row in rows]
        return tx.execute(build(POSTGRES), {**values, "rows": _as_json(rows)})
    _fill(tx, rows)
    return tx.execute(build("sqlite"), values)


def _as_json(value: object) -> str:
    text = json.dumps(value, default=_plain, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    if "\\u0000" in text and re.search(r"(?<!\\)(?:\\\\)*\\u0000", text):
        raise _holds_nul()
    return text


def _plain(value: object) -> Any:
    if isinstance(value, datetime):
        return in_utc(value).isoformat()
    if isinstance(value, frozenset | set):
        return sorted(value)
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} cannot be stored")


def _fill(tx: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    names = rows[0].keys()
    home = _temporary(names)
    listed = ", ".join(f'"{name}"' for name in names)
    # Again and again: a rollback takes the table away with everything else.
    tx.exec_driver_sql(f"CREATE TEMPORARY TABLE IF NOT EXISTS {home} ({listed})")
    tx.exec_driver_sql(f"DELETE FROM temp.{home}")  # noqa: S608 - names of our own
    marks = ", ".join("?" * len(names))
    cells = [tuple([_cell(value) for value in row.values()]) for row in rows]
    tx.exec_driver_sql(f"INSERT INTO temp.{home} ({listed}) VALUES ({marks})", cells)  # noqa: S608 - as above


def _temporary(names: Iterable[str]) -> str:
    """The temporary table for rows with these columns, whatever their order."""
    return f"given_{crc32(' '.join(sorted(names)).encode()):08x}"


_AS_IT_IS = frozenset({int, float, bool, bytes, NoneType})


def _cell(value: Any) -> Any:
    kind = type(value)
    if kind in _AS_IT_IS:
        return value
    if isinstance(value, str):
        if "\0" in value:
            raise _holds_nul()
        return value
    if kind is datetime:
        # As SQLAlchemy itself writes them, so that texts compare like the instants they stand for.
        return in_utc(value).isoformat(" ", "microseconds")[:26]
    return _as_json(value)


def _holds_nul() -> NurtureError:
    return NurtureError(
        "a text holds a NUL character, which cannot be stored", hint="remove it and try again"
    )


# --- bulk inserts -----------------------------------------------------------------------------------------------


def insert_into(into: Table, dialect: str) -> postgresql.Insert | sqlite.Insert:
    """An INSERT that knows ON CONFLICT, in the words of the database at hand."""
    return postgresql.insert(into) if dialect == POSTGRES else sqlite.insert(into)


def insert_rows(
    tx: Connection,
    into: Table,
    rows: Sequence[Mapping[str, Any]],
    *,
    returning: tuple[str, ...] = (),
    skip_conflicts: bool = False,
) -> Sequence[AnyRow]:
    """Insert all ``rows`` in one statement, in their order: later rows get higher ids.

    Every row names the same columns. With ``skip_conflicts`` a row that breaks a unique constraint is left out, and of
    what was inserted the ``returning`` columns come back, in order of insertion.
    """
    if not rows:
        return ()
    build = partial(_insert, into, tuple(rows[0]), returning, skip_conflicts)
    result = run_on(tx, build, rows)
    return result.all() if returning else ()


@cache
def _insert(
    into: Table, names: tuple[str, ...], returning: tuple[str, ...], skip_conflicts: bool, dialect: str
) -> Insert:
    source = given(dialect, **{name: into.c[name] for name in names})
    # WHERE true: SQLite would read ON CONFLICT as the join condition of the SELECT before it.
    insert = insert_into(into, dialect).from_select(
        names, select(source).where(true()), include_defaults=False
    )
    if skip_conflicts:
        insert = insert.on_conflict_do_nothing()
    return insert.returning(*(into.c[name] for name in returning)) if returning else insert


def copy_rows(
    tx: Connection, into: Table, rows: Sequence[Mapping[str, Any]], *, returning: tuple[str, ...]
) -> Sequence[AnyRow]:
    """Insert very many ``rows``, leaving out those that break a unique constraint; PostgreSQL takes them by COPY.

    Returns the ``returning`` columns of what was inserted.
    """
    if not rows:
        return ()
    if tx.dialect.name != POSTGRES:
        return insert_rows(tx, into, rows, returning=returning, skip_conflicts=True)
    names = tuple(rows[0])
    _stage(tx, into, names, rows)
    return tx.execute(_insert_staged(into, names, returning)).all()


def _stage(tx: Connection, into: Table, names: tuple[str, ...], rows: Sequence[Mapping[str, Any]]) -> None:
    """Fill a temporary table with the rows, by COPY; it is empty again after the transaction."""
    columns, home = ", ".join(names), _staging(into)
    types = ", ".join(f"{name} {into.c[name].type.compile(tx.dialect)}" for name in names)
    tx.exec_driver_sql(f"CREATE TEMPORARY TABLE IF NOT EXISTS {home} ({types}) ON COMMIT DELETE ROWS")
    tx.exec_driver_sql(f"TRUNCATE {home}")
    driver: Any = tx.connection.driver_connection
    with driver.cursor().copy(f"COPY {home} ({columns}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row([_copied(value) for value in row.values()])


@cache
def _insert_staged(into: Table, names: tuple[str, ...], returning: tuple[str, ...]) -> Insert:
    staged: AnySelect = select(*(column(name) for name in names)).select_from(table(_staging(into)))
    return (
        postgresql.insert(into)
        .from_select(names, staged, include_defaults=False)
        .on_conflict_do_nothing()
        .returning(*(into.c[name] for name in returning))
    )


def _staging(into: Table) -> str:
    return f"staged_{into.name}"


def _copied(value: object) -> object:
    if isinstance(value, datetime):
        return in_utc(value)
    return _as_json(value) if isinstance(value, dict | list) else value
