"""Is everything in order? Proves the accounting, finds what is stuck or contradicts itself, and names the remedy.

It repairs nothing by itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection

from nurture.db import content, contradictions, hooks, pauses, state, tasks
from nurture.db.contradictions import Found
from nurture.db.pauses import PauseScope
from nurture.db.volume import BREAKER
from nurture.model.errors import Severity
from nurture.model.words import DeliveryState, TaskState
from nurture.rendering.dkim import DkimError
from nurture.services.inbound import report_list
from nurture.services.phone.calls import callers
from nurture.services.presence import alive
from nurture.services.privacy import retention
from nurture.services.privacy.erasing import Gone, gone
from nurture.services.running.findings import FINDINGS
from nurture.services.runtime import Runtime
from nurture.services.sending import domains

EMAIL = "email"


@dataclass(frozen=True, slots=True)
class Finding:
    """One kind of trouble: what it means, what to do, how often, and rows to look at.

    A warning is for a person to look at; an error means that something is not as it must be.
    """

    code: str
    message: str
    remedy: str
    count: int
    example: str
    examples: tuple[str, ...]
    severity: Severity


@dataclass(frozen=True, slots=True)
class Tally:
    """What became of all that was planned. ``pending`` counts what is claimed or in its dialogue too."""

    planned: int
    sent: int
    skipped: int
    failed: int
    ambiguous: int
    pending: int
    opened: int
    done: int
    expired: int
    cancelled: int
    open: int

    @property
    def adds_up(self) -> bool:
        messages = self.sent + self.skipped + self.failed + self.ambiguous + self.pending
        calls = self.done + self.expired + self.cancelled + self.open
        return self.planned == messages and self.opened == calls


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The whole answer. ``ok`` is no error; warnings do not spoil it."""

    tally: Tally
    findings: tuple[Finding, ...]
    erased: Gone = field(default_factory=Gone)
    """What no figure counts any more."""
    let_go: Mapping[str, int] = field(default_factory=dict)
    """How much ``[retention]`` takes next, by its keys."""

    @property
    def ok(self) -> bool:
        return not any(finding.severity is Severity.ERROR for finding in self.findings)


def examine(runtime: Runtime) -> Diagnosis:
    """Look at everything, in one snapshot."""
    now, operational = runtime.now(), runtime.clock.operational()
    with runtime.database.read() as tx:
        tally, erased = _tally(tx), gone(tx)
        let_go = _to_let_go(tx, runtime, now)
        findings = [
            *_accounting(tally),
            *_contradicting(tx, now, operational),
            *_nobody_there(tx, runtime),
            *_standing_still(tx, operational),
            *_endpoints(tx, operational),
            *_domains(tx, operational),
            *_keys(tx, runtime),
            *_returns(tx, runtime),
        ]
    ordered = sorted(findings, key=lambda one: one.severity is not Severity.ERROR)
    return Diagnosis(tally, tuple(ordered), erased, let_go)


def _to_let_go(tx: Connection, runtime: Runtime, now: datetime) -> Mapping[str, int]:
    if not content.publications(tx):
        return {}
    return retention.waiting(tx, runtime.shelf.published(tx).workspace.retention, now)


def _tally(tx: Connection) -> Tally:
    messages, calls = contradictions.delivery_counts(tx), contradictions.task_counts(tx)
    under_way = (DeliveryState.PENDING, DeliveryState.CLAIMED, DeliveryState.SENDING)
    return Tally(
        planned=sum(messages.values()),
        sent=messages.get(DeliveryState.SENT, 0),
        skipped=messages.get(DeliveryState.SKIPPED, 0),
        failed=messages.get(DeliveryState.FAILED, 0),
        ambiguous=messages.get(DeliveryState.AMBIGUOUS, 0),
        pending=sum(messages.get(one, 0) for one in under_way),
        opened=sum(calls.values()),
        done=calls.get(TaskState.DONE, 0),
        expired=calls.get(TaskState.EXPIRED, 0),
        cancelled=calls.get(TaskState.CANCELLED, 0),
        open=calls.get(TaskState.OPEN, 0),
    )


