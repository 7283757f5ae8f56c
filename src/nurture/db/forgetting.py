"""Take people out of the database: every row that is theirs, and their address wherever somebody wrote it down.

Set-based, for one or for hundreds at once. What stays is the keyed hash on the suppression list, and deeds of our own
people that no longer say to whom.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Table,
    Text,
    and_,
    bindparam,
    cast,
    delete,
    func,
    literal,
    or_,
    select,
    union_all,
    update,
)

from nurture.db.ledger_guard import erasing
from nurture.db.personal import (
    AUDIT,
    CONTACTS,
    DELIVERIES,
    ENROLLMENTS,
    EVENTS,
    HOLDINGS,
    NOTICES,
    OUTCOMES,
    REPORTS,
    REQUESTS,
    SUPPRESSIONS,
    TASKS,
    Fate,
    Holding,
    Who,
)
from nurture.db.sets import POSTGRES, among, now_param, word
from nurture.db.tables import (
    Base,
    ConsentRow,
    EnrollmentRow,
    HitRow,
    PauseRow,
    RefusalRow,
    SavedSegmentRow,
    StateRow,
    TransitionRow,
    TurnRow,
    table_of,
)
from nurture.model.mentions import without
from nurture.model.words import DeliveryState

NOBODY = "contact:erased"
GONE = "[erased]"
"""What stands where an address was that somebody wrote down elsewhere."""
KEPT = "kept after an erasure"


def count(tx: Connection, who: Who) -> dict[str, int]:
    """How many rows of each table are theirs; tables without any are left out."""
    parts = [
        select(literal(one.table.name).label("name"), func.count().label("number")).where(one.whose)
        for one in HOLDINGS
    ]
    found = tx.execute(union_all(*parts), dict(who.parameters()))
    return {name: number for name, number in found if number}


def rows(tx: Connection, holding: Holding, who: Who) -> list[dict[str, Any]]:
    """Their rows of this table, as they are stored, oldest first."""
    query = select(holding.table).where(holding.whose).order_by(*holding.table.primary_key)
    return [dict(row) for row in tx.execute(query, dict(who.parameters())).mappings()]


def lock(tx: Connection, who: Who) -> None:
    """Nobody else decides, sends or stores anything for them until this transaction ends. SQLite has one writer anyway."""
    if tx.dialect.name == POSTGRES:
        for query in _LOCKS:
            tx.execute(query, {"people": who.ids}).all()


def in_dialogue(tx: Connection, who: Who, operational: datetime) -> bool:
    """Is a mail to one of them being handed over just now, by somebody who lives?"""
    values = {**who.parameters(), "operational": operational}
    return bool(tx.execute(_IN_DIALOGUE, values).scalar_one())


def papers(tx: Connection, who: Who) -> frozenset[str]:
    """The keys of all mail to them or about them, and of the lists of calls of the days on which they were to be called."""
    values = dict(who.parameters())
    sent = tx.execute(_KEYS, values).scalars()
    ours = tx.execute(_MESSAGE_IDS, values).scalars()
    lists = tx.execute(_LISTS, {"people": who.ids}).scalars()
    return frozenset([*sent, *(one[1:].partition("@")[0] for one in [*ours, *lists])])


def forget(tx: Connection, who: Who) -> dict[str, int]:
    """Delete and blank their rows; returns how many of each table. Raises IntegrityError when one came meanwhile."""
    values = dict(who.parameters())
    gone: dict[str, int] = {}
    with erasing(tx):
        for table in reversed(Base.metadata.sorted_tables):
            if table in _DELETES:
                gone[table.name] = tx.execute(_DELETES[table], values).rowcount
    gone[AUDIT.name] = tx.execute(_BLANK, {"subjects": who.subjects}).rowcount
    tx.execute(_UNSAY, {"hashes": values["hashes"]})
    return {name: number for name, number in gone.items() if number}


def drop_lists(tx: Connection, who: Who) -> int:
    """Delete the lists of calls that wait to be sent and may name them; returns how many."""
    return tx.execute(_PENDING_LISTS, {"people": who.ids}).rowcount


# --- words of others ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Mention:
    """A row that is not theirs, and names them: which, and how it reads without."""

    table: Table
    key: Any
    without: Mapping[str, Any]


def mentions(tx: Connection, keys: Collection[str]) -> list[Mention]:
    """Every row, of whomever, in which somebody wrote down one of these addresses. It reads whole tables."""
    return [
        found for table, columns in WORDS.items() for found in _mentions(tx, table, columns, frozenset(keys))
    ]


def unsay(tx: Connection, found: Sequence[Mention]) -> None:
    """Take the addresses out of these rows."""
    with erasing(tx):
        for one in found:  # a handful at most: nobody writes an address into thousands of rows of others
            (column,) = one.table.primary_key
            tx.execute(
                update(one.table).where(column == bindparam("key_")).values(**one.without), {"key_": one.key}
            )


WORDS: Mapping[Table, tuple[str, ...]] = {
    CONTACTS: ("first_name", "last_name", "tags", "fields"),
    EVENTS: ("data", "source", "external_id"),
    REQUESTS: ("answers", "proof"),
    DELIVERIES: ("offer", "payload", "detail"),
    OUTCOMES: ("data",),
    REPORTS: ("because",),
    NOTICES: ("subject", "detail"),
    AUDIT: ("subject", "detail"),
    table_of(ConsentRow): ("proof",),
    table_of(EnrollmentRow): ("end_reason", "trouble"),
    table_of(TurnRow): ("decisions",),
    table_of(TransitionRow): ("reason",),
    table_of(RefusalRow): ("reason",),
    table_of(HitRow): ("agent",),
    table_of(PauseRow): ("reason",),
    table_of(SavedSegmentRow): ("title", "condition"),
    table_of(StateRow): ("value",),
}
"""Where people and other systems write what they like, or a mail server's answer is kept."""


