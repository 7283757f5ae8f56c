"""How a row is called when it is shown to a person, and how queries that find such rows are put together.

Knows what people call things: an address, a workflow and its step. Finds nothing by itself.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, FromClause, Table, Text, cast, func, literal_column, select, union_all

from nurture.db.sets import AnySelect, limit_param, word
from nurture.db.tables import ContactRow, table_of
from nurture.model.words import Channel

P = table_of(ContactRow)


def said(*parts: ColumnElement[Any] | str) -> ColumnElement[str]:
    """Parts of text one behind the other; an unset part is left out."""
    told: ColumnElement[str] = literal_column("''", Text)
    for part in parts:
        told = told + (
            literal_column(f"'{part}'", Text)
            if isinstance(part, str)
            else func.coalesce(cast(part, Text), literal_column("''", Text))
        )
    return told


def contact(table: Table | FromClause) -> ColumnElement[str]:
    """The address of the row's contact, or its number when it is gone."""
    address = select(P.c.email).where(P.c.id == table.c.contact_id).correlate(table).scalar_subquery()
    return func.coalesce(address, said("contact ", table.c.contact_id))


def enrollment(table: Table | FromClause) -> ColumnElement[str]:
    return said(contact(table), " ", table.c.workflow, "/", func.coalesce(table.c.step, table.c.stage))


def touch(table: Table) -> ColumnElement[str]:
    return said(contact(table), " ", func.coalesce(table.c.workflow, word(Channel.EMAIL)), "/", table.c.step)


def where(table: Table, example: ColumnElement[str], *conditions: ColumnElement[bool]) -> AnySelect:
    return select(example.label("example")).select_from(table).where(*conditions)


def shown(*selects: AnySelect) -> AnySelect:
    """The rows of all these, counted, the first few of them."""
    rows = (selects[0] if len(selects) == 1 else union_all(*selects)).subquery()
    counted = select(rows.c.example, func.count().over().label("total"))
    return counted.order_by(rows.c.example).limit(limit_param("most"))
