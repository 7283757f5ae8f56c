"""A process that dies at any moment at all: is nothing lost, nothing sent twice, and every doubt written down?

A short life of six contacts is played again and again. Each time the process dies at another of its moments: right
before or after a COMMIT, or between two strokes of the channel. Another process then takes over what it left.
"""

from __future__ import annotations

import os
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, make_url

from nurture.channels.base import Accepted, Channel, Dead, Message, Outcome, Staged
from nurture.channels.catch import CatchChannel
from nurture.db.deliveries import Delivery
from nurture.model.clock import FrozenClock
from nurture.model.errors import Severity
from nurture.services.running import doctor
from nurture.settings import Settings
from nurture.wiring import Nurture, build
from tests.integration.test_rules_in_the_database import AFTER_LOSS, WORKFLOW
from tests.support.running import Running, a_nurture, track_by_email
from tests.support.servers import Postgres
from tests.support.worlds import MONDAY

NAMES = ("ana", "bea", "carl", "dora", "eve", "finn")
GONE = "eve@example.org"
"""Her address does not exist any more, where there is a server to say so."""
LEASES_LAPSE = timedelta(minutes=2)

Step = tuple[float, tuple[tuple[str, str, dict[str, str]], ...]]
LIFE: tuple[Step, ...] = (
    (0, tuple((name, "a.happened", {}) for name in NAMES)),
    (0.5, (("dora", "consent.withdrawn", {"purpose": "nurture"}),)),
    (2, ()),
    (2.5, (("ana", "b.happened", {}), ("carl", "b.happened", {}), ("finn", "b.happened", {}))),
    (3.1, ()),
    (3.6, (("bea", "call.outcome", {"outcome": "reached"}), ("ana", "sale.closed", {}))),
    (31, ()),
    (33, ()),
    (34, (("finn", "sale.closed", {}),)),
    (37, ()),
    (70, ()),
    (100, ()),
)
"""What happens to whom after how many days: a sale, a call, a withdrawal, losses, a reopening, a second workflow."""


class Died(BaseException):
    """The process is gone in the middle of a line; nobody catches this."""


@dataclass
class Fate:
    """Counts the moments of a life; at moment ``dies_at`` the process dies, once."""

    dies_at: int | None = None
    moments: list[str] = field(default_factory=list)

    def moment(self, name: str) -> None:
        self.moments.append(name)
        if len(self.moments) - 1 == self.dies_at:
            raise Died(name)


@dataclass
class Server:
    """The other side: remembers what it accepted, and outlives every process of ours."""

    accepted: list[tuple[str, str]] = field(default_factory=list)
    """Key and Message-ID of each acceptance."""


@dataclass
class ServerChannel:
    """A way to that server. It takes a message as often as it is sent."""

    server: Server
    fate: Fate
    group: int = 4

    def stage(self, messages: Sequence[Message]) -> Staged:
        gone = {
            index: Dead(550, "5.1.1", "gone") for index, one in enumerate(messages) if one.recipient == GONE
        }
        return StagedThere(
            self, messages, gone, [index for index in range(len(messages)) if index not in gone]
        )

    def close(self) -> None: ...


@dataclass
class StagedThere:
    channel: ServerChannel
    messages: Sequence[Message]
    refused: Mapping[int, Outcome]
    ready: list[int]

    def drop(self, indexes: Iterable[int]) -> None:
        self.ready = [index for index in self.ready if index not in set(indexes)]

    def finish(self) -> Mapping[int, Outcome]:
        for index in self.ready:
            self.channel.server.accepted.append((self.messages[index].key, self.messages[index].message_id))
            self.channel.fate.moment("one accepted")
        return {index: Accepted(250) for index in self.ready}


@dataclass
class Mortal:
    """A channel whose process may die before and after each of its strokes."""

    channel: Channel
    fate: Fate

    @property
    def group(self) -> int:
        return self.channel.group

    def stage(self, messages: Sequence[Message]) -> Staged:
        staged = self.channel.stage(messages)
        self.fate.moment("staged")
        return MortalGroup(staged, self.fate)

    def close(self) -> None:
        self.channel.close()


