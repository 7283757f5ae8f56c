"""How nurture itself is started and looked at: the processes a user runs, the services that its commands call.

python -m benchmarks.ours prepare 2000     schema, project, contacts (settings from the environment)
python -m benchmarks.ours release          enroll everyone by hand, once a line comes in on standard input
"""

from __future__ import annotations

import csv
import io
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import sqlalchemy as sa

from benchmarks.measure import Arena
from benchmarks.people import people
from benchmarks.servers import Command, run
from nurture.db import contacts
from nurture.model.words import EnteredBy
from nurture.services.advancing.enroll import Request, enter_all
from nurture.services.contacts.import_contacts import Consent, import_contacts
from nurture.services.releases.publish import publish
from nurture.settings import load_settings
from nurture.wiring import build, upgrade
from nurture.workers.broker import TURNS, make_broker

PROJECT = Path(__file__).parent / "project"
WORKFLOW = "two-letters-and-a-call"
READY = "release when told"  # what `release` says before it waits for a line
SECRET = "only-for-measuring-never-for-a-real-installation"
PHONE = "+1 416 555 0123"  # without a number nobody could be called
AT_ONCE = 500  # contacts enrolled in one transaction


@dataclass(frozen=True)
class Ours:
    """nurture with its number of worker processes and threads; what is not said is its best on two cores."""

    processes: int | None = None
    threads: int | None = None

    @property
    def name(self) -> str:
        """What the table calls it."""
        return "nurture"

    def prepare(self, arena: Arena) -> None:
        """The schema, the published project, and everyone imported with their consent."""
        shutil.copytree(PROJECT, _folder(arena))
        run(self._program(arena, "prepare", str(arena.contacts)), arena.folder / "prepare.log")

    def workers(self, arena: Arena) -> Sequence[Command]:
        """Worker processes and a scheduler, by our own command line."""
        best_processes, best_threads = BEST[arena.backend]
        worker = [sys.executable, "-m", "nurture", "worker", "--threads", str(self.threads or best_threads)]
        scheduler = [sys.executable, "-m", "nurture", "scheduler"]
        environment = _environment(arena)
        return [
            *[Command(worker, environment, "worker ready")] * (self.processes or best_processes),
            Command(scheduler, environment, "scheduler leads"),
        ]

    def release(self, arena: Arena) -> Command:
        """Enrolls everyone by hand."""
        return self._program(arena, "release")

    def tasks_opened(self, arena: Arena) -> int:
        """The open rows of its tasks table."""
        engine = sa.create_engine(arena.database_url, poolclass=sa.NullPool)
        with engine.connect() as connection:
            return int(connection.scalar(sa.text("SELECT count(*) FROM tasks WHERE state = 'open'")) or 0)

    def _program(self, arena: Arena, *arguments: str) -> Command:
        ready = READY if arguments == ("release",) else ""
        return Command([sys.executable, "-m", "benchmarks.ours", *arguments], _environment(arena), ready)


BEST: Mapping[str, tuple[int, int]] = {"sqlite": (2, 1), "postgres": (2, 1)}
"""Worker processes and threads that did well on two cores, by backend; README.md has the table."""


def _folder(arena: Arena) -> Path:
    return arena.folder / "project"


def _environment(arena: Arena) -> dict[str, str]:
    return {
        "NURTURE_PROJECT": str(_folder(arena)),
        "NURTURE_DATABASE_URL": arena.database_url,
        "NURTURE_BROKER_URL": arena.broker_url,
        "NURTURE_SMTP_URL": arena.smtp_url,
        "NURTURE_SECRET_KEY": SECRET,
    }


def prepare(count: int) -> None:
    """All that is there before the start."""
    settings = load_settings(Path(os.environ["NURTURE_PROJECT"]))
    upgrade(settings)
    nurture = build(settings)
    publish(nurture.runtime, settings.project)
    with nurture.database.read() as tx:
        workspace = nurture.runtime.shelf.published(tx).workspace
    consent = Consent("nurture", "people.py")
    report = import_contacts(
        nurture.database, workspace, _list(count), now=nurture.clock.now(), consent=consent
    )
    assert (report.created, report.consented, report.errors) == (count, count, []), report
    nurture.database.analyze()


def _list(count: int) -> io.BytesIO:
    """The people as a spreadsheet writes them."""
    text = io.StringIO()
    rows = csv.writer(text)
    rows.writerow(("email", "first_name", "last_name", "timezone", "phone"))
    rows.writerows((one.email, one.first_name, one.last_name, one.timezone, PHONE) for one in people(count))
    return io.BytesIO(text.getvalue().encode())


def release() -> None:
    """Everyone enters the workflow, and the workers hear of it."""
    settings = load_settings(Path(os.environ["NURTURE_PROJECT"]))
    nurture = build(settings)
    runtime = nurture.runtime
    broker = make_broker(os.environ["NURTURE_BROKER_URL"])
    with nurture.database.read() as tx:
        runtime.shelf.published(tx)
        everyone = iter(contacts.all_ids(tx))
    print(READY, flush=True)
    sys.stdin.readline()
    while some := list(islice(everyone, AT_ONCE)):
        requests = [Request(one, WORKFLOW, EnteredBy.HAND, "measured") for one in some]
        now = nurture.clock.now()
        runtime.database.retrying(lambda tx: enter_all(tx, runtime.shelf, requests, now))  # noqa: B023 - at once
        broker.ring(TURNS)
    nurture.database.dispose()


if __name__ == "__main__":
    if sys.argv[1] == "prepare":
        prepare(int(sys.argv[2]))
    else:
        release()
