"""A person is forgotten: every row, caught mail and stray word with their address goes, and the address is closed.

It waits for a mail that is being handed over just now, and never for more than seconds. What stays is a keyed hash on the
suppression list, so that no list and no program brings them back; only their own yes by mail does.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from threading import Event
from time import monotonic

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from nurture.db import contacts, forgetting, personal, state, suppressions, users
from nurture.db.personal import Who
from nurture.db.suppressions import Suppression
from nurture.model.addresses import same_key
from nurture.model.words import Channel, SuppressionReason
from nurture.services.phone import digest
from nurture.services.privacy.rights import caught_of, known, nothing_known
from nurture.services.runtime import Runtime
from nurture.services.sending import caught

PATIENCE = 10.0
"""Seconds for which an erasure waits for a mail dialogue of the person to end."""
LOOK_AGAIN = 0.05
TRIES = 5
"""How often it begins again when something was stored for the person in the same moment."""
SOURCE = "erasure"
UNWIPED, GONE = "unwiped", "erased"


@dataclass(frozen=True, slots=True)
class Gone:
    """How much was ever taken out of all figures: people, and their messages and calls. It names nobody."""

    people: int = 0
    messages: int = 0
    calls: int = 0


@dataclass(frozen=True, slots=True)
class Preview:
    """What an erasure would take: rows by table, and caught mails. With neither, the address stands in rows of others.

    ``account``: somebody logs in with this address; that stays.
    """

    email: str
    rows: Mapping[str, int]
    mails: int
    account: bool

    @property
    def total(self) -> int:
        return sum(self.rows.values())


@dataclass(frozen=True, slots=True)
class Erased:
    """What went. ``mentions`` are rows of others in which the address stood, ``hash`` is what the list knows it by.

    ``wiped`` is False when somebody who read the database at that moment kept its file from being cleaned: whoever
    sweeps does it (``wipe_now``).
    """

    hash: str
    rows: Mapping[str, int]
    mails: int
    mentions: int
    account: bool
    wiped: bool

    @property
    def total(self) -> int:
        return sum(self.rows.values())


def preview(runtime: Runtime, email: str, folder: Path) -> Preview:
    """What there is of the person with this address. Raises NotFoundError when there is nothing, AddressError."""
    key = same_key(email)
    with runtime.database.read() as tx:
        who = personal.who(tx, [key])
        rows = known(forgetting.count(tx, who))
        mails = len(caught_of(tx, who, folder))
        account = users.by_email(tx, key) is not None
        if not (rows or mails or forgetting.mentions(tx, [key])):
            raise nothing_known(email)
    return Preview(email.strip(), rows, mails, account)


def erase(
    runtime: Runtime,
    email: str,
    folder: Path,
    actor: str,
    reason: str = "",
    *,
    patience: float = PATIENCE,
) -> Erased:
    """Forget the person with this address, and close it. Raises NotFoundError when nothing is known, AddressError."""
    key = same_key(email)
    with runtime.database.read() as tx:
        account = users.by_email(tx, key) is not None
        who = personal.who(tx, [key])
        files = caught.naming(folder, who.written)
        named = not known(forgetting.count(tx, who)) and bool(forgetting.mentions(tx, [key]))
    taken = _take(runtime, [key], folder, files, _Deed(actor, reason, named), patience)
    if not (taken.rows or taken.mails or named):
        raise nothing_known(email)
    mentions = _unsay(runtime, [key])
    wiped = runtime.database.wipe(taken.words)
    if not wiped:
        wipe_later(runtime)
    return Erased(min(taken.who.hashes), taken.rows, taken.mails, mentions, account, wiped)


def let_go(runtime: Runtime, ids: Collection[int], folder: Path) -> int:
    """Forget these contacts since nothing was heard of them for long; returns how many there were.

    Their addresses are not closed: nobody asked for it, and whoever comes back is welcome.
    """
    with runtime.database.read() as tx:
        keys = personal.keys_of(tx, ids)
        files = caught.naming(folder, personal.who(tx, keys).written)
    if not keys:
        return 0
    _take(runtime, keys, folder, files, None, 0)
    _unsay(runtime, keys)
    return len(keys)


def wipe_later(runtime: Runtime) -> None:
    """Note that bytes of somebody who is gone may still lie in the database's file."""
    if runtime.database.embedded:
        runtime.database.retrying(lambda tx: state.put(tx, UNWIPED, {}, runtime.clock.operational()))