@dataclass
class MortalGroup:
    staged: Staged
    fate: Fate

    @property
    def refused(self) -> Mapping[int, Outcome]:
        return self.staged.refused

    @property
    def ready(self) -> Sequence[int]:
        return self.staged.ready

    def drop(self, indexes: Iterable[int]) -> None:
        self.staged.drop(indexes)

    def finish(self) -> Mapping[int, Outcome]:
        self.fate.moment("about to finish")
        outcomes = self.staged.finish()
        self.fate.moment("finished")
        return outcomes


@dataclass
class World:
    """One database and one mail server, and processes that live and die on them."""

    settings: Settings
    clock: FrozenClock
    fate: Fate
    server: Server | None

    def play(self) -> Running:
        """The whole life, by as many processes as it takes; returns the last one."""
        nurture = self.begin()
        for days, happenings in LIFE:
            self.clock.at = MONDAY + timedelta(days=days)
            while True:
                try:
                    for name, event, data in happenings:
                        # The outside repeats what nobody answered, under the same id.
                        track_by_email(
                            nurture.runtime, f"{name}@example.org", event, data, id=f"{name}-{event}-{days}"
                        )
                    nurture.run_until_idle()
                except Died:
                    nurture.close()
                    self.clock.operational_at += LEASES_LAPSE
                    nurture = self.begin()
                else:
                    break
        return Running(nurture, self.clock, self.settings.project)

    def begin(self) -> Nurture:
        nurture = build(self.settings, self.clock)
        commit = nurture.database._commit

        def mortal_commit(tx: Connection, saved: Callable[[], None]) -> None:
            self.fate.moment("before a commit")
            commit(tx, saved)
            self.fate.moment("after a commit")

        nurture.database._commit = mortal_commit  # type: ignore[method-assign]
        return Nurture(self.settings, replace(nurture.runtime, open_channel=self.open_channel))

    def open_channel(self) -> Channel:
        if self.server is None:
            return Mortal(CatchChannel(self.settings.var / "mail"), self.fate)
        return Mortal(ServerChannel(self.server, self.fate), self.fate)


@dataclass
class Lived:
    """What became of a life. Rows are named by who, which workflow, step and visit."""

    accepted: Counter[str]
    deliveries: dict[tuple[str, str, str, int], Delivery]
    ends: dict[str, object]
    errors: list[str]
    moments: list[str]

    def rows(self, *states: str) -> set[tuple[str, str, str, int]]:
        return {name for name, one in self.deliveries.items() if one.state in states}


Life = Callable[[int | None], Lived]


@pytest.fixture(params=["sqlite", "postgres"])
def copies(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[int], str]:
    """The address of a fresh copy of one published project with six contacts."""
    original = str(request.getfixturevalue(f"{request.param}_url"))
    running = a_nurture(original, tmp_path, mails=("hello", "again", "decide", "sorry"))
    running.write("templates/call/ring.txt", "Call {{ contact.first_name or 'them' }}.\n")
    running.write("workflows/one.yaml", WORKFLOW)
    running.write("workflows/after-loss.yaml", AFTER_LOSS)
    running.publish()
    for name in NAMES:
        running.add(f"{name}@example.org")
    running.nurture.close()
    if request.param == "sqlite":
        return lambda number: sqlite_copy(make_url(original).database or "", tmp_path / f"copy-{number}.db")
    server: Postgres = request.getfixturevalue("postgres_server")
    template = make_url(original).database or ""
    return lambda number: server.create(template).render_as_string(hide_password=False)


