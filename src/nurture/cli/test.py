"""`nurture test`: the scenarios of a project, played and judged."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from nurture.cli._rehearsing import base_url
from nurture.cli.common import Context, project_options

if TYPE_CHECKING:
    from nurture.services.rehearsing.scenarios import Rehearsed


@click.command("test", epilog="Example: nurture test scenarios/guide.yaml --junit report.xml")
@project_options
@click.argument("paths", nargs=-1, metavar="[PATH]…", type=click.Path(exists=True, path_type=Path))
@click.option("--filter", "word", metavar="WORD", help="Only scenarios with this in their name or file.")
@click.option(
    "--junit",
    "report",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write a JUnit report, for build servers.",
)
def test(context: Context, paths: tuple[Path, ...], word: str | None, report: Path | None) -> None:
    """Play the scenarios of scenarios/*.yaml, or those of PATHs, and compare what happens with what they expect.

    Nothing is stored and nothing leaves. A scenario that fails shows both timelines side by side. Exits 1 when one
    fails; one whose file holds an error fails, and the others are played.
    """
    from time import perf_counter

    from nurture.services.rehearsing.scenario_words import failure, summary
    from nurture.services.rehearsing.scenarios import open_stage

    began = perf_counter()
    played = []
    for one in open_stage(context.project, paths, word).play(base_url()):
        played.append(one)
        if not context.as_json:
            context.say(f"{'ok    ' if one.passed else 'FAILED'}  {one.file}  {one.name}")
            for line in [] if one.passed else failure(one):
                context.say(f"        {line}".rstrip())
    seconds = perf_counter() - began
    if report:
        _write(report, played, seconds)
    if context.as_json:
        failed = sum(not one.passed for one in played)
        context.emit_json(
            {
                "passed": len(played) - failed,
                "failed": failed,
                "scenarios": [as_document(one) for one in played],
            }
        )
    else:
        context.say(summary(played, seconds))
    if not all(one.passed for one in played):
        raise SystemExit(1)


def as_document(one: Rehearsed) -> dict[str, object]:
    """One scenario as programs read it; times in UTC."""
    from nurture.services.rehearsing.scenario_words import said_of, told

    troubles = [(trouble.place, trouble.said) for trouble in one.trouble]
    failures = [(verdict.expectation.place, said_of(verdict, one)) for verdict in one.failures]
    return {
        "name": one.name,
        "file": one.file,
        "line": one.line,
        "passed": one.passed,
        "seconds": round(one.seconds, 4),
        "timezone": one.zone.key,
        "problems": [
            {"file": place.file, "line": place.line, "column": place.column, "message": said}
            for place, said in (*troubles, *failures)
        ],
        "expected": [
            {
                "what": str(verdict.expectation),
                "at": verdict.at,
                "mark": verdict.mark,
                "came_at": one.actual[verdict.found].at if verdict.found is not None else None,
                "line": verdict.expectation.place.line,
            }
            for verdict in one.verdicts
        ],
        "actual": [
            {
                "at": touch.at,
                "what": told(touch),
                "kind": touch.kind,
                "status": touch.status,
                "workflow": touch.workflow or None,
                "stage": touch.stage or None,
                "step": touch.step,
                "reason": touch.reason,
            }
            for touch in one.actual
        ],
    }


def _write(report: Path, played: list[Rehearsed], seconds: float) -> None:
    from nurture.services.rehearsing.junit import junit

    try:
        report.write_bytes(junit(played, seconds))
    except OSError as error:
        raise click.UsageError(f"{report} cannot be written: {error.strerror}") from None
