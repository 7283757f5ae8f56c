"""Who is there to do the work: the schedulers and workers that gave a sign of life lately, on whatever machine."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection

from nurture.db import state

ALIVE = timedelta(seconds=30)
"""A process that gave no sign of life for longer is not there."""
FORGOTTEN = timedelta(days=1)
"""After so long a silence nobody asks for a process any more."""


def alive(tx: Connection, role: str, operational: datetime) -> int:
    """How many processes of this role (``worker``, ``scheduler``) are there."""
    return sum(1 for at in _signs(tx, role) if at > operational - ALIVE)


def alive_on(tx: Connection, role: str, host: str, operational: datetime) -> bool:
    """Whether a process of this role is there on the machine (or container) named ``host``."""
    return alive(tx, f"{role}:{host}", operational) > 0


def last_sign(tx: Connection, role: str) -> datetime | None:
    """When a process of this role last gave a sign of life (operational time); None when none ever did."""
    return max(_signs(tx, role), default=None)


def forget_the_silent(tx: Connection, operational: datetime) -> None:
    """Every start of a process leaves a row: those of long ago are removed."""
    state.forget_heartbeats(tx, operational - FORGOTTEN)


def _signs(tx: Connection, role: str) -> list[datetime]:
    return [beat.at for beat in state.heartbeats(tx) if beat.name.startswith(f"{role}:")]
