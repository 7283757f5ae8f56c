"""The room in which templates run: values go in, text comes out, and nothing else can be reached from inside.

No methods, no calls, no arithmetic, no files, no other templates: a name is looked up in plain dicts and lists only.
What is allowed is a list of syntax nodes; whatever is not on it is refused before anything runs, also in constants,
which Jinja would otherwise work out while it compiles.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from time import monotonic

from jinja2 import StrictUndefined, TemplateSyntaxError, nodes
from jinja2.runtime import Context, LoopContext, Undefined
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import pass_context

from nurture.model.errors import Place, Problem, did_you_mean
from nurture.rendering import limits
from nurture.rendering.filters import FILTERS

NAMES = frozenset(
    {"answers", "contact", "event", "links", "marketing", "offer", "owner", "stage", "workspace"}
)
"""What a template may begin a name with; ``render.py`` says what each holds."""
PAGE_NAMES = frozenset({"body", "footer", "offer", "page", "styles", "title", "workspace"})
"""What the frame of a public page may begin a name with; ``own_pages.py`` says what each holds."""
LAYOUT_NAMES = frozenset({"body", "preheader", "subject"})
"""What a layout may use beside them."""

_TESTS = frozenset({"defined", "none", "undefined"})
_LOOP_WORDS = frozenset({"index", "index0", "first", "last", "length", "revindex", "revindex0"})
_PLAIN = (
    *(nodes.Template, nodes.Output, nodes.TemplateData, nodes.If, nodes.For, nodes.Name, nodes.Getattr),
    *(
        nodes.Getitem,
        nodes.Const,
        nodes.And,
        nodes.Or,
        nodes.Not,
        nodes.Compare,
        nodes.Operand,
        nodes.CondExpr,
    ),
    *(nodes.Filter, nodes.Test, nodes.List, nodes.Keyword, nodes.Neg),
)
_REFUSED = {
    nodes.Call: "calls nothing: values only, no functions or methods",
    nodes.Assign: "sets nothing: work it out before, in a field",
    nodes.AssignBlock: "sets nothing: work it out before, in a field",
    nodes.Include: "includes nothing here",
    nodes.Extends: "extends nothing: name a `layout:` at the top",
    nodes.Block: "has no blocks: a layout holds {{ body }} once",
    nodes.Import: "imports nothing",
    nodes.FromImport: "imports nothing",
    nodes.Macro: "defines no macros",
    nodes.Concat: "joins no texts with ~: write the two after each other",
}


@dataclass(frozen=True, slots=True, order=True)
class Variable:
    """A name that a template looks up, such as ``contact.first_name``, and where.

    ``bare`` when it is printed as it is, outside an ``if`` that asks for it: when empty, the message cannot be rendered.
    """

    path: str
    place: Place
    bare: bool


class NothingToPrintError(ValueError):
    """A value that should be printed is empty; ``path`` says which."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path


class TooMuchError(ValueError):
    """A loop or an output beyond the limits."""


class Room(ImmutableSandboxedEnvironment):
    """Jinja with lookups cut down to items, so that ``contact.items`` is a field and never a method."""

    def getattr(self, obj: object, attribute: str) -> object:
        """The item of that name; a loop has a few words of its own."""
        if type(obj) is dict:
            try:
                return obj[attribute]
            except KeyError:
                return self.undefined(obj=obj, name=attribute)
        if isinstance(obj, LoopContext) and attribute in _LOOP_WORDS:
            found: object = getattr(obj, attribute)
            return found
        return self.undefined(obj=obj, name=attribute)

    def getitem(self, obj: object, argument: object) -> object:
        """The item of that key or position."""
        if isinstance(obj, Undefined):
            return obj[argument]  # which raises, and says its name
        if type(obj) in (dict, list, tuple):
            try:
                found: object = obj[argument]  # type: ignore[index]
            except (LookupError, TypeError):
                pass
            else:
                return found
        return self.undefined(obj=obj, name=str(argument))


