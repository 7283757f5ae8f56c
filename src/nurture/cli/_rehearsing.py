"""What the commands that try things out share: whom a message is made for, and where its links lead."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from nurture.cli.common import Context

if TYPE_CHECKING:
    from nurture.model.words import Contact
    from nurture.services.files.folder import Folder
    from nurture.services.runtime import Runtime
    from nurture.workflow.documents import Persona


def who(
    folder: Folder, persona: str | None, file: Path | None, wanted: str | None = None
) -> tuple[Contact, Persona | None]:
    """The contact that was asked for: of a persona or a file, else the example of ``wanted`` or of any persona."""
    from nurture.services.rehearsing import stand_in

    if persona and file:
        raise click.UsageError("--as and --contact name two different contacts; give one.")
    if file:
        return stand_in.of_file(file, folder.workspace), None
    return stand_in.of_persona(folder, persona) if persona else stand_in.usual(folder, wanted)


def base_url() -> str:
    """Where links in messages lead, by NURTURE_BASE_URL. Asks no other setting: a rehearsal needs neither key nor database."""
    from nurture.settings import Settings, value_of

    return value_of("base_url") or str(Settings.model_fields["base_url"].default)


def write(file: Path, text: str) -> None:
    """Write a page, in a folder that is there. Raises UsageError when it cannot be."""
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise click.UsageError(f"{file} cannot be written: {error.strerror}") from None


@contextmanager
def history(context: Context) -> Iterator[Runtime | None]:
    """What the database has recorded, to be read; None where there is no database yet. It is neither made nor changed.

    Raises SettingsError and SchemaError, as every command does that opens it.
    """
    from sqlalchemy import make_url

    from nurture.settings import Settings, database_address, value_of
    from nurture.wiring import build

    # Asked before any other setting: reading them all makes a key for a project that has none.
    default = str(Settings.model_fields["database_url"].default)
    url = make_url(database_address(value_of("database_url") or default, context.project))
    if url.get_backend_name() == "sqlite" and not Path(str(url.database)).is_file():
        yield None
        return
    nurture = build(context.settings)
    try:
        yield nurture.runtime
    finally:
        nurture.close()
