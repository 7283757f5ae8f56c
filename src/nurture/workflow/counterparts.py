"""Which step and which stage of one version is which of another: by its name, by a declared new name, or by its neighbours.

A renamed step is declared, never guessed. A step without a name of its own, such as a wait, is known by its kind and the
named steps around it; where several could be meant, by what it says, or it is none of them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import Match, SequenceMatcher
from types import MappingProxyType

from nurture.steps import KINDS
from nurture.steps.base import Step
from nurture.workflow.model import Workflow

NO_NAMES: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Counterparts:
    """From names of the one version to names of the other; who has no counterpart is left out."""

    stages: Mapping[str, str]
    steps: Mapping[str, str]
    asked: frozenset[str] = frozenset()
    """Steps whose counterpart somebody named by hand."""


def is_named(step: Step) -> bool:
    """Does the file give this step its id, or only its place?"""
    return KINDS[step.kind].value_is_id or step.fields.id is not None


def counterparts(before: Workflow, after: Workflow, asked: Mapping[str, str] = NO_NAMES) -> Counterparts:
    """What became of each stage and step. ``asked`` names, old to new, what a person says of stages or steps."""
    stages = _stages(before, after, asked)
    steps = _named(before, after, asked)
    pairing = _Pairing(before, after, steps)
    for stage in before.stages:
        if stage.name in stages:
            pairing.lists(stage.first, after.stage(stages[stage.name]).first)
    by_hand = frozenset(old for old, new in asked.items() if steps.get(old) == new)
    return Counterparts(stages, steps, by_hand)


def _stages(before: Workflow, after: Workflow, asked: Mapping[str, str]) -> dict[str, str]:
    known = {stage.name for stage in after.stages}
    declared = {stage.was: stage.name for stage in after.stages if stage.was}
    wanted = {
        stage.name: asked.get(stage.name) or declared.get(stage.name) or stage.name for stage in before.stages
    }
    return {old: new if new in known else old for old, new in wanted.items() if new in known or old in known}


def _named(before: Workflow, after: Workflow, asked: Mapping[str, str]) -> dict[str, str]:
    declared = {step.fields.was: step.id for step in after.steps.values() if step.fields.was}
    found = {}
    for step in before.steps.values():
        if asked.get(step.id) in after.steps:
            found[step.id] = asked[step.id]
        elif is_named(step):
            new = after.steps.get(declared.get(step.id) or step.id)
            if new is not None and new.kind == step.kind:
                found[step.id] = new.id
    return found


@dataclass(frozen=True, slots=True)
class _Pairing:
    """Finds the counterparts of steps without names; ``steps`` grows."""

    before: Workflow
    after: Workflow
    steps: dict[str, str]

    def lists(self, old_first: str | None, new_first: str | None) -> None:
        """Pair two lists that correspond, and the lists below them."""
        old, new = list(in_list(self.before, old_first)), list(in_list(self.after, new_first))
        for olds, news in self._between_anchors(old, new):
            self._segment(olds, news)
        there = {step.id: step for step in new}
        for step in old:
            other = there.get(self.steps.get(step.id, ""))
            for branch, start in step.branches.items() if other else ():
                self.lists(start, other.branches.get(branch) if other else None)

    def _between_anchors(
        self, old: Sequence[Step], new: Sequence[Step]
    ) -> Iterator[tuple[list[Step], list[Step]]]:
        """The steps without names between the named ones that stand in both lists, in the same order."""
        named_new = [step.id for step in new if is_named(step)]
        named_old = [
            (step.id, self.steps[step.id])
            for step in old
            if is_named(step) and self.steps.get(step.id) in named_new
        ]
        pairs = [
            (named_old[block.a + number][0], named_new[block.b + number])
            for block in _matching([name for _, name in named_old], named_new)
            for number in range(block.size)
        ]
        yield from zip(
            _cut(old, {one for one, _ in pairs}), _cut(new, {other for _, other in pairs}), strict=True
        )

    def _segment(self, olds: Sequence[Step], news: Sequence[Step]) -> None:
        """As many of a kind as before are the same ones; else those that say the same are."""
        for kind in {step.kind for step in olds}:
            before = [step for step in olds if step.kind == kind]
            after = [step for step in news if step.kind == kind]
            if len(before) != len(after):
                blocks = _matching([_said(step) for step in before], [_said(step) for step in after])
                before, after = (
                    [before[block.a + n] for block in blocks for n in range(block.size)],
                    [after[block.b + n] for block in blocks for n in range(block.size)],
                )
            for old, new in zip(before, after, strict=True):
                self.steps.setdefault(old.id, new.id)


def _cut(steps: Sequence[Step], at: Collection[str]) -> list[list[Step]]:
    """The steps without names, cut where one of these named steps stands."""
    pieces: list[list[Step]] = [[]]
    for step in steps:
        if step.id in at:
            pieces.append([])
        elif not is_named(step):
            pieces[-1].append(step)
    return pieces


def _matching(old: Sequence[str], new: Sequence[str]) -> list[Match]:
    return SequenceMatcher(None, old, new, autojunk=False).get_matching_blocks()


def _said(step: Step) -> str:
    return f"{step.fields} {step.rule}"


def in_list(workflow: Workflow, first: str | None) -> Iterator[Step]:
    """The steps of one list, in order, without those of their branches."""
    while first is not None:
        step = workflow.steps[first]
        yield step
        first = step.next
