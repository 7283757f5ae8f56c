"""The activation plan: what would change if these files went live, who stays, who would come along, and what leaves then.

It changes nothing. Publishing makes live exactly the bytes of a plan, or refuses when something else went live meanwhile.
"""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Connection

from nurture.db import content, migrating, releases
from nurture.db.content import content_hash
from nurture.db.releases import Release, ReleaseKind
from nurture.engine.migrating import Obstacle, Way
from nurture.model.errors import NotFoundError, NurtureError, did_you_mean
from nurture.services.files.project_files import Files, read_folder, sound_project
from nurture.services.releases.forecast import Forecast, Progress, forecast, in_silence
from nurture.services.releases.forecast_play import State
from nurture.services.releases.migration import ways_to
from nurture.services.releases.plan_values import FileChange, Group, Plan, WorkflowPlan
from nurture.services.releases.wishes import NO_WISH, Wish
from nurture.services.runtime import Runtime
from nurture.services.sending.warm_ups import warming_up
from nurture.workflow.changes import Change
from nurture.workflow.diff import changes
from nurture.workflow.model import Workflow
from nurture.workflow.project import Project
from nurture.workflow.workspace import FILE

PREVIOUS = "previous"
"""Instead of a release's number: what was live before."""


def plan(
    runtime: Runtime,
    folder: Path,
    wish: Wish = NO_WISH,
    *,
    progress: Progress = in_silence,
    foreseen: bool = True,
    most: int | None = None,
) -> Plan:
    """What publishing this folder would do. Without ``foreseen`` nobody's next days are played; else those of ``most``, for a reader who cannot wait.

    Raises NotFoundError without a project, ProblemsFound when its files hold errors, NurtureError for a wish that
    names nothing.
    """
    files = read_folder(folder)
    return _Planner(runtime, ReleaseKind.PUBLISH, files, wish, progress, foreseen, most).plan()


def plan_rollback(
    runtime: Runtime,
    release: int | str = PREVIOUS,
    wish: Wish = NO_WISH,
    *,
    progress: Progress = in_silence,
    foreseen: bool = True,
    most: int | None = None,
) -> Plan:
    """What making an earlier release live again would do: its files pass the same checks. Raises as ``plan`` does."""
    with runtime.database.read() as tx:
        chosen = _chosen(tx, release)
        stored = content.contents(tx, set(chosen.files.values()))
    files = {path: stored[name] for path, name in chosen.files.items()}
    planner = _Planner(runtime, ReleaseKind.ROLLBACK, files, wish, progress, foreseen, most)
    return planner.plan(release=chosen.id)


def _chosen(tx: Connection, release: int | str) -> Release:
    if release != PREVIOUS:
        found = releases.get(tx, int(release))
        if found is None:
            raise NotFoundError(f"there is no release {release}", hint="`nurture releases` lists them")
        return found
    live = content.publications(tx)
    for one in releases.latest(tx):
        if not one.holds(live):
            return one
    raise NotFoundError("nothing else was ever live", hint="`nurture releases` lists what was published")


