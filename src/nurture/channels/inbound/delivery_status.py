"""Delivery status notifications: the blocks that a mail server writes for machines, one for each recipient.

A recipient whose block is cut off is never called dead: what is missing could have said otherwise. Where a block has
no words of the other side, the text for people is asked, but only the lines about this recipient.
Sources: RFC 3464, 6522, 6533 (the blocks), 3461 (xtext), 3463 (the numbers).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from nurture.channels.inbound.reading import Part, decode, fields
from nurture.channels.inbound.report import Recipient
from nurture.channels.inbound.verdict import Refusal, judge

MOST_RECIPIENTS = 50
MOST_LINES = 200  # of a text for people
LONGEST_DIAGNOSTIC = 500

Block = dict[str, str]

_TYPES = frozenset(
    {
        "message/delivery-status",
        "message/global-delivery-status",
        "message/xdelivery-status",
        "message/x-delivery-status",
        "text/delivery-status",
    }
)
_IN_TEXT = re.compile(
    r"^(?:Final|Original)-Recipient:.{0,300}\n(?:.{0,300}\n){0,9}?(?:Action|Status):", re.MULTILINE
)
_STATUS = re.compile(r"\s*([245])\.(\d{1,3})\.(\d{1,3})(?!\d)")
_ADDRESS = re.compile(r"[^\s<>;,\"()\[\]]{1,200}@[^\s<>;,\"()\[\]]{1,255}")
_XTEXT = re.compile(r"\+([0-9A-F]{2})")
_UTF8_HEX = re.compile(r"\\x\{([0-9A-Fa-f]{2,6})\}")
_TYPE_OF_CODE = re.compile(r"^\s*(?:smtp|x-[\w-]{1,40}|x400|dns|esmtp|lmtp|unknown)\s*;\s*", re.IGNORECASE)
_ENDS = re.compile(r"\s*(?:([-_=*~#])\1{4,}|<[^<>\s]{1,320}>:)")  # a ruled line, or the next one's name
_LINES_ABOUT = 15
_MOST_PARTS = 3
_LONGEST_LINE = 500


def is_status(part: Part) -> bool:
    """Is this the part for machines? Some servers and filters call it plain text."""
    return part.type in _TYPES or (part.type == "text/plain" and _IN_TEXT.search(part.text) is not None)


def status_parts(message: Part) -> list[Part]:
    """The parts for machines; one is usual, and more than a few are nobody's report."""
    return [part for part in message.walk() if is_status(part)][:_MOST_PARTS]


def blocks(part: Part) -> tuple[Block, list[tuple[Block, bool]]]:
    """The fields about the message, then those of each recipient with whether their end was seen."""
    text = decode(part.decoded)
    about: Block = {}
    found: list[tuple[Block, bool]] = []
    head = dict(reversed(part.fields))
    if "final-recipient" in head or "reporting-mta" in head:  # no empty line before the first block
        (found.append((head, True)) if "final-recipient" in head else about.update(head))
    pieces = re.split(r"\n[ \t]*\n", text, maxsplit=4 * MOST_RECIPIENTS)
    for index, piece in enumerate(pieces):
        whole = part.whole or index < len(pieces) - 1
        for block in _of_one_recipient(dict_of(piece)):
            if "final-recipient" in block or "original-recipient" in block or "action" in block:
                found.append((block, whole))
            else:
                about.update(block)
    return about, found[:MOST_RECIPIENTS]


def dict_of(piece: str) -> list[tuple[str, str]]:
    """The fields of one block, in order."""
    return list(fields(piece.strip("\n")))


def recipients(part: Part, for_people: str) -> tuple[Recipient, ...]:
    """Everybody this part tells of, judged one by one; ``for_people`` is the text beside it."""
    found = blocks(part)[1]
    alone = len({address_of(block) for block, _ in found}) == 1
    judged = (_recipient(block, whole, for_people, alone) for block, whole in found)
    return tuple(dict.fromkeys(judged))


