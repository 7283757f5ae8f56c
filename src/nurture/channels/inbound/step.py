"""At which command of the dialogue the other side refused: while it heard of us, of the recipient, or of the message.

A server that hangs up on our greeting or on the sender has not been asked about anybody yet: nothing that it says then
is about an address. Postfix, Exim and its relatives, qmail and Sendmail each tell the command in their own words, and
some tell it to people only.
"""

from __future__ import annotations

import re
from enum import StrEnum


class Step(StrEnum):
    """What the other side had heard last."""

    SENDER = "sender"
    """Our greeting or MAIL FROM: no recipient was named yet."""
    RECIPIENT = "recipient"
    MESSAGE = "message"


_SENDER = r"(?:mail(?:\s+from)?|ehlo|helo|lhlo|starttls|auth|initial\s+connection|greeting)\b"
_RECIPIENT = r"rcpt(?:\s+to)?\b"
_MESSAGE = r"(?:end\s+of\s+data|data|text|transfer\s+of\s+mail\s+text|transfer)\b"
_TOLD_BY = (
    r"in\s+reply\s+to\s+(?:the\s+)?"  # Postfix
    r"|error\s+from\s+remote\s+(?:mail\s+)?(?:server|mailer)\s+(?:after|for|in)\s+(?:pipelined\s+|sending\s+)?"  # Exim, GMX
)
_PATTERNS = {
    Step.SENDER: rf"(?:{_TOLD_BY}){_SENDER}"
    r"|\bbut\s+(?:sender\s+was\s+rejected|greeting\s+failed|my\s+name\s+was\s+rejected)"  # qmail
    r"|>>>\s*(?:mail|ehlo|helo)\b[^\n]{0,400}\n\s*<<<\s*5",  # Sendmail
    Step.RECIPIENT: rf"(?:{_TOLD_BY}){_RECIPIENT}",
    Step.MESSAGE: rf"(?:{_TOLD_BY}){_MESSAGE}|\bfailed\s+after\s+I\s+sent\s+the\s+message",
}
_STEPS = {step: re.compile(pattern, re.IGNORECASE) for step, pattern in _PATTERNS.items()}
_POSTFIX = re.compile(
    rf"\(?in\s+reply\s+to\s+(?:the\s+)?(?:{_SENDER}|{_RECIPIENT}|{_MESSAGE})[^)]{{0,30}}\)?", re.IGNORECASE
)


def step_of(text: str) -> Step | None:
    """The command that ``text`` says was refused, or None where it names none; of several, the least about the recipient."""
    return next(
        (step for step in (Step.SENDER, Step.MESSAGE, Step.RECIPIENT) if _STEPS[step].search(text)), None
    )


def without_step(text: str) -> str:
    """``text`` without Postfix's note of the command, which stands among the words of the other side."""
    return _POSTFIX.sub(" ", text)
