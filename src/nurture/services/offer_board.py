"""How does each lead offer do: how many people asked for it, and how many of them took it?

People, not clicks: whoever asks three times counts once. A request of an offer that is gone counts for nothing here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection

from nurture.db.offer_counts import Taken, taken_by_offer
from nurture.services.offer_forms import WORDINGS, Form, form_of
from nurture.services.runtime import Runtime
from nurture.workflow.documents import Offer


@dataclass(frozen=True, slots=True)
class OfferCard:
    """One published offer. ``url`` is its page; ``next_title`` the rung above, None at the top or when it is gone."""

    offer: Offer
    form: Form
    asked: int
    downloaded: int
    url: str
    next_title: str | None

    @property
    def button(self) -> str:
        return WORDINGS[self.offer.kind].button


@dataclass(frozen=True, slots=True)
class Board:
    """All published offers: the ladder from its highest rung down, and each by its title."""

    rungs: tuple[tuple[OfferCard, ...], ...]
    cards: tuple[OfferCard, ...]


def board(runtime: Runtime) -> Board:
    """Every published offer and how it does. Raises NurtureError when nothing was published yet."""
    with runtime.database.read() as tx:
        cards = _cards(runtime, tx)
    rungs = _rungs({one.offer.name: one.offer for one in cards})
    highest = max(rungs.values(), default=0)
    by_title = sorted(cards, key=lambda one: one.offer.title)
    return Board(
        rungs=tuple(
            tuple(one for one in by_title if rungs[one.offer.name] == rung) for rung in range(highest, -1, -1)
        )
        if cards
        else (),
        cards=tuple(by_title),
    )


def _cards(runtime: Runtime, tx: Connection) -> list[OfferCard]:
    published = runtime.shelf.published(tx)
    counts = taken_by_offer(tx)
    cards = []
    for offer in published.offers.values():
        above = published.offers.get(offer.next or "")
        taken = counts.get(offer.name, Taken())
        cards.append(
            OfferCard(
                offer=offer,
                form=form_of(offer, published.workspace),
                asked=taken.asked,
                downloaded=taken.downloaded,
                url=runtime.links.offer(offer.name),
                next_title=above.title if above else None,
            )
        )
    return cards


def _rungs(offers: Mapping[str, Offer]) -> dict[str, int]:
    """How high each offer stands: one above the highest that leads to it. The check refuses ladders in a circle."""
    rungs = dict.fromkeys(offers, 0)
    for _ in offers:
        for offer in offers.values():
            if offer.next in rungs:
                rungs[offer.next] = min(len(offers), max(rungs[offer.next], rungs[offer.name] + 1))
    return rungs
