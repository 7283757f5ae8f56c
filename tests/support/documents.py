"""The project's documents as tests read them: their headings, tables, blocks, links and command lines."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
DOCUMENTS = tuple(
    sorted(
        [
            *ROOT.glob("docs/*.md"),
            *(ROOT / f"{name}.md" for name in ("README", "ARCHITECTURE", "CONTRIBUTING")),
        ]
    )
)

_BLOCK = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_SPAN = re.compile(r"`([^`\n]+)`")


class Block(NamedTuple):
    """One fenced block: the words after the fence, and what stands in it."""

    info: str
    text: str


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def without_blocks(text: str) -> str:
    return _BLOCK.sub("", text)


def blocks(text: str, info: str | None = None) -> list[Block]:
    """The fenced blocks; with ``info`` only those that say just this behind the fence."""
    found = [Block(*match.groups()) for match in _BLOCK.finditer(text)]
    return [block for block in found if info in (None, block.info)]


def headings(text: str, level: int) -> list[str]:
    return re.findall(rf"^{'#' * level} (.+)$", without_blocks(text), re.MULTILINE)


def section(text: str, heading: str) -> str:
    """What stands below ``## heading`` (of any depth), up to the next heading of that depth or above."""
    found = re.search(rf"^(#+) {re.escape(heading)}\n", text, re.MULTILINE)
    assert found, f"there is no heading '{heading}'"
    rest = text[found.end() :]
    end = re.search(rf"^#{{1,{len(found[1])}}} ", rest, re.MULTILINE)
    return rest[: end.start()] if end else rest


def rows(text: str) -> dict[str, list[str]]:
    """The rows of all its tables whose first cell is code: that word, and the other cells."""
    found: dict[str, list[str]] = {}
    for line in without_blocks(text).splitlines():
        if line.startswith("| `"):
            first, *others = (cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip("|")))
            found[first.split("`")[1]] = others
    return found


def links(text: str) -> list[str]:
    return _LINK.findall(without_blocks(text))


def anchors(text: str) -> set[str]:
    """The anchors of all headings, as GitHub makes them."""
    titles = re.findall(r"^#+ (.+)$", without_blocks(text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def spans(text: str) -> list[str]:
    """Everything in single backticks."""
    return _SPAN.findall(without_blocks(text))


def command_lines(text: str) -> Iterator[list[str]]:
    """The words behind ``nurture`` of every command line in shell blocks, and of whole commands in backticks."""
    lines = [
        line.removeprefix("$ ")
        for block in blocks(text)
        if block.info in ("sh", "console")
        for line in block.text.splitlines()
    ]
    for line in [*lines, *spans(text)]:
        for part in re.split(r" && | > ", line.removeprefix("python3 run.py ")):
            if part.startswith("nurture ") and "…" not in part:
                yield shlex.split(part)[1:]
