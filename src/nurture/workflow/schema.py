"""The JSON Schema of a workflow file, so that an editor completes keys and underlines mistakes while one types.

Made from the same fields that the reader uses. It knows shapes only; `nurture check` knows whether they make sense.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema

from nurture.model.timing import Duration
from nurture.steps import KINDS
from nurture.steps.base import BranchForm, Kind
from nurture.workflow.fields import LossFields, StageFields, VariantFields, WorkflowFields
from nurture.workflow.hovers import about, hover
from nurture.workflow.model import Reentry

Schema = dict[str, Any]

_STEPS: Schema = {"$ref": "#/$defs/steps"}
NAME_PATTERN = "^[a-z0-9]+(-[a-z0-9]+)*$"
_NAMES: Schema = {"pattern": NAME_PATTERN}


def workflow_schema() -> Schema:
    """The whole schema, draft 2020-12."""
    top = object_schema(WorkflowFields)
    top["properties"]["stages"] = {"type": "array", "items": {"$ref": "#/$defs/stage"}, "minItems": 1}
    top["required"] = [*top.get("required", []), "stages"]
    _describe(top, "workflow")
    loss = object_schema(LossFields) | {"oneOf": [{"required": [key]} for key in ("after", "silent", "on")]}
    _describe(loss, "loss")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A nurture workflow",
        **top,
        "$defs": {
            "stage": _stage(),
            "loss": loss,
            "steps": {"type": ["array", "null"], "items": {"$ref": "#/$defs/step"}},
            "step": {"oneOf": [{"$ref": f"#/$defs/{name}"} for name in KINDS]},
            **{name: _step(kind) for name, kind in KINDS.items()},
        },
    }


def _stage() -> Schema:
    schema = object_schema(StageFields)
    schema["properties"]["steps"] = _STEPS
    schema["properties"]["loss"] = {"type": "array", "items": {"$ref": "#/$defs/loss"}, "minItems": 1}
    schema["required"] = [*schema["required"], "loss"]
    _describe(schema, "stage")
    return schema


def _describe(schema: Schema, part: str) -> None:
    """Give each key what an editor says about it."""
    for key, value in schema["properties"].items():
        told = hover(part, key)
        if told is not None:
            schema["properties"][key] = {**value, "description": told}


def _step(kind: Kind) -> Schema:
    schema = object_schema(kind.fields)
    properties = schema["properties"]
    for key, form in kind.branches.items():
        properties[key] = _branch(form, properties.get(key))
    if kind.name not in schema.get("required", []):  # `exit:` and `wait:` may stand alone
        properties[kind.name] = {"anyOf": [properties[kind.name], {"type": "null"}]}
    schema["required"] = sorted({*schema.get("required", []), kind.name})
    schema["description"] = about(kind)
    _describe(schema, kind.name)
    return schema


def _branch(form: BranchForm, word: Schema | None) -> Schema:
    match form:
        case "list":
            return _STEPS
        case "list-or-word":
            return {"anyOf": [word or {"type": "string"}, _STEPS]}
        case "map":
            return {"type": "object", "propertyNames": _NAMES, "additionalProperties": _STEPS}
        case "variants":
            variant = object_schema(VariantFields)
            variant["properties"]["do"] = _STEPS
            _describe(variant, "variant")
            return {
                "type": "object",
                "propertyNames": _NAMES,
                "additionalProperties": variant,
                "minProperties": 2,
            }


class _Generator(GenerateJsonSchema):
    """Writes our values as they are written in files."""

    def encode_default(self, dft: Any) -> Any:
        if isinstance(dft, Duration):
            return str(dft)
        return dft.kind if isinstance(dft, Reentry) else super().encode_default(dft)


def object_schema(form: type[BaseModel]) -> Schema:
    """The schema of one group of keys, without the definitions and titles that editors have no use for."""
    schema = form.model_json_schema(by_alias=True, schema_generator=_Generator)
    definitions: Mapping[str, Schema] = schema.pop("$defs", {})
    plain = _simplified(schema, definitions)
    assert isinstance(plain, dict)
    plain.pop("description", None)
    return plain


def _simplified(value: Any, definitions: Mapping[str, Schema]) -> Any:
    """Definitions put in their places, titles left out, ``X or null`` written as X: an absent key says the same."""
    if isinstance(value, list):
        return [_simplified(item, definitions) for item in value]
    if not isinstance(value, dict):
        return value
    if isinstance(value.get("description"), str):
        value = {**value, "description": " ".join(value["description"].replace("``", "`").split())}
    if "$ref" in value:
        name = str(value["$ref"]).rpartition("/")[2]
        rest = {key: part for key, part in value.items() if key != "$ref"}
        return _simplified({**definitions[name], **rest}, definitions)
    kept = {key: part for key, part in value.items() if key != "title" or not isinstance(part, str)}
    if "anyOf" in kept:
        kept["anyOf"] = [one for one in kept["anyOf"] if one != {"type": "null"}]
        if len(kept["anyOf"]) == 1:
            kept = {**kept["anyOf"][0], **{key: part for key, part in kept.items() if key != "anyOf"}}
            return _simplified(kept, definitions)
    if kept.get("default", ...) is None or (
        kept.get("type") == "string" and not isinstance(kept.get("default"), str)
    ):
        kept.pop("default", None)
    return {key: _simplified(part, definitions) for key, part in kept.items()}
