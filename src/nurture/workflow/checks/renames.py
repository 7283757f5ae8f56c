"""Does every declared new name name one old thing, which is not there under its old name as well?"""

from __future__ import annotations

from collections.abc import Iterator

from nurture.model.errors import Place, Problem
from nurture.workflow.checks.codes import problem
from nurture.workflow.checks.lines import place_of, step_place
from nurture.workflow.project import Project


def doubtful_renames(project: Project) -> Iterator[Problem]:
    """``was:`` that names a step or stage of the same file, or that two of them claim."""
    for draft in project.drafts:
        steps = [
            (step.fields.was, step.id, step_place(draft, step, "was"))
            for step in draft.workflow.steps.values()
            if step.fields.was
        ]
        stages = [
            (stage.was, stage.name, place_of(node, "was"))
            for stage, node in zip(draft.workflow.stages, draft.stage_nodes, strict=True)
            if stage.was
        ]
        yield from _doubtful("step", steps, set(draft.step_nodes))
        yield from _doubtful("stage", stages, {stage.name for stage in draft.workflow.stages})


def _doubtful(what: str, renames: list[tuple[str, str, Place]], there: set[str]) -> Iterator[Problem]:
    seen: dict[str, str] = {}
    for old, new, place in renames:
        if old in there:
            same = "it has this name now" if old == new else f"there still is a {what} '{old}'"
            yield problem(
                "was-still-there", place, f"'{new}' cannot have been '{old}': {same}", "remove the line"
            )
        elif seen.setdefault(old, new) != new:
            message = f"both '{seen[old]}' and '{new}' were '{old}'"
            yield problem("was-twice", place, message, f"one {what} took the name's place: keep one of both")
