"""`nurture simulate`: volumes, calls, stages and costs for so many contacts; or a draft played over what really happened."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from nurture.cli._rehearsing import history
from nurture.cli.common import Context, moment, project_options
from nurture.model.clock import system_time
from nurture.model.errors import NurtureError

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from nurture.services.rehearsing.replay import DryRun
    from nurture.services.rehearsing.simulate import Simulated
    from nurture.services.runtime import Runtime

MOST = 1_000_000
SHOWN_DAYS = 6
"""Days over capacity that are named; the document holds all."""
EXAMPLES = 20
"""Enrollments that differ, of which a dry run tells everything."""


@click.command(
    "simulate",
    epilog="Example: nurture simulate retirement-readiness --contacts 1000 --days 90 --assume email.clicked=0.2",
)
@project_options
@click.argument("workflow")
@click.option("--contacts", type=click.IntRange(1, MOST), default=1000, show_default=True, help="How many.")
@click.option("--days", type=click.IntRange(1, 3650), default=90, show_default=True, help="For how long.")
@click.option("--arrive", metavar="'N per day'", help="How many come each day; by default all at the start.")
@click.option(
    "--seed", default="1", show_default=True, help="Another seed is another draw; the same one, the same."
)
@click.option(
    "--assume",
    "assumed",
    multiple=True,
    metavar="WHAT[@WHERE]=SHARE",
    help="A rate to take instead of the observed one, such as email.clicked=0.2; repeat it.",
)
@click.option("--holdout", is_flag=True, help="Hold contacts out as in production.")
@click.option(
    "--start", metavar="'YYYY-MM-DD HH:MM'", help="When it begins; by default next weekday at 09:00."
)
@click.option("--no-history", "alone", is_flag=True, help="Leave the database alone: every rate is assumed.")
@click.option(
    "--dry-run",
    "draft",
    type=click.Path(exists=True, path_type=Path),
    metavar="DRAFT",
    help="Play this file or project folder over what really happened, and tell the differences.",
)
@click.option(
    "--limit",
    type=click.IntRange(1, 100_000),
    default=500,
    show_default=True,
    help="Enrollments that --dry-run plays, the newest.",
)
def simulate(
    context: Context,
    workflow: str,
    contacts: int,
    days: int,
    arrive: str | None,
    seed: str,
    assumed: tuple[str, ...],
    holdout: bool,
    start: str | None,
    alone: bool,
    draft: Path | None,
    limit: int,
) -> None:
    """Forecast what WORKFLOW makes of so many contacts, or play a draft of it over recorded history.

    Every contact plays the production engine and answers by chance, at rates observed in the database where there were
    enough occasions, else assumed; all of them are printed with their source. The same seed gives the same answer.
    Nothing is stored and nothing leaves; the database is only read.
    """
    if draft:
        dry_run(context, workflow, draft, limit)
        return
    from nurture.services.files.folder import open_sound
    from nurture.services.rehearsing.observed import Observed, observe
    from nurture.services.rehearsing.rehearsal import of_folder
    from nurture.services.rehearsing.simulate import Wish, foretell
    from nurture.services.rehearsing.walk import usual_start

    shares, per_day = _shares(assumed), _per_day(arrive)
    ground = of_folder(open_sound(context.project))
    ground.workflow(workflow)
    zone = ground.workspace.zone
    begins = moment("--start", start, zone) if start else usual_start(zone, system_time())
    observed = Observed()
    if not alone:
        with history(context) as runtime:
            observed = observe(runtime, ground.workflows, workflow) if runtime else observed
    wish = Wish(workflow, contacts, begins, days, seed, per_day, shares, holdout)
    simulated = foretell(ground, wish, observed)
    if context.as_json:
        context.emit_json(document(simulated))
    else:
        _print(context, simulated)


def dry_run(context: Context, workflow: str, draft: Path, limit: int) -> None:
    """Play a draft over recorded history, and print what would have been different."""
    from nurture.services.rehearsing.replay import dry_run as play
    from nurture.services.rehearsing.replay import read_draft

    with history(context) as runtime:
        if runtime is None:
            raise NurtureError(
                "there is no database yet, and so no history to play", hint="see NURTURE_DATABASE_URL"
            )
        answer = play(runtime, read_draft(context.project, draft.resolve(), workflow), limit)
        zone = workspace_zone_of(runtime)
    if context.as_json:
        context.emit_json(dry_run_document(answer))
    else:
        _print_dry_run(context, answer, zone)


def workspace_zone_of(runtime: Runtime) -> ZoneInfo:
    """The zone in which times are shown: that of the published workspace."""
    with runtime.database.read() as tx:
        return runtime.shelf.published(tx).workspace.zone


def dry_run_document(answer: DryRun) -> dict[str, object]:
    """The differences for programs; times in UTC, enrollments by their number and no address."""
    return {
        "workflow": answer.workflow,
        "live": answer.live,
        "draft": answer.draft,
        "until": answer.until,
        "played": answer.played,
        "agreement": {"agreed": answer.agreed, "n": answer.recorded},
        "unplayable": answer.unplayable,
        "different": len(answer.different),
        "totals": [
            {"differs": differs, "kind": kind, "what": what, "enrollments": count}
            for (differs, kind, what), count in answer.totals.items()
        ],
        "examples": [
            {
                "enrollment": one.reference,
                "entered_at": one.entered_at,
                "differences": [
                    {
                        "differs": each.differs,
                        "kind": each.kind,
                        "what": each.what,
                        "live": each.live,
                        "draft": each.draft,
                    }
                    for each in one.differences
                ],
            }
            for one in answer.different[:EXAMPLES]
        ],
    }


def _print_dry_run(context: Context, answer: DryRun, zone: ZoneInfo) -> None:
    from nurture.services.rehearsing import replay_words as words

    for line in words.opening(answer, zone):
        context.say(line)
    if answer.totals:
        context.table(("In the draft", "", "", "times"), words.total_rows(answer))
    for one in answer.different[:EXAMPLES]:
        for line in words.example(one):
            context.say(line)
    if len(answer.different) > EXAMPLES:
        context.say(f"and {len(answer.different) - EXAMPLES} more enrollments that differ")


def _shares(words: tuple[str, ...]) -> dict[str, float]:
    found: dict[str, float] = {}
    for word in words:
        key, equals, value = word.partition("=")
        try:
            found[key.strip()] = float(value)
        except ValueError:
            equals = ""
        if not equals or not key.strip():
            raise click.UsageError(f"--assume {word!r} is not WHAT=SHARE, for example email.clicked=0.2")
    return found


def _per_day(text: str | None) -> int | None:
    if text is None:
        return None
    number = text.removesuffix("per day").strip()
    if not (number.isascii() and number.isdigit() and 0 < int(number) <= MOST):
        raise click.UsageError(f"--arrive {text!r} is not 'N per day', for example '20 per day'")
    return int(number)


def document(simulated: Simulated) -> dict[str, object]:
    """The answer for programs; days are those of the workspace's zone."""
    question, answer = simulated.question, simulated.answer
    return {
        "workflow": question.workflow.name,
        "contacts": question.contacts,
        "arrived": answer.arrived,
        "days": question.days,
        "seed": question.seed,
        "start": question.start,
        "stages": [
            {
                "stage": stage.stage,
                "n": answer.arrived,
                "entered": stage.entered,
                "entered_interval": stage.entered_interval,
                "validated": stage.validated,
                "validated_interval": stage.validated_interval,
                "lost": stage.lost,
                "under_way": stage.under_way,
            }
            for stage in answer.stages
        ],
        "completed": answer.completed,
        "interval": "Wilson, 90 %: chance alone, the assumptions taken as they stand",
        "losses": [
            {"stage": stage, "reason": reason, "contacts": count} for stage, reason, count in answer.losses
        ],
        "messages_per_day": [{"date": day, "messages": count} for day, count in answer.messages],
        "calls_per_day": [
            {
                "date": day.date,
                "team": day.team,
                "calls": day.calls,
                "people": day.people,
                "per_person": round(day.calls / day.people, 2) if day.people else None,
                "capacity": day.capacity,
                "over": day.over,
            }
            for day in answer.calls
        ],
        "cost": {
            **{what: round(value, 2) for what, value in answer.costs.items()},
            "total": round(sum(answer.costs.values()), 2),
            "currency": question.workspace.currency,
        },
        "assumptions": simulated.assumptions,
    }


def _print(context: Context, simulated: Simulated) -> None:
    from nurture.services.rehearsing import simulate_words as words

    context.say(words.opening(simulated))
    heads = ("Stage", "entered", "90 %", "validated", "90 %", "lost", "under way")
    context.table(heads, words.stage_rows(simulated.answer))
    if note := words.stage_note(simulated.answer):
        context.say(note)
    if simulated.answer.losses:
        context.table(("Lost in", "for", "contacts", ""), words.loss_rows(simulated.answer))
    weeks = ("Week of", "messages", "fullest day", "calls due", "fullest day")
    context.table(weeks, words.week_rows(simulated))
    over = words.over_capacity(simulated)
    if over:
        context.say("More calls than the team has room for:")
    for line in over[:SHOWN_DAYS]:
        context.say(f"  {line}")
    if len(over) > SHOWN_DAYS:
        context.say(f"  and {len(over) - SHOWN_DAYS} more days; --json lists them all")
    context.say(words.cost_line(simulated))
    resting = ("Taken as", "where", "share", "days", "from")
    context.table(resting, words.assumption_rows(simulated), title="What this rests on")
    context.say(f"{words.RULE}; {words.OTHER_RATES}.")
