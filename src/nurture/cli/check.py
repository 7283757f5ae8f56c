"""`nurture check`: all problems of all files, for people, for programs, for GitHub and for code scanners."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from nurture.cli._problem_formats import as_annotation, as_document, as_sarif, seen_from
from nurture.cli.common import Context, printable, project_options

if TYPE_CHECKING:
    from nurture.model.errors import Problem
    from nurture.services.files.check import Checked
    from nurture.services.files.copy_check import Copy

FORMATS = ("text", "json", "github", "sarif")


@click.command("check", epilog="Example: nurture check workflows/free-checkup.yaml")
@project_options
@click.argument("paths", nargs=-1, metavar="[PATH]…")
@click.option(
    "--format", "form", type=click.Choice(FORMATS), default="text", help="How to print the problems."
)
@click.option(
    "--copy",
    "copy",
    is_flag=True,
    help="Advise on the words of the messages instead; PATH may be a template's name.",
)
def check(context: Context, paths: tuple[str, ...], form: str, copy: bool) -> None:
    """Find every problem of the project's files; with PATHs, tell only of those.

    Exits 1 when one of them is an error; warnings alone do not fail. --copy reads each message as its persona would:
    whom it speaks of, what it asks for, whether it takes up the need of its stage, its images, its size. Advice never
    fails.
    """
    if copy:
        check_copy(context, paths, form)
        return
    from nurture.services.files.check import check as find

    for path in paths:
        if not Path(path).exists():
            raise click.UsageError(f"Invalid value for '[PATH]…': Path '{path}' does not exist.")
    checked = find(context.project, [Path(path) for path in paths])
    if context.as_json or form == "json":
        context.emit_json({"problems": [as_document(problem) for problem in checked.problems]})
    elif not _told_to_programs(context, form, checked.problems):
        for problem in checked.problems:
            context.say(str(problem))
        context.say(summary(checked))
    if checked.errors:
        raise SystemExit(1)


def check_copy(context: Context, names: tuple[str, ...], form: str) -> None:
    """Figures and advice for each message. Raises NotFoundError, ProblemsFound, NurtureError."""
    from nurture.model.clock import system_time
    from nurture.services.files.copy_check import check_copy as advise
    from nurture.services.files.folder import open_as_it_is

    read = advise(open_as_it_is(context.project), names, system_time())
    advice = [problem for message in read for problem in message.advice]
    if context.as_json or form == "json":
        documents = [as_document(problem) for problem in advice]
        context.emit_json(
            {"problems": documents, "templates": [copy_as_document(message) for message in read]}
        )
    elif not _told_to_programs(context, form, advice):
        for message in read:
            context.say(copy_in_a_line(message))
            for problem in message.advice:
                context.say(str(problem))
        context.say(f"{_count(len(read), 'message')}: {_count(len(advice), 'piece')} of advice")


def copy_in_a_line(message: Copy) -> str:
    """``welcome: 111 words (31 s), you 7 : we 0, 1 ask, need 2 of 6 words, 3 kB``."""
    reading = message.reading
    parts = [f"{_count(reading.words, 'word')} ({reading.seconds} s)"]
    if reading.you is not None:
        parts.append(f"you {reading.you} : we {reading.we}")
    parts.append(_count(len(reading.asks), "ask"))
    if reading.need_words:
        parts.append(f"need {len(reading.need_found)} of {_count(len(reading.need_words), 'word')}")
    if reading.images:
        parts.append(_count(reading.images, "image"))
    name = f"{message.template} ({message.locale})" if message.locale else message.template
    return f"{name}: {', '.join(parts)}, {message.bytes / 1024:.0f} kB"


def copy_as_document(message: Copy) -> dict[str, object]:
    """The figures of one message, flat; advice stands in ``problems``."""
    figures = {name: value for name, value in asdict(message).items() if name not in ("reading", "advice")}
    return {**figures, **asdict(message.reading), "advice": [problem.code for problem in message.advice]}


def _told_to_programs(context: Context, form: str, problems: Sequence[Problem]) -> bool:
    """Print them for a scanner or for GitHub, if that was asked."""
    if form == "sarif":
        context.emit_json(as_sarif(_as_seen(context, problems)))
    elif form == "github":
        for problem, file in _as_seen(context, problems):
            click.echo(printable(as_annotation(problem, file)))
    return form in ("sarif", "github")


def _as_seen(context: Context, problems: Sequence[Problem]) -> list[tuple[Problem, str]]:
    """Each problem with its file as it is called here: build servers know the repository, not the project."""
    here = Path.cwd().resolve()
    return [(problem, seen_from(here, context.project, problem.place.file)) for problem in problems]


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
