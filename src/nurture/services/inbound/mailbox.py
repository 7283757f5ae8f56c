"""The mailbox that bounces and answers come to is read once a minute, by one worker, each message once.

A message is taken in and committed first; only then is it marked, moved or deleted, and only then do we go on behind it. So
a connection that breaks leaves a message that is read again, known again, and has no second effect. Nobody's mail is touched
but what machines say of messages of ours: what people write stays unread for people.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from secrets import token_hex

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import InterfaceError, OperationalError

from nurture.channels.inbound import Kind
from nurture.channels.mailbox import MailboxError, MailboxSettings, OpenMailbox, opened
from nurture.db import state
from nurture.db.session import CommitUnknownError, UnreachableError
from nurture.services.inbound import Taken, take
from nurture.services.runtime import Runtime

log = structlog.get_logger()

EVERY = timedelta(minutes=1)
LEASE = timedelta(minutes=5)
RENEW = timedelta(minutes=1)
MOST_TRIES = 3
"""A message at which the connection breaks again and again is left out, for the others behind it."""
AT_A_TIME = 200
"""Messages of one look; where there are more, the next look follows at once."""
SILENT_FOR = timedelta(minutes=15)
"""Unread for longer than this, somebody should hear of it."""
BY_MACHINES = frozenset({Kind.HARD, Kind.SOFT, Kind.COMPLAINT, Kind.AUTOREPLY, Kind.CHALLENGE})
NEVER = datetime.fromtimestamp(0, UTC)
_STATE = "mailbox"
_AWAY = (UnreachableError, CommitUnknownError, OperationalError, InterfaceError)


@dataclass(frozen=True, slots=True)
class Reading:
    """How far reading is. ``next`` is the number of the first message that was not read; ``validity`` says whose numbers.

    Operational times: when we looked last, and when that worked last. ``problem`` is why it does not work, ``left_out``
    counts messages that could not be taken in, ``more`` says that some are waiting. ``tries`` counts how often the
    connection broke at the message that is next.
    """

    place: str
    looked_at: datetime = NEVER
    read_at: datetime = NEVER
    problem: str = ""
    validity: int = 0
    next: int = 1
    left_out: int = 0
    more: bool = False
    tries: int = 0


def look(runtime: Runtime) -> int:
    """Read what is new, if it is time and nobody else does; returns how many messages were read.

    A mailbox that does not answer is noted and looked at again; raises the errors of a database that is away.
    """
    settings = runtime.mailbox
    if settings is None or runtime.draining.is_set() or not _is_time(runtime, settings):
        return 0
    holder = token_hex(8)
    if not _lead(runtime, holder):
        return 0
    try:
        return _Look(runtime, settings, holder).through()
    finally:
        with runtime.database.write() as tx:
            state.leave(tx, _STATE, holder)


def reading_of(tx: Connection, settings: MailboxSettings) -> Reading:
    """How far we are with this folder; another account or folder is begun anew."""
    known = state.get(tx, _STATE)
    if known is None or known["place"] != str(settings):
        return Reading(str(settings))
    moments = {name: datetime.fromisoformat(known[name]) for name in ("looked_at", "read_at")}
    return Reading(**{**known, **moments})


def _is_time(runtime: Runtime, settings: MailboxSettings) -> bool:
    with runtime.database.read() as tx:
        known = reading_of(tx, settings)
    since = runtime.clock.operational() - known.looked_at
    return known.more or not timedelta() <= since < EVERY


def _lead(runtime: Runtime, holder: str) -> bool:
    with runtime.database.write() as tx:
        return state.lead(tx, _STATE, holder, runtime.clock.operational(), LEASE)


class _Look:
    """One look at the mailbox: how far it came is kept at its end, however it ends."""

    def __init__(self, runtime: Runtime, settings: MailboxSettings, holder: str) -> None:
        self.runtime, self.settings, self.holder = runtime, settings, holder
        self.renewed_at = runtime.clock.operational()
        self.count = 0
        self.reading_one = False

    def through(self) -> int:
        with self.runtime.database.read() as tx:
            self.reading = reading_of(tx, self.settings)
        try:
            with opened(self.settings) as mailbox:
                self._read(mailbox)
        except MailboxError as error:
            log.warning("mailbox cannot be read", reason=str(error))
            self.reading = replace(self.reading, problem=str(error), more=False)
            if self.reading_one:
                self._broke()
        else:
            self.reading = replace(self.reading, problem="", read_at=self.runtime.clock.operational())
        self._keep()
        return self.count

    def _read(self, mailbox: OpenMailbox) -> None:
        """Each new message, one after the other."""
        if mailbox.validity != self.reading.validity:  # the server gave everything new numbers
            self.reading = replace(self.reading, validity=mailbox.validity, next=1)
        numbers = mailbox.numbers_from(self.reading.next)
        for number in numbers[:AT_A_TIME]:
            if self.runtime.draining.is_set() or not self._still_leads():
                break
            self.reading_one = True
            self.reading = replace(self.reading, next=number)
            self._go_on(left_out=not self._read_one(mailbox, number))
            self.reading_one = False
            self.count += 1
        self.reading = replace(self.reading, more=self.count < len(numbers))

    def _read_one(self, mailbox: OpenMailbox, number: int) -> bool:
        """Fetch, take in, commit, and only then mark; False when this message is beyond us, which stops no other."""
        raw = mailbox.fetch(number)
        if raw is None:
            return True  # somebody has deleted it meanwhile
        try:
            taken = take(self.runtime, raw, "mailbox")
        except _AWAY:
            raise
        except Exception as error:
            log.error("a message in the mailbox is left out", number=number, error=type(error).__name__)
            return False
        if is_dealt_with(taken):
            mailbox.done_with(number)
        return True

    def _go_on(self, *, left_out: bool) -> None:
        """Behind the message that was next."""
        before = self.reading
        self.reading = replace(before, next=before.next + 1, left_out=before.left_out + left_out, tries=0)

    def _broke(self) -> None:
        """The connection broke at a message: it is read again, but not for ever."""
        self.reading = replace(self.reading, tries=self.reading.tries + 1)
        if self.reading.tries >= MOST_TRIES:
            self._go_on(left_out=True)

    def _still_leads(self) -> bool:
        operational = self.runtime.clock.operational()
        if operational - self.renewed_at < RENEW:
            return True
        self.renewed_at = operational
        return _lead(self.runtime, self.holder)

    def _keep(self) -> None:
        kept = replace(self.reading, looked_at=self.runtime.clock.operational())
        values = {name: getattr(kept, name) for name in Reading.__slots__}
        values |= {name: values[name].isoformat() for name in ("looked_at", "read_at")}
        self.runtime.database.retrying(lambda tx: state.put(tx, _STATE, values, kept.looked_at))


def is_dealt_with(taken: Taken) -> bool:
    """Is it a machine's word about a message of ours? All else is for people to read."""
    return taken.ours and taken.report.kind in BY_MACHINES
