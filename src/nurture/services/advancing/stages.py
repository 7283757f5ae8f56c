"""The stage that a message speaks of: in its latest words, or as the version that the contact is in still has it.

Looks up only; who is in which stage is nothing it knows.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from sqlalchemy import Connection

from nurture.db import enrollments
from nurture.services.published import Published, Shelf
from nurture.workflow.model import Stage, Workflow


class OfStage(Protocol):
    """A message, or what else belongs to a stage of a workflow and, mostly, to an enrollment."""

    @property
    def enrollment_id(self) -> int | None: ...
    @property
    def workflow(self) -> str | None: ...
    @property
    def stage(self) -> str: ...


def stage_of(published: Published, one: OfStage, older: Iterable[Workflow] = ()) -> Stage | None:
    """The stage of this message as it is live, else as one of the ``older`` versions has it; None for none."""
    return find_stage(published, one.workflow, one.stage, older)


def find_stage(
    published: Published, workflow: str | None, stage: str, older: Iterable[Workflow] = ()
) -> Stage | None:
    """The same by names."""
    versions = (published.workflows.get(workflow or ""), *(one for one in older if one.name == workflow))
    stages = (found for version in versions if version for found in version.stages)
    return next((found for found in stages if found.name == stage), None)


def older_versions(
    tx: Connection, shelf: Shelf, published: Published, messages: Iterable[OfStage]
) -> tuple[Workflow, ...]:
    """The versions in which the stages are that no live workflow has any more. Asks nothing while all are live."""
    lost = {one.enrollment_id for one in messages if one.workflow and stage_of(published, one) is None}
    own = enrollments.get(tx, {number for number in lost if number is not None})
    return tuple(shelf.versions(tx, {one.version for one in own.values()}).values())
