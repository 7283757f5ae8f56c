"""Is the mailbox read once, whatever breaks in between, and is nobody's mail touched but what machines say of ours?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from nurture.channels.mailbox import MailboxError, opened, parse_mailbox_url
from nurture.db import state
from nurture.model.errors import SettingsError
from nurture.services.inbound import arrivals, mailbox
from nurture.services.inbound.mailbox import Reading, look, reading_of
from tests.support.came_back import bounce, full_mailbox, out_of_office, reply
from tests.support.imap_server import ImapServer, Rule
from tests.support.returning import MAILS, closed, id_of, live, noted, told
from tests.support.running import Running, a_nurture
from tests.support.smtp_server import authority_file

Start = Callable[..., Running]


@pytest.fixture
def server() -> Iterator[ImapServer]:
    with ImapServer() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgres"])
def either(request: pytest.FixtureRequest, tmp_path: Path, server: ImapServer) -> Iterator[Running]:
    url = str(request.getfixturevalue(f"{request.param}_url"))
    running = a_nurture(url, tmp_path, mails=MAILS, mailbox_url=server.url("delete"))
    yield live(running)
    running.nurture.database.dispose()


@pytest.fixture
def start(sqlite_url: str, tmp_path: Path) -> Iterator[Start]:
    """One whose mailbox is told by its address."""
    begun: list[Running] = []

    def begin(url: str) -> Running:
        begun.append(live(a_nurture(sqlite_url, tmp_path, mails=MAILS, mailbox_url=url)))
        return begun[-1]

    yield begin
    for one in begun:
        one.nurture.database.dispose()


def minute(running: Running) -> int:
    """A minute passes; returns how many messages were read."""
    running.clock.advance(seconds=61)
    return look(running.nurture.runtime)


def state_of(running: Running) -> Reading:
    settings = running.nurture.runtime.mailbox
    assert settings is not None
    with running.nurture.database.read() as tx:
        return reading_of(tx, settings)


# --- what is done with a message ------------------------------------------------------------------------------------


def test_a_bounce_is_taken_in_and_only_then_deleted(either: Running, server: ImapServer) -> None:
    server.put(bounce("ana@example.org", returned=id_of(either)))

    count = minute(either)

    assert count == 1
    assert closed(either) == {"hard-bounce"}
    assert server.inbox == []
    asked = [one.split()[1] for one in server.commands if one.startswith("UID") and "SEARCH" not in one]
    assert asked == ["FETCH", "STORE", "EXPUNGE"]


def test_what_people_write_and_what_is_not_ours_stays_as_it_was(start: Start, server: ImapServer) -> None:
    running = start(server.url("delete"))
    server.put(
        reply(id_of(running)),
        bounce("stranger@example.net", returned="<theirs@example.net>"),
        b"From: Bob <bob@example.net>\nSubject: Lunch?\n\nAt noon?\n",
        out_of_office(id_of(running)),
    )

    minute(running)

    assert [(one.uid, one.flags) for one in server.inbox] == [(1, set()), (2, set()), (3, set())]
    assert [name for name, _ in told(running)] == ["email.replied"]


@pytest.mark.parametrize("able", [("IMAP4rev1", "UIDPLUS", "MOVE"), ("IMAP4rev1",)], ids=["new", "old"])
@pytest.mark.parametrize("done", ["", "Done/2026", "delete"])
def test_a_report_is_marked_moved_or_deleted_as_told(
    start: Start, server: ImapServer, done: str, able: tuple[str, ...]
) -> None:
    server.able = able
    running = start(server.url(done))
    server.put(bounce("ana@example.org", returned=id_of(running)))

    minute(running)

    left = [one.flags for one in server.inbox]
    if not done:
        assert left == [{"Seen"}]
    else:
        assert left == ([] if "MOVE" in able else [{"Seen", "Deleted"}])
    assert len(server.folders.get("Done/2026", ())) == (done == "Done/2026")


OTHER_CUTS = (
    ("UID FETCH", False),
    ("UID STORE", True),
    ("UID EXPUNGE", False),
    ("UID EXPUNGE", True),
    ("LOGOUT", False),
    ("LOGOUT", True),
)

# --- what breaks ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("at", "late"),
    [
        ("UID FETCH", True),
        ("UID STORE", False),
        *(pytest.param(at, late, marks=pytest.mark.slow) for at, late in OTHER_CUTS),
    ],
)
def test_a_connection_cut_anywhere_has_one_effect_and_leaves_nothing_behind(
    either: Running, server: ImapServer, at: str, late: bool
) -> None:
    server.put(bounce("ana@example.org", returned=id_of(either)), full_mailbox("ana@example.org"))
    server.rules = [Rule(at, late=late)]

    for _ in range(3):
        minute(either)

    assert [data["kind"] for _, data in told(either)] == ["hard", "soft"]
    assert len(noted(either)) == 2
    assert server.inbox == []
    assert state_of(either).problem == ""


def test_the_same_report_twice_in_the_mailbox_is_one(start: Start, server: ImapServer) -> None:
    running = start(server.url("delete"))
    raw = bounce("ana@example.org", returned=id_of(running))
    server.put(raw, b"Received: by another way\n" + raw)

    minute(running)

    assert len(told(running)) == len(noted(running)) == 1
    assert server.inbox == []


def test_new_numbers_of_the_server_are_begun_anew_without_a_second_effect(
    start: Start, server: ImapServer
) -> None:
    running = start(server.url())
    server.put(reply(id_of(running)), bounce("ana@example.org", returned=id_of(running)))
    minute(running)
    server.renumber()
    server.put(reply(id_of(running), words="One more."))

    read = minute(running)

    assert read == 3
    assert [name for name, _ in told(running)] == ["email.replied", "email.bounced", "email.replied"]


def test_a_message_that_breaks_us_or_the_server_delays_no_other(
    start: Start, server: ImapServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = start(server.url("delete"))
    raw = bounce("ana@example.org", returned=id_of(running))
    server.put(b"Subject: POISON\n\nboo\n", b"Subject: cuts the line\n\nboo\n", raw)
    server.rules = [Rule("UID FETCH 2", times=None)]
    classify = arrivals.classify

    def breaks(data: bytes) -> object:
        if b"POISON" in data:
            raise KeyError("a mistake of ours")
        return classify(data)

    monkeypatch.setattr(arrivals, "classify", breaks)
    for _ in range(4):
        minute(running)

    assert closed(running) == {"hard-bounce"}
    assert (state_of(running).left_out, state_of(running).problem) == (2, "")


def test_of_a_huge_message_the_beginning_is_read(start: Start, server: ImapServer) -> None:
    running = start(server.url("delete"))
    server.put(bounce("ana@example.org", returned=id_of(running)) + b"x" * 3_000_000)

    minute(running)

    assert noted(running)[0].email == "ana@example.org"
    assert server.inbox == []


# --- who reads, and when --------------------------------------------------------------------------------------------


def test_it_is_read_once_a_minute(start: Start, server: ImapServer) -> None:
    running = start(server.url())
    look(running.nurture.runtime)
    before = server.asked("LOGIN")

    running.clock.advance(seconds=30)
    running.run()
    assert server.asked("LOGIN") == before
    running.clock.advance(seconds=31)
    running.run()

    assert server.asked("LOGIN") == before + 1


def test_more_than_one_look_can_hold_follows_at_once(
    start: Start, server: ImapServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mailbox, "AT_A_TIME", 2)
    running = start(server.url())
    server.put(*(reply(id_of(running)) for _ in range(5)))

    minute(running)
    while look(running.nurture.runtime):
        pass

    assert len(told(running)) == 5


def test_two_workers_do_not_read_at_once(either: Running, server: ImapServer) -> None:
    server.put(*(reply(id_of(either)) for _ in range(20)))
    either.clock.advance(seconds=61)
    runtime = either.nurture.runtime

    with ThreadPoolExecutor(4) as pool:
        read = list(pool.map(lambda _: look(runtime), range(4)))

    assert sum(read) == 20
    assert server.asked("UID FETCH") == 20
    assert len(told(either)) == 20


def test_one_that_holds_the_lease_and_died_is_replaced(start: Start, server: ImapServer) -> None:
    running = start(server.url())
    server.put(reply(id_of(running)))
    running.clock.advance(seconds=61)
    with running.nurture.database.write() as tx:
        state.lead(tx, "mailbox", "somebody", running.clock.operational(), mailbox.LEASE)

    assert look(running.nurture.runtime) == 0
    running.clock.advance(minutes=6)

    assert look(running.nurture.runtime) == 1


# --- what the server says -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (Rule("LOGIN", "NO [AUTHENTICATIONFAILED] who are you", times=None), "who are you"),
        (Rule("SELECT", "NO there is no such folder", times=None), "cannot be opened"),
        (Rule("UID SEARCH", "BAD what?", times=None), "what?"),
        (Rule("LOGIN", times=None), "the connection failed"),
        (Rule("LOGIN", then="hang", times=None), "does not answer in time"),
    ],
    ids=["log-in", "folder", "bad", "cut", "silent"],
)
def test_a_mailbox_that_cannot_be_read_is_told_with_the_servers_words_and_no_password(
    start: Start, server: ImapServer, rule: Rule, said: str
) -> None:
    running = start(server.url(timeout=0.3))
    server.rules = [rule]

    minute(running)

    assert said in state_of(running).problem
    assert server.password not in state_of(running).problem


def test_certificates_are_checked(tmp_path: Path) -> None:
    with ImapServer(tls=True) as server:
        good = parse_mailbox_url(server.url(cafile=authority_file(tmp_path)))
        with opened(good) as box:
            assert box.validity == 1

        with pytest.raises(MailboxError, match="certificate"), opened(parse_mailbox_url(server.url())):
            pass


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("imap://ana:pw@mail.example.org/INBOX", "in the clear"),
        ("imaps://mail.example.org/INBOX", "no user"),
        ("https://ana:pw@mail.example.org", "no address of a mailbox"),
        ("imaps://ana:pw@mail.example.org/?doen=seen", "unknown option 'doen'"),
        ("imaps://ana:pw@mail.example.org/?timeout=soon", "timeout"),
        ("imaps://ana:pw@mail.example.org/?cafile=/nowhere", "cafile"),
        ("imaps://ana:p\u00e4ss@mail.example.org/", "plain"),
    ],
)
def test_an_address_that_cannot_be_used_is_refused_without_its_password(url: str, said: str) -> None:
    with pytest.raises(SettingsError, match=said) as refused:
        parse_mailbox_url(url)

    assert "pw" not in str(refused.value)
