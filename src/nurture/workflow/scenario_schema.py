"""The JSON Schema of a scenario file, for editors: what may stand where, made from the fields that the reader uses."""

from __future__ import annotations

from nurture.workflow.scenarios import EventForm, ExpectForm, ScenarioForm, Wanted
from nurture.workflow.schema import Schema, object_schema

_VALUE: Schema = {"type": ["string", "number", "boolean", "null"]}


def scenario_schema() -> Schema:
    """The whole schema, draft 2020-12."""
    top = object_schema(ScenarioForm)
    top["properties"]["events"] = {"type": ["array", "null"], "items": {"$ref": "#/$defs/event"}}
    top["properties"]["expect"] = {"type": "array", "items": {"$ref": "#/$defs/expectation"}, "minItems": 1}
    listed: Schema = {"type": "array", "items": {"type": "string"}}
    top["properties"]["given"] = {"type": "object", "additionalProperties": {"anyOf": [_VALUE, listed]}}
    top["required"] = [*top["required"], "expect"]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A nurture scenario",
        **top,
        "$defs": {
            "event": {**object_schema(EventForm), "additionalProperties": _VALUE},
            "expectation": object_schema(ExpectForm)
            | {"oneOf": [{"required": [kind.value]} for kind in Wanted]},
        },
    }