@dataclass
class _Planner:
    """One plan in the making, in one snapshot of the database."""

    runtime: Runtime
    kind: ReleaseKind
    files: Files
    wish: Wish
    progress: Progress
    foreseen: bool
    most: int | None
    notes: list[str] = field(default_factory=list)

    def plan(self, release: int | None = None) -> Plan:
        project = sound_project(self.files)
        self._refuse_unknown(project)
        hashes = {path: content_hash(data) for path, data in self.files.items()}
        self.runtime.shelf.forget()
        with self.runtime.database.read() as tx:
            published = content.publications(tx)
            live = self._live(tx, project, bool(published))
            ways = self._ways(tx, project)
            known = {version: way for of in ways.values() for version, way in of.items()}
            foreseen = self._forecast(tx, live, project, known)
            self.notes += warming_up(project.workspace, foreseen)
            workflows = tuple(self._workflows(tx, live, project, ways, foreseen))
            changed = tuple(self._files(tx, published, hashes))
            fingerprint = content.fingerprint(tx)
        return Plan(
            kind=self.kind,
            files=self.files,
            project=project,
            live=fingerprint,
            workflows=workflows,
            file_changes=changed,
            forecast=foreseen,
            wish=self.wish,
            notes=tuple(self.notes),
            release=release,
            hashes=hashes,
        )

    def _refuse_unknown(self, project: Project) -> None:
        for name, names in self.wish.items():
            workflow = project.workflows.get(name)
            if workflow is None:
                hint = did_you_mean(name, list(project.workflows)) or "name one of the project's workflows"
                raise NurtureError(f"nobody can be taken into '{name}': there is no such workflow", hint=hint)
            known = {*workflow.steps, *(stage.name for stage in workflow.stages)}
            for new in names.values():
                if new not in known:
                    hint = did_you_mean(new, known) or f"its steps are {', '.join(workflow.steps)}"
                    raise NurtureError(f"workflow '{name}' has no step or stage '{new}'", hint=hint)

    def _live(self, tx: Connection, project: Project, published: bool) -> State:
        """What is live; the planned settings where nothing is, or where it cannot be read any more."""
        assert project.workspace is not None
        if published:
            try:
                now = self.runtime.shelf.published(tx)
                return State(now.workflows, now.workspace, now.segments)
            except NurtureError as error:
                self.notes.append(f"What is live cannot be compared with: {error}.")
        return State({}, project.workspace, {})

    def _ways(self, tx: Connection, project: Project) -> dict[str, dict[str, Way]]:
        """By workflow and old version: how whoever is under way there could come along."""
        old: dict[str, set[str]] = {}
        for name, version in migrating.live_by_version(tx):
            if name in project.workflows and version != project.workflows[name].version:
                old.setdefault(name, set()).add(version)
        ways = {}
        for name, versions in old.items():
            after, names = project.workflows[name], self.wish.get(name, {})
            ways[name] = ways_to(self.runtime, tx, after, names, versions)
        for name, names in self.wish.items():
            self._refuse_unknown_old(name, names, ways.get(name, {}))
        return ways

    def _refuse_unknown_old(self, name: str, names: Mapping[str, str], ways: Mapping[str, Way]) -> None:
        known = {
            word
            for way in ways.values()
            for word in (*way.before.steps, *(stage.name for stage in way.before.stages))
        }
        for old in names:
            if ways and old not in known:
                hint = (
                    did_you_mean(old, known) or "name a step that somebody stands at, as the plan lists them"
                )
                raise NurtureError(f"no version of '{name}' with contacts under way has '{old}'", hint=hint)

    def _forecast(self, tx: Connection, live: State, project: Project, ways: Mapping[str, Way]) -> Forecast:
        if not self.foreseen:
            return Forecast()
        assert project.workspace is not None
        planned = State(project.workflows, project.workspace, project.segments, ways)
        along = frozenset(version for version, way in ways.items() if way.after.name in self.wish)
        return forecast(tx, self.runtime, live, planned, along, self.progress, self.most)

    def _workflows(
        self,
        tx: Connection,
        live: State,
        project: Project,
        ways: Mapping[str, Mapping[str, Way]],
        foreseen: Forecast,
    ) -> Iterator[WorkflowPlan]:
        heads, counted = content.workflow_heads(tx), migrating.live_by_version(tx)
        under_way = Counter[str]()
        for (name, _), number in counted.items():
            under_way[name] += number
        gone = {name for name in under_way if name not in heads and name not in project.workflows}
        for name in sorted(heads.keys() | project.workflows.keys()):
            after = project.workflows.get(name)
            version = after.version if after else None
            yield WorkflowPlan(
                name=name,
                before=heads.get(name),
                after=version,
                under_way=under_way[name],
                current=counted.get((name, version), 0) if version else 0,
                taken_along=name in self.wish,
                changes=self._changes(tx, live.workflows.get(name), after),
                groups=tuple(_groups(tx, ways.get(name, {}), version, name, foreseen)),
            )
        for name in sorted(gone):
            people = "1 contact is" if under_way[name] == 1 else f"{under_way[name]:,} contacts are"
            self.notes.append(f"{people} still under way in '{name}', which was withdrawn before.")

    def _changes(self, tx: Connection, before: Workflow | None, after: Workflow | None) -> tuple[Change, ...]:
        names = self.wish.get(after.name, {}) if after else {}
        if after is not None:
            self._note_unknown_was(tx, after)
        return changes(before, after, names)

    def _note_unknown_was(self, tx: Connection, after: Workflow) -> None:
        """``was`` names what the live version, or one that somebody is still in, calls it; else it says nothing."""
        declared = {stage.was: stage.place for stage in after.stages if stage.was}
        declared |= {step.fields.was: step.place for step in after.steps.values() if step.fields.was}
        if not declared:
            return
        known = {one.version for one in content.versions(tx).values() if one.workflow == after.name}
        names: set[str] = set()
        for version in self.runtime.shelf.versions(tx, known).values():
            names |= {*version.steps, *(stage.name for stage in version.stages)}
        for word, place in declared.items():
            if known and word not in names:
                self.notes.append(f"{place}: was: '{word}' names nothing that was ever live.")

    def _files(
        self, tx: Connection, published: Mapping[str, str], hashes: Mapping[str, str]
    ) -> Iterator[FileChange]:
        for path in sorted(published.keys() | hashes.keys()):
            if published.get(path) == hashes.get(path):
                continue
            how = "new" if path not in published else "changed" if path in hashes else "withdrawn"
            keys: tuple[str, ...] = ()
            if path == FILE and how == "changed":
                old = content.contents(tx, {published[path]})
                keys = _changed_keys(old[published[path]], self.files[path])
            yield FileChange(path, how, keys)


