"""What a yes or a no says beside its purpose: by which channels, and until when.

Words only; whether anybody asks for such a permission is judged where it comes in.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from nurture.model.errors import TextError
from nurture.model.timing import Duration, TimingError, Unit, add, parse_duration, to_utc
from nurture.model.words import Channel, Scalar

ASKABLE = (Channel.EMAIL, Channel.PHONE)
"""Ways to a contact that a permission may speak of."""
_YEARS = re.compile(r"\s*(\d{1,3})\s*y(?:ears?)?\s*", re.IGNORECASE)
_HINT = "write a date such as 2028-03-02, or how long, such as 24 months"


def read_end(text: str, now: datetime, zone: ZoneInfo, given: datetime | None = None) -> datetime:
    """When a permission ends: at the beginning of a day in ``zone``, at a moment, or a span after it was ``given``.

    It was given ``now`` if nothing is said. It holds nothing from its end on. Raises TextError for what is none of
    these, or is over already.
    """
    end = _end(text.strip(), given or now, zone)
    if end <= now:
        raise TextError(
            f"'{text.strip()[:40]}' is over already", hint="a permission that has ended need not be stored"
        )
    return end


def _end(text: str, begin: datetime, zone: ZoneInfo) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return _later(text, begin, zone)
    try:
        if len(text) <= len("2028-03-02"):
            return to_utc(datetime.combine(date.fromisoformat(text), time()), zone)
        return to_utc(moment, zone) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError:
        raise TextError(f"'{text[:40]}' is beyond any calendar", hint=_HINT) from None


def _later(text: str, begin: datetime, zone: ZoneInfo) -> datetime:
    try:
        years = _YEARS.fullmatch(text)
        span = Duration(12 * int(years[1]), Unit.MONTHS) if years else parse_duration(text)
        return add(begin, span, zone)
    except (TimingError, ValueError):
        raise TextError(f"'{text[:40]}' does not say when a permission ends", hint=_HINT) from None


def read_channels(text: Scalar) -> tuple[Channel, ...]:
    """The channels that ``email``, ``phone`` or ``email, phone`` names; none for nothing. Raises TextError."""
    words = [word for word in re.split(r"[\s,]+", str(text or "").lower()) if word]
    known = {channel.value: channel for channel in ASKABLE}
    for word in words:
        if word not in known:
            raise TextError(f"'{word[:40]}' is no channel of a permission", hint="known are email and phone")
    return tuple(dict.fromkeys(known[word] for word in words))


def channels_of(data: Mapping[str, Scalar]) -> tuple[Channel, ...]:
    """The channels that an event of consent speaks of; none when it does not say."""
    try:
        return read_channels(data.get("channel"))
    except TextError:
        return ()


def end_of(data: Mapping[str, Scalar]) -> datetime | None:
    """When the permission that an event grants ends; None when it does not.

    Events hold the moment with its offset, as it was worked out when they came in. Raises TextError for anything else:
    what cannot be read is no permission for ever.
    """
    text = data.get("expires")
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise TextError(f"'{str(text)[:40]}' does not say when a permission ends", hint=_HINT)
    return moment.astimezone(UTC)
