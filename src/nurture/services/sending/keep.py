"""Keep what a sender holds: its claims are renewed while it lives, and lapse soon after it dies."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from threading import Event, Thread

import structlog
from sqlalchemy.exc import DBAPIError

from nurture.db import outbox
from nurture.db.outbox import LEASE, ClaimedDelivery
from nurture.db.session import CommitUnknownError, Database, UnreachableError
from nurture.model.clock import Clock

log = structlog.get_logger()

EVERY = timedelta(seconds=15)


@contextmanager
def kept(database: Database, clock: Clock, claims: Sequence[ClaimedDelivery]) -> Iterator[None]:
    """Renew these claims every 15 seconds until the block ends."""
    over = Event()

    def renew() -> None:
        while not over.wait(EVERY.total_seconds()):
            try:
                database.retrying(lambda tx: outbox.renew(tx, claims, clock.operational() + LEASE))
            except (DBAPIError, UnreachableError, CommitUnknownError) as error:
                # The next renewal may succeed. Lapses the lease first, the fence keeps us from writing, and doubt is
                # recorded as doubt.
                log.warning("claims cannot be renewed", error=str(error))

    keeper = Thread(target=renew, name="keep-claims", daemon=True)
    keeper.start()
    try:
        yield
    finally:
        over.set()
        keeper.join()
