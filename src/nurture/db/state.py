"""Small facts of the installation: the clock's offset, the key of hashes, who leads, who lives, which channel rests.

Nothing here belongs to a contact or a workflow.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import Connection, Insert, Text, bindparam, delete, or_, select

from nurture.db.sets import insert_into, now_param
from nurture.db.tables import LeaseRow, StateRow, table_of
from nurture.db.types import Json
from nurture.model.errors import NurtureError

STATE = table_of(StateRow)
LEASES = table_of(LeaseRow)

LONGEST = timedelta(hours=1)
"""No lease and no rest of a channel is longer."""
_CLOCK, HASH_KEY, _BEAT, _CHANNEL = "clock", "hash-key", "heartbeat:", "channel:"


def get(tx: Connection, name: str) -> dict[str, Any] | None:
    """The fact of this name, None when there is none."""
    return tx.execute(_GET, {"name": name}).scalar_one_or_none()


def held(tx: Connection, name: str) -> dict[str, Any] | None:
    """The same, and nobody else changes it until this transaction ends. SQLite has one writer anyway."""
    return tx.execute(_GET if tx.dialect.name == "sqlite" else _HELD, {"name": name}).scalar_one_or_none()


def put(tx: Connection, name: str, value: Mapping[str, Any], at: datetime) -> None:
    """Set the fact of this name."""
    tx.execute(_put(tx.dialect.name), {"name": name, "value": dict(value), "at": at})


def by_prefix(tx: Connection, prefix: str) -> dict[str, dict[str, Any]]:
    """The facts whose names begin so, by the rest of their names."""
    rows = tx.execute(_BY_PREFIX, {"prefix": f"{prefix}%"})
    return {row.name.removeprefix(prefix): row.value for row in rows}


def clear(tx: Connection, name: str) -> None:
    """Forget the fact of this name."""
    tx.execute(delete(STATE).where(STATE.c.name == bindparam("name_")), {"name_": name})


# --- the business clock -----------------------------------------------------------------------------------------


def clock_offset(tx: Connection) -> timedelta:
    """How far the business clock is ahead of the system's."""
    return timedelta(seconds=(get(tx, _CLOCK) or {"offset": 0})["offset"])


def advance_clock(tx: Connection, by: timedelta, operational: datetime) -> timedelta:
    """Move the business clock forward; returns its new offset. It never goes back: raises NurtureError."""
    if by < timedelta(0):
        raise NurtureError("the business clock never goes back", hint="advance it by a span above zero")
    offset = clock_offset(tx) + by
    put(tx, _CLOCK, {"offset": offset.total_seconds()}, operational)
    return offset


# --- the key of address hashes ----------------------------------------------------------------------------------


def hash_key(tx: Connection) -> bytes:
    """The key of this installation's address hashes (``addresses.address_hash``).

    Made by the first upgrade, kept for ever: with another key the suppression list would know nobody.
    """
    stored = get(tx, HASH_KEY)
    if stored is None:
        raise NurtureError("the key of the suppression list is missing", hint="run `nurture db upgrade`")
    return bytes.fromhex(stored["key"])


def ensure_hash_key(tx: Connection, at: datetime) -> None:
    """Make the key unless there is one."""
    insert = insert_into(STATE, tx.dialect.name).on_conflict_do_nothing()
    tx.execute(insert, {"name": HASH_KEY, "value": {"key": secrets.token_hex(32)}, "at": at})


# --- leases: any number of schedulers may run, one rings -----------------------------------------------------------


def lead(tx: Connection, name: str, holder: str, operational: datetime, span: timedelta) -> bool:
    """Take or keep the lease ``name`` until ``operational + span``; False while another holds it.

    One that reaches further than ``LONGEST`` was taken while the clock was ahead: it holds nobody up.
    """
    values = {"name": name, "holder": holder, "until": operational + span, "operational": operational}
    values["too_far"] = operational + LONGEST
    return tx.execute(_lead(tx.dialect.name), values).first() is not None


def leave(tx: Connection, name: str, holder: str) -> None:
    """Give the lease ``name`` back, if it is still ours."""
    tx.execute(_LEAVE, {"of_name": name, "of_holder": holder})


