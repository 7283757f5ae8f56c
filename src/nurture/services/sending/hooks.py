"""Tell other systems: claim what waits for each endpoint, send a few at once, write down what they answered.

At least once, under one id, for about four days; the receiver tells a second copy by its id. An endpoint that does not
answer rests, and one that says it is gone is switched off: neither holds up mail or the other endpoints.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import repeat
from threading import Lock
from time import monotonic
from typing import Any

import structlog
from sqlalchemy import Connection

from nurture.channels.base import allows
from nurture.channels.reach import UnreachableError, read_target
from nurture.channels.webhook import Answer, Silence
from nurture.db import contacts, events, hooks, outbox
from nurture.db.hooks import Closed
from nurture.db.outbox import LEASE, ClaimedDelivery, Leaving
from nurture.model.errors import NurtureError
from nurture.model.words import Contact, DeliveryState, Event, Payload, Reason
from nurture.services.advancing.stages import older_versions
from nurture.services.published import Published
from nurture.services.runtime import Runtime
from nurture.services.sending.compose import chat_words
from nurture.services.sending.deliver import backoff, letter_of
from nurture.services.sending.keep import kept
from nurture.services.sending.refusals import FIRST_PAUSE, LAST_PAUSE
from nurture.workflow.model import Workflow

log = structlog.get_logger()

Reply = Answer | Silence

ACTOR = "nurture"
AT_ONCE = 4
"""Requests to one endpoint at the same moment, from one process."""
SHARE = 32
"""Messages that one endpoint gets in one batch."""
MOST_ENDPOINTS = 8
BUDGET = 15.0
"""Seconds after which a batch begins no other request; the last may take ten more."""
FIRST_RETRY = timedelta(seconds=30)
MOST_ATTEMPTS = 25
"""Doubling from half a minute to six hours, this many attempts take about four days."""
LONGEST_WISH = timedelta(days=1)
"""How far ``Retry-After`` may put a message off."""
CAUGHT = Answer(
    202, "caught: while NURTURE_SMTP_URL is catch: nothing leaves but to what NURTURE_WEBHOOK_ALLOW names"
)


@dataclass(frozen=True, slots=True)
class Ready:
    """A claimed message with all it says. ``fresh``: it was worked out just now."""

    claim: ClaimedDelivery
    url: str
    payload: Payload
    fresh: bool = False

    @property
    def host(self) -> str:
        """For the books: the path of an address may be a secret."""
        return host_of(self.url)


@dataclass(frozen=True, slots=True)
class _Known:
    """What the messages of a batch are made of."""

    published: Published
    older: Sequence[Workflow]
    people: Mapping[int, Contact]
    evidence: Mapping[int, Event]


class _EndsHereError(Exception):
    """This message ends before anything is sent."""

    def __init__(self, state: DeliveryState, reason: Reason, detail: str | None = None) -> None:
        super().__init__(reason)
        self.state, self.reason, self.detail = state, reason, detail


@dataclass
class Hooks:
    """The one who tells other systems. In one process one batch runs at a time: the other threads are for mail."""

    runtime: Runtime
    _busy: Lock = field(default_factory=Lock)

    def batch(self) -> int:
        """Some of what waits for each endpoint; returns how many messages came to an end or another date."""
        if not self._busy.acquire(blocking=False):
            return 0
        try:
            return self._batch()
        finally:
            self._busy.release()

    def _batch(self) -> int:
        database, clock = self.runtime.database, self.runtime.clock
        with database.read() as tx:
            waiting = hooks.waiting_for(tx, clock.now(), clock.operational())[:MOST_ENDPOINTS]
        if not waiting:
            return 0
        with database.write() as tx:
            now, operational = clock.now(), clock.operational()
            claimed = {
                endpoint: outbox.claim(tx, now, operational, limit=SHARE, endpoint=endpoint)
                for endpoint in waiting
            }
        everything = [claim for claims in claimed.values() for claim in claims]
        if not everything:
            return 0
        known = self._known(everything)
        with kept(database, clock, everything), ThreadPoolExecutor(len(claimed)) as pool:
            return sum(pool.map(self._serve, claimed.keys(), claimed.values(), repeat(known)))

    def _known(self, claims: Sequence[ClaimedDelivery]) -> _Known:
        with self.runtime.database.read() as tx:
            published = self.runtime.shelf.published(tx)
            notices = [claim for claim in claims if claim.payload == {}]
            return _Known(
                published,
                older_versions(tx, self.runtime.shelf, published, notices),
                contacts.load(tx, {claim.contact_id for claim in notices}),
                events.by_ids(tx, {claim.event_id for claim in claims if claim.event_id}),
            )

    # --- one endpoint ---------------------------------------------------------------------------------------

    def _serve(self, endpoint: str, claims: Sequence[ClaimedDelivery], known: _Known) -> int:
        """Group after group, while the endpoint takes them and there is time; the rest goes back untouched."""
        ends = monotonic() + BUDGET
        waiting, done = list(claims), 0
        with ThreadPoolExecutor(AT_ONCE) as lines:
            while waiting and monotonic() < ends and not self.runtime.draining.is_set():
                group, waiting = waiting[:AT_ONCE], waiting[AT_ONCE:]
                replies = self._send(endpoint, group, known, lines)
                done += len(group)
                if _stops(replies):
                    break
        if waiting:
            with self.runtime.database.write() as tx:
                outbox.release(tx, waiting)
        return done

    def _send(
        self, endpoint: str, group: Sequence[ClaimedDelivery], known: _Known, lines: ThreadPoolExecutor
    ) -> list[Reply]:
        """One group: asked at the gates once more, sent, and written down."""
        clock, now = self.runtime.clock, self.runtime.now()
        ready, ended = self._compose(group, known, now)
        leaving = [Leaving(one.claim.id, one.claim.fence, one.claim.key, one.host) for one in ready]
        with self.runtime.database.write() as tx:
            outbox.record_outcomes(tx, ended, now)
            hooks.keep_payloads(tx, {one.claim.id: one.payload for one in ready if one.fresh})
            may_go = outbox.mark_sending(tx, leaving, now, clock.operational() + LEASE)
        going = [one for one in ready if one.claim.id in may_go]
        replies = list(lines.map(self._post, going))
        outcomes = [self._written(one.claim, reply) for one, reply in zip(going, replies, strict=True)]

        def write(tx: Connection) -> None:
            outbox.record_outcomes(tx, outcomes, self.runtime.now())
            self._judge(tx, endpoint, replies)

        if going:
            self.runtime.database.retrying(write)
        return replies

    def _post(self, one: Ready) -> Reply:
        way = self.runtime.webhooks
        try:
            if way.keeps(one.url):
                return CAUGHT
        except UnreachableError as error:
            return Silence(str(error))
        claim = one.claim
        at = self.runtime.clock.operational()
        return way.post(claim.team or "", one.url, claim.key, as_bytes(one.payload), at)

    # --- before ---------------------------------------------------------------------------------------------

    def _compose(
        self, claims: Sequence[ClaimedDelivery], known: _Known, now: datetime
    ) -> tuple[list[Ready], list[outbox.Outcome]]:
        """Every message that can go; the others end here, each with its reason."""
        ready: list[Ready] = []
        ended: list[outbox.Outcome] = []
        for claim in claims:
            try:
                ready.append(self._ready(claim, known, now))
            except _EndsHereError as end:
                ended.append(outbox.Outcome(claim.id, claim.fence, end.state, end.reason, end.detail))
                log.warning("webhook ends unsent", delivery=claim.id, reason=end.reason, detail=end.detail)
        return ready, ended

    def _ready(self, claim: ClaimedDelivery, known: _Known, now: datetime) -> Ready:
        endpoint = known.published.workspace.webhooks.get(claim.team or "")
        if endpoint is None:
            raise _EndsHereError(DeliveryState.FAILED, Reason.ENDPOINT_MISSING, claim.team)
        if claim.payload is None:  # whoever is erased takes along what would have been said of them
            raise _EndsHereError(DeliveryState.SKIPPED, Reason.ERASED)
        one = Ready(claim, endpoint.url, claim.payload)
        if not is_listed(self.runtime, endpoint.url):
            raise _EndsHereError(DeliveryState.SKIPPED, Reason.NOT_ALLOWED)
        return (
            one if claim.payload else Ready(claim, endpoint.url, self._notice(claim, known, now), fresh=True)
        )

    def _notice(self, claim: ClaimedDelivery, known: _Known, now: datetime) -> Payload:
        """The words of a notice, as the systems take them in which people talk."""
        person = known.people.get(claim.contact_id)
        if person is None:
            raise _EndsHereError(DeliveryState.SKIPPED, Reason.ERASED)
        evidence = known.evidence.get(claim.event_id or 0)
        letter = letter_of(claim, person, evidence, known.published, known.older)
        workspace, templates = known.published.workspace, known.published.templates
        try:
            return chat_words(letter, workspace, templates, self.runtime.links, now)
        except NurtureError as error:
            raise _EndsHereError(DeliveryState.FAILED, Reason.TEMPLATE_FAILED, str(error)) from error

    # --- after ----------------------------------------------------------------------------------------------

    def _written(self, claim: ClaimedDelivery, reply: Reply) -> outbox.Outcome:
        """The state a reply leads to. Whatever is not taken is tried again: the other side may mend itself."""

        def ends(
            state: DeliveryState, reason: Reason | None = None, retry: datetime | None = None
        ) -> outbox.Outcome:
            return outbox.Outcome(claim.id, claim.fence, state, reason, str(reply), retry)

        if isinstance(reply, Answer) and reply.taken:
            return ends(DeliveryState.SENT)
        if isinstance(reply, Answer) and reply.gone:
            return ends(DeliveryState.PENDING)  # until a person switches the endpoint on again
        if claim.attempts + 1 >= MOST_ATTEMPTS:
            return ends(DeliveryState.FAILED, Reason.GAVE_UP)
        span = max(backoff(claim.key, claim.attempts, FIRST_RETRY), min(_wish(reply), LONGEST_WISH))
        return ends(DeliveryState.PENDING, retry=self.runtime.clock.operational() + span)

    def _judge(self, tx: Connection, endpoint: str, replies: Sequence[Reply]) -> None:
        """What these replies say of the endpoint itself: it works, must rest, or is gone for good."""
        operational = self.runtime.clock.operational()
        before = hooks.closed(tx).get(endpoint)
        if gone := next((one for one in replies if isinstance(one, Answer) and one.gone), None):
            if before is None or not before.off:
                hooks.close(tx, Closed(endpoint, operational, None, str(gone)), operational)
                self.runtime.audit(tx, ACTOR, "webhook-off", f"webhook:{endpoint}", {"said": str(gone)})
                log.error("endpoint is gone", endpoint=endpoint, said=str(gone))
        elif before is not None and before.off:
            return  # only a person switches it on
        elif any(isinstance(one, Answer) and one.taken for one in replies):
            hooks.works(tx, endpoint)
        elif trouble := next((one for one in replies if _is_tired(one)), None):
            times = before.times if before else 0
            span = max(min(LAST_PAUSE, FIRST_PAUSE * 2**times), min(_wish(trouble), LAST_PAUSE))
            since = before.since if before else operational
            hooks.close(tx, Closed(endpoint, since, operational + span, str(trouble), times + 1), operational)
            log.warning("endpoint rests", endpoint=endpoint, seconds=span.total_seconds(), said=str(trouble))


def host_of(url: str) -> str:
    """The host of an address; a word that is none where it has none."""
    try:
        return read_target(url).host
    except UnreachableError:
        return "nowhere"


def is_listed(runtime: Runtime, url: str) -> bool:
    """Does NURTURE_ALLOW_RECIPIENTS, where it is set, list the host of this address?"""
    return allows(f"webhook@{host_of(url)}", runtime.allow_recipients or ())


def _stops(replies: Sequence[Reply]) -> bool:
    """Nothing more for this endpoint now: it is gone, or cannot and took nothing."""
    gone = any(isinstance(one, Answer) and one.gone for one in replies)
    took = any(isinstance(one, Answer) and one.taken for one in replies)
    return gone or (not took and any(_is_tired(one) for one in replies))


def _is_tired(reply: Reply) -> bool:
    return isinstance(reply, Silence) or reply.tired


def _wish(reply: Reply) -> timedelta:
    return (reply.retry_after if isinstance(reply, Answer) else None) or timedelta()


def as_bytes(payload: Mapping[str, Any]) -> bytes:
    """The very bytes that are signed and sent; the same for the same payload, whatever database kept it."""
    return json.dumps(payload, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()