def _mentions(
    tx: Connection, table: Table, columns: Sequence[str], keys: frozenset[str]
) -> Iterator[Mention]:
    (key,) = table.primary_key
    # As it is written, or in a link: %40.
    some = or_(
        *(
            cast(table.c[name], Text).like(pattern, escape="!")
            for name in columns
            for pattern in ("%@%", "%!%%40%")
        )
    )
    for number, *values in tx.execute(select(key, *(table.c[name] for name in columns)).where(some)):
        clean = [_without(value, lambda text: without(text, keys, GONE)) for value in values]
        changed = {name: new for name, new, old in zip(columns, clean, values, strict=True) if new != old}
        if changed:
            ids = {name: f"{new}:{number}" for name, new in changed.items() if table.c[name].unique}
            yield Mention(table, number, changed | ids)  # what told two rows apart still does


def _without(value: Any, clean: Callable[[str], str]) -> Any:
    """``value`` with every text in it cleaned, names of fields too."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, Mapping):
        return {clean(name): _without(one, clean) for name, one in value.items()}
    if isinstance(value, list):
        return [_without(one, clean) for one in value]
    return value


# --- statements -------------------------------------------------------------------------------------------------

_DELETES = {one.table: delete(one.table).where(one.whose) for one in HOLDINGS if one.fate is Fate.DELETED}
_BLANK = update(AUDIT).where(among(AUDIT.c.subject, "subjects")).values(subject=NOBODY, detail={})
_UNSAY = update(SUPPRESSIONS).where(among(SUPPRESSIONS.c.address_hash, "hashes")).values(source=KEPT)

# The contact first, as whatever stores events does.
_LOCKS = (
    select(CONTACTS.c.id)
    .where(among(CONTACTS.c.id, "people"))
    .order_by(CONTACTS.c.id)
    .with_for_update(key_share=True),
    *(
        select(table.c.id).where(among(table.c.contact_id, "people")).order_by(table.c.id).with_for_update()
        for table in (ENROLLMENTS, DELIVERIES, TASKS)
    ),
)
_SENDING = word(DeliveryState.SENDING)
_NOTICES_OF = next(one.whose for one in HOLDINGS if one.table is NOTICES)
_IN_DIALOGUE = select(
    or_(
        select(DELIVERIES.c.id)
        .where(
            among(DELIVERIES.c.contact_id, "people"),
            DELIVERIES.c.state == _SENDING,
            DELIVERIES.c.lease_until > now_param("operational"),
        )
        .exists(),
        select(NOTICES.c.id)
        .where(_NOTICES_OF, NOTICES.c.state == _SENDING, NOTICES.c.lease_until > now_param("operational"))
        .exists(),
    )
)
_KEYS = select(DELIVERIES.c.key).where(among(DELIVERIES.c.contact_id, "people"))
_MESSAGE_IDS = select(NOTICES.c.message_id).where(_NOTICES_OF)


def _lists() -> ColumnElement[bool]:
    """The lists of calls that were planned while one of them was to be called: they may name them."""
    meanwhile = and_(
        TASKS.c.appeared_at <= NOTICES.c.planned_at,
        or_(TASKS.c.ended_at.is_(None), TASKS.c.ended_at >= NOTICES.c.planned_at),
    )
    call = select(TASKS.c.id).where(among(TASKS.c.contact_id, "people"), meanwhile)
    return and_(NOTICES.c.kind == literal("digest"), call.correlate(NOTICES).exists())


_LISTS = select(NOTICES.c.message_id).where(_lists())
_PENDING_LISTS = delete(NOTICES).where(_lists(), NOTICES.c.state == word(DeliveryState.PENDING))
