"""How does each lead offer do: how many asked for it, took it, climbed on to the next one, and bought?

People, not clicks: whoever asks three times counts once, from the first time on. It says what came after a request, not
what caused it. A request of an offer that is gone counts for nothing here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from nurture.db.ladder import Climb, climbs
from nurture.model.statistics import Share
from nurture.services.forms.offer_forms import WORDINGS, Form, form_of
from nurture.services.runtime import Runtime
from nurture.workflow.documents import Offer

NO_SOURCE = "unknown"
"""Where somebody came from who brought no word and no page."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where people came from: ``utm_source``, or the host of the page before; and how many of them bought later."""

    name: str
    bought: Share


@dataclass(frozen=True, slots=True)
class OfferCard:
    """One published offer. ``url`` is its page; ``next_title`` the rung above, None at the top or when it is gone.

    The shares are of the ``asked`` contacts; ``cost`` is that of all of them, by what the offer's file says now.
    """

    offer: Offer
    form: Form
    url: str
    next_title: str | None
    asked: int
    took: Share
    went_on: Share | None
    bought: Share
    cost: float
    sources: tuple[Source, ...]

    @property
    def button(self) -> str:
        return WORDINGS[self.offer.kind].button


@dataclass(frozen=True, slots=True)
class Board:
    """All published offers: the ladder from its highest rung down, and each by its title."""

    rungs: tuple[tuple[OfferCard, ...], ...]
    cards: tuple[OfferCard, ...]
    currency: str


def board(runtime: Runtime) -> Board:
    """Every published offer and how it does. Raises NurtureError when nothing was published yet."""
    with runtime.database.read() as tx:
        published = runtime.shelf.published(tx)
        counted = climbs(tx)
    cards = []
    for offer in published.offers.values():
        form = form_of(offer, published.workspace)
        climb = counted.get(offer.name, Climb())
        cards.append(_card(offer, form, climb, published.offers, runtime.links.offer(offer.name)))
    cards.sort(key=lambda one: one.offer.title)
    heights = _heights(published.offers)
    highest = max(heights.values(), default=-1)
    rungs = [
        tuple(one for one in cards if heights[one.offer.name] == height) for height in range(highest, -1, -1)
    ]
    return Board(tuple(rungs), tuple(cards), published.workspace.currency)


def _card(offer: Offer, form: Form, climb: Climb, offers: Mapping[str, Offer], url: str) -> OfferCard:
    above = offers.get(offer.next or "")
    return OfferCard(
        offer=offer,
        form=form,
        url=url,
        next_title=above.title if above else None,
        asked=climb.asked,
        took=Share(climb.took, climb.asked),
        went_on=Share(climb.then.get(above.name, 0), climb.asked) if above else None,
        bought=Share(climb.bought, climb.asked),
        cost=round(offer.cost * climb.asked, 2),
        sources=_sources(climb),
    )


def _sources(climb: Climb) -> tuple[Source, ...]:
    """The most frequent first."""
    asked: dict[str, int] = defaultdict(int)
    bought: dict[str, int] = defaultdict(int)
    for (source, referrer), (people, buyers) in climb.origins.items():
        name = source or urlsplit(referrer or "").hostname or NO_SOURCE
        asked[name] += people
        bought[name] += buyers
    return tuple(
        Source(name, Share(bought[name], number))
        for name, number in sorted(asked.items(), key=lambda one: (-one[1], one[0]))
    )


def _heights(offers: Mapping[str, Offer]) -> dict[str, int]:
    """How high each offer stands: one above the highest that leads to it. The check refuses ladders in a circle."""
    heights = dict.fromkeys(offers, 0)
    for _ in offers:
        for offer in offers.values():
            if offer.next in heights:
                heights[offer.next] = min(len(offers), max(heights[offer.next], heights[offer.name] + 1))
    return heights
