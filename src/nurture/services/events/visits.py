"""Visits to what stands in our messages: noted as they come, judged some seconds later, and told to the workflows.

A visit changes nothing by itself, whoever comes; only what was judged a person's moves anybody. The way to a target
stays open for ever, also when nobody is left of whom a visit could be noted.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import blake2b, sha256
from threading import Lock

from sqlalchemy import Connection

from nurture.db import hits
from nurture.db.hits import Judged, NewHit, Visited
from nurture.engine.grading import CLOCK_WAS_WRONG, SETTLES_AFTER, Sent, judge
from nurture.model.errors import NotFoundError
from nurture.model.visits import Grade, Hit, HitKind, Sign, Verdict
from nurture.model.words import Scalar
from nurture.rendering.links import TRAP, Kind, LinkError, Links
from nurture.rendering.templates import TemplateProblems
from nurture.rendering.ways import leads_somewhere
from nurture.services.events.ingest import Happening, take_in
from nurture.services.published import Published
from nurture.services.runtime import Runtime
from nurture.services.sending.compose import foreign

SAME_VISIT = timedelta(seconds=10)
"""What one visitor asks for again in this span is one visit: a double click, an impatient reload."""
LOOKS_BACK = timedelta(hours=6)
"""How far a visit that comes later may tell of one before it."""
BATCH = 500
"""Messages whose visits are settled at a time."""
LONGEST_AGENT = 200
REMEMBERED = 10_000
_NAMES = {HitKind.OPEN: "email.opened", HitKind.CLICK: "email.clicked"}


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who comes, as far as a request tells: the network address, the program, how it asks, and what its headers show."""

    place: str
    agent: str = ""
    method: str = "GET"
    signs: tuple[Sign, ...] = ()


@dataclass(frozen=True, slots=True)
class Link:
    """A link or picture of ours: the message by its key, and for a click where it leads."""

    key: str
    kind: HitKind
    target: str | None = None
    url: str | None = None


@dataclass
class Door:
    """Where visits come in. It remembers where links lead and who was just here, so that a flood costs little."""

    runtime: Runtime
    _targets: dict[str, str] = field(default_factory=dict)
    _seen: OrderedDict[str, None] = field(default_factory=OrderedDict)
    _lock: Lock = field(default_factory=Lock)

    def link(self, token: str) -> Link:
        """What a link leads to. Raises LinkError for what is not ours, or leads nowhere."""
        found = self.runtime.links.read(token, Kind.CLICK, self.runtime.now())
        if found.target is None or found.target == TRAP:
            return Link(found.key, HitKind.TRAP)
        if found.target not in self._targets:
            with self.runtime.database.read() as tx:
                self._targets.update(hits.targets(tx, [found.target]))
        url = self._targets.get(found.target, "")
        if not leads_somewhere(url):
            raise LinkError
        return Link(found.key, HitKind.CLICK, found.target, url)

    def picture(self, token: str) -> Link:
        """The message that holds the picture. Raises LinkError."""
        return Link(self.runtime.links.read(token, Kind.OPEN, self.runtime.now()).key, HitKind.OPEN)

    def note(self, link: Link, visitor: Visitor) -> None:
        """Note a visit, once in ten seconds for one visitor."""
        hit = _hit(link, visitor, self.runtime.now(), self.runtime.links.keys[0])
        with self._lock:
            if hit.mark in self._seen:
                return
        self.runtime.database.retrying(lambda tx: hits.note(tx, hit))
        with self._lock:
            self._seen[hit.mark] = None
            while len(self._seen) > REMEMBERED:
                self._seen.popitem(last=False)


