"""Does everything that a scenario names exist: its workflow and persona, its events, and what it expects or rules out?

A misspelt `not:` would pass for ever, which is worse than no test.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from nurture.model.contact_values import read_values
from nurture.model.errors import Place, Problem, did_you_mean
from nurture.model.matching import CONTACT_CHANGED, RESERVED_EVENTS, is_own_action
from nurture.model.words import Reason
from nurture.steps.base import Step
from nurture.steps.call_task import OUTCOMES
from nurture.steps.exit import ExitFields
from nurture.steps.lose import LoseFields
from nurture.workflow.checks.codes import problem
from nurture.workflow.checks.events import near_miss
from nurture.workflow.checks.lines import event_lines, place_of
from nurture.workflow.model import Workflow
from nurture.workflow.project import Project
from nurture.workflow.scenarios import Expectation, Scenario, Told, Wanted
from nurture.workflow.yaml_text import MapNode

TOUCHES = (Wanted.EMAIL, Wanted.CALL_TASK, Wanted.OFFER, Wanted.NOTIFY, Wanted.WEBHOOK)
"""What a contact or a colleague notices; each is also the kind of the step that makes it."""


def baseless_scenarios(project: Project) -> Iterator[Problem]:
    """Every name in a scenario that leads nowhere, with the nearest one that exists."""
    names = _Names(project)
    for file in project.scenarios:
        if file.draft and file.top:
            yield from _of_one(names, file.draft, file.top)


def _of_one(names: _Names, scenario: Scenario, top: MapNode) -> Iterator[Problem]:
    workflow = names.workflows.get(scenario.workflow)
    if scenario.workflow not in names.project.names("workflow"):
        place = place_of(top, "workflow")
        yield _missing(
            "unknown-workflow",
            place,
            f"there is no workflow '{scenario.workflow}'",
            scenario.workflow,
            names.workflows,
        )
    yield from _of_contact(names, scenario, top)
    for split, variant in (scenario.variants or {}).items() if names.are_all_there else ():
        yield from _of_variant(names, split, variant, place_of(top, "variants", split))
    for told in scenario.events:
        yield from _of_event(names, told)
    for line in scenario.expect:
        if workflow and names.are_all_there:
            yield from _of_expectation(names, workflow, line)


def _missing(code: str, place: Place, message: str, word: str, known: Collection[str]) -> Problem:
    hint = did_you_mean(word, frozenset(known)) or (
        f"known: {', '.join(sorted(known)[:8])}" if known else None
    )
    return problem(code, place, message, hint)


def _of_contact(names: _Names, scenario: Scenario, top: MapNode) -> Iterator[Problem]:
    name, personas = scenario.persona, names.project.personas
    if name and name not in names.project.names("persona"):
        yield _missing(
            "unknown-persona", place_of(top, "as"), f"there is no persona '{name}'", name, personas
        )
    elif name and name in personas and personas[name].example is None:
        message = f"persona '{name}' has no example to play"
        yield problem("bad-example", place_of(top, "as"), message, f"add one to {personas[name].place.file}")
    if scenario.given and names.project.workspace:
        errors = read_values(scenario.given, names.project.workspace.fields)[1]
        for field, error in errors.items():
            yield problem("bad-example", place_of(top, "given", field), error.message, error.hint)


def _of_variant(names: _Names, split: str, variant: str, place: Place) -> Iterator[Problem]:
    variants = {step.id: tuple(step.branches) for step in names.steps if step.kind == "split"}
    if split not in variants:
        yield _missing("unknown-variant", place, f"there is no split '{split}'", split, variants)
    elif variant not in variants[split]:
        message = f"split '{split}' has no variant '{variant}'"
        yield _missing("unknown-variant", place, message, variant, variants[split])


def _of_event(names: _Names, told: Told) -> Iterator[Problem]:
    if is_own_action(told.name):
        message = f"'{told.name}' is our own action: it happens by itself"
        yield problem("own-action", told.place, message, "tell what the contact does")
    elif told.name not in names.events:
        near = near_miss(told.name, names.events)
        hint = near or "list it under [events] in nurture.toml, or let a workflow look for it"
        yield problem("unknown-event", told.place, f"there is no event '{told.name}'", hint)
    offer, outcome = told.words.get("offer"), told.words.get("outcome")
    if offer and told.name.startswith("offer.") and offer not in names.project.names("offer"):
        yield _missing(
            "unknown-offer", told.place, f"there is no offer '{offer}'", offer, names.project.offers
        )
    if outcome and told.name == "call.outcome" and outcome not in names.outcomes:
        yield _missing("unknown-outcome", told.place, f"no call ends as '{outcome}'", outcome, names.outcomes)
    if told.name == CONTACT_CHANGED and names.project.workspace:
        for error in read_values(told.words, names.project.workspace.fields)[1].values():
            yield problem("bad-example", told.place, error.message, error.hint)


def _of_expectation(names: _Names, workflow: Workflow, line: Expectation) -> Iterator[Problem]:
    match line.kind:
        case Wanted.STAGE | Wanted.VALIDATED:
            yield from _of_stage(names, workflow, line)
        case Wanted.LOST:
            yield from _of_end(names, workflow, line, "loses nobody", names.losses)
        case Wanted.EXITED:
            yield from _of_end(names, workflow, line, "lets nobody leave", names.exits)
        case Wanted.REFUSED:
            yield from _never("refuses an entry as", line, frozenset(Reason))
        case Wanted.COMPLETED:
            pass
        case Wanted.NOT:
            stages = {stage.name for stage in workflow.stages} | names.qualified_stages
            known = names.touches() | stages
            yield from _never("has a message, call, offer or stage", line, known)
        case Wanted.SKIPPED:
            yield from _never("has a message, call or offer", line, names.touches())
            if line.reason and line.reason not in frozenset(Reason):
                message = f"nothing is skipped because of '{line.reason}'"
                yield _missing("never-happens", line.place, message, line.reason, frozenset(Reason))
        case _:
            yield from _never(f"has {_ARTICLE[line.kind]}", line, names.touches(line.kind))


_ARTICLE: Mapping[Wanted, str] = {
    Wanted.EMAIL: "an e-mail",
    Wanted.CALL_TASK: "a call",
    Wanted.OFFER: "an offer handed over as",
    Wanted.NOTIFY: "a notice",
    Wanted.WEBHOOK: "a webhook",
}


def _never(what: str, line: Expectation, known: Collection[str]) -> Iterator[Problem]:
    if line.name not in known:
        yield _missing("never-happens", line.place, f"no workflow {what} '{line.name}'", line.name, known)


def _of_end(
    names: _Names,
    workflow: Workflow,
    line: Expectation,
    what: str,
    ends: Callable[[Workflow], Collection[str]],
) -> Iterator[Problem]:
    """An end is that of the scenario's own workflow, also where the journey leads through others."""
    known = ends(workflow)
    if line.name in known:
        return
    message = f"workflow '{workflow.name}' {what} as '{line.name}'"
    others = sorted(one.name for one in names.workflows.values() if line.name in ends(one))
    if others:
        hint = f"that is an end of '{others[0]}': expect it in a scenario of that workflow"
        yield problem("never-happens", line.place, message, hint)
    else:
        yield _missing("never-happens", line.place, message, line.name, known)


