"""Visits to the links and pictures of messages, noted at once and judged later, and where links lead.

A visit is only ever added; its grade is written when it is settled, and may rise to a human's, never fall from it. Who
it is taken for is decided in ``engine.grading``.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

from sqlalchemy import (
    Connection,
    Insert,
    Integer,
    Update,
    bindparam,
    case,
    func,
    literal_column,
    or_,
    select,
    update,
)

from nurture.db.sets import (
    ONE,
    AnyRow,
    among,
    given,
    insert_into,
    insert_rows,
    limit_param,
    now_param,
    pairs,
    run_on,
    same_row,
    word,
)
from nurture.db.tables import ContactRow, DeliveryRow, HitRow, TargetRow, table_of
from nurture.model.visits import Grade, Hit, HitKind, Sign
from nurture.model.words import DeliveryState

H = table_of(HitRow)
TARGETS = table_of(TargetRow)
D = table_of(DeliveryRow)
CONTACTS = table_of(ContactRow)

MOST_IN_AN_HOUR = 60
"""Visits to one message that are noted in any hour: a flood must not fill the table, and no person comes so often."""
HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewHit:
    """A visit as it came. ``key`` is the message's; ``mark`` is the same for what one visitor asks again within seconds."""

    key: str
    mark: str
    kind: HitKind
    at: datetime
    target: str | None = None
    method: str = "GET"
    agent: str = ""
    place_hash: str = ""
    because: tuple[Sign, ...] = ()


@dataclass(frozen=True, slots=True)
class Visited:
    """A message that was visited: what it was, and when it had left (None: nobody knows)."""

    id: int
    key: str
    contact_id: int
    locale: str | None
    enrollment_id: int | None
    step: str
    visit: int
    template: str
    template_hash: str | None
    sent_at: datetime | None


@dataclass(frozen=True, slots=True)
class Judged:
    """A visit and who it is taken for; ``event_id`` is the event that tells of it."""

    id: int
    grade: Grade
    because: tuple[Sign, ...]
    event_id: int | None = None


# --- targets --------------------------------------------------------------------------------------------------------


def keep_targets(tx: Connection, targets: Mapping[str, str], now: datetime) -> None:
    """Write down where links lead, by their keys; what is known already stays as it is."""
    rows = [{"key": key, "url": url, "first_at": now} for key, url in sorted(targets.items())]
    insert_rows(tx, TARGETS, rows, skip_conflicts=True)


def targets(tx: Connection, keys: Collection[str]) -> dict[str, str]:
    """Where these links lead; unknown keys are left out."""
    return pairs(tx.execute(_TARGETS, {"keys": keys})) if keys else {}


# --- visits ---------------------------------------------------------------------------------------------------------


def note(tx: Connection, hit: NewHit) -> None:
    """Note a visit. One of a message that is gone, one noted within seconds, and a flood's are left out."""
    values = {
        "of_key": hit.key,
        "mark": hit.mark,
        "kind": hit.kind.value,
        "target": hit.target,
        "at": hit.at,
        "method": hit.method,
        "agent": hit.agent,
        "place_hash": hit.place_hash,
        "because": [sign.value for sign in hit.because],
        "since": hit.at - HOUR,
    }
    tx.execute(_note(tx.dialect.name), values)


def unsettled(tx: Connection, before: datetime, ahead: datetime, most: int) -> dict[int, datetime]:
    """Messages with visits that wait for their grade since ``before``, oldest first: ``{delivery id: its first such}``.

    At most ``most`` visits are looked at. One that lies ``ahead`` was noted while the clock was wrong, and waits no longer.
    """
    rows = tx.execute(_UNSETTLED, {"before": before, "ahead": ahead, "most": most})
    return {row.delivery_id: row.at for row in rows}


