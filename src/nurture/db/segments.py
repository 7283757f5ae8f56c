"""Who fits a condition, who is a member of a segment since when, and the segments that people saved.

Set-based: a condition is asked of a whole table, or of those who changed lately. A membership is never deleted while its
contact is there. It knows no files and no workflows.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from sqlalchemy import ColumnElement, Connection, Insert, bindparam, delete, exists, func, select, update

from nurture.db.contacts import CONTACTS
from nurture.db.sets import AnySelect, among, insert_into, insert_rows, limit_param, now_param
from nurture.db.tables import MembershipRow, SavedSegmentRow, table_of
from nurture.db.types import UtcDateTime

M = table_of(MembershipRow)
SAVED = table_of(SavedSegmentRow)
Condition = ColumnElement[bool]


# --- who fits now -------------------------------------------------------------------------------------------------


def count(tx: Connection, fits: Condition) -> int:
    """How many contacts fit."""
    return tx.execute(select(func.count()).select_from(CONTACTS).where(fits)).scalar_one()


def counts(tx: Connection, fits: Mapping[str, Condition]) -> dict[str, int]:
    """How many contacts fit each of these conditions, in one look at the table."""
    if not fits:
        return {}
    sums = [func.count().filter(one).label(f"n{index}") for index, one in enumerate(fits.values())]
    return dict(zip(fits, tx.execute(select(*sums).select_from(CONTACTS)).one(), strict=True))


def page(tx: Connection, fits: Condition, *, after: int = 0, most: int) -> list[int]:
    """The ids of those who fit, in order, from ``after`` on."""
    query = select(CONTACTS.c.id).where(CONTACTS.c.id > bindparam("after"), fits).order_by(CONTACTS.c.id)
    return list(tx.execute(query.limit(limit_param("most")), {"after": after, "most": most}).scalars())


# --- memberships --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Membership:
    """One stay of a contact in a segment."""

    id: int
    contact_id: int


def newcomers(
    tx: Connection, segment: str, fits: Condition, *, changed_since: datetime | None, most: int
) -> list[int]:
    """Contacts who fit and are no members, at most ``most``; with ``changed_since`` of those who changed since."""
    query = _changed(select(CONTACTS.c.id), changed_since).where(
        fits, ~exists().where(M.c.contact_id == CONTACTS.c.id, _LIVE)
    )
    return list(
        tx.execute(
            query.order_by(CONTACTS.c.id).limit(limit_param("most")),
            {"segment_": segment, "most": most, "changed_since": changed_since},
        ).scalars()
    )


def join(tx: Connection, segment: str, contact_ids: Collection[int], now: datetime) -> list[Membership]:
    """Make them members; who is one already is left out."""
    rows = [
        {"segment": segment, "contact_id": one, "since": now, "fading_since": None, "left_at": None}
        for one in contact_ids
    ]
    stored = insert_rows(tx, M, rows, returning=("id", "contact_id"), skip_conflicts=True)
    return [Membership(*row) for row in stored]


def note_fading(
    tx: Connection, segment: str, fits: Condition, now: datetime, *, changed_since: datetime | None
) -> None:
    """Members who no longer fit begin to fade, and those who fit again never did."""
    values = {"segment_": segment, "now": now, "changed_since": changed_since}
    fitting = _changed(select(CONTACTS.c.id).where(CONTACTS.c.id == M.c.contact_id), changed_since)
    tx.execute(
        update(M)
        .where(_LIVE, M.c.fading_since.is_not(None), fitting.where(fits).exists())
        .values(fading_since=None),
        values,
    )
    tx.execute(
        update(M)
        .where(_LIVE, M.c.fading_since.is_(None), fitting.where(~fits).exists())
        .values(fading_since=now_param()),
        values,
    )


def faded(tx: Connection, segment: str, before: datetime, *, most: int) -> list[Membership]:
    """Members who have not fitted since ``before`` or longer."""
    values = {"segment_": segment, "before": before, "most": most}
    return [Membership(*row) for row in tx.execute(_FADED, values)]


def first_fading(tx: Connection, segment: str, after: datetime) -> datetime | None:
    """Since when the member who fades longest has been fading, of those who began after a moment."""
    moment: datetime | None = tx.execute(_FIRST_FADING, {"segment_": segment, "after": after}).scalar_one()
    return moment


def anyone_changed(tx: Connection, after: datetime) -> bool:
    """Has anything that we know of a contact changed after a moment?"""
    return tx.execute(_ANYONE_CHANGED, {"after": after}).first() is not None


def leave(tx: Connection, membership_ids: Collection[int], now: datetime) -> list[Membership]:
    """End these memberships; those that somebody else ended meanwhile are left out."""
    return [Membership(*row) for row in tx.execute(_LEAVE, {"ids": membership_ids, "now": now})]


def watched(tx: Connection) -> frozenset[str]:
    """The segments that have members on record."""
    return frozenset(tx.execute(_WATCHED).scalars())


def _changed(query: AnySelect, since: datetime | None) -> AnySelect:
    return query if since is None else query.where(CONTACTS.c.updated_at >= now_param("changed_since"))


_LIVE = (M.c.segment == bindparam("segment_")) & M.c.left_at.is_(None)
_FADED = (
    select(M.c.id, M.c.contact_id)
    .where(_LIVE, M.c.fading_since <= now_param("before"))
    .order_by(M.c.contact_id)
    .limit(limit_param("most"))
)
_FIRST_FADING = select(func.min(M.c.fading_since, type_=UtcDateTime)).where(
    _LIVE, M.c.fading_since > now_param("after")
)
_ANYONE_CHANGED = select(CONTACTS.c.id).where(CONTACTS.c.updated_at > now_param("after")).limit(1)
_LEAVE = (
    update(M)
    .where(among(M.c.id), M.c.left_at.is_(None))
    .values(left_at=now_param())
    .returning(M.c.id, M.c.contact_id)
)
_WATCHED = select(M.c.segment).where(M.c.left_at.is_(None)).distinct()


# --- segments that people saved ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Saved:
    """A condition that somebody saved under a name, by whom and when (operational time)."""

    name: str
    title: str
    condition: str
    actor: str
    saved_at: datetime


def saved(tx: Connection) -> dict[str, Saved]:
    """All of them, by name."""
    return {row.name: Saved(*row) for row in tx.execute(_SAVED)}


def save(tx: Connection, segment: Saved) -> None:
    """Keep it, in the place of one of the same name."""
    tx.execute(
        _save(tx.dialect.name),
        {
            "name": segment.name,
            "title": segment.title,
            "condition": segment.condition,
            "actor": segment.actor,
            "saved_at": segment.saved_at,
        },
    )


def forget(tx: Connection, name: str) -> bool:
    """Delete a saved segment; False when there is none."""
    gone = delete(SAVED).where(SAVED.c.name == bindparam("name_")).returning(SAVED.c.name)
    return tx.execute(gone, {"name_": name}).first() is not None


_SAVED = select(SAVED.c.name, SAVED.c.title, SAVED.c.condition, SAVED.c.actor, SAVED.c.saved_at).order_by(
    SAVED.c.name
)


@cache
def _save(dialect: str) -> Insert:
    insert = insert_into(SAVED, dialect).values(
        name=bindparam("name"),
        title=bindparam("title"),
        condition=bindparam("condition"),
        actor=bindparam("actor"),
        saved_at=now_param("saved_at"),
    )
    return insert.on_conflict_do_update(
        index_elements=[SAVED.c.name],
        set_={name: insert.excluded[name] for name in ("title", "condition", "actor", "saved_at")},
    )