def address_of(block: Block) -> str | None:
    """The address it was tried for: the final one, or where that is no mail address, the original."""
    return _mail_address(block.get("final-recipient", "")) or _mail_address(
        block.get("original-recipient", "")
    )


def lines_about(address: str | None, text: str) -> str:
    """What a text for people says of ``address``: its line and those behind it, up to the next one's or a ruled line."""
    lines = [line[:_LONGEST_LINE] for line in text.split("\n", MOST_LINES)[:MOST_LINES] if line.strip()]
    first = next((i for i, line in enumerate(lines) if address and names(line, address)), None)
    if first is None:
        return ""
    about = lines[first : first + _LINES_ABOUT]
    ruled = next((i for i, line in enumerate(about) if i and _ENDS.match(line)), len(about))
    return "\n".join(about[:ruled])


def names(line: str, address: str) -> bool:
    """Does the line name this address? ``joanna@…`` is not ``anna@…``."""
    small, wanted = line.lower(), address.lower()
    # Most lines name nobody: only where it might stand its borders are looked at.
    return wanted in small and re.search(rf"(?<![\w.+-]){re.escape(wanted)}(?!\.?[\w-])", small) is not None


def _of_one_recipient(lines: Sequence[tuple[str, str]]) -> Iterator[Block]:
    """A block of several recipients without empty lines between them, taken apart; usually it is one."""
    block: Block = {}
    for name, value in lines:
        if name == "final-recipient" and name in block:
            yield block
            block = {}
        if name == "status" and _says_less(block, value):
            continue
        block.setdefault(name, value)
    if block:
        yield block


def _says_less(block: Block, status: str) -> bool:
    return "status" in block and not _STATUS.match(status)


def _recipient(block: Block, whole: bool, for_people: str, alone: bool) -> Recipient:
    address, original = address_of(block), _mail_address(block.get("original-recipient", ""))
    diagnostic = _TYPE_OF_CODE.sub("", block.get("diagnostic-code", "") or block.get("x-notes", ""))
    said = diagnostic or block.get("x400-supplementary-info", "")
    status = _STATUS.match(block.get("status", ""))
    action = re.match(r"[a-z]{3,12}", block.get("action", "").lower())
    if status and not said:
        said = block["status"][status.end() :]  # "5.0.0 (recipient reached disk quota)"
    words = f"{said}\n{block['action'][action.end() :]}" if action else said
    around = lines_about(address, for_people) or lines_about(original, for_people)
    if not diagnostic and for_people:
        words += "\n" + around
        if alone and not words.strip():
            words = for_people
    verdict = judge(
        Refusal(
            said=words,
            status=".".join(status.groups()) if status else None,
            action=action[0] if action else None,
            whole=whole,
            around=around,
        )
    )
    return Recipient(
        address=address,
        kind=verdict.kind,
        status=verdict.status,
        action=action[0] if action else None,
        diagnostic=(diagnostic or " ".join(words.split()))[:LONGEST_DIAGNOSTIC],
        original=original if original != address else None,
        why=verdict.why,
    )


def _mail_address(value: str) -> str | None:
    """The address of ``rfc822; <ana@example.org>``, ``utf-8; …`` or ``LOCAL;<ana@…>``; None for a name of another world."""
    kind, semicolon, rest = value.partition(";")
    text = rest if semicolon else value
    if semicolon and kind.strip().lower() == "utf-8":
        text = _UTF8_HEX.sub(lambda match: _letter(int(match[1], 16)), text)
    found = _ADDRESS.search(text) or _ADDRESS.search(_XTEXT.sub(lambda m: _letter(int(m[1], 16)), text))
    return found[0].strip(".'") if found else None


def _letter(code: int) -> str:
    return chr(code) if code < 0x110000 and not 0xD800 <= code < 0xE000 else ""
