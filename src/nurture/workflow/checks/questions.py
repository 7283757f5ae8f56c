"""Do questions ask about fields that exist, and compare things that can ever be equal?"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from enum import StrEnum

from nurture.model.errors import Place, Problem, TextError, did_you_mean
from nurture.model.expression_tree import (
    CONTACT_FIELDS,
    Compare,
    Constant,
    Every,
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
from nurture.model.workspace import Field, FieldType, Workspace
from nurture.steps.call_task import OUTCOMES
from nurture.steps.set import kept_value
from nurture.workflow.checks.codes import problem
from nurture.workflow.checks.events import near_miss
from nurture.workflow.checks.lines import Question, questions
from nurture.workflow.project import Project

SETTABLE = (
    "first_name",
    "last_name",
    "phone",
    "timezone",
    "locale",
    "owner",
    "score",
    "add_tag",
    "remove_tag",
)


class Type(StrEnum):
    """What a value is, as far as it is known beforehand; dates and choices are texts that hold only some words."""

    NUMBER = "a number"
    TEXT = "a text"
    YES_NO = "yes or no"
    DATE = "a date"
    CHOICE = "one of a few words"
    TAGS = "a set of tags"


_TOLD = {
    "offer": ("offer",),
    "call": ("outcome", "minutes"),
    "consent": ("purpose",),
    "sale": ("amount", "kind"),
}
"""What our own events tell, by the first word of their names; they may tell more, but hardly anything so alike."""
_TEXTS = (Type.TEXT, Type.DATE, Type.CHOICE)
_OF_FIELD = {
    FieldType.TEXT: Type.TEXT,
    FieldType.NUMBER: Type.NUMBER,
    FieldType.BOOL: Type.YES_NO,
    FieldType.DATE: Type.DATE,
    FieldType.CHOICE: Type.CHOICE,
}


def senseless_questions(project: Project) -> Iterator[Problem]:
    """Every question that names what is not there, or whose answer could be given beforehand."""
    if project.workspace is None:
        return
    for question in questions(project):
        yield from _Asked(question, project, project.workspace).problems()


class _Asked:
    """One question, with what its names may be."""

    def __init__(self, question: Question, project: Project, workspace: Workspace) -> None:
        self.question = question
        self.project = project
        self.workspace = workspace

    def problems(self) -> Iterator[Problem]:
        tree = self.question.expression.tree
        for node in walk(tree):
            match node:
                case Name():
                    yield from self._unknown(node)
                case Compare():
                    yield from self._compared(node)
                case Within():
                    yield from self._within(node)
                case Sum(left, right, _):
                    yield from self._not_a_number(left)
                    yield from self._not_a_number(right)
        if self.question.sets is not None:
            yield from self._set(self.question.sets, tree)
        elif not self.question.expression.references and not self.question.tells:
            yield problem(
                "always-same",
                self.question.at(0),
                f"'{self.question.expression}' is the same for everyone",
                "ask about a field of the contact or the event, or leave the condition out",
            )

    def _unknown(self, name: Name) -> Iterator[Problem]:
        place = self.question.at(name.column)
        if name.root in ("event", "stage") and not self.question.knows_events:
            yield problem("not-here", place, f"'{name}' has no meaning here", "ask about the contact only")
        told = _TOLD.get((self.question.event or "").partition(".")[0], ())
        if name.root == "event" and name.name not in told and (near := near_miss(name.name, told)):
            yield problem("unknown-field", place, f"'{self.question.event}' tells no '{name.name}'", near)
        known = (*CONTACT_FIELDS, *self.workspace.fields)
        if name.root == "contact" and name.name not in known:
            hint = did_you_mean(name.name, known) or "declare it under [fields] in nurture.toml"
            yield problem("unknown-field", place, f"contacts have no field '{name.name}'", hint)

    # --- comparisons --------------------------------------------------------------------------------------------

    def _compared(self, node: Compare) -> Iterator[Problem]:
        left, right = self._type(node.left), self._type(node.right)
        ordered = node.operator not in ("==", "!=")
        at = self._at(node.left, node.right)
        if Type.TAGS in (left, right):
            yield problem("never-true", at, "tags are a set", 'write "client" in contact.tags')
        elif ordered and Type.YES_NO in (left, right):
            yield problem(
                "never-true", at, "yes and no have no order", "write 'contact.FIELD' or 'not contact.FIELD'"
            )
        elif left and right and not _comparable(left, right):
            yield problem("never-true", at, f"{left} and {right} are never alike", self._type_hint(node))
        else:
            yield from self._known_word(node.left, node.right)
            yield from self._known_word(node.right, node.left)

    def _type_hint(self, node: Compare) -> str | None:
        asked = next((side for side in (node.left, node.right) if isinstance(side, Name)), None)
        if asked is not None and self._type(asked) is Type.YES_NO:
            return f"write '{asked}' or 'not {asked}'"
        if asked is not None and self._type(asked) is Type.NUMBER:
            return "write the number without quotes"
        return None

    def _within(self, node: Within) -> Iterator[Problem]:
        if isinstance(node.items, Listing):
            for value in node.items.items:
                yield from self._compared(Compare("==", node.item, Constant(value, self._column(node.item))))
        elif (kind := self._type(node.items)) not in (None, Type.TAGS):
            hint = 'write contact.FIELD in ["a", "b"]'
            yield problem(
                "never-true", self.question.at(node.items.column), f"{node.items} is {kind}, no set", hint
            )
        elif kind is Type.TAGS and self._type(node.item) not in (None, *_TEXTS):
            yield problem("never-true", self._at(node.item), "tags are texts", "put the tag in quotes")

    def _known_word(self, asked: Tree, value: Tree) -> Iterator[Problem]:
        """``contact.plan == "plsu"``: the words that may stand here are known."""
        if not isinstance(asked, Name) or not isinstance(value, Constant) or not isinstance(value.value, str):
            return
        word, place = value.value, self.question.at(value.column)
        field = self.workspace.fields.get(asked.name) if asked.root == "contact" else None
        if field and field.type is FieldType.CHOICE and field.is_known and word not in field.choices:
            hint = did_you_mean(word, field.choices) or f"it is one of {', '.join(field.choices)}"
            yield problem("unknown-choice", place, f"'{asked}' is never '{word}'", hint)
        if field and field.type is FieldType.DATE and not _is_date(word):
            yield problem("never-true", place, f"'{word}' is no date", "write it as 2026-03-02")
        if asked.root == "stage":
            yield from self._missing("stage", word, self._stages(), value)
        if (
            asked.root == "event"
            and asked.name == "offer"
            and (self.question.event or "").startswith("offer.")
        ):
            yield from self._missing("offer", word, tuple(self.project.names("offer")), value)
        if str(asked) == "event.outcome" and self.question.event == "call.outcome":
            yield from self._missing("outcome", word, (*OUTCOMES, *self.workspace.outcomes), value)

    def _missing(self, kind: str, word: str, known: tuple[str, ...], value: Constant) -> Iterator[Problem]:
        if word not in known:
            message, hint = f"there is no {kind} '{word}'", did_you_mean(word, known)
            yield problem(f"unknown-{kind}", self.question.at(value.column), message, hint)

    def _stages(self) -> tuple[str, ...]:
        draft = self.question.draft
        return tuple(stage.name for stage in draft.workflow.stages) if draft else ()

    # --- set ----------------------------------------------------------------------------------------------------

    def _set(self, name: str, tree: Tree) -> Iterator[Problem]:
        place = self.question.at(0)
        field = self.workspace.fields.get(name)
        if field is None and name not in SETTABLE:
            hint = (
                did_you_mean(name, (*SETTABLE, *self.workspace.fields))
                or "declare it under [fields] in nurture.toml"
            )
            code = "not-settable" if name in CONTACT_FIELDS else "unknown-field"
            yield problem(code, place, f"a step cannot set '{name}'", hint)
            return
        if field is not None and not field.is_known:
            return
        wanted = _OF_FIELD[field.type] if field else Type.NUMBER if name == "score" else Type.TEXT
        given = self._type(tree)
        if given and not _comparable(wanted, given):
            yield problem(
                "never-true", place, f"'{name}' is {wanted}, and this is {given}", _quote_hint(given, tree)
            )
        elif name == "timezone" and isinstance(tree, Constant):
            yield from self._cannot_keep(name, tree)
        yield from self._known_word(Name("contact", name), tree)

    def _cannot_keep(self, name: str, given: Constant) -> Iterator[Problem]:
        """What the step itself would leave as it was, for every contact."""
        try:
            kept_value(name, given.value, self.workspace)
        except TextError as error:
            yield problem("bad-value", self.question.at(0), error.message, error.hint)

    # --- types --------------------------------------------------------------------------------------------------

    def _type(self, tree: Tree) -> Type | None:
        match tree:
            case Constant(bool()):
                return Type.YES_NO
            case Constant(int() | float()) | Sum():
                return Type.NUMBER
            case Constant(str()):
                return Type.TEXT
            case Name("contact", "tags"):
                return Type.TAGS
            case Name("contact", "score"):
                return Type.NUMBER
            case Name("contact", name):
                field: Field | None = self.workspace.fields.get(name)
                if field is not None:
                    return _OF_FIELD[field.type] if field.is_known else None
                return Type.TEXT if name in CONTACT_FIELDS else None
            case Name("stage" | "workspace"):
                return Type.TEXT
            case Not() | Every() | Some() | Compare() | Within() | IsNull():
                return Type.YES_NO
        return None

    def _not_a_number(self, tree: Tree) -> Iterator[Problem]:
        kind = self._type(tree)
        if kind not in (None, Type.NUMBER):
            yield problem("never-true", self._at(tree), f"{kind} cannot be added or subtracted")

    def _column(self, tree: Tree) -> int:
        return next((node.column for node in walk(tree) if isinstance(node, Name | Constant)), 0)

    def _at(self, *trees: Tree) -> Place:
        return self.question.at(self._column(trees[0]))


def _comparable(left: Type, right: Type) -> bool:
    return left is right or (left in _TEXTS and right in _TEXTS)


def _is_date(word: str) -> bool:
    try:
        date.fromisoformat(word[:10])
    except ValueError:
        return False
    return True


def _quote_hint(given: Type, tree: Tree) -> str | None:
    return (
        "put the word in double quotes inside the value"
        if given is Type.YES_NO and isinstance(tree, Constant)
        else None
    )
