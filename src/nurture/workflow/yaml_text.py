"""A YAML file as it was written: every word with its line and column, nothing guessed (``no`` stays no, ``10:00`` ten o'clock).

Strict YAML 1.2. Refuses what hides or repeats meaning: duplicate keys, tags, merge keys, several documents, tabs, text cut
off by a ``#``; and what only attacks: bombs, cycles, files over 1 MB. Builds no object of any kind but text, lists and maps.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from nurture.model.errors import Place, Problem, Severity
from nurture.workflow.yaml_slips import QUOTE_HINT, syntax_problem

MAX_BYTES = 1_000_000
MAX_NODES = 10_000
MAX_DEPTH = 40


@dataclass(frozen=True, slots=True)
class TextNode:
    """One word or text. ``plain`` is true when it stood without quotes and on one line; ``empty`` when nothing stood there."""

    text: str
    place: Place
    style: str = ""
    """Empty for plain text, or the character that began it: ``'``, ``"``, ``|``, ``>``."""
    exact: bool = True
    """Whether character n of the text stands n columns behind its start (not so after a line break or an escape)."""

    @property
    def is_null(self) -> bool:
        return not self.style and self.text in ("", "~", "null")

    def at(self, column: int) -> Place:
        """Where character ``column`` (from 0) of the text stands; its start when that cannot be told."""
        if not self.exact:
            return self.place
        return Place(self.place.file, self.place.line, self.place.column + column + (1 if self.style else 0))


@dataclass(frozen=True, slots=True)
class ListNode:
    items: tuple[Node, ...]
    place: Place


@dataclass(frozen=True, slots=True)
class MapNode:
    """Keys in the order of the file; each once."""

    entries: tuple[tuple[TextNode, Node], ...]
    place: Place

    def get(self, key: str) -> Node | None:
        return next((value for name, value in self.entries if name.text == key), None)

    def key(self, key: str) -> TextNode | None:
        return next((name for name, _ in self.entries if name.text == key), None)

    def text(self, key: str) -> TextNode | None:
        """The value of ``key`` when it is a text that is not null."""
        value = self.get(key)
        return value if isinstance(value, TextNode) and not value.is_null else None


Node = TextNode | ListNode | MapNode


class _RefusedError(Exception):
    """Reading stops here."""

    def __init__(self, place: Place, message: str, hint: str | None = None) -> None:
        self.problem = Problem(place, "bad-yaml", message, hint)

    @classmethod
    def of(cls, problem: Problem) -> _RefusedError:
        return cls(problem.place, problem.message, problem.hint)


def read_yaml(source: bytes | str, file: str) -> tuple[MapNode | None, list[Problem]]:
    """The top mapping of a file, None when it cannot be read; and every problem found on the way."""
    top, problems = _read(source, file)
    return top, list(problems)


@lru_cache(maxsize=128)  # one publish reads the same text to check it, to plan with it and to store it
def _read(source: bytes | str, file: str) -> tuple[MapNode | None, tuple[Problem, ...]]:
    try:
        text = _decoded(source, file)
        builder = _Builder(text, file)
        return builder.build(), tuple(sorted(builder.problems))
    except _RefusedError as refused:
        return None, (refused.problem,)


def _decoded(source: bytes | str, file: str) -> str:
    size = len(source) if isinstance(source, bytes) else len(source.encode("utf-8", "surrogatepass"))
    if size > MAX_BYTES:
        raise _RefusedError(
            Place(file), f"the file is larger than {MAX_BYTES // 1_000_000} MB", "split it into several files"
        )
    text = source if isinstance(source, str) else _from_utf8(source, file)
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    bad = UNPRINTABLE.search(text)
    if bad:
        raise _RefusedError(
            _place_in(text, bad.start(), file), f"a control character (U+{ord(bad.group()):04X}) stands here"
        )
    return text


def _from_utf8(source: bytes, file: str) -> str:
    try:
        return source.decode("utf-8")
    except UnicodeDecodeError as error:
        before = source[: error.start]
        place = Place(file, before.count(b"\n") + 1, error.start - before.rfind(b"\n"))
        raise _RefusedError(place, "the file is not written in UTF-8", "save it again as UTF-8") from None


