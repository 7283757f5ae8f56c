"""What a worker does when a bell rings: one batch, then a ring for the next one while there is more.

An actor carries no work and reads no argument: the database says what is due, and to whom it belongs.
"""

from __future__ import annotations

from collections.abc import Callable

import dramatiq

from nurture.workers.broker import ACTORS, DELIVERIES, HOUSEKEEPING, TURNS, WEBHOOKS, Doorbells
from nurture.workers.logs import Outage
from nurture.workers.work import Work

TURNS_PER_BATCH = 250
DELIVERIES_PER_BATCH = 100  # what one ring is expected to send; the service knows its own limit


def hang_bells(broker: Doorbells, work: Callable[[], Work], database: Outage) -> None:
    """Give ``broker`` its four actors. ``work()`` is asked at each ring, so that nothing is built before one.

    A ring in an outage of the ``database`` is over; the scheduler rings again when the database is back.
    """

    def take_turns(*_: object, **__: object) -> None:
        """Decide one batch of due enrollments, and ring for the mails that this made."""
        with database:
            handled = work().advance.batch(TURNS_PER_BATCH)
            if handled:
                broker.ring(DELIVERIES)
                broker.ring(WEBHOOKS)
            if handled >= TURNS_PER_BATCH:
                broker.ring(TURNS)

    def send_messages(*_: object, **__: object) -> None:
        """Send one batch, and ring for the contacts whose next step waited for it; then mails of our own."""
        with database:
            if work().deliver.batch():
                broker.ring(TURNS)
                broker.ring(DELIVERIES)
            if work().send_notices():
                broker.ring(DELIVERIES)

    def send_webhooks(*_: object, **__: object) -> None:
        """Tell other systems, apart from mail: one of them that does not answer holds nobody else up."""
        with database:
            if work().hooks.batch():
                broker.ring(TURNS)
                broker.ring(WEBHOOKS)

    def sweep(*_: object, **__: object) -> None:
        """Free what dead workers held, expire call tasks, tidy up."""
        with database:
            work().sweep()

    bells = (
        (TURNS, take_turns),
        (DELIVERIES, send_messages),
        (WEBHOOKS, send_webhooks),
        (HOUSEKEEPING, sweep),
    )
    for queue, act in bells:
        dramatiq.actor(actor_name=ACTORS[queue], queue_name=queue, broker=broker)(act)
