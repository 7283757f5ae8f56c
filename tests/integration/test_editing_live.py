"""A workflow is edited while everybody stands in its third step: what happens is, to the person, what the plan said."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from nurture.db import consents, contact_import, counts, deliveries, migrating
from nurture.db.consents import Consent, ConsentAction
from nurture.db.contact_import import NewContact
from nurture.model.clock import FrozenClock
from nurture.model.words import Channel, Enrollment, Status
from nurture.services.events import ingest
from nurture.services.events.ingest import Happening
from nurture.services.releases import planning
from nurture.services.releases.plan_values import Plan, WorkflowPlan
from nurture.services.releases.publish import make_live
from nurture.services.releases.wishes import NO_WISH, Wish, read_wishes
from nurture.services.running import doctor
from nurture.settings import Settings
from nurture.wiring import Nurture, build
from tests.support.channels import ScriptedChannel
from tests.support.running import MAIL, TOML, Running
from tests.support.servers import Postgres
from tests.support.worlds import MONDAY

WORKFLOW = """\
workflow: guide
title: The guide
purpose: nurture
calendar: business
stages:
  - stage: lead
    need: Know more
    trigger: a.happened
    validate: b.happened
    steps:
      - {email: one}
      - {email: two, after: 2 days}
      - {email: three, after: 4 days}
      - {email: four, after: 3 days}
    loss: [{after: 60 days, reason: silent}]
  - stage: sale
    need: Decide
    validate: sale.closed
    loss: [{after: 60 days, reason: silent}]
"""
THREE = "      - {email: three, after: 4 days}\n"
TWO = "      - {email: two, after: 2 days}\n"
WAVES = 12
SECRET = ("a-test-key-that-is-long-enough" * 2,)


@dataclass(frozen=True)
class Edit:
    """What a marketer does to the file; ``goes_on`` is the step they then stand at, None: they cannot come along."""

    old: str
    new: str
    goes_on: str | None = "three"
    path: str = "workflows/guide.yaml"


EDITS: Mapping[str, Edit] = {
    "remove": Edit(THREE, "", goes_on=None),
    "rename": Edit(THREE, "      - {email: three, id: third, was: three, after: 4 days}\n", goes_on="third"),
    "reorder": Edit(TWO + THREE, THREE + TWO),
    "shorten": Edit(THREE, THREE.replace("4 days", "1 day")),
    "lengthen": Edit(THREE, THREE.replace("4 days", "8 days")),
    "template": Edit("This is three", "This is the third", path="templates/email/three.md"),
}


def open_at(url: str, project: Path, clock: FrozenClock) -> Running:
    """An installation whose mail goes nowhere."""
    built = build(Settings(project=project, database_url=url, secret_keys=SECRET), clock)
    quiet = replace(built.runtime, open_channel=lambda: ScriptedChannel([]))
    return Running(Nurture(built.settings, quiet), clock, project)


def all_in_step_three(url: str, project: Path, people: int, waves: int = WAVES) -> datetime:
    """Contacts who came in over three days and have had two mails each; returns the moment."""
    project.mkdir()
    (project / "nurture.toml").write_text(TOML)
    clock = FrozenClock(MONDAY)
    running = open_at(url, project, clock)
    for name in ("one", "two", "three", "four"):
        running.write(f"templates/email/{name}.md", MAIL.format(name=name))
    running.write("workflows/guide.yaml", WORKFLOW)
    running.publish()
    ids = add_people(running, people)
    for wave in range(waves):
        ours = ids[wave::waves]
        ingest.track(running.nurture.runtime, [Happening(contact_id=one, name="a.happened") for one in ours])
        play(running, timedelta(days=2.9) / waves)
    play(running, MONDAY + timedelta(days=5) - clock.now())
    running.nurture.close()
    return clock.now()


def add_people(running: Running, number: int) -> list[int]:
    names = [f"p{one:04d}@example.org" for one in range(number)]
    zones = ("America/Toronto", "America/Vancouver", "Europe/Berlin")
    new = [
        NewContact(email=name, first_name="Pat", timezone=zones[one % 3]) for one, name in enumerate(names)
    ]
    at = running.clock.now()
    with running.nurture.database.write() as tx:
        made = contact_import.upsert(tx, new, at)
        ids = [made.ids[name] for name in names]
        grants = [
            Consent(
                contact_id=one,
                channel=Channel.EMAIL,
                purpose="nurture",
                action=ConsentAction.GRANTED,
                at=at,
                source="a test",
            )
            for one in ids
        ]
        consents.add(tx, grants)
    return ids


def play(running: Running, span: timedelta) -> None:
    """Time passes from one due moment to the next, and all that falls due is done."""
    until = running.clock.now() + span
    while True:
        running.run()
        with running.nurture.database.read() as tx:
            following = counts.next_moment(tx, running.clock.now())
        if following is None or following > until:
            break
        running.clock.advance(seconds=(following - running.clock.now()).total_seconds())
    running.clock.advance(seconds=(until - running.clock.now()).total_seconds())
    running.run()


def enrollments_of(running: Running) -> list[Enrollment]:
    with running.nurture.database.read() as tx:
        return migrating.live_in(tx, "guide", limit=10_000)


def sent_by_day(running: Running, since: datetime, plan: Plan) -> dict[date, int]:
    """What really went out after a moment, by day of the workspace's zone."""
    assert plan.project.workspace is not None
    zone = plan.project.workspace.zone
    with running.nurture.database.read() as tx:
        gone = deliveries.sent_after(tx, since)
    return dict(Counter(one.ended_at.astimezone(zone).date() for one in gone if one.ended_at))


def expected_by_day(plan: Plan) -> dict[date, int]:
    return {day.day: day.messages for day in plan.forecast.days if day.messages}


