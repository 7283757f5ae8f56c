"""`nurture db`: the tables of the database, and whether they are those this version of nurture needs."""

from __future__ import annotations

import click

from nurture.cli.common import Context, project_options


@click.group("db", epilog="Example: nurture db upgrade")
def db() -> None:
    """Make or upgrade the tables; see where they stand."""


@db.command("upgrade", epilog="Example: nurture db upgrade && nurture up")
@project_options
def upgrade(context: Context) -> None:
    """Bring the tables to the newest revision, all at once or not at all.

    Safe to run again, and safe to break off: the database is then as it was.
    """
    from nurture.db import migrate
    from nurture.db.session import Database

    database = Database(context.settings.database_url)
    before, head = migrate.upgrade(database)
    if context.as_json:
        context.emit_json({"revision": head, "head": head, "before": before})
    elif before == head:
        context.say(f"The tables of {database.place} are up to date (revision {head}).")
    elif before is None:
        context.say(f"Made the tables of {database.place} (revision {head}).")
    else:
        context.say(f"Upgraded the tables of {database.place} from revision {before} to {head}.")


@db.command("status", epilog="Example: nurture db status --json")
@project_options
def status(context: Context) -> None:
    """Say which revision the tables have, and which is needed. Exits with 1 when they differ."""
    from nurture.db import migrate
    from nurture.db.session import Database

    database = Database(context.settings.database_url)
    revision, head = migrate.status(database)
    if context.as_json:
        context.emit_json({"revision": revision, "head": head})
    elif revision == head:
        context.say(f"The tables of {database.place} are up to date (revision {head}).")
    else:
        have = f"have revision {revision}" if revision else "are not there yet"
        context.say(f"The tables of {database.place} {have}; needed is {head}. Run `nurture db upgrade`.")
    if revision != head:
        raise SystemExit(1)
