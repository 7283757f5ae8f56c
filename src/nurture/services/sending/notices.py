"""Mails of the installation itself: planned once, sent within seconds, and never a second time on a guess.

They carry no marketing and belong to no workflow. The red button holds them, the staging guard and dead addresses stop
them, and a mail server that refuses us is left alone, as with every other message.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

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
from nurture.db import notices, pauses, state, suppressions
from nurture.db.addresses import email_hash
from nurture.db.notices import ClaimedNotice, NewNotice, NoticeKind, NoticeOutcome, NoticeState
from nurture.db.pauses import PauseScope
from nurture.db.suppressions import Suppression
from nurture.model.addresses import Mailbox, parse_mailbox, same_key
from nurture.model.words import Channel as Way
from nurture.model.words import SuppressionReason
from nurture.model.workspace import Sender, Workspace
from nurture.rendering.dkim import DkimError
from nurture.rendering.links import delivery_key, message_id
from nurture.rendering.mime import Mail, Sign, build_message, sealed
from nurture.services.runtime import Runtime
from nurture.services.sending.compose import NO_SENDER
from nurture.services.sending.deliver import EMAIL, MOST_ATTEMPTS, backoff
from nurture.services.sending.senders import house_sender

log = structlog.get_logger()

BATCH = 50
PATIENCE = timedelta(minutes=1)
"""How long a notice waits when the server refuses us altogether, or was never asked."""
GOOD_FOR = {
    NoticeKind.DIGEST: timedelta(hours=12),
    NoticeKind.TEST: timedelta(days=7),
    NoticeKind.CONFIRM: timedelta(days=7),
}
"""Business time after which a notice that was held helps nobody: a list of yesterday, a link that is over."""
CLOSED = frozenset({SuppressionReason.HARD_BOUNCE, SuppressionReason.COMPLAINT, SuppressionReason.MANUAL})
"""Why an address gets nothing at all from us, not even what it asked for."""
CLOSED_TO_QUESTIONS = frozenset({SuppressionReason.COMPLAINT})
"""Why it is not even asked whether that should end. How often it is asked is for ``services.forms.requests``."""


@dataclass(frozen=True, slots=True)
class Notice:
    """A mail of ours. ``key`` names it for ever: it is planned once; ``to`` is an address or ``Name <address>``."""

    key: str
    kind: NoticeKind
    to: str
    subject: str
    text: str
    html: str | None = None
    about: str | None = None
    """Whom it shows, where it is a test: ``contact:7``."""


def plan(tx: Connection, runtime: Runtime, wanted: Sequence[Notice]) -> int:
    """Build these mails now and plan them, each key once ever; returns how many are new.

    Raises AddressError for a ``to`` that is no address, UnsendableError for words that no header can hold.
    """
    known = notices.planned_keys(tx, [one.key for one in wanted])
    fresh = [one for one in wanted if one.key not in known]
    if not fresh:
        return 0
    sender, reply_to = _sender(runtime.shelf.published(tx).workspace)
    secret = state.hash_key(tx).hex()
    return notices.plan(tx, [_built(one, sender, reply_to, secret, runtime) for one in fresh])


def send_batch(runtime: Runtime, limit: int = BATCH) -> int:
    """Send up to ``limit`` notices that may leave now; returns how many came to an end or another date."""
    if runtime.draining.is_set():
        return 0
    with runtime.database.read() as tx:
        if is_held(tx, runtime) or not notices.waiting(tx, runtime.clock.operational(), 1):
            return 0
    channel = runtime.open_channel()
    try:
        return _send(runtime, channel, min(limit, channel.group))
    finally:
        channel.close()


def _closed(tx: Connection, claimed: Sequence[ClaimedNotice]) -> Mapping[int, SuppressionReason]:
    """Which of these go to an address that gets nothing from us, or no such question, and why."""
    secret = state.hash_key(tx)
    hashes = {one.id: email_hash(secret, same_key(one.recipient)) for one in claimed}
    listed = suppressions.of_hashes(tx, set(hashes.values()), Way.EMAIL)
    found = {
        one.id: listed.get(hashes[one.id], frozenset())
        & (CLOSED_TO_QUESTIONS if one.kind is NoticeKind.CONFIRM else CLOSED)
        for one in claimed
    }
    return {id_: min(reasons) for id_, reasons in found.items() if reasons}


def _built(
    notice: Notice, sender: Mailbox, reply_to: Mailbox | None, secret: str, runtime: Runtime
) -> NewNotice:
    to = parse_mailbox(notice.to)
    now = runtime.now()
    # The key may hold an address, the Message-ID must not.
    id_ = message_id(delivery_key(0, f"notice:{notice.key}", 1, secret), sender.domain)
    mail = Mail(
        from_=sender,
        reply_to=reply_to,
        to=to,
        subject=notice.subject,
        text=notice.text,
        html=notice.html,
        message_id=id_,
        date=now,
    )
    return NewNotice(
        key=notice.key,
        kind=notice.kind,
        sender=sender.address,
        recipient=to.address,
        subject=notice.subject,
        data=build_message(mail),
        message_id=id_,
        planned_at=now,
        about=notice.about,
    )


def _sender(workspace: Workspace) -> tuple[Mailbox, Mailbox | None]:
    """The workspace's default sender, or its first."""
    sender = house_sender(workspace)
    if sender is None:
        return NO_SENDER, None
    return parse_mailbox(sender.address), parse_mailbox(sender.reply_to) if sender.reply_to else None


