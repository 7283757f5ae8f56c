"""Each recipe of CONTRIBUTING.md, walked with a throwaway: what it says is enough, and nothing else is needed."""

from __future__ import annotations

import inspect
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner
from flask import Blueprint, render_template_string

import nurture.cli
from nurture.channels.base import Accepted, Channel, Message, Outcome, Untried
from nurture.cli import main
from nurture.db import migrate
from nurture.db.session import Database
from nurture.model.accounts import EVERYBODY, Role
from nurture.model.decisions import SetFields
from nurture.model.errors import Problem, Severity
from nurture.model.words import Reason
from nurture.steps import KINDS
from nurture.steps.base import Kind, Over, Scene, Slug, Step, TimedFields
from nurture.web import admin
from nurture.web.guard import allow
from nurture.web.site import create_app
from nurture.wiring import Nurture
from nurture.workflow import checks
from nurture.workflow.checks.codes import CODES, Code, problem
from nurture.workflow.project import Project
from nurture.workflow.reader import read_workflow
from nurture.workflow.schema import workflow_schema
from tests.integration import test_channel_contract as contract
from tests.support.browsing import a_browser
from tests.support.documents import headings, read, section
from tests.support.projects import WORKFLOW, problems_of, told
from tests.support.running import a_nurture
from tests.support.worlds import a_world, one_stage

# --- add a step kind ----------------------------------------------------------------------------------------------


class MarkFields(TimedFields):
    mark: Slug


def mark(step: Step, scene: Scene) -> Over:
    fields = step.fields
    assert isinstance(fields, MarkFields)
    change = SetFields(**scene.decided(step, Reason.STEP), values={}, add_tags=frozenset((fields.mark,)))  # type: ignore[arg-type]
    return Over((change,))


