"""Events made up for a rehearsal: what a contact would have to do so that a trigger or a validation takes it.

Works from plain conditions, `event.offer == "guide" and event.kind == "pdf"`; guesses nothing beyond them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from nurture.model.contact_values import as_text, scalar
from nurture.model.errors import TextError
from nurture.model.expression_tree import Compare, Constant, Every, Name, Tree
from nurture.model.expressions import Scope
from nurture.model.matching import EventMatch, parse_event_match
from nurture.model.timing import Rule, parse_rule
from nurture.model.words import Scalar


@dataclass(frozen=True, slots=True)
class Doing:
    """Something the contact does in a walk: an event, its data as written, and when, counted from the start."""

    event: str
    words: Mapping[str, str]
    rule: Rule

    @property
    def data(self) -> Mapping[str, Scalar]:
        return {name: scalar(word) for name, word in self.words.items()}


def parse_doing(text: str) -> Doing:
    """Read ``EVENT[:key=value,…]@+2d``; after the ``+`` a time rule may follow: ``@+2d at 10:00``. Raises TextError."""
    said, at, offset = text.rpartition("@")
    if not at or not offset.strip().startswith("+"):
        raise TextError(f"'{text}' does not say when", hint="end it with @+2d, counted from the start")
    name, _, pairs = said.partition(":")
    match = parse_event_match(name)
    if match.where is not None:
        raise TextError("an event that happens has values, no conditions", hint="write EVENT:key=value@+2d")
    return Doing(match.name, dict(_pairs(pairs)), parse_rule(f"after {offset.strip().removeprefix('+')}"))


def _pairs(text: str) -> list[tuple[str, str]]:
    pairs = []
    for pair in text.split(",") if text.strip() else []:
        name, found, value = pair.partition("=")
        if not found or not name.strip():
            raise TextError(f"'{pair}' is no value of an event", hint="write key=value, divided by commas")
        pairs.append((name.strip(), value.strip()))
    return pairs


def taken_by(match: EventMatch, scope: Scope) -> Mapping[str, Scalar] | None:
    """The least data with which an event meets ``match``; None when that takes more than plain comparisons."""
    data = dict(_demanded(match.where.tree)) if match.where else {}
    return data if match.matches(match.name, scope.with_event(data)) else None


def as_option(match: EventMatch, scope: Scope, day: int) -> str:
    """How to say it on the command line of a walk: ``--do 'offer.downloaded:offer=guide@+1d'``."""
    data = taken_by(match, scope)
    pairs = "…" if data is None else ",".join(f"{name}={as_text(value)}" for name, value in data.items())
    return f"--do '{match.name}{':' if pairs else ''}{pairs}@+{day}d'"


def _demanded(tree: Tree) -> list[tuple[str, Scalar]]:
    """The values that the comparisons joined by ``and`` ask of the event."""
    match tree:
        case Every(operands):
            return [pair for operand in operands for pair in _demanded(operand)]
        case Compare("==", Name("event", name), Constant(value)):
            return [(name, value)]
        case Compare("==", Constant(value), Name("event", name)):
            return [(name, value)]
        case Name("event", name):
            return [(name, True)]
    return []