@pass_context
def counted(context: Context, items: Iterable[object]) -> Iterator[object]:
    """A loop's items; stops the rendering when all loops together take too many rounds or too long."""
    if not isinstance(items, (list, tuple, set, frozenset)):
        raise TypeError("only lists can be gone through")
    budget: Budget = context["_budget"]
    for item in in_order(items):
        budget.spend()
        yield item


@dataclass(slots=True)
class Budget:
    """What one rendering may still use up."""

    rounds: int
    until: float

    def spend(self) -> None:
        self.rounds -= 1
        if self.rounds < 0:
            raise TooMuchError(f"its loops take more than {limits.ROUNDS} rounds")
        if monotonic() > self.until:
            raise TooMuchError(f"it takes longer than {limits.SECONDS:g} s")


def fresh_budget() -> Budget:
    return Budget(limits.ROUNDS, monotonic() + limits.SECONDS)


def printed(value: object, path: str, bare: bool) -> object:
    """The value as people read it: whole numbers without ``.0``, yes and no, lists with commas; an empty one stops the message."""
    if type(value) is str:
        if bare and not value.strip():
            raise NothingToPrintError(path)
        return value
    if value is None:
        raise NothingToPrintError(path)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, (list, tuple, set, frozenset)):
        return ", ".join(map(str, in_order(value)))
    return value


def given(value: object, path: str) -> object:
    """The value for a filter to work on; an empty one stops the message, since a filter would print ``None``."""
    if value is None or (isinstance(value, str) and not value.strip()):
        raise NothingToPrintError(path)
    return in_order(value) if isinstance(value, (set, frozenset)) else value


def in_order(items: Iterable[object]) -> list[object]:
    """A list as it is; a set by its words, since a set has no order and two messages must not differ by chance."""
    return sorted(items, key=str) if isinstance(items, (set, frozenset)) else list(items)


_SAFE_TARGET = re.compile(r"(?:https?://|mailto:|tel:)", re.IGNORECASE)


def link_target(value: object) -> object:
    """A link's target as it is, if a click on it can only open a page, a mail or a call."""
    if isinstance(value, str) and not _SAFE_TARGET.match(value):
        raise ValueError("a link begins with https://, http://, mailto: or tel:")
    return value


def make_room(*, autoescape: bool) -> Room:
    """One room for HTML (escaped), one for plain text (as it is)."""
    room = Room(undefined=StrictUndefined, autoescape=autoescape, cache_size=0, keep_trailing_newline=True)
    room.globals.clear()
    room.filters = {
        **FILTERS,
        "_counted": counted,
        "_printed": printed,
        "_given": given,
        "_link": link_target,
    }
    room.tests = {name: test for name, test in room.tests.items() if name in _TESTS}
    return room


def parse(room: Room, text: str) -> nodes.Template:
    """The syntax tree of ``text``. Raises TemplateSyntaxError, also for what is nested too deep to read."""
    try:
        return room.parse(text)
    except RecursionError:
        raise TemplateSyntaxError("is nested too deep to read", 1) from None
    except ValueError:  # Python reads no number of more than 4,300 digits
        raise TemplateSyntaxError("holds a number with too many digits", 1) from None


def inspect(
    tree: nodes.Template, file: str, known: frozenset[str], *, partials: bool = False
) -> tuple[list[Problem], list[Variable]]:
    """Everything in ``tree`` that a template may not hold, and every name it looks up beside its own loops' names.

    ``partials``: whether it may still hold tags that are to be replaced by a partial before it is compiled.
    Raises TemplateSyntaxError for what is nested too deep to look through.
    """
    inspection = _Inspection(file, known, partials, [], [])
    try:
        inspection.visit(tree, _Here(frozenset(), frozenset(), 0, 0))
    except RecursionError:
        raise TemplateSyntaxError("is nested too deep to read", 1) from None
    return inspection.problems, inspection.variables


