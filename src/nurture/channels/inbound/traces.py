"""What a report may be about: message ids of what came back, and the addresses that could be return paths of ours.

Only traces are gathered here; whether one is ours is for whoever holds the keys and the books.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from nurture.channels.inbound.delivery_status import blocks, status_parts
from nurture.channels.inbound.reading import Part, decode, fields

MOST = 20

_ID = re.compile(r"<([^<>\s@]{1,250}@[^<>\s@]{1,250})>")
_ID_IN_TEXT = re.compile(
    r"message-?id\b(?:[^<>\n]{0,30}<|[ \t]*:[ \t]*)([^<>\s@]{1,250}@[^<>\s@]{1,250})", re.IGNORECASE
)
_ADDRESS = re.compile(r"[^\s<>;,:\"()\[\]]{1,200}@[^\s<>;,:\"()\[\]]{1,255}")
_CAME_TO = ("delivered-to", "x-original-to", "envelope-to", "x-envelope-to", "x-forwarded-to", "to", "cc")
_SENT_BY = (
    "return-path",
    "x-postfix-sender",
    "original-mail-from",
    "original-envelope-id",
    "x-envelope-from",
    "sender",
)


def message_ids(message: Part, text: str) -> tuple[str, ...]:
    """Ids in angle brackets: of what was returned, of what is answered, of what the text names; the surest first."""
    own = set(_ids([message.get("message-id")]))
    found = dict.fromkeys(one for one in _all_ids(message, text) if one not in own)
    return tuple(list(found)[:MOST])


def tokens(message: Part) -> tuple[str, ...]:
    """Addresses that the report came to, and those that stand as the sender of what came back."""
    values = [value for name in _CAME_TO for value in message.all(name)]
    statuses = status_parts(message)
    for part in message.walk():
        if part.type == "message/feedback-report" or part in statuses:
            block = dict(reversed(fields(decode(part.decoded).replace("\n\n", "\n").strip("\n"))))
            values += [block[name] for name in _SENT_BY if name in block]
        elif (inner := part.message) is not None:
            values += [value for name in _SENT_BY for value in inner.all(name)]
    found = dict.fromkeys(address.strip(".'") for value in values for address in _ADDRESS.findall(value))
    return tuple(list(found)[:MOST])


def reported_at(message: Part) -> datetime | None:
    """When it says that it was written; None for what is no date. Without a zone it is read as UTC."""
    try:
        at = parsedate_to_datetime(message.get("date")[:100])
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):  # what parsedate meets in broken dates
        return None


def _all_ids(message: Part, text: str) -> Iterator[str]:
    inner = [found for part in message.walk() if (found := part.message) is not None]
    inner += [within for found in inner for part in found.walk() if (within := part.message) is not None]
    for returned in inner:
        yield from _ids(returned.all("message-id"))
    for part in message.walk():
        if part.type == "message/disposition-notification":
            yield from _ids(
                value for name, value in fields(decode(part.decoded).strip("\n")) if "message-id" in name
            )
    for part in status_parts(message):
        yield from _ids(blocks(part)[0].values())
    yield from _ids(message.all("x-original-message-id"))
    yield from _ids(message.all("in-reply-to"))
    yield from reversed(list(_ids(message.all("references"))))
    for found in _ID_IN_TEXT.findall(text):
        yield f"<{found.rstrip(',;.')}>"


def _ids(values: Iterable[str]) -> Iterator[str]:
    for value in values:
        for found in _ID.findall(value):
            yield f"<{found}>"
