"""What needs a person: messages in doubt, calls nobody makes, brakes that are on, files that cannot be published.

It names each with its count, what it means and what to do, the most pressing first. It mends nothing by itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import Connection

from nurture.db import hooks, needs, pauses, state
from nurture.db.needs import Waiting
from nurture.db.pauses import PauseScope
from nurture.db.volume import BREAKER
from nurture.model.calendars import day_span
from nurture.model.teams import members
from nurture.model.workspace import Workspace
from nurture.services.files.drafts import Draft
from nurture.services.presence import alive
from nurture.services.running.doctor import EMAIL
from nurture.services.runtime import Runtime
from nurture.services.sending import domains

LATELY = timedelta(days=7)
"""How long a failed message or a dead address stays on the list."""


class Urgency(StrEnum):
    NOW = "now"
    """Work stands still until somebody acts."""
    SOON = "soon"
    KNOW = "know"
    """Nothing waits; it is good to know."""


class Where(StrEnum):
    """Where a person looks at it."""

    SENDING = "sending"
    WORKFLOW = "workflow"
    WORKFLOWS = "workflows"
    PLAN = "plan"
    CALLS = "calls"
    AMBIGUOUS = "ambiguous"
    FAILED = "failed"
    BOUNCED = "bounced"
    WEBHOOKS = "webhooks"
    DOMAINS = "domains"
    NOWHERE = "nowhere"
    """Not on a page: on the machine that runs it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """One thing to look at. ``subject`` is the workflow or person that it is about, where it is about one."""

    code: str
    urgency: Urgency
    count: int
    said: str
    remedy: str
    where: Where
    subject: str | None = None


def needs_of(runtime: Runtime, draft: Draft) -> tuple[Need, ...]:
    """Everything that waits for a person now, the most pressing first. ``draft`` is the project folder as it is."""
    now, operational = runtime.now(), runtime.clock.operational()
    with runtime.database.read() as tx:
        workspace = runtime.shelf.published(tx).workspace
        found = [
            *_held(tx),
            *_machinery(tx, operational),
            *_from_counts(needs.waiting(tx, now, now - LATELY)),
            *_overloaded(needs.calls_until(tx, _end_of_day(now, workspace)), workspace),
        ]
    found += _files(draft)
    order = list(Urgency)
    return tuple(sorted(found, key=lambda need: order.index(need.urgency)))


def _held(tx: Connection) -> Iterator[Need]:
    for pause in pauses.open_pauses(tx, ()):
        because = f": {pause.reason}" if pause.reason else ""
        if pause.scope is PauseScope.EVERYTHING:
            yield _need("everything-paused", 1, said=f"All sending is stopped{because}.")
        elif pause.actor == BREAKER and pause.workflow:
            yield _need(
                "beyond-its-plan",
                1,
                said=f"Workflow '{pause.workflow}' was paused by itself{because}.",
                subject=pause.workflow,
            )
        elif pause.scope is PauseScope.WORKFLOW:
            yield _need(
                "workflow-paused",
                1,
                said=f"Workflow '{pause.workflow}' is paused{because}.",
                subject=pause.workflow,
            )


def _machinery(tx: Connection, operational: datetime) -> Iterator[Need]:
    channel = state.channel_pause(tx, EMAIL)
    if channel and channel.until > operational:
        yield _need("channel-paused", channel.times, said=f"The mail server refuses us: {channel.reason}")
    for code, said in domains.findings(tx, operational):
        yield _need(code, 1, said=f"{KINDS[code][1]} {said}.")
    for one in hooks.closed(tx).values():
        if one.off:
            said = f"Endpoint '{one.endpoint}' said that it is gone, and is told nothing any more."
            yield _need("endpoint-off", 1, said=said, subject=one.endpoint)
    missing = [role for role in ("scheduler", "worker") if not alive(tx, role, operational)]
    if missing:
        yield _need("nobody-works", len(missing), said=f"No {' and no '.join(missing)} gives a sign of life.")


def _from_counts(waiting: Waiting) -> Iterator[Need]:
    counted = {
        "ambiguous": waiting.ambiguous,
        "undecidable": waiting.troubled,
        "nobody-calls": waiting.calls_unassigned,
        "late-calls": waiting.calls_late,
        "failed": waiting.failed,
        "bounced": waiting.bounced,
    }
    for code, count in counted.items():
        if count:
            yield _need(code, count)


def _overloaded(due: Mapping[str | None, int], workspace: Workspace) -> Iterator[Need]:
    """People who have more calls to make today than their team says they can."""
    capacity = {one.key: one for one in members(workspace) if one.capacity is not None}
    for key, person in capacity.items():
        count = due.get(key, 0)
        if person.capacity is not None and count > person.capacity:
            said = f"{person.name} has {count} calls to make today, and room for {person.capacity}."
            yield _need("overloaded", count - person.capacity, said=said, subject=person.address)


