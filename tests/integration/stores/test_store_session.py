"""Transactions end well or not at all; a wrong address is one clear sentence without the password."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from pathlib import Path
from threading import Barrier

import pytest
from sqlalchemy import Connection, inspect, select, text
from sqlalchemy.exc import DBAPIError, StatementError

from nurture.db import contacts, events, session, state
from nurture.db.events import NewEvent
from nurture.db.session import CommitUnknownError, Database, UnreachableError
from nurture.model.errors import NurtureError, SettingsError
from tests.support.stores import NOW, people


@pytest.fixture
def database(any_store: str) -> Iterator[Database]:
    database = Database(any_store)
    yield database
    database.dispose()


def test_what_was_written_is_there_and_what_was_broken_off_is_not(database: Database) -> None:
    with database.write() as tx:
        state.put(tx, "kept", {"n": 1}, NOW)
    with pytest.raises(RuntimeError), database.write() as tx:  # noqa: PT012 - the block is the transaction
        state.put(tx, "lost", {"n": 2}, NOW)
        raise RuntimeError

    with database.read() as tx:
        assert (state.get(tx, "kept"), state.get(tx, "lost")) == ({"n": 1}, None)


def test_a_reader_sees_one_moment_and_cannot_write(database: Database) -> None:
    with database.write() as tx:
        people(tx, "ana")
    with database.read() as reader:
        before = contacts.count(reader)
        with database.write() as tx:
            people(tx, "bea")
        after = contacts.count(reader)
    with pytest.raises(DBAPIError), database.read() as reader:
        state.put(reader, "sneaked", {}, NOW)

    assert (before, after) == (1, 1)
    with database.write() as tx:
        assert contacts.count(tx) == 2
        assert state.get(tx, "sneaked") is None


def test_writers_at_once_lose_no_update(database: Database, any_store: str) -> None:
    def add(_: int) -> None:
        own = Database(any_store)
        for _ in range(20):
            own.retrying(count_one)
        own.dispose()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(add, range(6)))

    with database.read() as tx:
        assert state.get(tx, "counter") == {"n": 120}


def count_one(tx: Connection) -> None:
    if tx.dialect.name != "sqlite":
        tx.execute(text("SELECT pg_advisory_xact_lock(7)"))
    counted = state.get(tx, "counter") or {"n": 0}
    state.put(tx, "counter", {"n": counted["n"] + 1}, NOW)


def test_a_writer_of_sqlite_keeps_the_others_in_the_queue_until_it_ends(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/nurture.db")

    def is_free() -> bool:
        with (tmp_path / "nurture.db-queue").open("ab") as other_process:
            try:
                fcntl.flock(other_process, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
        return True

    with database.write():
        free_while_writing = is_free()
    with database.read():
        free_while_reading = is_free()

    assert (free_while_writing, free_while_reading) == (False, True)
    database.dispose()


def test_a_queue_that_cannot_be_opened_is_a_database_that_cannot_be_reached(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/nurture.db")
    (tmp_path / "nurture.db-queue").mkdir()

    with pytest.raises(UnreachableError, match="queue"), database.write():
        pass

    database.dispose()


def test_a_deadlock_is_tried_again(postgres_url: str) -> None:
    database = Database(postgres_url)
    with database.write() as tx:
        ana, bea = people(tx, "ana", "bea")
    both_hold_one = Barrier(2)

    def cross(first: int, second: int) -> int:
        tries = 0

        def work(tx: Connection) -> None:
            nonlocal tries
            tries += 1
            contacts.lock(tx, [first])
            if tries == 1:
                both_hold_one.wait(timeout=20)
            contacts.lock(tx, [second])

        database.retrying(work)
        return tries

    with ThreadPoolExecutor(2) as pool:
        tries = [one.result() for one in (pool.submit(cross, ana, bea), pool.submit(cross, bea, ana))]

    assert sorted(tries) == [1, 2]
    database.dispose()


def test_a_lost_connection_before_the_commit_is_tried_again(postgres_url: str) -> None:
    database = Database(postgres_url)
    tries = []

    def work(tx: Connection) -> None:
        tries.append(1)
        state.put(tx, "once", {"tries": len(tries)}, NOW)
        if len(tries) == 1:
            mine = tx.execute(text("SELECT pg_backend_pid()")).scalar_one()
            with database.write() as other:
                other.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": mine})
        state.get(tx, "once")

    database.retrying(work)

    with database.read() as tx:
        assert state.get(tx, "once") == {"tries": 2}
    database.dispose()


def test_a_connection_lost_at_the_commit_is_never_blindly_repeated(postgres_url: str) -> None:
    database = Database(postgres_url)
    tries = []

    def work(tx: Connection) -> None:
        tries.append(1)
        state.put(tx, "once", {}, NOW)
        mine = tx.execute(text("SELECT pg_backend_pid()")).scalar_one()
        with database.write() as other:
            other.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": mine})

    with pytest.raises(CommitUnknownError):
        database.retrying(work)

    assert len(tries) == 1
    database.dispose()


def test_instants_come_back_aware_and_naive_ones_are_refused(database: Database) -> None:
    elsewhere = datetime(2026, 3, 2, 14, 30, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    with database.write() as tx:
        (ana,) = people(tx, "ana")
        events.store(tx, [NewEvent(contact_id=ana, name="a.b", at=elsewhere, arrived_at=NOW)])

        (stored,) = events.of_contact(tx, ana)

    assert (stored.at, stored.at.utcoffset()) == (NOW, timedelta(0))
    naive = NOW.replace(tzinfo=None)
    with pytest.raises(ValueError, match="naive"), database.write() as tx:
        events.store(tx, [NewEvent(contact_id=ana, name="a.b", at=naive, arrived_at=NOW)])
    with pytest.raises(StatementError, match="naive"), database.write() as tx:
        tx.execute(select(contacts.CONTACTS).where(contacts.CONTACTS.c.created_at > naive))


def test_a_nul_character_is_refused_in_words_on_both_databases(database: Database) -> None:
    with database.write() as tx:
        (ana,) = people(tx, "ana")
    harmless = NewEvent(contact_id=ana, name="a.b", at=NOW, arrived_at=NOW, data={"text": "\\u0000"})
    poisoned = NewEvent(contact_id=ana, name="a.b", at=NOW, arrived_at=NOW, data={"text": "a\0b"})

    with database.write() as tx:
        events.store(tx, [harmless])
    with pytest.raises(NurtureError, match="NUL"), database.write() as tx:
        events.store(tx, [poisoned])


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("nonsense", "no database address"),
        ("mysql://user:secret@host/db", "does not speak"),
        ("sqlite://", "names no file"),
        ("sqlite:///:memory:", "names no file"),
        ("sqlite:////no/such/folder/at/all.db", "cannot be used"),
        ("sqlite:////tmp", "names the folder /tmp, not a file"),
    ],
)
def test_an_address_that_cannot_be_one_is_refused(address: str, told: str) -> None:
    with pytest.raises(SettingsError, match=told) as refused:
        Database(address)

    assert "secret" not in str(refused.value)


def test_a_server_that_does_not_answer_is_named_without_its_password(tmp_path: Path) -> None:
    database = Database(f"postgresql://ana:secret@/nurture?host={tmp_path}")

    with pytest.raises(UnreachableError, match="NURTURE_DATABASE_URL") as refused, database.read():
        pass

    assert "secret" not in str(refused.value)


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "nurture.db").write_text("This is a letter to my aunt, and quite a long one at that." * 20)
    database = Database(f"sqlite:///{tmp_path / 'nurture.db'}")

    with pytest.raises(UnreachableError, match=r"not a database .*name another file"), database.write():
        pass


def test_a_file_that_has_no_room_left_is_told_as_that_and_keeps_what_it_had(sqlite_url: str) -> None:
    database = Database(sqlite_url)

    def fill() -> None:
        with database.write() as tx:
            tx.exec_driver_sql("CREATE TABLE letters (words TEXT)")
            tx.exec_driver_sql("PRAGMA max_page_count = 1")
            tx.exec_driver_sql("INSERT INTO letters VALUES (zeroblob(1000000))")

    with pytest.raises(UnreachableError, match=r"is full .*free some room"):
        fill()
    with database.read() as tx:
        assert "letters" not in inspect(tx).get_table_names()
    database.dispose()


def test_the_plain_name_of_postgresql_means_our_driver() -> None:
    assert session.read_url("postgres://h/x").drivername == "postgresql+psycopg"
