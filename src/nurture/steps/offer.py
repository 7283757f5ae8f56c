"""An offer handed over without a mail: from now on it stands in the contact's portal and in the reports."""

from __future__ import annotations

from nurture.model.decisions import HandOver
from nurture.model.words import Reason
from nurture.steps.base import Kind, Over, Scene, Slug, Step, TimedFields


class OfferFields(TimedFields):
    offer: Slug


def run(step: Step, scene: Scene) -> Over:
    fields = step.fields
    assert isinstance(fields, OfferFields)
    handed = HandOver(**scene.decided(step, Reason.DUE), offer=fields.offer, due=scene.at)  # type: ignore[arg-type]
    return Over((handed,))


OFFER = Kind("offer", OfferFields, run, value_is_id=True)
