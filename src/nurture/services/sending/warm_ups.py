"""Does a plan hold more mail than senders that warm up may send? Says on which day first, and how much would wait in vain.

It holds nothing back: each message asks when it is ready to leave.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from nurture.engine.touch import MAX_SHIFT
from nurture.model.workspace import Workspace
from nurture.services.releases.forecast import Forecast


def warming_up(workspace: Workspace | None, foreseen: Forecast) -> Iterator[str]:
    """One sentence, or two, or none. Where a sender is warm, nothing is known of how much is its share."""
    ramps = [one.warm_up for one in workspace.senders.values()] if workspace else []
    if not ramps:
        return
    each = [[ramp.most_on(day.day) if ramp else None for ramp in ramps] for day in foreseen.days]
    allowed = [None if None in most else sum(one for one in most if one is not None) for most in each]
    for day, most in zip(foreseen.days, allowed, strict=True):
        if most is not None and day.messages > most:
            yield (
                f"Senders are warming up: of {day.messages:,} messages expected on {day.day.isoformat()}, "
                f"{most:,} may leave that day; the rest waits."
            )
            break
    if lost := _in_vain([day.messages for day in foreseen.days], allowed):
        yield (
            f"Up to {lost:,} of all would wait for more than {MAX_SHIFT} and be skipped: "
            "let fewer people in at a time, or raise start in warm_up."
        )


def _in_vain(expected: Sequence[int], allowed: Sequence[int | None]) -> int:
    """How many would wait too long, day after day taken in turn; ``allowed`` None is no limit."""
    waiting: list[int] = []
    lost = 0
    for new, most in zip(expected, allowed, strict=True):
        waiting.append(new)
        if len(waiting) > MAX_SHIFT.amount:
            lost += waiting.pop(0)
        room = sum(waiting) if most is None else most
        for at, number in enumerate(waiting):
            goes = min(number, room)
            waiting[at], room = number - goes, room - goes
    return lost
