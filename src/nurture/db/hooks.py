"""The other systems that webhooks go to: which have something waiting, which rest or are switched off, what they were told.

What waits for one is claimed as any message is (``db.outbox``); how long one rests is decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Text,
    Update,
    bindparam,
    exists,
    func,
    literal_column,
    null,
    or_,
    select,
    update,
)

from nurture.db.deliveries import ENDED, D
from nurture.db.outbox import IS_WEBHOOK
from nurture.db.sets import among, given, now_param, run_on, same_row, word
from nurture.db.state import STATE, by_prefix, clear, get, put
from nurture.model.words import DeliveryState

NAME = "webhook:"
"""Where the installation's small facts keep an endpoint that rests or is off; one that works has none."""


@dataclass(frozen=True, slots=True)
class Closed:
    """An endpoint that gets nothing now, since when and until when (operational time), and what it said last.

    Without an end it is switched off until a person switches it on. ``times`` counts its rests since it last worked.
    """

    endpoint: str
    since: datetime
    until: datetime | None
    said: str
    times: int = 1

    @property
    def off(self) -> bool:
        return self.until is None

    def at(self, operational: datetime) -> bool:
        """Does it get nothing at this moment?"""
        return self.until is None or self.until > operational


def closed(tx: Connection) -> dict[str, Closed]:
    """The endpoints that did not work the last time, by name; the rest of one may be over."""
    return {
        name: Closed(
            name,
            datetime.fromisoformat(value["since"]),
            datetime.fromisoformat(value["until"]) if value["until"] else None,
            value["said"],
            value["times"],
        )
        for name, value in by_prefix(tx, NAME).items()
    }


def close(tx: Connection, one: Closed, operational: datetime) -> None:
    """Let an endpoint rest, or switch it off."""
    value = {
        "since": one.since.isoformat(),
        "until": one.until.isoformat() if one.until else None,
        "said": one.said,
        "times": one.times,
    }
    put(tx, NAME + one.endpoint, value, operational)


def works(tx: Connection, endpoint: str) -> bool:
    """The endpoint takes messages: forget that it rested or was off. False when it did neither."""
    known = get(tx, NAME + endpoint) is not None
    if known:
        clear(tx, NAME + endpoint)
    return known


def waiting_for(tx: Connection, now: datetime, operational: datetime) -> list[str]:
    """The endpoints that something waits for that may go now, the longest first; those that rest or are off are left out."""
    shut = {name for name, one in closed(tx).items() if one.at(operational)}
    found = tx.execute(_WAITING_FOR, {"now": now, "operational": operational}).scalars()
    return [name for name in found if name not in shut]


def waits_for_its_endpoint() -> ColumnElement[bool]:
    """A condition on deliveries: a webhook whose endpoint rests, or is off; no worker is to blame."""
    return (
        exists().where(IS_WEBHOOK, STATE.c.name == literal_column(f"'{NAME}'", Text) + D.c.team).correlate(D)
    )


def keep_payloads(tx: Connection, payloads: Mapping[int, Mapping[str, Any]]) -> None:
    """Write down what these deliveries say, before they say it, so that every attempt says the same."""
    rows = [{"id": id_, "payload": payload} for id_, payload in payloads.items()]
    if rows:
        run_on(tx, _keep, rows)


def hurry(tx: Connection, endpoint: str) -> int:
    """Let everything that waits for this endpoint go at once; returns how many messages wait."""
    return tx.execute(_HURRY, {"endpoint": endpoint}).rowcount


def again(tx: Connection, endpoint: str, keys: Collection[str] | None = None) -> Sequence[str]:
    """Let messages that ended go once more, with the same id; returns their keys.

    Those with these keys, whether they failed or arrived; without keys all that failed.
    """
    if keys is None:
        return tx.execute(_AGAIN_FAILED, {"endpoint": endpoint}).scalars().all()
    return tx.execute(_AGAIN_OF_KEYS, {"endpoint": endpoint, "keys": list(keys)}).scalars().all()


@dataclass(frozen=True, slots=True)
class Count:
    """How many messages to one endpoint stand in one state, and when the last of them ended (business time)."""

    endpoint: str
    state: DeliveryState
    number: int
    last: datetime | None


def counts(tx: Connection) -> list[Count]:
    """How all webhooks stand, by endpoint. It reads every one of them."""
    return [
        Count(row.team or "", DeliveryState(row.state), row.number, row.last) for row in tx.execute(_COUNTS)
    ]


# --- statements -------------------------------------------------------------------------------------------------

_OF_ENDPOINT = D.c.team == bindparam("endpoint", type_=Text)
_IS_PENDING = D.c.state == word(DeliveryState.PENDING)
_WAITING_FOR = (
    select(D.c.team)
    .where(
        _IS_PENDING,
        IS_WEBHOOK,
        D.c.due <= now_param(),
        or_(D.c.retry_at.is_(None), D.c.retry_at <= now_param("operational")),
    )
    .group_by(D.c.team)
    .order_by(func.min(D.c.due), D.c.team)
)
_HURRY = update(D).where(_IS_PENDING, IS_WEBHOOK, _OF_ENDPOINT).values(retry_at=null())
_FAILED = D.c.state == word(DeliveryState.FAILED)
_ONCE_MORE = ENDED | {
    "state": DeliveryState.PENDING.value,
    "attempts": 0,
    "retry_at": null(),
    "reason": null(),
    "detail": null(),
    "ended_at": null(),
}
_AGAIN = update(D).where(IS_WEBHOOK, _OF_ENDPOINT).values(_ONCE_MORE).returning(D.c.key)
_AGAIN_FAILED = _AGAIN.where(_FAILED)
_AGAIN_OF_KEYS = _AGAIN.where(or_(_FAILED, D.c.state == word(DeliveryState.SENT)), among(D.c.key, "keys"))
_COUNTS = (
    select(D.c.team, D.c.state, func.count().label("number"), func.max(D.c.ended_at).label("last"))
    .where(IS_WEBHOOK)
    .group_by(D.c.team, D.c.state)
    .order_by(D.c.team, D.c.state)
)


@cache
def _keep(dialect: str) -> Update:
    row = given(dialect, id=D.c.id, payload=D.c.payload)
    return update(D).where(same_row(dialect, D.c.id, row)).values(payload=row.c.payload)
