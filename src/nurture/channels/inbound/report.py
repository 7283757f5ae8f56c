"""What came back: is the address dead, is the trouble passing, does somebody complain, or is it a person who writes?

These are the words of the answer. How it is found is the business of the other files of this folder; what follows
from it (who is suppressed, which event is stored) is no business of this folder at all.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Kind(StrEnum):
    """What a message that came back is. ``reply`` and ``challenge`` are ours; `public` is what others are told."""

    HARD = "hard"
    SOFT = "soft"
    COMPLAINT = "complaint"
    AUTOREPLY = "autoreply"
    CHALLENGE = "challenge"
    REPLY = "reply"
    NOT_BOUNCE = "not_bounce"

    @property
    def public(self) -> Kind:
        """One of hard, soft, complaint, autoreply, not_bounce: a machine that asks back is an automatic reply."""
        return {Kind.CHALLENGE: Kind.AUTOREPLY, Kind.REPLY: Kind.NOT_BOUNCE}.get(self, self)


@dataclass(frozen=True, slots=True)
class Recipient:
    """What became of the message for one address.

    ``address`` is None where the report hides or forgets it. ``status`` is the enhanced code (RFC 3463), ``action``
    the word of RFC 3464 2.3.3 (failed, delayed, delivered, relayed, expanded), ``diagnostic`` what the other side
    said, ``original`` the address that we wrote to, where that is another one. ``why`` is the rule, for people.
    """

    address: str | None
    kind: Kind
    status: str | None = None
    action: str | None = None
    diagnostic: str = ""
    original: str | None = None
    why: str = ""

    @property
    def written_to(self) -> str | None:
        """The address that we wrote to, as far as the report knows: an alias may lead on to ``address``."""
        return self.original or self.address


@dataclass(frozen=True, slots=True)
class Report:
    """One message that came in, understood.

    ``message_ids`` are those it may be about, the surest first; ``tokens`` the addresses it came to or names as the
    sender of what came back, one of which may be a return path of ours. ``sender`` is who wrote it, ``reported_at``
    what its Date says (aware), None without a usable one. ``why`` is the rule that decided, for people.
    """

    kind: Kind
    why: str
    recipients: tuple[Recipient, ...] = ()
    message_ids: tuple[str, ...] = ()
    tokens: tuple[str, ...] = ()
    sender: str | None = None
    reported_at: datetime | None = None

    @property
    def worst(self) -> Recipient | None:
        """The recipient that makes the report what it is: the first with its kind, else the first at all."""
        same = (recipient for recipient in self.recipients if recipient.kind is self.kind)
        return next(same, self.recipients[0] if self.recipients else None)
