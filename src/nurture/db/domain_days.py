"""How much mail each receiving domain took from us each day, and how many bounces and complaints came back.

It counts and adds up. Whether a domain is to be left alone for a while is decided in ``services.sending.domains``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass
from datetime import date
from functools import cache

from sqlalchemy import Connection, Insert, Text, bindparam, func, literal_column, select, true

from nurture.db.sets import among, given, insert_into, pairs, run_on
from nurture.db.tables import DomainDayRow, table_of

T = table_of(DomainDayRow)


@dataclass(frozen=True, slots=True)
class Counted:
    """What is to be added for one domain on one day (of operational time, in UTC). Below zero takes back.

    ``sender`` is a name of nurture.toml; what comes back (bounces, complaints) is counted without one.
    """

    domain: str
    day: date
    sender: str = ""
    sent: int = 0
    bounced: int = 0
    complained: int = 0


@dataclass(frozen=True, slots=True)
class Sums:
    """The mail to one domain since some day, of all senders together."""

    domain: str
    sent: int
    bounced: int
    complained: int

    @property
    def complaint_rate(self) -> float:
        """The share of messages that were called spam; 0 for a domain that got none."""
        return self.complained / self.sent if self.sent else 0.0


def count(tx: Connection, counted: Iterable[Counted]) -> None:
    """Add all of these, in one statement. Call it last in a transaction: the rows are shared by all workers."""
    sums: dict[tuple[str, str, str], list[int]] = {}
    for one in counted:
        row = sums.setdefault((one.sender, one.domain, one.day.isoformat()), [0, 0, 0])
        for at, number in enumerate((one.sent, one.bounced, one.complained)):
            row[at] += number
    rows = [
        {"sender": sender, "domain": domain, "day": day, "sent": s, "bounced": b, "complained": c}
        # In one order, so that two workers never wait for each other.
        for (sender, domain, day), (s, b, c) in sorted(sums.items())
        if s or b or c
    ]
    if rows:
        run_on(tx, _count, rows)


def sent_by(tx: Connection, senders: Set[str], day: date) -> dict[str, int]:
    """How many messages each of these senders had sent on this day; those without any are left out."""
    return pairs(tx.execute(_SENT_BY, {"names": senders, "day": day.isoformat()}))


def complained_of(tx: Connection, since: date, at_least: int) -> list[Sums]:
    """The domains from which so many complaints came since that day, with all that went there, the worst first."""
    rows = tx.execute(_COMPLAINED, {"since": since.isoformat(), "at_least": at_least})
    return sorted((Sums(*row) for row in rows), key=lambda one: (-one.complaint_rate, one.domain))


def of_domains(tx: Connection, domains: Set[str], since: date) -> dict[str, Sums]:
    """What went to these domains since that day, and came back."""
    rows = tx.execute(_OF_DOMAINS, {"names": domains, "since": since.isoformat()})
    return {row.domain: Sums(*row) for row in rows}


def complaints_of(tx: Connection, domain: str, since: date) -> dict[str, int]:
    """How many complaints came from this domain on each day since then (YYYY-MM-DD); days without are left out."""
    return pairs(tx.execute(_COMPLAINTS, {"domain": domain, "since": since.isoformat()}))


def largest(tx: Connection, since: date, most: int) -> Sequence[Sums]:
    """The domains that most mail went to since that day."""
    rows = tx.execute(_LARGEST, {"since": since.isoformat(), "most": most})
    return [Sums(*row) for row in rows]


def forget(tx: Connection, before: date) -> None:
    """Forget the days before this one."""
    tx.execute(T.delete().where(T.c.day < _SINCE), {"since": before.isoformat()})


# --- statements -------------------------------------------------------------------------------------------------

_SINCE = bindparam("since", type_=Text)
_SUMS = (T.c.domain, func.sum(T.c.sent), func.sum(T.c.bounced), func.sum(T.c.complained))
_RECENT = select(*_SUMS).where(T.c.day >= _SINCE).group_by(T.c.domain)
_OF_DOMAINS = _RECENT.where(among(T.c.domain, "names"))
# By their index of complaints alone; how many there are is added up for those few.
_COMPLAINING = select(T.c.domain).where(T.c.day >= _SINCE, T.c.complained > literal_column("0"))
_COMPLAINED = _RECENT.where(T.c.domain.in_(_COMPLAINING)).having(
    func.sum(T.c.complained) >= bindparam("at_least")
)
_COMPLAINTS = (
    select(T.c.day, func.sum(T.c.complained))
    .where(
        T.c.domain == bindparam("domain", type_=Text), T.c.day >= _SINCE, T.c.complained > literal_column("0")
    )
    .group_by(T.c.day)
)
_LARGEST = _RECENT.order_by(func.sum(T.c.sent).desc(), T.c.domain).limit(bindparam("most"))
_SENT_BY = (
    select(T.c.sender, func.sum(T.c.sent))
    .where(among(T.c.sender, "names"), T.c.day == bindparam("day", type_=Text))
    .group_by(T.c.sender)
)


@cache
def _count(dialect: str) -> Insert:
    names = ("sender", "domain", "day", "sent", "bounced", "complained")
    row = given(dialect, **{name: T.c[name] for name in names})
    # WHERE true: SQLite would read ON CONFLICT as the join condition of the SELECT before it.
    insert = insert_into(T, dialect).from_select(
        names, select(*(row.c[name] for name in names)).where(true()), include_defaults=False
    )
    added = {name: T.c[name] + insert.excluded[name] for name in ("sent", "bounced", "complained")}
    return insert.on_conflict_do_update(index_elements=[T.c.sender, T.c.domain, T.c.day], set_=added)
