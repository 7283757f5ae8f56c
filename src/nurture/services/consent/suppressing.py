"""Addresses and numbers that we leave alone: put on the list, looked up, and taken off where that is allowed.

The list knows hashes only, so nobody can read an address out of it. A hand never undoes what a person asked for, or what
a mailbox said: a fresh yes by mail does that (``services.forms.requests``), and after a complaint nothing does.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from nurture.db import contacts, outcomes, state, suppressions
from nurture.db.addresses import email_hash, phone_hash
from nurture.db.suppressions import Change, ListChange, Listed, Suppression
from nurture.model.addresses import AddressError, same_key
from nurture.model.errors import NurtureError, did_you_mean
from nurture.model.mentions import names_somebody
from nurture.model.words import Channel, Contact, SuppressionReason
from nurture.services.contacts.importing import values as readers
from nurture.services.contacts.importing.cells import CellError, clean
from nurture.services.events.ingest import Happening, take_in
from nurture.services.runtime import Runtime

PAGE = 50
FEWEST_DIGITS = 5
"""A number with fewer reaches nobody."""
LONGEST_WHY = 500
BY_CHANNEL: Mapping[Channel, tuple[SuppressionReason, ...]] = {
    Channel.EMAIL: (
        SuppressionReason.MANUAL,
        SuppressionReason.UNSUBSCRIBED,
        SuppressionReason.COMPLAINT,
        SuppressionReason.HARD_BOUNCE,
    ),
    Channel.PHONE: (
        SuppressionReason.MANUAL,
        SuppressionReason.DO_NOT_CALL,
        SuppressionReason.WRONG_NUMBER,
    ),
}
"""For which reasons a person may put an address or a number on the list; the first by default."""
REMOVABLE = frozenset(
    (SuppressionReason.MANUAL, SuppressionReason.WRONG_NUMBER, SuppressionReason.DO_NOT_CALL)
)
"""What a hand may take off: what a hand put there, and numbers, for which there is no yes by mail."""
NO = frozenset((SuppressionReason.UNSUBSCRIBED, SuppressionReason.COMPLAINT))
"""The person's own no: of somebody whom we know it withdraws every permission, too."""
_PROVEN = frozenset(
    (
        SuppressionReason.HARD_BOUNCE,
        SuppressionReason.SOFT_BOUNCES,
        SuppressionReason.MANUAL,
        SuppressionReason.ERASED,
    )
)


def revivable(listed: Collection[SuppressionReason], *, opted_in: bool) -> frozenset[SuppressionReason]:
    """Which of these reasons a yes by mail ends: none after a complaint; leaving only when they ``opted_in`` again."""
    if SuppressionReason.COMPLAINT in listed:
        return frozenset()
    ends = _PROVEN | {SuppressionReason.UNSUBSCRIBED} if opted_in else _PROVEN
    return frozenset(listed) & ends


@dataclass(frozen=True, slots=True)
class Target:
    """An address or a number as it was given, and what the list knows it by."""

    text: str
    channel: Channel
    hash: str


@dataclass(frozen=True, slots=True)
class Standing:
    """How an address or a number stands: its entries, how they came to be, and who has it now."""

    target: Target
    entries: tuple[Suppression, ...]
    story: tuple[ListChange, ...]
    holders: tuple[Contact, ...]

    @property
    def removable(self) -> tuple[SuppressionReason, ...]:
        """The reasons that a hand may take off."""
        return tuple(one.reason for one in self.entries if one.reason in REMOVABLE)


@dataclass(frozen=True, slots=True)
class Page:
    """One page of the list, newest first. ``older`` is the id below which the next begins."""

    rows: tuple[Listed, ...]
    older: int | None
    counts: Mapping[SuppressionReason, int]

    @property
    def total(self) -> int:
        return sum(self.counts.values())


def look_up(runtime: Runtime, text: str, channel: Channel | None = None) -> Standing:
    """How this address or number stands, contact or not. Raises AddressError, NurtureError for what is neither."""
    with runtime.database.read() as tx:
        return _standing(tx, read_target(tx, runtime, text, channel))


