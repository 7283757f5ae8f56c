"""Six weeks in a minute: people act, the engine answers at the hour it is due, and they act on what they got.

Nothing is written past the engine: contacts are imported, events tracked, downloads taken, calls answered, as in life.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush
from io import BytesIO
from itertools import count
from zoneinfo import ZoneInfo

from nurture.db import contacts, counts, deliveries, tasks
from nurture.db.deliveries import Delivery
from nurture.db.tasks import Task
from nurture.model.clock import system_time
from nurture.model.words import NOTHING, Scalar
from nurture.model.workspace import Workspace
from nurture.rendering.links import Payload
from nurture.services.consent import leaving
from nurture.services.contacts.by_hand import enroll_addresses
from nurture.services.contacts.import_contacts import Consent, import_contacts
from nurture.services.demo import returned
from nurture.services.demo.cast import Player, Start, Temper, as_csv, players
from nurture.services.demo.readers import Readers
from nurture.services.events.ingest import Happening, track
from nurture.services.forms import downloads
from nurture.services.inbound import take
from nurture.services.runtime import Runtime

SIX_WEEKS = timedelta(days=42)
GRID = timedelta(minutes=10)
"""What falls due within ten minutes is done together, as a busy worker would."""

LEFT_TO_THE_VISITOR = 2
"""Calls that appear today or on so many weekdays before are still to be made when the demo begins."""

AWAY = 0.03
"""The share of mails that an automatic answer comes back to."""
FILTERED = 0.2
"""The share of people whose company has every mail read by a machine first."""
DAY = (7, 23)
"""The hours at which people do things, in their own time."""

Deed = Callable[[], None]
OnProgress = Callable[[float], None]
"""Called with the share of the time that has passed, 0 to 1."""


@dataclass(slots=True)
class PlayedClock:
    """Business time as the play goes; operational time is the real one."""

    at: datetime

    def now(self) -> datetime:
        return self.at

    def operational(self) -> datetime:
        return system_time()


@dataclass
class Stage:
    """The play: who is in it, what they are about to do, and the engine's way to do what is due."""

    runtime: Runtime
    clock: PlayedClock
    work: Callable[[], None]
    """Does everything that is due now."""
    ends: datetime
    cast: dict[int, Player] = field(default_factory=dict)
    _agenda: list[tuple[datetime, int, Deed]] = field(default_factory=list)
    _numbers: count[int] = field(default_factory=count)
    _answered: set[int] = field(default_factory=set)
    _booked: set[int] = field(default_factory=set)
    _back: set[int] = field(default_factory=set)
    _readers: Readers = field(init=False)
    _looked: datetime = field(init=False)
    _begins: datetime = field(init=False)

    def __post_init__(self) -> None:
        self._readers = Readers(self.runtime)
        self._looked = self._begins = self.clock.at

    def play(self, on_progress: OnProgress) -> None:
        """From the clock's time to ``ends``."""
        self._open()
        while (at := self._next()) is not None:
            self.clock.at = at
            while self._agenda and self._agenda[0][0] <= at:
                heappop(self._agenda)[2]()
            self.work()
            self._react()
            on_progress((at - self._begins) / (self.ends - self._begins))
        self.clock.at = self.ends
        self.work()

    # --- the beginning --------------------------------------------------------------------------------------

    def _open(self) -> None:
        everybody = list(players())
        workspace = self._workspace()
        lists = {
            True: Consent("nurture", "Sample list: signed up at the spring fair"),
            False: None,
        }
        for consents, consent in lists.items():
            import_contacts(
                self.runtime.database,
                workspace,
                BytesIO(as_csv([one for one in everybody if one.consents is consents])),
                now=self.clock.now(),
                consent=consent,
            )
        with self.runtime.database.read() as tx:
            known = contacts.by_email(tx, [one.email for one in everybody])
        self.cast = {known[one.email].id: one for one in everybody}
        for number, one in self.cast.items():
            morning = self._begins.astimezone(ZoneInfo(one.timezone)).replace(hour=0, minute=0)
            self._at(morning + one.first_move, self._first_move(number, one))

    def _workspace(self) -> Workspace:
        return self.runtime.published().workspace

    def _first_move(self, number: int, one: Player) -> Deed:
        if enrolled := ENROLLED.get(one.start):
            workflow, why = enrolled
            return lambda: self._enroll(one, workflow, why)
        return lambda: self._asks(number, one)

    def _asks(self, number: int, one: Player) -> None:
        self._tell(number, "offer.requested", {"offer": one.start.value}, "form")
        if one.start is Start.EVENING and one.temper in (Temper.EAGER, Temper.CURIOUS):
            comes = one.after("evening", 96, 190)
            self._later(comes, lambda: self._tell(number, "workshop.attended", source="door list"), one)

    def _enroll(self, one: Player, workflow: str, why: str) -> None:
        enroll_addresses(self.runtime, workflow, [one.email], why)

    # --- the clock ------------------------------------------------------------------------------------------

    def _later(self, after: timedelta, deed: Deed, one: Player | None = None) -> None:
        """After this span; what ``one`` would do at night is done in the morning."""
        at = self.clock.at + after
        if one is not None:
            local = at.astimezone(ZoneInfo(one.timezone))
            if not DAY[0] <= local.hour < DAY[1]:
                morning = local.replace(hour=DAY[0], minute=int(60 * one.share("wakes")))
                at = morning if local.hour < DAY[0] else morning + timedelta(days=1)
        self._at(at, deed)

    def _at(self, at: datetime, deed: Deed) -> None:
        at = max(at, self.clock.at).astimezone(UTC)
        heappush(self._agenda, (at, next(self._numbers), deed))

    def _next(self) -> datetime | None:
        """The next moment at which something happens, on the grid; None when that is after the end."""
        with self.runtime.database.read() as tx:
            due = counts.next_moment(tx)
        moments = [due] if due else []
        moments += [self._agenda[0][0]] if self._agenda else []
        if not moments:
            return None
        at = max(min(moments), self.clock.at + timedelta(seconds=1))
        past = (at - self._begins) % GRID
        at = at + GRID - past if past else at
        return at if at < self.ends else None

    # --- how people take it ---------------------------------------------------------------------------------

    def _react(self) -> None:
        with self.runtime.database.read() as tx:
            mails = deliveries.sent_after(tx, self._looked)
            calls = [call for call in tasks.queue(tx) if call.id not in self._answered]
        self._looked = self.clock.at
        for mail in mails:
            self._gets(self.cast[mail.contact_id], mail)
        for call in calls:
            self._answered.add(call.id)
            self._is_called(self.cast[call.contact_id], call)

    def _gets(self, one: Player, mail: Delivery) -> None:
        """What somebody does about a mail, if anything."""
        if one.temper is Temper.GONE:
            self._later(timedelta(minutes=20), lambda: self._comes_back(returned.bounced(mail)))
            return
        if mail.marketing and one.share("is filtered") < FILTERED:
            self._readers.is_scanned(mail)
        if one.share("is away", mail.template) < AWAY:
            self._later(timedelta(minutes=1), lambda: self._comes_back(returned.away(mail)))
        if one.temper is Temper.LEAVING and mail.marketing:
            self._later(one.after(mail.template, 1, 9), lambda: self._leaves(mail), one)
            return
        takes = mail.contact_id in self._back or one.share("takes", mail.template) < TAKES[one.temper]
        if mail.offer and takes:
            self._later(one.after(mail.template, 0.3, 30), lambda: self._takes(mail), one)
        elif mail.offer and one.start is Start.GUIDE and one.share("comes back") < BACK.get(one.temper, 0):
            self._later(one.after("comes back", 31 * 24, 34 * 24), lambda: self._asks_again(mail), one)
        if mail.marketing and one.share("clicks", mail.template) < CLICKS[one.temper]:
            self._later(one.after(f"{mail.template} click", 0.2, 40), lambda: self._clicks(one, mail), one)

    def _clicks(self, one: Player, mail: Delivery) -> None:
        self._readers.clicks(mail)
        if one.temper is Temper.EAGER and one.share("replies", mail.template) < 0.3:
            self._later(timedelta(hours=1), lambda: self._comes_back(returned.replied(mail)))
        if one.share("books") < BOOKS[one.temper]:
            self._later(one.after("books", 2, 30), lambda: self._books(mail.contact_id, one), one)

    def _books(self, number: int, one: Player) -> None:
        if number in self._booked:
            return
        self._booked.add(number)
        self._tell(number, "meeting.booked", source="calendar")
        self._later(one.after("meets", 48, 120), lambda: self._meets(number, one), one)

    def _meets(self, number: int, one: Player) -> None:
        self._tell(number, "meeting.held", source="calendar")
        if one.share("buys") < BUYS[one.temper]:
            self._later(one.after("buys", 3, 60), lambda: self._buys(number, one), one)

    def _buys(self, number: int, one: Player) -> None:
        price = {"amount": PRICES[one.household]}
        self._tell(number, "sale.closed", price | {"kind": "first-plan"}, PLANNER)
        if one.share("regrets") < 0.2:
            regrets = one.after("regrets", 60, 160)
            self._later(regrets, lambda: self._tell(number, "sale.refunded", price, PLANNER), one)
        elif one.share("settles in") < 0.6:
            settled = one.after("settles in", 130, 330)
            self._later(settled, lambda: self._tell(number, "onboarding.completed", source=PLANNER), one)

    def _is_called(self, one: Player, call: Task) -> None:
        """Who makes the call, when, and how it ends; some are never made, the last are left to the visitor."""
        appeared = call.appeared_at.astimezone(ZoneInfo(one.timezone))
        days = (self.ends.astimezone(appeared.tzinfo).date() - appeared.date()).days
        weekdays = sum((appeared + timedelta(days=day + 1)).weekday() < 5 for day in range(days))
        if weekdays <= LEFT_TO_THE_VISITOR or one.share("call", call.script) < 0.25:
            return
        outcome = OUTCOMES[int(one.share("outcome", call.script) * len(OUTCOMES))]
        at = appeared.replace(hour=9, minute=0) + timedelta(minutes=480 * one.share("call time", call.script))
        while at <= appeared or at.weekday() >= 5:  # in the contact's office hours, as soon as may be
            at += timedelta(days=1)
        self._at(at, lambda: self._is_reached(one, call, outcome))

    def _is_reached(self, one: Player, call: Task, outcome: str) -> None:
        about = (call.enrollment_id, call.step, call.visit)
        data: dict[str, Scalar] = {"outcome": outcome, "minutes": 1}
        if outcome not in ("voicemail", "no-answer"):
            data["minutes"] = 3 + int(9 * one.share("minutes", call.script))
        if notes := NOTES.get(outcome):
            data["note"] = notes[int(one.share("note", call.script) * len(notes))]
        happening = Happening(
            contact_id=call.contact_id,
            name="call.outcome",
            data=data,
            about=about,
            source=call.assignee or PLANNER,
        )
        track(self.runtime, [happening])
        if outcome == "booked":
            self._later(timedelta(minutes=10), lambda: self._books(call.contact_id, one))

    # --- deeds ----------------------------------------------------------------------------------------------

    def _tell(
        self, number: int, name: str, data: Mapping[str, Scalar] = NOTHING, source: str = "demo"
    ) -> None:
        track(self.runtime, [Happening(contact_id=number, name=name, data=data, source=source)])

    def _comes_back(self, raw: bytes) -> None:
        take(self.runtime, raw, "mailbox")

    def _takes(self, mail: Delivery) -> None:
        downloads.take(self.runtime, Payload(mail.key, mail.offer))

    def _asks_again(self, mail: Delivery) -> None:
        """Too late for the stage: the loss is on record, and the download will open it again."""
        self._back.add(mail.contact_id)
        downloads.renew(self.runtime, Payload(mail.key, mail.offer))

    def _leaves(self, mail: Delivery) -> None:
        leaving.leave(self.runtime, mail.key, "page")


