"""Is a window open? Asked of the engine's own next opening, for tests that only want a yes or a no."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from nurture.model.timing import DEFAULT_CALENDAR, Calendar, Window, next_opening


def allowed(instant: datetime, window: Window, zone: ZoneInfo, calendar: Calendar = DEFAULT_CALENDAR) -> bool:
    """Whether ``window`` is open at ``instant``."""
    return next_opening(window, instant, zone, calendar)[0] <= instant
