"""From the text of a workflow file to a ``Workflow``, with every problem of the file at once, each at its word.

Refuses nothing half: a file with problems gives no workflow to run, but a draft, so that the checks see all that could be read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from nurture.model.errors import Place, Problem, Severity, did_you_mean
from nurture.model.matching import EventMatch
from nurture.model.timing import Rule
from nurture.steps import KINDS
from nurture.steps.base import BranchForm, Kind, Step, StepFields, TimedFields
from nurture.workflow.fields import LossFields, StageFields, VariantFields, WorkflowFields
from nurture.workflow.forms import Form, Plain, read_form, slug_of, without_echoes
from nurture.workflow.keys import BELONGS, KINDS_HINT, MISSING, STAND_INS
from nurture.workflow.model import Loss, Stage, Workflow
from nurture.workflow.versions import structure_hash
from nurture.workflow.yaml_text import ListNode, MapNode, Node, TextNode, read_yaml

NOTHING_PROVES = EventMatch("nothing.proves")
"""Stands in a draft where a validation is missing or cannot be read."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A workflow file as far as it could be read; ``top`` and the other nodes say where each word stands.

    ``sound`` when it holds no error; only then is ``workflow`` whole. A step that could not be read at all is
    among ``step_nodes`` only.
    """

    file: str
    workflow: Workflow
    problems: tuple[Problem, ...]
    top: MapNode
    stage_nodes: tuple[MapNode, ...]
    loss_nodes: Mapping[Place, MapNode]
    step_nodes: Mapping[str, MapNode]

    @property
    def sound(self) -> bool:
        return not any(problem.severity is Severity.ERROR for problem in self.problems)


def read_workflow(text: str | bytes, file: str) -> tuple[Workflow | None, list[Problem]]:
    """The workflow in ``text``, None when it holds an error; and all its problems, in the order of the file."""
    draft, problems = read_draft(text, file)
    return (draft.workflow if draft and draft.sound else None), problems


def read_draft(text: str | bytes, file: str) -> tuple[Draft | None, list[Problem]]:
    """As much of the workflow as can be read, None when the file is no YAML; and all its problems."""
    top, problems = read_yaml(text, file)
    if top is None:
        return None, problems
    return _Reader(file, problems).draft(top, text if isinstance(text, str) else text.decode("utf-8-sig"))


@dataclass(slots=True)
class _Item:
    """One entry of a list of steps, before it is linked to the next; of no kind when that cannot be told."""

    node: MapNode
    kind: Kind | None
    id: str


@dataclass(slots=True)
class _Reader:
    file: str
    problems: list[Problem]
    steps: dict[str, Step] = field(default_factory=dict)
    step_nodes: dict[str, MapNode] = field(default_factory=dict)
    loss_nodes: dict[Place, MapNode] = field(default_factory=dict)

    def draft(self, top: MapNode, text: str) -> tuple[Draft, list[Problem]]:
        fields = read_form(WorkflowFields, top, self.problems, elsewhere=("stages",), belongs=BELONGS)
        stage_nodes = self._stage_nodes(top)
        stages = tuple(self._stage(node, index) for index, node in enumerate(stage_nodes))
        workflow = self._workflow(fields, top, stages, text)
        self._refuse_twice(stage_nodes)
        self.problems = without_echoes(self.problems)
        draft = Draft(
            self.file, workflow, tuple(self.problems), top, stage_nodes, self.loss_nodes, self.step_nodes
        )
        return draft, self.problems

    def _workflow(
        self, fields: WorkflowFields | None, top: MapNode, stages: tuple[Stage, ...], text: str
    ) -> Workflow:
        written = top.text("workflow")  # so that who names it is not told that it is unknown
        meant = slug_of(written.text)[:80].strip("-") if written else ""
        fields = fields or WorkflowFields(workflow=meant or "unnamed")
        exit_node = top.get("exit_when")
        workflow = Workflow(
            name=fields.workflow,
            title=fields.title or fields.workflow,
            version="",
            place=top.place,
            stages=stages,
            steps=self.steps,
            purpose=fields.purpose or "",
            persona=fields.persona,
            calendar=fields.calendar,
            reentry=fields.reentry,
            reopen=fields.reopen,
            exit_when=fields.exit_when,
            exit_place=exit_node.place if exit_node else None,
            priority=fields.priority,
            holdout=fields.holdout,
            text=text,
        )
        return replace(workflow, version=structure_hash(workflow))

    # --- stages -------------------------------------------------------------------------------------------------

    def _stage_nodes(self, top: MapNode) -> tuple[MapNode, ...]:
        node = top.get("stages")
        if node is None or (isinstance(node, ListNode) and not node.items):
            self._problem(node or top, "no-stages", "a workflow needs at least one stage", "add 'stages:'")
            return ()
        return self._maps(node, "a stage")

    def _maps(self, node: Node, what: str) -> tuple[MapNode, ...]:
        """The groups of keys in a list; all else is told and left out."""
        if not isinstance(node, ListNode):
            if not (isinstance(node, TextNode) and node.is_null):
                self._problem(
                    node, "bad-value", "a list should stand here", f"begin each line of {what} with '- '"
                )
            return ()
        for item in node.items:
            if not isinstance(item, MapNode):
                word = item.text if isinstance(item, TextNode) and item.text in KINDS else None
                hint = f"write '{word}:'" if word else f"{what} is written as 'key: value' lines"
                self._problem(item, "bad-value", f"this is not {what}", hint)
        return tuple(item for item in node.items if isinstance(item, MapNode))

    def _stage(self, node: MapNode, index: int) -> Stage:
        fields = self._form(StageFields, "stage", node, elsewhere=("steps", "loss"))
        named = node.text("stage")
        name = fields.stage if fields else named.text if named else f"stage-{index + 1}"
        trigger, trigger_node = fields.trigger if fields else None, node.get("trigger")
        steps = node.get("steps")
        return Stage(
            name=name,
            index=index,
            need=fields.need if fields else "",
            validate=fields.validation if fields else NOTHING_PROVES,
            place=node.place,
            bucket=fields.bucket if fields else None,
            trigger=replace(trigger, place=trigger_node.place) if trigger and trigger_node else None,
            entry=fields.entry if fields else False,
            reenter=fields.reenter if fields else False,
            first=self._list(steps, name, name) if steps is not None else None,
            losses=self._losses(node.get("loss")),
            was=fields.was if fields else None,
        )

    def _form(
        self,
        form: type[Form],
        kind: str,
        node: MapNode,
        *,
        elsewhere: tuple[str, ...],
        may_be_empty: tuple[str, ...] = (),
        given: Mapping[str, Plain] | None = None,
    ) -> Form | None:
        """The node's fields; with stand-ins where a key that is needed is missing, which has then been told."""
        fields = read_form(
            form,
            node,
            self.problems,
            elsewhere=elsewhere,
            may_be_empty=may_be_empty,
            given=given,
            missing=MISSING.get(kind),
            belongs=BELONGS,
        )
        if fields is None and kind in STAND_INS:
            lacking = {key: value for key, value in STAND_INS[kind].items() if node.text(key) is None}
            return read_form(
                form, node, [], elsewhere=(*elsewhere, *lacking), given={**(given or {}), **lacking}
            )
        return fields

    def _losses(self, node: Node | None) -> tuple[Loss, ...]:
        losses = []
        for item in self._maps(node, "a loss") if node is not None else ():
            fields = read_form(LossFields, item, self.problems, belongs=BELONGS)
            if fields:
                self.loss_nodes[item.place] = item
                losses.append(
                    Loss(fields.reason, item.place, fields.after, fields.silent, fields.on, fields.enroll)
                )
        return tuple(losses)

    def _refuse_twice(self, stages: tuple[MapNode, ...]) -> None:
        seen: dict[str, TextNode] = {}
        for stage in stages:
            name = stage.text("stage")
            if name is not None and seen.setdefault(name.text, name) is not name:
                line = seen[name.text].place.line
                self._problem(
                    name,
                    "duplicate-stage",
                    f"there are two stages '{name.text}'",
                    f"the first is in line {line}",
                )

    # --- steps --------------------------------------------------------------------------------------------------

    def _list(
        self, node: Node, stage: str, path: str, parent: str | None = None, above: str | None = None
    ) -> str | None:
        """Read a list of steps; the id of its first, None when it is empty."""
        items = []
        for number, entry in enumerate(self._maps(node, "a step"), start=1):
            kind = self._kind(entry)
            items.append(_Item(entry, kind, self._id(entry, kind, f"{path}-{number}")))
        for item, following in zip(items, [*items[1:], None], strict=False):
            if item.kind is not None:
                self._step(item, item.kind, following.id if following else None, stage, parent, above)
        return items[0].id if items else None

    def _kind(self, node: MapNode) -> Kind | None:
        found = [key for key, _ in node.entries if key.text in KINDS]
        if len(found) == 1:
            return KINDS[found[0].text]
        if found:
            names = " and ".join(f"'{key.text}'" for key in found)
            self._problem(
                found[1],
                "two-kinds",
                f"one step cannot be both {names}",
                "make it two steps, each with its own '- '",
            )
            return None
        if not node.entries:
            self._problem(node, "unknown-step", "this step is empty", KINDS_HINT)
            return None
        strange = [key for key, _ in node.entries if key.text not in BELONGS]
        near = next((key for key in strange if did_you_mean(key.text, tuple(KINDS))), None)
        if not strange:
            words = [key.text for key, _ in node.entries]
            timed = set(words) & {"until", "after", "on", "at"}
            self._problem(
                node.entries[0][0],
                "unknown-step",
                f"a step of {', '.join(words)} alone does nothing",
                "a wait says so: write 'wait:' before it" if timed else KINDS_HINT,
            )
            return None
        word = near or strange[0]
        hint = did_you_mean(word.text, tuple(KINDS)) or KINDS_HINT
        self._problem(word, "unknown-step", f"'{word.text}' is no step kind", hint)
        return None

    def _id(self, node: MapNode, kind: Kind | None, path: str) -> str:
        """The step's id: as given, else its value where the value is its name, else its path in the file."""
        given = node.text("id")
        named = node.text(kind.name) if kind and kind.value_is_id else None
        word = given or named
        step_id = word.text if word else path
        if step_id in self.step_nodes:
            first = self.step_nodes[step_id].place.line
            self._problem(
                word or node,
                "duplicate-id",
                f"there are two steps '{step_id}'",
                f"the other is in line {first}: give one of them an 'id:' of its own",
            )
            step_id = path if path not in self.step_nodes else f"{path}-{node.place.line}"
        self.step_nodes[step_id] = node
        return step_id

    def _step(
        self,
        item: _Item,
        kind: Kind,
        following: str | None,
        stage: str,
        parent: str | None,
        above: str | None,
    ) -> None:
        node = item.node
        given = self._variants(node, kind)
        lists = tuple(key for key, form in kind.branches.items() if not _is_word(node.get(key), form))
        fields = self._form(
            kind.fields,
            kind.name,
            node,
            elsewhere=tuple(key for key in lists if key not in given),
            may_be_empty=(kind.name,) if kind.name in ("exit", "wait") else (),
            given=given,
        )
        step = Step(
            item.id,
            kind.name,
            fields or StepFields(),
            _rule(fields),
            stage,
            node.place,
            following,
            parent,
            above,
        )
        self.steps[item.id] = step  # before its branches, so that steps stand in the order of the file
        self.steps[item.id] = replace(step, branches=self._branches(item, kind, stage))
        if fields is None:
            del self.steps[item.id]

    def _variants(self, node: MapNode, kind: Kind) -> dict[str, Plain]:
        """For a split: the weight of each variant, as its fields want them."""
        given: dict[str, Plain] = {}
        for key, form in kind.branches.items():
            variants = node.get(key)
            if form == "variants" and variants is not None and not isinstance(variants, MapNode):
                given[key] = {"a": 1.0, "b": 1.0}  # told where its lists are read
            if form == "variants" and isinstance(variants, MapNode):
                given[key] = {name.text: self._weight(variant) for name, variant in variants.entries}
        return given

    def _weight(self, variant: Node) -> float:
        if not isinstance(variant, MapNode):
            self._problem(
                variant, "bad-value", "a variant holds a weight and steps", "write {weight: 50, do: [...]}"
            )
            return 1.0
        fields = read_form(VariantFields, variant, self.problems, elsewhere=("do",))
        return fields.weight if fields else 1.0

    def _branches(self, item: _Item, kind: Kind, stage: str) -> dict[str, str | None]:
        found: dict[str, str | None] = {}
        for key, form in kind.branches.items():
            for name, node in self._lists(item.node.get(key), key, form):
                found[name] = self._list(node, stage, f"{item.id}-{name}", item.id, name)
        return found

    def _lists(self, node: Node | None, key: str, form: BranchForm) -> list[tuple[str, Node]]:
        """Each list of steps below ``key``, with the name of its branch."""
        if node is None or _is_word(node, form):
            return []
        if form in ("list", "list-or-word"):
            return [(key.removeprefix("on_"), node)]
        if not isinstance(node, MapNode):
            hint = (
                f"write {key}: {{NAME: [steps], …}}"
                if form == "map"
                else f"write {key}: {{NAME: {{do: [steps]}}, …}}"
            )
            self._problem(node, "bad-value", f"'{key}' holds names, each with its list of steps", hint)
            return []
        if form == "map":
            return [(name.text, steps) for name, steps in node.entries]
        return [
            (name.text, variant.get("do") or ListNode((), variant.place))
            for name, variant in node.entries
            if isinstance(variant, MapNode)
        ]

    def _problem(self, where: Node, code: str, message: str, hint: str | None = None) -> None:
        self.problems.append(Problem(where.place, code, message, hint))


def _is_word(node: Node | None, form: BranchForm) -> bool:
    return form == "list-or-word" and isinstance(node, TextNode)


def _rule(fields: StepFields | None) -> Rule:
    if not isinstance(fields, TimedFields):
        return Rule()
    return Rule(fields.after, fields.on, fields.at, fields.window, fields.quiet)
