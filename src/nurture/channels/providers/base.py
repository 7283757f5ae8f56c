"""What all providers share: a request as it was posted, what is read from it, and the ways to refuse it.

A provider's own words are never believed further than a mail server's: whatever it calls permanent is judged by the
same rules as a bounce that comes by mail (``channels.inbound.verdict``).
"""

from __future__ import annotations

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from nurture.channels.inbound import Kind, Recipient, Report
from nurture.channels.inbound.verdict import Refusal, judge
from nurture.model.errors import NurtureError

LONGEST_SAID = 500
_ENHANCED = re.compile(r"[245]\.\d{1,3}\.\d{1,3}")
_SAYS_NOTHING = re.compile(r"\d\.0\.\d{1,3}")

Fetch = Callable[[str], bytes]
"""Get a public https address, at most some kilobytes, following nothing. Raises OSError."""


class ForgedError(NurtureError):
    """The signature is not the provider's, or is too old."""


class ShutError(NurtureError):
    """Nobody told us whom to believe: everything is refused."""


class AwayError(NurtureError):
    """The provider does not answer, so that its signature cannot be checked now: it may try again."""


class UnreadableError(NurtureError):
    """It was signed well, and is not what this provider sends."""


@dataclass(frozen=True, slots=True)
class Posted:
    """A request: its headers by their names in lower case, its very bytes, and the password given with it (HTTP Basic)."""

    headers: Mapping[str, str]
    body: bytes
    password: str | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that the provider tells. ``identity`` is the same whenever it tells it again."""

    identity: str
    report: Report


@dataclass(frozen=True, slots=True)
class Confirms:
    """The provider asks whether we want to hear from it: a visit to ``url``, an address of its own, says yes."""

    url: str


Heard = Sequence[Event] | Confirms


class Provider(ABC):
    """One provider. ``keys`` is what the installation was given to know it by; empty: everything is refused."""

    name: str

    def __init__(self, keys: Sequence[str], fetch: Fetch) -> None:
        self.keys = tuple(keys)
        self.fetch = fetch

    def hear(self, posted: Posted, now: datetime) -> Heard:
        """What this request tells, once it is known to be the provider's; ``now`` is the true time.

        Raises ShutError, ForgedError, AwayError, UnreadableError.
        """
        if not self.keys:
            raise ShutError(
                f"this installation does not listen to {self.name}",
                hint=f"set NURTURE_HOOK_{self.name.upper()}_… as in docs/settings.md",
            )
        self.check(posted, now)
        return self.read(posted)

    @abstractmethod
    def check(self, posted: Posted, now: datetime) -> None:
        """Is it signed by the provider, over these bytes? Raises ForgedError."""

    @abstractmethod
    def read(self, posted: Posted) -> Heard:
        """What it tells; events that are no bounce, complaint or refusal are left out. Raises UnreadableError."""

    def marks(self, posted: Posted) -> tuple[str, ...]:
        """Words of the request that may be used once only, where a signature does not cover the body."""
        return ()


# --- reading what they post -----------------------------------------------------------------------------------------

Object = Mapping[str, object]


def as_json(body: bytes) -> object:
    """The document. Raises UnreadableError for what is none, or nests too deep."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise UnreadableError("this is no JSON document") from None


def as_object(value: object) -> Object:
    """``value`` when it is a JSON object. Raises UnreadableError."""
    if not isinstance(value, dict):
        raise UnreadableError("an object was expected where there is none")
    return value


def part(value: Object, name: str) -> Object:
    """The object of this name; an empty one where there is none."""
    found = value.get(name)
    return found if isinstance(found, dict) else {}


def parts(value: Object, name: str) -> list[Object]:
    """The objects in the list of this name."""
    found = value.get(name)
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def word(value: Object, name: str, longest: int = 1_000) -> str:
    """The text or number of this name as text that can be kept and signed; empty where there is none."""
    found = value.get(name)
    if isinstance(found, bool) or not isinstance(found, str | int | float):
        return ""
    # JSON may hold half of a pair of surrogates, which is no character.
    return str(found)[:longest].replace("\0", "").encode(errors="replace").decode()


def moment(value: object) -> datetime | None:
    """Seconds since 1970, or ISO 8601; None for anything else."""
    try:
        if isinstance(value, str) and not value.replace(".", "", 1).isdecimal():
            at = datetime.fromisoformat(value)
            return at if at.tzinfo else at.replace(tzinfo=UTC)
        return datetime.fromtimestamp(float(value), UTC) if isinstance(value, str | int | float) else None
    except (ValueError, OverflowError, OSError):
        return None


def message_id(text: str) -> tuple[str, ...]:
    """A Message-ID in angle brackets, however it is given; none for what is none."""
    bare = text.strip().strip("<>")
    return (f"<{bare}>",) if "@" in bare and not any(c.isspace() or c in "<>" for c in bare) else ()


# --- what it means --------------------------------------------------------------------------------------------------


A_DEAD_MAILBOX = "5.1.1"
"""What a provider's own word for a dead mailbox is worth: a number, which other words and numbers may contradict."""


def refused(
    address: str, said: str, status: str = "", *, permanent: bool, why: str, names_it_dead: bool = False
) -> Recipient:
    """What a refusal means for an address: dead only when the provider calls it permanent and the judge agrees.

    ``said`` and ``status`` are what the other server said. ``names_it_dead``: the provider has a word for dead mailboxes,
    and used it.
    """
    told = status if _ENHANCED.fullmatch(status) else None
    says_nothing = told is None or _SAYS_NOTHING.fullmatch(told) is not None
    number = A_DEAD_MAILBOX if names_it_dead and says_nothing else told
    if not permanent:
        return Recipient(address, Kind.SOFT, status=told, diagnostic=said[:LONGEST_SAID], why=why)
    verdict = judge(Refusal(said=said, status=number, action="failed"))
    return Recipient(
        address,
        verdict.kind,
        status=told or judge(Refusal(said=said)).status,
        action="failed",
        diagnostic=said[:LONGEST_SAID],
        why=f"{why}: {verdict.why}",
    )


def report_of(
    recipient: Recipient,
    *,
    message_ids: tuple[str, ...] = (),
    tokens: tuple[str, ...] = (),
    at: datetime | None = None,
) -> Report:
    """A report about one recipient."""
    return Report(
        kind=recipient.kind,
        why=recipient.why,
        recipients=(recipient,),
        message_ids=message_ids,
        tokens=tokens,
        reported_at=at,
    )
