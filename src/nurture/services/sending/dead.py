"""The mail server said in the dialogue itself that an address does not exist: a hard bounce, told as an event.

What comes back later, as mail, is read by others.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import Connection

from nurture.channels.base import Dead, Outcome
from nurture.db.outbox import ClaimedDelivery
from nurture.model.words import Channel as Way
from nurture.services.events.ingest import Happening, take_in
from nurture.services.runtime import Runtime


def dead_among(ended: Iterable[tuple[ClaimedDelivery, Outcome]]) -> list[tuple[ClaimedDelivery, Dead]]:
    """Those whose address the mail server says does not exist; what went to our own people is left out."""
    return [
        (claim, outcome)
        for claim, outcome in ended
        if isinstance(outcome, Dead) and claim.channel is Way.EMAIL
    ]


def report_dead(
    tx: Connection, runtime: Runtime, dead: Sequence[tuple[ClaimedDelivery, Dead]], now: datetime
) -> None:
    """A dead address is a hard bounce: it is suppressed, and its enrollments hear of it."""
    take_in(
        tx,
        runtime.shelf,
        [
            Happening(
                contact_id=claim.contact_id,
                name="email.bounced",
                data={"kind": "hard", "status": outcome.status, "message": str(outcome)},
                id=f"bounce:{claim.key}",
                about=(claim.enrollment_id, claim.step, claim.visit) if claim.enrollment_id else None,
            )
            for claim, outcome in dead
        ],
        now,
    )