def _files(draft: Draft) -> Iterator[Need]:
    if draft.errors:
        yield _need("broken-files", len(draft.errors))
    elif draft.changed:
        yield _need("unpublished", len(draft.changed))


def _end_of_day(now: datetime, workspace: Workspace) -> datetime:
    _, midnight = day_span(now.astimezone(workspace.zone).date(), workspace.zone)
    return midnight


def _need(code: str, count: int, *, said: str | None = None, subject: str | None = None) -> Need:
    urgency, one, many, remedy, where = KINDS[code]
    words = said or (one if count == 1 else many.format(count=f"{count:,}"))
    return Need(
        code=code, urgency=urgency, count=count, said=words, remedy=remedy, where=where, subject=subject
    )


KINDS: Mapping[str, tuple[Urgency, str, str, str, Where]] = {
    "everything-paused": (
        Urgency.NOW,
        "All sending is stopped.",
        "All sending is stopped.",
        "Go on sending when the reason is gone.",
        Where.SENDING,
    ),
    "beyond-its-plan": (
        Urgency.NOW,
        "A workflow was paused by itself: it sends far more than its plan foresaw.",
        "{count} workflows were paused by themselves: they send far more than their plans foresaw.",
        "Find out why; resuming it begins the day's count anew.",
        Where.WORKFLOW,
    ),
    "channel-paused": (
        Urgency.NOW,
        "The mail server refuses us.",
        "The mail server refuses us.",
        "Look at NURTURE_SMTP_URL and the account; it is tried again by itself.",
        Where.NOWHERE,
    ),
    "domain-complains": (
        Urgency.NOW,
        "Too many people of a mail domain called our mail spam; marketing mail to it waits.",
        "Too many people of {count} mail domains called our mail spam; marketing mail to them waits.",
        "Find out who gets what they did not ask for, then let it go on.",
        Where.DOMAINS,
    ),
    "domain-refuses": (
        Urgency.SOON,
        "Mail to a domain is refused, and rests.",
        "Mail to {count} domains is refused, and rests.",
        "Read its words; it is tried again by itself.",
        Where.DOMAINS,
    ),
    "endpoint-off": (
        Urgency.NOW,
        "An endpoint is gone.",
        "{count} endpoints are gone.",
        "Ask whoever runs it; then switch it on with `nurture webhook enable NAME`.",
        Where.WEBHOOKS,
    ),
    "nobody-works": (
        Urgency.NOW,
        "Nobody does what falls due.",
        "Nobody does what falls due.",
        "Start `nurture up`, or a scheduler and workers where they should run.",
        Where.NOWHERE,
    ),
    "broken-files": (
        Urgency.SOON,
        "One problem keeps the project's files from being published; the last good version goes on.",
        "{count} problems keep the project's files from being published; the last good version goes on.",
        "Each is shown at its line.",
        Where.WORKFLOWS,
    ),
    "ambiguous": (
        Urgency.SOON,
        "One message may or may not have gone out.",
        "{count} messages may or may not have gone out.",
        "Look into the mail server's log, then say how they ended.",
        Where.AMBIGUOUS,
    ),
    "undecidable": (
        Urgency.NOW,
        "One contact's next step cannot be decided; it is tried again every hour.",
        "{count} contacts' next steps cannot be decided; they are tried again every hour.",
        "`nurture doctor` names them; mend the file and publish.",
        Where.NOWHERE,
    ),
    "nobody-calls": (
        Urgency.SOON,
        "One call has nobody to make it.",
        "{count} calls have nobody to make them.",
        "Give it to somebody, or add members to the team in nurture.toml.",
        Where.CALLS,
    ),
    "late-calls": (
        Urgency.SOON,
        "One call should have been made by now.",
        "{count} calls should have been made by now.",
        "Make it before it expires, or give it to somebody who can.",
        Where.CALLS,
    ),
    "overloaded": (
        Urgency.SOON,
        "One person has too many calls.",
        "{count} calls are more than people can make today.",
        "Give some of them to others.",
        Where.CALLS,
    ),
    "failed": (
        Urgency.KNOW,
        "One message failed in the last week.",
        "{count} messages failed in the last week.",
        "Each says what the mail server or the template said.",
        Where.FAILED,
    ),
    "bounced": (
        Urgency.KNOW,
        "One address turned out dead in the last week.",
        "{count} addresses turned out dead in the last week.",
        "Ask for another address when you next speak.",
        Where.BOUNCED,
    ),
    "workflow-paused": (
        Urgency.SOON,
        "A workflow is paused.",
        "{count} workflows are paused.",
        "Resume it when the reason is gone.",
        Where.WORKFLOW,
    ),
    "unpublished": (
        Urgency.KNOW,
        "One file differs from what is published.",
        "{count} files differ from what is published.",
        "The plan says what publishing would change, and makes it live.",
        Where.PLAN,
    ),
}
"""By code: how pressing, the sentence for one and for many, the remedy, and where to look."""