def wipe_now(runtime: Runtime) -> bool:
    """Write the database's file anew, if somebody who went may still lie in it; returns whether that was done."""
    with runtime.database.read() as tx:
        if state.get(tx, UNWIPED) is None:
            return False
    done = runtime.database.wipe()
    if done:
        runtime.database.retrying(lambda tx: state.clear(tx, UNWIPED))
    return done


# --- one transaction ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Deed:
    """Who erases somebody at their wish, and why. ``named``: the address stands in rows of others, and nowhere else."""

    actor: str
    reason: str
    named: bool


@dataclass(frozen=True, slots=True)
class _Taken:
    """Who went, with how many rows of each table and caught mails; ``words`` must not be found any more."""

    who: Who
    rows: Mapping[str, int]
    mails: int
    words: frozenset[str]


class _InDialogueError(Exception):
    """A mail to the person is being handed over."""


def _take(
    runtime: Runtime,
    keys: Collection[str],
    folder: Path,
    files: Collection[str],
    deed: _Deed | None,
    patience: float,
) -> _Taken:
    """Do it, as soon as no mail to them is at its last point; after ``patience`` seconds whatever is."""
    until, tries, pause = monotonic() + patience, TRIES, Event()
    while True:
        work = partial(
            _taken,
            runtime=runtime,
            keys=keys,
            folder=folder,
            files=files,
            deed=deed,
            waits=monotonic() < until,
        )
        try:
            return runtime.database.retrying(work)
        except _InDialogueError:
            pause.wait(LOOK_AGAIN)
        except IntegrityError:
            # Something was stored for them between our looking and our deleting.
            tries -= 1
            if not tries:
                raise


def _taken(
    tx: Connection,
    *,
    runtime: Runtime,
    keys: Collection[str],
    folder: Path,
    files: Collection[str],
    deed: _Deed | None,
    waits: bool,
) -> _Taken:
    forgetting.lock(tx, personal.who(tx, keys))
    who = personal.who(tx, keys)
    if waits and forgetting.in_dialogue(tx, who, runtime.clock.operational()):
        raise _InDialogueError
    people = contacts.load(tx, who.ids).values()
    words = who.written.union(one.phone for one in people if one.phone)
    names = {name for one in people for name in (one.first_name, one.last_name) if name}
    papers = forgetting.papers(tx, who)
    if forgetting.drop_lists(tx, who):
        digest.plan_again(tx)
    rows = known(forgetting.forget(tx, who))
    # Before the commit: whatever breaks off now is done again as a whole.
    mails = caught.throw_away(folder, papers, files)
    if rows:
        _count(tx, runtime, rows)
    if deed and (rows or mails or deed.named):
        _close(tx, runtime, who)
        detail = {
            "hash": min(who.hashes)[:12],
            "rows": sum(rows.values()),
            "reason": masked(deed.reason, words | names),
        }
        runtime.audit(tx, deed.actor, "erase", forgetting.NOBODY, detail)
    return _Taken(who, rows, mails, words)


def gone(tx: Connection) -> Gone:
    """What was ever erased, in numbers."""
    return Gone(**(state.get(tx, GONE) or {}))


def _count(tx: Connection, runtime: Runtime, rows: Mapping[str, int]) -> None:
    """Figures count who is there; these tell why they were larger once."""
    before = Gone(**(state.held(tx, GONE) or {}))
    after = Gone(
        before.people + rows.get("contacts", 0),
        before.messages + rows.get("deliveries", 0),
        before.calls + rows.get("tasks", 0),
    )
    state.put(tx, GONE, asdict(after), runtime.clock.operational())


def _close(tx: Connection, runtime: Runtime, who: Who) -> None:
    """Nobody but they themselves, by a yes by mail, brings them back."""
    now = runtime.now()
    suppressions.add(
        tx,
        [
            Suppression(
                address_hash=one,
                channel=Channel.EMAIL,
                reason=SuppressionReason.ERASED,
                at=now,
                source=SOURCE,
            )
            for one in sorted(who.hashes)
        ],
    )


def _unsay(runtime: Runtime, keys: Collection[str]) -> int:
    """Take the addresses out of rows of others; returns of how many. Read first: that keeps no writer waiting."""
    with runtime.database.read() as tx:
        found = forgetting.mentions(tx, keys)
    if found:
        runtime.database.retrying(lambda tx: forgetting.unsay(tx, found))
    return len(found)


def masked(text: str, words: Collection[str]) -> str:
    """``text`` without the person's own words: somebody may have typed their name for a reason."""
    if not words:
        return text
    known_words = "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))
    return re.sub(rf"(?<!\w)(?:{known_words})(?!\w)", forgetting.GONE, text, flags=re.IGNORECASE)
