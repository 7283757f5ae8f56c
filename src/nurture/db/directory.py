"""The list of contacts as people look through it: searched, filtered, sorted, a page at a time.

Each page is one statement for who is on it, and one for each thing that is told of them. It changes nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Text,
    and_,
    bindparam,
    exists,
    func,
    literal_column,
    not_,
    or_,
    select,
)

from nurture.db.conditions import Condition
from nurture.db.contacts import CONTACTS
from nurture.db.sets import AnySelect, among, holds, limit_param, now_param, word
from nurture.db.tables import ConsentRow, DeliveryRow, EnrollmentRow, EventRow, SuppressionRow, table_of
from nurture.model.matching import CONCLUDED
from nurture.model.words import Channel, DeliveryState, Phase, Status, SuppressionReason

E = table_of(EnrollmentRow)
D = table_of(DeliveryRow)
EVENTS = table_of(EventRow)
S = table_of(SuppressionRow)
C = table_of(ConsentRow)

MOST_WORDS = 8
LONGEST_WORD = 80


class Order(StrEnum):
    ACTIVITY = "activity"
    """Who did something last comes first; who never did counts from when they came."""
    NAME = "name"


class Reach(StrEnum):
    """Why somebody cannot be written to: the address is closed, they left, or never gave permission."""

    SUPPRESSED = "suppressed"
    UNSUBSCRIBED = "unsubscribed"
    NO_CONSENT = "no-consent"


NOT_ENROLLED = "none"
"""The status of those who were never in a workflow."""
NOBODY = "-"
"""The owner of those who have none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Whom to list: every word of ``text`` is somewhere in name, address or phone; empty filters let everybody pass."""

    text: str = ""
    workflow: str = ""
    stage: str = ""
    step: str = ""
    """Where live enrollments stand."""
    status: str = ""
    """A ``Status``, or ``NOT_ENROLLED``."""
    tag: str = ""
    owner: str = ""
    segment: str = ""
    """Whoever asks brings its condition along."""
    reach: Reach | None = None


@dataclass(frozen=True, slots=True)
class Position:
    """The last contact of a page. ``active_at`` is where it stood when sorted by activity, None when by name."""

    contact_id: int
    active_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """One enrollment, as far as a list tells it. ``wake_at`` is when it is looked at next, whatever happens."""

    contact_id: int
    workflow: str
    stage: str
    status: Status
    step: str | None
    phase: Phase
    resting: bool
    due: datetime | None
    wake_at: datetime | None
    end_reason: str | None
    trouble: str | None


@dataclass(frozen=True, slots=True)
class Touch:
    """The last thing between us and a contact: a mail of ours (``template``), or something they did (``event``)."""

    at: datetime
    template: str | None = None
    event: str | None = None


def page(
    tx: Connection,
    wanted: Wanted,
    order: Order,
    now: datetime,
    *,
    after: Position | None = None,
    most: int,
    fits: Condition | None = None,
) -> list[Position]:
    """Who is on the page that follows ``after``, in this order; at most ``most``. ``fits`` is the segment's condition."""
    values: dict[str, Any] = {"now": now, "most": most}
    query = _ORDERED[order].where(*_conditions(wanted, values))
    if fits is not None:
        query = query.where(fits)
    if after is not None:
        query = query.where(_FOLLOWS[order])
        values |= {"last": after.contact_id, "last_active": after.active_at}
    return [
        Position(row.id, row.key if order is Order.ACTIVITY else None)
        for row in tx.execute(query.limit(limit_param("most")), values)
    ]


def count(tx: Connection, wanted: Wanted, now: datetime, *, most: int, fits: Condition | None = None) -> int:
    """How many there are in all, counted up to ``most``."""
    values: dict[str, Any] = {"now": now, "most": most}
    found = select(CONTACTS.c.id).where(*_conditions(wanted, values))
    if fits is not None:
        found = found.where(fits)
    counted = select(func.count()).select_from(found.limit(limit_param("most")).subquery())
    return tx.execute(counted, values).scalar_one()


