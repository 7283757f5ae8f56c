"""Part of a file against the form it should have: every missing, unknown or unreadable word becomes a problem at its place.

Refuses nothing by itself: what is wrong is told and left out, so that the rest can still be read and checked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
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
) -> Form | None:
    """``node`` read into ``form``; None when too little is left of it. Each fault is added to ``problems``.

    ``elsewhere``: keys that someone else reads. ``given``: values that stand for what the node says.
    ``missing``: for a key, the code, message and hint of its own when it is missing.
    """
    known = [field.alias or name for name, field in form.model_fields.items()]
    data, told = _known_values(node, (*known, *elsewhere), problems, frozenset(may_be_empty))
    data = {key: value for key, value in data.items() if key not in set(elsewhere)} | dict(given or {})
    for attempt in range(2):
        try:
            return form.model_validate(data)
        except ValidationError as error:
            for details in error.errors():
                key = str(details["loc"][0]) if details["loc"] else ""
                follows = key in told or (not key and attempt)  # from a fault that has been told already
                if not follows or (key and details["type"] != "missing"):
                    problems.append(_problem(details, node, missing or {}))
                told.add(key)
            if "" in told:  # the keys are right each by itself, but not together
                return None
            # The rest of the form is still worth reading; what cannot do without the faulty key comes back as missing.
            data = {key: value for key, value in data.items() if key not in told}
    return None


def _known_values(
    node: MapNode, known: Sequence[str], problems: list[Problem], may_be_empty: frozenset[str]
) -> tuple[dict[str, Plain], set[str]]:
    """What the node says under known keys; and the keys that are known but say nothing."""
    values: dict[str, Plain] = {}
    empty: set[str] = set()
    for key, value in node.entries:
        if key.text not in known:
            hint = did_you_mean(key.text, tuple(known)) or f"known here: {', '.join(sorted(known))}"
            problems.append(Problem(key.place, "unknown-key", f"'{key.text}' is not known here", hint))
        elif isinstance(value, TextNode) and value.is_null and key.text not in may_be_empty:
            empty.add(key.text)
            problems.append(
                Problem(
                    key.place, "empty-value", f"'{key.text}' says nothing", "write a value or remove the line"
                )
            )
        else:
            values[key.text] = plain(value)
    return values, empty


def _problem(details: ErrorDetails, node: MapNode, missing: Mapping[str, tuple[str, str, str]]) -> Problem:
    loc = details["loc"]
    if details["type"] == "missing":
        key = str(loc[-1])
        place = _at(node, loc[:-1])[1]
        if len(loc) == 1 and key in missing:
            return Problem(place, *missing[key])
        return Problem(place, "missing-key", f"'{key}' is missing")
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
    if kind == "string_pattern_mismatch":
        return "bad-word", f"{shown} is no word in slug form", _slug_hint(value)
    if kind in ("enum", "literal_error"):
        return (
            "bad-value",
            f"{shown} is not one of {context['expected']}",
            _nearest(value, context["expected"]),
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
    return "bad-value", f"{_what(found)} does not fit here", f"expected {_expected(kind)}"


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


def _slug_hint(value: object) -> str:
    slug = "-".join("".join(c if c.isascii() and c.isalnum() else " " for c in str(value).lower()).split())
    return f"write '{slug}'" if slug else _SLUG_HINT


def _nearest(value: object, expected: str) -> str | None:
    words = tuple(word.strip(" '") for word in expected.replace(" or ", ",").split(","))
    return did_you_mean(value, words) if isinstance(value, str) else None