def _hit(link: Link, visitor: Visitor, now: datetime, secret: str) -> NewHit:
    place = _place(secret, link.key, visitor.place)
    agent = visitor.agent[:LONGEST_AGENT]
    span = str(int(now.timestamp() // SAME_VISIT.total_seconds()))
    same = "\x1f".join((link.key, link.kind, link.target or "", visitor.method, place, agent, span))
    return NewHit(
        key=link.key,
        mark=blake2b(same.encode(errors="replace"), digest_size=16).hexdigest(),
        kind=link.kind,
        at=now,
        target=link.target,
        method=visitor.method,
        agent=agent,
        place_hash=place,
        because=visitor.signs,
    )


def _place(secret: str, key: str, address: str) -> str:
    """Where a visitor comes from, keyed by the message: visits to two messages cannot be told to be of one place."""
    keyed = blake2b(f"{key}\x1f{address}".encode(), digest_size=12, key=sha256(secret.encode()).digest())
    return keyed.hexdigest()


# --- settling -------------------------------------------------------------------------------------------------------


def settle(runtime: Runtime) -> int:
    """Judge the visits that have waited long enough, and tell of them; returns how many got another grade."""
    with runtime.database.read() as tx:
        if not _waiting(tx, runtime.now(), most=1):
            return 0
    changed = 0
    while found := runtime.database.retrying(lambda tx: _settle_some(tx, runtime)):
        changed += found
    return changed


def _waiting(tx: Connection, now: datetime, *, most: int) -> dict[int, datetime]:
    return hits.unsettled(tx, now - SETTLES_AFTER, now + CLOCK_WAS_WRONG, most)


def _settle_some(tx: Connection, runtime: Runtime) -> int:
    now = runtime.now()
    waiting = _waiting(tx, now, most=BATCH)
    if not waiting:
        return 0
    changes = list(_changes(tx, runtime, waiting, now))
    urls = hits.targets(tx, {one.hit.target for one in changes if one.hit.target})
    told: dict[str, Change] = {}
    for one in sorted(changes, key=lambda one: (one.hit.at, one.hit.id)):
        if one.hit.kind in _NAMES:
            told.setdefault(one.id, one)
    happenings = [_happening(id_, one, urls) for id_, one in told.items()]
    events = take_in(tx, runtime.shelf, happenings, now).events
    by_hit = {one.hit.id: event.id for one, event in zip(told.values(), events, strict=True) if event}
    judged = [
        Judged(one.hit.id, one.verdict.grade, one.verdict.because, by_hit.get(one.hit.id)) for one in changes
    ]
    hits.settle(tx, judged)
    return len(changes)


@dataclass(frozen=True, slots=True)
class Change:
    """A visit that is taken for somebody, or somebody else, now."""

    message: Visited
    hit: Hit
    verdict: Verdict

    @property
    def id(self) -> str:
        """One event for each message, target and grade, however many visits and however often they are settled."""
        what = self.hit.target or self.hit.kind.value
        return f"visit:{self.message.key}:{what}:{self.verdict.grade}"


def _changes(
    tx: Connection, runtime: Runtime, waiting: Mapping[int, datetime], now: datetime
) -> Iterator[Change]:
    """What is judged now, and what has to be judged anew by it."""
    messages = hits.visited(tx, waiting)
    published = runtime.shelf.published(tx)
    for number, found in hits.of_deliveries(tx, waiting, min(waiting.values()) - LOOKS_BACK).items():
        message = messages[number]
        verdicts = judge(found, Sent(message.sent_at, _links_of(message, published, runtime.links)), now)
        for hit in found:
            if hit.id in verdicts and verdicts[hit.id].grade is not hit.grade:
                yield Change(message, hit, verdicts[hit.id])


def _links_of(message: Visited, published: Published, links: Links) -> int | None:
    """How many links the message led over us; None when its template was changed since, and nobody knows."""
    try:
        template = published.templates.message(message.template, message.locale)
    except (NotFoundError, TemplateProblems):
        return None
    return len(set(foreign(template.links, links))) if template.hash == message.template_hash else None


def _happening(id_: str, change: Change, urls: Mapping[str, str]) -> Happening:
    message, hit, verdict = change.message, change.hit, change.verdict
    data: dict[str, Scalar] = {"grade": verdict.grade.value}
    if hit.target:
        data["url"] = urls.get(hit.target, "")
    if verdict.because:
        data["because"] = ", ".join(verdict.because)
    about = (
        (message.enrollment_id, message.step, message.visit) if message.enrollment_id is not None else None
    )
    return Happening(
        contact_id=message.contact_id,
        name=_NAMES[hit.kind],
        data=data,
        at=hit.at,
        id=id_,
        source="visit",
        about=about,
        alone=about is None,
        human=verdict.grade is Grade.HUMAN,
    )