def _accounting(tally: Tally) -> Iterator[Finding]:
    if not tally.adds_up:
        known = sum((tally.sent, tally.skipped, tally.failed, tally.ambiguous, tally.pending))
        known += sum((tally.done, tally.expired, tally.cancelled, tally.open))
        yield _finding("does-not-add-up", Found(tally.planned + tally.opened - known, ()))


def _contradicting(tx: Connection, now: datetime, operational: datetime) -> Iterator[Finding]:
    found = contradictions.find_contradictions(tx, now, operational)
    for code, rows in found.items():
        yield _finding(code, rows)
    late = sum(found[code].count for code in ("overdue-turns", "overdue-messages") if code in found)
    missing = [role for role in ("scheduler", "worker") if not alive(tx, role, operational)]
    if late and missing:
        yield _finding("nobody-works", Found(len(missing), tuple(f"no {role}" for role in missing)))


def _nobody_there(tx: Connection, runtime: Runtime) -> Iterator[Finding]:
    """Calls on the lists of people whom nobody knows any more."""
    if not content.publications(tx):
        return
    known = callers(tx, runtime.shelf.published(tx).workspace)
    gone = {who: count for who, count in tasks.waiting_counts(tx).items() if who and who not in known}
    if gone:
        said = tuple(f"{who}: {count}" for who, count in sorted(gone.items()))
        yield _finding("gone-callers", Found(sum(gone.values()), said))


def _standing_still(tx: Connection, operational: datetime) -> Iterator[Finding]:
    channel = state.channel_pause(tx, EMAIL)
    if channel and channel.until > operational:
        until = channel.until.isoformat(timespec="seconds")
        yield _finding("channel-paused", Found(channel.times, (f"until {until}: {channel.reason}",)))
    for pause in pauses.open_pauses(tx, ()):
        if pause.scope is PauseScope.EVERYTHING:
            since = pause.since.isoformat(timespec="seconds")
            yield _finding(
                "everything-paused", Found(1, (f"since {since} by {pause.actor}: {pause.reason}",))
            )
        elif pause.actor == BREAKER and pause.workflow:
            yield _finding("beyond-its-plan", Found(1, (f"{pause.workflow}: {pause.reason}",)))


def _endpoints(tx: Connection, operational: datetime) -> Iterator[Finding]:
    """Other systems that get nothing now."""
    shut = [one for one in hooks.closed(tx).values() if one.at(operational)]
    for code, some in (
        ("endpoint-off", [one for one in shut if one.off]),
        ("endpoint-rests", [one for one in shut if not one.off]),
    ):
        if some:
            said = (
                f"{one.endpoint} since {one.since.isoformat(timespec='seconds')}: {one.said}" for one in some
            )
            yield _finding(code, Found(len(some), tuple(said)))


def _domains(tx: Connection, operational: datetime) -> Iterator[Finding]:
    """Mail domains that are left alone now."""
    resting = list(domains.findings(tx, operational))
    for code in ("domain-complains", "domain-refuses"):
        said = tuple(words for kind, words in resting if kind == code)
        if said:
            yield _finding(code, Found(len(said), said))


def _keys(tx: Connection, runtime: Runtime) -> Iterator[Finding]:
    """Senders whose mail should be signed and cannot be, here where this is asked."""
    if not content.publications(tx):
        return
    said = []
    for sender in runtime.shelf.published(tx).workspace.senders.values():
        try:
            runtime.keys.signer(sender)
        except DkimError as error:
            said.append(str(error))
    if said:
        yield _finding("cannot-sign", Found(len(said), tuple(said)))


def _returns(tx: Connection, runtime: Runtime) -> Iterator[Finding]:
    """What came back, and whether anybody reads it."""
    for code, count, said in report_list.trouble(tx, runtime):
        yield _finding(code, Found(count, (said,)))


def _finding(code: str, found: Found) -> Finding:
    message, remedy, severity = FINDINGS[code]
    example = found.examples[0] if found.examples else ""
    return Finding(code, message, remedy, found.count, example, found.examples, severity)
