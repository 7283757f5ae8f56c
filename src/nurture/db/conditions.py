"""A question about contacts as one condition over their table: it means in SQL exactly what ``model.expressions`` means.

Refuses ``event.FIELD`` and ``stage``: a contact has many events, and stands in many stages or none. Every value travels as
a parameter. A value whose type only its row knows is three columns, of which at most one is not null.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Text, and_, case, cast, false, literal, not_, or_, true
from sqlalchemy.types import Double, Integer

from nurture.db.json_values import by_codepoint, iso_text, json_number, json_text, json_truth
from nurture.db.sets import holds_word
from nurture.db.tables import ContactRow, table_of
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
)
from nurture.model.words import Scalar
from nurture.model.workspace import Workspace

CONTACTS = table_of(ContactRow)
Condition = ColumnElement[bool]


@dataclass(frozen=True, slots=True)
class Cell:
    """A value as columns by type: null where the value is of another type, None where no value can be of it."""

    text: ColumnElement[str] | None = None
    number: ColumnElement[float] | None = None
    truth: ColumnElement[int] | None = None
    """1 or 0: what one database calls true is a number to the other."""
    tags: bool = False
    """It is ``contact.tags``: a set, and never null."""

    @property
    def facets(self) -> tuple[ColumnElement[Any], ...]:
        return tuple(one for one in (self.text, self.number, self.truth) if one is not None)


NULL = Cell()


def condition(tree: Tree, workspace: Workspace) -> Condition:
    """Which contacts the expression is true for; never null. Raises ExpressionError for names that contacts do not have."""
    match tree:
        case Not(operand):
            return not_(condition(operand, workspace))
        case Every(operands):
            return and_(*(condition(operand, workspace) for operand in operands))
        case Some(operands):
            return or_(*(condition(operand, workspace) for operand in operands))
        case IsNull(operand):
            return _is_null(cell(operand, workspace))
        case Compare(sign, left, right):
            return _COMPARISONS[sign](cell(left, workspace), cell(right, workspace))
        case Within(item, Listing(choices), negated):
            return _is_among(cell(item, workspace), choices, negated)
        case Within(item, items, negated):
            return _is_tagged(cell(item, workspace), cell(items, workspace), negated)
    return _is_true(cell(tree, workspace))


def cell(tree: Tree, workspace: Workspace) -> Cell:
    """The value of the expression, by type. Raises ExpressionError."""
    match tree:
        case Constant(value):
            return _constant(value)
        case Name():
            return _named(tree, workspace)
        case Sum(left, right, sign):
            return _sum(cell(left, workspace), cell(right, workspace), sign)
        case Listing():
            raise ExpressionError("a list only stands behind 'in'")
    return Cell(truth=case((condition(tree, workspace), 1), else_=0))


# --- values -------------------------------------------------------------------------------------------------------


def _constant(value: Scalar) -> Cell:
    match value:
        case None:
            return NULL
        case bool():
            return Cell(truth=literal(int(value), Integer))
        case str():
            return Cell(text=literal(value, Text))
        case _:
            return Cell(number=literal(float(value), Double))


def _named(name: Name, workspace: Workspace) -> Cell:
    if name.root == "workspace":
        value = getattr(workspace, name.name) if name.name in WORKSPACE_FIELDS else None
        return _constant(value if isinstance(value, str) else None)
    if name.root != "contact":
        raise ExpressionError(
            f"'{name}' is unknown here: this asks about contacts alone",
            column=name.column,
            hint="ask about contact.FIELD; what happened is for triggers, waits and `where` behind an event",
        )
    return contact_cell(name.name)


def contact_cell(name: str) -> Cell:
    """The value of ``contact.NAME``, by type."""
    if name == "tags":
        return Cell(tags=True)
    if name == "score":
        return Cell(number=CONTACTS.c.score)
    if name == "created_at":
        return Cell(text=iso_text(CONTACTS.c.created_at))
    if name in CONTACT_FIELDS:
        return Cell(text=CONTACTS.c[name])
    if '"' in name or "\\" in name:
        return NULL  # no field is called so, and SQLite could not look it up
    fields = CONTACTS.c.fields
    return Cell(json_text(fields, name), json_number(fields, name), json_truth(fields, name))


def _sum(left: Cell, right: Cell, sign: int) -> Cell:
    if left.number is None or right.number is None:
        return NULL
    return Cell(number=left.number + right.number if sign > 0 else left.number - right.number)


# --- questions ----------------------------------------------------------------------------------------------------


def _is_true(value: Cell) -> Condition:
    parts = []
    if value.text is not None:
        parts.append(_surely(value.text != ""))
    if value.number is not None:
        parts.append(_surely(value.number != 0))
    if value.truth is not None:
        parts.append(_surely(value.truth == 1))
    if value.tags:
        parts.append(_any_tags())
    return or_(false(), *parts)


def _any_tags() -> Condition:
    return cast(CONTACTS.c.tags, Text) != "[]"


def _is_null(value: Cell) -> Condition:
    return false() if value.tags else and_(true(), *(one.is_(None) for one in value.facets))


Operator = Callable[[Any, Any], Any]


def _equal(left: Cell, right: Cell) -> Condition:
    return or_(_same_type(operator.eq, left, right), true() if left.tags and right.tags else false())


def _unequal(left: Cell, right: Cell) -> Condition:
    return _same_type(operator.ne, left, right)


def _same_type(compare: Operator, left: Cell, right: Cell) -> Condition:
    """Only values of one type compare; null compares with nothing."""
    return or_(false(), *(_surely(compare(*pair)) for pair in _pairs(left, right)))


def _pairs(left: Cell, right: Cell) -> Iterator[tuple[ColumnElement[Any], ColumnElement[Any]]]:
    for one, other in (
        (left.text, right.text),
        (left.number, right.number),
        (left.truth, right.truth),
    ):
        if one is not None and other is not None:
            yield one, other


def _ordered(compare: Operator) -> Callable[[Cell, Cell], Condition]:
    """Texts by their letters, numbers by size; nothing else has an order."""

    def holds(left: Cell, right: Cell) -> Condition:
        parts = []
        if left.text is not None and right.text is not None:
            parts.append(_surely(compare(by_codepoint(left.text), by_codepoint(right.text))))
        if left.number is not None and right.number is not None:
            parts.append(_surely(compare(left.number, right.number)))
        return or_(false(), *parts)

    return holds


_COMPARISONS: dict[str, Callable[[Cell, Cell], Condition]] = {
    "==": _equal,
    "!=": _unequal,
    "<": _ordered(operator.lt),
    ">": _ordered(operator.gt),
    "<=": _ordered(operator.le),
    ">=": _ordered(operator.ge),
}


def _is_among(item: Cell, choices: tuple[Scalar, ...], negated: bool) -> Condition:
    """Each column stands once, however many choices there are: one question may be the item of another."""
    listed = [_constant(choice) for choice in choices]
    parts = [
        _is_one_of(column, own, negated)
        for column, own in (
            (item.text, [one.text for one in listed if one.text is not None]),
            (item.number, [one.number for one in listed if one.number is not None]),
            (item.truth, [one.truth for one in listed if one.truth is not None]),
        )
        if column is not None
    ]
    return or_(true() if item.tags and negated else false(), *parts)


def _is_one_of(column: ColumnElement[Any], own: Sequence[ColumnElement[Any]], negated: bool) -> Condition:
    """Among the choices of its own type; with ``negated`` it is there, and none of them."""
    if not own:
        return column.is_not(None) if negated else false()
    return _surely(column.not_in(own) if negated else column.in_(own))


def _is_tagged(item: Cell, tags: Cell, negated: bool) -> Condition:
    """Null tags are empty; anything else that is no set of tags holds nothing and lacks nothing."""
    if item.text is None:
        return false()
    if not tags.tags:
        return and_(item.text.is_not(None), _is_null(tags)) if negated else false()
    found = _surely(holds_word(CONTACTS.c.tags, item.text))
    return and_(item.text.is_not(None), not_(found)) if negated else found


def _surely(question: Any) -> Condition:
    """False where the question itself is null."""
    asked: Condition = case((question, 1), else_=0) == 1
    return asked
