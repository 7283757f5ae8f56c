"""The way to the database: one address, SQLite or PostgreSQL, and transactions that end well or not at all.

It creates no tables and hides no fault: what a person can mend is said in one sentence, without the password.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from mmap import ACCESS_READ, mmap
from pathlib import Path
from threading import Lock
from typing import Any, TypeVar
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.pool import ConnectionPoolEntry

from nurture.model.errors import NurtureError, SettingsError

T = TypeVar("T")

BUSY_SECONDS = 30
"""How long a SQLite writer waits for the one before it."""
CONNECT_SECONDS = 10
ATTEMPTS = 6
"""How often work is tried when the database breaks it off through no fault of ours."""
FIRST_PAUSE = 0.02

# PostgreSQL's words for "try again": serialization failure, deadlock.
_AGAIN = frozenset({"40001", "40P01"})


# What is wrong with the file itself, by SQLite's primary codes.
_REMEDIES = {
    sqlite3.SQLITE_BUSY: "another program holds it: end that one, or try again",
    sqlite3.SQLITE_READONLY: "make the file and its folder writable",
    sqlite3.SQLITE_FULL: "free some room on the disk, and do it again",
    sqlite3.SQLITE_CORRUPT: "put the last good copy back",
    sqlite3.SQLITE_NOTADB: "it is left as it is: name another file in NURTURE_DATABASE_URL",
}


class UnreachableError(NurtureError):
    """The database does not answer, or its file cannot be used. Nothing of this transaction was written."""

    @property
    def sentence(self) -> str:
        """A page does not say where the database is; whoever runs it reads that in the log."""
        return "The database does not answer just now, and nothing was changed: please try again in a minute."


class CommitUnknownError(NurtureError):
    """The connection broke while a transaction was being committed: it may have happened or not.

    Fences and natural keys make it safe to do the work again; what must not happen twice is read again by its key.
    """

    @property
    def sentence(self) -> str:
        """As above, without the place."""
        return "The database went away while it was writing: please look whether it was done before you try again."


class Database:
    """One database. Make it after a fork, not before; its connections belong to the process.

    ``url`` is ``sqlite:///PATH`` or ``postgresql+psycopg://…``. Raises SettingsError when it is neither, or when the
    driver is missing.
    """

    def __init__(self, url: str | URL, *, pool_size: int = 8) -> None:
        self.url = read_url(url)
        self.embedded = self.url.get_backend_name() == "sqlite"
        self.place = self.url.render_as_string(hide_password=True)
        """The address as it may be shown: the password is masked."""
        if self.embedded:
            _ensure_folder(self.url)
            self._turn: Callable[[], AbstractContextManager[None]] = Queue(self.url).turn
            self._writer = sqlite_engine(self.url, pool_size=pool_size)
            self._reader = sqlite_engine(self.url, pool_size=pool_size, read_only=True)
        else:
            self._turn = nullcontext
            self._writer = postgres_engine(self.url, pool_size=pool_size)
            # One snapshot for everything a page or a report reads. Same pool: it is the options that differ.
            self._reader = self._writer.execution_options(
                isolation_level="REPEATABLE READ", postgresql_readonly=True
            )

    @property
    def exists(self) -> bool:
        """False for a SQLite file that nobody has made yet; a server is asked by connecting."""
        return not self.embedded or Path(self.url.database or "").exists()

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction: committed at the end of the block, rolled back by any exception.

        SQLite's is BEGIN IMMEDIATE, so that it never has to become a writer halfway. Raises UnreachableError when
        no connection can be made, CommitUnknownError when the connection broke at COMMIT.
        """
        with self.connected(self._writer) as tx, self._turn(), tx.begin() as transaction:
            yield tx
            if transaction.is_active:
                self._commit(tx, transaction.commit)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One snapshot that cannot write, whatever others commit meanwhile."""
        with self.connected(self._reader) as tx, tx.begin():
            yield tx

    def retrying(self, work: Callable[[Connection], T], *, attempts: int = ATTEMPTS) -> T:
        """``work`` in a transaction; tried again after a deadlock, a serialization failure or a lost connection.

        Only what was certainly rolled back is tried again. ``work`` may run several times: it must have no effect
        outside the database. Raises what the last attempt raised.
        """
        for attempt in range(1, attempts):
            try:
                with self.write() as tx:
                    return work(tx)
            except DBAPIError as error:
                if not worth_another_try(error):
                    raise
            _pause(attempt)
        with self.write() as tx:
            return work(tx)

    def analyze(self) -> None:
        """Have PostgreSQL count its tables anew. After very many new rows it would plan by the old sizes for a minute."""
        if not self.embedded:
            with self.write() as tx:
                tx.exec_driver_sql("ANALYZE")

    def wipe(self, words: Collection[str] | None = None) -> bool:
        """Leave nothing that was deleted in the bytes of the SQLite file, which keeps old pages for a while.

        The write-ahead log is emptied; where one of these words is still found, or none is named, the whole file is
        written anew, so that only what is there is in it. Returns False when readers of an older state kept it from
        that: try again later. A server is asked nothing: its files are its own.
        """
        if not self.embedded:
            return True
        with self.connected(self._writer) as connection:
            driver = connection.connection.driver_connection
            assert isinstance(driver, sqlite3.Connection)
            if words is not None and _empty_log(driver) and not self._holds(words):
                return True
            with self._turn():
                driver.execute("VACUUM")
                return _empty_log(driver)

    def _holds(self, words: Collection[str]) -> bool:
        """Does any file of the database hold one of these words, however deep?"""
        path = self.url.database or ""
        sought = [word.encode() for word in words if word]
        return any(_file_holds(Path(f"{path}{end}"), sought) for end in ("", "-wal"))

    def dispose(self) -> None:
        """Close every idle connection."""
        self._writer.dispose()
        self._reader.dispose()

    @contextmanager
    def connected(self, engine: Engine) -> Iterator[Connection]:
        """A connection of ``engine``; raises UnreachableError when there is none to be had.

        So does a block in which SQLite finds its file full, locked, read-only or damaged: nothing of it is kept.
        """
        try:
            connection = engine.connect()
        except DBAPIError as error:
            usual = "check NURTURE_DATABASE_URL, and that " + (
                "the folder is there and may be written" if self.embedded else "the server runs"
            )
            raise UnreachableError(
                f"the database {self.place} cannot be opened: {_first_line(error)}",
                hint=_REMEDIES.get(_sqlite_code(error), usual),
            ) from error
        with connection:
            try:
                yield connection
            except DBAPIError as error:
                remedy = _REMEDIES.get(_sqlite_code(error))
                if remedy is None or engine is self._reader:  # a reader that writes is a mistake of ours
                    raise
                raise UnreachableError(
                    f"the database {self.place} cannot be used: {_first_line(error)}", hint=remedy
                ) from error

    def _commit(self, tx: Connection, commit: Callable[[], None]) -> None:
        try:
            commit()
        except DBAPIError as error:
            if error.connection_invalidated or tx.invalidated:
                raise CommitUnknownError(
                    f"the connection to {self.place} broke while a change was being saved; it may or may not be there",
                    hint="nothing is lost: the work is read again by its key and goes on",
                ) from error
            raise


def worth_another_try(error: DBAPIError) -> bool:
    """Was the transaction rolled back by the database, for reasons that pass?"""
    return error.connection_invalidated or getattr(error.orig, "sqlstate", None) in _AGAIN


def read_url(url: str | URL) -> URL:
    """The address, checked; ``postgres://`` and ``postgresql://`` mean psycopg. Raises SettingsError."""
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise SettingsError(
            "NURTURE_DATABASE_URL is no database address",
            hint="write sqlite:///var/nurture.db or postgresql+psycopg://user:password@host/name",
        ) from error
    if parsed.drivername in ("postgres", "postgresql"):
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.drivername not in ("sqlite", "sqlite+pysqlite", "postgresql+psycopg"):
        raise SettingsError(
            f"NURTURE_DATABASE_URL names the database kind '{parsed.drivername}', which nurture does not speak",
            hint="use sqlite:///… or postgresql+psycopg://…",
        )
    if parsed.get_backend_name() == "sqlite" and parsed.database in (None, "", ":memory:"):
        raise SettingsError(
            "NURTURE_DATABASE_URL names no file", hint="write sqlite:///var/nurture.db, for example"
        )
    return parsed