def first_time(tx: Connection, name: str, value: Mapping[str, Any], operational: datetime) -> bool:
    """Note the fact ``name`` unless it is known; False when it is known with another value."""
    insert = insert_into(STATE, tx.dialect.name).on_conflict_do_nothing()
    tx.execute(insert, {"name": name, "value": dict(value), "at": operational})
    return get(tx, name) == dict(value)


def forget(tx: Connection, prefix: str, before: datetime) -> None:
    """Forget the facts whose names begin so and that are older."""
    tx.execute(_FORGET, {"prefix": f"{prefix}%", "before": before})


# --- heartbeats and channels -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """The last sign of life of one process, in operational time."""

    name: str
    at: datetime
    value: Mapping[str, Any]


def beat(tx: Connection, name: str, operational: datetime, value: Mapping[str, Any] | None = None) -> None:
    """Leave a sign of life, with what the process wants to say of itself."""
    put(tx, _BEAT + name, value or {}, operational)


def heartbeats(tx: Connection) -> list[Heartbeat]:
    """The last sign of life of every process, by name."""
    rows = tx.execute(_BY_PREFIX, {"prefix": f"{_BEAT}%"})
    return [Heartbeat(row.name.removeprefix(_BEAT), row.at, row.value) for row in rows]


def forget_heartbeats(tx: Connection, before: datetime) -> None:
    """Forget the processes whose last sign of life is older."""
    forget(tx, _BEAT, before)


@dataclass(frozen=True, slots=True)
class ChannelPause:
    """A channel that rests because the other side refuses *us*; until when (operational time), why, how often so far."""

    channel: str
    until: datetime
    reason: str
    times: int

    def lasts(self, operational: datetime) -> bool:
        """Whether it rests now; a pause longer than ``LONGEST`` was begun while the clock was ahead."""
        return timedelta(0) < self.until - operational <= LONGEST


def pause_channel(
    tx: Connection, channel: str, until: datetime, reason: str, operational: datetime
) -> ChannelPause:
    """Let a channel rest until then; ``times`` counts the pauses since it last worked."""
    before = get(tx, _CHANNEL + channel)
    times = (before["times"] if before else 0) + 1
    value = {"until": until.isoformat(), "reason": reason, "times": times}
    put(tx, _CHANNEL + channel, value, operational)
    return ChannelPause(channel, until, reason, times)


def channel_pause(tx: Connection, channel: str) -> ChannelPause | None:
    """The last pause of a channel since it last worked; it may be over."""
    value = get(tx, _CHANNEL + channel)
    if value is None:
        return None
    return ChannelPause(channel, datetime.fromisoformat(value["until"]), value["reason"], value["times"])


def resume_channel(tx: Connection, channel: str) -> None:
    """The channel works: forget its pauses."""
    clear(tx, _CHANNEL + channel)


# --- statements -------------------------------------------------------------------------------------------------

_GET = select(STATE.c.value).where(STATE.c.name == bindparam("name"))
_HELD = _GET.with_for_update()
_BY_PREFIX = select(STATE).where(STATE.c.name.like(bindparam("prefix", type_=Text))).order_by(STATE.c.name)
_LEAVE = delete(LEASES).where(
    LEASES.c.name == bindparam("of_name"), LEASES.c.holder == bindparam("of_holder")
)
_FORGET = delete(STATE).where(
    STATE.c.name.like(bindparam("prefix", type_=Text)), STATE.c.at < now_param("before")
)


@cache
def _put(dialect: str) -> Insert:
    insert = insert_into(STATE, dialect).values(
        name=bindparam("name"), value=bindparam("value", type_=Json), at=now_param("at")
    )
    return insert.on_conflict_do_update(
        index_elements=[STATE.c.name], set_={"value": insert.excluded.value, "at": insert.excluded.at}
    )


@cache
def _lead(dialect: str) -> Insert:
    insert = insert_into(LEASES, dialect).values(
        name=bindparam("name"), holder=bindparam("holder"), until=now_param("until")
    )
    return insert.on_conflict_do_update(
        index_elements=[LEASES.c.name],
        set_={"holder": insert.excluded.holder, "until": insert.excluded.until},
        where=or_(
            LEASES.c.holder == insert.excluded.holder,
            LEASES.c.until < now_param("operational"),
            LEASES.c.until > now_param("too_far"),
        ),
    ).returning(LEASES.c.name)
