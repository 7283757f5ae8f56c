"""The main job, for real: a CSV, the sample workflow, worker processes, a mail server, weeks of business time, a kill -9."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from nurture.services.running.clock import read_clock
from nurture.settings import load_settings
from nurture.wiring import Nurture, build
from tests.support.commands import run
from tests.support.mailbox import Mailbox, running_mailbox
from tests.support.running import track_by_email
from tests.support.waiting import free_port, until

ROOT = Path(__file__).parents[2]
PARTS = ("workflows", "personas", "offers", "segments", "templates", "assets")
WORKFLOW = "retirement-readiness"
DEAD = "contact7@example.org"
CALLERS = ("kim@example.org", "leo@example.org")
"""They get a list of their calls in the morning."""


@dataclass
class Installation:
    """A project folder, its processes and its mail server, used by commands as a person would."""

    folder: Path
    mailbox: Mailbox

    def command(self, *words: str, fine: bool = True) -> Any:
        """Run ``nurture WORDS --json`` beside the processes, and return its document."""
        result = run(*words, "--json", project=self.folder)
        assert not fine or result.exit_code == 0, result.output
        return json.loads(result.stdout)

    def wait_for_a_morning(self) -> None:
        """Let time pass until nobody's quiet hours hold a mail, at whatever hour the test runs."""
        now = self.command("clock")["now"]
        morning = self.command("when", "on weekdays at 10:00", "--tz", "America/Toronto", "--from", now)["at"]
        ahead = datetime.fromisoformat(morning) - datetime.fromisoformat(now)
        self.command("clock", "--advance", f"{ahead // timedelta(minutes=1) + 1} minutes")

    @contextmanager
    def up(self) -> Iterator[dict[str, Any]]:
        """Everything running, as ``nurture up`` starts it; yields what it says of itself."""
        command = [sys.executable, "-m", "nurture", "up", "--listen", f"127.0.0.1:{free_port()}"]
        with subprocess.Popen(
            [*command, "--project", str(self.folder), "--json"],
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdout is not None
            document = ""
            while not document.endswith("\n}\n"):
                line = process.stdout.readline()
                assert line, f"up ended with {process.wait()}"
                document += line
            try:
                yield json.loads(document)
            finally:
                process.send_signal(signal.SIGTERM)
                assert process.wait(timeout=60) == 0

    def look(self) -> Nurture:
        return build(load_settings(self.folder))


@pytest.fixture
def installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Installation]:
    folder = tmp_path / "company"
    folder.mkdir()
    for part in PARTS:
        shutil.copytree(ROOT / part, folder / part)
    shutil.copy(ROOT / "nurture.toml", folder)
    with running_mailbox(tmp_path / "mailbox") as mailbox:
        monkeypatch.setenv("NURTURE_SMTP_URL", mailbox.url)
        yield Installation(folder, mailbox)


def people(count: int) -> str:
    rows = [
        f"contact{number}@example.org;Name {number};+1416555{number % 10000:04}" for number in range(count)
    ]
    return "E-Mail;First name;Phone\n" + "\n".join(rows) + "\n"


def idle(nurture: Nurture) -> bool:
    """Nothing is due, and nothing is in anybody's hands."""
    with nurture.database.read() as tx:
        turns = tx.execute(
            text("SELECT count(*) FROM enrollments WHERE wake_at <= :now"), {"now": sql_time(nurture)}
        )
        open_ = text("SELECT count(*) FROM deliveries WHERE state IN ('pending', 'claimed', 'sending')")
        return turns.scalar_one() + tx.execute(open_).scalar_one() == 0


def sql_time(nurture: Nurture) -> str:
    """Business time as SQLite holds it; asked of the database, since a process trusts its own for half a second."""
    return read_clock(nurture.runtime).now.strftime("%Y-%m-%d %H:%M:%S.%f")