def guard(tree: nodes.Template, links: frozenset[int]) -> None:
    """Make every printed value and every loop of ``tree`` go through ``printed`` and ``counted``.

    ``links`` are the lines whose value is a link's target: it goes through ``link_target`` too.
    """
    for output in list(tree.find_all(nodes.Output)):
        output.nodes = [_guarded(child, links) for child in output.nodes]
    for loop in tree.find_all(nodes.For):
        assert isinstance(loop.iter, nodes.Expr)
        loop.iter = _filtered(loop.iter, "_counted")
    assert tree.environment is not None
    tree.set_environment(tree.environment)


def _guarded(node: nodes.Expr, links: frozenset[int]) -> nodes.Expr:
    if isinstance(node, nodes.TemplateData):
        return node
    path = path_of(node)
    if path is None and (looked_up := bare_path(node)) is not None:
        innermost = node
        while isinstance(innermost, nodes.Filter) and isinstance(innermost.node, nodes.Filter):
            innermost = innermost.node
        assert isinstance(innermost, nodes.Filter)
        assert innermost.node is not None
        innermost.node = _filtered(innermost.node, "_given", nodes.Const(looked_up))
    if node.lineno in links:
        node = _filtered(node, "_link")
    return _filtered(node, "_printed", nodes.Const(path or _paths_in(node)), nodes.Const(path is not None))


def _filtered(node: nodes.Expr, name: str, *arguments: nodes.Expr) -> nodes.Filter:
    return nodes.Filter(node, name, list(arguments), [], None, None, lineno=node.lineno)


def _paths_in(node: nodes.Expr) -> str:
    paths = {path for path in map(path_of, (node, *node.find_all(nodes.Expr))) if path}
    longest = (path for path in sorted(paths) if not any(other.startswith(f"{path}.") for other in paths))
    return " or ".join(longest) or "what is printed here"


def bare_path(node: nodes.Expr) -> str | None:
    """The name that is printed as it is, filters aside (``default`` excepted, which has a word for nothing)."""
    while isinstance(node, nodes.Filter) and node.name != "default" and node.node is not None:
        node = node.node
    return path_of(node)


def path_of(node: nodes.Node) -> str | None:
    """``contact.first_name`` for a plain lookup; None for anything else."""
    if isinstance(node, nodes.Name):
        return node.name
    if isinstance(node, nodes.Getattr):
        before = path_of(node.node)
        return f"{before}.{node.attr}" if before else None
    if isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Const):
        before = path_of(node.node)
        return f"{before}.{node.arg.value}" if before else None
    return None


@dataclass(frozen=True, slots=True)
class _Here:
    """What surrounds a node: the loops' names, the names an ``if`` asks for, and how deep it stands."""

    local: frozenset[str]
    asked: frozenset[str]
    tags: int
    depth: int