def places(tx: Connection, contact_ids: Collection[int]) -> dict[int, list[Place]]:
    """Every enrollment of these contacts, oldest first; those who have none are left out."""
    found: dict[int, list[Place]] = {}
    if contact_ids:
        for row in tx.execute(_PLACES, {"ids": contact_ids}):
            values = dict(zip(_PLACE, row, strict=True))
            place = Place(**values | {"status": Status(row.status), "phase": Phase(row.phase)})
            found.setdefault(row.contact_id, []).append(place)
    return found


def last_touches(tx: Connection, contact_ids: Collection[int]) -> dict[int, Touch]:
    """The last mail that went to each contact, or what they did since; those with neither are left out."""
    if not contact_ids:
        return {}
    touches = {
        row.contact_id: Touch(row.ended_at, template=row.template)
        for row in tx.execute(_LAST_MAILS, {"ids": contact_ids})
    }
    for row in tx.execute(_LAST_EVENTS, {"ids": contact_ids}):
        known = touches.get(row.contact_id)
        if known is None or known.at <= row.arrived_at:
            touches[row.contact_id] = Touch(row.arrived_at, event=row.name)
    return touches


# --- who is listed ----------------------------------------------------------------------------------------------


def _conditions(wanted: Wanted, values: dict[str, Any]) -> Iterator[ColumnElement[bool]]:
    """What the rows must fulfil; the values of its parameters go into ``values``."""
    yield from _words(wanted.text, values)
    yield from _standing(wanted, values)
    if wanted.tag:
        values["tag"] = wanted.tag
        yield holds(CONTACTS.c.tags, "tag")
    if wanted.owner == NOBODY:
        yield CONTACTS.c.owner.is_(None)
    elif wanted.owner:
        values["owner"] = wanted.owner
        yield CONTACTS.c.owner == bindparam("owner")
    if wanted.reach is not None:
        yield _REACH[wanted.reach]


def _words(text: str, values: dict[str, Any]) -> Iterator[ColumnElement[bool]]:
    for number, one in enumerate(text.split()[:MOST_WORDS]):
        ways = []
        for way, spelling in enumerate(_spellings(one[:LONGEST_WORD])):
            name = f"word_{number}_{way}"
            values[name] = f"%{_escaped(spelling)}%"
            ways.append(_TOLD.like(bindparam(name, type_=Text), escape="\\"))
        yield or_(*ways)


def _spellings(one: str) -> list[str]:
    """The word as the database may hold it: SQLite lowers the letters of English only, so É is looked for beside é.

    What looks like a piece of a phone number is looked for without its punctuation too.
    """
    spellings = [_english_lower(way) for way in (one.lower(), one.upper(), one.title())]
    digits = "".join(letter for letter in one if letter.isdigit())
    if digits and not one.strip("0123456789+-./()"):
        spellings.append(digits)
    return list(dict.fromkeys(spellings))


def _english_lower(text: str) -> str:
    return "".join(letter.lower() if letter.isascii() else letter for letter in text)


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _standing(wanted: Wanted, values: dict[str, Any]) -> Iterator[ColumnElement[bool]]:
    """Has an enrollment that is all of this at once; a step is where somebody stands now."""
    if wanted.status == NOT_ENROLLED:
        yield not_(exists().where(E.c.contact_id == CONTACTS.c.id))
        return
    asked: dict[str, str] = {
        "workflow": wanted.workflow,
        "stage": wanted.stage,
        "step": wanted.step,
        "status": wanted.status or (Status.ACTIVE.value if wanted.step else ""),
    }
    asked = {name: value for name, value in asked.items() if value}
    if asked:
        values |= asked
        # As a set, found once: asked contact by contact, SQLite would search the whole workflow for each.
        standing = select(E.c.contact_id).where(*(E.c[name] == bindparam(name) for name in asked))
        yield CONTACTS.c.id.in_(standing)


# --- statements -------------------------------------------------------------------------------------------------

