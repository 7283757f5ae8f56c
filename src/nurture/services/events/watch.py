"""What happens to contacts without anybody's doing: points fade, segments are entered and left, days come.

Part of the sweep; and told by each publication what it has to look out for from then on.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from nurture.db import content
from nurture.services.events import dates, scores, segments
from nurture.services.runtime import Runtime


def begin(runtime: Runtime) -> None:
    """Something was published: from now on its segments and days are looked out for; what was before, was before."""
    now = runtime.now()
    with runtime.database.write() as tx:
        published = runtime.shelf.published(tx)
        segments.begin(tx, runtime.shelf, published, now)
        dates.begin(tx, runtime.shelf, published, now)


def next_moment(tx: Connection, runtime: Runtime, after: datetime) -> datetime | None:
    """When something may come about next; None when nothing will."""
    published = runtime.shelf.published(tx)
    moments = (
        scores.next_moment(tx, after),
        segments.next_moment(tx, runtime.shelf, published, after),
        dates.next_moment(tx, published, after),
    )
    return min(filter(None, moments), default=None)


def sweep(runtime: Runtime) -> None:
    """Everything that came about by itself since the last sweep. First the points: segments may ask for the score."""
    with runtime.database.read() as tx:
        if not content.publications(tx):
            return
        published = runtime.shelf.published(tx)
    scores.fade(runtime)
    segments.sweep(runtime, published)
    dates.sweep(runtime, published)