def listing(runtime: Runtime, reason: SuppressionReason | None = None, *, before: int | None = None) -> Page:
    """The entries below the id ``before``, of one reason or of all."""
    with runtime.database.read() as tx:
        found = suppressions.page(tx, reason, before=before, most=PAGE + 1)
        counts = suppressions.counts(tx)
    rows = tuple(found[:PAGE])
    return Page(rows, rows[-1].id if len(found) > PAGE else None, counts)


def add(
    runtime: Runtime,
    text: str,
    *,
    reason: SuppressionReason = SuppressionReason.MANUAL,
    source: str,
    actor: str,
    channel: Channel | None = None,
) -> tuple[Standing, bool]:
    """Put an address or a number on the list; how it stands then, and whether that is new.

    ``source`` says how we know. Raises AddressError, and NurtureError for a reason that is not one of its channel.
    """
    why, now = read_why(source), runtime.now()

    def write(tx: Connection) -> tuple[Standing, bool]:
        target = read_target(tx, runtime, text, channel)
        require_reason(target.channel, reason)
        new = add_all(tx, runtime, [target], reason, why, actor, now)
        if new:
            detail = {"channel": target.channel, "reason": reason, "why": why}
            runtime.audit(tx, actor, "suppress", _subject(target), detail)
        return _standing(tx, target), bool(new)

    return runtime.database.retrying(write)


def remove(
    runtime: Runtime, text: str, *, why: str, actor: str, channel: Channel | None = None
) -> tuple[Standing, frozenset[SuppressionReason]]:
    """Take an address or a number off the list as far as a hand may; how it stands then, and what ended.

    Raises AddressError, and NurtureError where it is not on the list, or nothing of it may be taken off by hand.
    """
    told, now = read_why(why), runtime.now()

    def write(tx: Connection) -> tuple[Standing, frozenset[SuppressionReason]]:
        target = read_target(tx, runtime, text, channel)
        listed = _standing(tx, target)
        if not listed.entries:
            raise NurtureError("this is not on the suppression list", hint="nothing was changed")
        if not listed.removable:
            raise NurtureError(_held_by(listed.entries), hint=STAYS)
        ended = suppressions.end(
            tx, target.hash, target.channel, listed.removable, at=now, source=told, actor=actor
        )
        detail = {"channel": target.channel, "reasons": sorted(ended), "why": told}
        runtime.audit(tx, actor, "unsuppress", _subject(target), detail)
        return _standing(tx, target), ended

    return runtime.database.retrying(write)


STAYS = (
    "their owner can: whoever asks for an offer with this address is asked by mail, and a yes there ends it; after a"
    " complaint nothing does"
)


def add_all(
    tx: Connection,
    runtime: Runtime,
    targets: Sequence[Target],
    reason: SuppressionReason,
    source: str,
    actor: str,
    now: datetime,
) -> frozenset[str]:
    """Put these, all of one channel, on the list in this transaction; returns the hashes that are new on it.

    The person's own no withdraws, of somebody whom we know, every permission too.
    """
    if not targets:
        return frozenset()
    (channel,) = {one.channel for one in targets}
    hashes = {one.hash for one in targets}
    holders = suppressions.holders(tx, hashes, channel)
    contacts.lock(tx, {contact for _, contact in holders})
    if channel is Channel.PHONE:
        contacts.lock_numbers(tx, hashes)
        outcomes.rests_elsewhere(tx, hashes)
    known = suppressions.of_hashes(tx, hashes, channel)
    new = frozenset(one for one in hashes if reason not in known.get(one, frozenset()))
    entries = [
        Suppression(address_hash=one, channel=channel, reason=reason, at=now, source=source)
        for one in sorted(new)
    ]
    suppressions.add(tx, entries, actor)
    if reason in NO:
        leaving = [contact for listed, contact in holders if listed in new]
        take_in(tx, runtime.shelf, [_withdrawn(one, source, actor) for one in leaving], now)
    return new


Reader = Callable[[str, Channel | None], Target]


def reader(tx: Connection, runtime: Runtime) -> Reader:
    """What tells of an address or a number what the list knows it by. It raises AddressError for what is neither."""
    key = state.hash_key(tx)
    region = readers.phone_region(runtime.shelf.published(tx).workspace)

    def read(text: str, channel: Channel | None = None) -> Target:
        given = text.strip()
        if channel is Channel.EMAIL or (channel is None and "@" in given):
            return address_target(given, key)
        hashed = phone_hash(key, _number(given, region))
        if hashed is None:
            raise AddressError(f"'{given[:80]}' is neither an e-mail address nor a phone number")
        return Target(given, Channel.PHONE, hashed)

    return read


