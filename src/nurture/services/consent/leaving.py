"""The way out: whoever holds a link of a message stops this kind of message, or all of them, at once and for good.

It works when the workflow is long gone, needs no log-in, and changes nothing when it was done before. Nothing here gives a
permission back.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from sqlalchemy import Connection

from nurture.db import contacts, suppressions
from nurture.db.suppressions import Suppression
from nurture.model.words import NOTHING, Channel, Scalar, SuppressionReason
from nurture.services.consent.recipient import Recipient, find
from nurture.services.events.ingest import Happening, take_in
from nurture.services.runtime import Runtime

Source = Literal["page", "one-click"]
Proof = Mapping[str, Scalar]


def leave(runtime: Runtime, key: str, source: Source, proof: Proof = NOTHING) -> None:
    """Withdraw the permission that the message with this key rests on. Doing it twice is doing it once.

    ``proof`` is what shows who pressed, for the ledger.
    """
    now = runtime.now()

    def withdraw(tx: Connection) -> None:
        one = find(runtime, tx, key, now)
        if one is None or one.has_left:
            return
        data: dict[str, Scalar] = {"source": source}
        if one.purpose:
            data["purpose"] = one.purpose
        # The same link leaves again after a new yes, and only once for each yes.
        take_in(tx, runtime.shelf, [_withdrawn(one, data, proof, f"leave:{key}:{one.last_yes}", source)], now)

    runtime.database.retrying(withdraw)


def leave_all(runtime: Runtime, key: str, proof: Proof = NOTHING) -> None:
    """Withdraw every permission, asked for or not, and close the address to marketing, whatever is imported later."""
    now = runtime.now()

    def withdraw(tx: Connection) -> None:
        one = find(runtime, tx, key, now)
        if one is None or SuppressionReason.UNSUBSCRIBED in one.closed:
            return
        if not contacts.lock(tx, {one.contact.id}):
            return  # erased at this moment
        _close(tx, one, now)
        once = f"leave-all:{key}:{one.last_yes_to_all}"
        told = _withdrawn(one, {"source": "page"}, proof, once, "page")
        take_in(tx, runtime.shelf, [told], now)

    runtime.database.retrying(withdraw)


def _withdrawn(
    one: Recipient, data: Mapping[str, Scalar], proof: Proof, once: str, source: Source
) -> Happening:
    return Happening(
        contact_id=one.contact.id, name="consent.withdrawn", data=data, id=once, source=source, proof=proof
    )


def _close(tx: Connection, one: Recipient, now: datetime) -> None:
    address, _ = suppressions.hashes_of(tx, [one.contact.id])[one.contact.id]
    suppressions.add(
        tx,
        [
            Suppression(
                address_hash=address,
                channel=Channel.EMAIL,
                reason=SuppressionReason.UNSUBSCRIBED,
                at=now,
                source="page: stop everything",
            )
        ],
    )
