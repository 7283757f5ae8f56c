"""What commands share that work on the live database: nurture opened on the project, and closed again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import click

from nurture.cli.common import Context
from nurture.model.errors import NurtureError, ProblemsFound, TextError

if TYPE_CHECKING:
    from nurture.model.words import Scalar
    from nurture.wiring import Nurture


@contextmanager
def opened(context: Context) -> Iterator[Nurture]:
    """The project's nurture. The embedded database is made, or brought up to date, when need be."""
    from nurture.db.migrate import SchemaError
    from nurture.wiring import build, upgrade

    settings = context.settings
    try:
        nurture = build(settings)
    except SchemaError:
        if not settings.embedded_database:
            raise
        upgrade(settings)
        nurture = build(settings)
    try:
        yield nurture
    finally:
        nurture.close()


@contextmanager
def faults_as_document(context: Context) -> Iterator[None]:
    """With `--json`, errors of the project's files are in the one document, as those of `nurture check` are."""
    from nurture.cli._problem_formats import as_document

    try:
        yield
    except ProblemsFound as found:
        if context.as_json:
            context.emit_json({"workflows": [], "problems": [as_document(one) for one in found.problems]})
        raise


def pairs(words: tuple[str, ...]) -> Mapping[str, Scalar]:
    """``k=v`` words as data: numbers, yes and no, text. Wrong usage is told with the word."""
    from nurture.model.contact_values import scalar

    data: dict[str, Scalar] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name.isidentifier():
            raise click.UsageError(f"{word!r} is not NAME=VALUE, for example offer=readiness-guide")
        if name in data:
            raise click.UsageError(f"{name!r} is given twice")
        data[name] = scalar(value)
    return data


def span(text: str) -> float:
    """Seconds in ``2d``, ``3 hours``, ``1w``, ``90 minutes``. Days are 24 hours long, for a clock."""
    from nurture.model.timing import Unit, parse_duration

    seconds = {Unit.MINUTES: 60, Unit.HOURS: 3600, Unit.DAYS: 86_400, Unit.WEEKS: 604_800}
    try:
        duration = parse_duration(text)
    except TextError as error:
        raise click.UsageError(f"{text!r} is no span of time: write 2d, 3h or 1w") from error
    if duration.unit not in seconds or not duration.amount:
        raise click.UsageError(f"a clock cannot be moved by {text!r}: write 2d, 3h or 1w")
    return float(duration.amount * seconds[duration.unit])


def workspace_zone(nurture: Nurture) -> ZoneInfo:
    """The zone of the published workspace; UTC while nothing was published."""
    try:
        return nurture.runtime.published().workspace.zone
    except NurtureError:
        return ZoneInfo("UTC")


def local(moment: datetime, zone: ZoneInfo) -> str:
    """``Mon 2 Mar 2026 09:00`` in this zone."""
    from nurture.engine.explain import moment as told

    return told(moment, zone)