UNPRINTABLE = re.compile(
    "[^\t\n\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)
"""A control character, or half of one that needs two; an escape brings it into a text too."""


def _place_in(text: str, index: int, file: str) -> Place:
    return Place(file, text.count("\n", 0, index) + 1, index - text.rfind("\n", 0, index))


@dataclass(slots=True)
class _Open:
    """A list or map that is not finished; ``size`` counts it and all that is in it, copies by alias included."""

    place: Place
    is_map: bool
    anchor: str | None
    size: int = 1
    items: list[Node] = field(default_factory=list)
    keys: dict[str, TextNode] = field(default_factory=dict)
    key: TextNode | None = None
    entries: list[tuple[TextNode, Node]] = field(default_factory=list)
    doubled: bool = False


class _Builder:
    """Builds the tree from the parser's events, one at a time, so that limits act before memory is spent."""

    def __init__(self, text: str, file: str) -> None:
        self.text = text
        self.lines = text.split("\n")
        self.file = file
        self.problems: list[Problem] = []
        self.open: list[_Open] = []
        self.anchors: dict[str, tuple[Node, int]] = {}
        self.count = 0
        self.documents = 0
        self.top: Node | None = None

    def build(self) -> MapNode | None:
        for event in self._events():
            self._take(event)
        if self.top is None or (isinstance(self.top, TextNode) and self.top.is_null):
            raise _RefusedError(Place(self.file), "the file is empty", "write it, or remove it")
        if not isinstance(self.top, MapNode):
            raise _RefusedError(
                self.top.place,
                "the file should hold 'key: value' lines",
                "begin with a line like 'workflow: NAME'",
            )
        return self.top

    def _events(self) -> Iterator[Event]:
        try:
            yield from YAML(typ="safe", pure=True).parse(self.text)
        except MarkedYAMLError as error:
            raise _RefusedError.of(syntax_problem(error, self.lines, self.file)) from None
        except (YAMLError, ValueError, OverflowError, RecursionError) as error:
            message = " ".join(str(error).split())[:200] or "cannot be read"
            raise _RefusedError(Place(self.file), f"this is no YAML: {message}") from None

    def _place(self, event: Event) -> Place:
        mark = event.start_mark
        return Place(self.file, mark.line + 1, mark.column + 1)

    def _take(self, event: Event) -> None:
        if isinstance(event, DocumentStartEvent):
            self._start_document(event)
        elif isinstance(event, MappingEndEvent | SequenceEndEvent):
            self._close()
        elif isinstance(event, NodeEvent):
            self.count += 1
            self._refuse_tag(event)
            if isinstance(event, AliasEvent):
                self._alias(event)
            elif isinstance(event, ScalarEvent):
                self._place_node(self._scalar(event), 1, event.anchor)
            elif isinstance(event, MappingStartEvent | SequenceStartEvent):
                self._begin(event)
            if self.count > MAX_NODES:
                raise _RefusedError(self._place(event), f"the file holds more than {MAX_NODES} words")

    def _start_document(self, event: DocumentStartEvent) -> None:
        self.documents += 1
        if self.documents > 1:
            raise _RefusedError(
                self._place(event), "a file holds one document", "put what follows '---' into its own file"
            )
        if event.tags:
            raise _RefusedError(self._place(event), "tags are not allowed", "remove the %TAG line")

    def _refuse_tag(self, event: NodeEvent) -> None:
        tag = getattr(event, "tag", None)
        if tag is not None:
            raise _RefusedError(
                self._place(event), f"tags are not allowed: {tag}", "write 'not' for '!', or quote the value"
            )

    def _alias(self, event: AliasEvent) -> None:
        if any(part.anchor == event.anchor for part in self.open):
            raise _RefusedError(self._place(event), f"'*{event.anchor}' stands inside of what it repeats")
        if event.anchor not in self.anchors:
            raise _RefusedError(
                self._place(event),
                f"'*{event.anchor}' repeats nothing",
                "quote the value if the star is meant",
            )
        node, size = self.anchors[event.anchor]
        self.count += size
        if self.count > MAX_NODES:
            raise _RefusedError(
                self._place(event), f"with its repetitions the file holds more than {MAX_NODES} words"
            )
        self._place_node(node, size, None)

    def _begin(self, event: MappingStartEvent | SequenceStartEvent) -> None:
        if len(self.open) >= MAX_DEPTH:
            raise _RefusedError(self._place(event), f"lists are nested more than {MAX_DEPTH} deep")
        if self.open and self.open[-1].is_map and self.open[-1].key is None:
            raise _RefusedError(
                self._place(event), "a key is one word", "quote it if the bracket or brace is meant"
            )
        self.open.append(_Open(self._place(event), isinstance(event, MappingStartEvent), event.anchor))

    def _close(self) -> None:
        done = self.open.pop()
        node: Node = (
            MapNode(tuple(done.entries), done.place)
            if done.is_map
            else ListNode(tuple(done.items), done.place)
        )
        self._place_node(node, done.size, done.anchor)

    def _place_node(self, node: Node, size: int, anchor: str | None) -> None:
        if anchor is not None:
            self.anchors[anchor] = (node, size)
        if not self.open:
            self.top = node
            return
        parent = self.open[-1]
        parent.size += size
        if not parent.is_map:
            parent.items.append(node)
        elif parent.key is None:
            self._take_key(parent, node)
        else:
            if not parent.doubled:
                parent.entries.append((parent.key, node))
            parent.key = None

    def _take_key(self, parent: _Open, node: Node) -> None:
        if not isinstance(node, TextNode):
            raise _RefusedError(node.place, "a key is one word")
        if node.text == "<<" and not node.style:
            raise _RefusedError(node.place, "merge keys are not part of YAML 1.2", "write the keys out")
        first = parent.keys.setdefault(node.text, node)
        parent.doubled = first is not node
        if parent.doubled:
            self.problems.append(
                Problem(
                    node.place,
                    "duplicate-key",
                    f"'{node.text}' stands twice in one place",
                    f"the first one is in line {first.place.line}",
                )
            )
        parent.key = node

    def _scalar(self, event: ScalarEvent) -> TextNode:
        start, end = event.start_mark, event.end_mark
        style = event.style or ""
        if bad := UNPRINTABLE.search(event.value):
            raise _RefusedError(
                self._place(event), f"the text holds a control character (U+{ord(bad.group()):04X})"
            )
        on_one_line = start.line == end.line
        exact = on_one_line and len(event.value) == end.column - start.column - (2 if style else 0)
        if not style and on_one_line:
            self._refuse_cut(event.value, end.line, end.column)
        return TextNode(event.value, self._place(event), style, exact)

    def _refuse_cut(self, value: str, line: int, column: int) -> None:
        """``where event.offer == "Offer #1"``: YAML takes all from `` #`` for a comment, and says nothing."""
        rest = self.lines[line][column:]
        found = re.match(r"\s*([#,\]}])", rest)
        if found and _has_open_quote(value):
            place = Place(self.file, line + 1, column + found.start(1) + 1)
            reads = "begins a comment" if found.group(1) == "#" else "ends the value"
            message = f"the text is cut here: for YAML the '{found.group(1)}' {reads}"
            self.problems.append(Problem(place, "cut-text", message, QUOTE_HINT))
        elif value and (comment := GLUED_COMMENT.match(rest)):
            place = Place(self.file, line + 1, column + 2)
            message = f"'{comment.group(1)}' and what follows is a comment, no part of the text"
            hint = "put the text in quotes; a comment is written '# like this'"
            self.problems.append(Problem(place, "maybe-cut", message, hint, Severity.WARNING))


GLUED_COMMENT = re.compile(r" (#\w\S{0,20})")
"""``Our #1 tip``: one space before, none behind, as people write a number and hardly ever a comment."""


def _has_open_quote(text: str) -> bool:
    """Whether a quote that begins a word is never closed; an apostrophe inside a word begins none."""
    opened = ""
    for before, character in zip(" " + text, text, strict=False):
        if opened:
            opened = "" if character == opened else opened
        elif character in "\"'" and not before.isalnum():
            opened = character
    return bool(opened)
