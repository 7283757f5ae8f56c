"""What another system hands over at once: a list that is taken whole, or not at all with everything that is wrong in it.

Knows shapes (which keys, which kinds of values); whether a contact or an event exists is asked by whoever takes the list.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Annotated, Generic, Literal, ParamSpec, TypeVar

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    PlainValidator,
    StringConstraints,
    ValidationError,
    WithJsonSchema,
)
from pydantic_core import ErrorDetails

from nurture.model.addresses import LONGEST
from nurture.model.errors import NurtureError, TextError, did_you_mean
from nurture.model.words import Scalar

MOST_ITEMS = 1_000
MOST_LISTED = 1_000
"""Problems of shape that are told; a program that makes more of them has one mistake, not a thousand."""
LONGEST_TEXT = 10_000
MOST_VALUES = 100
LARGEST_NUMBER = 1e15
FIRST_MOMENT = datetime(1970, 1, 1, tzinfo=UTC)

Form = TypeVar("Form", bound=BaseModel)
P = ParamSpec("P")


@dataclass(frozen=True, slots=True, order=True)
class ItemProblem:
    """One thing to mend in a list. ``index`` counts from 0, None for the list as a whole; ``field`` is a path of names."""

    index: int | None
    field: str | None
    message: str
    hint: str | None = None


class BatchRefused(NurtureError):  # noqa: N818 - what was refused is the message
    """Nothing of the list was stored; all that is wrong is in ``problems``, in the order of the items."""

    def __init__(self, problems: Sequence[ItemProblem]) -> None:
        count = len(problems)
        super().__init__(
            f"{count} problem{'s' if count != 1 else ''}, so that nothing was stored",
            hint="mend every one of them and send the whole list again",
        )
        self.problems = sorted(problems, key=lambda one: (one.index or 0, one.field or ""))


@dataclass(slots=True)
class Reading(Generic[Form]):
    """The items that have the right shape, by their index, and what is wrong so far."""

    items: dict[int, Form]
    problems: list[ItemProblem]

    def refuse(self, index: int, field: str, error: NurtureError | TextError) -> None:
        """This item cannot be taken, for this reason."""
        self.problems.append(ItemProblem(index, field, error.message, error.hint))

    def check(
        self, index: int, field: str, ask: Callable[P, object], *args: P.args, **kwargs: P.kwargs
    ) -> None:
        """Ask something that raises when the answer is no."""
        try:
            ask(*args, **kwargs)
        except (NurtureError, TextError) as error:
            self.refuse(index, field, error)

    def copy(self) -> Reading[Form]:
        """The same, to go on with: what is found in a transaction that is tried again is found anew."""
        return Reading(self.items, [*self.problems])

    def require_sound(self) -> None:
        """Raises BatchRefused when anything was found."""
        if self.problems:
            raise BatchRefused(self.problems)


def read_batch(form: type[Form], given: object) -> Reading[Form]:
    """One item or a list of them. Raises BatchRefused when it is neither, or too long."""
    items = given if isinstance(given, list) else [given]
    if not 0 < len(items) <= MOST_ITEMS:
        said = f"a list holds 1 to {MOST_ITEMS:,} items, not {len(items):,}"
        raise BatchRefused([ItemProblem(None, None, said, "send several requests")])
    reading: Reading[Form] = Reading({}, [])
    for index, item in enumerate(items):
        try:
            reading.items[index] = form.model_validate(item)
        except ValidationError as error:
            found = error.errors(include_url=False, include_input=False)
            room = MOST_LISTED - len(reading.problems)
            reading.problems += [_problem(form, index, one) for one in islice(found, room)]
    return reading


# --- values ------------------------------------------------------------------------------------------------------


def clean_text(text: str) -> str:
    """Trimmed. Raises ValueError for what cannot be stored."""
    if "\0" in text:
        raise ValueError("holds a NUL character, which cannot be stored")
    return text.strip()


def plain_value(value: object) -> Scalar:
    """A text, a number, yes or no, or null. Raises ValueError for anything with an inside."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        if not abs(value) < LARGEST_NUMBER:  # not a number, too
            raise ValueError("is no number that can be kept")
        return value
    if not isinstance(value, str):
        raise ValueError("is a text, a number, true, false or null; nothing with an inside")
    if len(value) > LONGEST_TEXT:
        raise ValueError(f"has more than {LONGEST_TEXT:,} characters")
    if not value.isprintable() and any("\ud800" <= letter <= "\udfff" for letter in value):
        raise ValueError("holds half a character, which cannot be stored")
    return clean_text(value)


def not_before_computers(moment: datetime) -> datetime:
    if moment < FIRST_MOMENT:
        raise ValueError("lies before 1970")
    return moment


_SCALARS: list[Literal["string", "number", "boolean", "null"]] = ["string", "number", "boolean", "null"]
Value = Annotated[
    Scalar, PlainValidator(plain_value), WithJsonSchema({"anyOf": [{"type": kind} for kind in _SCALARS]})
]
Text = Annotated[str, StringConstraints(strict=True, max_length=LONGEST_TEXT), AfterValidator(clean_text)]
Word = Annotated[
    str,
    StringConstraints(strict=True, strip_whitespace=True, min_length=1, max_length=200),
    AfterValidator(clean_text),
]
Name = Annotated[str, StringConstraints(strict=True, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=100)]
Values = Annotated[dict[Name, Value], Field(max_length=MOST_VALUES)]
Address = Annotated[
    str,
    StringConstraints(strict=True, strip_whitespace=True, min_length=1, max_length=LONGEST),
    AfterValidator(clean_text),
    Field(examples=["ana@example.org"]),
]
Moment = Annotated[AwareDatetime, AfterValidator(not_before_computers)]


class Strict(BaseModel):
    """A form that knows all its keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)


# --- what pydantic found, in our words ---------------------------------------------------------------------------

_SAID = {
    "missing": "is missing",
    "string_type": "is a text",
    "string_too_short": "is empty",
    "string_pattern_mismatch": "is a name of letters, digits and underscores",
    "string_unicode": "holds half a character, which cannot be stored",
    "dict_type": "is an object with names and values",
    "list_type": "is a list",
    "model_type": "is an object with names and values",
    "timezone_aware": "says no time zone, so that nobody knows which nine o'clock is meant",
}
_HINTS = {"timezone_aware": "write it as 2026-03-02T09:00:00-05:00"}


def _problem(form: type[BaseModel], index: int, error: ErrorDetails) -> ItemProblem:
    kind, path = error["type"], [str(part) for part in error["loc"] if part != "[key]"]
    field = ".".join(path)[:200] or None
    if kind == "extra_forbidden":
        known = set(_form_at(form, path).model_fields)
        hint = did_you_mean(path[-1][:200], known) or f"known are {', '.join(sorted(known))}"
        return ItemProblem(index, field, "is not known here", hint)
    if kind == "value_error":
        return ItemProblem(index, field, error["msg"].removeprefix("Value error, "))
    said = _SAID.get(kind) or error["msg"][:1].lower() + error["msg"][1:]
    return ItemProblem(index, field, said, _HINTS.get(kind))


def _form_at(form: type[BaseModel], path: Sequence[str]) -> type[BaseModel]:
    """The form in which the last word of ``path`` stands."""
    for word in path[:-1]:
        field = form.model_fields.get(word)
        inner = (
            next((one for one in getattr(field.annotation, "__args__", ()) if _is_form(one)), None)
            if field
            else None
        )
        form = inner or form
    return form


def _is_form(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)