def read_target(tx: Connection, runtime: Runtime, text: str, channel: Channel | None = None) -> Target:
    """The same for one."""
    return reader(tx, runtime)(text, channel)


def address_target(text: str, key: bytes) -> Target:
    """The same for an address, when the key of the list is at hand. Raises AddressError."""
    return Target(text, Channel.EMAIL, email_hash(key, same_key(_bare(text))))


def require_reason(channel: Channel, reason: SuppressionReason) -> None:
    """Raise NurtureError unless a person may put something of this channel on the list for this reason."""
    allowed = BY_CHANNEL[channel]
    if reason not in allowed:
        what = "a phone number" if channel is Channel.PHONE else "an address"
        raise NurtureError(f"{what} is not suppressed as '{reason}'", hint=f"known are {', '.join(allowed)}")


def read_why(text: str) -> str:
    """Why it is put on the list or taken off, in one line. Raises NurtureError for none, or one that names an address.

    The list outlives the person: nothing on it may tell who they were.
    """
    try:
        why = " ".join(clean(text, keep="\n\r\t").split())
    except CellError as error:
        raise NurtureError(f"the reason {error}") from error
    if not why or len(why) > LONGEST_WHY:
        raise NurtureError(f"say why, in at most {LONGEST_WHY} characters", hint="it is kept as the evidence")
    if names_somebody(why):
        raise NurtureError(
            "the reason names an address",
            hint="leave it out: the list outlives the person, and holds no address",
        )
    return why


def _bare(text: str) -> str:
    """``Ana <ana@example.org>`` as the address alone."""
    _, opening, rest = text.rpartition("<")
    return rest.removesuffix(">").strip() if opening and rest.endswith(">") else text.removeprefix("mailto:")


def _number(text: str, region: str | None) -> str:
    """The number as contacts have it; one that no country has stays as it was typed."""
    try:
        return readers.phone(text, region)
    except CellError:
        if text.startswith("+") and sum(letter.isdigit() for letter in text) > FEWEST_DIGITS:
            return text
        raise AddressError(
            f"'{text[:80]}' is neither an e-mail address nor a phone number",
            hint="write name@example.org, or +1 416 555 0100",
        ) from None


def _standing(tx: Connection, target: Target) -> Standing:
    holders = [contact for _, contact in suppressions.holders(tx, {target.hash}, target.channel)]
    known = contacts.load(tx, holders)
    return Standing(
        target=target,
        entries=tuple(
            one for one in suppressions.entries_of_hash(tx, target.hash) if one.channel is target.channel
        ),
        story=tuple(suppressions.story(tx, target.hash, target.channel)),
        holders=tuple(known[one] for one in sorted(known)),
    )


def _withdrawn(contact_id: int, source: str, actor: str) -> Happening:
    data = {"source": f"suppression list: {source}", "by": actor}
    return Happening(contact_id=contact_id, name="consent.withdrawn", data=data, source="suppression list")


def _held_by(entries: Sequence[Suppression]) -> str:
    reasons = ", ".join(sorted(one.reason for one in entries))
    return f"no hand takes this off the list ({reasons})"


def _subject(target: Target) -> str:
    """For the audit log, which holds no address either."""
    return f"suppression:{target.hash[:12]}"


def read_reason(word: str) -> SuppressionReason:
    """The reason of this name. Raises NurtureError, which names a like one."""
    try:
        return SuppressionReason(word)
    except ValueError:
        known = [reason.value for reason in SuppressionReason]
        hint = did_you_mean(word, known) or f"known are {', '.join(known)}"
        raise NurtureError(f"nothing is suppressed as '{word[:40]}'", hint=hint) from None


def told(line: ListChange) -> str:
    """One line of the story of an address, for people."""
    by = f", by {line.actor}" if line.actor else ""
    match line.change:
        case Change.ASKED:
            return f"asked by mail whether they want to hear from us again ({line.source}{by})"
        case Change.ENDED:
            return f"no longer {line.reason} ({line.source}{by})"
    return f"{line.reason} ({line.source}{by})"
