"""Does a plan hold more mail than senders that warm up may send? Says on which day first, and how much waits then.

It holds nothing back: each message asks when it is ready to leave.
"""

from __future__ import annotations

from collections.abc import Iterator

from nurture.model.workspace import Workspace
from nurture.services.releases.forecast import Forecast


def warming_up(workspace: Workspace | None, foreseen: Forecast) -> Iterator[str]:
    """One sentence, or none. Where a sender is warm, nothing is known of how much is its share."""
    ramps = [one.warm_up for one in workspace.senders.values()] if workspace else []
    if not ramps:
        return
    for day in foreseen.days:
        most = [ramp.most_on(day.day) if ramp else None for ramp in ramps]
        allowed = sum(one for one in most if one is not None)
        if None not in most and day.messages > allowed:
            yield (
                f"Senders are warming up: of {day.messages:,} messages expected on {day.day.isoformat()}, "
                f"{allowed:,} may leave that day; the rest waits."
            )
            return
