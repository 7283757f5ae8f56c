"""Does a token mean one secret for ever, and is its use noted no more often than needed?"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from nurture.db import tokens
from nurture.db.session import Database
from nurture.model.accounts import Scope
from tests.support.stores import MINUTE, OPERATIONAL


@pytest.fixture
def database(any_store: str) -> Iterator[Database]:
    database = Database(any_store)
    yield database
    database.dispose()


def test_a_token_is_found_by_its_hash_until_it_is_revoked(database: Database) -> None:
    with database.write() as tx:
        made = tokens.add(tx, "shop", "hash-1", {Scope.EVENTS_WRITE}, OPERATIONAL)

        assert made is not None
        assert tokens.by_hash(tx, "hash-1") == made
        assert tokens.by_hash(tx, "hash-2") is None
        assert (made.may(Scope.EVENTS_WRITE), made.may(Scope.CONTACTS_WRITE)) == (True, False)

        assert tokens.revoke(tx, "shop", OPERATIONAL + MINUTE)
        assert not tokens.revoke(tx, "shop", OPERATIONAL + 2 * MINUTE)
        assert tokens.by_hash(tx, "hash-1") is None
        assert [one.revoked_at for one in tokens.everything(tx)] == [OPERATIONAL + MINUTE]


def test_a_name_is_given_once(database: Database) -> None:
    with database.write() as tx:
        tokens.add(tx, "shop", "hash-1", {Scope.EVENTS_WRITE}, OPERATIONAL)
        tokens.revoke(tx, "shop", OPERATIONAL)

        assert tokens.add(tx, "shop", "hash-2", {Scope.EVENTS_WRITE}, OPERATIONAL) is None


def test_use_is_noted_once_a_minute(database: Database) -> None:
    with database.write() as tx:
        made = tokens.add(tx, "shop", "hash-1", set(Scope), OPERATIONAL)
        assert made is not None

        for seconds in (0, 30, 90):
            now = OPERATIONAL + timedelta(seconds=seconds)
            tokens.note_use(tx, made.id, now, now - MINUTE)
            noted = tokens.everything(tx)[0].used_at

            assert noted == OPERATIONAL + timedelta(seconds=90 if seconds == 90 else 0)
