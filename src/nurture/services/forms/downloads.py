"""Hand out what an offer promised: to the holder of its link, as often as the offer allows, counted, and told as an event.

Looking at the page hands out nothing. A link that is over can be exchanged for a fresh one, by mail only.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from mimetypes import guess_type

from sqlalchemy import Connection

from nurture.db import contacts, content, counts, deliveries
from nurture.db.deliveries import Delivery
from nurture.model.errors import NotFoundError
from nurture.rendering.links import Payload
from nurture.services.events.ingest import Happening, take_in
from nurture.services.runtime import Runtime
from nurture.workflow.documents import Offer

ASSETS = "assets/"


class Shelf(StrEnum):
    """What the holder of a link can do."""

    READY = "ready"
    USED_UP = "used-up"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Handout:
    """What the page of a link shows; ``renewable`` when a fresh link can be mailed."""

    sender: str
    postal_address: str
    state: Shelf
    title: str = ""
    promise: str = ""
    file: str = ""
    renewable: bool = False


@dataclass(frozen=True, slots=True)
class Asset:
    """A file as it is handed out."""

    name: str
    type: str
    data: bytes


def look(runtime: Runtime, link: Payload) -> Handout:
    """What this link is for. Changes nothing."""
    with runtime.database.read() as tx:
        return _handout(runtime, tx, link)


def take(runtime: Runtime, link: Payload) -> Asset | None:
    """The file, counted, with `offer.downloaded` stored; None when the link hands out nothing any more."""
    now = runtime.now()

    def hand_out(tx: Connection) -> Asset | None:
        delivery, offer = _found(runtime, tx, link)
        if delivery is None or offer is None or not contacts.lock(tx, {delivery.contact_id}):
            return None
        if _handout(runtime, tx, link).state is not Shelf.READY:  # counted after those who pressed before us
            return None
        data = _asset(tx, offer)
        if data is None:
            return None
        number = counts.known_external(tx, _ids(link, offer)) + 1
        happening = Happening(
            contact_id=delivery.contact_id,
            name="offer.downloaded",
            data={"offer": offer.name},
            id=_ids(link, offer)[number - 1],
            source="download",
        )
        take_in(tx, runtime.shelf, [happening], now)
        name = (offer.asset or offer.name).rpartition("/")[2]
        return Asset(name, guess_type(name)[0] or "application/octet-stream", data)

    return runtime.database.retrying(hand_out)


def renew(runtime: Runtime, link: Payload) -> Handout:
    """Mail a fresh link to whom the old one was sent, at most once in 24 hours: they ask for the offer again.

    Raises NotFoundError when there is nothing to renew any more.
    """
    now = runtime.now()

    def ask_again(tx: Connection) -> Handout:
        delivery, offer = _found(runtime, tx, link)
        handout = _handout(runtime, tx, link)
        if delivery is None or offer is None or not handout.renewable:
            raise NotFoundError("there is nothing to renew")
        happening = Happening(
            contact_id=delivery.contact_id,
            name="offer.requested",
            data={"offer": offer.name},
            id=f"renew:{link.key}:{now.date().isoformat()}",
            source="expired link",
        )
        take_in(tx, runtime.shelf, [happening], now)
        return handout

    return runtime.database.retrying(ask_again)


def _found(runtime: Runtime, tx: Connection, link: Payload) -> tuple[Delivery | None, Offer | None]:
    return deliveries.by_key(tx, link.key), runtime.shelf.published(tx).offers.get(link.offer or "")


def _handout(runtime: Runtime, tx: Connection, link: Payload) -> Handout:
    workspace = runtime.shelf.published(tx).workspace
    delivery, offer = _found(runtime, tx, link)
    if (
        delivery is None
        or offer is None
        or offer.asset is None
        or _path(offer) not in content.publications(tx)
    ):
        return Handout(workspace.name, workspace.postal_address, Shelf.GONE)
    used = counts.known_external(tx, _ids(link, offer))
    return Handout(
        workspace.name,
        workspace.postal_address,
        Shelf.READY if used < offer.link.downloads else Shelf.USED_UP,
        title=offer.title,
        promise=offer.promise,
        file=offer.asset.rpartition("/")[2],
        renewable=offer.mail is not None,
    )


def _asset(tx: Connection, offer: Offer) -> bytes | None:
    name = content.publications(tx).get(_path(offer))
    return content.contents(tx, [name]).get(name) if name else None


def _path(offer: Offer) -> str:
    return f"{ASSETS}{offer.asset}"


def _ids(link: Payload, offer: Offer) -> list[str]:
    """One id for each download that the link allows: two at once count once, never more than allowed."""
    return [f"download:{link.key}:{number}" for number in range(1, offer.link.downloads + 1)]
