"""`nurture report`: the funnel and its losses as a table, as CSV or as JSON; every number with its n."""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import click

from nurture.cli._opened import opened, workspace_zone
from nurture.cli.common import Context, moment, project_options
from nurture.services.contacts.importing.cells import formula_safe

if TYPE_CHECKING:
    from nurture.model.statistics import Interval
    from nurture.reports.experiments import Experiment, Group, Lift
    from nurture.reports.funnel import Funnel, Span, StageFunnel
    from nurture.services.forms.offer_board import OfferCard
    from nurture.wiring import Nurture

Rows = Sequence[Mapping[str, object]]
Command = Callable[..., None]


@click.group("report", epilog="Example: nurture report funnel")
def report() -> None:
    """What became of contacts, in numbers."""


def report_options(command: Command) -> Command:
    """A workflow, a span, and CSV: what every report takes."""
    for option in (
        click.option("--csv", "as_csv", is_flag=True, help="Print comma-separated values, with a heading."),
        click.option("--until", metavar="TIME", help="Only who began before, in the workspace's zone."),
        click.option(
            "--since", metavar="TIME", help="Only who began then or later, in the workspace's zone."
        ),
        click.argument("workflow", required=False),
    ):
        command = option(command)
    return command


@report.command(
    "funnel", epilog="Example: nurture report funnel retirement-readiness --since 2026-03-01 --csv"
)
@project_options
@report_options
def funnel(
    context: Context, workflow: str | None, since: str | None, until: str | None, as_csv: bool
) -> None:
    """Show stage by stage who entered, proved it, fell off, or is still there.

    Every enrollment counts once at each stage; n is who entered the stage, and what conversion is a share of.
    """
    _refuse_two_forms(context, as_csv)
    with opened(context) as nurture:
        funnels = _funnels(nurture, workflow, since, until)
    rows = [_stage_row(stage) for one in funnels for stage in one.stages]
    _tell(context, rows, STAGE_COLUMNS, as_csv)
    outright = sum(stage.outright for one in funnels for stage in one.stages)
    if outright and not (as_csv or context.as_json):
        context.note(
            f"{outright:,} of the validated came outright, past the stage: conversion leaves them out."
        )


@report.command("losses", epilog="Example: nurture report losses --json")
@project_options
@report_options
def losses(
    context: Context, workflow: str | None, since: str | None, until: str | None, as_csv: bool
) -> None:
    """Rank the losses by stage and reason, and name the stage that loses the most.

    n is who entered the stage; for a loss before a stage, who proved the one before it.
    """
    from nurture.reports.losses import rank

    _refuse_two_forms(context, as_csv)
    with opened(context) as nurture:
        ranked = rank(_funnels(nurture, workflow, since, until))
    rows = [
        {
            "workflow": row.workflow,
            "stage": row.stage,
            "reason": row.reason,
            "before": row.before,
            "lost": row.lost,
            "rate": _share(row.rate),
            "n": row.n,
        }
        for row in ranked.rows
    ]
    leak = ranked.most_vulnerable
    _tell(context, rows, LOSS_COLUMNS, as_csv, most_vulnerable=_stage_row(leak) if leak else None)
    if leak and not (as_csv or context.as_json):
        of = f" of {leak.n:,} who entered ({leak.loss_rate:.0%})" if leak.loss_rate is not None else ""
        context.note(f"The leakiest stage is {leak.stage} of {leak.workflow}: {leak.lost:,} lost{of}.")


@report.command("experiments", epilog="Example: nurture report experiments retirement-readiness --csv")
@project_options
@click.option("--csv", "as_csv", is_flag=True, help="Print comma-separated values, with a heading.")
@click.argument("workflow", required=False)
def experiments(context: Context, workflow: str | None, as_csv: bool) -> None:
    """Compare the variants of each split, and those who got a workflow with those held out of it.

    n is the contacts who came to the split, or entered; a winner is named only when it is sure enough.
    """
    from nurture.reports.experiments import read
    from nurture.services.releases.workflows import known

    _refuse_two_forms(context, as_csv)
    with opened(context) as nurture:
        workflows = known(nurture.runtime, workflow)
        with nurture.database.read() as tx:
            found = read(tx, workflows, nurture.runtime.shelf.published(tx).workspace)
    compared: list[tuple[Experiment | Lift, str, str, tuple[Group, ...]]] = [
        *((split, split.split, split.measure, split.groups) for split in found.splits),
        *((lift, "holdout", lift.goal, (lift.treated, lift.held_out)) for lift in found.lifts),
    ]
    rows = [
        _group_row(one.workflow, name, measure, group)
        for one, name, measure, groups in compared
        for group in groups
    ]
    verdicts = [
        {
            "workflow": one.workflow,
            "split": name,
            "measure": measure,
            "n": one.n,
            "winner": one.verdict.winner,
            "verdict": one.verdict.said,
            "more": one.verdict.more,
        }
        for one, name, measure, _ in compared
    ]
    lifts = [
        {
            "workflow": lift.workflow,
            "goal": lift.goal,
            "n": lift.n,
            "gain": _share(lift.gain),
            **_ends("gain", lift.gain_interval),
            "lift": _share(lift.lift),
            **_ends("lift", lift.lift_interval),
        }
        for lift in found.lifts
    ]
    _tell(context, rows, GROUP_COLUMNS, as_csv, verdicts=verdicts, lifts=lifts)
    if not (as_csv or context.as_json):
        for one, name, measure, _ in compared:
            context.note(f"{one.workflow}/{name} by {measure}: {one.verdict.said}.")


