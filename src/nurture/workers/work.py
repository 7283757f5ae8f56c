"""What a worker asks of the rest of nurture: is something due, and do a batch of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Protocol

from nurture.model.clock import Clock


class Due(Protocol):
    """How much waits now. Counts may stop at some bound; zero means none."""

    @property
    def turns(self) -> int: ...

    @property
    def deliveries(self) -> int: ...

    @property
    def webhooks(self) -> int: ...


class Turns(Protocol):
    def batch(self, limit: int) -> int:
        """Decide up to ``limit`` due enrollments; returns how many were handled."""
        ...


class Deliveries(Protocol):
    def batch(self) -> int:
        """Send some of what may leave; returns how many deliveries ended."""
        ...


class Work(Protocol):
    """The assembled program, as far as workers and schedulers know it."""

    @property
    def clock(self) -> Clock: ...

    @property
    def advance(self) -> Turns: ...

    @property
    def deliver(self) -> Deliveries: ...

    @property
    def hooks(self) -> Deliveries: ...

    def due(self) -> Due: ...

    def send_notices(self) -> int:
        """Send some of the installation's own mails; returns how many ended."""
        ...

    def warm_up(self) -> None:
        """Read what every batch needs, so that the first one need not."""
        ...

    def sweep(self) -> None:
        """Free lapsed leases, expire call tasks, tidy up."""
        ...

    def lead(self, name: str, holder: str, ttl: timedelta) -> bool:
        """Become or stay the leader called ``name`` for ``ttl``; False while another one is."""
        ...

    def drain(self) -> None:
        """Finish what is in hand and begin nothing new: this process is to end."""
        ...

    def beat(self, name: str) -> None:
        """Say that the process called ``name`` is alive."""
        ...
