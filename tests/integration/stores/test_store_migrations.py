"""The tables come up all at once or not at all, and nobody works on tables that are not theirs."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import MetaData, inspect, text

from nurture.db import contact_import, contacts, events, migrate, state
from nurture.db.contact_import import NewContact
from nurture.db.session import Database
from nurture.db.tables import Base
from tests.support.stores import NOW

KILLED_AFTER = """
import os, signal, sys
from sqlalchemy import Engine, event
from nurture.db import migrate
from nurture.db.session import Database

left = int(sys.argv[2])

@event.listens_for(Engine, "after_cursor_execute")
def count(connection, cursor, statement, *rest):
    global left
    if statement.strip().startswith("CREATE"):
        left -= 1
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)

migrate.upgrade(Database(sys.argv[1]))
"""


@pytest.fixture
def empty(any_empty_database: str) -> Iterator[Database]:
    database = Database(any_empty_database)
    yield database
    database.dispose()


@pytest.fixture
def database(any_database: str) -> Iterator[Database]:
    database = Database(any_database)
    yield database
    database.dispose()


def tables(database: Database) -> set[str]:
    with database.write() as tx:
        return set(inspect(tx).get_table_names())


def test_an_upgrade_makes_exactly_the_tables_that_the_rows_describe(empty: Database) -> None:
    before = migrate.status(empty)

    migrate.upgrade(empty)

    assert before == (None, migrate.head())
    assert migrate.status(empty) == (migrate.head(), migrate.head())
    with empty.write() as tx:
        context = MigrationContext.configure(tx, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []


def test_an_upgrade_twice_changes_nothing_and_keeps_the_key_of_the_suppression_list(
    database: Database,
) -> None:
    with database.read() as tx:
        key = state.hash_key(tx)

    assert migrate.upgrade(database) == (migrate.head(), migrate.head())
    with database.read() as tx:
        assert state.hash_key(tx) == key


def test_upgrades_at_once_wait_for_each_other(empty: Database, any_empty_database: str) -> None:
    others = [Database(any_empty_database) for _ in range(4)]

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(migrate.upgrade, others))

    migrate.require_head(empty)


@pytest.mark.parametrize("statement", [1, 12, 40])
def test_an_upgrade_killed_halfway_leaves_nothing_and_the_next_one_works(
    empty: Database, any_empty_database: str, statement: int
) -> None:
    killed = subprocess.run(
        [sys.executable, "-c", KILLED_AFTER, any_empty_database, str(statement)],
        check=False,
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
    )
    left = tables(empty)

    migrate.upgrade(empty)

    assert killed.returncode == -signal.SIGKILL
    assert left == set()
    migrate.require_head(empty)


def test_a_database_without_tables_names_the_remedy(empty: Database) -> None:
    with pytest.raises(migrate.SchemaError, match=r"no tables yet.*nurture db upgrade"):
        migrate.require_head(empty)


def test_tables_of_a_newer_nurture_are_left_alone(database: Database) -> None:
    with database.write() as tx:
        tx.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    with pytest.raises(migrate.SchemaError, match="newer nurture"):
        migrate.require_head(database)
    with pytest.raises(migrate.SchemaError, match="newer nurture"):
        migrate.upgrade(database)


def test_tables_of_somebody_else_are_left_alone(empty: Database) -> None:
    with empty.write() as tx:
        tx.execute(text("CREATE TABLE contacts (id INTEGER)"))

    with pytest.raises(migrate.SchemaError, match=r"not ours \(contacts\)"):
        migrate.upgrade(empty)

    assert tables(empty) == {"contacts"}


def test_a_file_of_another_program_is_left_alone_whatever_its_tables_are_called(
    empty_sqlite_url: str,
) -> None:
    file = Path(empty_sqlite_url.removeprefix("sqlite:///"))
    with closing(sqlite3.connect(file)) as theirs:
        theirs.execute("CREATE TABLE orders (id INTEGER)")
    before = file.read_bytes()
    database = Database(empty_sqlite_url)

    with pytest.raises(migrate.SchemaError, match=r"not ours \(orders\).*NURTURE_DATABASE_URL"):
        migrate.upgrade(database)

    assert file.read_bytes() == before
    database.dispose()


def test_another_program_that_migrates_like_us_is_not_taken_for_a_newer_nurture(empty: Database) -> None:
    with empty.write() as tx:
        tx.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32))"))
        tx.execute(text("INSERT INTO alembic_version VALUES ('theirs')"))

    with pytest.raises(migrate.SchemaError, match="not ours"):
        migrate.upgrade(empty)


def test_the_id_of_a_deleted_row_is_never_given_to_another(database: Database) -> None:
    insert = text(
        "INSERT INTO contacts (email, email_key, email_hash, tags, score, fields, created_at, updated_at)"
        " VALUES (:mail, :mail, :mail, '[]', 0, '{}', '2026-03-02 09:00:00', '2026-03-02 09:00:00') RETURNING id"
    )
    with database.write() as tx:
        first = tx.execute(insert, {"mail": "ana@example.org"}).scalar_one()
        tx.execute(text("DELETE FROM contacts"))

        assert tx.execute(insert, {"mail": "bea@example.org"}).scalar_one() > first


# --- from one release to the next -----------------------------------------------------------------------------------

PEOPLE = ("ana", "bea", "carl")


def as_the_first_release_left_it(database: Database) -> None:
    """Three contacts with their enrollments, in tables as 0001 made them; written by nothing of today."""
    engine = migrate._engine(database)
    with database.connected(engine) as tx, tx.begin():
        config = migrate._config(migrate.MIGRATIONS)
        config.attributes["connection"] = tx
        command.upgrade(config, "0001")
        old = MetaData()
        old.reflect(tx)
        at = "2026-03-02 14:00:00+00:00" if not database.embedded else "2026-03-02 14:00:00.000000"
        for number, name in enumerate(PEOPLE, start=1):
            tx.exec_driver_sql(
                "INSERT INTO contacts (email, email_key, email_hash, first_name, tags, score, fields,"
                f" created_at, updated_at) VALUES ('{name}@example.org', '{name}@example.org', 'h{number}',"
                f" '{name.title()}', '[]', 0, '{{}}', '{at}', '{at}')"
            )
            tx.exec_driver_sql(
                "INSERT INTO events (contact_id, name, at, arrived_at, data, source, human)"
                f" VALUES ({number}, 'a.happened', '{at}', '{at}', '{{}}', 'test', true)"
            )
        assert "outcomes" not in old.tables
    engine.dispose()


def test_a_database_of_the_first_release_is_refused_then_upgraded_and_keeps_everything(
    empty: Database,
) -> None:
    as_the_first_release_left_it(empty)
    with pytest.raises(migrate.SchemaError, match="nurture db upgrade"):
        migrate.require_head(empty)

    before, after = migrate.upgrade(empty)

    assert (before, after) == ("0001", migrate.head())
    with empty.write() as tx:
        context = MigrationContext.configure(tx, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []
        found = contacts.by_email(tx, [f"{name}@example.org" for name in PEOPLE])
        assert [one.first_name for one in found.values()] == ["Ana", "Bea", "Carl"]
        rows = tx.execute(text("SELECT sort_name, active_at = created_at FROM contacts ORDER BY id")).all()
        assert [(name.strip(), bool(same)) for name, same in rows] == [(name, True) for name in PEOPLE]
        assert len(events.of_contact(tx, 1)) == 1
        made = contact_import.upsert(tx, [NewContact(email="dora@example.org")], NOW)
        assert made.created == [4]
