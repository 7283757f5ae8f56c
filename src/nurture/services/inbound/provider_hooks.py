"""A provider that sends for us tells what came back: its request is checked, read, and taken in like a mail.

Nobody is believed whose signature is not the provider's. Whoever is told that it was taken can rely on it: the answer
comes after the commit. Told again, in any order and by any number at once, it has no second effect.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256

import structlog
from sqlalchemy import Connection

from nurture.channels.providers import AwayError, Confirms, Event, ForgedError, Posted, Provider
from nurture.db import state
from nurture.model.errors import NotFoundError
from nurture.services.inbound import Arrival, Taken, take_within
from nurture.services.runtime import Runtime

log = structlog.get_logger()

REMEMBERED = timedelta(minutes=15)
"""A word that may be used once is good for less than this."""
_MARK = "hook-mark:"


@dataclass(frozen=True, slots=True)
class Heard:
    """What a request told: how many events are new, how many we knew, and how many are about messages of ours."""

    taken: int = 0
    known: int = 0
    ours: int = 0


def hear(runtime: Runtime, source: str, posted: Posted) -> Heard:
    """Take in one request of the provider ``source``.

    Raises NotFoundError for a provider that we do not know; ShutError, ForgedError and AwayError for a request that cannot
    be believed, UnreadableError for one that is well signed and makes no sense. Nothing was changed then.
    """
    provider = runtime.providers.get(source)
    if provider is None:
        raise NotFoundError(
            "there is no such provider", hint=f"known are {', '.join(sorted(runtime.providers))}"
        )
    operational = runtime.clock.operational()
    try:
        told = provider.hear(posted, operational)
        if isinstance(told, Confirms):
            provider.fetch(told.url)
            log.info("subscription confirmed", provider=source)
            return Heard()
    except OSError as error:  # its certificate, or the place where it wants to be confirmed
        raise AwayError(f"{source} cannot be asked back: {error}") from error
    return runtime.database.retrying(lambda tx: _take(tx, runtime, provider, posted, told))


def _take(
    tx: Connection, runtime: Runtime, provider: Provider, posted: Posted, events: Sequence[Event]
) -> Heard:
    _use_once(tx, runtime, provider, posted)
    arrivals = [
        Arrival(one.report, f"{provider.name}\x1f{one.identity}", formal=True)
        for one in {one.identity: one for one in events}.values()
    ]
    return _summed(take_within(tx, runtime, arrivals, provider.name))


def _use_once(tx: Connection, runtime: Runtime, provider: Provider, posted: Posted) -> None:
    """A word that stands for one request must not vouch for another. Raises ForgedError."""
    operational = runtime.clock.operational()
    content = {"content": sha256(posted.body).hexdigest()}
    for mark in provider.marks(posted):
        name = f"{_MARK}{sha256(f'{provider.name}:{mark}'.encode()).hexdigest()}"
        if not state.first_time(tx, name, content, operational):
            raise ForgedError("this signature was used for something else")
        state.forget(tx, _MARK, operational - REMEMBERED)


def _summed(taken: Sequence[Taken]) -> Heard:
    known = sum(one.duplicate for one in taken)
    return Heard(len(taken) - known, known, sum(one.ours for one in taken))
