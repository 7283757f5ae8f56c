"""What a contact chose about our mail, as it holds now. It reads and changes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from nurture.db import pauses, preferences
from nurture.model.preferences import HOW_OFTEN


@dataclass(frozen=True, slots=True)
class Chosen:
    """How often a contact wants to hear from us at most, and until when they rest; as they chose, and when."""

    days: int | None = None
    days_since: datetime | None = None
    rests_since: datetime | None = None
    rests_until: datetime | None = None

    @property
    def how_often(self) -> str | None:
        return HOW_OFTEN.get(self.days or 0)


NOTHING_CHOSEN = Chosen()


def chosen(tx: Connection, contact_id: int) -> Chosen:
    """What this contact chose, as it holds now."""
    often, resting = preferences.of(tx, contact_id), pauses.resting(tx, contact_id)
    return Chosen(
        days=often.days if often else None,
        days_since=often.at if often else None,
        rests_since=resting.since if resting else None,
        rests_until=resting.ends_at if resting else None,
    )
