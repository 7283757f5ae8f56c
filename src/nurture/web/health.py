"""What a load balancer and a container ask: does the process live, and can it work?

Names no host, address or error text: anybody may ask.
"""

from __future__ import annotations

from datetime import datetime

import redis
from flask import Blueprint, Response, jsonify
from sqlalchemy.exc import SQLAlchemyError

from nurture.db import counts
from nurture.db.session import UnreachableError
from nurture.services.presence import ALIVE, last_sign
from nurture.settings import Settings
from nurture.wiring import Nurture

BROKER_SECONDS = 1.0


def pages(nurture: Nurture, settings: Settings) -> Blueprint:
    routes = Blueprint("health", __name__)

    @routes.get("/healthz")
    def alive() -> Response:
        return jsonify(alive=True)

    @routes.get("/readyz")
    def ready() -> tuple[Response, int]:
        now, operational = nurture.clock.now(), nurture.clock.operational()
        beat, oldest, database = look_at_database(nurture, now)
        broker = answers(settings.broker_url)
        quiet = (operational - beat).total_seconds() if beat else None
        ticking = quiet is not None and quiet < ALIVE.total_seconds()
        waits = (now - oldest).total_seconds() if oldest else 0
        well = database and broker and ticking
        answer = jsonify(
            ready=well,
            database=database,
            broker=broker,
            scheduler=ticking,
            scheduler_seconds=quiet,
            oldest_due_seconds=waits,
        )
        return answer, 200 if well else 503

    return routes


def look_at_database(nurture: Nurture, now: datetime) -> tuple[datetime | None, datetime | None, bool]:
    """The scheduler's last sign of life, since when the oldest work waits, and whether the database answers."""
    try:
        with nurture.database.read() as tx:
            return last_sign(tx, "scheduler"), counts.waiting_since(tx, now), True
    except (UnreachableError, SQLAlchemyError):
        return None, None, False


def answers(url: str | None) -> bool:
    """Does the broker answer? Without an address there is none: `nurture up` hands its own to the web process."""
    if url is None:
        return False
    try:
        with redis.Redis.from_url(
            url, socket_timeout=BROKER_SECONDS, socket_connect_timeout=BROKER_SECONDS
        ) as client:
            return bool(client.ping())
    except (redis.RedisError, OSError):
        return False