@pytest.fixture
def _with_mark(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if ``mark`` were listed in ``nurture.steps``."""
    kinds = {**KINDS, "mark": Kind("mark", MarkFields, mark)}
    for module in list(sys.modules.values()):
        if getattr(module, "KINDS", None) is KINDS:
            monkeypatch.setattr(module, "KINDS", kinds)


@pytest.mark.usefixtures("_with_mark")
def test_a_new_step_kind_is_read_checked_and_played(tmp_path: Path) -> None:
    workflow, problems = read_workflow(
        WORKFLOW.replace("- wait: 2 days", "- {mark: Warm Lead, aftr: 1 day}"), "w.yaml"
    )
    sound = WORKFLOW.replace("- wait: 2 days", "- {mark: warm-lead, after: 1 day}")
    world = a_world(one_stage("- {mark: warm-lead, after: 1 day}"))

    world.track("a.happened")
    world.advance(days=1)

    assert workflow is None
    assert [problem.code for problem in problems] == ["bad-word", "unknown-key"]
    assert problems_of(tmp_path, {"workflows/checkup.yaml": sound}) == []
    assert "warm-lead" in world.contact.tags


@pytest.mark.usefixtures("_with_mark")
def test_a_new_step_kind_is_in_the_schema_for_editors() -> None:
    schema = workflow_schema()["$defs"]["mark"]

    assert schema["required"] == ["mark"]
    assert {"mark", "after", "at", "id"} <= set(schema["properties"])


# --- add a channel ------------------------------------------------------------------------------------------------


@dataclass
class Staged:
    tray: list[tuple[str, bytes]]
    going: dict[int, Message]
    over: dict[int, Outcome]

    @property
    def refused(self) -> Mapping[int, Outcome]:
        return self.over

    @property
    def ready(self) -> Sequence[int]:
        return sorted(self.going)

    def drop(self, indexes: Iterable[int]) -> None:
        for index in indexes:
            del self.going[index]

    def finish(self) -> Mapping[int, Outcome]:
        self.tray += [(message.message_id, message.data) for message in self.going.values()]
        outcomes = dict.fromkeys(self.going, Accepted())
        self.going.clear()
        return outcomes


@dataclass
class Tray:
    """A throwaway channel: messages end in a list."""

    tray: list[tuple[str, bytes]]
    group: int = 4
    last: Staged = field(init=False)

    def __post_init__(self) -> None:
        self.last = Staged(self.tray, {}, {})

    def stage(self, messages: Sequence[Message]) -> Staged:
        self.close()
        going = dict(enumerate(messages[: self.group]))
        self.last = Staged(self.tray, going, dict.fromkeys(range(len(going), len(messages)), Untried()))
        return self.last

    def close(self) -> None:
        self.last.going.clear()


@dataclass
class Way:
    """The throwaway channel, and what has come out at its other end, as the contract asks for them."""

    tray: list[tuple[str, bytes]] = field(default_factory=list)

    def make(self) -> Channel:
        return Tray(self.tray)

    def arrived(self) -> list[tuple[str, bytes]]:
        return self.tray


CONTRACT = [
    test
    for name, test in vars(contract).items()
    if name.startswith("test_") and set(inspect.signature(test).parameters) == {"way", "channel"}
]


@pytest.mark.parametrize("rule", CONTRACT, ids=lambda rule: rule.__name__.removeprefix("test_"))
def test_a_new_channel_keeps_the_contract(rule: Callable[[Way, Channel], None]) -> None:
    way = Way()

    rule(way, way.make())


# --- add a check --------------------------------------------------------------------------------------------------


def test_a_new_check_is_told_with_its_code_at_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = Code("A title shouts.", "Write it in small letters.", Severity.WARNING)
    monkeypatch.setattr(checks.codes, "CODES", {**CODES, "shouting": code})

    def shouting(project: Project) -> Iterator[Problem]:
        for draft in project.drafts:
            if draft.workflow.title.isupper():
                yield problem("shouting", draft.workflow.place, "this title shouts", code.remedy)

    monkeypatch.setattr(checks, "endless_loops", shouting)

    problems = problems_of(tmp_path, {"workflows/checkup.yaml": WORKFLOW + "title: HELLO\n"})

    assert told(problems) == ["workflows/checkup.yaml:1:1: shouting"]
    assert problems[0].severity is Severity.WARNING


# --- add a command ------------------------------------------------------------------------------------------------


def test_a_new_command_is_listed_by_being_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "hello.py").write_text(
        "import click\n"
        "from nurture.cli.common import Context, project_options\n\n"
        '@click.command("hello", epilog="Example: nurture hello")\n'
        "@project_options\n"
        "def hello(context: Context) -> None:\n"
        '    """Say hello."""\n'
        '    context.emit_json({"said": "hello"}) if context.as_json else context.say("hello")\n'
    )
    monkeypatch.setattr(nurture.cli, "__path__", [*nurture.cli.__path__, str(tmp_path)])
    monkeypatch.setattr(nurture.cli, "__file__", str(tmp_path / "__init__.py"))

    listed = CliRunner().invoke(main, ["--help"])
    said = CliRunner().invoke(main, ["hello", "--json"])
    sys.modules.pop("nurture.cli.hello")

    assert "Say hello." in listed.output
    assert (said.exit_code, said.stdout) == (0, '{\n  "said": "hello"\n}\n')


# --- add a page ---------------------------------------------------------------------------------------------------


def a_page(guarded: bool) -> SimpleNamespace:
    """A module of the admin, as the recipe says; without its audience where it is not ``guarded``."""

    def pages(nurture: Nurture) -> Blueprint:
        routes = Blueprint("weather", __name__, url_prefix="/admin/weather")

        def show() -> str:
            page = """{% extends "admin/base.html" %}{% block heading %}Weather{% endblock %}"""
            return render_template_string(page)

        routes.get("")(allow(EVERYBODY)(show) if guarded else show)
        return routes

    return SimpleNamespace(pages=pages)


def test_a_new_page_has_its_frame_and_is_for_those_it_names(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = a_nurture(sqlite_url, tmp_path)
    running.publish()
    monkeypatch.setattr(admin, "MODULES", (*admin.MODULES, a_page(guarded=True)))

    shown = a_browser(running, Role.VIEWER).get("/admin/weather")
    stranger = a_browser(running, None).get("/admin/weather")

    assert (shown.status_code, stranger.status_code) == (200, 303)
    assert "<h1>Weather</h1>" in shown.text
    assert "Log out" in shown.text


def test_a_page_for_nobody_in_particular_keeps_the_site_from_starting(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = a_nurture(sqlite_url, tmp_path)
    monkeypatch.setattr(admin, "MODULES", (*admin.MODULES, a_page(guarded=False)))

    with pytest.raises(RuntimeError, match="/admin/weather does not say whom it is for"):
        create_app(running.nurture.settings, running.nurture)


# --- add a migration ----------------------------------------------------------------------------------------------


def test_a_new_migration_is_run_and_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = migrate.head()
    shutil.copytree(migrate.MIGRATIONS, tmp_path / "migrations", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "migrations/versions/shoe_sizes.py").write_text(
        f'from alembic import op\nimport sqlalchemy as sa\n\nrevision, down_revision = "9999", "{before}"\n'
        'branch_labels = depends_on = None\n\n\ndef upgrade() -> None:\n    op.create_table("shoes", sa.Column("size", sa.Integer))\n'
    )
    monkeypatch.setattr(migrate, "MIGRATIONS", tmp_path / "migrations")
    database = Database(f"sqlite:///{tmp_path}/new.db")

    migrate.upgrade(database)
    with database.write() as tx:
        tx.exec_driver_sql("INSERT INTO shoes (size) VALUES (44)")
    status = migrate.status(database)
    database.dispose()

    assert status == ("9999", "9999")


# --- the recipes themselves ---------------------------------------------------------------------------------------


def test_each_recipe_is_there() -> None:
    recipes = headings(section(read("CONTRIBUTING.md"), "Recipes"), 3)

    assert recipes == [
        f"Add a {what}"
        for what in ("step kind", "channel", "check", "command", "page", "report", "migration")
    ]
