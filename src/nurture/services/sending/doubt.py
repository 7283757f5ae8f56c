"""Messages of which nobody knows whether they went: list them, and let a person say how they ended.

Decides nothing by itself: a message in doubt is never sent again on a guess.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from enum import StrEnum

from nurture.db import deliveries, outbox
from nurture.db.deliveries import Delivery
from nurture.model.errors import NotFoundError
from nurture.model.words import DeliveryState
from nurture.services.runtime import Runtime


class Verdict(StrEnum):
    """What a person found out, in the log of the mail server or from the contact."""

    SENT = "sent"
    FAILED = "failed"
    AGAIN = "again"


STATE = {
    Verdict.SENT: DeliveryState.SENT,
    Verdict.FAILED: DeliveryState.FAILED,
    Verdict.AGAIN: DeliveryState.PENDING,
}


def in_doubt(runtime: Runtime) -> list[Delivery]:
    """Every message in doubt, oldest first."""
    with runtime.database.read() as tx:
        return deliveries.ambiguous(tx)


def resolve(
    runtime: Runtime, message_ids: Collection[str], verdict: Verdict, actor: str = "command line"
) -> Sequence[Delivery]:
    """Settle these messages, or all in doubt when none is named; ``again`` sends with the same Message-ID.

    Raises NotFoundError for a Message-ID that is not in doubt: nothing is settled then.
    """
    with runtime.database.write() as tx:
        open_ = {delivery.message_id: delivery for delivery in deliveries.ambiguous(tx)}
        unknown = sorted(set(message_ids) - open_.keys())
        if unknown:
            raise NotFoundError(
                f"{unknown[0]} is not in doubt", hint="`nurture resolve` alone lists the messages that are"
            )
        chosen = [open_[name] for name in message_ids or open_]
        outbox.resolve_ambiguous(tx, [one.id for one in chosen], STATE[verdict], runtime.now())
        for one in chosen:
            runtime.audit(tx, actor, "resolve", str(one.message_id), {"as": verdict.value})
    return chosen
