"""An experiment: each contact falls into one variant, by weight, and stays in it for good.

Also when the weights change, and when they come again. Only a variant that is gone is given another.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from nurture.model.chance import settle
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
    by_hand, before = scene.variants.get(step.id), _variant_before(fields, step, scene)
    chosen = (
        by_hand or before or settle(fields.weights, scene.workflow, step.id, str(scene.enrollment.contact_id))
    )
    return Take(chosen, Reason.CHANCE, (f"variant '{chosen}'",))


def _variant_before(fields: SplitFields, step: Step, scene: Scene) -> str | None:
    """The variant in which the contact has been; None when they never were in one that is still there."""
    known = scene.facts.variants
    before = known.get(step.id) or known.get(fields.was or "")
    return before if before in fields.weights else None


SPLIT = Kind("split", SplitFields, run, branches={"variants": "variants"}, value_is_id=True)