def sqlite_copy(original: str, copy: Path) -> str:
    with closing(sqlite3.connect(original)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    return f"sqlite:///{copy}"


@pytest.fixture(params=["files", "a server"])
def life(
    request: pytest.FixtureRequest, tmp_path: Path, copies: Callable[[int], str], postgres_server: Postgres
) -> Iterator[Life]:
    made: list[str] = []

    def live(dies_at: int | None) -> Lived:
        number = len(made)
        made.append(copies(number))
        folder = tmp_path / f"life-{number}"
        folder.mkdir()
        settings = Settings(project=folder, database_url=made[-1], secret_keys=("a-test-key" * 5,))
        server = Server() if request.param == "a server" else None
        with lived(World(settings, FrozenClock(MONDAY), Fate(dies_at), server)) as found:
            return found

    yield live
    for address in made:
        if address.startswith("postgresql"):
            postgres_server.drop(make_url(address))


@contextmanager
def lived(world: World) -> Iterator[Lived]:
    running = world.play()
    try:
        yield Lived(
            accepted=accepted(world),
            deliveries={
                (name, one.workflow or "", one.step, one.visit): one
                for name in NAMES
                for one in running.deliveries(f"{name}@example.org")
            },
            ends={name: end_of(running, f"{name}@example.org") for name in NAMES},
            errors=[
                str(one)
                for one in doctor.examine(running.nurture.runtime).findings
                if one.severity is Severity.ERROR
            ],
            moments=world.fate.moments,
        )
    finally:
        running.nurture.close()


def accepted(world: World) -> Counter[str]:
    """How often each message was accepted, by its key."""
    if world.server is not None:
        assert len(set(world.server.accepted)) == len({key for key, _ in world.server.accepted})
        return Counter(key for key, _ in world.server.accepted)
    return Counter(file.stem.partition("-")[2] for file in (world.settings.var / "mail").glob("*.eml"))


def end_of(running: Running, email: str) -> object:
    """All that became of one contact. Who calls is left out: a turn taken twice may have asked the next one."""
    return {
        "enrollments": [
            (one.workflow, one.status, one.stage, one.end_reason) for one in running.enrollments(email)
        ],
        "messages": running.states(email),
        "moves": running.moves(email),
        "calls": [(script, state) for script, state, _ in running.calls(email)],
    }


def test_a_life_that_nobody_interrupts_holds_all_that_can_happen(life: Life) -> None:
    undisturbed = life(None)

    moves = [move for end in undisturbed.ends.values() for move in end["moves"]]  # type: ignore[index]
    assert {
        "completed second",
        "lost first",
        "reopened second",
        "entered only",
        "exited only",
        "lost only",
    } <= set(moves)
    assert undisturbed.errors == []
    assert set(undisturbed.accepted.values()) == {1}
    assert set(undisturbed.moments) >= {"before a commit", "after a commit", "staged", "finished"}


EVERY = int(os.environ.get("NURTURE_TEST_SWEEP_EVERY", "7"))
"""The long stage looks at every seventh moment; 1 is all of them, a quarter of an hour."""


@pytest.mark.parametrize(
    "stride", [211, pytest.param(EVERY, marks=[pytest.mark.slow, pytest.mark.timeout(1800)])]
)
def test_a_process_may_die_at_any_moment(life: Life, stride: int) -> None:
    undisturbed = life(None)

    for moment in sample(undisturbed.moments, stride):
        died = life(moment)

        check(undisturbed, died, f"died at {moment}, {died.moments[moment]}")
        if died.moments[moment] == "staged":
            assert died.rows("ambiguous") == set()  # nothing had been given the word
        if died.moments[moment] == "one accepted":
            assert died.rows("ambiguous") != set()


def sample(moments: Sequence[str], stride: int) -> list[int]:
    """The first moment of each kind, and every ``stride``-th of all."""
    return sorted({*map(moments.index, set(moments)), *range(0, len(moments), stride)})


def check(undisturbed: Lived, died: Lived, when: str) -> None:
    """Nothing twice, nothing lost, every doubt written down, the books in order, and the same end for everybody."""
    keys = {one.key: name for name, one in died.deliveries.items()}
    went = {keys[key] for key in died.accepted}
    in_doubt = died.rows("ambiguous")
    assert max(died.accepted.values()) == 1, when
    assert died.rows("sent") <= went <= died.rows("sent") | in_doubt, when
    assert died.errors == [], when
    assert len(in_doubt) <= 6, when
    doubtful = {name for name, *_ in in_doubt if undisturbed.ends[name] != died.ends[name]}
    for name in doubtful:
        # The doubt is the only difference, unless the answer that was lost said that the address is dead.
        if f"{name}@example.org" != GONE:
            assert without_doubt(died.ends[name]) == undisturbed.ends[name], when
    others = [name for name in NAMES if name not in doubtful]
    assert {name: died.ends[name] for name in others} == {name: undisturbed.ends[name] for name in others}, (
        when
    )
    sent = {
        name for name in undisturbed.rows("sent") if name[0] in others or f"{name[0]}@example.org" != GONE
    }
    assert died.rows("sent") | in_doubt >= sent, when


def without_doubt(end: object) -> object:
    assert isinstance(end, dict)
    messages = [
        (name, "sent", None) if state == "ambiguous" else (name, state, why)
        for name, state, why in end["messages"]
    ]
    return {**end, "messages": messages}
