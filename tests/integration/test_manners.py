"""Good manners, as people see them: every shift and skip has its reason, and a cap is never exceeded by one."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from threading import Barrier

import pytest

from nurture.db import contacts
from nurture.model.workspace import Workspace
from nurture.services.advancing.advance import Advance, Taken, Troubled
from nurture.services.running import pausing
from nurture.services.running.pausing import Scope
from nurture.services.story.path import path
from nurture.services.story.why import why
from tests.support.commands import answer
from tests.support.running import TOML, Running, a_nurture
from tests.support.worlds import MONDAY

CAPS = """
[caps]
messages = "1 per 1 day"
calls = ["1 per 2 days", "2 per 7 days"]
quiet = "21:00-08:00"
"""
WORKFLOW = """\
workflow: {name}
title: One of several
purpose: nurture
{head}
stages:
  - stage: only
    need: Know more
    trigger: manual
    validate: sale.closed
    steps: [{steps}]
    loss: [{{after: 30 days, reason: timed-out}}]
"""
LIVES = {
    "frequency-cap": "{email: hello}, {email: again, after: 1 hour}",
    "call-cap": "{call_task: ring, hold: no}, {call_task: ring-again, after: 1 hour}",
    "quiet-hours": "{email: hello, after: 13 hours}",
    "outside-window": "{email: hello, after: 1 hour, window: '09:00-17:00'}",
    "held-too-long": "{email: hello, after: 13 hours, max_late: 2 hours}",
    "late": "{email: hello, after: 1 hour, if_late: skip, max_late: 2 hours}",
    "holdout": "{email: hello}, {call_task: ring}",
    "no-consent": "{email: hello}",
    "suppressed": "{email: hello}",
    "no-phone": "{call_task: ring}",
    "priority": "{email: hello}",
    "outranks": "{email: again, after: 5 hours}",
}
HEADS = {"holdout": "holdout: 99%", "priority": "priority: 10", "outranks": "priority: 90"}


def a_company(database_url: str, folder: Path, workflows: Mapping[str, str]) -> Running:
    running = a_nurture(database_url, folder, mails=("hello", "again"))
    running.write("nurture.toml", TOML + CAPS)
    for script in ("ring", "ring-again"):
        running.write(f"templates/call/{script}.txt", "Call.\n")
    for name, steps in workflows.items():
        head = HEADS.get(name, "priority: 50")
        running.write(f"workflows/{name}.yaml", WORKFLOW.format(name=name, steps=steps, head=head))
    running.publish()
    return running


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory, _migrated_sqlite: Path) -> Iterator[Running]:
    """For each reason a contact who met it. Two of them waited for half a day, since nobody worked."""
    folder = tmp_path_factory.mktemp("manners")
    copied = shutil.copy(_migrated_sqlite, folder / "nurture.db")
    running = a_company(f"sqlite:///{copied}", folder, LIVES)
    for reason in EXPECTED:
        without = {"no-consent": {"consent": None}, "no-phone": {"phone": None}}.get(reason, {})
        running.add(f"{reason}@example.org", **without)
    running.track("email.complained", "suppressed@example.org")
    for reason in ("late", "outside-window"):
        running.enroll(reason, f"{reason}@example.org")
    running.run()
    running.clock.advance(hours=11)
    running.run()
    running.advance(hours=13)
    for reason in EXPECTED.keys() - {"late", "outside-window"}:
        running.enroll(reason, f"{reason}@example.org")
    running.enroll("outranks", "priority@example.org")
    running.advance(days=2)
    yield running
    running.nurture.close()


EXPECTED = {
    "frequency-cap": ("shift", "frequency-cap", "(messages: 1 per 1 day)"),
    "call-cap": ("shift", "frequency-cap", "(calls: 1 per 2 days)"),
    "quiet-hours": ("shift", "quiet-hours", "is moved to Wed 4 Mar 2026 08:00"),
    "outside-window": ("shift", "outside-window", "is moved to Tue 3 Mar 2026 09:00"),
    "priority": ("shift", "priority", "('outranks' goes first, due Tue 3 Mar 14:00)"),
    "held-too-long": ("skip", "held-too-long", "(quiet-hours)"),
    "late": ("skip", "late", "later than the step allows"),
    "holdout": ("skip", "holdout", "in the holdout"),
    "no-consent": ("skip", "no-consent", "no live consent"),
    "suppressed": ("skip", "suppressed", "on the suppression list"),
    "no-phone": ("skip", "no-phone", "no phone number"),
}


@pytest.mark.parametrize("met", EXPECTED)
def test_every_shift_and_skip_tells_its_reason_by_command_and_on_the_page(lived, met, monkeypatch):
    monkeypatch.setenv("NURTURE_DATABASE_URL", str(lived.nurture.database.url))
    email = f"{met}@example.org"
    decision, reason, words = EXPECTED[met]

    turns = answer("why", email, project=lived.project)["turns"]

    (first, *_) = [one for one in turns if one["decision"] in ("shift", "skip")]
    assert (first["decision"], first["reason"]) == (decision, reason)
    assert words in first["said"]
    with lived.nurture.database.read() as tx:
        contact = contacts.by_email(tx, [email])[email]
    story = [line.said for line in path(lived.nurture.runtime, contact.id).story]
    assert first["said"] in story


def test_who_is_held_out_still_goes_through_the_stages(lived):
    enrollment = lived.enrollments("holdout@example.org")[0]

    lived.track("sale.closed", "holdout@example.org", amount=10)
    lived.run()

    assert enrollment.holdout
    assert lived.states("holdout@example.org") == [("hello", "skipped", "holdout")]
    assert lived.calls("holdout@example.org") == [("ring", "cancelled", None)]
    assert lived.moves("holdout@example.org") == ["entered only", "validated only", "completed only"]


@pytest.fixture
def company(tmp_path: Path) -> Iterator[Callable[..., Running]]:
    """A company with these workflows on this database."""
    made: list[Running] = []

    def make(database_url: str, workflows: Mapping[str, str]) -> Running:
        made.append(a_company(database_url, tmp_path, workflows))
        return made[-1]

    yield make
    for one in made:
        one.nurture.close()


# --- what waited in the outbox -------------------------------------------------------------------------------------


def planned(company: Callable[..., Running], database_url: str, **workflows: str) -> Running:
    """Ana has entered these workflows."""
    running = company(database_url, workflows)
    running.add()
    for name in workflows:
        running.enroll(name)
    return running


def stand_still(running: Running, **amount: float) -> None:
    """What is due is decided, and nothing leaves for so long."""
    while running.nurture.advance.batch():
        pass
    pausing.pause(running.nurture.runtime, Scope(), "the server rests")
    running.clock.advance(**amount)
    pausing.resume(running.nurture.runtime, Scope(), "it works again")
    running.run()


def reasons(running: Running) -> list[tuple[str, str]]:
    told = why(running.nurture.runtime, "ana@example.org").turns
    return [
        (one.decision, one.reason) for one in told if one.decision in ("shift", "skip", "skipped", "sent")
    ]


def test_what_waited_in_the_outbox_does_not_leave_at_night(company, any_database):
    running = planned(company, any_database, one="{email: hello}")

    stand_still(running, hours=18)  # until three in the morning
    assert running.states() == [("hello", "pending", None)]
    running.advance(hours=5)

    assert reasons(running) == [("shift", "quiet-hours"), ("sent", "")]
    (mail,) = running.deliveries()
    assert mail.ended_at == mail.due == MONDAY + timedelta(hours=23)


def test_what_waited_longer_than_its_step_allows_is_skipped(company, sqlite_url):
    running = planned(company, sqlite_url, one="{email: hello, max_late: 20 hours}, {email: again}")

    stand_still(running, hours=18)

    assert ("skipped", "held-too-long") in reasons(running)
    assert running.deliveries()[0].detail == "quiet-hours"
    assert running.enrollments()[0].step == "again"


def test_what_waited_keeps_to_its_own_window(company, sqlite_url):
    steps = "{email: hello, purpose: transactional, window: '09:00-12:00'}"
    running = planned(company, sqlite_url, one=steps)

    stand_still(running, hours=5)
    running.advance(hours=20)

    assert reasons(running) == [("shift", "outside-window"), ("sent", "")]


def test_of_two_that_waited_the_first_goes_and_the_cap_holds_the_other(company, any_database):
    running = planned(company, any_database, one="{email: hello}", other="{email: again}")
    running.write("nurture.toml", TOML)
    running.publish()
    running.nurture.advance.batch()
    running.write("nurture.toml", TOML + CAPS)
    running.publish()

    stand_still(running, hours=2)
    assert running.states() == [("hello", "sent", None), ("again", "pending", None)]
    running.advance(hours=24)

    assert ("shift", "frequency-cap") in reasons(running)
    first, second = (one.ended_at for one in running.deliveries())
    assert second - first == timedelta(days=1)


def test_what_leaves_at_once_is_not_asked_again(company, sqlite_url, monkeypatch):
    running = planned(company, sqlite_url, one="{email: hello}")

    def asked(*_: object) -> None:
        raise AssertionError("asked again")

    monkeypatch.setattr("nurture.services.sending.deliver.ask_again", asked)
    running.run()

    assert running.states() == [("hello", "sent", None)]


# --- many workers --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Meanwhile(Advance):
    """A worker to whom something happens when it has decided and not yet written anything."""

    happens: Callable[[], object] = lambda: None

    def _record(self, taken: Sequence[Taken], workspace: Workspace, now: datetime) -> list[Troubled]:
        self.happens()
        return Advance(self.runtime)._record(taken, workspace, now)


def test_workers_who_decide_one_contact_at_the_same_moment_do_not_exceed_a_cap(company, any_database):
    names = [f"w{number}" for number in range(8)]
    running = company(any_database, dict.fromkeys(names, "{call_task: ring, after: 1 hour}"))
    people = ("ana@example.org", "bea@example.org")
    for email in people:
        running.add(email)
    for name in names:
        for email in people:
            running.enroll(name, email)
    running.run()
    running.clock.advance(hours=1)
    all_have_decided = Barrier(4, timeout=30)
    workers = Meanwhile(running.nurture.runtime, all_have_decided.wait)

    with ThreadPoolExecutor(4) as threads:
        taken = list(threads.map(lambda _: workers.batch(limit=4), range(4)))
    running.run()

    assert taken == [4, 4, 4, 4]
    for email in people:
        assert [script for script, _, _ in running.calls(email)] == ["ring"]


def test_a_turn_that_another_worker_overtook_is_taken_again(company, any_database):
    running = planned(company, any_database, priority="{email: hello}")
    running.write(
        "workflows/outranks.yaml", WORKFLOW.format(name="outranks", steps="{email: again}", head="")
    )
    running.publish()

    def overtake() -> None:
        running.enroll("outranks")
        running.nurture.advance.batch()

    Meanwhile(running.nurture.runtime, overtake).batch()
    running.run()
    running.advance(hours=24)

    assert [one[:2] for one in running.states()] == [("again", "sent"), ("hello", "sent")]
    assert ("shift", "frequency-cap") in reasons(running)
