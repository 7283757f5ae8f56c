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


_WHY = (
    "look at one with `nurture why EMAIL`; if nobody touched the database by hand, report it with this output"
)
_OURS = "report it with this output: nurture never writes this by itself"

FINDINGS: Mapping[str, tuple[str, str, Severity]] = {
    "does-not-add-up": (
        "messages or calls stand in a state that nobody knows, so that planned and accounted for differ",
        _OURS,
        Severity.ERROR,
    ),
    "half-ended": (
        "rows are over without a time, or have an end and still go on",
        _OURS,
        Severity.ERROR,
    ),
    "stages-do-not-add-up": (
        "enrollments were never entered, or their ends and their status do not agree",
        _OURS,
        Severity.ERROR,
    ),
    "entered-twice": ("one visit of a stage was entered twice without leaving it", _OURS, Severity.ERROR),
    "overdue-turns": (
        "enrollments have been due for more than ten minutes",
        "start `nurture up` (or a scheduler and workers); while they run, look at their log",
        Severity.ERROR,
    ),
    "overdue-messages": (
        "messages have been due for more than ten minutes",
        "start `nurture up` (or a scheduler and workers); while they run, look at their log",
        Severity.ERROR,
    ),
    "overdue-calls": (
        "calls should have expired more than ten minutes ago",
        "start `nurture up` (or a scheduler and workers), which ends them",
        Severity.ERROR,
    ),
    "overdue-outcomes": (
        "what people said of calls should have been read by the workflows more than eight minutes ago",
        "start `nurture up` (or a scheduler and workers); while they run, look at their log",
        Severity.ERROR,
    ),
    "overdue-notices": (
        "mails of our own (lists of calls, tests, questions to confirm) have waited for more than ten minutes",
        "start `nurture up` (or a scheduler and workers); while they run, look at their log",
        Severity.ERROR,
    ),
    "nobody-works": (
        "work is due and nobody is there to do it",
        "start `nurture up`, or `nurture scheduler` and `nurture worker` where they should run",
        Severity.ERROR,
    ),
    "lapsed-claims": (
        "a worker died with these in its hands, and nobody took them over",
        "start `nurture up` (or a scheduler and workers): they are taken over within a minute",
        Severity.ERROR,
    ),
    "undecidable": (
        "enrollments could not be decided, and are tried again every hour",
        "the log of the worker shows where; mend what the example names and publish",
        Severity.ERROR,
    ),
    "nothing-wakes": (
        "live enrollments wait for nothing: no time and no event moves them on",
        _WHY,
        Severity.ERROR,
    ),
    "unread-event": ("an event came, and nothing wakes the enrollment to read it", _WHY, Severity.ERROR),
    "unread-receipt": (
        "a message or call is over, and nothing wakes the enrollment that waits for it",
        _WHY,
        Severity.ERROR,
    ),
    "acting-on-nothing": (
        "enrollments wait for a message or call that does not exist",
        _WHY,
        Severity.ERROR,
    ),
    "message-of-ended": ("messages still wait although their enrollment is over", _WHY, Severity.ERROR),
    "call-of-ended": ("calls are still open although their enrollment is over", _WHY, Severity.ERROR),
    "call-without-outcome": (
        "calls are done without an outcome, have one and are not done, or were cancelled without a reason",
        _OURS,
        Severity.ERROR,
    ),
    "outcome-of-two-minds": (
        "what was said of calls counts although it was taken back, or too early, or was taken back too late",
        _OURS,
        Severity.ERROR,
    ),
    "two-outcomes-wait": ("calls have two outcomes that may both be taken back", _OURS, Severity.ERROR),
    "unforgotten-requests": (
        "forms that nobody confirmed within a month are still kept",
        "start `nurture up` (or a scheduler and workers), which forgets them",
        Severity.ERROR,
    ),
    "sent-early": ("messages went before they were due", _WHY, Severity.ERROR),
    "sent-unnamed": ("messages went without a Message-ID or a recipient on record", _OURS, Severity.ERROR),
    "mailed-after-suppression": (
        "messages went to addresses that were on the suppression list",
        "pause with `nurture pause --everything`, and find out who sent them",
        Severity.ERROR,
    ),
    "mailed-after-withdrawal": (
        "marketing messages went although the contact had withdrawn the permission",
        "pause with `nurture pause --everything`, and find out who sent them",
        Severity.ERROR,
    ),
    "orphans": ("rows name other rows that are not there", "restore the last good backup", Severity.ERROR),
    "channel-paused": (
        "the mail server refuses us, so that no mail leaves; it is tried again by itself",
        "read its words in the example, and mend the account, NURTURE_SMTP_URL or the sender",
        Severity.ERROR,
    ),
    "cannot-sign": (
        "mail is to be signed, and its key cannot be used on this machine; where it sends, such mail waits",
        "do what the example says; where another machine sends, ask there",
        Severity.WARNING,
    ),
    "domain-complains": (
        "too many people of a mail domain called our mail spam, so that marketing mail to it waits",
        "find out who gets what they did not ask for; `nurture domain resume DOMAIN` lets it go on",
        Severity.WARNING,
    ),
    "domain-refuses": (
        "mail to a domain is refused, so that it rests; it is tried again by itself",
        "read its words in the example; `nurture doctor --mail` looks at what receivers look at",
        Severity.WARNING,
    ),
    "endpoint-off": (
        "another system said that it is gone, so that it is told nothing; what is for it waits",
        "ask whoever runs it; then `nurture webhook enable NAME`, or mend its url in nurture.toml and do the same",
        Severity.ERROR,
    ),
    "endpoint-rests": (
        "another system does not answer, so that it rests; it is tried again by itself",
        "read its words in the example; `nurture webhook test NAME` tries it now",
        Severity.WARNING,
    ),
    "mailbox-unread": (
        "the mailbox that bounces and answers come to was not read for more than 15 minutes",
        "read the server's words in the example and mend NURTURE_MAILBOX_URL; `nurture up` must run, with it set",
        Severity.ERROR,
    ),
    "mailbox-left-out": (
        "messages in the mailbox could not be taken in, and were left where they are",
        "report it with this output; the log of the worker names the kind of mistake",
        Severity.WARNING,
    ),
    "unmatched-reports": (
        "bounces or complaints of the last week are about no message of ours, and changed nothing",
        "look at them under Mail, What came back; other programs may share the mailbox or the provider's account",
        Severity.WARNING,
    ),
    "beyond-its-plan": (
        "a workflow was paused by itself: it planned far more messages in a day than its plan foresaw",
        "find out why, in `nurture plan` and its contacts; `nurture resume WORKFLOW` lets it go on",
        Severity.WARNING,
    ),
    "ambiguous": (
        "a crash hid whether these messages went out; they are never sent again by themselves",
        "look for the Message-ID in the mail server's log",
        Severity.WARNING,
    ),
    "notice-in-doubt": (
        "a crash hid whether these mails of our own went out; they are never sent again by themselves",
        "ask again for what did not come: the form, the test, the list of calls in the admin",
        Severity.WARNING,
    ),
    "notice-failed": (
        "mails to our own people did not go out in the last week",
        "mend the address in [teams] or of the account, or take it off the suppression list",
        Severity.WARNING,
    ),
    "nobody-calls": (
        "calls are open that nobody was given",
        "add members to [teams] in nurture.toml, or give the contacts an owner",
        Severity.WARNING,
    ),
    "gone-callers": (
        "calls are given to people who are in no team and cannot log in",
        "give the calls to somebody else on the page of calls, or add the person to [teams] in nurture.toml",
        Severity.WARNING,
    ),
    "everything-paused": (
        "everything is paused: events are read, nothing is sent and no call is opened",
        "`nurture resume --everything` lets it go on",
        Severity.WARNING,
    ),
}
