"""What came back about our messages: each report noted once, and what followed from it.

It holds no word of anybody and no address but by its hash. What a report means is decided in ``services.inbound``.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from functools import cache

from sqlalchemy import Connection, Update, bindparam, delete, func, literal_column, select, update

from nurture.db.sets import AnyRow, among, given, insert_rows, now_param, pairs, run_on, same_row
from nurture.db.tables import ContactRow, DeliveryRow, NoticeRow, ReportRow, table_of
from nurture.model.returns import Effect, MatchedBy

R = table_of(ReportRow)
D = table_of(DeliveryRow)
N = table_of(NoticeRow)
CONTACTS = table_of(ContactRow)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewReport:
    """What a message that came in says of one recipient. ``fingerprint`` is the same however often it comes.

    ``at`` is when it happened, ``arrived_at`` when we read it; both business time.
    """

    fingerprint: str
    source: str
    kind: str
    at: datetime
    arrived_at: datetime
    status: str | None = None
    because: str = ""
    matched_by: MatchedBy | None = None
    delivery_id: int | None = None
    contact_id: int | None = None
    notice_id: int | None = None
    address_hash: str | None = None


@dataclass(frozen=True, slots=True)
class Followed:
    """What followed from a report: the event that tells of it, if there is one."""

    id: int
    effect: Effect
    event_id: int | None = None


@dataclass(frozen=True, slots=True)
class Softly:
    """A message to an address (by its hash) that did not arrive for a reason that may pass."""

    address_hash: str
    contact_id: int
    arrived_at: datetime


@dataclass(frozen=True, slots=True)
class Reported:
    """A report as people look at it. ``email`` is the contact's, None where there is none."""

    id: int
    kind: str
    status: str | None
    because: str
    source: str
    matched_by: MatchedBy | None
    effect: Effect
    at: datetime
    arrived_at: datetime
    contact_id: int | None
    email: str | None
    delivery_id: int | None
    template: str | None
    enrollment_id: int | None
    stage: str | None
    step: str | None
    notice: str | None
    """The kind of the installation's own mail that it is about."""
    event_id: int | None


def add(tx: Connection, reports: Sequence[NewReport]) -> list[int | None]:
    """Note reports; returns their ids in the same order, None for one that was noted before."""
    rows = [{name: getattr(one, name) for name in _NEW} | {"effect": "nothing"} for one in reports]
    stored = insert_rows(tx, R, rows, returning=("fingerprint", "id"), skip_conflicts=True)
    ids = pairs(stored)
    return [ids.pop(one.fingerprint, None) for one in reports]


def follow(tx: Connection, followed: Sequence[Followed]) -> None:
    """Write down what followed."""
    rows = [{"id": one.id, "effect": one.effect.value, "event_id": one.event_id} for one in followed]
    if rows:
        run_on(tx, _follow, rows)


def softly(tx: Connection, hashes: Collection[str], since: datetime) -> list[Softly]:
    """The soft bounces of these addresses after a moment, that count: each message once."""
    rows = tx.execute(_SOFTLY, {"hashes": hashes, "since": since}) if hashes else ()
    return [Softly(*row) for row in rows]


def page(
    tx: Connection,
    *,
    before: int | None = None,
    limit: int = 50,
    kinds: Collection[str] = (),
    unmatched: bool = False,
) -> list[Reported]:
    """The latest reports, newest first, with ids below ``before``, of some kinds only, or only those about nothing of ours."""
    query = _PAGE
    if kinds:
        query = query.where(among(R.c.kind, "kinds"))
    if unmatched:
        query = query.where(R.c.matched_by.is_(None))
    values = {"before": before or 2**62, "most": limit, "kinds": kinds}
    return [_reported(row) for row in tx.execute(query, values)]


def of_contact(tx: Connection, contact_id: int) -> list[Reported]:
    """Every report about a message to this contact, oldest first."""
    return [_reported(row) for row in tx.execute(_OF_CONTACT, {"contact": contact_id})]


def counts(tx: Connection, since: datetime) -> dict[str, int]:
    """How many reports of each kind came after a moment."""
    return pairs(tx.execute(_COUNTS, {"since": since}))


def unmatched(tx: Connection, since: datetime) -> dict[str, int]:
    """How many reports of each kind came after a moment that are about no message of ours."""
    return pairs(tx.execute(_UNMATCHED, {"since": since}))


def forget_unmatched(tx: Connection, before: datetime) -> int:
    """Forget what was about no message of ours and came before a moment; returns how many."""
    return tx.execute(_FORGET, {"before": before}).rowcount


# --- statements -------------------------------------------------------------------------------------------------

_NEW = tuple(field.name for field in fields(NewReport))
_SOFTLY = (
    select(R.c.address_hash, R.c.contact_id, R.c.arrived_at)
    .where(
        among(R.c.address_hash, "hashes"),
        R.c.kind == literal_column("'soft'"),
        R.c.event_id.is_not(None),
        R.c.arrived_at > now_param("since"),
    )
    .order_by(R.c.arrived_at)
)
_SHOWN = (
    select(
        R.c.id,
        R.c.kind,
        R.c.status,
        R.c.because,
        R.c.source,
        R.c.matched_by,
        R.c.effect,
        R.c.at,
        R.c.arrived_at,
        R.c.contact_id,
        CONTACTS.c.email,
        R.c.delivery_id,
        D.c.template,
        D.c.enrollment_id,
        D.c.stage,
        D.c.step,
        N.c.kind.label("notice"),
        R.c.event_id,
    )
    .select_from(R)
    .outerjoin(CONTACTS, CONTACTS.c.id == R.c.contact_id)
    .outerjoin(D, D.c.id == R.c.delivery_id)
    .outerjoin(N, N.c.id == R.c.notice_id)
)
_PAGE = _SHOWN.where(R.c.id < bindparam("before")).order_by(R.c.id.desc()).limit(bindparam("most"))
_OF_CONTACT = _SHOWN.where(R.c.contact_id == bindparam("contact")).order_by(R.c.id)
_TALLY = select(R.c.kind, func.count()).where(R.c.arrived_at > now_param("since")).group_by(R.c.kind)
_COUNTS = _TALLY
_UNMATCHED = _TALLY.where(R.c.matched_by.is_(None))
_FORGET = delete(R).where(R.c.matched_by.is_(None), R.c.arrived_at < now_param("before"))


@cache
def _follow(dialect: str) -> Update:
    row = given(dialect, id=R.c.id, effect=R.c.effect, event_id=R.c.event_id)
    return (
        update(R).where(same_row(dialect, R.c.id, row)).values(effect=row.c.effect, event_id=row.c.event_id)
    )


def _reported(row: AnyRow) -> Reported:
    values: Mapping[str, object] = dict(zip(Reported.__slots__, row, strict=True))
    by = values["matched_by"]
    return Reported(
        **{  # type: ignore[arg-type]
            **values,
            "matched_by": MatchedBy(str(by)) if by else None,
            "effect": Effect(str(values["effect"])),
        }
    )