def is_held(tx: Connection, runtime: Runtime) -> bool:
    """Has somebody stopped everything, or does the mail server want us to wait?"""
    pause = state.channel_pause(tx, EMAIL)
    if pause and pause.lasts(runtime.clock.operational()):
        return True
    return any(one.scope is PauseScope.EVERYTHING for one in pauses.open_pauses(tx, ()))


def _send(runtime: Runtime, channel: Channel, limit: int) -> int:
    """One group: noted as ``sending`` and committed, taken to the last point, asked once more, sent, written down."""
    with runtime.database.write() as tx:
        if is_held(tx, runtime):
            return 0
        claimed = notices.claim(tx, runtime.clock.operational(), limit)
        stopped = _stopped(tx, runtime, claimed)
        notices.record(tx, list(stopped.values()), runtime.now())
        workspace = runtime.shelf.published(tx).workspace
    going = [one for one in claimed if one.id not in stopped]
    outcomes = _say(runtime, channel, going, house_sender(workspace))

    def write(tx: Connection) -> None:
        notices.record(tx, [_written(runtime, one, outcome) for one, outcome in outcomes], runtime.now())
        _close_dead(tx, runtime, [one for one, outcome in outcomes if isinstance(outcome, Dead)])

    runtime.database.retrying(write)
    return len(claimed)


def _say(
    runtime: Runtime, channel: Channel, going: Sequence[ClaimedNotice], sender: Sender | None
) -> list[tuple[ClaimedNotice, Outcome]]:
    """The dialogue. What cannot be signed and should be waits; what must not go by now is left out."""
    try:
        signer = runtime.keys.signer(sender)
    except DkimError as error:
        log.error("mail cannot be signed", why=str(error))
        return [(one, Untried(text=str(error))) for one in going]
    staged = channel.stage([_message(one, signer) for one in going])
    may_go = _last_gate(runtime, [going[index] for index in staged.ready])
    staged.drop([index for index in staged.ready if going[index].id not in may_go])
    said = {**staged.refused, **staged.finish()}
    return [(going[index], outcome) for index, outcome in sorted(said.items())]


