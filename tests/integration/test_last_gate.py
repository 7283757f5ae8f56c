"""Is nothing accepted after somebody said no, even when the message already stands at its last point?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from nurture.channels.base import Channel, Message, Staged
from nurture.db import notices as store
from nurture.db.notices import NoticeKind, NoticeState
from nurture.rendering.dkim import KeyKind, new_key
from nurture.services.privacy import erasing
from nurture.services.running import pausing
from nurture.services.sending import notices
from nurture.services.sending.notices import Notice
from nurture.web import create_app
from nurture.wiring import Nurture
from tests.support.came_back import bounce, complaint
from tests.support.mailgun_server import a_mailgun
from tests.support.returning import MAILS, WORKFLOW, id_of, takes
from tests.support.running import Running, a_nurture
from tests.support.smtp_server import ScriptedServer

ANA, BEA = "ana@example.org", "bea@example.org"
Took = Callable[[], list[str]]
"""To whom mail was accepted, in the end."""


@contextmanager
def caught(folder: Path) -> Iterator[tuple[str, Took]]:
    def took() -> list[str]:
        files = sorted((folder / "project" / "var" / "mail").glob("*.eml"))
        return [
            line[4:].strip() for file in files for line in file.read_text().splitlines() if line[:4] == "To: "
        ]

    yield "catch:", took


@contextmanager
def by_smtp(folder: Path) -> Iterator[tuple[str, Took]]:
    with ScriptedServer(folder / "mails.jsonl") as server:
        yield server.url, lambda: server.recipients


@contextmanager
def by_http(folder: Path) -> Iterator[tuple[str, Took]]:
    with a_mailgun() as mailgun:
        yield mailgun.url, lambda: [one.to for one in mailgun.taken]


WAYS: dict[str, Callable[[Path], AbstractContextManager[tuple[str, Took]]]] = {
    "catch": caught,
    "smtp": by_smtp,
    "http": by_http,
}


@dataclass
class Meanwhile:
    """A real way out, on which something happens once, as soon as Ana's message stands at its last point."""

    way: Channel
    deeds: list[Callable[[], object]]

    @property
    def group(self) -> int:
        return self.way.group

    def stage(self, messages: Sequence[Message]) -> Staged:
        staged = self.way.stage(messages)
        while self.deeds and any(one.recipient == ANA for one in messages):
            self.deeds.pop()()
        return staged

    def close(self) -> None:
        self.way.close()


@dataclass
class Slow:
    """An installation whose mail takes its time; ``deeds`` happen when Ana's next message stands at its last point."""

    running: Running
    took: Took
    deeds: list[Callable[[], object]] = field(default_factory=list)

    def __post_init__(self) -> None:
        runtime = self.running.nurture.runtime
        changed = replace(runtime, open_channel=lambda: Meanwhile(runtime.open_channel(), self.deeds))
        self.running.nurture = Nurture(self.running.nurture.settings, changed)

    def to(self, person: str) -> int:
        """How many mails to this person were accepted."""
        return sum(person in one for one in self.took())


@pytest.fixture(params=list(WAYS))
def anyhow(request: pytest.FixtureRequest, sqlite_url: str, tmp_path: Path) -> Iterator[Slow]:
    with WAYS[request.param](tmp_path) as (url, took):
        running = a_nurture(sqlite_url, tmp_path, mails=MAILS, smtp_url=url)
        signs(running)
        yield Slow(running, took)
        running.nurture.close()


@pytest.fixture(params=["sqlite", "postgres"])
def either(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Slow]:
    url = str(request.getfixturevalue(f"{request.param}_url"))
    running = a_nurture(url, tmp_path, mails=MAILS)
    signs(running)
    with caught(tmp_path) as (_, took):
        yield Slow(running, took)
    running.nurture.close()


@pytest.fixture
def embedded(sqlite_url: str, tmp_path: Path) -> Iterator[Slow]:
    running = a_nurture(sqlite_url, tmp_path, mails=MAILS)
    signs(running)
    with caught(tmp_path) as (_, took):
        yield Slow(running, took)
    running.nurture.close()


def signs(running: Running) -> None:
    """Everything is signed, so that the moment of signing lies before the gate too."""
    (running.project / "keys").mkdir()
    (running.project / "keys" / "s1.pem").write_bytes(new_key(KeyKind.ED25519))
    toml, sender = (running.project / "nurture.toml").read_text(), "[senders.default]\n"
    keys = 'dkim_selector = "s1"\ndkim_key_file = "keys/s1.pem"\n'
    running.write("nurture.toml", toml.replace(sender, sender + keys))
    running.write("workflows/answers.yaml", WORKFLOW)
    running.publish()


