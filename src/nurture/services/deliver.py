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
from nurture.db import contacts, events, hits, outbox, state
from nurture.db.outbox import LEASE, ClaimedDelivery, Leaving
from nurture.model.chance import share
from nurture.model.errors import NurtureError
from nurture.model.pace import Pace
from nurture.model.words import Channel as Way
from nurture.model.words import Contact, DeliveryState, Event, Reason
from nurture.model.workspace import UNTRACKED, Tracked
from nurture.services.compose import Letter, compose, team_address
from nurture.services.ingest import Happening, take_in
from nurture.services.keep import kept
from nurture.services.manners import Asked, ask_again, hold, is_fresh
from nurture.services.pacing import Paced, paces_of, take_turns
from nurture.services.published import Published
from nurture.services.runtime import Runtime
from nurture.services.stages import older_versions, stage_of
from nurture.workflow.model import Workflow

log = structlog.get_logger()

BATCH = 250
EMAIL = "email"
FIRST_RETRY = timedelta(minutes=5)
LAST_RETRY = timedelta(hours=6)
MOST_ATTEMPTS = 20
"""With these spans a message is put off for about four days before we give up (RFC 5321, 4.5.4.1)."""
FIRST_PAUSE = timedelta(seconds=30)
LAST_PAUSE = timedelta(minutes=30)
"""How long the channel rests when the server refuses *us*: doubling, and over by itself."""


