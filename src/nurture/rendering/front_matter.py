"""The lines between ``---`` at the top of a message: its subject, preheader, layout and sender.

Four known words with one text each. Anything else YAML can do is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    DocumentEndEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    StreamEndEvent,
    StreamStartEvent,
)

from nurture.model.errors import Place, Problem, did_you_mean
from nurture.workflow.yaml_text import GLUED_COMMENT, UNPRINTABLE

KEYS = ("subject", "preheader", "layout", "sender")
_FENCE = re.compile(r"---[ \t]*\n(.*?)^---[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE)
_FRAME = (
    StreamStartEvent,
    DocumentStartEvent,
    MappingStartEvent,
    MappingEndEvent,
    DocumentEndEvent,
    StreamEndEvent,
)


@dataclass(frozen=True, slots=True)
class FrontMatter:
    """What stands at the top of a message. ``subject`` and ``preheader`` are templates themselves.

    ``lines`` says where each key's value stands; ``body_line`` is the first line after it.
    """

    values: dict[str, str]
    lines: dict[str, int]
    body_line: int

    def get(self, key: str) -> str | None:
        return self.values.get(key)


def split_front_matter(text: str, file: str) -> tuple[FrontMatter, str, list[Problem]]:
    """The front matter, the body after it, and every problem of the former. ``text`` has LF line ends."""
    fence = _FENCE.match(text)
    if fence is None:
        problems = []
        if text.startswith("---"):
            hint = "end it with a line of three dashes"
            problems = [
                Problem(Place(file), "template-front-matter", "the top of this message is never closed", hint)
            ]
        return FrontMatter({}, {}, 1), text, problems
    front_matter = FrontMatter({}, {}, text[: fence.end()].count("\n") + 1)
    problems = _read(fence[1], file, front_matter)
    return front_matter, text[fence.end() :], problems


def _read(text: str, file: str, into: FrontMatter) -> list[Problem]:
    try:
        return _taken(YAML(typ="safe", pure=True).parse(text), text.split("\n"), file, into)
    except MarkedYAMLError as error:
        mark = error.problem_mark
        place = Place(file, mark.line + 2, mark.column + 1) if mark else Place(file, 2)
        return [_problem(place, f"cannot be read: {error.problem}", "put quotes around the whole value")]
    except (YAMLError, ValueError, OverflowError) as error:
        return [_problem(Place(file, 2), f"cannot be read: {error}", None)]


def _taken(events: Iterator[Event], lines: Sequence[str], file: str, into: FrontMatter) -> list[Problem]:
    """What the words say. Reads no further than the first that is more than a text, since YAML can be made to take minutes."""
    problems: list[Problem] = []
    key: ScalarEvent | None = None
    opened = False
    for event in events:
        late = isinstance(event, MappingStartEvent) and (opened or bool(event.anchor or event.tag))
        if isinstance(event, ScalarEvent) and not event.anchor and not event.tag:
            if key is None:
                key = event
            else:
                problems += _take(key, event, file, into) or _cut(event, lines, file)
                key = None
        elif not isinstance(event, _FRAME) or key is not None or late:
            hint = 'put quotes around the whole value: subject: "{{ contact.first_name }}, …"'
            return [*problems, _problem(_place(event, file), "holds one plain text for each word", hint)]
        opened = opened or isinstance(event, MappingStartEvent)
    return problems


def _take(key: ScalarEvent, value: ScalarEvent, file: str, into: FrontMatter) -> list[Problem]:
    if key.value not in KEYS:
        hint = did_you_mean(key.value, KEYS) or f"known are {', '.join(KEYS)}"
        return [_problem(_place(key, file), f"knows no {key.value!r}", hint)]
    if key.value in into.values:
        return [_problem(_place(key, file), f"holds {key.value!r} twice", None)]
    if bad := UNPRINTABLE.search(value.value):
        return [_problem(_place(value, file), f"holds a control character (U+{ord(bad[0]):04X})", None)]
    into.values[key.value] = value.value.strip()
    into.lines[key.value] = value.start_mark.line + 2
    return []


def _cut(value: ScalarEvent, lines: Sequence[str], file: str) -> list[Problem]:
    """``subject: Our #1 tip``: YAML takes all from `` #`` for a comment, and people would get "Our"."""
    end = value.end_mark
    found = GLUED_COMMENT.match(lines[end.line][end.column :]) if end.line < len(lines) else None
    if found is None:
        return []
    said = f"is cut here: for YAML '{found[1]}' and what follows is a comment"
    return [_problem(Place(file, end.line + 2, end.column + 2), said, "put quotes around the whole value")]


def _place(event: Event, file: str) -> Place:
    return Place(file, event.start_mark.line + 2, event.start_mark.column + 1)


def _problem(place: Place, message: str, hint: str | None) -> Problem:
    return Problem(place, "template-front-matter", f"the top of this message {message}", hint)
