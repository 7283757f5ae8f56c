"""What every table is made of: names of constraints, kinds of columns, and how a row class becomes a table.

Choices are words with a CHECK, never native enums; instants are aware.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import CheckConstraint, Column, Computed, MetaData, Table, text
from sqlalchemy.types import TypeEngine
from sqlmodel import Field, SQLModel

from nurture.db.types import BigId, UtcDateTime

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(SQLModel):
    """Describes tables, and no more: rows never leave ``nurture.db``."""

    metadata = MetaData(naming_convention=NAMING)


def one_of(column: str, *words: str) -> CheckConstraint:
    """A column that holds one of these words."""
    listed = ", ".join(f"'{word}'" for word in words)
    return CheckConstraint(f"{column} IN ({listed})", name=column)


def key() -> Any:
    """The number of a row, given by the database."""
    return Field(default=None, primary_key=True, sa_type=BigId)


def ref(target: str, *, optional: bool = False, index: bool = False) -> Any:
    """The number of a row elsewhere: ``target`` is its table and column."""
    if optional:
        return Field(default=None, foreign_key=target, sa_type=BigId, index=index)
    return Field(foreign_key=target, sa_type=BigId, index=index)


def instant(*, optional: bool = False) -> Any:
    """A moment, always aware and kept in UTC."""
    return Field(default=None, sa_type=UtcDateTime) if optional else Field(sa_type=UtcDateTime)


def counted(kind: TypeEngine[Any], by: str) -> Any:
    """A column that the database counts by itself, from others of its row."""
    return Field(default=None, sa_column=Column(kind, Computed(by)))


def only(condition: str) -> dict[str, Any]:
    """An index of just the rows that meet ``condition``, in SQL that both databases read alike."""
    return {"sqlite_where": text(condition), "postgresql_where": text(condition)}


NEVER_REUSED = {"sqlite_autoincrement": True}
"""For ids that live on in links, Message-IDs and cursors: SQLite gives none of a deleted row to another."""
ROOM_TO_CHANGE = {"postgresql_with": {"fillfactor": 70}} | NEVER_REUSED
"""For rows that change many times: PostgreSQL keeps the new version beside the old one, and its indexes as they are."""


def table_of(row: type[Base]) -> Table:
    """The Core table of a row class."""
    table: Table = row.__table__  # type: ignore[attr-defined]
    return table
