"""Reads the text of an expression into its tree: Jinja's own parser, then a whitelist of what may stand in it.

Refuses by name what it does not know, with a hint of what to write instead.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from jinja2 import Environment, TemplateSyntaxError, nodes
from jinja2.lexer import Token, TokenStream
from jinja2.parser import Parser

from nurture.model.errors import did_you_mean
from nurture.model.expression_tree import (
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

MAX_LENGTH = 1000
MAX_TOKENS = 250
MAX_DEPTH = 20
MAX_NUMBER = 10**15
MAX_NODES = 1000
"""Of the tree: ``1 < (1 < (1 < x < 2) < 2) < 2`` says what stands in its middle twice, at every level."""

_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
_ROOTS = ("contact", "event", "workspace", "stage")
_OPERATORS = {"eq": "==", "ne": "!=", "lt": "<", "lteq": "<=", "gt": ">", "gteq": ">="}
_OPENING, _CLOSING = ("lparen", "lbracket", "lbrace"), ("rparen", "rbracket", "rbrace")
_ENVIRONMENT = Environment(autoescape=True)  # only its lexer and parser are used; nothing is ever rendered
_REFUSED: dict[type[nodes.Node], tuple[str, str | None]] = {
    nodes.Call: ("calls are not allowed", "compare the value itself"),
    nodes.Filter: ("filters are not allowed", "write 'contact.FIELD is none' to test for an unset field"),
    nodes.Mul: ("'*' is not allowed", "expressions know + and - of numbers"),
    nodes.Div: ("'/' is not allowed", "expressions know + and - of numbers"),
    nodes.FloorDiv: ("'//' is not allowed", "expressions know + and - of numbers"),
    nodes.Mod: ("'%' is not allowed", "expressions know + and - of numbers"),
    nodes.Pow: ("'**' is not allowed", "expressions know + and - of numbers"),
    nodes.Concat: ("joining texts with '~' is not allowed", None),
    nodes.CondExpr: ("'… if … else …' is not allowed", "use a `when` step"),
    nodes.Dict: ("braces are not allowed", None),
    nodes.Slice: ("slices are not allowed", None),
}


def read_tree(text: str) -> Tree:
    """The tree of ``text``. Raises ExpressionError; never runs anything, whatever the text holds."""
    if not text.strip():
        raise ExpressionError(
            "an expression is missing", hint="write a question, such as contact.score >= 40"
        )
    if len(text) > MAX_LENGTH:
        raise ExpressionError(f"an expression has at most {MAX_LENGTH} characters")
    return _Reader(text).tree()


class _Reader:
    """Reads one text. Jinja's nodes carry a line, never a column; here each token's "line" is its column + 1."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.nodes = 0

    def tree(self) -> Tree:
        try:
            parser = Parser(_ENVIRONMENT, "", state="variable")
            parser.stream = TokenStream(iter(list(self._tokens())), None, None)
            root = parser.parse_expression()
            left_over = parser.stream.current
        except TemplateSyntaxError as error:
            raise self._syntax_error(error) from None
        if left_over.type != "eof":
            raise self._left_over(left_over)
        return self._tree(root, 0)

    def _tokens(self) -> Iterator[Token]:
        column, depth, count = 0, 0, 0
        for _, kind, value in _ENVIRONMENT.lexer.tokeniter(self.text, None, state="variable"):
            for token in _ENVIRONMENT.lexer.wrap(iter([(column + 1, kind, value)])):
                depth += (token.type in _OPENING) - (token.type in _CLOSING)
                count += 1
                if depth > MAX_DEPTH or count > MAX_TOKENS:
                    raise ExpressionError("this expression is too long or too deep", column=column)
                yield token
            column += len(value)

    def _syntax_error(self, error: TemplateSyntaxError) -> ExpressionError:
        column = min(error.lineno - 1, len(self.text))
        message = (error.message or "cannot be read").replace("\n", " ")
        if "unexpected char" in message:
            column = int(message.rsplit(" ", 1)[-1]) if message.rsplit(" ", 1)[-1].isdigit() else 0
            character = self.text[column : column + 1]
            if character in ("'", '"'):
                return ExpressionError(
                    "a quote is never closed", column=column, hint="close it with the same quote"
                )
            return ExpressionError(
                f"'{character}' does not belong here", column=column, hint=self._sign(column) or _QUOTES
            )
        if "end of template" in message or error.lineno == 1:
            return ExpressionError("the expression ends too early", column=len(self.text.rstrip()))
        if hint := self._sign(column):
            return ExpressionError(
                f"'{self.text[column : column + 1]}' does not belong here", column=column, hint=hint
            )
        return ExpressionError(f"cannot be read here: {message}", column=column)

    def _sign(self, column: int) -> str | None:
        """What to write for a sign that other languages know, when one stands here."""
        return next(
            (hint for sign, hint in _SIGNS.items() if sign in self.text[max(0, column - 1) : column + 2]),
            None,
        )

    def _left_over(self, token: Token) -> ExpressionError:
        column = token.lineno - 1
        word = self.text[column:].split()[0]
        hints = {"=": "write == to compare", "&": "write and", "|": "write or"}
        hint = _WORDS.get(word.lower()) or hints.get(word[0], "join questions with and, or")
        return ExpressionError(f"'{word}' does not belong here", column=column, hint=hint)

    def _tree(self, node: nodes.Node, depth: int) -> Tree:
        self.nodes += 1
        if depth > MAX_DEPTH or self.nodes > MAX_NODES:
            raise self._error(node, "this expression is too deep")
        match node:
            case nodes.Const():
                return Constant(self._scalar(node), self._column(node))
            case nodes.Neg() | nodes.Pos() | nodes.Add() | nodes.Sub():
                return self._arithmetic(node, depth)
            case nodes.Name() | nodes.Getattr() | nodes.Getitem():
                return self._name(node)
            case nodes.Not():
                return Not(self._tree(node.node, depth + 1))
            case nodes.And():
                return Every(tuple(self._tree(part, depth + 1) for part in _flat(node, nodes.And)))
            case nodes.Or():
                return Some(tuple(self._tree(part, depth + 1) for part in _flat(node, nodes.Or)))
            case nodes.Compare():
                return self._comparisons(node, depth)
            case nodes.Test():
                return self._test(node, depth)
            case nodes.List() | nodes.Tuple():
                raise self._error(node, "a list only stands behind 'in'", "write contact.FIELD in [...]")
        message, hint = _REFUSED.get(type(node), (f"'{type(node).__name__.lower()}' is not allowed", None))
        raise self._error(node, message, hint)

    def _scalar(self, node: nodes.Const) -> Scalar:
        value = node.value
        if isinstance(value, int | float) and not abs(value) <= MAX_NUMBER:
            raise self._error(node, "this number is too large")
        if isinstance(value, str):
            self._refuse_unstorable(node, value)
        assert value is None or isinstance(value, str | int | float | bool)
        return value

    def _refuse_unstorable(self, node: nodes.Node, word: str) -> None:
        """No database can be asked for it: ``"\\x00"`` and half a character, however they are written."""
        if _UNSTORABLE.search(word):
            raise self._error(node, "a text holds a character that no text can hold", "write it without \\")

    def _arithmetic(self, node: nodes.UnaryExpr | nodes.BinExpr, depth: int) -> Tree:
        if isinstance(node, nodes.UnaryExpr):
            operand = self._number(node.node, depth)
            sign = -1 if isinstance(node, nodes.Neg) else 1
            if isinstance(operand, Constant):
                return Constant(sign * operand.value, self._column(node))  # type: ignore[operator]
            return Sum(Constant(0), operand, sign)
        left, right = self._number(node.left, depth), self._number(node.right, depth)
        return Sum(left, right, 1 if isinstance(node, nodes.Add) else -1)

    def _number(self, node: nodes.Node, depth: int) -> Tree:
        tree = self._tree(node, depth + 1)
        if not isinstance(tree, Name | Sum) and not _is_number(tree):
            raise self._error(node, "+ and - only work on numbers")
        return tree

    def _name(self, node: nodes.Name | nodes.Getattr | nodes.Getitem) -> Name:
        if isinstance(node, nodes.Name):
            if node.name == "stage":
                return Name("stage", column=self._column(node))
            raise self._bare_name(node)
        owner = node.node
        name = node.attr if isinstance(node, nodes.Getattr) else _key(node)
        if not isinstance(owner, nodes.Name) or name is None:
            raise self._error(node, "only one name follows the dot", "write contact.FIELD or event.FIELD")
        if owner.name not in _ROOTS or owner.name == "stage":
            raise self._unknown_root(owner)
        self._refuse_unstorable(owner, name)
        if owner.name == "workspace" and name not in WORKSPACE_FIELDS:
            raise self._error(
                node,
                f"the workspace has no '{name}'",
                did_you_mean(name, WORKSPACE_FIELDS) or f"it has {', '.join(WORKSPACE_FIELDS)}",
            )
        return Name(owner.name, name, self._column(owner))

    def _bare_name(self, node: nodes.Name) -> ExpressionError:
        if node.name in _ROOTS:
            return self._error(node, f"'{node.name}' alone is no value", f"write {node.name}.FIELD")
        if node.name in ("now", "today"):
            return self._error(node, "expressions know no clock", "time belongs to time rules: after, on, at")
        if node.name in ("null", "nil", "undefined"):
            return self._error(node, f"'{node.name}' is no name", "write 'contact.FIELD is none'")
        hint = f'write contact.{node.name} or event.{node.name}, or quote a text: "{node.name}"'
        return self._error(node, f"'{node.name}' is no name", hint)

    def _unknown_root(self, node: nodes.Name) -> ExpressionError:
        hint = did_you_mean(node.name, _ROOTS) or "names begin with contact, event or workspace"
        return self._error(node, f"'{node.name}' is no name", hint)

    def _comparisons(self, node: nodes.Compare, depth: int) -> Tree:
        """``a < b < c`` means ``a < b and b < c``."""
        parts: list[Tree] = []
        left = node.expr
        for operand in node.ops:
            parts.append(self._comparison(operand, left, depth))
            left = operand.expr
        return parts[0] if len(parts) == 1 else Every(tuple(parts))

    def _comparison(self, operand: nodes.Operand, left: nodes.Expr, depth: int) -> Tree:
        item = self._comparable(left, depth)
        if operand.op in ("in", "notin"):
            return Within(item, self._items(operand.expr), negated=operand.op == "notin")
        return Compare(_OPERATORS[operand.op], item, self._comparable(operand.expr, depth))

    def _comparable(self, node: nodes.Expr, depth: int) -> Tree:
        tree = self._tree(node, depth + 1)
        if tree == Constant(None):
            raise self._error(node, "nothing is equal to none", "write 'is none' or 'is not none'")
        return tree

    def _items(self, node: nodes.Expr) -> Listing | Name:
        if isinstance(node, nodes.List | nodes.Tuple):
            items = [self._tree(item, 0) for item in node.items]
            for item, read in zip(node.items, items, strict=True):
                if not isinstance(read, Constant):
                    column = read.column if isinstance(read, Name) else self._column(item)
                    raise ExpressionError(
                        "a list holds plain texts and numbers", column=column, hint='write ["a", "b"]'
                    )
            return Listing(tuple(item.value for item in items if isinstance(item, Constant)))
        if isinstance(node, nodes.Name | nodes.Getattr | nodes.Getitem):
            return self._name(node)
        raise self._error(
            node, "'in' looks in a list or in contact.tags", 'write contact.FIELD in ["a", "b"]'
        )

    def _test(self, node: nodes.Test, depth: int) -> Tree:
        if node.name != "none" or node.args or node.kwargs:
            raise self._error(
                node, f"'is {node.name}' is not allowed", "the only test is 'is none' or 'is not none'"
            )
        return IsNull(self._tree(node.node, depth + 1))

    def _column(self, node: nodes.Node) -> int:
        return node.lineno - 1

    def _error(self, node: nodes.Node, message: str, hint: str | None = None) -> ExpressionError:
        return ExpressionError(message, column=self._column(node), hint=hint)


_SIGNS = {"&&": "write and", "||": "write or", "<>": "write != for what differs"}
_WORDS = {
    "and": "write 'and' in small letters",
    "or": "write 'or' in small letters",
    "contains": 'write "client" in contact.tags',
}
_QUOTES = "texts stand in double quotes, names are contact.FIELD or event.FIELD"


def _is_number(tree: Tree) -> bool:
    return (
        isinstance(tree, Constant)
        and isinstance(tree.value, int | float)
        and not isinstance(tree.value, bool)
    )


def _key(node: nodes.Getitem) -> str | None:
    """``contact["plan"]`` is ``contact.plan``; anything but a plain text is refused."""
    if isinstance(node.arg, nodes.Const) and isinstance(node.arg.value, str):
        return node.arg.value
    return None


def _flat(node: nodes.BinExpr, kind: type[nodes.BinExpr]) -> list[nodes.Node]:
    """``a and b and c`` as a list; Jinja nests it to the left."""
    parts: list[nodes.Node] = []
    current: nodes.Node = node
    while isinstance(current, kind):
        parts.append(current.right)
        current = current.left
    return [current, *reversed(parts)]
