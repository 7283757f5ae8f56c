"""What every service works with: the database, the clock, what is published, and the way out for messages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from threading import Event

from sqlalchemy import Connection

from nurture.channels.base import Channel
from nurture.channels.mailbox import MailboxSettings
from nurture.channels.providers import Provider
from nurture.channels.webhook import WebhookChannel
from nurture.db import audit
from nurture.db.audit import Deed
from nurture.db.session import Database
from nurture.model.clock import Clock
from nurture.model.words import NOTHING
from nurture.rendering.links import Links
from nurture.services.published import Published, Shelf
from nurture.services.sending.senders import Keyring


@dataclass(frozen=True)
class Runtime:
    """The parts of a running nurture. ``open_channel`` gives each sending thread a channel of its own."""

    database: Database
    clock: Clock
    links: Links
    open_channel: Callable[[], Channel]
    allow_recipients: tuple[str, ...] | None = None
    webhooks: WebhookChannel = field(default_factory=WebhookChannel)
    mailbox: MailboxSettings | None = None
    """Where bounces and answers come back, if we read it."""
    providers: Mapping[str, Provider] = field(default_factory=dict)
    """Those whose webhooks we listen to, by name."""
    shelf: Shelf = field(default_factory=Shelf)
    keys: Keyring = field(default_factory=Keyring)
    draining: Event = field(default_factory=Event)
    """Set when this process is to end: what is in a dialogue ends, everything else goes back."""

    def now(self) -> datetime:
        """Business time."""
        return self.clock.now()

    def published(self) -> Published:
        """What is live, in a look of its own. Raises NurtureError when nothing was published yet."""
        with self.database.read() as tx:
            return self.shelf.published(tx)

    def audit(
        self,
        tx: Connection,
        actor: str,
        action: str,
        subject: str,
        detail: Mapping[str, object] = NOTHING,
    ) -> None:
        """Write down who did what, in operational time; ``subject`` as in ``contact:7``, ``workflow:win-back``."""
        audit.note(tx, Deed(self.clock.operational(), actor, action, subject, detail))
