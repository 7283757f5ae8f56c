"""One database of each kind for all store tests, emptied after each: a new one for every test would cost minutes."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import URL, delete

from nurture.db.ledger_guard import ERASING, erasing
from nurture.db.session import Database
from nurture.db.state import HASH_KEY, STATE
from nurture.db.tables import Base
from tests.support.servers import Postgres


@pytest.fixture(scope="session")
def _postgres_store(postgres_server: Postgres, _migrated_postgres: URL) -> Iterator[str]:
    address = postgres_server.create(template=str(_migrated_postgres.database))
    yield address.render_as_string(hide_password=False)
    postgres_server.drop(address)


@pytest.fixture(scope="session")
def _sqlite_store(tmp_path_factory: pytest.TempPathFactory, _migrated_sqlite: Path) -> str:
    return f"sqlite:///{shutil.copy(_migrated_sqlite, tmp_path_factory.mktemp('store') / 'nurture.db')}"


@pytest.fixture(params=["sqlite", "postgres"])
def any_store(request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of a database with our tables, all empty: the test runs on both backends."""
    address = str(request.getfixturevalue(f"_{request.param}_store"))
    yield address
    database = Database(address)
    empty(database)
    database.dispose()


def empty(database: Database) -> None:
    """Delete every row but the key of the address hashes."""
    with database.write() as tx, erasing(tx):
        for table in reversed(Base.metadata.sorted_tables):
            rows = delete(table)
            tx.execute(rows.where(STATE.c.name.not_in((HASH_KEY, ERASING))) if table is STATE else rows)