Deed = Callable[[Running], object]


def one_click(running: Running) -> None:
    link = urlsplit(running.nurture.runtime.links.unsubscribe(running.deliveries(ANA)[0].key)).path
    site = create_app(running.nurture.settings, running.nurture).test_client()
    assert site.post(link, data={"List-Unsubscribe": "One-Click"}).status_code == 200


def leave_all(running: Running) -> None:
    link = urlsplit(running.nurture.runtime.links.unsubscribe(running.deliveries(ANA)[0].key)).path
    site = create_app(running.nurture.settings, running.nurture).test_client()
    assert site.post(link, data={"do": "leave-all"}).status_code == 200


def complain(running: Running) -> None:
    assert takes(running, complaint(id_of(running))).ours


def bounce_hard(running: Running) -> None:
    assert takes(running, bounce(ANA, returned=id_of(running))).ours


def be_erased(running: Running) -> None:
    erasing.erase(running.nurture.runtime, ANA, running.project / "var" / "mail", "a test", patience=0)


def stop_everything(running: Running) -> None:
    pausing.pause(running.nurture.runtime, pausing.Scope(), "a fire")


NOES: dict[str, Deed] = {
    "one-click": one_click,
    "leave-all": leave_all,
    "complaint": complain,
    "bounce": bounce_hard,
    "erasure": be_erased,
}


# --- messages of workflows ------------------------------------------------------------------------------------------


def the_second_is_due(running: Running) -> None:
    for email in (ANA, BEA):
        running.add(email)
        running.track("a.happened", email)
    running.run()
    running.clock.advance(days=3, minutes=1)


def test_by_every_way_out_nothing_is_accepted_after_the_one_click(anyhow: Slow) -> None:
    the_second_is_due(anyhow.running)
    anyhow.deeds.append(lambda: one_click(anyhow.running))

    anyhow.running.advance(days=4, step_hours=24)

    assert (anyhow.to(ANA), anyhow.to(BEA)) == (1, 4)
    assert [(name, state) for name, state, _ in anyhow.running.states(ANA)][1:] == [("reminder", "skipped")]


@pytest.mark.parametrize(("no", "kept"), [*((no, 1) for no in NOES if no != "erasure"), ("erasure", 0)])
def test_after_any_no_nothing_is_accepted_and_the_others_get_theirs(
    embedded: Slow, no: str, kept: int
) -> None:
    the_second_is_due(embedded.running)
    embedded.deeds.append(lambda: NOES[no](embedded.running))

    embedded.running.advance(days=4, step_hours=24)

    assert (embedded.to(ANA), embedded.to(BEA)) == (kept, 4)


# --- mails of the installation itself -------------------------------------------------------------------------------


def asks(running: Running) -> None:
    """Both are asked whether it was them."""
    wanted = [
        Notice(
            key=f"confirm:{email}",
            kind=NoticeKind.CONFIRM,
            to=email,
            subject="Please confirm",
            text="A link.\n",
        )
        for email in (ANA, BEA)
    ]
    with running.nurture.database.write() as tx:
        notices.plan(tx, running.nurture.runtime, wanted)


def seen(running: Running) -> dict[str, NoticeState]:
    with running.nurture.database.read() as tx:
        return {one.recipient: one.state for one in store.latest(tx)}


def test_after_a_complaint_a_question_that_stands_ready_is_not_accepted(either: Slow) -> None:
    the_second_is_due(either.running)
    either.running.clock.advance(days=-1)
    asks(either.running)
    either.deeds.append(lambda: complain(either.running))

    either.running.run()

    assert (either.to(ANA), either.to(BEA)) == (1, 2)
    assert seen(either.running) == {ANA: NoticeState.FAILED, BEA: NoticeState.SENT}


def test_of_somebody_erased_a_question_that_stands_ready_is_not_accepted(either: Slow) -> None:
    asks(either.running)
    either.deeds.append(lambda: be_erased(either.running))

    either.running.run()

    assert (either.to(ANA), either.to(BEA)) == (0, 1)
    assert seen(either.running) == {BEA: NoticeState.SENT}


def test_by_every_way_out_the_red_button_holds_a_question_that_stands_ready(anyhow: Slow) -> None:
    asks(anyhow.running)
    anyhow.deeds.append(lambda: stop_everything(anyhow.running))

    anyhow.running.run()

    assert anyhow.took() == []
    assert set(seen(anyhow.running).values()) == {NoticeState.PENDING}
