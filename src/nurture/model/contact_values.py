"""What contacts' fields and events may hold, read from text: ``57``, ``yes``, ``2026-03-02``, one of the words of a choice.

Refuses a text that does not fit the field's type; an empty text is null. Spreadsheets are read more leniently, when they
are imported.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date

from nurture.model.calendars import read_zone
from nurture.model.errors import TextError, did_you_mean
from nurture.model.words import Scalar
from nurture.model.workspace import Field, FieldType

TEXT_FIELDS = ("email", "first_name", "last_name", "phone", "timezone", "locale", "owner")
"""The texts that every contact has; ``tags`` and ``score`` are the other two that can be given."""

_PLAIN_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,14})(\.[0-9]{1,9})?")  # not 007, which is a word
_YES, _NO = frozenset(("yes", "true", "1", "y")), frozenset(("no", "false", "0", "n"))


def read_value(field: Field, text: str) -> Scalar:
    """The value of a declared field; dates stay ISO texts. Raises TextError when the text does not fit."""
    word = text.strip()
    if not word:
        return None
    match field.type:
        case FieldType.NUMBER:
            return _number(field.name, word)
        case FieldType.BOOL:
            return _yes_or_no(field.name, word)
        case FieldType.DATE:
            return _date(field.name, word)
        case FieldType.CHOICE:
            return _choice(field, word)
        case FieldType.TEXT:
            return word


def read_values(
    given: Mapping[str, str], fields: Mapping[str, Field]
) -> tuple[dict[str, Scalar], dict[str, TextError]]:
    """Built-in and declared fields read from texts; and for each that cannot be read, why."""
    values: dict[str, Scalar] = {}
    errors: dict[str, TextError] = {}
    for name, text in given.items():
        try:
            values[name] = _built_in(name, text) if name not in fields else read_value(fields[name], text)
        except TextError as error:
            errors[name] = error
        except KeyError:
            known = (*TEXT_FIELDS, "tags", "score", *fields)
            errors[name] = TextError(
                f"contacts have no field '{name}'", hint=did_you_mean(name, known) or DECLARE
            )
    return values, errors


def scalar(word: str) -> Scalar:
    """A value of which nobody declared the type: ``290`` and ``12.5`` are numbers, yes and no what they say, all else is text."""
    if _PLAIN_NUMBER.fullmatch(word):
        return float(word) if "." in word else int(word)
    return {"yes": True, "true": True, "no": False, "false": False}.get(word.lower(), word)


def as_text(value: object) -> str:
    """A value as people write it: the opposite of ``scalar``."""
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


DECLARE = "declare it under [fields] in nurture.toml"


def _built_in(name: str, text: str) -> Scalar:
    if name == "score":
        return _number(name, text.strip())
    if name == "timezone" and text.strip():
        return read_zone(text.strip()).key
    if name in TEXT_FIELDS or name == "tags":
        return text.strip() or None
    raise KeyError(name)


def _number(name: str, word: str) -> float:
    try:
        number = float(word)
    except ValueError:
        number = float("nan")
    if not abs(number) < 1e15:
        raise TextError(f"{name} is a number, not '{word}'", hint="write digits, such as 57 or 12.5")
    return int(number) if number.is_integer() else number


def _yes_or_no(name: str, word: str) -> bool:
    if word.lower() not in _YES | _NO:
        raise TextError(f"{name} is yes or no, not '{word}'")
    return word.lower() in _YES


def _date(name: str, word: str) -> str:
    try:
        return date.fromisoformat(word).isoformat()
    except ValueError:
        raise TextError(f"{name} is a date, not '{word}'", hint="write it as 2026-03-02") from None


def _choice(field: Field, word: str) -> str:
    if word not in field.choices:
        hint = did_you_mean(word, field.choices) or f"it is one of {', '.join(field.choices)}"
        raise TextError(f"'{word}' is no choice of {field.name}", hint=hint)
    return word
