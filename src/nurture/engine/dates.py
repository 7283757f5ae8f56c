"""When a day that a contact carries comes: ``trigger: date contact.renewal_on - 90 days`` rings on it, at nine in their zone.

Only answers. A day without a date, or beyond the years of a calendar, never comes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from nurture.model.expressions import Scope
from nurture.model.matching import DATE_REACHED, DateRule
from nurture.model.timing import to_utc
from nurture.model.words import Contact, Scalar
from nurture.model.workspace import Workspace
from nurture.workflow.model import Stage, TriggerKind, Workflow

NINE = time(9)
ZONES = timedelta(hours=26)
"""Days begin up to 14 hours before they do in UTC, and up to 12 hours after."""
A_YEAR_AND_A_DAY = timedelta(days=368)
"""An anniversary comes within it, whatever the year."""


@dataclass(frozen=True, slots=True)
class DateTrigger:
    """A stage that opens on a day of the contact's; ``enrolls`` when it takes in who is not in the workflow."""

    workflow: str
    stage: str
    rule: DateRule
    enrolls: bool

    @property
    def key(self) -> str:
        """Versions of a workflow that say the same day share it; one that says another has its own."""
        return f"{self.workflow}/{self.stage} {self.rule}"

    def event_id(self, contact_id: int, day: date) -> str:
        """The same for the same day: it rings once, however often it is looked for."""
        return f"date:{self.key}:{contact_id}:{day}"

    def data(self, day: date) -> dict[str, Scalar]:
        """What the event says: for whom it rings, by which rule, and which day has come."""
        told = {"workflow": self.workflow, "stage": self.stage, "rule": str(self.rule)}
        return {**told, "day": day.isoformat()}


NAME = DATE_REACHED


def date_triggers(workflow: Workflow) -> Iterator[DateTrigger]:
    """The stages of a workflow that open on a day."""
    entries = workflow.entries()
    for stage in workflow.stages:
        if stage.trigger and stage.trigger.kind is TriggerKind.DATE and stage.trigger.date:
            yield _trigger(workflow, stage, stage.trigger.date, stage in entries)


def _trigger(workflow: Workflow, stage: Stage, rule: DateRule, enrolls: bool) -> DateTrigger:
    return DateTrigger(workflow.name, stage.name, rule, enrolls)


def days_between(since: datetime, until: datetime) -> tuple[date, date]:
    """The first and the last day that can begin anywhere on earth between two moments."""
    return (since.astimezone(UTC) - ZONES).date(), (until.astimezone(UTC) + ZONES).date()


def next_nine(zone: ZoneInfo, after: datetime) -> datetime:
    """The first nine o'clock of this zone after a moment."""
    today = after.astimezone(zone).date()
    moments = (to_utc(datetime.combine(today + timedelta(days=n), NINE), zone) for n in range(3))
    return next(at for at in moments if at > after)


def comes(
    rule: DateRule, contact: Contact, workspace: Workspace, since: datetime, until: datetime
) -> list[tuple[date, datetime]]:
    """The days of this contact that come after ``since``, up to and with ``until``, each with its moment."""
    scope = Scope(contact, workspace=workspace)
    zone = workspace.zone_of(contact.timezone)
    days = rule.days(scope, *days_between(since, until))
    moments = [(day, to_utc(datetime.combine(day, NINE), zone)) for day in days]
    return [(day, at) for day, at in moments if since < at <= until]


def comes_next(rule: DateRule, contact: Contact, workspace: Workspace, after: datetime) -> datetime | None:
    """The next moment at which a day of this contact comes; None when none will."""
    until = after + A_YEAR_AND_A_DAY
    if not rule.every:
        day = rule.day(Scope(contact, workspace=workspace))
        if day is None or not 1 < day.year < 9999:
            return None
        until = datetime(day.year, day.month, day.day, tzinfo=UTC) + ZONES
    found = comes(rule, contact, workspace, after, until) if until > after else []
    return min((at for _, at in found), default=None)
