"""Make the folder's files live: check them, put them into the database, name the version that new contacts enter.

Contacts who are under way stay in the version they entered. Files with an error publish nothing at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection

from nurture.db import content, enrollments
from nurture.db.content import Version
from nurture.model.errors import NurtureError
from nurture.services import watch
from nurture.services.check import check
from nurture.services.runtime import Runtime
from nurture.workflow.model import Workflow

PARTS = (
    *(
        "workflows/*.yaml",
        "personas/*.yaml",
        "offers/*.yaml",
        "segments/*.yaml",
    ),  # what `nurture check` reads
    *("templates/**/*.md", "templates/**/*.html", "templates/**/*.txt", "assets/**/*"),
)


@dataclass(frozen=True, slots=True)
class WorkflowPlan:
    """What publishing does to one workflow. ``staying`` contacts go on in the versions they entered."""

    name: str
    before: str | None
    after: str | None
    staying: int

    @property
    def changes(self) -> bool:
        return self.before != self.after


def plan(runtime: Runtime, folder: Path) -> list[WorkflowPlan]:
    """What publishing this folder would do, by workflow. Raises ProblemsFound when its files hold errors."""
    workflows = _sound_workflows(folder)
    with runtime.database.read() as tx:
        return _plan(tx, workflows)


def publish(runtime: Runtime, folder: Path, actor: str = "command line") -> list[WorkflowPlan]:
    """Make this folder live, whole or not at all. Raises ProblemsFound when its files hold errors."""
    workflows = _sound_workflows(folder)
    files = project_files(folder)
    now = runtime.now()
    with runtime.database.write() as tx:
        planned = _plan(tx, workflows)
        hashes = content.publish_contents(tx, files, now)
        content.publish_versions(
            tx,
            [
                Version(one.version, name, hashes[one.place.file], one.place.file, now)
                for name, one in workflows.items()
            ],
        )
        content.set_heads(tx, {name: one.version for name, one in workflows.items()}, now)
        changed = {one.name: one.after for one in planned if one.changes}
        runtime.audit(tx, actor, "publish", "project", changed)
    runtime.shelf.forget()
    watch.begin(runtime)
    return planned


def project_files(folder: Path) -> dict[str, bytes]:
    """Everything that goes live: ``{path in the folder: bytes}``."""
    files = {"nurture.toml": (folder / "nurture.toml").read_bytes()}
    for part in PARTS:
        for path in sorted(folder.glob(part)):
            if path.is_file():
                _refuse_led_away(folder, path)
                files[path.relative_to(folder).as_posix()] = path.read_bytes()
    return files


def _refuse_led_away(folder: Path, path: Path) -> None:
    """What is in assets/ is handed out: a link there must not lead to what is elsewhere. Raises NurtureError."""
    assets = folder / "assets"
    if path.is_relative_to(assets) and not path.resolve().is_relative_to(assets.resolve()):
        name = path.relative_to(folder).as_posix()
        raise NurtureError(f"{name} is a link out of assets/", hint="copy the file itself into assets/")


def _sound_workflows(folder: Path) -> Mapping[str, Workflow]:
    return check(folder).sound().workflows


def _plan(tx: Connection, workflows: Mapping[str, Workflow]) -> list[WorkflowPlan]:
    heads = content.workflow_heads(tx)
    return [
        WorkflowPlan(
            name=name,
            before=heads.get(name),
            after=workflows[name].version if name in workflows else None,
            staying=len(enrollments.ids_in(tx, name)),
        )
        for name in sorted(heads.keys() | workflows.keys())
    ]