def _last_gate(runtime: Runtime, staged: Sequence[ClaimedNotice]) -> frozenset[int]:
    """Those that may be accepted: a dialogue takes its time, and somebody may have said no since it began.

    The others end here, or wait when everything was stopped; of whoever was erased nothing is left to write down.
    """

    def ask(tx: Connection) -> frozenset[int]:
        still = notices.still_sending(tx, {one.id for one in staged})
        left = [one for one in staged if one.id in still]
        if is_held(tx, runtime):
            stopped = {one.id: _untouched(runtime, one, "everything was stopped") for one in left}
        else:
            stopped = dict(_stopped(tx, runtime, left))
        notices.record(tx, list(stopped.values()), runtime.now())
        return still - stopped.keys()

    return runtime.database.retrying(ask) if staged else frozenset()


def _stopped(
    tx: Connection, runtime: Runtime, claimed: Sequence[ClaimedNotice]
) -> Mapping[int, NoticeOutcome]:
    """Those that must not go, by id: the staging guard, a list of dead and unwilling addresses, or their age says no."""
    closed = _closed(tx, claimed)
    stopped = {}
    for one in claimed:
        why = None
        if one.id in closed:
            why = f"the address is suppressed: {closed[one.id]}"
        elif not allows(one.recipient, runtime.allow_recipients or ()):
            why = "NURTURE_ALLOW_RECIPIENTS does not list the address"
        elif runtime.now() - one.planned_at > GOOD_FOR[one.kind]:
            why = "it was held until it was of no use"
        if why:
            stopped[one.id] = NoticeOutcome(id=one.id, state=NoticeState.FAILED, detail=why, untried=True)
            log.warning("notice ends unsent", notice=one.id, kind=one.kind, detail=why)
    return stopped


def _message(notice: ClaimedNotice, sign: Sign | None) -> Message:
    """Signed as it leaves, not as it is planned: where it is planned, the key need not be."""
    key = notice.message_id[1:].partition("@")[0]
    data = sealed(notice.data, sign) if sign else notice.data
    return Message(notice.sender, notice.recipient, data, notice.message_id, key)


def _written(runtime: Runtime, notice: ClaimedNotice, outcome: Outcome) -> NoticeOutcome:
    """The state a reply leads to."""
    operational = runtime.clock.operational()
    detail = str(outcome) or None
    match outcome:
        case Accepted():
            return NoticeOutcome(id=notice.id, state=NoticeState.SENT, detail=detail)
        case Unknown():
            return NoticeOutcome(id=notice.id, state=NoticeState.AMBIGUOUS, detail=detail)
        case Deferred(retry_after=after) if notice.attempts < MOST_ATTEMPTS:
            span = max(after or timedelta(), backoff(notice.message_id, notice.attempts - 1))
            return NoticeOutcome(
                id=notice.id, state=NoticeState.PENDING, detail=detail, retry_at=operational + span
            )
        case RefusedUs() | Untried():
            return _untouched(runtime, notice, detail)
        case Deferred() | Dead() | RefusedMessage():
            return NoticeOutcome(id=notice.id, state=NoticeState.FAILED, detail=detail)
        case _:
            raise AssertionError(f"no end for {outcome}")


def _untouched(runtime: Runtime, notice: ClaimedNotice, detail: str | None) -> NoticeOutcome:
    """It goes back as it was, for a while."""
    retry_at = runtime.clock.operational() + PATIENCE
    return NoticeOutcome(
        id=notice.id, state=NoticeState.PENDING, detail=detail, retry_at=retry_at, untried=True
    )


def _close_dead(tx: Connection, runtime: Runtime, dead: Sequence[ClaimedNotice]) -> None:
    """An address that does not exist, typed into a form, is not written to again; our own people's stays open."""
    secret = state.hash_key(tx)
    suppressions.add(
        tx,
        [
            Suppression(
                address_hash=email_hash(secret, same_key(one.recipient)),
                channel=Way.EMAIL,
                reason=SuppressionReason.HARD_BOUNCE,
                at=runtime.now(),
                source=f"notice {one.kind}",
            )
            for one in dead
            if one.kind is NoticeKind.CONFIRM
        ],
    )