def _groups(
    tx: Connection, ways: Mapping[str, Way], version: str | None, name: str, foreseen: Forecast
) -> Iterator[Group]:
    """Everybody in older versions, counted by where they stand: every one, not a sample."""
    counted: Counter[tuple[str, str, str | None, Obstacle | None]] = Counter()
    last = 0
    while ways and (found := migrating.live_in(tx, name, but=version, after=last, limit=1_000)):
        last = found[-1].id
        for one in found:
            if one.version in ways:
                counted[one.version, one.stage, one.step, ways[one.version].obstacle(one)] += 1
    order = {old: list(way.before.steps) for old, way in ways.items()}
    places = sorted(
        counted, key=lambda key: (key[0], order[key[0]].index(key[2]) if key[2] in order[key[0]] else -1)
    )
    for old, stage, step, obstacle in places:
        dues = foreseen.dues.get((old, stage, step)) if obstacle is None else None
        yield Group(
            version=old,
            stage=stage,
            step=step,
            count=counted[old, stage, step, obstacle],
            goal=ways[old].same.steps.get(step) if step and obstacle is None else None,
            obstacle=obstacle,
            before=dues.before if dues else None,
            after=dues.after if dues else None,
            at_once=dues.at_once if dues else 0,
        )


def _changed_keys(old: bytes, new: bytes) -> tuple[str, ...]:
    """Which keys of the settings differ: ``caps.messages``."""
    before, after = (dict(_flat(tomllib.loads(data.decode("utf-8-sig")))) for data in (old, new))
    return tuple(key for key in sorted(before.keys() | after.keys()) if before.get(key) != after.get(key))


def _flat(value: Mapping[str, object], path: str = "") -> Iterator[tuple[str, object]]:
    for key, one in value.items():
        if isinstance(one, Mapping):
            yield from _flat(one, f"{path}{key}.")
        else:
            yield f"{path}{key}", one
