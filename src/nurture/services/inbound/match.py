"""Which message of ours is a report about? By its return path, else by the messages it names, else by the address.

A return path was signed for one message, so nobody makes one up. A Message-ID is known to us and to whoever got the
message. An address is known to everybody: it counts only in a report made for machines, or told by our own provider, that
names no message of somebody else's, and only when we wrote there within days.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from nurture.db import contacts, deliveries, notices
from nurture.db.deliveries import Delivery
from nurture.db.notices import NamedNotice
from nurture.model.addresses import AddressError, same_key
from nurture.model.returns import MatchedBy
from nurture.model.words import Contact, DeliveryState
from nurture.rendering.links import Links
from nurture.services.inbound.arrivals import Arrival, Line

LATEST_REPORT = timedelta(days=7)
"""Mail servers try for up to five days (RFC 5321, 4.5.4.1); a report that names no message is about one since then."""
_ONE_MAILBOX = {
    name: re.compile(domains)
    for name, domains in {
        "google": r"(?:gmail|googlemail)\.com",
        "apple": r"(?:icloud|me|mac)\.com",
        "yandex": r"yandex(?:\.[a-z]{2,3}){1,2}|ya\.ru",
        "proton": r"(?:proton\.me|protonmail\.com|pm\.me)",
        "orange": r"(?:orange|wanadoo)\.fr",
    }.items()
}
"""Public providers at which a name is one mailbox in all of these domains."""
_PUBLIC = re.compile(
    r"(?:hotmail|outlook|live|msn|yahoo|ymail|rocketmail|aol|gmx)(?:\.[a-z]{2,3}){1,2}|web\.de|mail\.com|"
    r"(?:mail|bk|inbox|list)\.ru|(?:qq|foxmail|163|126)\.com|yeah\.net|free\.fr|t-online\.de"
)
"""Those at which it is another's in each: ana@hotmail.com and ana@outlook.com are two people."""
_LEFT = (DeliveryState.SENT, DeliveryState.AMBIGUOUS, DeliveryState.SENDING)


@dataclass(frozen=True, slots=True)
class Match:
    """The message of ours that a report is about: of a workflow, or of the installation itself.

    ``elsewhere``: the report is about another address than the one we wrote to, such as one that our mail was passed on to.
    """

    by: MatchedBy
    delivery: Delivery | None = None
    notice: NamedNotice | None = None
    elsewhere: bool = False

    @property
    def recipient(self) -> str | None:
        """Whom we wrote to."""
        if self.notice is not None:
            return self.notice.recipient
        return self.delivery.recipient if self.delivery is not None else None

    @property
    def sent_at(self) -> datetime | None:
        ours = self.notice or self.delivery
        return ours.ended_at if ours else None


@dataclass(frozen=True, slots=True)
class _Known:
    """All messages of ours that the reports of a batch may be about."""

    by_token: Mapping[str, Delivery]
    by_id: Mapping[str, Delivery]
    notices: Mapping[str, NamedNotice]
    lately: Mapping[str, Delivery]
    """The last message to each address (``same_key``), where one went lately."""

    def candidates(self, arrival: Arrival) -> list[Match]:
        """The surest first."""
        report = arrival.report
        found = [
            Match(MatchedBy.RETURN_PATH, delivery=self.by_token[token])
            for token in report.tokens
            if token in self.by_token
        ]
        for named in report.message_ids:
            if named in self.by_id:
                found.append(Match(MatchedBy.MESSAGE_ID, delivery=self.by_id[named]))
            elif named in self.notices:
                found.append(Match(MatchedBy.MESSAGE_ID, notice=self.notices[named]))
        return found

    def by_address(self, line: Line) -> Match | None:
        """Only a report that names no message, or one of ours beside, may be known by an address."""
        for address in line.addresses:
            if (key := key_of(address)) and key in self.lately:
                return Match(MatchedBy.RECIPIENT, delivery=self.lately[key])
        return None


