"""Put the parts together: settings in, a running nurture out. The one place that knows all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from time import monotonic

import structlog
from sqlalchemy import Connection

from nurture.channels import channel_for
from nurture.channels.mailbox import parse_mailbox_url
from nurture.channels.providers import PROVIDERS
from nurture.channels.reach import Reach
from nurture.channels.webhook import WebhookChannel
from nurture.db import content, due, migrate, notices, paces, requests, state, tasks
from nurture.db.rescue import Rescued, rescue
from nurture.db.session import CommitUnknownError, Database, UnreachableError
from nurture.db.tasks import Task
from nurture.model.clock import Clock, SystemClock
from nurture.rendering.links import Links
from nurture.services.advancing.advance import Advance
from nurture.services.events import watch
from nurture.services.events.visits import settle as settle_visits
from nurture.services.forms.requests import FORGOTTEN_AFTER
from nurture.services.inbound import forget_old as forget_returns
from nurture.services.inbound.mailbox import look as read_mailbox
from nurture.services.phone.calls import settle as settle_outcomes
from nurture.services.phone.digest import plan_digests
from nurture.services.presence import forget_the_silent
from nurture.services.privacy import retention
from nurture.services.releases import migration
from nurture.services.releases.breaker import Breaker
from nurture.services.running.pausing import end_rests
from nurture.services.runtime import Runtime
from nurture.services.sending import domains
from nurture.services.sending.deliver import Deliver
from nurture.services.sending.hooks import Hooks
from nurture.services.sending.notices import send_batch
from nurture.services.sending.senders import Keyring
from nurture.settings import CATCH, Settings

log = structlog.get_logger()

OFFSET_IS_FRESH = 0.5
"""Seconds for which a process believes what it last read of the business clock's offset."""


@dataclass
class Nurture:
    """The assembled program: what workers, schedulers, pages and commands call."""

    settings: Settings
    runtime: Runtime
    advance: Advance = field(init=False)
    deliver: Deliver = field(init=False)
    breaker: Breaker = field(init=False)
    hooks: Hooks = field(init=False)

    def __post_init__(self) -> None:
        self.advance = Advance(self.runtime)
        self.deliver = Deliver(self.runtime)
        self.breaker = Breaker(self.runtime)
        self.hooks = Hooks(self.runtime)

    @property
    def clock(self) -> Clock:
        return self.runtime.clock

    @property
    def database(self) -> Database:
        return self.runtime.database

    def due(self) -> due.Due:
        """How much waits now, counted up to a bound."""
        with self.database.read() as tx:
            return due.count(tx, self.clock.now(), self.clock.operational())

    def warm_up(self) -> None:
        """Read what is published, if anything is: its calendars alone take a quarter of a second."""
        with self.database.read() as tx:
            if content.publications(tx):
                self.runtime.shelf.published(tx)

    def sweep(self) -> None:
        """The housekeeping, each part apart: one that fails keeps no other from its work.

        Raises what failed when all the others are done, and at once when the database is away.
        """
        failed: list[Exception] = []
        for part in self._parts():
            try:
                part()
            except (UnreachableError, CommitUnknownError):
                raise
            except Exception as error:
                failed.append(error)
        if failed:
            raise failed[0] if len(failed) == 1 else ExceptionGroup("housekeeping", failed)

    def _parts(self) -> Iterator[Callable[[], object]]:
        """Free what dead senders held, settle what was said and seen, end what is over, see what came about."""
        runtime = self.runtime
        yield self._free
        yield partial(settle_outcomes, runtime)
        yield partial(settle_visits, runtime)
        yield self._end_calls
        yield self._end_rests
        yield partial(self.database.retrying, self._forget)
        yield partial(self.database.retrying, partial(forget_returns, runtime=runtime))
        yield partial(self.database.retrying, partial(domains.look, runtime=runtime))
        yield partial(watch.sweep, runtime)
        yield self.breaker.look
        yield partial(migration.go_on, runtime)
        yield partial(retention.sweep, runtime, self.settings.var / "mail")
        yield self._plan_digests
        yield partial(read_mailbox, runtime)  # last: another server may keep us waiting

    def _free(self) -> None:
        """What dead workers held goes back, or is in doubt: nothing else may stand in front of that."""

        def work(tx: Connection) -> tuple[Rescued, int]:
            now, operational = self.clock.now(), self.clock.operational()
            return rescue(tx, now, operational), notices.rescue(tx, now, operational)

        rescued, in_doubt = self.database.retrying(work)
        if rescued.returned or rescued.ambiguous:
            log.warning("rescued", returned=rescued.returned, ambiguous=rescued.ambiguous)
        if in_doubt:
            log.warning("notices in doubt", ambiguous=in_doubt)

    def _end_calls(self) -> None:
        """Calls whose numbers were closed, and calls that nobody made."""

        def work(tx: Connection) -> tuple[list[Task], list[Task]]:
            now = self.clock.now()
            return tasks.call_off(tx, now), tasks.expire(tx, now)

        called_off, expired = self.database.retrying(work)
        if called_off:
            log.info("calls called off: their numbers were closed", count=len(called_off))
        if expired:
            log.info("calls expired", count=len(expired))

    def _end_rests(self) -> None:
        if rested := end_rests(self.runtime):
            log.info("rests that contacts chose are over", count=rested)

    def _plan_digests(self) -> None:
        if lists := plan_digests(self.runtime):
            log.info("lists of calls for the day", planned=lists)

    def _forget(self, tx: Connection) -> None:
        """What nobody will ask for again."""
        operational = self.clock.operational()
        paces.forget(tx, operational)
        forget_the_silent(tx, operational)
        requests.forget_unconfirmed(tx, self.clock.now() - FORGOTTEN_AFTER)
        domains.forget(tx, operational)

    def send_notices(self) -> int:
        """Send some of the installation's own mails; returns how many came to an end or another date."""
        return send_batch(self.runtime)

    def lead(self, name: str, holder: str, ttl: timedelta) -> bool:
        with self.database.write() as tx:
            return state.lead(tx, name, holder, self.clock.operational(), ttl)

    def beat(self, name: str) -> None:
        with self.database.write() as tx:
            state.beat(tx, name, self.clock.operational())

    def drain(self) -> None:
        """This process is to end: finish the dialogues that are open, begin no other."""
        self.runtime.draining.set()

    def close(self) -> None:
        """Hang up: this thread's mail connections, and every idle connection to the database."""
        self.deliver.close()
        self.database.dispose()

    def look_at_the_clock(self) -> None:
        """The business clock was moved here: believe nothing that was read of it before."""
        if isinstance(self.clock, SystemClock) and isinstance(self.clock.offset, Offset):
            self.clock.offset.forget()

    def run_until_idle(self) -> None:
        """Do all that is due now, here, without a broker: for commands that move the clock, and for tests."""
        self.sweep()
        while self._work():
            while self._work():
                pass
            self.sweep()

    def _work(self) -> int:
        """A batch of whatever is due; 0 when nothing is."""
        return self.advance.batch() or self.deliver.batch() or self.hooks.batch() or self.send_notices()


