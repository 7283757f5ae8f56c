"""The version of a workflow: a hash of what it does, not of how it is written down.

Comments, spacing, the order of keys, titles and needs leave it alone; a step, a time, a condition or a name changes it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from enum import Enum
from hashlib import sha256

from pydantic import BaseModel

from nurture.model.errors import Place
from nurture.model.expressions import Expression
from nurture.workflow.model import Workflow

_WORDS_ONLY = frozenset(
    ("version", "text", "title", "need", "bucket", "persona", "place", "exit_place", "measure", "was")
)
"""What people read or reports count; no contact's way depends on it."""


def structure_hash(workflow: Workflow) -> str:
    """Twelve characters; equal for two files that lead every contact the same way."""
    shape = json.dumps(_shape(workflow), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return sha256(shape.encode()).hexdigest()[:12]


def _shape(value: object) -> object:
    """The value as plain JSON. What is left at its default is left out, so that a new key changes no old version."""
    if isinstance(value, Expression):
        return value.text
    if isinstance(value, BaseModel):
        return {
            name: _shape(part) for name, part in value if _counts(name) and not _is_default(value, name, part)
        }
    if is_dataclass(value) and not isinstance(value, type | Place):
        parts = [(part, getattr(value, part.name)) for part in fields(value)]
        return {part.name: _shape(got) for part, got in parts if _counts(part.name) and got != _default(part)}
    if isinstance(value, Mapping):
        return {str(key): _shape(part) for key, part in value.items()}
    if isinstance(value, frozenset | set):
        return sorted(str(_shape(part)) for part in value)
    if isinstance(value, list | tuple):
        return [_shape(part) for part in value]
    if isinstance(value, Enum):
        return value.value
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def _counts(name: str) -> bool:
    return name not in _WORDS_ONLY


def _is_default(model: BaseModel, name: str, value: object) -> bool:
    return bool(type(model).model_fields[name].get_default(call_default_factory=True) == value)


def _default(part: Field[object]) -> object:
    if part.default_factory is not MISSING:
        return part.default_factory()
    return part.default
