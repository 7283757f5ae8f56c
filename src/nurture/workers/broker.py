"""The doorbells between the processes. Ringing one wakes a worker; what there is to do stands in the database.

A message carries no work: whoever finds one asks the database. So a forged, doubled, lost or late message changes
nothing, and a broker that is away delays work by seconds and loses none.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import suppress
from threading import Condition
from typing import cast
from urllib.parse import unquote, urlsplit

import redis
from dramatiq import Message, MessageProxy
from dramatiq.broker import Consumer
from dramatiq.brokers.redis import RedisBroker
from dramatiq.errors import BrokerConnectionError
from redis.backoff import NoBackoff
from redis.retry import Retry
from redis.sentinel import Sentinel

from nurture.workers.logs import Outage

TURNS, DELIVERIES, WEBHOOKS, HOUSEKEEPING = "turns", "deliveries", "webhooks", "housekeeping"
ACTORS = {TURNS: "take_turns", DELIVERIES: "send_messages", WEBHOOKS: "send_webhooks", HOUSEKEEPING: "sweep"}
MOST_WAITING = 16  # wake-ups in one queue; more would only find the work already taken
TIMEOUT = 5.0  # seconds for one exchange with the broker
SHORTEST_NAP = 5  # milliseconds until an idle worker looks again; twice as long each time
PAUSE = 1.0  # seconds before a worker asks an unreachable broker again
LONGEST_ID = 64
ERRORS = (redis.RedisError, BrokerConnectionError, OSError)


def make_broker(url: str) -> Doorbells:
    """The broker at ``url``: `redis://`, `rediss://`, `unix://` or `sentinel://HOST:PORT,…/SERVICE[/DB]`.

    Connects at the first use; an unreachable one raises nothing here.
    """
    return Doorbells(connect(url))


class Doorbells(RedisBroker):
    """Dramatiq's Redis broker, cut down to bells that ring.

    No middleware: nothing is retried, delayed or aged by the broker, since the database knows what is still due.
    """

    def __init__(self, client: redis.Redis) -> None:
        # Messages of a killed worker come back within seconds; Dramatiq's defaults leave that to chance and a minute.
        super().__init__(  # type: ignore[no-untyped-call]
            client=client, middleware=[], maintenance_chance=100_000, heartbeat_timeout=15_000
        )
        self.outage = Outage("broker", ERRORS)
        self._rung = Condition()

    def ring(self, queue: str, times: int = 1) -> None:
        """Ring ``queue`` up to ``times`` times, fewer while rings wait there. A dead broker raises nothing."""
        with self.outage:
            room = MOST_WAITING - self.waiting(queue)
            for _ in range(min(times, room)):
                self.enqueue(Message(queue, ACTORS[queue], (), {}, {}))
        with self._rung:
            self._rung.notify_all()

    def waiting(self, queue: str) -> int:
        """How many rings of ``queue`` nobody has heard yet. Raises redis.RedisError."""
        return int(cast("int", self.client.llen(f"{self.namespace}:{queue}")))

    def consume(self, queue_name: str, prefetch: int = 1, timeout: int = 5000) -> Consumer:
        return Ear(super().consume(queue_name, prefetch, SHORTEST_NAP), self.outage, self._rung, timeout)

    def do_fetch(self, queue_name: str, amount: int) -> list[bytes]:
        """Dramatiq's fetch, but whatever lies in the queue becomes a ring of that queue, or is dropped."""
        fetch = self._dispatch("fetch")  # type: ignore[no-untyped-call]
        while fetched := fetch(queue_name, amount):
            if rings := [ring for data in fetched if (ring := as_ring(queue_name, data)) is not None]:
                return rings
        return []


class Ear(Consumer):
    """Listens to one queue. While the broker is away it hears nothing, and can still be stopped.

    Between two looks it naps, ever longer up to ``longest`` milliseconds; a ring of its own process wakes it.
    """

    def __init__(self, consumer: Consumer, outage: Outage, rung: Condition, longest: int) -> None:
        self.consumer = consumer
        self.outage = outage
        self._rung = rung
        self._longest = longest
        self._nap = SHORTEST_NAP

    def __next__(self) -> MessageProxy | None:
        with self.outage:
            heard = next(self.consumer)
            self._nap = SHORTEST_NAP if heard else min(2 * self._nap, self._longest)
            if not heard:
                self._sleep(self._nap / 1000)
            return heard
        self._sleep(PAUSE)
        return None

    def _sleep(self, seconds: float) -> None:
        with self._rung:
            self._rung.wait(seconds)

    def ack(self, message: MessageProxy) -> None:
        # Not tried again when the broker is away: the ring comes back, finds nothing due, and does no harm.
        with self.outage:
            self.consumer.ack(message)

    def nack(self, message: MessageProxy) -> None:
        self.ack(message)

    def requeue(self, messages: Iterable[MessageProxy]) -> None:
        if rings := list(messages):
            with self.outage:
                self.consumer.requeue(rings)

    def close(self) -> None:
        # Often no exchange at all, so that it tells nothing about the broker.
        with suppress(*ERRORS):
            self.consumer.close()


def as_ring(queue: str, data: bytes | None) -> bytes | None:
    """``data`` from the broker as a plain ring of ``queue``; None for what Dramatiq could not even acknowledge.

    Nothing of it is believed but the id under which the broker stores it: a forged queue name would end a worker
    thread, a forged time would fill the worker's memory.
    """
    try:
        stored_as = json.loads(data or b"")["options"]["redis_message_id"]
    except (ValueError, LookupError, TypeError, RecursionError):
        return None
    if not isinstance(stored_as, str) or len(stored_as) > LONGEST_ID:
        return None
    actor = ACTORS[queue.removesuffix(".DQ")]
    return Message(queue, actor, (), {}, {"redis_message_id": stored_as}, message_id=stored_as).encode()


def connect(url: str) -> redis.Redis:
    """A client that gives up after TIMEOUT seconds and tries a broken connection once more."""
    once_more: Retry = Retry(NoBackoff(), 1)
    if not url.startswith("sentinel://"):
        return redis.Redis.from_url(
            url, socket_timeout=TIMEOUT, socket_connect_timeout=TIMEOUT, retry=once_more
        )
    parts = urlsplit(url)
    login, _, hosts = parts.netloc.rpartition("@")
    user, _, password = login.partition(":")
    sentinels = [
        (host, int(port or 26379)) for host, _, port in (one.partition(":") for one in hosts.split(","))
    ]
    service, _, database = parts.path.strip("/").partition("/")
    master: redis.Redis = Sentinel(sentinels, socket_timeout=TIMEOUT).master_for(  # type: ignore[no-untyped-call]
        service,
        db=int(database or 0),
        username=unquote(user) or None,
        password=unquote(password) or None,
        socket_timeout=TIMEOUT,
        retry=once_more,
    )
    return master
