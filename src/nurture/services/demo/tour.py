"""The five-minute tour: what a visitor of the demo can do, in order, and what they have done already.

Looks at what happened since the demo was built; a company in earnest has no tour.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from nurture.db import events, outcomes, state
from nurture.services.runtime import Runtime

BUILT = "demo"
ASKED, DOWNLOADED, SOLD = "offer.requested", "offer.downloaded", "sale.closed"


@dataclass(frozen=True, slots=True)
class Tour:
    """Which stops are done. ``visitor`` is the contact that asked on a form last, None before anybody did."""

    asked: bool
    downloaded: bool
    called: bool
    moved_clock: bool
    sold: bool
    visitor: int | None

    @property
    def done(self) -> int:
        return sum((self.asked, self.downloaded, self.called, self.moved_clock, self.sold))


def begin(runtime: Runtime) -> None:
    """The demo is built: what happens from now on is the visitor's doing."""
    with runtime.database.write() as tx:
        state.put(tx, BUILT, {"at": runtime.now().isoformat()}, runtime.clock.operational())


def tour(runtime: Runtime) -> Tour | None:
    """Where the visitor is; None when this is no demo."""
    with runtime.database.read() as tx:
        built = state.get(tx, BUILT)
        if built is None:
            return None
        since = datetime.fromisoformat(built["at"])
        happened = events.named_since(tx, (ASKED, DOWNLOADED, SOLD), since)
        called = outcomes.reported_since(tx, since)
        moved = bool(state.clock_offset(tx))
    visitors = [one.contact_id for one in happened if one.name == ASKED and one.source.startswith("form")]
    return Tour(
        asked=bool(visitors),
        downloaded=any(one.name == DOWNLOADED and one.contact_id in visitors for one in happened),
        called=called,
        moved_clock=moved,
        sold=any(one.name == SOLD for one in happened),
        visitor=visitors[-1] if visitors else None,
    )
