"""What comes back about our messages, in words: by what it was known as ours, and what followed from it.

Words only; who is matched and what follows is decided in ``services.inbound``.
"""

from __future__ import annotations

from enum import StrEnum


class MatchedBy(StrEnum):
    """What shows that a report is about a message of ours, the surest first."""

    RETURN_PATH = "return-path"
    """It came to an address that was made, and signed, for this one message."""
    MESSAGE_ID = "message-id"
    """It names the message, or answers it."""
    RECIPIENT = "recipient"
    """It names no message, but an address to which we wrote a few days ago."""


class Effect(StrEnum):
    """What followed from a report."""

    NOTHING = "nothing"
    SUPPRESSED = "suppressed"
    """The address is written to no more."""
    COUNTED = "counted"
    """One more message that did not arrive."""
    RESTS = "rests"
    """One too many: the address is left alone for a while."""
    TOLD = "told"
    """The workflows hear of it: somebody wrote."""
