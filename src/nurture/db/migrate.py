"""Brings the tables of a database up to what this version of nurture needs, all at once or not at all.

A run that is killed leaves the database as it was; the next run does it. It never goes back a revision.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, inspect, text

from nurture.db import session
from nurture.db.session import Database
from nurture.db.state import ensure_hash_key
from nurture.db.tables import Base
from nurture.model.clock import system_time
from nurture.model.errors import NurtureError

MIGRATIONS = Path(__file__).parent / "migrations"
SHOWN = 5
"""How many tables of another program are named."""
_LOCK = 0x6E757274  # "nurt": one migration at a time on a server


class SchemaError(NurtureError):
    """The tables are not those of this version of nurture."""


def head() -> str:
    """The newest revision that this version of nurture knows."""
    return _head_of(MIGRATIONS)


@cache  # read from all the scripts, and asked at each start of each part
def _head_of(folder: Path) -> str:
    revision = ScriptDirectory.from_config(_config(folder)).get_current_head()
    assert revision is not None
    return revision


def status(database: Database) -> tuple[str | None, str]:
    """The revision the database has (None: no tables yet) and the newest one known. Changes nothing."""
    if not database.exists:
        return None, head()
    with database.read() as tx:
        return MigrationContext.configure(tx).get_current_revision(), head()


def upgrade(database: Database) -> tuple[str | None, str]:
    """Bring the tables to the newest revision, in one transaction. Returns the revisions before and after.

    Two that run at once wait for each other. Raises SchemaError when a newer nurture already changed the tables, or
    when they are somebody else's.
    """
    if database.embedded and database.exists:
        # Asked before we open it to write, which alone would make another program's file one in WAL mode.
        with database.read() as tx:
            _refuse_strangers(tx, MigrationContext.configure(tx).get_current_revision(), database.place)
    engine = _engine(database)
    try:
        with database.connected(engine) as tx, tx.begin():
            if not database.embedded:
                tx.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
            before = MigrationContext.configure(tx).get_current_revision()
            _refuse_strangers(tx, before, database.place)
            config = _config(MIGRATIONS)
            config.attributes["connection"] = tx
            command.upgrade(config, "head")
            _check_references(tx)
            ensure_hash_key(tx, system_time())
    finally:
        engine.dispose()
    return before, head()


def require_head(database: Database) -> None:
    """Refuse to work on tables of another revision: an old worker must not write into a new schema."""
    revision, newest = status(database)
    if revision == newest:
        return
    if revision is None:
        raise SchemaError(f"the database {database.place} has no tables yet", hint="run `nurture db upgrade`")
    if _known(revision):
        raise SchemaError(
            f"the database {database.place} has the tables of an older nurture (revision {revision}, needed {newest})",
            hint="run `nurture db upgrade`",
        )
    raise SchemaError(
        f"the database {database.place} has the tables of a newer nurture (revision {revision})",
        hint="install that version of nurture here too, then restart; `nurture db upgrade` cannot go back",
    )


def _refuse_strangers(tx: Connection, revision: str | None, place: str) -> None:
    """A file belongs to one program; on a server we may live beside others whose tables have other names."""
    if revision is not None and _known(revision):
        return
    there, ours = set(inspect(tx).get_table_names()), set(Base.metadata.tables)
    if revision is not None and ours <= there:
        raise SchemaError(
            f"the database {place} has the tables of a newer nurture (revision {revision})",
            hint="install that version of nurture here too",
        )
    if strangers := there if revision is not None or tx.dialect.name == "sqlite" else there & ours:
        names = sorted(strangers)
        shown = ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")
        raise SchemaError(
            f"the database {place} already holds tables that are not ours ({shown})",
            hint="name an empty database in NURTURE_DATABASE_URL",
        )


def _check_references(tx: Connection) -> None:
    """SQLite rebuilds tables with its foreign keys off; afterwards every reference must still hold."""
    if tx.dialect.name == "sqlite" and (broken := tx.exec_driver_sql("PRAGMA foreign_key_check").all()):
        raise SchemaError(
            f"the upgrade would break {len(broken)} references, for example of the table {broken[0][0]}; "
            "nothing was changed",
            hint="run `nurture doctor` with the version of nurture that was used until now",
        )


def _engine(database: Database) -> Engine:
    if database.embedded:
        return session.sqlite_engine(database.url, foreign_keys=False)
    return session.postgres_engine(database.url)


def _known(revision: str) -> bool:
    return revision in {script.revision for script in _scripts().walk_revisions()}


def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config(MIGRATIONS))


def _config(folder: Path) -> Config:
    config = Config()
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    return config
