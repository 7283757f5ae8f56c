"""A whole installation that lives through a script, by processes that die, oversleep and get in each other's way.

Everything is real: the database, ingestion, turns and deliveries. Only the clock, the mail server at the other end, and
the moment at which something goes wrong are ours. Nothing here judges; the auditor does.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from sqlalchemy import Connection, func, select, text, update

from nurture.db import pauses, state
from nurture.db.session import Database
from nurture.db.tables import DeliveryRow, EnrollmentRow, OutcomeRow, StateRow, TaskRow, table_of
from nurture.db.tables.base import Base
from nurture.model.clock import FrozenClock
from nurture.rendering.links import Links
from nurture.services.published import Shelf
from nurture.services.runtime import Runtime
from nurture.settings import Settings
from nurture.wiring import Nurture
from tests.support.lives import NOWHERE, PEOPLE, POISON, Deed, Fault, Journal, Script
from tests.support.outside import Outside
from tests.support.scripted_server import Server
from tests.support.worlds import MONDAY

E, D, T = (table_of(row) for row in (EnrollmentRow, DeliveryRow, TaskRow))
O, STATE = table_of(OutcomeRow), table_of(StateRow)  # noqa: E741

LEASES_LAPSE = timedelta(minutes=2)


class Died(BaseException):
    """The process is gone in the middle of a line; nobody catches this."""


@dataclass
class Ground:
    """Where lives are lived one after the other: a database that is as new before each of them.

    ``files`` is the SQLite file and its empty original; without it the tables are emptied. Connections are kept, since
    what they know of statements is worth a quarter of the time.
    """

    url: str
    files: tuple[Path, Path] | None = None

    def __post_init__(self) -> None:
        self.ours, self.rivals = Database(self.url), Database(self.url)

    def renew(self) -> None:
        self.dispose()
        if self.files:
            file, original = self.files
            for old in file.parent.glob(f"{file.name}*"):
                old.unlink()
            shutil.copy(original, file)
        else:
            self._empty()
        # The same key for every life: what is spread by chance is spread alike when a life is lived again.
        with self.ours._writer.begin() as tx:
            tx.execute(update(STATE).where(STATE.c.name == state.HASH_KEY).values(value={"key": "07" * 32}))

    def _empty(self) -> None:
        tables = [one for one in Base.metadata.tables.values() if one.name != "state"]
        names = ", ".join(f'"{one.name}"' for one in tables)
        with self.ours._writer.begin() as tx:
            tx.execute(
                text("SET LOCAL session_replication_role = replica")
            )  # the ledger refuses to be emptied
            tx.execute(text(f"TRUNCATE {names} RESTART IDENTITY"))
            tx.execute(text("DELETE FROM state WHERE name <> :kept"), {"kept": state.HASH_KEY})

    def dispose(self) -> None:
        self.ours.dispose()
        self.rivals.dispose()


@dataclass
class Process:
    """One process of ours. Its database tells ``life`` of every moment at which it may be interrupted."""

    life: Life
    nurture: Nurture
    closed: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """What everybody had told us when this process last committed."""
    dead: set[str] = field(default_factory=set)

    def work(self) -> None:
        """One tick: everything that is due now."""
        nurture = self.nurture
        for _ in range(300):
            still_to_come = len(self.life.faults)
            nurture.sweep()
            while nurture.advance.batch() or self.deliver() or nurture.send_notices():
                pass
            if len(self.life.faults) == still_to_come:  # else somebody left more to do meanwhile
                return
        raise AssertionError("the workers never come to rest")

    def deliver(self) -> int:
        try:
            return self.nurture.deliver.batch()
        finally:
            self.life.in_hand = []


def list_nothing(life: Life) -> list[str]:
    return []


@dataclass
class Life:
    """One database, one mail server, and the processes that live and die on them."""

    ground: Ground
    settings: Settings
    script: Script
    clock: FrozenClock = field(default_factory=lambda: FrozenClock(MONDAY))
    journal: Journal = field(default_factory=Journal)
    moments: int = 0
    dialogue: int = 0
    """How many of the moments were in a dialogue."""
    in_hand: list[str] = field(default_factory=list)
    """Whose messages are in a dialogue, or were in the last one of this batch."""
    look: Callable[[Life], list[str]] = list_nothing
    found: list[str] = field(default_factory=list)
    """What was not as it should be right after a fault."""
    busy: bool = True
    """Nothing goes wrong while this holds: at the beginning, and while somebody gets in between."""
    process: Process = field(init=False)
    outside: Outside = field(init=False)
    _rival: Process | None = None
    _mended: bool = False

    def __post_init__(self) -> None:
        self.faults = sorted(self.script.faults, key=lambda fault: fault.moment)
        self.answers = list(self.script.answers)
        self.outside = Outside(self.script, self.journal, self.clock)
        self.process = self.begin(self.ground.ours)

    # --- the life -------------------------------------------------------------------------------------------

    def play(self) -> None:
        self.prepare()
        self.busy = False
        for number, deed in enumerate(self.script.deeds):
            self.pass_time(timedelta(hours=deed.hours), works=deed.what != "nobody works")
            self.insist(lambda process, deed=deed, number=number: self.do(process, deed, str(number)))
        self.busy = True
        self.let_all_go()
        self.run_out()

    def close(self) -> None:
        for process in filter(None, (self.process, self._rival)):
            process.nurture.close()

    def prepare(self) -> None:
        """The project is published, and everybody is there."""
        self.do(self.process, Deed(0, "", "publish"), "")
        self.outside.begin(self.process.nurture)
        if self.script.poison == "zone":
            self.put_zone(POISON, f"'{NOWHERE}'")

    def pass_time(self, span: timedelta, *, works: bool = True) -> None:
        """Time goes on to every moment at which something falls due, and a worker does it; or nobody does."""
        until = self.clock.now() + span
        if not works:
            self.journal.idle.append((self.clock.now(), until))
            self.go_to(until)
        self.tick()
        while (moment := self.next_moment()) is not None and moment <= until:
            self.go_to(moment)
            self.mend()
            self.tick()
        self.go_to(max(until, self.clock.now()))

    def run_out(self) -> None:
        """On until nothing is to come any more."""
        for _ in range(2_000):
            self.tick()
            moment = self.next_moment()
            if moment is None:
                return
            self.go_to(moment)
        raise AssertionError("this life never ends")

    def tick(self) -> None:
        """All that is due now is done; whoever looks on looks right after anything went wrong."""
        still_to_come = len(self.faults)
        self.insist(Process.work)
        if len(self.faults) < still_to_come:
            self.found += self.look(self)

    def go_to(self, moment: datetime) -> None:
        self.clock.advance(seconds=(moment - self.clock.now()).total_seconds())

    def next_moment(self) -> datetime | None:
        """When something falls due by the business clock, or may be tried again by the operational one."""
        now, operational = self.clock.now(), self.clock.operational()
        live = E.c.status == "active"
        business = (
            select(func.min(E.c.wake_at)).where(E.c.wake_at > now),
            select(func.min(D.c.due)).where(D.c.state == "pending", D.c.due > now),
            select(func.min(T.c.expires)).where(T.c.state == "open", T.c.expires > now),
            select(func.min(O.c.settles_at)).where(
                O.c.settled_at.is_(None), O.c.undone_at.is_(None), O.c.settles_at > now
            ),
        )
        again = (
            select(func.min(D.c.retry_at)).where(D.c.state == "pending", D.c.retry_at > operational),
            select(func.min(D.c.lease_until)).where(D.c.state.in_(("claimed", "sending"))),
            select(func.min(E.c.lease_until)).where(live),
        )
        with self.process.nurture.database.read() as tx:
            moments = [one for query in business if (one := tx.execute(query).scalar())]
            tries = [one for query in again if (one := tx.execute(query).scalar())]
            pause = state.channel_pause(tx, "email")
            waiting = tx.execute(select(func.count()).where(D.c.state == "pending", D.c.due <= now)).scalar()
        if pause and pause.until > operational and waiting:
            tries.append(pause.until)
        moments += [now + max(one - operational, timedelta()) + timedelta(seconds=1) for one in tries]
        return min(moments, default=None)

    # --- what happens ---------------------------------------------------------------------------------------    # --- what happens ---------------------------------------------------------------------------------------

    def do(self, process: Process, deed: Deed, once: str) -> None:
        self.outside.do(process.nurture, deed, once)
        for known in filter(None, (self.process, self._rival)):
            known.nurture.runtime.shelf.forget()

    def let_all_go(self) -> None:
        """Nothing stays paused for ever."""
        self.mend(now=True)
        with self.process.nurture.database.write() as tx:
            for pause in pauses.open_pauses(tx):
                pauses.end(tx, self.clock.now(), workflow=pause.workflow, contact_id=pause.contact_id)

    def mend(self, *, now: bool = False) -> None:
        """Somebody notices after half a day that a time zone cannot be right."""
        if self.script.poison != "zone" or self._mended:
            return
        if now or self.clock.now() > MONDAY + timedelta(hours=12):
            self._mended = True
            self.put_zone(POISON, "NULL")

    def put_zone(self, who: str, zone: str) -> None:
        """Straight into the table: no service lets such a zone in."""
        with self.ground.ours._writer.begin() as tx:
            tx.execute(text(f"UPDATE contacts SET timezone = {zone} WHERE email LIKE '{who}@%'"))

    # --- what goes wrong ------------------------------------------------------------------------------------

    def insist(self, work: Callable[[Process], None]) -> None:
        """Do this, by as many processes as it takes."""
        while True:
            try:
                work(self.process)
            except Died:
                self.journal.deaths += 1
                self.process.nurture.close()
                self.clock.operational_at += LEASES_LAPSE
                self.process = self.begin(self.ground.ours)
            else:
                return

    def begin(self, database: Database) -> Process:
        """A new process: it knows nothing but what the database tells it."""
        runtime = Runtime(
            database=database,
            clock=self.clock,
            links=Links(self.settings.base_url, self.settings.secret_keys),
            open_channel=lambda: Server(self, process),
            shelf=Shelf(),
        )
        process = Process(self, Nurture(self.settings, runtime))
        watch(process)
        return process

    def moment(self, process: Process, *, inside: bool = False) -> None:
        """Something may go wrong now; ``inside`` a transaction a process can only die."""
        if self.busy or process is not self.process:
            return
        self.moments += 1
        self.dialogue += bool(self.in_hand)
        due = [one for one in self.faults if self.is_due(one) and (not inside or one.what == "dies")]
        if not due:
            return
        fault = due[0]
        self.faults.remove(fault)
        if fault.what == "dies":
            raise Died
        self.busy = True
        try:
            self.get_between(fault)
        finally:
            self.busy = False

    def is_due(self, fault: Fault) -> bool:
        if fault.in_dialogue:
            return bool(self.in_hand) and fault.moment < self.dialogue
        return fault.moment < self.moments

    def get_between(self, fault: Fault) -> None:
        them = next((name for name in self.in_hand if name in PEOPLE), fault.who)
        who = them if fault.in_dialogue else fault.who
        rival = self._rival = self._rival or self.begin(self.ground.rivals)
        match fault.what:
            case "sleeps":  # for longer than any lease, while another works
                self.journal.doubts += 1
                self.clock.operational_at += LEASES_LAPSE
                rival.work()
            case "turns":
                rival.nurture.advance.batch()
            case "sends":
                rival.nurture.deliver.batch()
            case "sweeps":
                rival.nurture.sweep()
            case what:
                self.do(rival, Deed(0, who, what), f"between-{self.moments}")


def watch(process: Process) -> None:
    """Have the database of this process tell of every moment around its transactions."""
    life, database = process.life, process.nurture.database
    write, commit = partial(Database.write, database), partial(Database._commit, database)

    @contextmanager
    def mortal_write() -> Iterator[Connection]:
        life.moment(process)
        with write() as tx:
            yield tx
        life.moment(process)

    def mortal_commit(tx: Connection, saved: Callable[[], None]) -> None:
        life.moment(process, inside=True)
        commit(tx, saved)
        for email in process.dead:
            life.journal.close(email, "dead")
        process.dead = set()
        process.closed = dict(life.journal.closed)
        life.moment(process, inside=True)

    database.write = mortal_write  # type: ignore[method-assign]
    database._commit = mortal_commit  # type: ignore[method-assign]


# --- the other side ---------------------------------------------------------------------------------------------
