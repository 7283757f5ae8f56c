"""``[retention]`` in nurture.toml: how long what is kept.

It reads spans only; ``services.privacy.retention`` lets go of what is older.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict

from nurture.model.errors import TextError
from nurture.model.workspace import Retention

NEVER = "never"
DAYS = {"day": 1, "week": 7, "month": 30, "year": 365}
_SPAN = re.compile(r"([1-9]\d{0,4}) (day|week|month|year)s?")


def _span(value: object) -> object:
    if not isinstance(value, str) or value == NEVER:
        return None if value == NEVER else value
    found = _SPAN.fullmatch(value.strip())
    if found is None:
        raise TextError(
            f"'{value[:80]}' is no span for keeping", hint="write '3 years', '90 days' or 'never'"
        )
    return timedelta(days=int(found[1]) * DAYS[found[2]])


Span = Annotated[timedelta | None, BeforeValidator(_span)]
"""``never`` lets go of nothing. A month counts as 30 days, a year as 365."""
_USUAL = Retention()


class RetentionForm(BaseModel):
    """The section."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    contacts_without_activity: Span = _USUAL.contacts_without_activity
    proofs: Span = _USUAL.proofs
    hits: Span = _USUAL.hits
    reports: Span = _USUAL.reports
    notices: Span = _USUAL.notices
    turns: Span = _USUAL.turns

    def retention(self) -> Retention:
        return Retention(**self.model_dump())