def _of_stage(names: _Names, workflow: Workflow, line: Expectation) -> Iterator[Problem]:
    own = {stage.name for stage in workflow.stages}
    if line.name not in own | names.qualified_stages:
        message = f"there is no stage '{line.name}' in '{workflow.name}'"
        if "/" in line.name:
            message, own = f"there is no stage '{line.name}'", set(names.qualified_stages)
        yield _missing("unknown-stage", line.place, message, line.name, own)


@dataclass
class _Names:
    """Every name that a scenario may use; a journey may lead through several workflows."""

    project: Project

    @cached_property
    def are_all_there(self) -> bool:
        """Whether every workflow could be read whole: what lacks in one that could not is no fault of a scenario."""
        return not self.project.unread and all(draft.sound for draft in self.project.drafts)

    @cached_property
    def workflows(self) -> Mapping[str, Workflow]:
        return {draft.workflow.name: draft.workflow for draft in self.project.drafts}

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        return tuple(step for workflow in self.workflows.values() for step in workflow.steps.values())

    def touches(self, *kinds: Wanted) -> frozenset[str]:
        """What these steps make, by what it is made of and by the step's id."""
        wanted = [kind.value for kind in kinds or TOUCHES]
        found = [step for step in self.steps if step.kind in wanted]
        return frozenset(name for step in found for name in (step.id, str(getattr(step.fields, step.kind))))

    @cached_property
    def qualified_stages(self) -> frozenset[str]:
        return frozenset(
            f"{one.name}/{stage.name}" for one in self.workflows.values() for stage in one.stages
        )

    def losses(self, workflow: Workflow) -> frozenset[str]:
        own = {loss.reason for stage in workflow.stages for loss in stage.losses}
        steps = {step.fields.lose for step in workflow.steps.values() if isinstance(step.fields, LoseFields)}
        return frozenset({*own, *steps, *_LOST_BY_ITSELF})

    def exits(self, workflow: Workflow) -> frozenset[str]:
        own = {step.fields.exit for step in workflow.steps.values() if isinstance(step.fields, ExitFields)}
        return frozenset({*filter(None, own), *Reason})

    @cached_property
    def events(self) -> frozenset[str]:
        declared = self.project.workspace.events if self.project.workspace else frozenset()
        return RESERVED_EVENTS | declared | {line.match.name for line in event_lines(self.project)}

    @cached_property
    def outcomes(self) -> frozenset[str]:
        return OUTCOMES | (self.project.workspace.outcomes if self.project.workspace else frozenset())


_LOST_BY_ITSELF = (
    Reason.UNSUBSCRIBED,
    Reason.BOUNCED,
    Reason.COMPLAINED,
    Reason.DID_NOT_GO_ON,
    Reason.STEP_FAILED,
)
