"""`nurture test`: does what a scenario expects really happen? The production ``decide`` plays it; nothing is stored or sent.

One bad scenario stops no other. Every expectation is judged, not only the first that fails.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from time import perf_counter
from zoneinfo import ZoneInfo

from nurture.engine.dates import comes_next
from nurture.model.errors import NotFoundError, NurtureError, Place, Severity
from nurture.model.timing import Calendar, Rule, resolve
from nurture.services.files.check import Checked, check_with
from nurture.services.files.folder import Folder, opened
from nurture.services.rehearsing.rehearsal import Ground, begin, enters_by_itself, of_folder, tell, who_plays
from nurture.services.rehearsing.walk_world import Touchpoint, Walked
from nurture.workflow.model import TriggerKind, Workflow
from nurture.workflow.scenarios import Expectation, Moment, Scenario, ScenarioFile, Wanted

HAPPENED = {
    Wanted.EMAIL: ("email", "sent"),
    Wanted.CALL_TASK: ("call_task", "opened"),
    Wanted.OFFER: ("offer", "handed-over"),
    Wanted.NOTIFY: ("notify", "sent"),
    Wanted.WEBHOOK: ("webhook", "sent"),
    Wanted.STAGE: ("stage", "entered"),
    Wanted.VALIDATED: ("stage", "validated"),
}
ENDS = {Wanted.LOST: "lost", Wanted.EXITED: "exited", Wanted.COMPLETED: "completed"}
A_MINUTE = timedelta(minutes=1)


class Mark(StrEnum):
    """What became of an expectation."""

    MET = "met"
    MISSING = "missing"
    WRONG_TIME = "wrong time"
    OTHER_END = "ended otherwise"
    UNEXPECTED = "unexpected"
    """It was ruled out by ``not``, and happened."""
    OUT_OF_ORDER = "out of order"


@dataclass(frozen=True, slots=True)
class Verdict:
    """One expectation, when it was to come true, and the touchpoint (by its place in ``actual``) that answers it."""

    expectation: Expectation
    at: datetime | None
    mark: Mark
    found: int | None = None


@dataclass(frozen=True, slots=True)
class Trouble:
    """What kept a scenario from being played, or shows that it means nothing."""

    place: Place
    said: str


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """One scenario, played and judged. ``actual`` is the whole journey in order."""

    name: str
    file: str
    line: int = 1
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    start: datetime | None = None
    verdicts: tuple[Verdict, ...] = ()
    actual: tuple[Touchpoint, ...] = ()
    trouble: tuple[Trouble, ...] = ()
    seconds: float = 0.0

    @property
    def passed(self) -> bool:
        return not self.trouble and not self.failures

    @property
    def failures(self) -> tuple[Verdict, ...]:
        return tuple(verdict for verdict in self.verdicts if verdict.mark is not Mark.MET)


@dataclass(frozen=True, slots=True)
class Stage:
    """A project's scenarios, read and ready to be played, and what `nurture check` says of each."""

    checked: Checked
    folder: Folder
    files: tuple[ScenarioFile, ...]

    def play(self, base_url: str) -> Iterator[Rehearsed]:
        """Each scenario, one after the other."""
        for file in self.files:
            yield self._play(file, base_url)

    def one(self, path: Path, base_url: str) -> Rehearsed:
        """The scenario of this file. Raises NotFoundError for a file that came after the project was read."""
        for file in self.files:
            if (self.checked.project.folder / file.file).resolve() == path.resolve():
                return self._play(file, base_url)
        raise NotFoundError(f"{path} was not there when the project was read")

    def _play(self, file: ScenarioFile, base_url: str) -> Rehearsed:
        errors = [
            Trouble(one.place, f"{one.message} ({one.hint})" if one.hint else one.message)
            for one in self.checked.problems
            if one.place.file == file.file and one.severity is Severity.ERROR
        ]
        return rehearse(of_folder(self.folder), file, base_url, errors)


def open_stage(folder: Path, paths: Sequence[Path] = (), word: str | None = None) -> Stage:
    """The scenarios of a project; those in ``paths``, and those with ``word`` in their name or file.

    A scenario file elsewhere is played as if it were in the project. Raises NotFoundError when nothing is left of what
    was asked for, ProblemsFound when another file than a scenario holds an error.
    """
    wanted = [path.resolve() for path in paths]
    # All problems, not only those of the paths: a workflow that does not hold is nothing to play.
    checked = check_with(folder, wanted, otherwise="scenario")
    checked.sound()
    files = [one for one in checked.project.scenarios if _asked_for(folder, one, wanted, word)]
    if (wanted or word) and not files:
        what = f"with '{word}' in its name" if word else f"in {', '.join(str(path) for path in paths)}"
        raise NotFoundError(f"there is no scenario {what}", hint="scenarios stand in scenarios/*.yaml")
    return Stage(checked, opened(folder, checked.project), tuple(files))