@pytest.mark.parametrize(
    ("count", "kills"),
    [
        pytest.param(40, False, id="40 people"),
        # What a dead worker held is free again after its lease: most of a minute.
        pytest.param(1_000, True, id="1,000 people, a worker killed", marks=pytest.mark.slow),
    ],
)
@pytest.mark.timeout(600)
def test_weeks_of_a_workflow_reach_everybody_once_and_a_killed_worker_loses_nothing(
    installation: Installation, count: int, kills: bool
) -> None:
    (installation.folder / "people.csv").write_text(people(count), encoding="utf-8")
    installation.command("db", "upgrade")
    installation.command("publish", "--yes")
    csv = str(installation.folder / "people.csv")
    imported = installation.command("contacts", "import", csv, "--consent", "nurture", "--source", "fair")
    installation.mailbox.refuse(DEAD)
    installation.wait_for_a_morning()
    nurture = installation.look()

    with installation.up() as started:
        entered = installation.command("enroll", "--all", WORKFLOW, "--reason", "met at the fair")
        until(lambda: installation.mailbox.count() > count // 10, deadline=60)
        if kills:
            worker = next(pid for name, pid in started["processes"].items() if name.startswith("worker"))
            os.kill(worker, signal.SIGKILL)
        until(lambda: idle(nurture), deadline=120)
        for number in range(0, count, 2):
            track_by_email(
                nurture.runtime,
                f"contact{number}@example.org",
                "offer.downloaded",
                {"offer": "readiness-guide"},
            )
        for _ in range(6):
            installation.command("clock", "--advance", "2d")
            until(lambda: idle(nurture), deadline=120)

    assert imported["created"] == entered["enrolled"] == count
    doctor = installation.command("doctor", fine=False)
    assert doctor["planned"] == sum(
        doctor[state] for state in ("sent", "skipped", "failed", "ambiguous", "pending")
    )
    assert doctor["pending"] == 0
    check_the_mailbox(installation, nurture, doctor, count)
    check_three_fates(installation, held_out(nurture), count)
    nurture.close()


def check_the_mailbox(
    installation: Installation, nurture: Nurture, doctor: dict[str, Any], count: int
) -> None:
    """Every due message once, with the right headers; what a kill left in doubt is counted as such."""
    everything = installation.mailbox.mails()
    mails = [mail for mail in everything if mail["X-Recipient"] not in CALLERS]
    by_id = Counter(mail["Message-ID"] for mail in mails)
    by_step = Counter((mail["X-Recipient"], str(mail["Subject"])) for mail in mails)
    assert [key for key, times in by_id.items() if times > 1] == []
    assert [key for key, times in by_step.items() if times > 1] == []
    assert doctor["sent"] <= len(mails) <= doctor["sent"] + doctor["ambiguous"]
    assert doctor["failed"] == 1  # the dead address
    for mail in mails:
        assert mail["List-Unsubscribe"].startswith("<http")
        assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        assert "@" not in mail["List-Unsubscribe"]
        assert mail["X-Recipient"] == mail["To"].addresses[0].addr_spec
        assert len(mail.get_all("Date")) == len(mail.get_all("From")) == 1
    reached = {mail["X-Recipient"] for mail in mails}
    assert reached == {f"contact{number}@example.org" for number in range(count)} - held_out(nurture) - {DEAD}


def held_out(nurture: Nurture) -> set[str]:
    """The workflow's holdout of 5%: they get nothing, so that the others can be compared."""
    query = "SELECT email FROM contacts JOIN enrollments ON contact_id = contacts.id WHERE holdout"
    with nurture.database.read() as tx:
        return set(tx.execute(text(query)).scalars())


def check_three_fates(installation: Installation, unmailed: set[str], count: int) -> None:
    """Why: one who read the guide, one who did not, one whose address is dead."""
    told = {DEAD, *unmailed}
    readers = (f"contact{number}@example.org" for number in range(0, count, 2))
    others = (f"contact{number}@example.org" for number in range(1, count, 2))
    reader = installation.command("why", next(email for email in readers if email not in told))
    silent = installation.command("why", next(email for email in others if email not in told))
    dead = installation.command("why", DEAD)
    assert {"entered", "send", "sent", "validated"} <= {turn["decision"] for turn in reader["turns"]}
    assert "first-sale" in str(reader["next"])
    assert "call" in {turn["decision"] for turn in silent["turns"]}
    assert "validated" not in {turn["decision"] for turn in silent["turns"]}
    assert ("lost", "bounced") in {(turn["decision"], turn["reason"]) for turn in dead["turns"]}
    for turn in reader["turns"]:
        assert turn["at"]
        assert turn["decision"] not in ("send", "wait", "entered") or (turn["file"] and turn["line"])
