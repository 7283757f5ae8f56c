"""Feedback reports: somebody pressed "this is spam", or a receiver tells of something else that is no complaint.

An unknown type counts as a complaint: whoever took the trouble to report was not pleased. The address is often hidden,
so message ids and return paths matter more here than anywhere.
Sources: RFC 5965 (ARF), 6430 (not-spam), 6591 (auth-failure), 6590 (hidden parts), 7489 (aggregate reports).
"""

from __future__ import annotations

import re

from nurture.channels.inbound.reading import Part, decode, fields
from nurture.channels.inbound.report import Kind, Recipient

_NO_COMPLAINT = frozenset({"not-spam", "auth-failure", "dmarc", "tlsrpt"})
_ADDRESS = re.compile(r"[^\s<>;,\"()\[\]]{1,200}@[^\s<>;,\"()\[\]]{1,255}")
_OLD_LOOP = re.compile(
    r"\s*(?:complaint about message from \[?(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9a-f]{0,4}:[0-9a-f:]{2,})"
    r"|email feedback report for ip|\[?feedback loop|fbl report)",
    re.IGNORECASE,
)
_HIDDEN = re.compile(r"redacted|undisclosed|unknown@|@redacted|x{4,}@", re.IGNORECASE)


def feedback(message: Part) -> tuple[Kind, str, tuple[Recipient, ...]] | None:
    """What a feedback report says, why, and who complains; None for any other message."""
    told = next((part for part in message.walk() if part.type == "message/feedback-report"), None)
    declared = message.parameters.get("report-type", "").lower() == "feedback-report"
    if told is None and not declared and not _is_old_loop(message):
        return None
    said = dict(reversed(fields(decode(told.decoded).strip("\n")) + told.fields)) if told else {}
    # In the words of the report: another field may have been typed in capitals, or with a comment behind it.
    kind = re.match(r"[\w-]*", said.get("feedback-type", "").lower())
    name = kind[0] if kind else ""
    if name in _NO_COMPLAINT:
        return Kind.NOT_BOUNCE, f"a feedback report of the type '{name}' is no complaint", ()
    if told is None and not message.whole and declared:
        return Kind.COMPLAINT, "it calls itself a feedback report", ()
    recipients = tuple(
        Recipient(address, Kind.COMPLAINT, why="reported as unwanted")
        for address in _complainers(message, said)
    )
    return (
        Kind.COMPLAINT,
        f"a feedback report of the type '{name}'" if name else "a feedback report",
        recipients,
    )


def _is_old_loop(message: Part) -> bool:
    """A report from before the standard: it shows the message. A person may complain in a subject of their own."""
    shows = any(part.message is not None for part in message.walk())
    return shows and _OLD_LOOP.match(message.get("subject")) is not None


def _complainers(message: Part, said: dict[str, str]) -> list[str | None]:
    for name in ("original-rcpt-to", "removal-recipient", "original-recipient"):
        if found := _shown(said.get(name, "")):
            return [found]
    for part in message.walk():
        inner = part.message
        if inner is not None and part.type != "message/feedback-report":
            for name in ("x-hmxmroriginalrecipient", "x-original-to", "delivered-to", "to"):
                if found := _shown(inner.get(name)):
                    return [found]
    return [None]


def _shown(value: str) -> str | None:
    found = _ADDRESS.search(value)
    return found[0].strip(".'") if found and not _HIDDEN.search(value) else None
