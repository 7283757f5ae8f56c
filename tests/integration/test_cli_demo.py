"""Does the demo live six weeks through the real engine, end in order, and touch nothing that is not its own?"""

from __future__ import annotations

import json
from collections.abc import Iterator
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any

import pytest

from nurture.db import hits, tasks
from nurture.model.accounts import Role
from nurture.services.demo.cast import HOW_MANY, players
from nurture.services.demo.staff import STAFF
from nurture.services.staff import accounts
from nurture.settings import load_settings
from nurture.wiring import build
from tests.support.commands import answer, run


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("demo") / "company"
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("NURTURE_SMTP_URL", "smtp://mail.example.org:25")
        result = run("demo", "--once", "--json", "--folder", folder)
        environment.delenv("NURTURE_BASE_URL", raising=False)
        environment.delenv("NURTURE_LISTEN", raising=False)
    assert result.exit_code == 0, result.output
    assert "NURTURE_SMTP_URL is not used by the demo" in result.stderr
    return json.loads(result.stdout)


def caught(demo: Any) -> Iterator[str]:
    """To whom mail went, without the morning lists of those who make calls."""
    ours = {email for email, _, _ in STAFF}
    for file in Path(demo["mail_folder"]).glob("*.eml"):
        to = str(message_from_bytes(file.read_bytes(), policy=default)["To"])
        if not any(email in to for email in ours):
            yield to


@pytest.mark.slow
def test_six_weeks_leave_people_at_many_stages(demo: Any) -> None:
    stages = {f"{one['workflow']}/{one['stage']}": one for one in demo["stages"]}

    assert demo["contacts"] == HOW_MANY
    assert demo["mails"] > 100
    assert demo["calls"] > 10
    assert sum(one["under_way"] for one in stages.values()) > 20
    assert sum(one["lost"] for one in stages.values()) > 5
    assert stages["retirement-readiness/first-sale"]["under_way"] > 0
    assert stages["retirement-readiness/onboarding"]["under_way"] > 0


@pytest.mark.slow
def test_every_fate_can_be_looked_at(demo: Any) -> None:
    stages = answer("report", "funnel", project=Path(demo["project"]))["rows"]
    nurture = build(load_settings(Path(demo["project"])))
    with nurture.database.read() as tx:
        open_calls = tasks.queue(tx)
    nurture.close()

    assert {one["workflow"] for one in stages if one["now"]} == {one["workflow"] for one in stages}
    assert sum(one["validated"] for one in stages) > 40
    assert sum(one["reopened"] for one in stages) > 0, "somebody who was lost has come back"
    assert len({reason for one in stages for reason in one["reasons"]}) > 3
    assert len(open_calls) > 1, "the visitor has calls to make"


@pytest.mark.slow
def test_people_and_the_machines_that_read_mail_for_them_are_told_apart(demo: Any) -> None:
    nurture = build(load_settings(Path(demo["project"])))
    with nurture.database.read() as tx:
        steps = [
            one
            for name in nurture.runtime.shelf.published(tx).workflows
            for one in hits.of_workflow(tx, name).values()
        ]
    nurture.close()

    assert sum(one.clicked for one in steps) > 5
    assert sum(one.clicked_by_machine for one in steps) > 2


@pytest.mark.slow
def test_the_demo_is_in_order_and_says_where_it_is(demo: Any) -> None:
    doctor = answer("doctor", project=Path(demo["project"]))

    assert demo["ok"] is True
    assert demo["url"] == "http://127.0.0.1:8000"
    assert doctor["ok"] is True
    assert doctor["planned"] == doctor["sent"] + doctor["skipped"] + doctor["failed"] + doctor["pending"]
    assert doctor["sent"] == demo["mails"]
    assert len(list(caught(demo))) == demo["mails"]


@pytest.mark.slow
def test_a_visitor_can_log_in_with_what_it_prints(demo: Any) -> None:
    nurture = build(load_settings(Path(demo["project"])))

    account = accounts.authenticate(nurture.runtime, demo["user"], demo["password"])
    seen = {one.seen_at for one in accounts.everyone(nurture.runtime)}

    assert account is not None
    assert account.role is Role.ADMIN
    assert seen == {None}, "looking at the pages leaves nobody logged in"
    nurture.close()


@pytest.mark.slow
def test_its_three_stories_can_be_asked_for(demo: Any) -> None:
    fates = {one["fate"]: one for one in demo["stories"]}

    assert set(fates) == {"bought", "was lost", "is under way"}
    told = answer("why", fates["bought"]["email"], project=Path(demo["project"]))
    assert {"entered", "send", "sent", "validated"} <= {one["decision"] for one in told["turns"]}


def test_its_people_are_nobody_real() -> None:
    cast = list(players())

    assert len({one.email for one in cast}) == HOW_MANY
    assert len({(one.first_name, one.last_name) for one in cast}) == HOW_MANY, "no two of the same name"
    assert {one.email.rpartition("@")[2] for one in cast} == {"example.org", "example.com", "example.net"}
    assert all(one.phone is None or one.phone.startswith("+14165550") for one in cast)


def test_a_folder_that_no_demo_made_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "precious.txt").write_text("mine")

    told = run("demo", "--once", "--folder", tmp_path)

    assert told.exit_code == 1
    assert "is not empty, and no demo made it" in told.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["precious.txt"]