@dataclass(frozen=True, slots=True)
class Ready:
    """A claimed delivery, composed."""

    claim: ClaimedDelivery
    message: Message
    template_hash: str
    paces: tuple[Pace, ...] = ()
    targets: Mapping[str, str] = field(default_factory=dict)
    """Where its tracked links lead."""


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
        paced = [Paced(one.claim, one.paces) for one in ready if one.paces]
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

        ``rested``: the server had refused us before, and the first message that it takes ends that.
        """
        channel = self._channel()
        waiting = list(ready)
        untouched: list[Ready] = []
        while waiting and not self.runtime.draining.is_set():
            group, waiting = waiting[: channel.group], waiting[channel.group :]
            outcomes, given_back = self._send_group(channel, group)
            untouched += given_back
            if self._refused(outcomes, rested=rested):
                break
        untouched += waiting
        if untouched:
            with self.runtime.database.write() as tx:
                outbox.release(tx, [one.claim for one in untouched])
        return len(ready) - len(untouched)

    def _send_group(self, channel: Channel, group: Sequence[Ready]) -> tuple[list[Outcome], list[Ready]]:
        """One group in two strokes; returns what the server said, and the messages that were not touched."""
        clock = self.runtime.clock
        staged = channel.stage([one.message for one in group])
        leaving = [
            Leaving(
                one.claim.id,
                one.claim.fence,
                one.message.message_id,
                one.message.recipient,
                one.template_hash,
            )
            for one in (group[index] for index in staged.ready)
        ]
        with self.runtime.database.write() as tx:
            may_go = outbox.mark_sending(tx, leaving, clock.now(), clock.operational() + LEASE)
        staged.drop([index for index in staged.ready if group[index].claim.id not in may_go])
        early, late = staged.refused, staged.finish()
        given_back = [index for index, outcome in early.items() if isinstance(outcome, RefusedUs | Untried)]
        ended = [
            (group[index].claim, outcome)
            for index, outcome in (*early.items(), *late.items())
            if index not in given_back
        ]
        self._record([(claim, self._written(claim, outcome)) for claim, outcome in ended], dead=_dead(ended))
        return [*early.values(), *late.values()], [group[index] for index in given_back]

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
        ready: list[Ready] = []
        failed: list[tuple[ClaimedDelivery, outbox.Outcome]] = []
        for claim in claims:
            try:
                ready.append(self._ready(claim, people, evidence, published, older, now))
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
        now: datetime,
    ) -> Ready:
        """The message of one claim, composed. Raises _EndsHereError when it cannot or must not go."""
        person = people.get(claim.contact_id)
        if person is None:
            raise _EndsHereError(DeliveryState.SKIPPED, Reason.ERASED)
        if claim.offer and claim.offer not in published.offers:
            raise _EndsHereError(DeliveryState.FAILED, Reason.OFFER_MISSING, claim.offer)
        try:
            letter = letter_of(claim, person, evidence.get(claim.event_id or 0), published, older)
            tracked = tracked_of(claim, published)
            composed = compose(
                letter, published.workspace, published.templates, self.runtime.links, now, tracked
            )
            message = composed.message(claim.key)
        except (NurtureError, ValueError) as error:
            raise _EndsHereError(DeliveryState.FAILED, Reason.TEMPLATE_FAILED, str(error)) from error
        if not allows(message.recipient, self.runtime.allow_recipients or ()):
            raise _EndsHereError(DeliveryState.SKIPPED, Reason.NOT_ALLOWED)
        paces = paces_of(published.workspace, composed.rendered.sender, message.recipient)
        return Ready(claim, message, composed.template_hash, paces, composed.targets)

    # --- after ----------------------------------------------------------------------------------------------

    def _record(
        self,
        ended: Iterable[tuple[ClaimedDelivery, outbox.Outcome]],
        dead: Sequence[tuple[ClaimedDelivery, Dead]] = (),
    ) -> None:
        outcomes = [outcome for _, outcome in ended]
        if not outcomes:
            return

        def write(tx: Connection) -> None:
            now = self.runtime.now()
            outbox.record_outcomes(tx, outcomes, now)
            _report_dead(tx, self.runtime, dead, now)

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

    def _refused(self, outcomes: Sequence[Outcome], *, rested: bool) -> bool:
        """Does the server refuse us? Then the channel rests; one that took a message works again."""
        refused = next((one for one in outcomes if isinstance(one, RefusedUs)), None)
        worked = any(isinstance(one, Accepted) for one in outcomes)
        database, operational = self.runtime.database, self.runtime.clock.operational()
        if refused and not worked:
            with database.write() as tx:
                before = state.channel_pause(tx, EMAIL)
                span = min(LAST_PAUSE, FIRST_PAUSE * 2 ** (before.times if before else 0))
                state.pause_channel(tx, EMAIL, operational + span, str(refused), operational)
            log.error("mail server refuses us", until=(operational + span).isoformat(), reply=str(refused))
        elif worked and rested:
            with database.write() as tx:
                state.resume_channel(tx, EMAIL)
        return refused is not None and not worked


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


def _dead(ended: Iterable[tuple[ClaimedDelivery, Outcome]]) -> list[tuple[ClaimedDelivery, Dead]]:
    return [
        (claim, outcome)
        for claim, outcome in ended
        if isinstance(outcome, Dead) and claim.channel is Way.EMAIL
    ]


def _report_dead(
    tx: Connection, runtime: Runtime, dead: Sequence[tuple[ClaimedDelivery, Dead]], now: datetime
) -> None:
    """A dead address is a hard bounce: it is suppressed, and its enrollments hear of it."""
    take_in(
        tx,
        runtime.shelf,
        [
            Happening(
                contact_id=claim.contact_id,
                name="email.bounced",
                data={"kind": "hard", "status": outcome.status, "message": str(outcome)},
                id=f"bounce:{claim.key}",
                about=(claim.enrollment_id, claim.step, claim.visit) if claim.enrollment_id else None,
            )
            for claim, outcome in dead
        ],
        now,
    )


def backoff(key: str, attempts: int, first: timedelta = FIRST_RETRY) -> timedelta:
    """Doubling from ``first`` to six hours, each message a little apart from the others."""
    span = min(LAST_RETRY, timedelta(seconds=first.total_seconds() * 2.0**attempts))
    return span * (0.85 + 0.3 * share("retry", key, str(attempts)))
