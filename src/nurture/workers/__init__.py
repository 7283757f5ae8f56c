"""The processes that keep the promises: they wake up, ask what is due, and let the services do it.

Nothing here knows about marketing, and nothing here holds work: the database does. `dramatiq nurture.workers` runs a
worker for the project in NURTURE_PROJECT, or in the current folder.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dramatiq.brokers.redis import RedisBroker


def __getattr__(name: str) -> RedisBroker:
    """`nurture.workers.broker`: this project's broker with its bells, built at the first use."""
    if name == "broker":
        from nurture.workers.worker import broker_for_dramatiq

        return broker_for_dramatiq()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


# Dramatiq's own command imports this package and then takes the broker that it finds set; nobody asks it for a name.
if "dramatiq.cli" in sys.modules:
    from nurture.workers.worker import broker_for_dramatiq

    broker = broker_for_dramatiq()
