"""A simulation in rows and sentences, for people at a terminal. Says only what it holds."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import date, timedelta

from nurture.engine.answers import ENOUGH, Source
from nurture.engine.explain import in_words
from nurture.engine.simulate import CallDay, Simulation
from nurture.services.rehearsing.simulate import MINUTES, Assumption, Simulated


def opening(simulated: Simulated) -> str:
    question = simulated.question
    many = f"{question.contacts:,} contacts"
    arrive = f"{question.per_day} a day" if question.per_day else "all at once"
    begin = question.start.astimezone(question.workspace.zone)
    return (
        f"{many} ({arrive}) in {question.workflow.name}, {question.days} days from {begin:%a %-d %b %Y}, "
        f"seed {question.seed}. Intervals hold nine runs of ten."
    )


def stage_rows(answer: Simulation) -> Iterator[tuple[object, ...]]:
    """Stage, entered with its interval, validated with its interval, lost, under way."""
    for stage in answer.stages:
        yield (
            stage.stage,
            stage.entered,
            _span(stage.entered_interval),
            stage.validated,
            _span(stage.validated_interval),
            stage.lost,
            stage.under_way,
        )


def stage_note(answer: Simulation) -> str | None:
    """Why the columns of a stage differ from who entered it; None where they add up."""
    if all(one.entered == one.validated + one.lost + one.under_way for one in answer.stages):
        return None
    return (
        "The columns need not add up: who is lost and comes back, or never goes on, counts twice; who proves a later "
        "stage first skips the one before; and some leave without being lost."
    )


def _span(interval: tuple[int, int]) -> str:
    low, high = interval
    return str(low) if low == high else f"{low} to {high}"


def week_rows(simulated: Simulated) -> Iterator[tuple[object, ...]]:
    """Week by week: messages, the fullest day, calls, the fullest day."""
    messages, calls = Counter(dict(simulated.answer.messages)), _calls_by_day(simulated.answer)
    days = sorted({*messages, *calls})
    weeks: dict[date, list[date]] = defaultdict(list)
    for day in days:
        weeks[day - timedelta(days=day.weekday())].append(day)
    for monday, own in weeks.items():
        yield (
            f"{monday:%-d %b %Y}",
            sum(messages[day] for day in own),
            max(messages[day] for day in own),
            sum(calls[day] for day in own),
            max(calls[day] for day in own),
        )


def _calls_by_day(answer: Simulation) -> Counter[date]:
    found: Counter[date] = Counter()
    for one in answer.calls:
        found[one.date] += one.calls
    return found


def over_capacity(simulated: Simulated) -> list[str]:
    """The days on which a team has more calls than it can make, the fullest first."""
    over = [one for one in simulated.answer.calls if one.over]
    fullest = sorted(over, key=lambda one: one.capacity - one.calls if one.capacity is not None else 0)
    return [f"{one.date:%a %-d %b %Y}  {one.team}: {said_of(one)}" for one in fullest]


def said_of(day: CallDay) -> str:
    """``86 calls for 2 people who make 24 a day: 43 each``."""
    if not day.people:
        return f"{day.calls} calls, and nobody is there"
    people = f"{day.people} people" if day.people > 1 else "1 person"
    return f"{day.calls} calls for {people} with room for {day.capacity}: {day.calls / day.people:.0f} each"


def loss_rows(answer: Simulation) -> Iterator[tuple[object, ...]]:
    for stage, reason, count in answer.losses:
        words = in_words(reason)
        yield stage, reason, count, "" if reason in words else words


def cost_line(simulated: Simulated) -> str:
    """``Costs: 6.40 for messages, 1,827.60 for calls, 0.00 for offers; 1,834.00 CAD in all, 1.83 a contact.``"""
    costs, currency = simulated.answer.costs, simulated.question.workspace.currency
    total = sum(costs.values())
    parts = ", ".join(f"{value:,.2f} for {what}" for what, value in costs.items())
    each = f", {total / simulated.answer.arrived:,.2f} a contact" if simulated.answer.arrived else ""
    return f"Costs: {parts}; {total:,.2f} {currency} in all{each}."


def assumption_rows(simulated: Simulated) -> Iterator[tuple[object, ...]]:
    """What, where, how often, after how long, and where it comes from. Alike ones of several steps share a line."""
    alike: dict[tuple[str, str, str, str], list[str]] = {}
    for one in simulated.assumptions:
        days = "" if one.days is None else f"{one.days:.1f}"
        alike.setdefault((one.what, _value(one), days, source_of(one)), []).append(one.where)
    for (what, value, days, source), places in alike.items():
        where = places[0] if len(places) == 1 else f"{places[0]} and {len(places) - 1} more"
        yield what, where, value, days, source


def _value(one: Assumption) -> str:
    if isinstance(one.value, str):
        return one.value
    return f"{one.value:g} min" if one.what == MINUTES else f"{one.value:.1%}"


def source_of(one: Assumption) -> str:
    """``observed, n = 212``, ``assumed`` or ``given``."""
    return f"observed, n = {one.n:,}" if one.source is Source.OBSERVED else str(one.source)


RULE = f"A rate is observed from {ENOUGH} occasions on"
OTHER_RATES = "--assume WHAT=SHARE or WHAT@STEP=SHARE takes another"