@dataclass(slots=True)
class _Inspection:
    file: str
    known: frozenset[str]
    partials: bool
    problems: list[Problem]
    variables: list[Variable]

    def visit(self, node: nodes.Node, here: _Here) -> None:
        if here.depth > limits.EXPRESSION_DEPTH or here.tags > limits.TAG_DEPTH:
            self._refuse(node, "template-too-big", "is nested too deep")
            return
        if isinstance(node, nodes.Include) and self.partials:
            self._visit_include(node)
        elif type(node) in _REFUSED:
            self._refuse(node, "template-not-allowed", _REFUSED[type(node)])
        elif isinstance(node, nodes.Tuple) or not isinstance(node, _PLAIN):
            self._refuse(
                node,
                "template-not-allowed",
                "holds logic beyond `if` and `for`",
                hint="work it out before, in a field",
            )
        elif isinstance(node, (nodes.If, nodes.For)):
            self._visit_tag(node, here)
        elif (path := path_of(node)) is not None:
            self._look_up(node, path, here, bare=False)
        else:
            self._visit_expression(node, here)

    def _visit_tag(self, node: nodes.If | nodes.For, here: _Here) -> None:
        inner = _Here(here.local, here.asked, here.tags + 1, 0)
        if isinstance(node, nodes.If):
            self.visit(node.test, inner)
            asked = _Here(here.local, here.asked | _asked_for(node.test), here.tags + 1, 0)
            self._visit_all(node.body, asked)
            for other in node.elif_:
                self.visit(other, here)
            self._visit_all(node.else_, inner)
            return
        if node.recursive or not isinstance(node.target, nodes.Name):
            self._refuse(node, "template-not-allowed", "holds a loop that is more than `for ITEM in LIST`")
            return
        self.visit(node.iter, inner)
        looped = _Here(here.local | {node.target.name, "loop"}, here.asked, here.tags + 1, 0)
        if node.test is not None:
            self.visit(node.test, looped)
        self._visit_all(node.body, looped)
        self._visit_all(node.else_, inner)

    def _visit_include(self, node: nodes.Include) -> None:
        literal = isinstance(node.template, nodes.Const) and isinstance(node.template.value, str)
        if not literal or node.ignore_missing or not node.with_context:
            hint = 'write {% include "partials/NAME.html" %}'
            self._refuse(node, "template-not-allowed", "includes a partial by its name only", hint=hint)

    def _visit_expression(self, node: nodes.Node, here: _Here) -> None:
        if isinstance(node, nodes.Filter) and node.name not in FILTERS:
            hint = did_you_mean(node.name, set(FILTERS)) or f"known are {', '.join(sorted(FILTERS))}"
            self._refuse(node, "template-not-allowed", f"knows no filter {node.name!r}", hint=hint)
        if isinstance(node, nodes.Test) and node.name not in _TESTS:
            self._refuse(
                node,
                "template-not-allowed",
                f"knows no test {node.name!r}",
                hint="known are defined, undefined, none",
            )
        if isinstance(node, nodes.List) and len(node.items) > limits.LITERAL:
            self._refuse(node, "template-too-big", f"holds at most {limits.LITERAL} items in one list")
            return
        if isinstance(node, (nodes.Getattr, nodes.Getitem)):
            self._refuse(node, "template-not-allowed", "looks up fields by their names only")
        if isinstance(node, nodes.Neg) and not isinstance(node.node, nodes.Const):
            self._refuse(
                node, "template-not-allowed", "reckons nothing", hint="work it out before, in a field"
            )
        if isinstance(node, nodes.Output):
            for child in node.nodes:
                self._visit_printed(child, here)
            return
        deeper = (
            here
            if isinstance(node, nodes.Template)
            else _Here(here.local, here.asked, here.tags, here.depth + 1)
        )
        self._visit_all(node.iter_child_nodes(), deeper)

    def _visit_printed(self, node: nodes.Expr, here: _Here) -> None:
        path = bare_path(node)
        if path_of(node) is None:
            self.visit(node, here)
        if path is not None:
            self._look_up(node, path, here, bare=path not in here.asked)

    def _visit_all(self, children: Iterable[nodes.Node], here: _Here) -> None:
        for child in children:
            self.visit(child, here)

    def _look_up(self, node: nodes.Node, path: str, here: _Here, *, bare: bool) -> None:
        root, *rest = path.split(".")
        if any(word.startswith("_") for word in (root, *rest)):
            self._refuse(node, "template-not-allowed", f"cannot look up {path!r}: names begin with a letter")
        elif root not in here.local and root not in self.known:
            hint = did_you_mean(root, self.known) or f"known are {', '.join(sorted(self.known))}"
            self._refuse(node, "template-unknown-name", f"knows no {root!r}", hint=hint)
        elif root not in here.local:
            self.variables.append(Variable(path, Place(self.file, node.lineno), bare))

    def _refuse(self, node: nodes.Node, code: str, message: str, *, hint: str | None = None) -> None:
        # Some nodes do not know their line, but what is in them does.
        line = node.lineno or next((inner.lineno for inner in node.find_all(nodes.Node) if inner.lineno), 1)
        self.problems.append(Problem(Place(self.file, line), code, f"a template {message}", hint))


def _asked_for(test: nodes.Node) -> frozenset[str]:
    """The names that are surely not empty where ``test`` holds: it is one, or an ``and`` of some."""
    if isinstance(test, nodes.And):
        return _asked_for(test.left) | _asked_for(test.right)
    path = path_of(test)
    return frozenset({path}) if path else frozenset()