def match(
    tx: Connection, links: Links, arrivals: Sequence[Arrival], now: datetime
) -> list[tuple[Line, Match | None]]:
    """Every line of these reports with the message it is about, None for none of ours."""
    known = _look_up(tx, links, arrivals, now)
    return [pair for arrival in arrivals for pair in _matched(arrival, known)]


def _matched(arrival: Arrival, known: _Known) -> list[tuple[Line, Match | None]]:
    lines = list(arrival.lines())
    candidates = known.candidates(arrival)
    found = {line: _about(line, candidates) for line in lines}
    if candidates and not any(found.values()):
        # It is about our message, and names addresses that we do not know: somebody passed it on.
        worst = next((one for one in lines if one.recipient.kind is arrival.report.kind), lines[0])
        first = candidates[0]
        found[worst] = Match(first.by, first.delivery, first.notice, elsewhere=bool(worst.addresses))
    if arrival.formal and (candidates or not arrival.report.message_ids):
        found = {line: one or known.by_address(line) for line, one in found.items()}
    return list(found.items())


def _about(line: Line, candidates: Sequence[Match]) -> Match | None:
    """The candidate that went to this recipient; a report that hides whom it is about has the first."""
    if not line.addresses:
        return next(iter(candidates), None)
    return next((one for one in candidates if _is_meant(one.recipient, line.addresses)), None)


def _is_meant(ours: str | None, theirs: Iterable[str]) -> bool:
    return ours is not None and any(same_mailbox(ours, one) for one in theirs)


def same_mailbox(ours: str, theirs: str) -> bool:
    """Is it the address we wrote to, or the same name behind it? Servers rewrite domains, and cut off plus tags.

    But none rewrites a domain to that of a public mailbox provider: to there, people pass their mail on.
    """
    mine, other = key_of(ours), key_of(theirs)
    if mine is None or other is None:
        return False
    return mine == other or (_name(mine) == _name(other) and _provider(other) in ("", _provider(mine)))


def _name(key: str) -> str:
    return key.rpartition("@")[0].partition("+")[0]


def _provider(key: str) -> str:
    """Within which domains this name is one mailbox, where a public provider has it; empty for anybody else's."""
    domain = key.rpartition("@")[2]
    alone = domain if _PUBLIC.fullmatch(domain) else ""
    return next((name for name, domains in _ONE_MAILBOX.items() if domains.fullmatch(domain)), alone)


def key_of(address: str | None) -> str | None:
    """``same_key``, None for what is no address: reports hold anything."""
    try:
        return same_key(address or "")
    except AddressError:
        return None


# --- what may be meant --------------------------------------------------------------------------------------------


def _look_up(tx: Connection, links: Links, arrivals: Sequence[Arrival], now: datetime) -> _Known:
    """A handful of questions, however many reports."""
    keys = {
        token: key
        for arrival in arrivals
        for token in arrival.report.tokens
        if (key := links.read_return_path(token))
    }
    ids = {named for arrival in arrivals for named in arrival.report.message_ids}
    by_key = deliveries.by_keys(tx, set(keys.values()))
    by_id = deliveries.by_message_ids(tx, ids)
    return _Known(
        by_token={token: by_key[key] for token, key in keys.items() if key in by_key and _left(by_key[key])},
        by_id={named: one for named, one in by_id.items() if _left(one)},
        notices=notices.by_message_ids(tx, ids - by_id.keys()),
        lately=_lately(tx, arrivals, now),
    )


def _left(delivery: Delivery) -> bool:
    """It left, or may have: nothing can come back about one that never did."""
    return delivery.state in _LEFT


def _lately(tx: Connection, arrivals: Sequence[Arrival], now: datetime) -> dict[str, Delivery]:
    named = {
        key
        for arrival in arrivals
        if arrival.formal
        for line in arrival.lines()
        for address in line.addresses
        if (key := key_of(address))
    }
    people: Mapping[str, Contact] = contacts.by_email(tx, named)
    last = deliveries.last_sent(tx, {one.id for one in people.values()})
    return {
        key: one
        for key, person in people.items()
        if (one := last.get(person.id))
        and key_of(one.recipient) == key
        and one.ended_at is not None
        and one.ended_at >= now - LATEST_REPORT
    }
