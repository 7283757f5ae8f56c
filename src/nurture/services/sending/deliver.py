"""Send what was planned: claim a batch, compose it, take each group to the last point, commit, give the word, write down.

The database says ``sending`` before the final dot of any message, so that a crash leaves at most one group in doubt, and
the gates are asked once more in that very statement. Nothing is ever sent twice on a guess.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from threading import local

import structlog
from sqlalchemy import Connection

from nurture.channels.base import (
    Accepted,
    Channel,
    Dead,
    Deferred,
    Message,
    Outcome,
    RefusedMessage,
    RefusedUs,
    Unknown,
    Untried,
    allows,
)
from nurture.db import contacts, domain_days, events, hits, outbox, state
from nurture.db.domain_days import Counted
from nurture.db.outbox import LEASE, ClaimedDelivery, Leaving
from nurture.model.addresses import split_address
from nurture.model.chance import share
from nurture.model.errors import NurtureError
from nurture.model.words import Channel as Way
from nurture.model.words import Contact, DeliveryState, Event, Reason
from nurture.model.workspace import UNTRACKED, Sender, Tracked
from nurture.rendering.dkim import DkimError
from nurture.services.advancing.stages import older_versions, stage_of
from nurture.services.published import Published
from nurture.services.runtime import Runtime
from nurture.services.sending import domains
from nurture.services.sending.compose import Composed, Letter, compose, team_address
from nurture.services.sending.dead import dead_among, report_dead
from nurture.services.sending.domains import Rests
from nurture.services.sending.keep import kept
from nurture.services.sending.manners import Asked, ask_again, hold, is_fresh
from nurture.services.sending.pacing import (
    Paced,
    Waits,
    allowance_of,
    paces_of,
    places,
    take_places,
    take_turns,
)
from nurture.services.sending.refusals import heed, judge
from nurture.services.sending.senders import return_path, sender_of
from nurture.workflow.model import Workflow

log = structlog.get_logger()

BATCH = 250
EMAIL = "email"
FIRST_RETRY = timedelta(minutes=5)
LAST_RETRY = timedelta(hours=6)
MOST_ATTEMPTS = 20
"""With these spans a message is put off for about four days before we give up (RFC 5321, 4.5.4.1)."""
UNSIGNED_WAITS = timedelta(minutes=5)
"""How long a message waits when its sender's key cannot be used."""


@dataclass(frozen=True, slots=True)
class Ready:
    """A claimed delivery, composed, and what stands before its leaving. ``sender`` is a name of nurture.toml."""

    claim: ClaimedDelivery
    message: Message
    template_hash: str
    sender: str
    paced: Paced
    targets: Mapping[str, str] = field(default_factory=dict)
    """Where its tracked links lead."""

    def leaving(self) -> Leaving:
        message = self.message
        return Leaving(
            self.claim.id, self.claim.fence, message.message_id, message.recipient, self.template_hash
        )

    def counted(self, day: date, *, went: bool, let_go: bool) -> Counted:
        """What it adds to its domain's day: where its sender warms up, it was counted already when it was let go."""
        allowed = self.paced.allowance
        sent = int(went) - (allowed is not None and let_go)
        return Counted(self.paced.domain, allowed.day if allowed else day, self.sender, sent=sent)


class _EndsHereError(Exception):
    """This message ends before the dialogue, with its state and reason."""

    def __init__(self, state: DeliveryState, reason: Reason, detail: str | None = None) -> None:
        super().__init__(reason)
        self.state, self.reason, self.detail = state, reason, detail


