"""The ledger of permission in words: what a contact allowed, what shows it, and whether it holds now.

It judges what comes in from outside, and tells what stands there. Writing it down is for ``services.events.effects``.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from nurture.db import consents, content
from nurture.db.consents import Consent, ConsentAction, Spoken
from nurture.engine.explain import moment
from nurture.model.errors import NurtureError, TextError, did_you_mean
from nurture.model.permission import channels_of, read_channels, read_end
from nurture.model.words import Channel, Scalar
from nurture.model.workspace import TRANSACTIONAL
from nurture.services.published import Published
from nurture.services.runtime import Runtime

GRANTED, WITHDRAWN = "consent.granted", "consent.withdrawn"
CONSENT = frozenset((GRANTED, WITHDRAWN))
SAYS = frozenset(("purpose", "source", "wording", "version", "channel", "expires", "implied"))
"""What a yes may say; a slip in one of these words would make a lasting permission of one that ends."""
IMPLIED_ENDS = "say when: 24 months after a purchase, 6 months after an inquiry (CASL)"


def read_consent(
    name: str,
    data: Mapping[str, Scalar],
    published: Published,
    spoken: Collection[Spoken],
    now: datetime,
    given: datetime | None = None,
) -> Mapping[str, Scalar]:
    """What an event of consent says, with its end worked out from when it was ``given``, now by default.

    ``spoken`` is what the ledger of the contact knows: what was granted once can be withdrawn for ever. Raises
    NurtureError for a purpose that nobody asks for, no purpose at all, a channel or an end that cannot be read, and for
    a yes that says what no yes does.
    """
    said = dict(data)
    purpose = str(said["purpose"]) if said.get("purpose") is not None else None
    if name == WITHDRAWN:
        if "by" in said:
            raise NurtureError(
                "'by' is who of us wrote it down, and nobody else tells that",
                hint="leave it out, or give it another name",
            )
        if purpose is not None and purpose not in {what for what, _ in spoken}:
            require_purpose(purpose, published, or_else="leave the purpose out to withdraw everything")
    elif purpose is None:
        raise NurtureError("a consent says what for", hint=f"add purpose=NAME; {_known(published)}")
    else:
        require_purpose(purpose, published)
        _require_known(said)
    try:
        if said.get("channel") is not None:
            said["channel"] = ", ".join(read_channels(said["channel"]))
        if said.get("expires") is not None:
            said["expires"] = _end(said["expires"], published, now, given)
    except TextError as error:
        raise NurtureError(error.message, hint=error.hint) from error
    if said.get("implied") is True and said.get("expires") is None:
        raise NurtureError("an implied consent ends", hint=f"add expires=…, and {IMPLIED_ENDS}")
    return said


def refuse_older_yes(
    data: Mapping[str, Scalar], given: datetime | None, history: Sequence[Consent], zone: ZoneInfo
) -> None:
    """Raise NurtureError for a yes that was ``given`` before they said no: only a new one gives a permission back.

    ``zone`` is the one in which it is told.
    """
    ways = channels_of(data) or (Channel.EMAIL,)
    noes = [
        one.at
        for one in history
        if one.action is ConsentAction.WITHDRAWN
        and one.purpose == data.get("purpose")
        and one.channel in ways
    ]
    if given is not None and noes and given <= max(noes):
        raise NurtureError(
            f"they took this permission back on {moment(max(noes), zone)}, after the yes of {moment(given, zone)}",
            hint="a no ends every yes before it; only a new one counts",
        )


def _require_known(said: Mapping[str, Scalar]) -> None:
    for word in said:
        if word not in SAYS:
            hint = did_you_mean(word, SAYS) or f"known are {', '.join(sorted(SAYS))}"
            raise NurtureError(f"a consent does not say '{word[:40]}'", hint=hint)
    if not isinstance(said.get("implied", False), bool):
        raise NurtureError("'implied' is yes or no", hint=f"an implied consent ends: {IMPLIED_ENDS}")


def _end(said: Scalar, published: Published, now: datetime, given: datetime | None) -> str:
    return read_end(str(said), now, published.workspace.zone, given).isoformat()


def require_purpose(purpose: str, published: Published, or_else: str = "") -> None:
    """Raise NurtureError unless some workflow or offer relies on this permission."""
    if purpose in published.purposes:
        return
    if purpose == TRANSACTIONAL:
        raise NurtureError(
            "nobody consents to 'transactional': such messages answer what a contact did",
            hint=_known(published),
        )
    near = did_you_mean(purpose, published.purposes)
    hint = "; ".join(part for part in (near or _known(published), or_else) if part)
    raise NurtureError(f"no workflow or offer asks for '{purpose[:80]}'", hint=hint)


def doubt_about(runtime: Runtime, purpose: str) -> str | None:
    """Why nothing relies on this permission, in words; None when something does, or nothing was published yet.

    A list may come before the workflow that relies on it; a slip in its purpose must not go unseen.
    """
    with runtime.database.read() as tx:
        if not content.publications(tx):
            return None
        published = runtime.shelf.published(tx)
    try:
        require_purpose(purpose, published)
    except NurtureError as error:
        return str(error)
    return None


def _known(published: Published) -> str:
    if not published.purposes:
        return "no published workflow or offer names a purpose yet"
    return f"known are {', '.join(published.purposes)}"


# --- in words -------------------------------------------------------------------------------------------------------


class Standing(StrEnum):
    """What an entry of the ledger means today."""

    HOLDS = "holds"
    EXPIRED = "expired"
    REPLACED = "replaced"
    """A later yes for the same stands in its place."""
    TAKEN_BACK = "taken back"
    NO = "no"
    """The no that counts."""
    OVER = "over"
    """A no after which they said yes again."""


@dataclass(frozen=True, slots=True)
class LedgerLine:
    """One entry of the ledger, what it means today, and both in a sentence; ``shown_by`` is the proof in words."""

    entry: Consent
    standing: Standing
    said: str
    shown_by: tuple[str, ...]


def ledger(entries: Sequence[Consent], now: datetime, zone: ZoneInfo) -> tuple[LedgerLine, ...]:
    """The entries of one contact in words, oldest first, with times of ``zone``."""
    last: dict[tuple[str, Channel], Consent] = {(one.purpose, one.channel): one for one in entries}
    lines = []
    for one in entries:
        standing = _standing(one, last[(one.purpose, one.channel)], now)
        lines.append(LedgerLine(one, standing, _said(one, standing, zone), proof(one, zone)))
    return tuple(lines)


def _standing(one: Consent, last: Consent, now: datetime) -> Standing:
    if one.action is ConsentAction.WITHDRAWN:
        return Standing.NO if last.action is ConsentAction.WITHDRAWN else Standing.OVER
    if last.action is ConsentAction.WITHDRAWN:
        return Standing.TAKEN_BACK
    if one is not last:
        return Standing.REPLACED
    return Standing.EXPIRED if one.expires_at is not None and one.expires_at <= now else Standing.HOLDS


_MEANS = {
    Standing.HOLDS: "It holds.",
    Standing.EXPIRED: "It is over.",
    Standing.REPLACED: "A later one stands in its place.",
    Standing.TAKEN_BACK: "It was taken back.",
    Standing.NO: "It counts.",
    Standing.OVER: "They said yes again later.",
}


def _said(one: Consent, standing: Standing, zone: ZoneInfo) -> str:
    way = "by phone" if one.channel is Channel.PHONE else f"by {one.channel}"
    if one.action is ConsentAction.WITHDRAWN:
        did = f"Said no to '{one.purpose}' {way}"
    elif one.implied:
        did = f"May be written to for '{one.purpose}' {way}, implied"
    else:
        did = f"Said yes to '{one.purpose}' {way}"
    ends = f" Until {moment(one.expires_at, zone)}." if one.expires_at else ""
    wording = f" “{one.wording}”" if one.wording else ""
    version = f" (wording {one.wording_version})" if one.wording_version else ""
    return f"{did} on {moment(one.at, zone)}, {one.source}.{wording}{version}{ends} {_MEANS[standing]}"


_PROOFS = {
    "shown": "where",
    "page": "page",
    "given_at": "given",
    "ip": "from network address",
    "user_agent": "with",
    "asked_at": "asked by mail",
    "confirmed_at": "confirmed",
    "confirmed_by": "confirmed by",
    "confirmed_ip": "confirmed from network address",
    "confirmed_user_agent": "confirmed with",
}
_MOMENTS = frozenset(("given_at", "asked_at", "confirmed_at"))


def proof(one: Consent, zone: ZoneInfo) -> tuple[str, ...]:
    """What shows this entry, piece by piece, in words; who of us wrote it down at the end."""
    told = []
    for key, value in sorted(one.proof.items(), key=lambda item: _rank(item[0])):
        shown = moment(datetime.fromisoformat(str(value)), zone) if key in _MOMENTS else value
        told.append(f"{_PROOFS.get(key, key.replace('_', ' '))}: {shown}")
    return (*told, f"written down by {one.actor}") if one.actor else tuple(told)


def _rank(key: str) -> tuple[int, str]:
    return (list(_PROOFS).index(key) if key in _PROOFS else len(_PROOFS), key)


class Relying(Protocol):
    """A message, as far as it is asked on which permission it relies."""

    @property
    def id(self) -> int: ...

    @property
    def grant_id(self) -> int | None: ...


def relied_on(tx: Connection, mails: Collection[Relying], zone: ZoneInfo) -> dict[int, str]:
    """For each of these messages that relies on a permission, by its id: which one, in words."""
    grants = consents.by_ids(tx, {one.grant_id for one in mails if one.grant_id})
    return {
        one.id: told_of(grants[one.grant_id], zone)
        for one in mails
        if one.grant_id is not None and one.grant_id in grants
    }


def told_of(grant: Consent, zone: ZoneInfo) -> str:
    """A permission in a few words: ``the yes to 'nurture' of Mon 2 Mar 2026 09:00 (form guide)``."""
    what = "implied permission for" if grant.implied else "yes to"
    return f"the {what} '{grant.purpose}' of {moment(grant.at, zone)} ({grant.source})"
