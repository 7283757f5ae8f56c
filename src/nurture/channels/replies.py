"""What a mail server's answer means for us: is the address dead, is it us, is it this message, or only not now?

Four ends, and mixing them up is dear: taking a quarrel with us for a dead address loses contacts for ever, and taking
a dead address for a quarrel with us stops everybody's mail. Pure: an answer and where in the dialogue it came.
Sources: RFC 5321 4.2, RFC 3463 and its registry (RFC 5248), RFC 7372 (authentication), RFC 7505 (no mail here).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from nurture.channels.base import Accepted, Dead, Deferred, Outcome, RefusedMessage, RefusedUs

_ENHANCED = re.compile(r"([245]\.\d{1,3}\.\d{1,3})(?:\s+|$)")
_LONGEST_TEXT = 500

# 5.7.x is about us when it names our connection, our log-in, our signatures or our reputation; the rest of 5.7.x
# (5.7.1 above all) is said of single messages too.
_ABOUT_US = re.compile(r"5\.7\.(?:[3-9]|1[0-4]|2\d|54|57|5[0-1]\d|60[6-9]|6[1-4]\d|7\d\d)")
# Said with 550 or 5.7.1 by servers that mean us, not the recipient.
_ABOUT_US_IN_WORDS = re.compile(
    r"\brelay|client host|blocked using|\bblock ?list|black ?list|not authenticated|authentication required|"
    r"sender address rejected|sender verify failed|\breputation\b",
    re.IGNORECASE,
)
_LOG_IN = frozenset({530, 534, 535, 538})
_DEAD = re.compile(r"5\.1\.(?![789]$)\d+|5\.2\.1")
_OUR_ADDRESS = frozenset({"5.1.7", "5.1.8"})
_TOO_BIG = frozenset({"5.3.4", "5.2.3"})
_NOT_NOW = frozenset({None, "5.2.2", "5.5.3"})  # too much is there: in the mailbox, or in one dialogue
_NEEDS_UTF8 = frozenset({"5.6.7"})


class Stage(StrEnum):
    """Where in the dialogue an answer came; ``END`` is the answer to the final dot."""

    GREETING = "greeting"
    EHLO = "EHLO"
    STARTTLS = "STARTTLS"
    AUTH = "AUTH"
    MAIL = "MAIL"
    RCPT = "RCPT"
    DATA = "DATA"
    END = "end of data"


_ABOUT_US_ALWAYS = frozenset({Stage.GREETING, Stage.EHLO, Stage.STARTTLS, Stage.AUTH})

# A server that passes on what the receiving one says (a relay, a filter) says it here, once it has taken us.
_OF_RECIPIENT = frozenset({Stage.RCPT, Stage.DATA, Stage.END})


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer: its code and its lines without codes."""

    code: int
    lines: tuple[str, ...]

    @property
    def status(self) -> str | None:
        """The enhanced status code, if the first line begins with one of the same class (RFC 2034)."""
        found = _ENHANCED.match(self.lines[0]) if self.lines else None
        return found[1] if found and found[1][0] == str(self.code)[0] else None

    @property
    def text(self) -> str:
        """What it says, in one line, without the enhanced code."""
        joined = " ".join(_ENHANCED.sub("", line, count=1) for line in self.lines)
        return " ".join("".join(c if c.isprintable() else " " for c in joined).split())[:_LONGEST_TEXT]


def classify(stage: Stage, reply: Reply) -> Outcome:
    """What this answer at this point means for the message, the address or us."""
    code, status, text = reply.code, reply.status, f"{reply.text or 'no words'} (at {stage})"
    if 200 <= code < 300 and stage is Stage.END:
        return Accepted(code, status, reply.text)
    if code == 421 or (stage in _ABOUT_US_ALWAYS and not 500 <= code < 600):
        return RefusedUs(code, status, text, of_recipient=stage in _OF_RECIPIENT)
    if 400 <= code < 500:
        return Deferred(code, status, text)
    if not 500 <= code < 600:
        return Deferred(code, status, f"an answer out of turn: {text}")
    if _is_about_us(stage, reply):
        of_recipient = stage in _OF_RECIPIENT and code not in _LOG_IN
        return RefusedUs(code, status, text, permanent=True, of_recipient=of_recipient)
    if stage is Stage.RCPT and code == 552 and status in _NOT_NOW:
        return Deferred(code, status, text)  # means 452: RFC 5321, 4.5.3.1.10
    if _is_dead(stage, reply):
        return Dead(code, status, text)
    return RefusedMessage(code, status, text)


def _is_about_us(stage: Stage, reply: Reply) -> bool:
    status = reply.status
    if stage in _ABOUT_US_ALWAYS or reply.code in _LOG_IN:
        return True
    if stage is Stage.MAIL:
        return not (reply.code == 552 or status in _TOO_BIG or status in _NEEDS_UTF8)
    if status is None or status in ("5.7.0", "5.7.1"):
        return stage is not Stage.END and _ABOUT_US_IN_WORDS.search(reply.text) is not None
    return status in _OUR_ADDRESS or _ABOUT_US.fullmatch(status) is not None


def _is_dead(stage: Stage, reply: Reply) -> bool:
    """5.1.x and 5.2.1 wherever they come, since a message has one recipient; a bare 550 only at RCPT."""
    if reply.status is None:
        return stage is Stage.RCPT and reply.code == 550
    return _DEAD.fullmatch(reply.status) is not None