def of_deliveries(tx: Connection, delivery_ids: Collection[int], since: datetime) -> dict[int, list[Hit]]:
    """The visits to these messages after a moment, oldest first."""
    found: dict[int, list[Hit]] = {}
    for row in tx.execute(_OF_DELIVERIES, {"ids": delivery_ids, "since": since}):
        found.setdefault(row.delivery_id, []).append(_hit(row))
    return found


def visited(tx: Connection, delivery_ids: Collection[int]) -> dict[int, Visited]:
    """The messages with these ids."""
    return {row.id: _visited(row) for row in tx.execute(_VISITED, {"ids": delivery_ids})}


def settle(tx: Connection, judged: Sequence[Judged]) -> None:
    """Write down the grades. A human's is never lowered, whoever settles at the same time."""
    rows = [
        {
            "id": one.id,
            "grade": one.grade.value,
            "because": [sign.value for sign in one.because],
            "event_id": one.event_id,
        }
        for one in judged
    ]
    if rows:
        run_on(tx, _settle, rows)


# --- what pages show ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Response:
    """How one message, or many, were answered: each message counts once in each, people and machines apart.

    A message that a person opened or clicked is in the human's figure only.
    """

    opened: int = 0
    opened_by_machine: int = 0
    clicked: int = 0
    clicked_by_machine: int = 0


NO_RESPONSE = Response()


def responses(tx: Connection, delivery_ids: Collection[int]) -> dict[int, Response]:
    """How each of these messages was answered; those that nobody visited are left out."""
    grades: dict[int, dict[str, set[str]]] = {}
    if delivery_ids:
        for row in tx.execute(_RESPONSES, {"ids": delivery_ids}):
            grades.setdefault(row.delivery_id, {}).setdefault(row.kind, set()).add(row.grade)
    return {id_: _response(kinds) for id_, kinds in grades.items()}


def _response(kinds: Mapping[str, set[str]]) -> Response:
    opens, clicks = kinds.get(HitKind.OPEN, set()), kinds.get(HitKind.CLICK, set())
    human = Grade.HUMAN.value
    return Response(
        opened=int(human in opens),
        opened_by_machine=int(bool(opens) and human not in opens),
        clicked=int(human in clicks),
        clicked_by_machine=int(bool(clicks) and human not in clicks),
    )


def of_workflow(tx: Connection, workflow: str) -> dict[str, Response]:
    """How the messages of each step of a workflow were answered, over all its versions."""
    counted: dict[str, dict[str, int]] = {}
    for row in tx.execute(_OF_WORKFLOW, {"workflow": workflow}):
        name = _FIGURES[(row.kind, bool(row.human))]
        counted.setdefault(row.step, {})[name] = row.number
    return {step: Response(**figures) for step, figures in counted.items()}


_FIGURES = {
    (HitKind.OPEN.value, True): "opened",
    (HitKind.OPEN.value, False): "opened_by_machine",
    (HitKind.CLICK.value, True): "clicked",
    (HitKind.CLICK.value, False): "clicked_by_machine",
}

# --- statements -----------------------------------------------------------------------------------------------------

_TARGETS = select(TARGETS.c.key, TARGETS.c.url).where(among(TARGETS.c.key, "keys"))
ZERO = literal_column("0", Integer)
_GIVEN = ("mark", "kind", "target", "at", "method", "agent", "place_hash", "because")
_IN_AN_HOUR = (
    select(func.count())
    .select_from(H)
    .where(H.c.delivery_id == D.c.id, H.c.at > now_param("since"))
    .correlate(D)
    .scalar_subquery()
)


@cache
def _note(dialect: str) -> Insert:
    of_message = (
        select(D.c.id, D.c.contact_id, *(bindparam(name, type_=H.c[name].type) for name in _GIVEN))
        .join(CONTACTS, CONTACTS.c.id == D.c.contact_id)
        .where(D.c.key == bindparam("of_key"), MOST_IN_AN_HOUR > _IN_AN_HOUR)
    )
    names = ("delivery_id", "contact_id", *_GIVEN)
    return (
        insert_into(H, dialect)
        .from_select(names, of_message, include_defaults=False)
        .on_conflict_do_nothing()
    )


