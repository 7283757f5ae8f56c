"""`nurture check`: all problems of all files, for people, for programs, for GitHub and for code scanners."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from nurture.cli._problem_formats import as_annotation, as_document, as_sarif, seen_from
from nurture.cli.common import Context, printable, project_options

if TYPE_CHECKING:
    from nurture.model.errors import Problem
    from nurture.services.check import Checked

FORMATS = ("text", "json", "github", "sarif")


@click.command("check", epilog="Example: nurture check workflows/free-checkup.yaml")
@project_options
@click.argument("paths", nargs=-1, metavar="[PATH]…", type=click.Path(exists=True, path_type=Path))
@click.option(
    "--format", "form", type=click.Choice(FORMATS), default="text", help="How to print the problems."
)
def check(context: Context, paths: tuple[Path, ...], form: str) -> None:
    """Find every problem of the project's files; with PATHs, tell only of those.

    Exits 1 when one of them is an error; warnings alone do not fail.
    """
    from nurture.services.check import check as find

    checked = find(context.project, paths)
    if context.as_json or form == "json":
        context.emit_json({"problems": [as_document(problem) for problem in checked.problems]})
    elif form == "sarif":
        context.emit_json(as_sarif(_as_seen(context, checked)))
    elif form == "github":
        for problem, file in _as_seen(context, checked):
            click.echo(printable(as_annotation(problem, file)))
    else:
        for problem in checked.problems:
            context.say(str(problem))
        context.say(summary(checked))
    if checked.errors:
        raise SystemExit(1)


def _as_seen(context: Context, checked: Checked) -> list[tuple[Problem, str]]:
    """Each problem with its file as it is called here: build servers know the repository, not the project."""
    here = Path.cwd().resolve()
    return [(problem, seen_from(here, context.project, problem.place.file)) for problem in checked.problems]


def summary(checked: Checked) -> str:
    """``3 errors, 1 warning``, or what was found in order."""
    errors, warnings = len(checked.errors), len(checked.problems) - len(checked.errors)
    counts = [_count(errors, "error")] * bool(errors) + [_count(warnings, "warning")] * bool(warnings)
    project = checked.project
    read = f"{_count(len(project.drafts), 'workflow')}, {_count(len(project.offers), 'offer')}, "
    read += _count(len(project.emails) + len(project.scripts), "template")
    return f"{read}: {', '.join(counts) or 'no problems'}"


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"