class Queue:
    """Where the writers of a SQLite file wait for each other, in whatever process: the next one wakes at once.

    SQLite itself lets them sleep and ask again, up to a tenth of a second each time. This only orders them: what keeps
    the database whole is SQLite's own lock. The system frees the place of a process that dies.
    """

    def __init__(self, url: URL) -> None:
        self._path = Path(f"{url.database}-queue")
        self._ours = Lock()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for our turn, and keep it until the block ends. Raises UnreachableError."""
        with self._ours, ExitStack() as stack:
            try:
                file = stack.enter_context(self._path.open("ab"))
                fcntl.flock(file, fcntl.LOCK_EX)
            except OSError as error:
                raise UnreachableError(
                    f"the writers' queue {self._path} cannot be used: {error.strerror}",
                    hint="check that the database's folder is there and may be written",
                ) from error
            yield


def sqlite_engine(
    url: URL, *, pool_size: int = 8, read_only: bool = False, foreign_keys: bool = True
) -> Engine:
    """SQLite for many threads and processes: WAL, every commit on disk, writers queue up instead of failing."""
    if read_only:
        # The file is opened read-only; temporary tables, in which sets travel, are not part of it.
        url = url.set(database=f"file:{quote(url.database or '')}?mode=ro", query={"uri": "true"})
    engine = create_engine(
        url,
        pool_size=pool_size,
        max_overflow=32,
        connect_args={"timeout": BUSY_SECONDS},
        hide_parameters=True,  # an error that is logged must not tell who is in it
    )
    begin = "BEGIN" if read_only else "BEGIN IMMEDIATE"

    @event.listens_for(engine, "connect")
    def _prepare(connection: sqlite3.Connection, _record: ConnectionPoolEntry) -> None:
        # The driver must not open transactions of its own: it would begin them deferred, and upgrades
        # from reading to writing fail at once, busy_timeout or not.
        connection.isolation_level = None
        pragmas = [
            f"busy_timeout = {BUSY_SECONDS * 1000}",
            f"foreign_keys = {'ON' if foreign_keys else 'OFF'}",
            "cache_size = -32000",
            "temp_store = MEMORY",
        ]
        if not read_only:
            # What is deleted is overwritten in the file, not only forgotten by it.
            pragmas += ["journal_mode = WAL", "synchronous = FULL", "main.secure_delete = ON"]
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine


def postgres_engine(url: URL, *, pool_size: int = 8) -> Engine:
    """PostgreSQL by psycopg 3, READ COMMITTED, times in UTC; a connection that a restart killed is replaced."""
    options: dict[str, Any] = {
        "connect_timeout": CONNECT_SECONDS,
        "application_name": "nurture",
        "options": "-c TimeZone=UTC -c jit=off",
        "keepalives_idle": 30,
    }
    try:
        return create_engine(
            url,
            pool_size=pool_size,
            max_overflow=32,
            pool_pre_ping=True,
            isolation_level="READ COMMITTED",
            hide_parameters=True,  # as above
            connect_args={name: value for name, value in options.items() if name not in url.query},
        )
    except ModuleNotFoundError as error:
        raise SettingsError(
            "NURTURE_DATABASE_URL names PostgreSQL, but its driver is not installed",
            hint="install nurture[postgres]",
        ) from error


def _empty_log(driver: sqlite3.Connection) -> bool:
    """Move the write-ahead log into the file and cut it to nothing; False while a reader needs it."""
    for attempt in range(1, ATTEMPTS):
        busy, _, _ = driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if not busy:
            return True
        _pause(attempt)
    return False


def _file_holds(path: Path, sought: Sequence[bytes]) -> bool:
    """Is one of these in the file?"""
    if not path.exists() or not path.stat().st_size:
        return False
    with path.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as pages:
        return any(pages.find(one) >= 0 for one in sought)


def _ensure_folder(url: URL) -> None:
    """Make the last folder of the path (``var/``); a path that is wrong further up is refused, not created."""
    database = url.database or ""
    folder = Path(database).parent
    if Path(database).is_dir():
        raise SettingsError(
            f"NURTURE_DATABASE_URL names the folder {database}, not a file",
            hint=f"write sqlite:///{database}/nurture.db, for example",
        )
    try:
        folder.mkdir(mode=0o700, exist_ok=True)  # it holds what people told us
    except OSError as error:
        raise SettingsError(
            f"NURTURE_DATABASE_URL names a file in the folder {folder}, which cannot be used: {error.strerror}",
            hint="make the folder, or choose another file",
        ) from error


def _sqlite_code(error: DBAPIError) -> int:
    """SQLite's primary code of what went wrong; 0 for another database."""
    return int(getattr(error.orig, "sqlite_errorcode", 0)) & 0xFF


def _first_line(error: DBAPIError) -> str:
    return str(error.orig).strip().splitlines()[0] if str(error.orig).strip() else "no reason given"


def _pause(attempt: int) -> None:
    """Twenty milliseconds, then twice as long each time, less a random half, so that rivals part."""
    chance = int.from_bytes(os.urandom(2)) / 2**16
    time.sleep(FIRST_PAUSE * 2 ** (attempt - 1) * (0.5 + chance / 2))