def only(plan: Plan) -> WorkflowPlan:
    (one,) = plan.workflows
    return one


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory, _migrated_sqlite: Path) -> tuple[Path, datetime]:
    return lived_on_sqlite(tmp_path_factory.mktemp("few"), _migrated_sqlite, 24, waves=4)


@pytest.fixture(scope="module")
def thousand(tmp_path_factory: pytest.TempPathFactory, _migrated_sqlite: Path) -> tuple[Path, datetime]:
    return lived_on_sqlite(tmp_path_factory.mktemp("thousand"), _migrated_sqlite, 1_000)


@pytest.fixture(scope="module")
def postgres_lived(
    tmp_path_factory: pytest.TempPathFactory, postgres_server: Postgres, _migrated_postgres: object
) -> Iterator[tuple[object, Path, datetime]]:
    address = postgres_server.create(template=str(_migrated_postgres.database))  # type: ignore[attr-defined]
    project = tmp_path_factory.mktemp("postgres") / "project"
    at = all_in_step_three(address.render_as_string(hide_password=False), project, 240)
    yield address, project, at
    postgres_server.drop(address)


def lived_on_sqlite(folder: Path, migrated: Path, people: int, waves: int = WAVES) -> tuple[Path, datetime]:
    shutil.copy(migrated, folder / "nurture.db")
    return folder, all_in_step_three(f"sqlite:///{folder / 'nurture.db'}", folder / "project", people, waves)


def copy_of(lived: tuple[Path, datetime], folder: Path) -> Running:
    home = shutil.copytree(lived[0], folder / "copy")
    return open_at(f"sqlite:///{home / 'nurture.db'}", home / "project", FrozenClock(lived[1]))


def it_happens_as_planned(running: Running, edit: Edit, wish: Wish) -> None:
    """Edit, plan, publish, live on for fourteen days, and hold all of it against the plan."""
    file = running.project / edit.path
    text = file.read_text()
    assert edit.old in text
    file.write_text(text.replace(edit.old, edit.new))
    before = {one.id: one for one in enrollments_of(running)}
    began = running.clock.now()
    assert {one.step for one in before.values()} == {"three"}

    plan = planning.plan(running.nurture.runtime, running.project, wish)
    made = make_live(running.nurture.runtime, plan)

    said = only(plan)
    after = {one.id: one for one in enrollments_of(running)}
    moved = {number for number, one in after.items() if one.version != before[number].version}
    changes_structure = said.before != said.after
    comes_along = changes_structure and bool(wish) and edit.goes_on is not None
    assert (len(moved), made.migrated.moved) == (said.mapped, said.mapped)
    assert said.mapped == (len(before) if comes_along else 0)
    assert said.staying == len(before) - said.mapped
    assert said.unmappable == (len(before) if wish and edit.goes_on is None else 0)
    assert {one.step for one in after.values()} == {edit.goes_on if comes_along else "three"}
    assert sum(group.count for group in said.groups) == (len(before) if changes_structure else 0)

    play(running, timedelta(days=13))

    horizon = running.clock.now()
    days = {day: number for day, number in expected_by_day(plan).items() if day <= horizon.date()}
    actual = sent_by_day(running, began - timedelta(seconds=1), plan)
    assert {day: number for day, number in actual.items() if day in days} == days
    nobody_got_anything_twice_and_nobody_is_stuck(running)


def nobody_got_anything_twice_and_nobody_is_stuck(running: Running) -> None:
    with running.nurture.database.read() as tx:
        everything = deliveries.sent_after(tx, MONDAY - timedelta(days=1))
    got = Counter((one.contact_id, one.template) for one in everything)
    assert set(got.values()) == {1}
    for one in enrollments_of(running):
        assert one.status is Status.ACTIVE
        assert one.step is None or one.due is None or one.due > running.clock.now()
    assert doctor.examine(running.nurture.runtime).ok


def test_who_is_taken_along_lives_what_the_plan_said(few: tuple[Path, datetime], tmp_path: Path) -> None:
    running = copy_of(few, tmp_path)

    it_happens_as_planned(running, EDITS["reorder"], read_wishes(("guide",)))

    running.nurture.close()


def test_who_stays_lives_as_before_and_as_the_plan_said(few: tuple[Path, datetime], tmp_path: Path) -> None:
    running = copy_of(few, tmp_path)

    it_happens_as_planned(running, EDITS["shorten"], NO_WISH)

    running.nurture.close()


@pytest.mark.slow
@pytest.mark.parametrize("wish", [(), ("guide",)], ids=["staying", "taken along"])
@pytest.mark.parametrize("name", list(EDITS))
def test_a_thousand_people_in_step_three_live_what_the_plan_said(
    name: str, wish: tuple[str, ...], thousand: tuple[Path, datetime], tmp_path: Path
) -> None:
    running = copy_of(thousand, tmp_path)

    it_happens_as_planned(running, EDITS[name], read_wishes(wish))

    running.nurture.close()


@pytest.mark.slow
@pytest.mark.parametrize("wish", [(), ("guide",)], ids=["staying", "taken along"])
@pytest.mark.parametrize("name", list(EDITS))
def test_so_they_do_on_a_server(
    name: str,
    wish: tuple[str, ...],
    postgres_lived: tuple[object, Path, datetime],
    postgres_server: Postgres,
    tmp_path: Path,
) -> None:
    address, project, at = postgres_lived
    copy = postgres_server.create(template=str(address.database))  # type: ignore[attr-defined]
    home = shutil.copytree(project, tmp_path / "project")
    running = open_at(copy.render_as_string(hide_password=False), home, FrozenClock(at))

    it_happens_as_planned(running, EDITS[name], read_wishes(wish))

    running.nurture.close()
    postgres_server.drop(copy)
