"""What other systems show to use the API: a name, what it may do, and the hash of a secret. The secret is never here."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, fields
from datetime import datetime

from sqlalchemy import Connection, bindparam, or_, select, update

from nurture.db.sets import insert_rows, now_param
from nurture.db.tables import TokenRow, table_of
from nurture.model.accounts import Scope

T = table_of(TokenRow)


@dataclass(frozen=True, slots=True)
class Token:
    """One token. ``used_at`` is exact to a minute; all times are operational."""

    id: int
    name: str
    scopes: frozenset[Scope]
    created_at: datetime
    used_at: datetime | None
    revoked_at: datetime | None

    def may(self, scope: Scope) -> bool:
        return scope in self.scopes


def add(tx: Connection, name: str, hashed: str, scopes: Collection[Scope], now: datetime) -> Token | None:
    """A new token; None when the name is taken, also by one that was revoked: a name means one secret for ever."""
    row = {"name": name, "hash": hashed, "scopes": sorted(scopes), "created_at": now}
    stored = insert_rows(tx, T, [row], returning=("id",), skip_conflicts=True)
    return Token(stored[0].id, name, frozenset(scopes), now, None, None) if stored else None


def by_hash(tx: Connection, hashed: str) -> Token | None:
    """The token with this hash, if it was not revoked."""
    row = tx.execute(_BY_HASH, {"shown": hashed}).first()
    return _token(*row) if row else None


def note_use(tx: Connection, token_id: int, now: datetime, unless_since: datetime) -> None:
    """It was used, unless that is already known for some moment after ``unless_since``."""
    tx.execute(_NOTE_USE, {"token": token_id, "now": now, "since": unless_since})


def revoke(tx: Connection, name: str, now: datetime) -> bool:
    """Worth nothing from now on; False when there is no such token, or none any more."""
    return tx.execute(_REVOKE, {"called": name, "now": now}).rowcount > 0


def everything(tx: Connection) -> list[Token]:
    """Every token there ever was, by name."""
    return [_token(*row) for row in tx.execute(_ALL)]


_COLUMNS = tuple(T.c[field.name] for field in fields(Token))
_BY_HASH = select(*_COLUMNS).where(T.c.hash == bindparam("shown"), T.c.revoked_at.is_(None))
_ALL = select(*_COLUMNS).order_by(T.c.name)
_NOTE_USE = (
    update(T)
    .where(T.c.id == bindparam("token"), or_(T.c.used_at.is_(None), T.c.used_at < now_param("since")))
    .values(used_at=now_param())
)
_REVOKE = (
    update(T).where(T.c.name == bindparam("called"), T.c.revoked_at.is_(None)).values(revoked_at=now_param())
)


def _token(
    id_: int,
    name: str,
    scopes: list[str],
    created_at: datetime,
    used_at: datetime | None,
    revoked_at: datetime | None,
) -> Token:
    # A scope of a newer program that this one does not know gives nothing.
    known = frozenset(Scope(word) for word in scopes if word in set(Scope))
    return Token(id_, name, known, created_at, used_at, revoked_at)