_active_at, _sort_name = CONTACTS.c.active_at, CONTACTS.c.sort_name
# One text to look in. No index serves a fragment in the middle of a word: a rare one reads every contact once.
_TOLD: ColumnElement[str] = literal_column(
    "lower(coalesce(first_name, '') || ' ' || coalesce(last_name, '') || ' ' || email_key || ' ' ||"
    " coalesce(phone, ''))",
    Text,
)
_ORDERED: Mapping[Order, AnySelect] = {
    # Served by ix_contacts_active_at_id and ix_contacts_sort_name_id: a page reads its own rows only.
    Order.ACTIVITY: select(CONTACTS.c.id, _active_at.label("key")).order_by(
        _active_at.desc(), CONTACTS.c.id.desc()
    ),
    Order.NAME: select(CONTACTS.c.id).order_by(_sort_name, CONTACTS.c.id),
}
_LAST = CONTACTS.alias("last_one")
_last_name = select(_LAST.c.sort_name).where(_LAST.c.id == bindparam("last")).scalar_subquery()
_FOLLOWS: Mapping[Order, ColumnElement[bool]] = {
    Order.ACTIVITY: and_(
        _active_at <= now_param("last_active"),
        or_(_active_at < now_param("last_active"), CONTACTS.c.id < bindparam("last")),
    ),
    Order.NAME: and_(
        _sort_name >= _last_name, or_(_sort_name > _last_name, CONTACTS.c.id > bindparam("last"))
    ),
}
_ADDRESS_CLOSED = and_(S.c.channel == word(Channel.EMAIL), S.c.address_hash == CONTACTS.c.email_hash)
_PHONE_CLOSED = and_(S.c.channel == word(Channel.PHONE), S.c.address_hash == CONTACTS.c.phone_hash)
_later = C.alias("later")
_is_last_word = not_(
    exists().where(
        _later.c.contact_id == C.c.contact_id,
        _later.c.channel == C.c.channel,
        _later.c.purpose == C.c.purpose,
        _later.c.id > C.c.id,
    )
)
_by_mail = and_(C.c.contact_id == CONTACTS.c.id, C.c.channel == word(Channel.EMAIL), _is_last_word)
_REACH: Mapping[Reach, ColumnElement[bool]] = {
    Reach.SUPPRESSED: exists().where(or_(_ADDRESS_CLOSED, _PHONE_CLOSED)),
    Reach.UNSUBSCRIBED: or_(
        exists().where(_ADDRESS_CLOSED, S.c.reason == word(SuppressionReason.UNSUBSCRIBED)),
        exists().where(_by_mail, C.c.action == literal_column("'withdrawn'")),
    ),
    Reach.NO_CONSENT: not_(
        exists().where(
            _by_mail,
            C.c.action == literal_column("'granted'"),
            or_(C.c.expires_at.is_(None), C.c.expires_at > now_param()),
        )
    ),
}

_PLACE = tuple(field.name for field in fields(Place))
_PLACES = select(*(E.c[name] for name in _PLACE)).where(among(E.c.contact_id)).order_by(E.c.id)
_last_mails = (
    select(func.max(D.c.id).label("id"))
    .where(among(D.c.contact_id), D.c.state == word(DeliveryState.SENT), D.c.channel == word(Channel.EMAIL))
    .group_by(D.c.contact_id)
    .subquery()
)
_LAST_MAILS = select(D.c.contact_id, D.c.template, D.c.ended_at).join(_last_mails, _last_mails.c.id == D.c.id)
_last_events = (
    select(func.max(EVENTS.c.id).label("id"))
    .where(
        among(EVENTS.c.contact_id),
        EVENTS.c.human.is_(True),
        EVENTS.c.name.not_in([literal_column(f"'{name}'") for name in sorted(CONCLUDED)]),
    )
    .group_by(EVENTS.c.contact_id)
    .subquery()
)
_LAST_EVENTS = select(EVENTS.c.contact_id, EVENTS.c.name, EVENTS.c.arrived_at).join(
    _last_events, _last_events.c.id == EVENTS.c.id
)
