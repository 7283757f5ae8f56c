"""A mail domain that does not want our mail is left alone for a while, and no other domain suffers from it.

Two reasons: too many of its people called our mail spam, and then only marketing waits; or its server refuses us while
others take our mail. Both end by themselves, or by hand. Whether a single message may go is never asked here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Connection

from nurture.db import domain_days, paces, state
from nurture.db.domain_days import Sums
from nurture.model.errors import NotFoundError
from nurture.model.words import Reason
from nurture.services.runtime import Runtime
from nurture.services.sending.pacing import Waits

log = structlog.get_logger()

GAUGE = "complaint gauge"
"""Who does it, in the audit log."""
WINDOW = timedelta(days=7)
STOPS_AT, GOES_ON_BELOW = 0.003, 0.001
"""Gmail and Yahoo: never reach 0.3 %, stay below 0.1 %."""
LEAST_MAILS, LEAST_COMPLAINTS = 100, 2
"""Fewer say nothing about a share so small: one angry click among a dozen mails is no rate."""
LOOKS_AGAIN = timedelta(hours=1)
FIRST_REST, LAST_REST = timedelta(seconds=30), timedelta(minutes=30)
"""How long a domain that refuses us is left alone: doubling, and over by itself."""
KEPT = timedelta(days=90)
MOST_SHOWN = 20
_GAUGE, _REFUSES = "gauge:", "refuses:"


@dataclass(frozen=True, slots=True)
class Resting:
    """Why a domain gets no marketing mail: the share of complaints when it was stopped, since when."""

    since: datetime
    sent: int
    complained: int

    @property
    def said(self) -> str:
        return f"{self.complained:,} of {self.sent:,} messages in a week were called spam"


@dataclass(frozen=True, slots=True)
class Refusing:
    """A domain for which a server refuses us: until when it is left alone, its words, how often in a row."""

    until: datetime
    said: str
    times: int

    def lasts(self, operational: datetime) -> bool:
        """Whether it rests now; one for longer than that was begun while the clock was ahead."""
        return timedelta(0) < self.until - operational <= LAST_REST


@dataclass(frozen=True, slots=True)
class Rests:
    """All domains that are left alone, read once for a batch."""

    complaining: Mapping[str, Resting] = field(default_factory=dict)
    refusing: Mapping[str, Refusing] = field(default_factory=dict)

    def waits(self, domain: str, operational: datetime, *, marketing: bool) -> Waits | None:
        """Why a message to this domain waits, and until when it does at least."""
        refusing = self.refusing.get(domain)
        if refusing and refusing.lasts(operational):
            return Waits(refusing.until, Reason.DOMAIN_RESTS, f"{domain} refuses us: {refusing.said}")
        resting = self.complaining.get(domain)
        if resting and marketing:
            said = f"marketing mail to {domain} is paused: {resting.said}"
            return Waits(operational + LOOKS_AGAIN, Reason.DOMAIN_RESTS, said)
        return None


@dataclass(frozen=True, slots=True)
class Standing:
    """How mail to one domain went in the last week, and whether it rests now."""

    domain: str
    sent: int
    bounced: int
    complained: int
    complaint_rate: float
    resting: Resting | None = None
    refusing: Refusing | None = None


def rests(tx: Connection) -> Rests:
    """Which domains rest, one way or the other; some may be over."""
    return Rests(
        {
            name: Resting(datetime.fromisoformat(one["since"]), one["sent"], one["complained"])
            for name, one in state.by_prefix(tx, _GAUGE).items()
            if one["since"]
        },
        {
            name: Refusing(datetime.fromisoformat(one["until"]), one["said"], one["times"])
            for name, one in state.by_prefix(tx, _REFUSES).items()
        },
    )


def standings(tx: Connection, operational: datetime) -> list[Standing]:
    """The domains that most mail went to in the last week, those that rest first."""
    since = (operational - WINDOW).date()
    found = rests(tx)
    refusing = {name: one for name, one in found.refusing.items() if one.lasts(operational)}
    named = found.complaining.keys() | refusing.keys()
    sums = {one.domain: one for one in domain_days.largest(tx, since, MOST_SHOWN)}
    sums |= domain_days.of_domains(tx, set(named), since) if named else {}
    listed = [*sorted(named), *(name for name in sums if name not in named)]
    return [
        Standing(
            domain=name,
            sent=one.sent,
            bounced=one.bounced,
            complained=one.complained,
            complaint_rate=one.complaint_rate,
            resting=found.complaining.get(name),
            refusing=refusing.get(name),
        )
        for name in listed
        for one in (sums.get(name, Sums(name, 0, 0, 0)),)
    ]


def all_standings(runtime: Runtime) -> list[Standing]:
    """The same, of now."""
    with runtime.database.read() as tx:
        return standings(tx, runtime.clock.operational())


# --- refusals ---------------------------------------------------------------------------------------------------


def refuse(tx: Connection, refusals: Mapping[str, str], operational: datetime) -> None:
    """Leave these domains alone for a while, longer each time; the values are what was said."""
    for domain, said in sorted(refusals.items()):
        before = state.get(tx, _REFUSES + domain)
        times = (before["times"] if before else 0) + 1
        until = operational + min(LAST_REST, FIRST_REST * 2 ** min(times - 1, 10))
        value = {"until": until.isoformat(), "said": said, "times": times}
        state.put(tx, _REFUSES + domain, value, operational)
        log.warning("domain refuses us", domain=domain, until=until.isoformat(), reply=said)


def forgive(tx: Connection, taken: Iterable[str]) -> None:
    """These domains take our mail again."""
    for domain in sorted(taken):
        state.clear(tx, _REFUSES + domain)


# --- complaints -------------------------------------------------------------------------------------------------


def look(tx: Connection, runtime: Runtime) -> list[str]:
    """Read the gauge: pause what reached 0.3 %, let go on what fell below 0.1 %. Returns the domains newly paused.

    What somebody let go on by hand is judged by the complaints that came since.
    """
    operational = runtime.clock.operational()
    since = (operational - WINDOW).date()
    loud = {one.domain: one for one in domain_days.complained_of(tx, since, LEAST_COMPLAINTS)}
    known = state.by_prefix(tx, _GAUGE)
    quiet = known.keys() - loud.keys()
    sums = loud | (domain_days.of_domains(tx, quiet, since) if quiet else {})
    paused = []
    for domain in sorted(sums.keys() | known.keys()):
        now, before = sums.get(domain, Sums(domain, 0, 0, 0)), known.get(domain)
        after = _judged(now, before, since, operational)
        if after == before:
            continue
        if after is None:
            state.clear(tx, _GAUGE + domain)
        else:
            state.put(tx, _GAUGE + domain, after, operational)
        begins, ends = _rests(after) and not _rests(before), _rests(before) and not _rests(after)
        if begins:
            paused.append(domain)
            log.error("too many complaints", domain=domain, sent=now.sent, complained=now.complained)
        if begins or ends:
            told = {"sent": now.sent, "complained": now.complained}
            runtime.audit(tx, GAUGE, "pause" if begins else "resume", domain, told)
        if ends:
            paces.wake(tx, Reason.DOMAIN_RESTS)
    return paused


def _judged(
    now: Sums, before: Mapping[str, Any] | None, since: date, operational: datetime
) -> dict[str, Any] | None:
    """What is to be known of this domain; None for nothing."""
    # By their days, for they leave the week as they came into it: one sum would excuse later complaints in their stead.
    known = before["forgiven"] if before else {}
    forgiven = {day: number for day, number in known.items() if day >= since.isoformat()}
    complained = now.complained - sum(forgiven.values())
    rate = complained / now.sent if now.sent else 0.0
    if before is not None and _rests(before):
        return dict(before) if rate >= GOES_ON_BELOW else None
    if now.sent >= LEAST_MAILS and complained >= LEAST_COMPLAINTS and rate >= STOPS_AT:
        return {
            "since": operational.isoformat(),
            "sent": now.sent,
            "complained": complained,
            "forgiven": forgiven,
        }
    return {"since": None, "sent": 0, "complained": 0, "forgiven": forgiven} if forgiven else None


def _rests(known: Mapping[str, Any] | None) -> bool:
    return bool(known and known["since"])


def resume(runtime: Runtime, domain: str, actor: str, reason: str = "") -> int:
    """Let mail to this domain go on, by hand: the complaints so far count no more. Returns how many messages ask again.

    Raises NotFoundError when it does not rest.
    """
    name = domain.strip().lower().removeprefix("@")

    def write(tx: Connection) -> int:
        operational = runtime.clock.operational()
        gauge, refuses = state.held(tx, _GAUGE + name), state.held(tx, _REFUSES + name)
        if not (_rests(gauge) or refuses):
            raise NotFoundError(f"mail to '{name}' is not paused", hint="see `nurture domain list`")
        if gauge and _rests(gauge):
            forgiven = domain_days.complaints_of(tx, name, (operational - WINDOW).date())
            value = {"since": None, "sent": 0, "complained": 0, "forgiven": forgiven}
            state.put(tx, _GAUGE + name, value, operational)
        if refuses:
            state.clear(tx, _REFUSES + name)
        runtime.audit(tx, actor, "resume", name, {"reason": reason} if reason else {})
        return paces.wake(tx, Reason.DOMAIN_RESTS)

    return runtime.database.retrying(write)


def forget(tx: Connection, operational: datetime) -> None:
    """Forget the days that no gauge reads any more."""
    domain_days.forget(tx, (operational - KEPT).date())


def findings(tx: Connection, operational: datetime) -> Iterator[tuple[str, str]]:
    """The domains that rest and why: the code of ``doctor``, and words."""
    for one in standings(tx, operational):
        if one.resting:
            yield (
                "domain-complains",
                f"{one.domain} since {one.resting.since.date().isoformat()}: {one.resting.said}",
            )
        if one.refusing:
            until = one.refusing.until.isoformat(timespec="seconds")
            yield "domain-refuses", f"{one.domain} until {until}: {one.refusing.said}"