def build(settings: Settings, clock: Clock | None = None) -> Nurture:
    """A nurture for these settings. Raises NurtureError when the database has another schema than this program."""
    database = Database(settings.database_url)
    migrate.require_head(database)
    webhooks = WebhookChannel(
        settings.secret_keys, Reach.of(settings.webhook_allow), catches=settings.smtp_url == CATCH
    )
    runtime = Runtime(
        database=database,
        clock=clock or SystemClock(Offset(database)),
        links=Links(settings.base_url, settings.secret_keys),
        open_channel=lambda: channel_for(settings.smtp_url, mail_folder=settings.var / "mail"),
        allow_recipients=settings.allow_recipients,
        keys=Keyring(settings.project, settings.dkim_key),
        webhooks=webhooks,
        mailbox=parse_mailbox_url(settings.mailbox_url) if settings.mailbox_url else None,
        providers={
            name: PROVIDERS[name](keys, webhooks.get) for name, keys in settings.provider_keys.items()
        },
    )
    return Nurture(settings, runtime)


def upgrade(settings: Settings) -> None:
    """Bring the database to this program's schema; creates the embedded one."""
    database = Database(settings.database_url)
    migrate.upgrade(database)
    database.dispose()


@dataclass
class Offset:
    """The business clock's offset, read again when what we know is older than half a second."""

    database: Database
    _known: timedelta = timedelta()
    _read_at: float = -OFFSET_IS_FRESH

    def __call__(self) -> timedelta:
        if monotonic() - self._read_at >= OFFSET_IS_FRESH:
            with self.database.read() as tx:
                self._known = state.clock_offset(tx)
            self._read_at = monotonic()
        return self._known

    def forget(self) -> None:
        self._read_at = -OFFSET_IS_FRESH