@dataclass
class Deliver:
    """The one who sends. Each thread that calls ``batch`` has a channel of its own."""

    runtime: Runtime
    _mine: local = field(default_factory=local)
    _targets: set[str] = field(default_factory=set)
    """What is written down of where links lead: each of them is, before a message with it leaves."""

    def batch(self, limit: int = BATCH) -> int:
        """One batch of at most ``limit`` messages; returns how many came to an end or another date."""
        database, clock = self.runtime.database, self.runtime.clock
        with database.write() as tx:
            pause = state.channel_pause(tx, EMAIL)
            if pause and pause.lasts(clock.operational()):
                return 0
            claims = outbox.claim(tx, clock.now(), clock.operational(), limit=limit)
        if not claims:
            return 0
        with kept(database, clock, claims):
            asked = self._ask_again(claims)
            ready, failed = self._compose(asked.go)
            self._record(failed)
            going = self._in_turn(ready)
            self._keep_targets(going)
            held = len(claims) - len(asked.go) + len(ready) - len(going)
            return held + len(failed) + self._send(going, rested=pause is not None)

    def _in_turn(self, ready: Sequence[Ready]) -> Sequence[Ready]:
        """Those whose senders have room now; the others go back until their turn. Without a rate nothing is asked."""
        paced = [one.paced for one in ready if one.paced.is_asked]
        if not paced:
            return ready
        runtime = self.runtime
        held = runtime.database.retrying(lambda tx: take_turns(tx, runtime, paced))
        return [one for one in ready if one.claim.id not in held]

    def _keep_targets(self, going: Sequence[Ready]) -> None:
        """Write down where the links of these messages lead, if anything is new: once for a template, not for a message."""
        new = {key: url for one in going for key, url in one.targets.items() if key not in self._targets}
        if new:
            now = self.runtime.now()
            self.runtime.database.retrying(lambda tx: hits.keep_targets(tx, new, now))
            self._targets.update(new)

    def close(self) -> None:
        """Hang up this thread's connections."""
        channel: Channel | None = getattr(self._mine, "channel", None)
        if channel:
            channel.close()

    # --- the dialogue ---------------------------------------------------------------------------------------

    def _send(self, ready: Sequence[Ready], *, rested: bool) -> int:
        """Group after group; when the server refuses us, or we are to stop, the rest goes back untouched.

        ``rested``: the server had refused us before, and the first message that it takes ends that. A domain that is
        refused is left alone; the others go on.
        """
        channel = self._channel()
        waiting = list(ready)
        untouched: list[Ready] = []
        while waiting and not self.runtime.draining.is_set():
            group, waiting = waiting[: channel.group], waiting[channel.group :]
            said, given_back = self._send_group(channel, group)
            untouched += given_back
            before = {one.paced.domain for one in group if one.paced.refused}
            verdict = judge(((one.paced.domain, outcome) for one, outcome in said), before)
            heed(self.runtime, verdict, rested=rested, before=before)
            if verdict.server:
                break
            untouched += [one for one in waiting if one.paced.domain in verdict.domains]
            waiting = [one for one in waiting if one.paced.domain not in verdict.domains]
        untouched += waiting
        if untouched:
            self.runtime.database.retrying(lambda tx: outbox.release(tx, [one.claim for one in untouched]))
        return len(ready) - len(untouched)

    def _send_group(
        self, channel: Channel, group: Sequence[Ready]
    ) -> tuple[list[tuple[Ready, Outcome]], list[Ready]]:
        """One group in two strokes; returns what was said of each, and the messages that were not touched."""
        clock = self.runtime.clock
        staged = channel.stage([one.message for one in group])
        may_go = self._let_go([group[index] for index in staged.ready])
        staged.drop([index for index in staged.ready if group[index].claim.id not in may_go])
        early, late = staged.refused, staged.finish()
        given_back = {index for index, outcome in early.items() if isinstance(outcome, RefusedUs | Untried)}
        said = {**early, **late}
        ended = [(group[index].claim, outcome) for index, outcome in said.items() if index not in given_back]
        day = clock.operational().date()
        counted = [
            one.counted(
                day, went=isinstance(said.get(index), Accepted | Unknown), let_go=one.claim.id in may_go
            )
            for index, one in enumerate(group)
            if index not in given_back
        ]
        counted += [
            Counted(group[index].paced.domain, day, bounced=1)
            for index, outcome in said.items()
            if isinstance(outcome, Dead)
        ]
        written = [(claim, self._written(claim, outcome)) for claim, outcome in ended]
        self._record(written, dead=dead_among(ended), counted=counted)
        return [(group[index], outcome) for index, outcome in said.items()], [
            group[index] for index in sorted(given_back)
        ]

    def _let_go(self, ready: Sequence[Ready]) -> frozenset[int]:
        """The last word before the final dot, written down: the ids of those that go."""
        clock = self.runtime.clock

        def write(tx: Connection) -> frozenset[int]:
            beyond = take_places(tx, self.runtime, [one.paced for one in ready])
            leaving = [one.leaving() for one in ready if one.claim.id not in beyond]
            may_go = outbox.mark_sending(tx, leaving, clock.now(), clock.operational() + LEASE)
            domain_days.count(tx, places(one.paced for one in ready if one.claim.id in may_go))
            return may_go

        return self.runtime.database.retrying(write)

    def _channel(self) -> Channel:
        if not hasattr(self._mine, "channel"):
            self._mine.channel = self.runtime.open_channel()
        channel: Channel = self._mine.channel
        return channel

    # --- before ---------------------------------------------------------------------------------------------

    def _ask_again(self, claims: Sequence[ClaimedDelivery]) -> Asked:
        """What may leave now; what waited until it is no good time any more goes back, or ends."""
        runtime, now = self.runtime, self.runtime.now()
        if all(is_fresh(one, now) for one in claims):
            return Asked(go=list(claims))
        with runtime.database.read() as tx:
            asked = ask_again(tx, runtime.shelf, claims, now)
        if asked.later or asked.ended:
            runtime.database.retrying(lambda tx: hold(tx, asked, now))
        return asked

    def _compose(
        self, claims: Sequence[ClaimedDelivery]
    ) -> tuple[list[Ready], list[tuple[ClaimedDelivery, outbox.Outcome]]]:
        """Every message that can be made; the others end here, each with its reason."""
        runtime, now = self.runtime, self.runtime.now()
        with runtime.database.read() as tx:
            published = runtime.shelf.published(tx)
            people = contacts.load(tx, {claim.contact_id for claim in claims})
            evidence = events.by_ids(tx, {claim.event_id for claim in claims if claim.event_id})
            older = older_versions(tx, runtime.shelf, published, claims)
            rests = domains.rests(tx)
        ready: list[Ready] = []
        failed: list[tuple[ClaimedDelivery, outbox.Outcome]] = []
        for claim in claims:
            try:
                ready.append(self._ready(claim, people, evidence, published, older, rests, now))
            except _EndsHereError as end:
                ended = outbox.Outcome(claim.id, claim.fence, end.state, end.reason, end.detail)
                failed.append((claim, ended))
                log.warning("message ends unsent", delivery=claim.id, reason=end.reason, detail=end.detail)
        return ready, failed

    def _ready(
        self,
        claim: ClaimedDelivery,
        people: Mapping[int, Contact],
        evidence: Mapping[int, Event],
        published: Published,
        older: Sequence[Workflow],
        rests: Rests,
        now: datetime,
    ) -> Ready:
        """The message of one claim, composed. Raises _EndsHereError when it cannot or must not go."""
        runtime = self.runtime
        person = people.get(claim.contact_id)
        if person is None:
            raise _EndsHereError(DeliveryState.SKIPPED, Reason.ERASED)
        if claim.offer and claim.offer not in published.offers:
            raise _EndsHereError(DeliveryState.FAILED, Reason.OFFER_MISSING, claim.offer)
        try:
            letter = letter_of(claim, person, evidence.get(claim.event_id or 0), published, older)
            tracked = tracked_of(claim, published)
            composed = compose(letter, published.workspace, published.templates, runtime.links, now, tracked)
            sender = sender_of(published.workspace, composed.rendered.sender)
            message, waits = self._sealed(claim, composed, sender)
        except (NurtureError, ValueError) as error:
            raise _EndsHereError(DeliveryState.FAILED, Reason.TEMPLATE_FAILED, str(error)) from error
        if not allows(message.recipient, runtime.allow_recipients or ()):
            raise _EndsHereError(DeliveryState.SKIPPED, Reason.NOT_ALLOWED)
        operational = runtime.clock.operational()
        domain = split_address(message.recipient)[1]
        paced = Paced(
            claim,
            domain,
            paces_of(sender, domain),
            allowance_of(sender, operational.date()),
            waits or rests.waits(domain, operational, marketing=claim.marketing),
            refused=domain in rests.refusing,
        )
        return Ready(
            claim, message, composed.template_hash, sender.name if sender else "", paced, composed.targets
        )

    def _sealed(
        self, claim: ClaimedDelivery, composed: Composed, sender: Sender | None
    ) -> tuple[Message, Waits | None]:
        """The message with its return path and signature. One that cannot be signed waits: others would refuse it."""
        runtime = self.runtime
        path = return_path(sender, runtime.links, claim.key) if claim.channel is Way.EMAIL else None
        try:
            return composed.message(claim.key, path, runtime.keys.signer(sender)), None
        except DkimError as error:
            log.error("mail cannot be signed", delivery=claim.id, why=str(error))
            until = runtime.clock.operational() + UNSIGNED_WAITS
            return composed.message(claim.key, path), Waits(until, Reason.UNSIGNED, str(error))

    # --- after ----------------------------------------------------------------------------------------------

    def _record(
        self,
        ended: Iterable[tuple[ClaimedDelivery, outbox.Outcome]],
        dead: Sequence[tuple[ClaimedDelivery, Dead]] = (),
        counted: Sequence[Counted] = (),
    ) -> None:
        outcomes = [outcome for _, outcome in ended]
        if not outcomes and not any(one.sent or one.bounced for one in counted):
            return

        def write(tx: Connection) -> None:
            now = self.runtime.now()
            outbox.record_outcomes(tx, outcomes, now)
            report_dead(tx, self.runtime, dead, now)
            domain_days.count(tx, counted)  # last: all workers share these rows

        self.runtime.database.retrying(write)

    def _written(self, claim: ClaimedDelivery, outcome: Outcome) -> outbox.Outcome:
        """The state a reply leads to."""

        def ends(
            state_: DeliveryState, reason: Reason | None = None, retry: datetime | None = None
        ) -> outbox.Outcome:
            return outbox.Outcome(claim.id, claim.fence, state_, reason, str(outcome) or None, retry)

        match outcome:
            case Accepted():
                return ends(DeliveryState.SENT)
            case Unknown():
                return ends(DeliveryState.AMBIGUOUS, Reason.INTERRUPTED)
            case Dead():
                return ends(DeliveryState.FAILED, Reason.ADDRESS_DEAD)
            case Deferred(retry_after=after):
                if claim.attempts + 1 >= MOST_ATTEMPTS:
                    return ends(DeliveryState.FAILED, Reason.GAVE_UP)
                span = max(after or timedelta(), backoff(claim.key, claim.attempts))
                return ends(DeliveryState.PENDING, retry=self.runtime.clock.operational() + span)
            case RefusedMessage():
                return ends(DeliveryState.FAILED, Reason.MESSAGE_REFUSED)
            case RefusedUs() | Untried():
                return ends(DeliveryState.PENDING)  # certain not to be accepted: it waits with the others
            case _:
                raise AssertionError(f"no end for {outcome}")


def tracked_of(claim: ClaimedDelivery, published: Published) -> Tracked:
    """What is tracked of this message: nothing of one to our own people."""
    if claim.channel is not Way.EMAIL:
        return UNTRACKED
    return published.workspace.tracking.of(claim.purpose, marketing=claim.marketing)


def letter_of(
    claim: ClaimedDelivery,
    person: Contact,
    event: Event | None,
    published: Published,
    older: Sequence[Workflow] = (),
) -> Letter:
    """What the message of this claim is made of; ``older`` are versions with stages that are not live any more."""
    return Letter(
        key=claim.key,
        template=claim.template,
        contact=person,
        marketing=claim.marketing,
        purpose=claim.purpose,
        stage=stage_of(published, claim, older),
        offer=published.offers.get(claim.offer or ""),
        event=event,
        to=team_address(claim.team, person, published.workspace) if claim.channel is Way.TEAM else None,
    )


def backoff(key: str, attempts: int, first: timedelta = FIRST_RETRY) -> timedelta:
    """Doubling from ``first`` to six hours, each message a little apart from the others."""
    span = min(LAST_RETRY, timedelta(seconds=first.total_seconds() * 2.0**attempts))
    return span * (0.85 + 0.3 * share("retry", key, str(attempts)))
