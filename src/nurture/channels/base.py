"""A way for messages to leave: what a channel takes, what it answers, and how a group of messages goes in two strokes.

A channel knows nothing of contacts, workflows or the database; it never decides whether a message may go.

A message must never go twice because a process died, and writing down an outcome is expensive. So a channel
works on a group at a time: ``stage`` takes every message of the group up to the last point at which nothing is
accepted yet, the caller records that they are about to go, and ``finish`` gives the word for all of them.
Whatever dies before ``finish`` has sent nothing; whatever dies within it leaves one group whose end is unknown.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from nurture.model.addresses import AddressError, same_key, wire_address, wire_domain

_KEY = re.compile(r"[A-Za-z0-9_-]{1,128}")


@dataclass(frozen=True, slots=True)
class Message:
    """One message ready to go. ``data`` is all of it, headers and body, with CRLF line ends.

    ``sender`` is the return path (empty for none), ``key`` names the delivery: the same key is the same message.
    Raises AddressError for an address that cannot stand in an envelope, ValueError for a key that is no plain word.
    """

    sender: str
    recipient: str
    data: bytes
    message_id: str
    key: str

    def __post_init__(self) -> None:
        if self.sender:
            wire_address(self.sender)
        wire_address(self.recipient)
        if not _KEY.fullmatch(self.key):
            raise ValueError(f"{self.key!r} is no delivery key: letters, digits, - and _ only")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one message; ``status`` is the enhanced code (RFC 3463), ``text`` what the other side said."""

    code: int | None = None
    status: str | None = None
    text: str = ""

    def __str__(self) -> str:
        return " ".join(str(part) for part in (self.code, self.status, self.text) if part)


@dataclass(frozen=True, slots=True)
class Accepted(Outcome):
    """The other side has taken responsibility for it (RFC 5321, 6.1)."""


@dataclass(frozen=True, slots=True)
class Deferred(Outcome):
    """Not now: try this message again later, not before ``retry_after`` when the other side says so."""

    retry_after: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Dead(Outcome):
    """The address does not exist (any more): never write to it again."""


@dataclass(frozen=True, slots=True)
class RefusedMessage(Outcome):
    """This message will never be taken as it is; the address may be fine."""


@dataclass(frozen=True, slots=True)
class RefusedUs(Outcome):
    """The server does not want us, or cannot be reached: pause the channel. The message is untouched, no attempt is used up.

    ``permanent`` when waiting alone will not help (a wrong password, no relaying): a person must look. ``of_recipient``
    when it was said of one message, after the server had taken our name and our sender: it may hold for its domain alone.
    """

    permanent: bool = False
    of_recipient: bool = False


@dataclass(frozen=True, slots=True)
class Untried(Outcome):
    """There was no connection left for it this time: give it back as it was, no attempt is used up."""


@dataclass(frozen=True, slots=True)
class Unknown(Outcome):
    """The word was given and the answer never came: it may have gone, or not. Never send it again on a guess."""


class Staged(Protocol):
    """A group of messages taken to the last point before acceptance. Indexes are those of the staged sequence."""

    @property
    def refused(self) -> Mapping[int, Outcome]:
        """Those already over: never Accepted, never Unknown."""

    @property
    def ready(self) -> Sequence[int]:
        """Those that go with ``finish``, in order."""

    def drop(self, indexes: Iterable[int]) -> None:
        """Take these out of ``ready``: they are certain not to go."""

    def finish(self) -> Mapping[int, Outcome]:
        """Send all that are ready; one outcome for each. Call it once."""


class Channel(Protocol):
    """One way out. It belongs to one thread; another thread makes another channel."""

    @property
    def group(self) -> int:
        """How many messages it takes in one group at present; it may shrink while it runs."""

    def stage(self, messages: Sequence[Message]) -> Staged:
        """Take a group as far as it goes with nothing accepted. What was staged before and never finished is dropped.

        More messages than ``group`` come back as Untried.
        """

    def close(self) -> None:
        """Say good-bye politely; errors in doing so change nothing."""


def allows(recipient: str, allowed: Iterable[str]) -> bool:
    """Whether the staging guard lets this address through; an empty list lets everyone through.

    ``allowed`` holds addresses and domains (``example.org`` or ``@example.org``, not their subdomains), in any case;
    international domains match in either spelling.
    """
    entries = [entry.strip() for entry in allowed if entry.strip()]
    if not entries:
        return True
    try:
        wanted = same_key(recipient)
    except AddressError:
        return False
    return any(wanted == _entry_key(entry) or wanted.endswith(f"@{_entry_key(entry)}") for entry in entries)


def _entry_key(entry: str) -> str:
    """What an entry compares by; one that is neither address nor domain matches nobody."""
    try:
        return wire_domain(entry.removeprefix("@")) if "@" not in entry[1:] else same_key(entry)
    except AddressError:
        return "@"
