"""Decisions as JSON and back, without losing a word: what was decided is read years later as it was.

A decision is written with its kind and without the fields that have their default, so that a later version may add
fields. An unknown kind is refused, never guessed.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from datetime import datetime
from enum import Enum
from functools import cache
from typing import Any, Union, get_args, get_origin, get_type_hints

from nurture.db.types import in_utc
from nurture.model import decisions
from nurture.model.decisions import Decision
from nurture.model.errors import NurtureError

Read = Callable[[Any], Any]


def decision_to_json(decision: Decision) -> dict[str, Any]:
    """The decision as plain JSON values. Raises ValueError for a naive time."""
    name = type(decision).__name__
    written = {"kind": name}
    for field_name, default in _KINDS[name].defaults:
        value = getattr(decision, field_name)
        if value is not default and value != default:
            written[field_name] = _plain(value)
    return written


def decision_from_json(written: Mapping[str, Any]) -> Decision:
    """The decision that ``decision_to_json`` wrote. Raises NurtureError for a kind this version does not know."""
    kind = _KINDS.get(written["kind"])
    if kind is None:
        raise NurtureError(
            f"a turn holds a decision of the unknown kind '{written['kind']}'",
            hint="a newer nurture wrote it: use that version",
        )
    return kind.make(**{name: kind.readers[name](value) for name, value in written.items() if name != "kind"})


def _plain(value: object) -> Any:
    match value:
        case None | bool() | int() | float():
            return value
        case Enum():
            return value.value
        case str():
            return value
        case datetime():
            return in_utc(value).isoformat()
        case tuple() | list():
            return [_plain(item) for item in value]
        case frozenset():
            return sorted(value)
        case Mapping():
            return {name: _plain(item) for name, item in value.items()}
    if is_dataclass(value):
        return [_plain(getattr(value, name)) for name in _parts(value.__class__)]
    raise TypeError(f"{type(value).__name__} is no part of a decision")


@cache
def _parts(kind: type[Any]) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))


def _reader(hint: Any) -> Read:
    """How to read a value of this type back from its plain form."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        known = [argument for argument in arguments if argument is not type(None)]
        if len(known) > 1:
            return _as_it_is  # Scalar: JSON's own values
        inner = _reader(known[0])
        return lambda value: None if value is None else inner(value)
    if origin is tuple:
        item = _reader(arguments[0])
        return lambda value: tuple(item(each) for each in value)
    if hint is datetime:
        return datetime.fromisoformat
    if origin is frozenset:
        return frozenset
    if isinstance(hint, type) and issubclass(hint, Enum):
        return hint
    if isinstance(hint, type) and is_dataclass(hint):
        readers = tuple(_readers(hint).values())
        return lambda value: hint(*(read(item) for read, item in zip(readers, value, strict=True)))
    return _as_it_is


def _as_it_is(value: Any) -> Any:
    return value


def _readers(kind: type[Any]) -> dict[str, Read]:
    hints = get_type_hints(kind)
    return {field.name: _reader(hints[field.name]) for field in fields(kind)}


def _default(field: Field[Any]) -> object:
    return field.default if field.default_factory is MISSING else field.default_factory()


@dataclass(frozen=True, slots=True)
class _Kind:
    """One kind of decision: how it is made, the default of every field, and how each is read back."""

    make: Callable[..., Decision]
    defaults: tuple[tuple[str, object], ...]
    readers: Mapping[str, Read]


_KINDS = {
    name: _Kind(kind, tuple((field.name, _default(field)) for field in fields(kind)), _readers(kind))
    for name, kind in vars(decisions).items()
    if isinstance(kind, type) and issubclass(kind, Decision) and kind is not Decision
}
