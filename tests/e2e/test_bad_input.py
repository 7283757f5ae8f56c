"""Whatever goes wrong around nurture: one clear sentence with the place and the remedy, and nothing is lost."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from nurture.db import state
from nurture.model.clock import FrozenClock, SystemClock
from nurture.services.events.ingest import Happening, track
from nurture.settings import load_settings
from nurture.wiring import Nurture, build
from nurture.workers.broker import DELIVERIES, HOUSEKEEPING, TURNS, make_broker
from nurture.workers.valkey import EmbeddedValkey
from tests.integration.test_broker import FORGED, forge
from tests.support.commands import a_starter, answer, mend, run
from tests.support.mailbox import Mailbox, running_mailbox
from tests.support.running import track_by_email
from tests.support.waiting import free_port, until

NURTURE = (sys.executable, "-m", "nurture")
KEY = "a-key-that-nobody-guesses-in-a-test-0123456789"
WORKFLOW = "workflows/first-steps.yaml"
PICTURE = b"\x89PNG\r\n" + bytes(range(256)) * 9
PEOPLE = "email,first_name\nana@example.org,Ana\nbea@example.org,Bea\n"


@pytest.fixture(scope="session")
def _live_starter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = a_starter(tmp_path_factory.mktemp("starter") / "company")
    (folder / "people.csv").write_text(PEOPLE)
    assert run("publish", project=folder).exit_code == 0
    taken = run(
        "contacts",
        "import",
        folder / "people.csv",
        "--consent",
        "nurture",
        "--source",
        "fair",
        project=folder,
    )
    assert taken.exit_code == 0, taken.output
    return folder


@pytest.fixture
def company(_live_starter: Path, tmp_path: Path) -> Path:
    """A small project that is live, with Ana and Bea in its database."""
    return shutil.copytree(_live_starter, tmp_path / "company")


@pytest.fixture
def mailbox(tmp_path: Path) -> Iterator[Mailbox]:
    with running_mailbox(tmp_path / "mailbox") as mailbox:
        yield mailbox


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[EmbeddedValkey]:
    server = EmbeddedValkey(tmp_path / "broker")
    server.start()
    yield server
    server.stop()


def told(*words: str | Path, project: Path, code: int = 1) -> str:
    """What a command that cannot do it says, for people, and only there."""
    result = run(*words, project=project)
    assert result.exit_code == code, result.output
    assert isinstance(result.exception, SystemExit)
    assert "mistake in nurture" not in result.output
    return " ".join(result.stderr.split())


def assert_all_is_well(company: Path) -> None:
    """The contacts are there, and the version that was published last works for them."""
    nurture = build(load_settings(company))
    track_by_email(nurture.runtime, "ana@example.org", "offer.requested", {"offer": "checklist"})
    nurture.run_until_idle()
    nurture.close()
    assert answer("contacts", "show", "bea@example.org", project=company)["contact"]["first_name"] == "Bea"
    assert [file.suffix for file in (company / "var" / "mail").iterdir()] == [".eml"]


# --- files ------------------------------------------------------------------------------------------------------

Spoil = Callable[[Path], None]


def change(old: str, new: str, file: str = WORKFLOW) -> Spoil:
    return lambda company: mend(company / file, old, new)


def put(file: str, data: bytes) -> Spoil:
    def spoil(company: Path) -> None:
        (company / file).write_bytes(data)

    return spoil


def cut_before(words: str) -> Spoil:
    """As a disk that was full while the file was saved."""

    def spoil(company: Path) -> None:
        file = company / WORKFLOW
        file.write_text(file.read_text().partition(words)[0])

    return spoil


FILES: dict[str, tuple[Spoil, str, str]] = {
    "a wrong indentation": (
        change("    validate: sale.closed", "      validate: sale.closed"),
        f"{WORKFLOW}:28:15: bad-yaml",
        "look at the indentation",
    ),
    "a key twice": (
        change("title:", "title: One\ntitle:"),
        f"{WORKFLOW}:4:1: duplicate-key",
        "the first one is in line 3",
    ),
    "a tab": (change("    need: See", "\tneed: See"), f"{WORKFLOW}:26:1: bad-yaml", "indent with spaces"),
    "half a file": (
        cut_before("validate: sale.closed"),
        f"{WORKFLOW}:25:5: stage-without-validation",
        "hint: ",
    ),
    "no template": (
        lambda company: (company / "templates/email/welcome.md").unlink(),
        f"{WORKFLOW}:45:17: unknown-template",
        "write the template",
    ),
    "a field that nobody has": (
        change("reentry: 180 days", "exit_when: contact.compani"),
        f"{WORKFLOW}:7:12: unknown-field",
        "did you mean 'company'?",
    ),
    "a field that nobody has, in a template": (
        change("contact.first_name", "contact.frist_name", "templates/email/welcome.md"),
        "templates/email/welcome.md:6:4: unknown-variable",
        "did you mean 'first_name'?",
    ),
    "a step of no kind": (
        change("{email: welcome", "{emial: welcome"),
        f"{WORKFLOW}:45:10: unknown-step",
        "did you mean 'email'?",
    ),
    "another alphabet": (
        put(WORKFLOW, b"\xff\xfe\x00w"),
        f"{WORKFLOW}:1:1: bad-yaml",
        "save it again as UTF-8",
    ),
    "a broken workspace": (put("nurture.toml", b"[workspace\n"), "nurture.toml:1:11: bad-toml", "key = "),
}


@pytest.mark.parametrize(("spoil", "place", "remedy"), FILES.values(), ids=FILES.keys())
def test_a_file_with_a_fault_goes_nowhere_and_the_last_good_version_goes_on(
    company: Path, tmp_path: Path, spoil: Spoil, place: str, remedy: str
) -> None:
    good = shutil.copytree(company, tmp_path / "good")
    spoil(company)

    said = told("publish", project=company)
    shown = answer("publish", project=company, exit_code=1)["problems"]
    shutil.copytree(good, company, dirs_exist_ok=True)

    assert place in said
    assert remedy in said
    assert "in the project's files" in said
    assert f"{shown[0]['file']}:{shown[0]['line']}:{shown[0]['column']}: {shown[0]['code']}" in said
    assert_all_is_well(company)
    assert run("publish", project=company).exit_code == 0


# --- lists ------------------------------------------------------------------------------------------------------

LISTS: dict[str, tuple[bytes, str, str]] = {
    "bytes of another program": (
        PICTURE,
        "this is no text file",
        "save the list as CSV",
    ),
    "half letters in UTF-16": (
        b"\xff\xfe" + b"\0\xd8" * 99,
        "the heading (row 1) cannot be read",
        "as CSV in UTF-8",
    ),
    "no addresses": (b"name,phone\nAna,123\n", "no column holds e-mail addresses", "--map 'Column=email'"),
    "no heading": (b"ana@example.org,Ana\n", "the first row holds an e-mail address", "put a row such as"),
    "nothing": (b"", "the file is empty", ""),
}


@pytest.mark.parametrize(("data", "fault", "remedy"), LISTS.values(), ids=LISTS.keys())
def test_a_list_that_cannot_be_read_changes_nobody(
    company: Path, data: bytes, fault: str, remedy: str
) -> None:
    (company / "list.csv").write_bytes(data)

    said = told("contacts", "import", company / "list.csv", project=company)

    assert fault in said
    assert remedy in said
    assert_all_is_well(company)


def test_a_list_with_bad_rows_brings_in_the_good_ones_and_hands_back_the_others(company: Path) -> None:
    (company / "fair.csv").write_text(
        "email,first_name\ncarl@example.org,Carl\nDora\nno address,Eve\nfinn@example.org,Finn,more\n"
    )

    report = answer("contacts", "import", company / "fair.csv", project=company, exit_code=1)
    rejected = company / "fair.rejected.csv"
    mend(rejected, ",Dora", ",dora@example.org,Dora")
    mend(rejected, "no address,Eve", "eve@example.org,Eve")
    mend(rejected, "Finn,more", "Finn")
    mended = answer("contacts", "import", rejected, project=company)

    assert (report["created"], report["rejected"]) == (1, 3)
    assert [error["row"] for error in report["errors"]] == [3, 4, 5]
    assert (mended["created"], mended["rejected"]) == (3, 0)
    assert_all_is_well(company)


# --- databases --------------------------------------------------------------------------------------------------


def another_program(folder: Path) -> Path:
    file = folder / "shop.db"
    with closing(sqlite3.connect(file)) as theirs:
        theirs.executescript("CREATE TABLE orders (id INTEGER); INSERT INTO orders VALUES (7);")
    return file


def a_letter(folder: Path) -> Path:
    file = folder / "letter.db"
    file.write_text("Dear aunt, this is a letter and no database, and it is quite a long one.\n" * 20)
    return file


def read_only(folder: Path) -> Path:
    """A file that cannot be made, whoever we are."""
    if os.geteuid() == 0:
        return Path("/sys/kernel/nurture.db")
    (folder / "locked").mkdir(mode=0o555)
    return folder / "locked" / "nurture.db"


DATABASES: dict[str, tuple[Callable[[Path], str], str, str]] = {
    "no such host": (
        lambda _: "postgresql://ana:canary@nobody.invalid/x",
        "cannot be opened",
        "check NURTURE_DATABASE_URL, and that the server runs",
    ),
    "nobody at the port": (
        lambda _: f"postgresql://ana:canary@127.0.0.1:{free_port()}/x",
        "cannot be opened",
        "check NURTURE_DATABASE_URL, and that the server runs",
    ),
    "no such folder": (
        lambda _: "sqlite:////no/such/folder/nurture.db",
        "the folder /no/such/folder, which cannot be used",
        "make the folder",
    ),
    "a folder that may not be written": (
        lambda folder: f"sqlite:///{read_only(folder)}",
        "cannot be opened",
        "the folder is there and may be written",
    ),
    "a folder in place of a file": (lambda folder: f"sqlite:///{folder}", "not a file", "write sqlite:///"),
    "another program's database": (
        lambda folder: f"sqlite:///{another_program(folder)}",
        "already holds tables that are not ours (orders)",
        "name an empty database in NURTURE_DATABASE_URL",
    ),
    "a letter": (
        lambda folder: f"sqlite:///{a_letter(folder)}",
        "not a database",
        "name another file in NURTURE_DATABASE_URL",
    ),
    "a kind we do not speak": (lambda _: "mysql://h/x", "does not speak", "use sqlite:///"),
}


@pytest.mark.parametrize("command", ["doctor", "contacts import people.csv", "up"])
@pytest.mark.parametrize(("address", "fault", "remedy"), DATABASES.values(), ids=DATABASES.keys())
def test_a_wrong_database_is_named_with_its_remedy_and_left_as_it_is(
    company: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    command: str,
    address: Callable[[Path], str],
    fault: str,
    remedy: str,
) -> None:
    monkeypatch.setenv("NURTURE_DATABASE_URL", address(tmp_path))
    monkeypatch.setenv("NURTURE_SECRET_KEY", KEY)
    monkeypatch.chdir(company)
    before = {file: file.read_bytes() for file in tmp_path.glob("*.db")}

    said = told(*command.split(), project=company)

    assert fault in said
    assert remedy in said
    assert "canary" not in said
    assert said.count("nurture: ") == 1
    assert {file: file.read_bytes() for file in tmp_path.glob("*.db")} == before
    monkeypatch.delenv("NURTURE_DATABASE_URL")
    assert_all_is_well(company)


# --- settings and usage -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("NURTURE_SMTP_URL", "mail.example.org", "write for example catch: or smtp://"),
        ("NURTURE_BROKER_URL", "http://x", "write for example redis://"),
        ("NURTURE_SECRET_KEY", "short", "make one with"),
        ("NURTURE_WORKER_THREADS", "many", "write a whole number from 1 to 64"),
        ("NURTURE_DATABSE_URL", "postgresql://h/x", "did you mean"),
    ],
)
def test_a_bad_setting_is_refused_before_anything_is_done(
    company: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    monkeypatch.setenv(name, value)

    refused = told("doctor", project=company)

    assert refused.startswith(f"nurture: {name} ")
    assert said in refused
    monkeypatch.delenv(name)
    assert_all_is_well(company)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("publihs",), "did you mean 'publish'?"),
        (("enroll", "first-steps"), "Name whom to enroll"),
        (("contacts", "import", "nowhere.csv"), "'nowhere.csv' does not exist"),
        (("doctor", "--project", "/no/such/folder"), "does not exist"),
    ],
)
def test_wrong_usage_is_told_with_exit_code_two(words: tuple[str, ...], said: str) -> None:
    result = run(*words)

    assert result.exit_code == 2
    assert said in result.stderr


def test_a_process_says_the_same_on_stderr_and_never_shows_a_traceback(company: Path) -> None:
    mend(company / WORKFLOW, "{email: welcome", "{emial: welcome")
    (company / "list.csv").write_bytes(PICTURE)

    published = as_process(company, "publish")
    imported = as_process(company, "contacts", "import", str(company / "list.csv"))

    assert [(one.returncode, one.stdout) for one in (published, imported)] == [(1, ""), (1, "")]
    assert published.stderr.splitlines()[0].startswith(f"{WORKFLOW}:45:10: unknown-step")
    assert imported.stderr.splitlines() == [
        "nurture: this is no text file (open it in its own program and save the list as CSV)"
    ]


def as_process(company: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [*NURTURE, *words, "--project", str(company)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


# --- servers that are away, and strangers at the bell ------------------------------------------------------------


@dataclass
class Part:
    """A running part of nurture, and what it has said on stderr so far."""

    process: subprocess.Popen[str]
    lines: list[str]

    def said(self, words: str) -> list[str]:
        return [line for line in self.lines if words in line]


@contextmanager
def a_part(name: str, company: Path, **settings: str) -> Iterator[Part]:
    """`nurture NAME` as a process; ends well when told to."""
    with subprocess.Popen(
        [*NURTURE, name, "--project", str(company)],
        env={**os.environ, **settings},
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        lines: list[str] = []
        assert process.stderr is not None
        reader = threading.Thread(target=lines.extend, args=(process.stderr,))
        reader.start()
        try:
            yield Part(process, lines)
        finally:
            process.send_signal(signal.SIGTERM)
            code = process.wait(timeout=60)
            reader.join()
        assert code == 0
        assert "Traceback" not in "".join(lines)


@contextmanager
def looking(company: Path) -> Iterator[Nurture]:
    nurture = build(load_settings(company))
    yield nurture
    nurture.close()


def ask_for_the_checklist(company: Path, count: int) -> None:
    """So many more contacts, each of whom asked for the offer, which is due at any hour."""
    rows = "".join(f"contact{number}@example.org,Name\n" for number in range(count))
    (company / "more.csv").write_text(f"email,first_name\n{rows}")
    imported = answer(
        "contacts",
        "import",
        company / "more.csv",
        "--consent",
        "nurture",
        "--source",
        "fair",
        project=company,
    )
    with looking(company) as nurture:
        with nurture.database.read() as tx:
            everybody = tx.execute(text("SELECT id FROM contacts")).scalars().all()
        asked = [
            Happening(contact_id=one, name="offer.requested", data={"offer": "checklist"})
            for one in everybody
        ]
        entered = track(nurture.runtime, asked)
    assert imported["created"] == count
    assert [one.refused for one in entered.answers] == [None] * (count + 2)


def states(company: Path) -> Counter[str]:
    """How many messages stand in which state."""
    with looking(company) as nurture, nurture.database.read() as tx:
        return Counter(tx.execute(text("SELECT state FROM deliveries")).scalars())


@pytest.mark.slow
def test_a_dead_broker_is_said_once_a_process_waited_for_and_costs_no_work(
    company: Path, broker: EmbeddedValkey, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = broker.url
    broker.stop()
    monkeypatch.setenv("NURTURE_BROKER_URL", url)
    monkeypatch.setenv("NURTURE_SMTP_URL", mailbox.url)

    ask_for_the_checklist(company, 10)  # no command needs a broker
    with a_part("worker", company) as worker, a_part("scheduler", company) as scheduler:
        until(lambda: worker.said("broker away") and scheduler.said("broker away"), deadline=60)
        until(lambda: worker.said("worker ready") and scheduler.said("scheduler leads"), deadline=60)
        waiting = states(company)
        broker.start()
        until(lambda: states(company) == {"sent": 12}, deadline=60)

    assert broker.url == url
    assert waiting == {}
    for part in (worker, scheduler):
        assert len(part.said("broker away")) == len(part.said("broker back")) == 1
    assert_each_got_one(mailbox, 12)


@pytest.mark.slow
def test_a_dead_mail_server_rests_the_channel_fails_nobody_and_all_is_sent_when_it_is_back(
    company: Path, broker: EmbeddedValkey, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NURTURE_BROKER_URL", broker.url)
    monkeypatch.setenv("NURTURE_SMTP_URL", f"smtp://127.0.0.1:{free_port()}")
    ask_for_the_checklist(company, 10)

    with a_part("worker", company) as worker, a_part("scheduler", company):
        until(lambda: worker.said("mail server refuses us"), deadline=60)
        diagnosis = answer("doctor", project=company, exit_code=1)
    monkeypatch.setenv("NURTURE_SMTP_URL", mailbox.url)
    half_a_minute_later = FrozenClock(SystemClock().now(), SystemClock().now() + timedelta(seconds=31))
    nurture = build(load_settings(company), half_a_minute_later)
    nurture.run_until_idle()
    with nurture.database.read() as tx:
        rests = state.channel_pause(tx, "email")
    nurture.close()

    assert [one["code"] for one in diagnosis["findings"]] == ["channel-paused"]
    assert (diagnosis["pending"], diagnosis["failed"], diagnosis["ambiguous"]) == (12, 0, 0)
    assert len(worker.said("mail server refuses us")) == 1
    assert rests is None
    assert states(company) == {"sent": 12}
    assert_each_got_one(mailbox, 12)


@pytest.mark.slow
def test_forged_broker_messages_while_work_goes_on_change_nothing(
    company: Path, broker: EmbeddedValkey, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NURTURE_BROKER_URL", broker.url)
    monkeypatch.setenv("NURTURE_SMTP_URL", mailbox.url)
    bells = make_broker(broker.url)
    over = threading.Event()

    def forge_on() -> None:
        """Every forgery into every queue, and into one that nobody hears, again and again."""
        for round_ in range(20):  # more would fill the broker's memory
            for number, message in enumerate(FORGED.values()):
                for queue in (TURNS, DELIVERIES, HOUSEKEEPING, "nobody-hears"):
                    forge(bells, queue, f"forged-{round_}-{number}", message)
            if over.wait(0.1):
                return

    ask_for_the_checklist(company, 60)
    forger = threading.Thread(target=forge_on)
    with a_part("worker", company) as worker, a_part("scheduler", company):
        forger.start()
        until(lambda: states(company) == {"sent": 62}, deadline=60)
        over.set()
        forger.join()

    assert worker.said("error") == []
    assert_each_got_one(mailbox, 62)
    assert answer("doctor", project=company)["sent"] == 62


def assert_each_got_one(mailbox: Mailbox, count: int) -> None:
    mails: list[Any] = mailbox.mails()
    assert len({mail["X-Recipient"] for mail in mails}) == count
    assert len({mail["Message-ID"] for mail in mails}) == len(mails) == count
