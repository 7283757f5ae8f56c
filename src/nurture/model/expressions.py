"""What a rule asks of a contact: ``contact.score >= 40 and contact.phone``; one syntax for every file, one meaning everywhere.

Refuses everything beyond questions about contact, event, stage and workspace: no calls, filters, methods, loops, clock.
An unset field is null: null and each comparison with it is false, ``not null`` is true, null tags are empty.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC
from functools import lru_cache

from nurture.model.expression_text import read_tree
from nurture.model.expression_tree import (
    CONTACT_FIELDS,
    WORKSPACE_FIELDS,
    Compare,
    Constant,
    Every,
    ExpressionError,
    IsNull,
    Listing,
    Name,
    Not,
    Some,
    Sum,
    Tree,
    Within,
    walk,
)
from nurture.model.words import Contact, Scalar
from nurture.model.workspace import Workspace

Value = Scalar | frozenset[str]

__all__ = ["Expression", "ExpressionError", "Scope", "Value", "is_true", "parse_expression"]


# --- what an expression is asked about ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Scope:
    """What the names of an expression mean. Without an event, ``event.FIELD`` is null."""

    contact: Contact
    event: Mapping[str, Scalar] | None = None
    stage: str | None = None
    workspace: Workspace | None = None

    def with_event(self, data: Mapping[str, Scalar] | None) -> Scope:
        return replace(self, event=data)

    def look_up(self, root: str, name: str) -> Value:
        """The value of ``root.name``; null when it is unset."""
        if root == "contact":
            return _of_contact(self.contact, name)
        if root == "event":
            return self.event.get(name) if self.event is not None else None
        if root == "stage":
            return self.stage
        value = getattr(self.workspace, name) if self.workspace and name in WORKSPACE_FIELDS else None
        return value if isinstance(value, str) else None


def _of_contact(contact: Contact, name: str) -> Value:
    if name == "created_at":
        return contact.created_at.astimezone(UTC).isoformat() if contact.created_at else None
    if name in CONTACT_FIELDS:
        value: Value = getattr(contact, name)
        return value
    return contact.fields.get(name)


Evaluate = Callable[[Scope], Value]


@dataclass(frozen=True, slots=True)
class Expression:
    """A question in its text, its tree, and ready to be asked. Two with the same text are equal."""

    text: str
    tree: Tree = field(compare=False, repr=False)
    evaluate: Evaluate = field(compare=False, repr=False)

    def value(self, scope: Scope) -> Value:
        return self.evaluate(scope)

    def holds(self, scope: Scope) -> bool:
        return is_true(self.evaluate(scope))

    @property
    def references(self) -> tuple[Name, ...]:
        """Every name it mentions, in the order of the text."""
        return tuple(node for node in walk(self.tree) if isinstance(node, Name))

    @property
    def names(self) -> frozenset[str]:
        """``contact.score``, ``event.offer``, ``stage``…"""
        return frozenset(str(name) for name in self.references)

    def __str__(self) -> str:
        return self.text


@lru_cache(maxsize=4096)
def parse_expression(text: str) -> Expression:
    """Read one expression. Raises ExpressionError with the column of the word that is wrong."""
    tree = read_tree(text)
    return Expression(text.strip(), tree, compiled(tree))


# --- the Python backend -------------------------------------------------------------------------------------------


def is_true(value: Value) -> bool:
    """Null, false, zero, the empty text and empty tags are not true; everything else is."""
    return bool(value)


def compiled(tree: Tree) -> Evaluate:
    """The tree as one function of the scope."""
    match tree:
        case Constant(value):
            return lambda scope: value
        case Listing(items):
            return lambda scope: frozenset(item for item in items if isinstance(item, str))
        case Name(root, name):
            return lambda scope: scope.look_up(root, name)
        case Not(operand):
            inner = compiled(operand)
            return lambda scope: not is_true(inner(scope))
        case Every(operands):
            parts = tuple(compiled(operand) for operand in operands)
            return lambda scope: all(is_true(part(scope)) for part in parts)
        case Some(operands):
            parts = tuple(compiled(operand) for operand in operands)
            return lambda scope: any(is_true(part(scope)) for part in parts)
        case IsNull(operand):
            inner = compiled(operand)
            return lambda scope: inner(scope) is None
        case Compare(operator, left, right):
            return _comparison(operator, compiled(left), compiled(right))
        case Within():
            return _membership(tree)
        case Sum(left, right, sign):
            return _sum(compiled(left), compiled(right), sign)


def _comparison(operator: str, left: Evaluate, right: Evaluate) -> Evaluate:
    compare = _COMPARISONS[operator]
    return lambda scope: compare(left(scope), right(scope))


def _equal(left: Value, right: Value) -> bool:
    return _comparable(left, right) and left == right


def _unequal(left: Value, right: Value) -> bool:
    return _comparable(left, right) and left != right


def _below(left: Value, right: Value) -> bool:
    if isinstance(left, str) and isinstance(right, str):
        return left < right
    return _is_number(left) and _is_number(right) and left < right  # type: ignore[operator]


def _comparable(left: Value, right: Value) -> bool:
    """Only values of one type compare; null compares with nothing."""
    if left is None or right is None:
        return False
    return (_is_number(left) and _is_number(right)) or type(left) is type(right)


def _is_number(value: Value) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_COMPARISONS: Mapping[str, Callable[[Value, Value], bool]] = {
    "==": _equal,
    "!=": _unequal,
    "<": _below,
    ">": lambda left, right: _below(right, left),
    "<=": lambda left, right: _below(left, right) or (_orderable(left, right) and left == right),
    ">=": lambda left, right: _below(right, left) or (_orderable(left, right) and left == right),
}


def _orderable(left: Value, right: Value) -> bool:
    return (isinstance(left, str) and isinstance(right, str)) or (_is_number(left) and _is_number(right))


def _membership(tree: Within) -> Evaluate:
    item, negated = compiled(tree.item), tree.negated
    if isinstance(tree.items, Listing):
        choices = tree.items.items
        return lambda scope: _is_among(item(scope), choices, negated)
    container = compiled(tree.items)
    return lambda scope: _is_tagged(item(scope), container(scope), negated)


def _is_among(item: Value, choices: tuple[Scalar, ...], negated: bool) -> bool:
    if item is None:
        return False
    return any(_equal(item, choice) for choice in choices) is not negated


def _is_tagged(item: Value, tags: Value, negated: bool) -> bool:
    """Null tags are empty; anything else that is no set of tags holds nothing and lacks nothing."""
    if not isinstance(item, str) or not isinstance(tags, frozenset | None):
        return False
    return (tags is not None and item in tags) is not negated


EXACT = 2**53
"""Whole numbers up to here are exact in every database; beyond, all of us count in doubles."""


def _sum(left: Evaluate, right: Evaluate, sign: int) -> Evaluate:
    def add(scope: Scope) -> Value:
        first, second = left(scope), right(scope)
        if not _is_number(first) or not _is_number(second):
            return None
        result: float = first + sign * second  # type: ignore[operator, assignment]
        return result if abs(result) <= EXACT else float(result)

    return add
