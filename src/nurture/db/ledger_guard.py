"""What makes the ledger of permission append-only in the database itself, whatever program writes to it.

A row is never changed and never deleted, but where somebody is forgotten, or what shows their device is kept no longer:
that says so in its own transaction (``erasing``).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection

from nurture.db import state
from nurture.db.sets import POSTGRES
from nurture.model.clock import system_time

ERASING = "erasing"


@contextmanager
def erasing(tx: Connection) -> Iterator[None]:
    """Within it rows of the guarded tables may be deleted, and lose a proof, by this transaction only."""
    state.put(tx, ERASING, {}, system_time())
    yield
    state.clear(tx, ERASING)


def guard(dialect: str) -> list[str]:
    """The statements that guard the ledger.

    Whoever rebuilds one of its tables (SQLite changes a constraint only so) runs these again: its triggers go with it.
    """
    if dialect == POSTGRES:
        triggers = (_ON_POSTGRES, _NO_EMPTYING)
        return [_REFUSE, *(each.format(table=table) for table in _WORDS for each in triggers)]
    return [
        each.format(table=table, words=", ".join(words))
        for table, words in _WORDS.items()
        for each in (_NO_UPDATE, _NO_DELETE, _NO_REPLACING, *((_NO_BLANKING,) if table == "consents" else ()))
    ]


_WORDS = {
    "consents": (
        *("id", "contact_id", "channel", "purpose", "action", "at", "source", "wording", "wording_version"),
        *("expires_at", "event_id", "implied", "actor"),
    ),
    "suppression_changes": (
        *("id", "address_hash", "channel", "change", "reason", "at", "source", "actor", "request"),
    ),
}
"""What nobody changes, ever: every column but ``proof``, whose network address an erasure may blank in time."""
_REFUSE = """
CREATE OR REPLACE FUNCTION keep_ledger() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_LEVEL = 'ROW' AND EXISTS (SELECT 1 FROM state WHERE name = 'erasing') THEN
        IF TG_OP = 'DELETE' THEN
            RETURN OLD;
        ELSIF to_jsonb(NEW) - 'proof' = to_jsonb(OLD) - 'proof' THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'the ledger of permission is append-only' USING ERRCODE = 'integrity_constraint_violation';
END
$$"""
_ON_POSTGRES = """
CREATE TRIGGER keep_{table} BEFORE UPDATE OR DELETE ON {table}
FOR EACH ROW EXECUTE FUNCTION keep_ledger()"""
_NO_EMPTYING = """
CREATE TRIGGER keep_{table}_all BEFORE TRUNCATE ON {table}
FOR EACH STATEMENT EXECUTE FUNCTION keep_ledger()"""
_NO_UPDATE = """
CREATE TRIGGER keep_{table} BEFORE UPDATE OF {words} ON {table}
BEGIN SELECT RAISE(ABORT, 'the ledger of permission is append-only'); END"""
_NO_BLANKING = """
CREATE TRIGGER keep_{table}_proof BEFORE UPDATE OF proof ON {table}
WHEN NOT EXISTS (SELECT 1 FROM state WHERE name = 'erasing')
BEGIN SELECT RAISE(ABORT, 'the ledger of permission is append-only'); END"""
_NO_DELETE = """
CREATE TRIGGER keep_{table}_whole BEFORE DELETE ON {table}
WHEN NOT EXISTS (SELECT 1 FROM state WHERE name = 'erasing')
BEGIN SELECT RAISE(ABORT, 'the ledger of permission is append-only'); END"""
# INSERT OR REPLACE deletes the row in its way without asking the triggers of a deletion. A new row has no number yet.
_NO_REPLACING = """
CREATE TRIGGER keep_{table}_row BEFORE INSERT ON {table}
WHEN NEW.id > 0 AND EXISTS (SELECT 1 FROM {table} WHERE id = NEW.id)
BEGIN SELECT RAISE(ABORT, 'the ledger of permission is append-only'); END"""
