"""Is every event one that can come, that proves something, and that the place where it stands can use?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from difflib import get_close_matches

from nurture.model.errors import Place, Problem
from nurture.model.expression_tree import Every, Tree
from nurture.model.matching import RESERVED_EVENTS, EventMatch, is_own_action
from nurture.model.workspace import TRANSACTIONAL, Workspace
from nurture.steps.email import EmailFields
from nurture.steps.wait_until import WaitUntilFields
from nurture.workflow.checks.codes import problem
from nurture.workflow.checks.lines import Line, Role, event_lines, step_place
from nurture.workflow.model import Stage, Workflow
from nurture.workflow.project import Project
from nurture.workflow.reader import Draft
from nurture.workflow.yaml_text import ListNode, MapNode, TextNode

_OURS = ("offer.", "consent.", "email.", "call.", "stage.", "note.", "contact.")
"""Only the program stores events that begin so; ``sale.`` may be anybody's."""


def unusable_events(project: Project) -> Iterator[Problem]:
    """Typos, events of our own making, and waits for what ends their stage."""
    lines = list(event_lines(project))
    yield from _unknown_events(project, lines)
    for line in lines:
        yield from _own_action(line)
        yield from _untracked(line, project.workspace)
    for draft in project.drafts:
        yield from _dead_waits(draft)


def _unknown_events(project: Project, lines: list[Line]) -> Iterator[Problem]:
    if project.workspace is None:
        return
    declared = RESERVED_EVENTS | project.workspace.events
    seen = Counter(line.match.name for line in lines if line.match.name not in declared)
    for line in lines:
        name = line.match.name
        if name not in declared:
            more_often = {other for other, times in seen.items() if times > seen[name]}
            yield _unknown_event(name, line.place, near_miss(name, declared | more_often))
    for node in _scored(project):
        if node.text not in declared:
            yield _unknown_event(node.text, node.place, near_miss(node.text, declared))


def _scored(project: Project) -> Iterator[TextNode]:
    """The events that score, as ``nurture.toml`` names them."""
    rules = project.toml.get("scores") if project.toml else None
    for rule in rules.items if isinstance(rules, ListNode) else ():
        event = rule.text("on") if isinstance(rule, MapNode) else None
        if event is not None:
            yield event


def near_miss(name: str, known: Collection[str]) -> str | None:
    """Nearer than a suggestion: ``meeting.held`` beside ``meeting.booked`` is another event, ``meeting.boked`` is not."""
    near = get_close_matches(name, sorted(known), n=1, cutoff=0.85)
    return f"did you mean '{near[0]}'?" if near else None


def _unknown_event(name: str, place: Place, near: str | None) -> Problem:
    if near is not None:
        return problem("unknown-event", place, f"there is no event '{name}'", near)
    if name.startswith(_OURS):
        family = name[: name.index(".") + 1]
        ours = ", ".join(sorted(event for event in RESERVED_EVENTS if event.startswith(family)))
        return problem("unknown-event", place, f"there is no event '{name}'", f"ours are {ours}")
    return problem(
        "undeclared-event",
        place,
        f"'{name}' is declared nowhere",
        "list it under [events] in nurture.toml, so that a typo in it is found",
    )


_PROVES = {
    Role.TRIGGER: "cannot trigger a stage",
    Role.VALIDATION: "validates nothing",
    Role.LOSS: "loses nobody",
    Role.WAIT: "is nothing to wait for",
    Role.MEASURE: "measures nothing",
}


def _own_action(line: Line) -> Iterator[Problem]:
    if is_own_action(line.match.name):
        yield problem(
            "own-action",
            line.place,
            f"'{line.match.name}' is our own action: it {_PROVES[line.role]}",
            "name what the contact does, such as email.clicked, offer.downloaded or sale.closed",
        )


_TRACKED_AS = {"email.opened": "opens", "email.clicked": "clicks"}


def _untracked(line: Line, workspace: Workspace | None) -> Iterator[Problem]:
    """Other systems may report it all the same, so that this is a warning."""
    key = _TRACKED_AS.get(line.match.name)
    if key is None or workspace is None:
        return
    workflow = line.draft.workflow
    purposes = {workflow.purpose} | {
        step.fields.purpose or workflow.purpose
        for step in workflow.steps.values()
        if isinstance(step.fields, EmailFields)
    }
    tracked = [
        workspace.tracking.of(purpose, marketing=purpose != TRANSACTIONAL) for purpose in sorted(purposes)
    ]
    if not any(getattr(one, key) for one in tracked):
        yield problem(
            "untracked-event",
            line.place,
            f"'{line.match.name}' never comes: no message of this workflow is tracked for {key}",
            f"write {key} = true under [tracking] in nurture.toml, or ask for something else",
        )


def _dead_waits(draft: Draft) -> Iterator[Problem]:
    workflow = draft.workflow
    for step in workflow.steps.values():
        if not isinstance(step.fields, WaitUntilFields):
            continue
        stage = workflow.stage(step.stage)
        leaving = [_what_leaves(workflow, stage, match) for match in step.fields.wait_until]
        if all(leaving):
            yield problem(
                "dead-wait",
                step_place(draft, step),
                f"'{step.fields.wait_until[0].name}' {leaving[0]}, so that this wait can only time out",
                "wait for something that leaves the contact in this stage",
            )


def _what_leaves(workflow: Workflow, stage: Stage, awaited: EventMatch) -> str | None:
    """How an event that ends the wait takes the contact out of the stage before the wait sees it; None when it does not."""
    for loss in stage.losses:
        if loss.on is not None and implies(awaited, loss.on):
            return f"loses the contact ({loss.reason})"
    for later in workflow.stages[stage.index :]:
        if implies(awaited, later.validate):
            return "validates this stage" if later is stage else f"validates the later stage '{later.name}'"
        trigger = later.trigger
        if later is not stage and trigger and trigger.match and implies(awaited, trigger.match):
            return f"is the trigger of the later stage '{later.name}'"
    return None


def implies(narrow: EventMatch, wide: EventMatch) -> bool:
    """Whether each event that ``narrow`` matches is surely matched by ``wide`` too."""
    if narrow.name != wide.name:
        return False
    if wide.where is None:
        return True
    given = _parts(narrow.where.tree) if narrow.where else ()
    return all(part in given for part in _parts(wide.where.tree))


def _parts(tree: Tree) -> tuple[Tree, ...]:
    return tree.operands if isinstance(tree, Every) else (tree,)
