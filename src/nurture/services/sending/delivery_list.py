"""The page about mail: what became of every message, which are in doubt, and the installation's own mails.

It changes nothing. ``services.sending.doubt`` settles what is in doubt.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from nurture.db import deliveries, delivery_list, hits, notices, state
from nurture.db.deliveries import Delivery
from nurture.db.delivery_list import UNDER_WAY, Listed, Wanted
from nurture.db.notices import PlannedNotice
from nurture.db.state import ChannelPause
from nurture.model.words import Channel, DeliveryState
from nurture.services.consent.permission import relied_on
from nurture.services.runtime import Runtime
from nurture.services.sending import caught
from nurture.services.sending.caught import Slip
from nurture.services.sending.refusals import EMAIL
from nurture.services.story.visit_words import answers

__all__ = ["Listing", "Tally", "Wanted", "look_through", "notices_before"]

PAGE = 50
MAILS = "email/"


@dataclass(frozen=True, slots=True)
class Tally:
    """How all messages stand: planned = sent + skipped + failed + ambiguous + pending."""

    sent: int
    skipped: int
    failed: int
    ambiguous: int
    pending: int
    reasons: tuple[str, ...]
    """Every reason that a message has, the most frequent first."""

    @property
    def planned(self) -> int:
        return self.sent + self.skipped + self.failed + self.ambiguous + self.pending


@dataclass(frozen=True, slots=True)
class Listing:
    """One page. ``caught`` holds the caught mail of a message by the message's key, ``answers`` in words what became of it
    after it left, people and machines apart, by the message's id.
    """

    rows: tuple[Listed, ...]
    older: int | None
    """The id below which the next page begins."""
    tally: Tally
    templates: tuple[str, ...]
    workflows: tuple[str, ...]
    caught: Mapping[str, Slip]
    answers: Mapping[int, str]
    rests_on: Mapping[int, str]
    """The permission that a marketing message relies on, in words, by the message's id."""
    refused: ChannelPause | None
    """What the mail server says while it takes nothing from us at all."""


@dataclass(frozen=True, slots=True)
class Notices:
    """One page of the installation's own mails. ``caught`` holds the caught mail of a notice by the notice's id."""

    rows: tuple[PlannedNotice, ...]
    older: int | None
    caught: Mapping[int, Slip]


def look_through(
    runtime: Runtime, wanted: Wanted, *, before: int | None = None, folder: Path | None = None
) -> Listing:
    """The page of these messages below the id ``before``; ``folder`` is where mail is caught, if it is."""
    with runtime.database.read() as tx:
        pause = state.channel_pause(tx, EMAIL)
        found = delivery_list.page(tx, wanted, before=before, most=PAGE + 1)
        tally = _tally(delivery_list.tally(tx))
        published = runtime.shelf.published(tx)
        rows = tuple(found[:PAGE])
        visited = hits.responses(tx, [one.id for one in rows])
        rests_on = relied_on(tx, rows, published.workspace.zone)
    names = published.templates.names
    return Listing(
        rows=rows,
        older=rows[-1].id if len(found) > PAGE else None,
        tally=tally,
        templates=tuple(sorted(name.removeprefix(MAILS) for name in names if name.startswith(MAILS))),
        workflows=tuple(sorted(published.workflows)),
        caught=caught.by_keys(folder, [one.key for one in rows]) if folder else {},
        answers={id_: answers(response) for id_, response in visited.items()},
        rests_on=rests_on,
        refused=pause if pause and pause.lasts(runtime.clock.operational()) else None,
    )


def notices_before(runtime: Runtime, before: int | None = None, *, folder: Path | None = None) -> Notices:
    """The installation's own mails below the id ``before``, newest first."""
    with runtime.database.read() as tx:
        found = notices.latest(tx, PAGE + 1, before)
    rows = tuple(found[:PAGE])
    there = set(caught.names(folder)) if folder else set()
    mails = {
        # What the channel answered when it took the mail: the name of the file.
        one.id: slip
        for one in rows
        if folder and one.detail in there and (slip := caught.slip(folder, one.detail))
    }
    return Notices(rows, rows[-1].id if len(found) > PAGE else None, mails)


@dataclass(frozen=True, slots=True)
class Webhooks:
    """One page of what other systems were told."""

    rows: tuple[Listed, ...]
    older: int | None


def webhooks_before(
    runtime: Runtime, *, endpoint: str = "", key: str = "", before: int | None = None
) -> Webhooks:
    """What other systems, or this one, were told, below the id ``before``, newest first; with ``key`` one message."""
    wanted = Wanted(channel=Channel.WEBHOOK, endpoint=endpoint, key=key)
    with runtime.database.read() as tx:
        found = delivery_list.page(tx, wanted, before=before, most=PAGE + 1)
    rows = tuple(found[:PAGE])
    return Webhooks(rows, rows[-1].id if len(found) > PAGE else None)


def _tally(counted: Mapping[tuple[DeliveryState, str | None], int]) -> Tally:
    def standing(*states: DeliveryState) -> int:
        return sum(number for (one, _), number in counted.items() if one in states)

    ranked: dict[str, int] = {}
    for (_, reason), number in counted.items():
        if reason:
            ranked[reason] = ranked.get(reason, 0) + number
    return Tally(
        sent=standing(DeliveryState.SENT),
        skipped=standing(DeliveryState.SKIPPED),
        failed=standing(DeliveryState.FAILED),
        ambiguous=standing(DeliveryState.AMBIGUOUS),
        pending=standing(*UNDER_WAY),
        reasons=tuple(sorted(ranked, key=lambda reason: (-ranked[reason], reason))),
    )


def of_key(runtime: Runtime, key: str) -> Delivery | None:
    """The message of which a caught mail is the copy; None for one of the installation's own, or one that is gone."""
    with runtime.database.read() as tx:
        return deliveries.by_key(tx, key)
