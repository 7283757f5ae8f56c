"""Part of a file against the form it should have: every missing, unknown or unreadable word becomes a problem at its place.

Refuses nothing by itself: what is wrong is told and left out, so that the rest can still be read and checked.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from nurture.model.errors import Place, Problem, TextError, did_you_mean
from nurture.model.expressions import ExpressionError
from nurture.model.matching import EventError
from nurture.model.timing import TimingError
from nurture.workflow.yaml_text import ListNode, MapNode, Node, TextNode

Form = TypeVar("Form", bound=BaseModel)
Plain = None | str | float | Sequence["Plain"] | Mapping[str, "Plain"]

_TEXT_CODES: tuple[tuple[type[TextError], str], ...] = (
    (TimingError, "bad-time"),
    (ExpressionError, "bad-expression"),
    (EventError, "bad-event"),
)
MAX_SHOWN = 200
"""Characters of a message that repeats what the file says."""
_LIMITS = {"gt": "more than", "ge": "at least", "lt": "less than", "le": "at most"}
_SLUG_HINT = "use lower-case letters, digits and dashes, such as free-checkup"


def plain(node: Node) -> Plain:
    """The node as texts, lists and maps; null stays None."""
    match node:
        case TextNode():
            return None if node.is_null else node.text
        case ListNode():
            return [plain(item) for item in node.items]
        case MapNode():
            return {key.text: plain(value) for key, value in node.entries}


def read_form(
    form: type[Form],
    node: MapNode,
    problems: list[Problem],
    *,
    elsewhere: Iterable[str] = (),
    may_be_empty: Iterable[str] = (),
    given: Mapping[str, Plain] | None = None,
    missing: Mapping[str, tuple[str, str, str]] | None = None,
    belongs: Mapping[str, str] | None = None,
) -> Form | None:
    """``node`` read into ``form``; None when too little is left of it. Each fault is added to ``problems``.

    ``elsewhere``: keys that someone else reads. ``given``: values that stand for what the node says.
    ``missing``: for a key, the code, message and hint of its own when it is missing.
    ``belongs``: for a key that is known elsewhere, where that is.
    """
    known = [field.alias or name for name, field in form.model_fields.items()]
    elsewhere = tuple(elsewhere)
    reading = _Reading((*known, *elsewhere), frozenset(may_be_empty), belongs or {})
    data, told = _known_values(node, reading, problems)
    strange = any(key.text not in reading.known for key, _ in node.entries)
    data = {key: value for key, value in data.items() if key not in set(elsewhere)} | dict(given or {})
    for attempt in range(2):
        try:
            return form.model_validate(data)
        except ValidationError as error:
            for details in _without_consequences(error.errors()):
                key = str(details["loc"][0]) if details["loc"] else ""
                # from a fault that has been told already
                follows = key in told or (not key and (attempt or strange))
                if not follows or (key and details["type"] != "missing"):
                    _tell_once(problems, _problem(details, node, missing or {}))
                told.add(key)
            if "" in told:  # the keys are right each by itself, but not together
                return None
            # The rest of the form is still worth reading; what cannot do without the faulty key comes back as missing.
            data = {key: value for key, value in data.items() if key not in told}
    return None


@dataclass(frozen=True, slots=True)
class _Reading:
    """Which keys a form knows, and what is told of the others."""

    known: Sequence[str]
    may_be_empty: frozenset[str]
    belongs: Mapping[str, str]

    def unknown(self, key: TextNode, said: Sequence[str]) -> Problem:
        """The nearest key that is not there yet; else where this one belongs; else all that are known."""
        free = tuple(name for name in self.known if name not in said)
        other = _OTHER_WORDS.get(key.text.lower())
        hint = (
            (f"it belongs {self.belongs[key.text]}" if key.text in self.belongs else None)
            or (f"did you mean '{other}'?" if other in free else None)
            or did_you_mean(key.text, free)
            or f"known here: {', '.join(sorted(set(self.known)))}"
        )
        return Problem(key.place, "unknown-key", f"'{_short(key.text)}' is not known here", hint)


_OTHER_WORDS = {
    "then": "do",
    "yes": "do",
    "otherwise": "else",
    "no": "else",
    "delay": "after",
    "time": "at",
    "day": "on",
    "days": "on",
    "goal": "validate",
    "validation": "validate",
    "enter": "trigger",
    "losses": "loss",
    "owner": "assign",
    "name": "title",
    "steps": "do",
}
"""What people write who think of another word for a key."""


def _known_values(
    node: MapNode, reading: _Reading, problems: list[Problem]
) -> tuple[dict[str, Plain], set[str]]:
    """What the node says under known keys; and the keys that are known but say nothing."""
    values: dict[str, Plain] = {}
    empty: set[str] = set()
    said = [key.text for key, _ in node.entries]
    for key, value in node.entries:
        if key.text not in reading.known:
            problems.append(reading.unknown(key, said))
        elif isinstance(value, TextNode) and value.is_null and key.text not in reading.may_be_empty:
            empty.add(key.text)
            problems.append(
                Problem(
                    key.place, "empty-value", f"'{key.text}' says nothing", "write a value or remove the line"
                )
            )
        else:
            values[key.text] = plain(value)
    return values, empty


def _tell_once(problems: list[Problem], found: Problem) -> None:
    """A value that may be of two kinds, and is of neither, is wrong once."""
    if not any(
        (one.place, one.code, one.message) == (found.place, found.code, found.message) for one in problems
    ):
        problems.append(found)


def _without_consequences(errors: Sequence[ErrorDetails]) -> Iterator[ErrorDetails]:
    """A list is not also told to be too short when one of its entries was refused."""
    places = [details["loc"] for details in errors]
    for details in errors:
        below = any(
            len(loc) > len(details["loc"]) and loc[: len(details["loc"])] == details["loc"] for loc in places
        )
        if details["type"] != "too_short" or not below:
            yield details


def _problem(details: ErrorDetails, node: MapNode, missing: Mapping[str, tuple[str, str, str]]) -> Problem:
    loc = details["loc"]
    if details["type"] == "missing":
        key = str(loc[-1])
        place = _at(node, loc[:-1])[1]
        if len(loc) == 1 and key in missing:
            return Problem(place, *missing[key])
        return Problem(place, "missing-key", f"'{key}' is missing", f"add '{key}:'")
    found, place = _at(node, loc)
    cause = details.get("ctx", {}).get("error")
    if isinstance(cause, TextError):
        return text_problem(cause, found or place)
    if details["type"] == "extra_forbidden":
        return Problem(place, "unknown-key", f"'{loc[-1]}' is not known here")
    return Problem(place, *_words(details, found))


def text_problem(error: TextError, where: Node | Place) -> Problem:
    """A short text that cannot be read, as a problem at the word that is wrong."""
    code = next((code for kind, code in _TEXT_CODES if isinstance(error, kind)), "bad-value")
    if isinstance(where, TextNode):
        place = where.at(error.column)
    else:
        place = where if isinstance(where, Place) else where.place
    return Problem(place, code, _short(error.message), error.hint)


def without_echoes(problems: Iterable[Problem]) -> list[Problem]:
    """In order; where a text was cut, what is then wrong with the rest of it is no news."""
    cut = {problem.place.line for problem in problems if problem.code == "cut-text"}
    return sorted(p for p in problems if p.code == "cut-text" or p.place.line not in cut)


def _at(node: MapNode, loc: Sequence[int | str]) -> tuple[Node | None, Place]:
    """The node that ``loc`` leads to, as far as it goes, and its place (a key's own place for a bad key)."""
    current: Node = node
    for step in loc:
        following: Node | None = None
        if isinstance(current, MapNode) and isinstance(step, str):
            following = current.get(step)
        elif isinstance(current, ListNode) and isinstance(step, int) and step < len(current.items):
            following = current.items[step]
        if following is None:
            break
        current = following
    if loc and loc[-1] == "[key]" and len(loc) > 1 and isinstance(current, TextNode | ListNode | MapNode):
        return None, current.place
    return current, current.place


def _words(details: ErrorDetails, found: Node | None) -> tuple[str, str, str | None]:
    """Code, message and hint for a fault that pydantic found, in a marketer's words."""
    kind, context, value = details["type"], details.get("ctx", {}), details["input"]
    shown = f"'{_short(value)}'" if isinstance(value, str) else "this"
    if isinstance(found, TextNode) and found.is_null:
        return "empty-value", "nothing stands here", "write a value or remove the line"
    if kind == "string_pattern_mismatch":
        return _words_for_pattern(str(context["pattern"]), shown, value)
    if kind in ("enum", "literal_error"):
        return (
            "bad-value",
            f"{shown} is not one of {context['expected']}",
            _nearest(value, context["expected"]) or "write one of these words",
        )
    if kind.endswith(("_parsing", "_from_float")):
        return "bad-value", f"{shown} is no number", "write digits, such as 50"
    for limit, words in _LIMITS.items():
        if limit in context:
            return "bad-value", f"{shown} is out of range", f"write {words} {context[limit]:g}"
    if kind in ("string_too_long", "too_long"):
        return "bad-value", f"this is too long: at most {context['max_length']}", None
    if kind == "string_too_short":
        return "bad-value", "this is empty", "write something, or remove the line"
    if kind == "too_short":
        return "bad-value", "this holds too little", f"write at least {context['min_length']}"
    hint = _on_one_line(found) if kind in ("string_type", "is_instance_of") else None
    return "bad-value", f"{_what(found)} does not fit here", hint or f"expected {_expected(kind)}"


def _words_for_pattern(pattern: str, shown: str, value: object) -> tuple[str, str, str | None]:
    for start, word, hint in _PATTERNS:
        if pattern.startswith(start):
            return "bad-word", f"{shown} is no {word}", hint
    return "bad-word", f"{shown} is no word in slug form", _slug_hint(value)


_PATTERNS = (
    ("^https?:", "web address", "write it whole, such as https://www.example.org/privacy"),
    ("^[A-Z]{3}", "currency", "write its three capital letters, such as USD"),
    ("^[a-z_]", "field name", "use lower-case letters, digits and _, such as first_name"),
)
"""How a pattern begins, and what a marketer calls what it stands for."""


def _on_one_line(found: Node | None) -> str | None:
    """``[mon, tue]`` where one text should stand."""
    texts = (
        [item.text for item in found.items if isinstance(item, TextNode)]
        if isinstance(found, ListNode)
        else []
    )
    return f"write it as one text: '{_short(', '.join(texts))}'" if texts else None


def _short(text: str) -> str:
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}…"


def _what(found: Node | None) -> str:
    match found:
        case ListNode():
            return "a list"
        case MapNode():
            return "a group of keys"
        case TextNode():
            return f"'{found.text[:60]}'"
    return "this"


def _expected(kind: str) -> str:
    if kind.startswith(("list", "tuple", "set", "frozen_set")):
        return "a list"
    if kind.startswith(("dict", "mapping", "model")):
        return "a group of 'key: value' lines"
    return "a text on one line"


def slug_of(text: str) -> str:
    """The word in slug form that is nearest to a text: ``Free Checkup`` is ``free-checkup``; may be empty."""
    return "-".join("".join(c if c.isascii() and c.isalnum() else " " for c in text.lower()).split())


def _slug_hint(value: object) -> str:
    slug = slug_of(re.sub(r"\.(md|html|txt|ya?ml)$", "", str(value)))
    return f"write '{slug}'" if slug else _SLUG_HINT


def _nearest(value: object, expected: str) -> str | None:
    words = tuple(word.strip(" '") for word in expected.replace(" or ", ",").split(","))
    return did_you_mean(value, words) if isinstance(value, str) else None
