"""What every service works with: the database, the clock, what is published, and the way out for messages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from threading import Event

from nurture.channels.base import Channel
from nurture.db.session import Database
from nurture.model.clock import Clock
from nurture.rendering.links import Links
from nurture.services.published import Shelf


@dataclass(frozen=True)
class Runtime:
    """The parts of a running nurture. ``open_channel`` gives each sending thread a channel of its own."""

    database: Database
    clock: Clock
    links: Links
    open_channel: Callable[[], Channel]
    allow_recipients: tuple[str, ...] | None = None
    shelf: Shelf = field(default_factory=Shelf)
    draining: Event = field(default_factory=Event)
    """Set when this process is to end: what is in a dialogue ends, everything else goes back."""

    def now(self) -> datetime:
        return self.clock.now()
