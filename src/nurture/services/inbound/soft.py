"""When an address at which mail keeps failing is left alone for a while, although nobody says that it is dead.

Days are counted, not reports: ten messages refused by one full mailbox in one afternoon are one day. The count begins anew
when the person shows that mail arrives, by a reply or a click of their own; that a server took a message shows nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from datetime import date, timedelta

from sqlalchemy import Connection

from nurture.db import content, events, reports, suppressions
from nurture.db.suppressions import Suppression
from nurture.model.words import Channel, SuppressionReason
from nurture.services.runtime import Runtime

SHOWS_ARRIVAL = ("email.replied", "email.clicked")


def rest(tx: Connection, runtime: Runtime, hashes: Collection[str]) -> set[str]:
    """Leave those of these addresses (by their hashes) alone that failed on too many days; returns which are new."""
    if not hashes:
        return set()
    now = runtime.now()
    workspace = runtime.shelf.published(tx).workspace
    limits = workspace.bounces
    counted = reports.softly(tx, hashes, now - timedelta(days=limits.within_days))
    shown = events.last_human(tx, {one.contact_id for one in counted}, SHOWS_ARRIVAL)
    days: dict[str, set[date]] = defaultdict(set)
    for one in counted:
        arrived = shown.get(one.contact_id)
        if arrived is None or one.arrived_at > arrived:
            days[one.address_hash].add(one.arrived_at.astimezone(workspace.zone).date())
    tired = sorted(address for address, failed in days.items() if len(failed) >= limits.soft_days)
    known = suppressions.of_hashes(tx, tired, Channel.EMAIL)
    fresh = {one for one in tired if SuppressionReason.SOFT_BOUNCES not in known.get(one, frozenset())}
    suppressions.add(
        tx,
        [
            Suppression(
                address_hash=address,
                channel=Channel.EMAIL,
                reason=SuppressionReason.SOFT_BOUNCES,
                at=now,
                source="email.bounced",
            )
            for address in sorted(fresh)
        ],
    )
    return fresh


def lift(tx: Connection, runtime: Runtime) -> int:
    """Write again to the addresses that have rested long enough; returns how many."""
    if not content.publications(tx):
        return 0
    days, now = runtime.shelf.published(tx).workspace.bounces.rest_days, runtime.now()
    return suppressions.lift(tx, SuppressionReason.SOFT_BOUNCES, now - timedelta(days=days), now)
