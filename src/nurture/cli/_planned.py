"""A plan as `nurture plan` and `nurture publish` print it, for people and for programs."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from nurture.cli.common import Context
from nurture.model.errors import TextError

if TYPE_CHECKING:
    from nurture.services.releases.forecast import Forecast, Progress
    from nurture.services.releases.plan_values import Group, Plan, WorkflowPlan
    from nurture.services.releases.wishes import Wish
    from nurture.workflow.changes import Change

QUIET_BELOW = 1_000
"""Contacts below which nobody needs to be told how far it is."""


def wishes(context: Context, words: tuple[str, ...]) -> Wish:
    """What `--migrate` says. Wrong usage is told with the word."""
    from nurture.services.releases.wishes import read_wishes

    try:
        return read_wishes(words, context.project)
    except TextError as error:
        raise click.UsageError(f"--migrate: {error.message} ({error.hint})") from None


@contextmanager
def counting(context: Context) -> Iterator[Progress]:
    """Tells on stderr how far the plan is, where somebody looks on and it takes a while."""
    from rich.console import Console
    from rich.progress import Progress as Bar

    with Bar(
        console=Console(stderr=True), transient=True, disable=context.as_json or not sys.stderr.isatty()
    ) as bar:
        task = bar.add_task("Playing the next days", total=None, visible=False)
        yield lambda done, of: bar.update(task, completed=done, total=of, visible=of >= QUIET_BELOW)


def tell(context: Context, plan: Plan) -> None:
    """The plan for people: a table of workflows, then what changes, who stands where, and what leaves."""
    from nurture.services.releases import plan_words

    zone = plan_words.zone_of(plan)
    rows = [
        (
            one.name,
            one.before or "—",
            one.after or "—",
            one.fate.value,
            one.under_way,
            one.staying,
            one.mapped,
        )
        for one in plan.workflows
    ]
    context.table(("workflow", "live now", "then", "", "under way", "staying", "taken along"), rows)
    for one in plan.workflows:
        lines = [*map(plan_words.change, one.changes), *plan_words.who(one, zone)]
        if lines or one in plan.withdrawn:
            context.say(f"{one.name}: {plan_words.fate(one)}")
            for line in lines:
                context.say(f"  {line}")
    for changed in plan_words.other_files(plan) if any(one.before for one in plan.workflows) else ():
        context.say(f"{plan_words.file_change(changed)}.")
    for note in plan.notes:
        context.say(note)
    if plan.forecast.contacts or plan.forecast.entries:
        _tell_days(context, plan)
        context.say(plan_words.volume(plan.forecast))


def _tell_days(context: Context, plan: Plan) -> None:
    rows = [
        (
            f"{day.day:%a %-d %b}",
            day.messages_now,
            day.messages,
            day.calls_now,
            day.calls,
            day.messages_of_new,
        )
        for day in plan.forecast.days
    ]
    headers = ("day", "messages now", "then", "calls now", "then", "of new contacts")
    context.table(headers, rows, title="Expected")


def as_document(plan: Plan) -> dict[str, object]:
    """The plan as programs read it."""
    return {
        "workflows": [_workflow(one) for one in plan.workflows],
        "files": [dataclasses.asdict(one) for one in plan.file_changes],
        "expected": _expected(plan.forecast),
        "limit": plan.limits.messages,
        "exceeds_limit": plan.too_many,
        "needs_yes": plan.needs_a_yes,
        "rolls_back_to": plan.release,
        "notes": list(plan.notes),
        "problems": [],
    }


def _workflow(one: WorkflowPlan) -> dict[str, object]:
    return {
        "name": one.name,
        "from": one.before,
        "to": one.after,
        "fate": one.fate.value,
        "staying": one.staying,
        "mapped": one.mapped,
        "unmappable": one.unmappable,
        "migration": {"can": one.can, "cannot": one.cannot, "groups": [_group(each) for each in one.groups]},
        "changes": [_change(each) for each in one.changes],
    }


def _group(one: Group) -> dict[str, object]:
    return {
        "version": one.version,
        "stage": one.stage,
        "step": one.step,
        "to": one.goal,
        "count": one.count,
        "obstacle": one.obstacle.value if one.obstacle else None,
        "due_now": one.before,
        "due_then": one.after,
        "at_once": one.at_once,
    }


def _change(one: Change) -> dict[str, object]:
    return {
        "kind": one.kind.value,
        "said": one.said,
        "stage": one.stage,
        "step": one.step,
        "before": one.before,
        "after": one.after,
        "file": one.place.file if one.place else None,
        "line": one.place.line if one.place else None,
    }


def _expected(one: Forecast) -> dict[str, object]:
    return {
        "days": [dataclasses.asdict(day) for day in one.days],
        "workflows": {name: dataclasses.asdict(each) for name, each in one.workflows.items()},
        "messages": one.messages,
        "calls": one.calls,
        "contacts": one.contacts,
        "n": one.played,
        "entries_per_day": dict(one.entries),
        "undecidable": one.undecidable,
    }
