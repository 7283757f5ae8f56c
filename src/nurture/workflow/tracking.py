"""``[tracking]`` in nurture.toml: whether links and pictures of messages tell us of visits, in all and by purpose.

It only reads what is wanted; ``model.workspace.Tracking`` says what holds for a message.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict

from nurture.model.errors import TextError
from nurture.model.workspace import TRANSACTIONAL, UNTRACKED, Tracked, Tracking
from nurture.steps.base import Slug

_SAID = {"true": True, "false": False, "yes": True, "no": False}


def _switch(value: object) -> object:
    if isinstance(value, str) and value.lower() not in _SAID:
        raise TextError(f"'{value[:80]}' is neither true nor false", hint="write true or false")
    return _SAID[value.lower()] if isinstance(value, str) else value


Switch = Annotated[bool, BeforeValidator(_switch)]


class _PurposeForm(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    clicks: Switch | None = None
    opens: Switch | None = None

    def over(self, otherwise: Tracked) -> Tracked:
        """What it says, and ``otherwise`` for what it leaves open."""
        return Tracked(
            clicks=otherwise.clicks if self.clicks is None else self.clicks,
            opens=otherwise.opens if self.opens is None else self.opens,
        )


class TrackingForm(BaseModel):
    """The section. A purpose may say less, or more, than holds for the others."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    clicks: Switch = Tracking().usual.clicks
    opens: Switch = Tracking().usual.opens
    purposes: Mapping[Slug, _PurposeForm] = {}

    def tracking(self) -> Tracking:
        """The whole of it: transactional messages stay untracked where nothing is said of them."""
        usual = Tracked(self.clicks, self.opens)
        purposes = {
            name: form.over(UNTRACKED if name == TRANSACTIONAL else usual)
            for name, form in self.purposes.items()
        }
        return Tracking(usual, purposes)
