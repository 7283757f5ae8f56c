"""`nurture check`: all problems of all files, for people, for programs, for GitHub and for code scanners."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from nurture.cli.common import Context, printable, project_options
from nurture.model.errors import Problem, Severity

if TYPE_CHECKING:
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
        context.emit_json(as_sarif(checked.problems))
    elif form == "github":
        for problem in checked.problems:
            click.echo(printable(as_annotation(problem)))
    else:
        for problem in checked.problems:
            context.say(str(problem))
        context.say(summary(checked))
    if checked.errors:
        raise SystemExit(1)


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


def as_document(problem: Problem) -> dict[str, object]:
    """One problem as programs read it."""
    return {
        "file": problem.place.file,
        "line": problem.place.line,
        "column": problem.place.column,
        "code": problem.code,
        "message": problem.message,
        "hint": problem.hint,
        "severity": problem.severity,
    }


def as_annotation(problem: Problem) -> str:
    """One problem as a GitHub workflow command, which shows it beside the line."""
    place = problem.place
    properties = {"file": place.file, "line": place.line, "col": place.column, "title": problem.code}
    said = ",".join(f"{name}={_escaped(str(value), ':,')}" for name, value in properties.items())
    words = f"{problem.message} ({problem.hint})" if problem.hint else problem.message
    return f"::{problem.severity} {said}::{_escaped(words)}"


def _escaped(text: str, more: str = "") -> str:
    return "".join(
        f"%{ord(character):02X}" if character in f"%\r\n{more}" else character for character in text
    )


def as_sarif(problems: Sequence[Problem]) -> dict[str, object]:
    """All problems as one SARIF 2.1.0 log, for code scanners."""
    from nurture import __version__
    from nurture.workflow.checks import CODES

    rules = [
        {"id": name, "shortDescription": {"text": CODES[name].meaning}, "help": {"text": CODES[name].remedy}}
        for name in sorted({problem.code for problem in problems} & set(CODES))
    ]
    driver = {"name": "nurture", "version": __version__, "rules": rules}
    results = [_sarif_result(problem) for problem in problems]
    return {
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}],
    }


def _sarif_result(problem: Problem) -> dict[str, object]:
    place = problem.place
    region = {"startLine": place.line, "startColumn": place.column}
    location = {"physicalLocation": {"artifactLocation": {"uri": place.file}, "region": region}}
    return {
        "ruleId": problem.code,
        "level": "error" if problem.severity is Severity.ERROR else "warning",
        "message": {"text": f"{problem.message}. {problem.hint}" if problem.hint else problem.message},
        "locations": [location],
    }
