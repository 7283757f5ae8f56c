"""Something came in: what it says of each recipient, and the name by which it is known when it comes again.

The same report may come twice: by two mailboxes, by a pipe and a mailbox, after a connection that broke. It is one by its
own Message-ID, its content and the recipient it tells of; what the way adds on top (Received, Delivered-To) counts for nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b

from nurture.channels.inbound import Recipient, Report, classify
from nurture.channels.inbound.delivery_status import is_status
from nurture.channels.inbound.reading import LONGEST_MESSAGE, Part, read


@dataclass(frozen=True, slots=True)
class Arrival:
    """One report. ``identity`` is the same whenever it comes again.

    ``formal``: it is a report made for machines, or a provider of ours vouches for it, so that an address that it names
    may count where it names no message.
    """

    report: Report
    identity: str
    formal: bool

    def lines(self) -> Iterator[Line]:
        """One for each recipient that it tells of; one in all when it names none."""
        told = self.report.recipients or (
            Recipient(address=None, kind=self.report.kind, why=self.report.why),
        )
        for recipient in dict.fromkeys(told):
            yield Line(self, recipient)


@dataclass(frozen=True, slots=True)
class Line:
    """What a report says of one recipient."""

    arrival: Arrival
    recipient: Recipient

    @property
    def addresses(self) -> tuple[str, ...]:
        """The addresses it may mean: the one it was tried for, and the one that was written to."""
        both = (self.recipient.original, self.recipient.address)
        return tuple(dict.fromkeys(address for address in both if address))

    def fingerprint(self, key: bytes) -> str:
        """What this line is known by; nobody without ``key`` can test what it holds."""
        whose = (self.recipient.address or "").lower()
        words = f"{self.arrival.identity}\x1f{whose}"
        return blake2b(words.encode(errors="replace"), digest_size=20, key=key[:64]).hexdigest()


def arrival_of(raw: bytes) -> Arrival:
    """A message as it came in; any bytes will do."""
    data = raw[: LONGEST_MESSAGE + 1]
    message = read(data)
    content = blake2b(message.body.strip(), digest_size=20).hexdigest()
    return Arrival(
        report=classify(data),
        identity=f"mail\x1f{message.get('message-id').strip()}\x1f{content}",
        formal=_made_for_machines(message),
    )


def _made_for_machines(message: Part) -> bool:
    """A delivery status or feedback report (RFC 6522), not only words that sound like one."""
    if message.type != "multipart/report":
        return False
    return any(part.type == "message/feedback-report" or is_status(part) for part in message.walk())
