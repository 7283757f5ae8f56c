"""A TOML file as the same tree of words that YAML files give, so that both are checked, and told about, alike.

Python's own reader decides what the file means; here only the lines and columns are added.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from datetime import date, datetime, time

from nurture.model.errors import Place, Problem
from nurture.workflow.yaml_text import MAX_BYTES, MAX_DEPTH, ListNode, MapNode, Node, TextNode

Path = tuple[str, ...]


def read_toml(source: bytes | str, file: str) -> tuple[MapNode | None, list[Problem]]:
    """The top of the file, None when it cannot be read; and the problem that stopped it."""
    if len(source) > MAX_BYTES:
        return None, [
            Problem(Place(file), "bad-toml", f"the file is larger than {MAX_BYTES // 1_000_000} MB")
        ]
    try:
        text = source if isinstance(source, str) else source.decode("utf-8-sig")
        if too_deep := _too_deep(text, file):
            return None, [too_deep]
        node = _Tree(text, file).node(tomllib.loads(text), ())
    except UnicodeDecodeError:
        return None, [
            Problem(Place(file), "bad-toml", "the file is not written in UTF-8", "save it again as UTF-8")
        ]
    except tomllib.TOMLDecodeError as error:
        return None, [_syntax_problem(str(error), file)]
    except RecursionError:
        return None, [Problem(Place(file), "bad-toml", "lists are nested too deep")]
    assert isinstance(node, MapNode)
    return node, []


def _too_deep(text: str, file: str) -> Problem | None:
    """A key of many dots costs Python's reader the square of their number."""
    for number, line in enumerate(text.splitlines(), start=1):
        if _DEEP.match(line):
            return Problem(Place(file, number), "bad-toml", f"a key has more than {MAX_DEPTH} parts")
    return None


def _syntax_problem(message: str, file: str) -> Problem:
    found = re.search(r"\s*\(at (?:line (\d+), column (\d+)|end of document)\)$", message)
    line, column = (int(found.group(1) or 1), int(found.group(2) or 1)) if found else (1, 1)
    words = message[: found.start()] if found else message
    return Problem(
        Place(file, line, column),
        "bad-toml",
        f"this is no TOML: {words}",
        'texts need quotes, keys stand once: key = "value"',
    )


_HEADER = re.compile(r"\s*(\[\[?)([^\[\]]+)\]")
_ENTRY = re.compile(
    r"\s*((?:[A-Za-z0-9_-]+|\"[^\"]*\"|'[^']*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|\"[^\"]*\"|'[^']*'))*)\s*=\s*"
)
_DEEP = re.compile(rf"\s*\[{{0,2}}\s*(?:(?:[A-Za-z0-9_-]+|\"[^\"]*\"|'[^']*')\s*\.\s*){{{MAX_DEPTH}}}")
_LONGEST_LIST = 100
"""Lines in which an entry of a list is looked for."""
_PART = re.compile(r"[A-Za-z0-9_-]+|\"[^\"]*\"|'[^']*'")


class _Tree:
    """Values joined with the places at which their keys and values stand in the text."""

    def __init__(self, text: str, file: str) -> None:
        self.file = file
        self.lines = text.splitlines()
        self.keys: dict[Path, Place] = {}
        self.values: dict[Path, Place] = {}
        self._scan()

    def _scan(self) -> None:
        """Note where each key stands. A line within a long list or text that looks like a key only adds a name nobody asks for."""
        section: Path = ()
        counts: dict[Path, int] = {}
        for number, line in enumerate(self.lines, start=1):
            header, entry = _HEADER.match(line), _ENTRY.match(line)
            if header:
                section = _path(header.group(2))
                place = Place(self.file, number, header.start(2) + 1)
                self.keys.setdefault(section, place)
                if header.group(1) == "[[":
                    counts[section] = counts.get(section, -1) + 1
                    section = (*section, str(counts[section]))
                    self.keys[section] = place
            elif entry:
                path = (*section, *_path(entry.group(1)))
                self.keys.setdefault(path, Place(self.file, number, entry.start(1) + 1))
                self.values.setdefault(path, Place(self.file, number, entry.end() + 1))

    def node(self, value: object, path: Path) -> Node:
        if isinstance(value, Mapping):
            entries = (
                (TextNode(key, self._key(path, key)), self.node(part, (*path, key)))
                for key, part in value.items()
            )
            return MapNode(tuple(entries), self._place(path))
        if isinstance(value, list):
            items = (self.node(part, (*path, str(number))) for number, part in enumerate(value))
            return ListNode(tuple(items), self._place(path))
        return self._text(value, path)

    def _text(self, value: object, path: Path) -> TextNode:
        place = self._place(path)
        if not isinstance(value, str):
            return TextNode(_as_text(value), place, '"', exact=False)
        if path not in self.values:  # an entry of a list
            place = self._behind(place, value) or place
            return TextNode(value, place, '"', exact=False)
        line = self.lines[place.line - 1] if place.line <= len(self.lines) else ""
        exact = path in self.values and line[place.column - 1 :][1 : len(value) + 1] == value
        return TextNode(value, place, '"', exact)

    def _key(self, path: Path, key: str) -> Place:
        place = self._place(path)
        return self.keys.get((*path, key)) or self._behind(place, key) or place

    def _behind(self, place: Place, word: str) -> Place | None:
        """Where the word stands in quotes, from ``place`` on, as far as its list may reach."""
        for number, line in enumerate(self.lines[place.line - 1 :][:_LONGEST_LIST], start=place.line):
            column = line.find(f'"{word}"', place.column - 1 if number == place.line else 0)
            if column >= 0:
                return Place(self.file, number, column + 1)
        return None

    def _place(self, path: Path) -> Place:
        while path:
            if path in self.values or path in self.keys:
                return self.values.get(path) or self.keys[path]
            path = path[:-1]
        return Place(self.file)


def _path(text: str) -> Path:
    return tuple(part.strip("\"'") for part in _PART.findall(text))


def _as_text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.isoformat() if isinstance(value, date | time | datetime) else str(value)