def _asked_for(folder: Path, file: ScenarioFile, paths: Sequence[Path], word: str | None) -> bool:
    path = (folder / file.file).resolve()
    among = not paths or any(path == one or one in path.parents for one in paths)
    return among and (word is None or word.lower() in f"{file.name} {file.file}".lower())


# --- one scenario -------------------------------------------------------------------------------------------------


def rehearse(ground: Ground, file: ScenarioFile, base_url: str, trouble: Sequence[Trouble] = ()) -> Rehearsed:
    """Play one scenario and judge it; what is wrong with its file, or with playing it, is its ``trouble``."""
    began = perf_counter()
    if trouble or file.scenario is None:
        return Rehearsed(file.name, file.file, trouble=tuple(trouble))
    try:
        return _played(ground, file.scenario, base_url, began)
    except NurtureError as error:
        told = Trouble(file.scenario.place, str(error))
        return Rehearsed(file.name, file.file, trouble=(told,), seconds=perf_counter() - began)


def _played(ground: Ground, scenario: Scenario, base_url: str, began: float) -> Rehearsed:
    workflow = ground.workflow(scenario.workflow)
    file = scenario.place.file
    # Without a word about who it is, the workflow's own persona.
    persona = scenario.persona or (None if scenario.given else workflow.persona)
    contact = who_plays(ground, persona, scenario.given, file)
    zone, calendar = ground.workspace.zone_of(contact.timezone), ground.workspace.calendar(workflow.calendar)
    start = scenario.start.by_clock(zone)
    counted = _Counted(start, zone, calendar)
    trouble = [
        Trouble(told.place, f"'{told.name}' lies before the start")
        for told in scenario.events
        if counted.at(told.at) < start
    ]
    world = begin(
        ground,
        contact,
        start,
        variants=scenario.variants or {},
        base_url=base_url,
        consent=scenario.consent,
        held_out=scenario.held_out,
    )
    if not trouble:
        _live(world, scenario, counted)
        trouble = list(_nobody_came(world, scenario))
    actual = tuple(sorted(world.notes, key=lambda touch: touch.at))
    trouble += [Trouble(scenario.place, touch.fault) for touch in actual if touch.fault]
    verdicts = judge(scenario, actual, counted, _ids(ground)) if actual else ()
    return Rehearsed(
        scenario.name,
        file,
        scenario.place.line,
        zone,
        start,
        verdicts,
        actual,
        tuple(trouble),
        perf_counter() - began,
    )


def _ids(ground: Ground) -> Mapping[str, Collection[str]]:
    return {name: workflow.steps.keys() for name, workflow in ground.workflows.items()}


@dataclass(frozen=True, slots=True)
class _Counted:
    """Moments of a scenario as instants: counted from its start, on the contact's clock."""

    start: datetime
    zone: ZoneInfo
    calendar: Calendar

    def at(self, moment: Moment) -> datetime:
        return moment.instant(self.start, self.zone, self.calendar)

    def tolerance(self, expectation: Expectation, at: datetime) -> timedelta:
        """How far off it may be: the same minute on the clock, unless ``within`` says more."""
        if expectation.within is None:
            return timedelta(0)
        return resolve(Rule(after=expectation.within), at, self.zone, self.calendar).at - at


def _live(world: Walked, scenario: Scenario, counted: _Counted) -> None:
    workflow = world.workflows[scenario.workflow]
    day = _day_that_opens(world, workflow)
    if day is None and not _fits_later(world, workflow):
        enters_by_itself(world, workflow, "a scenario")
    end = counted.at(scenario.until) if scenario.until else None
    for told in sorted(scenario.events, key=lambda told: counted.at(told.at)):
        at = counted.at(told.at)
        if end is not None and at > end:
            break
        world.go_to(at, told.name)
        tell(world, told.name, told.words, told.data, str(told.place))
    if day is not None and end is None:
        world.advance_to(max(day, world.now))  # before that day nobody is under way
    world.finish(end)


def _day_that_opens(world: Walked, workflow: Workflow) -> datetime | None:
    """When the contact's own date opens the workflow, where that is its trigger; None where none will come."""
    trigger = workflow.stages[0].trigger
    if trigger is None or trigger.date is None:
        return None
    return comes_next(trigger.date, world.contact, world.workspace, world.now)


def _fits_later(world: Walked, workflow: Workflow) -> bool:
    """Is its trigger a segment that the contact is not in yet? They enter when they come to fit it."""
    trigger = workflow.stages[0].trigger
    members = world.members or set()
    return bool(trigger and trigger.kind is TriggerKind.SEGMENT and trigger.name not in members)


def _nobody_came(world: Walked, scenario: Scenario) -> Iterator[Trouble]:
    """A scenario in which nobody enters would pass every `not`."""
    entered = any(one.workflow == scenario.workflow for one in world.enrollments.values())
    if entered or any(line.kind is Wanted.REFUSED for line in scenario.expect):
        return
    trigger = world.workflows[scenario.workflow].stages[0].trigger
    wanted = f": its trigger is {trigger.as_written}" if trigger else ""
    yield Trouble(scenario.place, f"nothing that the contact does enters '{scenario.workflow}'{wanted}")


