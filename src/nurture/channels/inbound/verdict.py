"""What one refusal means: is the address dead, or does its owner only not get this message now?

The more forgiving reading wins. A number says less than the words beside it, for relays invent numbers and hand words
on; so an address is dead when the words say so clearly, or when a number says so and no word speaks against it.
Sources: RFC 3463 with its registry (RFC 5248), RFC 3464 2.3.3, RFC 5321 4.2, RFC 7505 (a domain that takes no mail).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from nurture.channels.inbound.report import Kind
from nurture.channels.inbound.step import Step, step_of, without_step
from nurture.channels.inbound.words import (
    CLOSED,
    DEAD,
    FAINT,
    FULL,
    NO_DOMAIN,
    PASSING,
    REFUSED_US,
    SENDER,
    SIZE,
    Phrases,
    plain,
    without_names,
)

LONGEST_SAID = 1_000  # characters of one refusal that are read

_CODE = re.compile(r"(?<![\w.:/@-])([45]\d\d)(?=[\s:#,;)\]-]|$)")
_STATUS = re.compile(r"(?<![\w.])([245])\.(\d{1,3})\.(\d{1,3})(?![\d]|\.\d)")
# What stands around the words of the other side: who said it, and marks of the log.
_AROUND = re.compile(
    r"\b(?:host|mx)\s+\S{1,120}\s*(?:\[[^\]\s]{1,60}\])?\s*(?:said|says)\s*:|unknown address error|"
    r"giving up on \S{1,60}",
    re.IGNORECASE,
)
_DEAD_STATUS = re.compile(r"5\.1\.(?![5789]$)\d{1,3}|5\.2\.1")
_SAYS_NOTHING = re.compile(r"\d\.(?:[05]\.\d{1,3}|[234679]\.0)")
_AT_THE_RECIPIENT = frozenset({550, 551, 553})
_DELIVERED = frozenset({"delivered", "relayed", "expanded"})
# Exchange Online at its border: no such recipient in the directory, whatever the words sound like.
_NOT_IN_DIRECTORY = " recipient address rejected access denied "
_NEUTRAL = frozenset(
    plain(
        "requested action not taken sorry or the this is your mail message smtp error code remote host server said "
        "reply rcpt to command for of a by user recipient address email explanation visit see details information more"
    ).split()
)

# In this order; the first that is found decides.
_FORGIVING: tuple[Phrases, ...] = (FULL, SENDER, REFUSED_US, SIZE, PASSING)


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a report says about one recipient.

    ``status`` and ``action`` are the report's own fields, ``said`` are the words of the other side with its numbers.
    ``around`` is what the report tells people about it: only the command that was refused is read there.
    ``whole`` is False when the report may be cut off behind them.
    """

    said: str = ""
    status: str | None = None
    action: str | None = None
    whole: bool = True
    around: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a refusal means, the enhanced status that goes with it, and the rule that decided."""

    kind: Kind
    status: str | None
    why: str


def judge(refusal: Refusal) -> Verdict:
    """The meaning of one refusal. Pure, and slow for nobody: only the first LONGEST_SAID characters count."""
    text = refusal.said[:LONGEST_SAID]
    told = _status(text)
    status = (
        refusal.status if refusal.status and not _says_nothing(refusal.status) else told or refusal.status
    )
    if refusal.action in _DELIVERED:
        return Verdict(Kind.NOT_BOUNCE, status, f"its action is '{refusal.action}': no failure")
    if refusal.action == "delayed":
        return Verdict(Kind.SOFT, status, "its action is 'delayed': still being tried")
    kind, why = _judge(refusal, text, told)
    return Verdict(kind, status, why)


def _judge(refusal: Refusal, text: str, told: str | None) -> tuple[Kind, str]:
    at = step_of(text) or step_of(refusal.around)
    words = plain(without_names(_AROUND.sub(" ", without_step(text))))
    number = _CODE.search(text)
    code = int(number[1]) if number else None
    if at is Step.SENDER:
        return Kind.SOFT, "it refuses us as the sender, before it was asked about anybody"
    if _NOT_IN_DIRECTORY in words and "5.4.1" in (refusal.status, told):
        return _if_whole(refusal, "its words and 5.4.1 say that the directory has no such recipient")
    for forgiving in _FORGIVING:
        if forgiving.found_in(words):
            return Kind.SOFT, f"its words say that {forgiving.meaning}"
    if (code is not None and code < 500) or _passing(refusal.status, told, code):
        return Kind.SOFT, "its number says that the trouble may pass"
    for dead in (DEAD, CLOSED, NO_DOMAIN):
        if dead.found_in(words) and not (
            dead is CLOSED and (refusal.status or told or "").startswith("5.7.")
        ):
            return _if_whole(refusal, f"its words say that {dead.meaning}")
    return _by_numbers(refusal, words, told, code, at)


def _by_numbers(
    refusal: Refusal, words: str, told: str | None, code: int | None, at: Step | None
) -> tuple[Kind, str]:
    statuses = [status for status in (refusal.status, told) if status and not _says_nothing(status)]
    if statuses and all(_DEAD_STATUS.fullmatch(status) for status in statuses):
        if not refusal.whole:
            return Kind.SOFT, f"{statuses[0]}, but the report is cut off"
        return Kind.HARD, f"{statuses[0]} says that the address is dead"
    if statuses:
        return Kind.SOFT, f"{statuses[0]} says nothing against the address"
    if code in _AT_THE_RECIPIENT and at in (None, Step.RECIPIENT) and refusal.whole and _is_bare(words, at):
        return Kind.HARD, f"a bare {code}: {FAINT.meaning}"
    return Kind.SOFT, "no word and no number names a dead mailbox"


def _is_bare(words: str, at: Step | None) -> bool:
    """Is nothing said but that the mailbox cannot be reached? Whatever else is said could be another reason."""
    faint = FAINT.found_in(words)
    for phrase in FAINT.phrases:
        words = words.replace(phrase, " ")
    rest = [word for word in words.split() if word.isalpha() and word not in _NEUTRAL]
    return not rest and (faint or at is Step.RECIPIENT)


def _if_whole(refusal: Refusal, why: str) -> tuple[Kind, str]:
    return (Kind.HARD, why) if refusal.whole else (Kind.SOFT, f"{why}, but the report is cut off")


def _passing(status: str | None, told: str | None, code: int | None) -> bool:
    """4.x.x, unless the other side itself gave a permanent number: relays write 4.x.x over it when they give up."""
    if told is not None:
        return told.startswith("4")
    return status is not None and status.startswith("4") and code is None


def _status(text: str) -> str | None:
    """The first enhanced code that says something, else the first; 2.x.x is none of a refusal."""
    found = [".".join(match.groups()) for match in _STATUS.finditer(text) if match[1] != "2"]
    return next((status for status in found if not _says_nothing(status)), found[0] if found else None)


def _says_nothing(status: str) -> bool:
    return _SAYS_NOTHING.fullmatch(status) is not None