@report.command("offers", epilog="Example: nurture report offers --csv")
@project_options
@click.option("--csv", "as_csv", is_flag=True, help="Print comma-separated values, with a heading.")
def offers(context: Context, as_csv: bool) -> None:
    """Show how far people climb: from each lead offer to the next one, and to a sale.

    n is the contacts who asked for it, each once; all others are those of them who did so later.
    """
    from nurture.services.forms.offer_board import board

    _refuse_two_forms(context, as_csv)
    with opened(context) as nurture:
        found = board(nurture.runtime)
    rows = [_offer_row(card) for rung in reversed(found.rungs) for card in rung]
    _tell(context, rows, OFFER_COLUMNS, as_csv, currency=found.currency)


# --- rows -------------------------------------------------------------------------------------------------------

STAGE_COLUMNS = (
    *("workflow", "stage", "entered", "validated", "conversion", "n", "now", "resting", "lost", "reopened"),
    *("skipped", "exited", "went_back", "under_way", "outright", "passed", "also_lost"),
)
LOSS_COLUMNS = ("workflow", "stage", "reason", "before", "lost", "rate", "n")
GROUP_COLUMNS = (
    *("workflow", "split", "measure", "variant", "n", "did", "rate", "low", "high", "behind"),
    *("weight", "behind_low", "behind_high"),
)
OFFER_COLUMNS = (
    *("offer", "n", "took", "took_rate", "next", "went_on", "went_on_rate", "bought", "bought_rate"),
    "cost",
)
MONEY = frozenset({"cost"})
"""Columns in the workspace's currency; every other broken number is a share."""
SHOWN = 10
"""Columns of the funnel that a table shows; CSV and JSON hold all."""


def _stage_row(stage: StageFunnel) -> dict[str, object]:
    row: dict[str, object] = {name: getattr(stage, name) for name in STAGE_COLUMNS}
    return {**row, "conversion": _share(stage.conversion), "reasons": dict(stage.reasons)}


def _group_row(workflow: str, split: str, measure: str, group: Group) -> dict[str, object]:
    return {
        "workflow": workflow,
        "split": split,
        "measure": measure,
        "variant": group.name,
        "n": group.share.n,
        "did": group.share.k,
        "rate": _share(group.share.rate),
        "low": _share(group.interval.low if group.interval else None),
        "high": _share(group.interval.high if group.interval else None),
        "behind": _share(group.behind),
        "weight": group.weight,
        **_ends("behind", group.behind_interval),
    }


def _offer_row(card: OfferCard) -> dict[str, object]:
    went_on = card.went_on
    return {
        "offer": card.offer.name,
        "n": card.asked,
        "took": card.took.k,
        "took_rate": _share(card.took.rate),
        "next": card.offer.next if went_on else None,
        "went_on": went_on.k if went_on else None,
        "went_on_rate": _share(went_on.rate) if went_on else None,
        "bought": card.bought.k,
        "bought_rate": _share(card.bought.rate),
        "cost": card.cost,
        "sources": [{"source": one.name, "n": one.bought.n, "bought": one.bought.k} for one in card.sources],
    }


def _ends(name: str, interval: Interval | None) -> dict[str, float | None]:
    return {
        f"{name}_low": _share(interval.low if interval else None),
        f"{name}_high": _share(interval.high if interval else None),
    }


def _share(share: float | None) -> float | None:
    return None if share is None else round(share, 4)


def _funnels(nurture: Nurture, workflow: str | None, since: str | None, until: str | None) -> list[Funnel]:
    """The funnels asked for. Raises NotFoundError for a workflow that nobody knows, UsageError for a time that is none."""
    from nurture.reports.funnel import read
    from nurture.services.releases.workflows import known

    span = _span(workspace_zone(nurture), since, until)
    workflows = known(nurture.runtime, workflow)
    with nurture.database.read() as tx:
        return read(tx, workflows, workflow, span)


def _span(zone: ZoneInfo, since: str | None, until: str | None) -> Span:
    from nurture.reports.funnel import Span

    def at(option: str, text: str | None) -> datetime | None:
        return moment(option, text, zone) if text else None

    return Span(at("--since", since), at("--until", until))


# --- telling ----------------------------------------------------------------------------------------------------


def _refuse_two_forms(context: Context, as_csv: bool) -> None:
    if as_csv and context.as_json:
        raise click.UsageError("Choose --csv or --json, not both.")


def _tell(context: Context, rows: Rows, columns: Sequence[str], as_csv: bool, **more: object) -> None:
    if context.as_json:
        context.emit_json({"rows": rows, **more})
    elif as_csv:
        writer = csv.DictWriter(sys.stdout, columns, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows({name: _csv_cell(value) for name, value in row.items()} for row in rows)
    elif rows:
        shown = columns[:SHOWN]
        context.table(
            [name.replace("_", " ") for name in shown],
            ([_cell(name, row[name], more.get("currency")) for name in shown] for row in rows),
        )
    else:
        context.say("Nothing to count yet.")


def _csv_cell(value: object) -> object:
    """A number stays one; no text is taken for a formula."""
    return formula_safe(value) if isinstance(value, str) else value


def _cell(name: str, value: object, currency: object) -> object:
    if isinstance(value, bool):
        return "before it" if value else ""
    if isinstance(value, float):
        return f"{currency} {value:,.2f}" if name in MONEY else f"{value:.0%}"
    return value