# The visits first, then their messages: grouped at once, SQLite would read every visit there ever was.
_WAITING = (
    select(H.c.delivery_id, H.c.at)
    .where(H.c.grade.is_(None), or_(H.c.at <= now_param("before"), H.c.at > now_param("ahead")))
    .order_by(H.c.at)
    .limit(limit_param("most"))
    .subquery()
)
_UNSETTLED = (
    select(_WAITING.c.delivery_id, func.min(_WAITING.c.at).label("at"))
    .group_by(_WAITING.c.delivery_id)
    .order_by(func.min(_WAITING.c.at))
)
_HIT = tuple(
    H.c[name]
    for name in (
        "id",
        "kind",
        "at",
        "target",
        "method",
        "agent",
        "place_hash",
        "grade",
        "because",
        "delivery_id",
    )
)
_OF_DELIVERIES = (
    select(*_HIT).where(among(H.c.delivery_id), H.c.at > now_param("since")).order_by(H.c.at, H.c.id)
)
_VISITED = (
    select(
        *(D.c.id, D.c.key, D.c.contact_id, CONTACTS.c.locale, D.c.enrollment_id, D.c.step, D.c.visit),
        *(D.c.template, D.c.template_hash, D.c.state, D.c.ended_at),
    )
    .join(CONTACTS, CONTACTS.c.id == D.c.contact_id)
    .where(among(D.c.id))
)
_RESPONSES = (
    select(H.c.delivery_id, H.c.kind, H.c.grade)
    .distinct()
    .where(among(H.c.delivery_id), H.c.grade.is_not(None), H.c.kind != word(HitKind.TRAP))
)
_BY_DELIVERY = (
    select(
        D.c.step,
        H.c.kind,
        func.max(case((H.c.grade == word(Grade.HUMAN), ONE), else_=ZERO)).label("human"),
    )
    .join(H, H.c.delivery_id == D.c.id)
    .where(D.c.workflow == bindparam("workflow"), H.c.grade.is_not(None), H.c.kind != word(HitKind.TRAP))
    .group_by(D.c.id, D.c.step, H.c.kind)
    .subquery()
)
_OF_WORKFLOW = select(
    _BY_DELIVERY.c.step, _BY_DELIVERY.c.kind, _BY_DELIVERY.c.human, func.count().label("number")
).group_by(_BY_DELIVERY.c.step, _BY_DELIVERY.c.kind, _BY_DELIVERY.c.human)


@cache
def _settle(dialect: str) -> Update:
    row = given(dialect, id=H.c.id, grade=H.c.grade, because=H.c.because, event_id=H.c.event_id)
    return (
        update(H)
        .where(same_row(dialect, H.c.id, row), or_(H.c.grade.is_(None), H.c.grade != word(Grade.HUMAN)))
        .values(
            grade=row.c.grade,
            because=row.c.because,
            event_id=func.coalesce(row.c.event_id, H.c.event_id),
        )
    )


def _hit(row: AnyRow) -> Hit:
    return Hit(
        id=row.id,
        kind=HitKind(row.kind),
        at=row.at,
        target=row.target,
        method=row.method,
        agent=row.agent,
        place=row.place_hash,
        grade=Grade(row.grade) if row.grade else None,
        because=tuple(Sign(sign) for sign in row.because),
    )


def _visited(row: AnyRow) -> Visited:
    left = DeliveryState(row.state) is DeliveryState.SENT
    return Visited(
        id=row.id,
        key=row.key,
        contact_id=row.contact_id,
        locale=row.locale,
        enrollment_id=row.enrollment_id,
        step=row.step,
        visit=row.visit,
        template=row.template,
        template_hash=row.template_hash,
        sent_at=row.ended_at if left else None,
    )
