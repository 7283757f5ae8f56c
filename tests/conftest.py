"""What every test may ask for: a fresh database on either backend, a real broker, an environment without surprises."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from sqlalchemy import URL, Engine, create_engine, event
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.util import LRUCache

from nurture.db import session
from nurture.workers.valkey import EmbeddedValkey
from tests.support.servers import Postgres, Spares, running_postgres

LEVELS = ("unit", "integration", "e2e", "browser")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test's level is its folder."""
    tests = Path(__file__).parent
    for item in items:
        level = item.path.relative_to(tests).parts[0]
        if level in LEVELS:
            item.add_marker(level)


@pytest.fixture(autouse=True)
def _a_clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("NURTURE_") and not name.startswith("NURTURE_TEST_"):
            monkeypatch.delenv(name)


@pytest.fixture(scope="session", autouse=True)
def _quick_databases() -> Iterator[None]:
    """What one long-lived process has anyway, for the hundreds of databases that tests open and drop.

    Every database of a kind shares the statements that were compiled for it, and the files are not forced to the disk:
    no test cuts the power, and what a killed process wrote is in the kernel's hands.
    """
    with pytest.MonkeyPatch.context() as patch:
        compiled: dict[str, LRUCache[Any, Any]] = {}
        make, on_disk = create_engine, session.sqlite_engine

        def sharing(url: URL, **options: Any) -> Engine:
            known = compiled.setdefault(url.get_backend_name(), LRUCache(2_000))
            return make(url, execution_options={"compiled_cache": known}, **options)

        def unforced(url: URL, **options: Any) -> Engine:
            engine = on_disk(url, **options)
            event.listen(
                engine, "connect", lambda connection, _: connection.execute("PRAGMA synchronous = OFF")
            )
            return engine

        patch.setattr(session, "create_engine", sharing)
        patch.setattr(session, "sqlite_engine", unforced)
        patch.setattr(DefaultDialect, "__eq__", lambda one, other: type(one) is type(other))
        patch.setattr(DefaultDialect, "__hash__", lambda one: hash(type(one)))
        yield


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Postgres]:
    """One real PostgreSQL server for each test process."""
    with running_postgres() as server:
        yield server


@pytest.fixture(scope="session")
def _migrated_postgres(postgres_server: Postgres) -> Iterator[URL]:
    address = postgres_server.create()
    migrate(address)
    yield address
    postgres_server.drop(address)


@pytest.fixture(scope="session")
def _spare_postgres(postgres_server: Postgres, _migrated_postgres: URL) -> Spares:
    return Spares(postgres_server, _migrated_postgres)


@pytest.fixture(scope="session")
def _migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("sqlite") / "migrated.db"
    migrate(URL.create("sqlite", database=str(file)))
    return file


@pytest.fixture
def empty_postgres_url(postgres_server: Postgres) -> Iterator[str]:
    """The address of a new PostgreSQL database without tables."""
    address = postgres_server.create()
    yield text(address)
    postgres_server.drop(address)


@pytest.fixture
def postgres_url(_spare_postgres: Spares) -> Iterator[str]:
    """The address of a PostgreSQL database with our tables, all empty and as if new."""
    address = _spare_postgres.lend()
    yield text(address)
    _spare_postgres.take_back(address)


@pytest.fixture
def empty_sqlite_url(tmp_path: Path) -> str:
    """The address of a SQLite file that is not there yet."""
    return f"sqlite:///{tmp_path / 'empty.db'}"


@pytest.fixture
def sqlite_url(tmp_path: Path, _migrated_sqlite: Path) -> str:
    """The address of a new SQLite file with our tables, all empty."""
    return f"sqlite:///{shutil.copy(_migrated_sqlite, tmp_path / 'nurture.db')}"


@pytest.fixture(params=["sqlite", "postgres"])
def any_database(request: pytest.FixtureRequest) -> str:
    """The address of a new database with our tables: the test runs on both backends."""
    return str(request.getfixturevalue(f"{request.param}_url"))


@pytest.fixture(params=["sqlite", "postgres"])
def any_empty_database(request: pytest.FixtureRequest) -> str:
    """The address of a new database without tables: the test runs on both backends."""
    return str(request.getfixturevalue(f"empty_{request.param}_url"))


@pytest.fixture(scope="session")
def _valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedValkey]:
    server = EmbeddedValkey(tmp_path_factory.mktemp("valkey"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def valkey_url(_valkey: EmbeddedValkey) -> str:
    """The address of a real, empty Valkey server."""
    with redis.Redis.from_url(_valkey.url) as client:
        client.flushall()
    return _valkey.url


def migrate(address: URL) -> None:
    from nurture.db.migrate import upgrade
    from nurture.db.session import Database

    database = Database(address)
    upgrade(database)
    database.dispose()


def text(address: URL) -> str:
    return address.render_as_string(hide_password=False)
