"""Every message as people look through them: how many stand how, and which, the newest first, a page at a time.

It changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Text, bindparam, func, or_, select

from nurture.db.sets import AnyRow, limit_param
from nurture.db.tables import ContactRow, DeliveryRow, table_of
from nurture.model.words import Channel, DeliveryState

D = table_of(DeliveryRow)
CONTACTS = table_of(ContactRow)

UNDER_WAY = (DeliveryState.PENDING, DeliveryState.CLAIMED, DeliveryState.SENDING)
"""What people call pending: it has not ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which messages to list; empty filters let every one pass. ``to`` is a piece of an address or a name, ``endpoint``
    the system that a webhook goes to, ``key`` the one name of one message.
    """

    state: DeliveryState | None = None
    """``PENDING`` stands for all that has not ended."""
    template: str = ""
    workflow: str = ""
    reason: str = ""
    to: str = ""
    channel: Channel | None = None
    endpoint: str = ""
    key: str = ""


@dataclass(frozen=True, slots=True)
class Listed:
    """One message of the list. ``team`` is whom a notice to our own people goes to, or the endpoint of a webhook."""

    id: int
    key: str
    contact_id: int
    email: str
    first_name: str | None
    last_name: str | None
    timezone: str | None
    workflow: str | None
    stage: str
    step: str
    channel: Channel
    template: str
    team: str | None
    payload: Mapping[str, Any] | None
    due: datetime
    state: DeliveryState
    reason: str | None
    detail: str | None
    attempts: int
    retry_at: datetime | None
    message_id: str | None
    recipient: str | None
    grant_id: int | None
    ended_at: datetime | None


def page(tx: Connection, wanted: Wanted, *, before: int | None = None, most: int) -> list[Listed]:
    """The newest of these messages with ids below ``before``, newest first; at most ``most``."""
    values: dict[str, Any] = {"most": most}
    query = _LIST.where(*_conditions(wanted, values))
    if before is not None:
        query = query.where(D.c.id < bindparam("before"))
        values["before"] = before
    return [_listed(row) for row in tx.execute(query.limit(limit_param("most")), values)]


def tally(tx: Connection) -> dict[tuple[DeliveryState, str | None], int]:
    """How many messages stand how, and why: they add up to all that were ever planned."""
    return {(DeliveryState(row.state), row.reason): row.number for row in tx.execute(_TALLY)}


def _conditions(wanted: Wanted, values: dict[str, Any]) -> Iterator[ColumnElement[bool]]:
    if wanted.state is DeliveryState.PENDING:
        yield or_(*(D.c.state == state.value for state in UNDER_WAY))
    elif wanted.state is not None:
        yield D.c.state == wanted.state.value
    if wanted.channel is not None:
        yield D.c.channel == wanted.channel.value
    for name, column in _NAMED.items():
        if value := getattr(wanted, name):
            values[name] = value
            yield D.c[column] == bindparam(name)
    for number, word in enumerate(wanted.to.lower().split()[:4]):
        name = f"to_{number}"
        values[name] = "%" + word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
        piece = bindparam(name, type_=Text)
        yield or_(
            CONTACTS.c.email_key.like(piece, escape="\\"), CONTACTS.c.sort_name.like(piece, escape="\\")
        )


_NAMED = {
    "template": "template",
    "workflow": "workflow",
    "reason": "reason",
    "endpoint": "team",
    "key": "key",
}
"""Filters that ask for one word, and the column each asks about."""


# --- statements -------------------------------------------------------------------------------------------------

_OF_CONTACT = ("email", "first_name", "last_name", "timezone")
_CELLS = tuple(CONTACTS.c[name] if name in _OF_CONTACT else D.c[name] for name in Listed.__slots__)
# In the order of the primary key: a page of all messages reads its own rows only.
_LIST = select(*_CELLS).join(CONTACTS, CONTACTS.c.id == D.c.contact_id).order_by(D.c.id.desc())
_TALLY = select(D.c.state, D.c.reason, func.count().label("number")).group_by(D.c.state, D.c.reason)


def _listed(row: AnyRow) -> Listed:
    values: Mapping[str, Any] = dict(zip(Listed.__slots__, row, strict=True))
    return Listed(
        **{**values, "channel": Channel(values["channel"]), "state": DeliveryState(values["state"])}
    )
