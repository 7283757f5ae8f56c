"""Make a plan's files live: the very bytes that were checked, whole or not at all, and the version that new contacts enter.

Contacts who are under way stay in the version they entered, unless the plan takes them along. Every state that was live
is kept as a release, so that one command brings it back.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection

from nurture.db import content, releases
from nurture.db.content import Version
from nurture.db.releases import NewRelease, ReleaseKind
from nurture.model.errors import NurtureError
from nurture.services.events import reckoning, watch
from nurture.services.releases import migration, planning
from nurture.services.releases.migration import Intent, Migrated
from nurture.services.releases.plan_values import Plan
from nurture.services.runtime import Runtime
from nurture.services.spread import per_minute

BEFORE_RELEASES = "nurture"
"""Who stands for what was live before releases were kept."""
NOBODY = Migrated()


@dataclass(frozen=True, slots=True)
class MadeLive:
    """``release`` is its number, None when nothing changed; ``migrated`` who was taken along."""

    release: int | None
    migrated: Migrated = NOBODY


def publish(runtime: Runtime, folder: Path, actor: str = "command line") -> MadeLive:
    """Make this folder live without asking anything. Raises as ``planning.plan`` and ``make_live`` do."""
    return make_live(runtime, planning.plan(runtime, folder, foreseen=False), actor)


def make_live(runtime: Runtime, plan: Plan, actor: str = "command line", most: int | None = None) -> MadeLive:
    """Do what the plan says. Raises NurtureError when something else went live since it was made.

    With ``most``, about so many contacts are taken along before this returns; workers see to the others.
    """
    if not plan.changes_anything:
        return MadeLive(None)
    release = runtime.database.retrying(lambda tx: _write(tx, runtime, plan, actor))
    runtime.shelf.forget()
    watch.begin(runtime)
    return MadeLive(release, migration.go_on(runtime, most))


def _write(tx: Connection, runtime: Runtime, plan: Plan, actor: str) -> int:
    if content.fingerprint(tx) != plan.live:
        raise NurtureError(
            "something else was published since this plan was made", hint="look at the plan again"
        )
    now = runtime.now()
    _keep_what_was(tx, runtime)
    _look_again(tx, runtime, plan, now)
    hashes = content.publish_contents(tx, plan.files, now)
    workflows = plan.project.workflows
    content.publish_versions(
        tx,
        [
            Version(one.version, name, hashes[one.place.file], one.place.file, now)
            for name, one in workflows.items()
        ],
    )
    heads = {name: one.version for name, one in workflows.items()}
    content.set_heads(tx, heads, now)
    release = releases.add(
        tx,
        NewRelease(at=now, actor=actor, kind=plan.kind, files=hashes, heads=heads, expected=expected(plan)),
    )
    migration.intend(tx, _intents(plan, actor), now)
    changed = {one.name: one.after for one in plan.workflows if one.before != one.after}
    detail = {"release": release, "again": plan.release, "workflows": changed}
    runtime.audit(
        tx, actor, plan.kind.value, "project", {name: value for name, value in detail.items() if value}
    )
    return release


def _keep_what_was(tx: Connection, runtime: Runtime) -> None:
    """What an earlier version of this program published is a release too, so that it can come back."""
    files = content.publications(tx)
    if files and not releases.latest(tx, limit=1):
        heads = content.workflow_heads(tx)
        was = NewRelease(
            at=runtime.now(), actor=BEFORE_RELEASES, kind=ReleaseKind.PUBLISH, files=files, heads=heads
        )
        releases.add(tx, was)


def _look_again(tx: Connection, runtime: Runtime, plan: Plan, now: datetime) -> None:
    """Whoever waits by a calendar or zone that the plan changes will wait by the new one."""
    after = plan.project.workspace
    if after is not None and content.publications(tx):
        reckoning.look_again(tx, runtime.shelf, runtime.shelf.published(tx).workspace, after, now)


def _intents(plan: Plan, actor: str) -> list[Intent]:
    """One for each workflow whose contacts are taken along."""
    return [
        Intent(
            workflow=one.name,
            to=one.after,
            actor=actor,
            names=dict(plan.wish[one.name]),
            each_minute=per_minute(sum(group.at_once for group in one.groups)),
        )
        for one in plan.workflows
        if one.after is not None and one.mapped
    ]


def expected(plan: Plan) -> dict[str, object]:
    """What the plan foresaw, to be compared with what then leaves: by workflow, messages for each day."""
    return {
        "days": [day.day.isoformat() for day in plan.forecast.days],
        "messages": {name: list(volume.messages) for name, volume in plan.forecast.workflows.items()},
        "calls": {name: list(volume.calls) for name, volume in plan.forecast.workflows.items()},
    }
