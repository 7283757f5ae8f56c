"""Scenarios as tests of pytest: each file of ``scenarios/`` beside a ``nurture.toml`` is one, and fails with both timelines.

pytest loads this by itself wherever nurture is installed. It touches no other folder, and nothing of nurture but this file
is imported before there is a scenario. Only pytest may import it: nurture itself does not need pytest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest

from nurture.model.errors import NurtureError, ProblemsFound

if TYPE_CHECKING:
    from nurture.services.rehearsing.scenarios import Rehearsed, Stage
    from nurture.services.rehearsing.walk import Walk

FOLDER, MARK = "scenarios", "nurture.toml"
SWITCH = "nurture_scenarios"
BASE_URL = "http://127.0.0.1:8000"
"""Where links in rehearsed messages lead; nobody follows them."""
_STAGES = pytest.StashKey[dict[Path, "Stage"]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """``nurture_scenarios = false`` leaves the files alone."""
    parser.addini(SWITCH, "collect scenarios/*.yaml beside a nurture.toml", type="bool", default=True)


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """A scenario of a nurture project; any other file is left to others."""
    project = file_path.parent.parent
    is_read = file_path.suffix == ".yaml" and not file_path.name.startswith(".")
    if not (
        is_read
        and file_path.parent.name == FOLDER
        and (project / MARK).is_file()
        and parent.config.getini(SWITCH)
    ):
        return None
    return cast("pytest.Collector", ScenarioFile.from_parent(parent, path=file_path))


class ScenarioFile(pytest.File):
    """One file, which holds one scenario."""

    def collect(self) -> Iterator[pytest.Item]:
        """The scenario under its own name, or a failing test that says why the project cannot be played."""
        from nurture.workflow.scenarios import read_scenario

        name = read_scenario(self.path.read_bytes(), self.path.name).name
        yield cast("pytest.Item", ScenarioItem.from_parent(self, name=name))


class ScenarioItem(pytest.Item):
    """A scenario, played by the production engine; nothing is stored or sent."""

    def runtest(self) -> None:
        played = _played(self.config, self.path)
        if not played.passed:
            raise ScenarioFailed(played)

    def repr_failure(
        self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None
    ) -> str | Any:  # pytest's own signature
        error = excinfo.value
        if isinstance(error, ScenarioFailed):
            from nurture.services.rehearsing.scenario_words import failure

            return "\n".join(failure(error.played))
        if isinstance(error, ProblemsFound):
            return "\n".join(str(problem) for problem in error.problems)
        return str(error) if isinstance(error, NurtureError) else super().repr_failure(excinfo)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        return self.path, 0, self.name


class ScenarioFailed(Exception):  # noqa: N818 - as pytest's own Failed
    """A scenario did not come true; its message is the first reason."""

    def __init__(self, played: Rehearsed) -> None:
        from nurture.services.rehearsing.scenario_words import reasons

        super().__init__(next(reasons(played)))
        self.played = played


def _played(config: pytest.Config, path: Path) -> Rehearsed:
    """The scenario in this file; a project is read once a session."""
    from nurture.services.rehearsing.scenarios import open_stage

    project = path.parent.parent
    stages = config.stash.setdefault(_STAGES, {})
    if project not in stages:
        stages[project] = open_stage(project)
    return stages[project].one(path, BASE_URL)


# --- for tests in Python ------------------------------------------------------------------------------------------

Walker = Callable[..., "Walk"]


@pytest.fixture
def nurture_walk(request: pytest.FixtureRequest) -> Walker:
    """``nurture_walk("workflow", do=["offer.downloaded:offer=guide@+1d"])`` walks a workflow of the project around pytest's root.

    Takes what ``a_walk`` takes behind its ``project``.
    """

    def walk(workflow: str, **wanted: Any) -> Walk:
        return a_walk(wanted.pop("project", request.config.rootpath), workflow, **wanted)

    return walk


def a_walk(
    project: Path,
    workflow: str,
    *,
    persona: str | None = None,
    given: Mapping[str, str] | None = None,
    start: str = "2026-03-02 09:00",
    do: Sequence[str] = (),
    variants: Mapping[str, str] | None = None,
) -> Walk:
    """One contact's whole journey through a workflow of the project in this folder, as `nurture walk` plays it.

    ``start`` is on the contact's own clock, ``do`` says what they do as ``--do`` does; ``walk.touchpoints`` is what
    happened. Raises NurtureError for names that do not exist, ProblemsFound for a project that does not hold.
    """
    from nurture.services.files.folder import open_sound
    from nurture.services.rehearsing.made_up import parse_doing
    from nurture.services.rehearsing.rehearsal import of_folder, who_plays
    from nurture.services.rehearsing.walk import Itinerary, walk
    from nurture.services.rehearsing.when import read_instant

    ground = of_folder(open_sound(project))
    name = persona or (None if given else ground.workflow(workflow).persona)
    contact = who_plays(ground, name, given)
    begins = read_instant(start, ground.workspace.zone_of(contact.timezone))
    doings = [parse_doing(text) for text in do]
    itinerary = Itinerary(contact, begins, ground.personas.get(name or ""), doings, variants or {})
    return walk(ground, workflow, itinerary, BASE_URL)
