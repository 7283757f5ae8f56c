"""What all commands share: which project, for people or for programs, and how to print.

People get text; programs ask with `--json` and get exactly one JSON document on stdout, `{"error": …}` when there is
no answer. Progress goes to stderr.
"""

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

import click

from nurture.model.errors import NurtureError, TextError

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from nurture.settings import Settings

P = ParamSpec("P")
R = TypeVar("R")
PIPE_WIDTH = 200  # columns of a table that no terminal shows
# Names and subjects come from outside: they must not move the cursor or recolour a terminal.
CONTROLS = {code: "�" for code in [*range(32), *range(127, 160)] if chr(code) not in "\n\t"}


@dataclasses.dataclass(slots=True)
class Context:
    """What a command was asked for. ``project`` is its folder; ``as_json`` means one JSON document on stdout."""

    project: Path
    as_json: bool
    answered: bool = False
    """The document was printed."""
    _settings: Settings | None = None

    @property
    def settings(self) -> Settings:
        """The checked settings, read at the first use: `nurture check` needs none. Raises SettingsError.

        From then on, log lines go to stderr.
        """
        if self._settings is None:
            from nurture.settings import load_settings
            from nurture.workers.logs import configure_logging

            self._settings = load_settings(self.project)
            configure_logging(self._settings.log_level)
        return self._settings

    def say(self, text: str = "") -> None:
        """A line for people, on stdout; on stderr when stdout belongs to a JSON document."""
        click.echo(printable(text), err=self.as_json)

    def note(self, text: str) -> None:
        """A line about progress or a remedy, on stderr."""
        click.echo(printable(text), err=True)

    def emit_json(self, document: object) -> None:
        """The one JSON document. Knows dataclasses, enums, times (ISO 8601), paths, sets and mappings."""
        click.echo(json.dumps(document, default=plain, ensure_ascii=False, indent=2))
        self.answered = True

    def table(
        self, headers: Sequence[str], rows: Iterable[Sequence[object]], *, title: str | None = None
    ) -> None:
        """A table for people; numbers to the right, None as an empty cell."""
        from rich.box import SIMPLE_HEAD
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        cells = [list(row) for row in rows]
        table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
        for index, header in enumerate(headers):
            numeric = bool(cells) and all(isinstance(row[index], int | float) for row in cells)
            table.add_column(header, justify="right" if numeric else "left", overflow="fold")
        for row in cells:
            # Text, not str: a contact named "[red]" is no markup.
            table.add_row(*(Text("" if cell is None else printable(str(cell))) for cell in row))
        console = Console(stderr=self.as_json)
        if not console.is_terminal:
            console = Console(stderr=self.as_json, width=PIPE_WIDTH)
        console.print(table)


def project_options(command: Callable[Concatenate[Context, P], R]) -> Callable[P, R]:
    """Give a command `--project DIR` and `--json`, and a Context as its first argument.

    Stands below `@click.command(…)` and above the command's own options.
    """

    @click.option(
        "--project",
        type=click.Path(exists=True, file_okay=False, path_type=Path),
        envvar="NURTURE_PROJECT",
        default=".",
        metavar="DIR",
        help="The project's folder; the current one by default.",
    )
    @click.option("--json", "as_json", is_flag=True, help="Print one JSON document, for programs.")
    @functools.wraps(command)
    def with_context(*args: P.args, **kwargs: P.kwargs) -> R:
        project, as_json = kwargs.pop("project"), kwargs.pop("as_json")
        assert isinstance(project, Path)
        context = Context(project.resolve(), bool(as_json))
        try:
            return command(context, *args, **kwargs)
        except (click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:
            if as_json and not context.answered:
                context.emit_json({"error": printable(sentence(error))})
            raise

    return with_context


def sentence(error: Exception) -> str:
    """What went wrong, for a person. A mistake of ours shows its kind only: its text may hold a secret."""
    if isinstance(error, click.ClickException):
        return error.format_message()
    if isinstance(error, NurtureError):
        return str(error)
    if getattr(error, "connection_invalidated", False):
        return "the connection to the database broke off (see that its server runs, then do it again)"
    return (
        f"this is a mistake in nurture itself ({type(error).__name__}); with NURTURE_DEBUG=1 it shows where"
    )


class Listen(click.ParamType[tuple[str, int]]):
    """HOST:PORT of a server, as a pair."""

    name = "HOST:PORT"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, int]:
        from nurture.settings import host_and_port

        address = host_and_port(str(value))
        if address is None:
            self.fail(f"{value!r} is not HOST:PORT, for example 127.0.0.1:8000", param, ctx)
        return address


def moment(option: str, text: str, zone: ZoneInfo) -> datetime:
    """The time given with an option, in ``zone`` unless it says another. Raises UsageError."""
    from nurture.services.rehearsing.when import read_instant

    try:
        return read_instant(text, zone)
    except TextError as error:
        raise click.UsageError(f"{option}: {error.message} ({error.hint})") from None


def printable(text: str) -> str:
    """``text`` without control characters, but with its line breaks and tabs."""
    return text.translate(CONTROLS)


def plain(value: object) -> object:
    """``value`` in terms that JSON has; TypeError for what a document should not hold."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, set | frozenset):
        return sorted(value, key=str)
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no form in JSON")
