"""The shape of an expression: a few frozen kinds of node that every backend, Python or SQL, walks alike.

Holds no text and computes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from nurture.model.errors import TextError
from nurture.model.words import Scalar

CONTACT_FIELDS = (
    "email",
    "first_name",
    "last_name",
    "phone",
    "timezone",
    "locale",
    "owner",
    "tags",
    "score",
    "created_at",
)
"""What every contact has, beside the fields a workspace declares."""
WORKSPACE_FIELDS = ("name", "timezone", "currency", "postal_address", "privacy_url")


class ExpressionError(TextError):
    """An expression cannot be read, or asks for more than expressions may."""


@dataclass(frozen=True, slots=True)
class Constant:
    """A number, a text, true, false or none."""

    value: Scalar
    column: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Name:
    """``contact.FIELD``, ``event.FIELD``, ``workspace.FIELD``, or ``stage`` without a ``name``. ``column`` counts from 0."""

    root: str
    name: str = ""
    column: int = field(default=0, compare=False)

    def __str__(self) -> str:
        return f"{self.root}.{self.name}" if self.name else self.root


@dataclass(frozen=True, slots=True)
class Listing:
    """A list of constants, at the right of ``in``."""

    items: tuple[Scalar, ...]


@dataclass(frozen=True, slots=True)
class Not:
    operand: Tree


@dataclass(frozen=True, slots=True)
class Every:
    """``a and b and c``."""

    operands: tuple[Tree, ...]


@dataclass(frozen=True, slots=True)
class Some:
    """``a or b or c``."""

    operands: tuple[Tree, ...]


@dataclass(frozen=True, slots=True)
class Compare:
    """``operator`` is one of ``== != < <= > >=``."""

    operator: str
    left: Tree
    right: Tree


@dataclass(frozen=True, slots=True)
class Within:
    """``item in items``; with ``negated``, ``item not in items``."""

    item: Tree
    items: Listing | Name
    negated: bool = False


@dataclass(frozen=True, slots=True)
class IsNull:
    operand: Tree


@dataclass(frozen=True, slots=True)
class Sum:
    """``left + right``, or with ``sign`` -1 ``left - right``; of numbers only."""

    left: Tree
    right: Tree
    sign: int = 1


Tree = Constant | Name | Listing | Not | Every | Some | Compare | Within | IsNull | Sum


def walk(tree: Tree) -> list[Tree]:
    """The tree's nodes, parents before children, in the order of the text."""
    found: list[Tree] = [tree]
    for child in _children(tree):
        found.extend(walk(child))
    return found


def _children(tree: Tree) -> tuple[Tree, ...]:
    match tree:
        case Not(operand) | IsNull(operand):
            return (operand,)
        case Every(operands) | Some(operands):
            return operands
        case Compare(_, left, right) | Sum(left, right, _) | Within(left, right, _):
            return (left, right)
    return ()
