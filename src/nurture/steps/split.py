"""An experiment: each contact falls into one variant, by weight, and stays in it for good."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from nurture.model.chance import pick
from nurture.model.words import Reason
from nurture.steps.base import EventText, Kind, Scene, Slug, Step, Take, TimedFields


class SplitFields(TimedFields):
    """``weights`` is read from the variants: their names with the weights they state (1 when silent)."""

    split: Slug
    weights: Annotated[Mapping[Slug, float], Field(alias="variants", min_length=1)]
    measure: EventText | None = None


def run(step: Step, scene: Scene) -> Take:
    fields = step.fields
    assert isinstance(fields, SplitFields)
    chosen = scene.variants.get(step.id) or pick(
        fields.weights, scene.workflow, step.id, str(scene.enrollment.contact_id)
    )
    return Take(chosen, Reason.CHANCE, (f"variant '{chosen}', the same for this contact every time",))


SPLIT = Kind("split", SplitFields, run, branches={"variants": "variants"}, value_is_id=True)