# --- the judgement ------------------------------------------------------------------------------------------------


def judge(
    scenario: Scenario, actual: Sequence[Touchpoint], counted: _Counted, ids: Mapping[str, Collection[str]]
) -> tuple[Verdict, ...]:
    """A verdict for each expectation, in the order of the file. A touchpoint answers one expectation only.

    ``ids`` are those of each workflow's steps: a name that is one of them means that step, any other the template,
    script or offer.
    """
    bench = _Bench(scenario.workflow, actual, ids)
    wanted = [(line, counted.at(line.at) if line.at else None) for line in scenario.expect]
    exact = {
        number: bench.take(line, at, counted.tolerance(line, at))
        for number, (line, at) in enumerate(wanted)
        if at
    }
    verdicts = [bench.verdict(line, at, exact.get(number)) for number, (line, at) in enumerate(wanted)]
    return tuple(_ordered(verdicts) if scenario.order else verdicts)


@dataclass
class _Bench:
    """The touchpoints of a journey, each given to the expectation that it answers."""

    workflow: str
    actual: Sequence[Touchpoint]
    ids: Mapping[str, Collection[str]]
    taken: set[int] = field(default_factory=set)

    def take(self, line: Expectation, at: datetime, tolerance: timedelta) -> int | None:
        """The touchpoint that answers ``line`` at its time, if one does."""
        for number in self._free(line):
            off = abs(_minute(self.actual[number].at) - _minute(at))
            if off <= tolerance:
                self.taken.add(number)
                return number
        return None

    def verdict(self, line: Expectation, at: datetime | None, found: int | None) -> Verdict:
        if line.kind is Wanted.NOT:
            broke = next(
                (number for number, touch in enumerate(self.actual) if self._rules_out(line, touch)), None
            )
            return Verdict(line, None, Mark.MET if broke is None else Mark.UNEXPECTED, broke)
        if found is not None:
            return Verdict(line, at, Mark.MET, found)
        free = self._free(line)
        if free:
            nearest = min(free, key=lambda number: abs(self.actual[number].at - at)) if at else free[0]
            self.taken.add(nearest)
            return Verdict(line, at, Mark.WRONG_TIME if at else Mark.MET, nearest)
        end = self._other_end() if line.kind in ENDS else None
        return Verdict(line, at, Mark.MISSING if end is None else Mark.OTHER_END, end)

    def _free(self, line: Expectation) -> list[int]:
        return [
            number
            for number, touch in enumerate(self.actual)
            if number not in self.taken and self._answers(line, touch)
        ]

    def _answers(self, line: Expectation, touch: Touchpoint) -> bool:
        if line.kind in (Wanted.STAGE, Wanted.VALIDATED):
            return (touch.kind, touch.status) == HAPPENED[line.kind] and self._is_stage(line.name, touch)
        if line.kind in HAPPENED:
            return (touch.kind, touch.status) == HAPPENED[line.kind] and self._is_called(line.name, touch)
        own = touch.workflow == self.workflow and touch.kind == "stage"
        if line.kind in ENDS:
            return own and touch.status == ENDS[line.kind] and line.name in ("", touch.reason)
        if line.kind is Wanted.REFUSED:
            return own and touch.status == "refused" and touch.reason == line.name
        skipped = touch.kind not in ("stage", "event") and touch.status == "skipped"
        named = self._is_called(line.name, touch) and line.reason in (None, touch.reason)
        return line.kind is Wanted.SKIPPED and skipped and named

    def _rules_out(self, line: Expectation, touch: Touchpoint) -> bool:
        if touch.kind == "stage":
            return touch.status == "entered" and self._is_stage(line.name, touch)
        did_happen = (touch.kind, touch.status) in HAPPENED.values()
        return did_happen and self._is_called(line.name, touch)

    def _is_called(self, name: str, touch: Touchpoint) -> bool:
        return name == (touch.step if name in self.ids.get(touch.workflow, ()) else touch.what)

    def _is_stage(self, name: str, touch: Touchpoint) -> bool:
        qualified = f"{touch.workflow}/{touch.what}"
        return name == qualified or (touch.workflow == self.workflow and name == touch.what)

    def _other_end(self) -> int | None:
        ends = [
            number
            for number, touch in enumerate(self.actual)
            if touch.workflow == self.workflow and touch.kind == "stage" and touch.status in ENDS.values()
        ]
        return ends[-1] if ends and ends[-1] not in self.taken else None


def _minute(at: datetime) -> datetime:
    return at.replace(second=0, microsecond=0)


def _ordered(verdicts: Sequence[Verdict]) -> Iterator[Verdict]:
    """With ``order: yes`` what comes true must do so in the order of the lines."""
    last = -1
    for one in verdicts:
        if one.mark is not Mark.MET or one.found is None:
            yield one
        elif one.found < last:
            yield Verdict(one.expectation, one.at, Mark.OUT_OF_ORDER, one.found)
        else:
            last = one.found
            yield one
