"""The `nurture` command: every word a marketer or an operator types. Each command is one file of this folder.

It loads only the command that was asked for, and holds no rule about marketing: a command parses, calls one service
and prints.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

import click

from nurture import __version__
from nurture.cli.common import printable, sentence
from nurture.model.errors import ProblemsFound, did_you_mean

HELPERS = frozenset({"common"})  # modules of this folder that are no command; so are those with a leading _
SHOWN = 20
"""Problems of files that are listed; `nurture check` lists all."""


class Commands(click.Group):
    """The commands are the files of this folder; errors are one sentence and an exit code, never a traceback."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        names = (module.name for module in iter_modules([str(Path(__file__).parent)]))
        return sorted(name for name in names if name not in HELPERS and not name.startswith("_"))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.list_commands(ctx):
            return None
        module = import_module(f"nurture.cli.{cmd_name}")
        found = (value for value in vars(module).values() if isinstance(value, click.Command))
        return next(command for command in found if command.name == cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if self.get_command(ctx, args[0]) is None and not args[0].startswith("-"):
            hint = did_you_mean(args[0], self.list_commands(ctx)) or "see `nurture --help`"
            ctx.fail(f"There is no command {args[0]!r}; {hint}")
        return super().resolve_command(ctx, args)

    def main(self, *args: Any, **extra: Any) -> Any:  # click's own signature
        """Run a command and exit: 0, 1 when the answer is no, 2 when it was asked wrongly."""
        try:
            return super().main(*args, **extra)
        except Exception as error:  # a mistake of ours too ends in a sentence; NURTURE_DEBUG shows where
            if os.environ.get("NURTURE_DEBUG"):
                raise
            for line in (*first_problems(error), f"nurture: {sentence(error)}"):
                click.echo(printable(line), err=True)
            sys.exit(1)


def first_problems(error: Exception) -> list[str]:
    """What is wrong with the project's files, when that is the error: the first of it, above the sentence."""
    return [str(problem) for problem in error.problems[:SHOWN]] if isinstance(error, ProblemsFound) else []


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="nurture")
def main() -> None:
    """Nurture sequences that you can review, test and explain.

    \b
    Example: nurture new my-company && cd my-company && nurture check && nurture up
    """