TAKES = {
    Temper.EAGER: 0.95,
    Temper.CURIOUS: 0.55,
    Temper.SLOW: 0.25,
    Temper.SILENT: 0.06,
    Temper.LEAVING: 0.5,
}
CLICKS = {Temper.EAGER: 0.8, Temper.CURIOUS: 0.4, Temper.SLOW: 0.15, Temper.SILENT: 0.0}
BOOKS = {Temper.EAGER: 0.85, Temper.CURIOUS: 0.4, Temper.SLOW: 0.15}
BUYS = {Temper.EAGER: 0.85, Temper.CURIOUS: 0.5, Temper.SLOW: 0.3, Temper.SILENT: 0.2, Temper.LEAVING: 0.0}
BACK = {Temper.SLOW: 0.8, Temper.SILENT: 0.6}
"""Who finds the old mail again when its link is over."""
PRICES = {"single": 290, "couple": 390, "family": 450}
PLANNER = "claire@example.org"
"""Who tells of sales and of what clients do."""
ENROLLED = {
    Start.CLIENT: ("loyalty", "a year since the first plan"),
    Start.DORMANT: ("win-back", "silent since last year"),
}
OUTCOMES = (
    "reached",
    "reached",
    "reached",
    "voicemail",
    "voicemail",
    "no-answer",
    "booked",
    "booked",
    "not-interested",
    "not-interested",
)
NOTES = {
    "reached": (
        "Has it on the kitchen table, not opened yet. Likes to be asked, not told.",
        "Wants to stop at 62; the other half would rather wait. Number three scares them.",
        "Read it in one evening. Asked twice whether it is too late.",
        "Busy until the end of the month, then an hour with us sounds right.",
    ),
    "booked": (
        "Tuesday mornings are best. Will bring the pension letter.",
        "Wants the plan before the tax return. Comes with a list of questions.",
    ),
    "not-interested": ("Has a cousin who does this. Friendly, but no.",),
}
"""What callers write down, by outcome."""
