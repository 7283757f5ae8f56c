"""What changed between two versions of a workflow, in words a marketer reads: a wait lengthened, a step gone, a proof renamed.

Pure: two values in, changes out, each at its line. What the changes do to contacts is said elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from difflib import SequenceMatcher

from nurture.model.timing import Duration, Rule, Unit
from nurture.steps.base import Step, TimedFields
from nurture.workflow.changes import Change, ChangeKind, of_stage, of_step, text_of, turned
from nurture.workflow.counterparts import NO_NAMES, Counterparts, counterparts, in_list, is_named
from nurture.workflow.model import Loss, Stage, Workflow
from nurture.workflow.outline import clock_words, kind_words, rule_words, trigger_words, what_words

CONTENT_FIELDS: Mapping[str, str] = {
    "email": "template",
    "call_task": "script",
    "offer": "offer",
    "link_offer": "linked offer",
    "notify": "notice",
    "webhook": "endpoint",
    "jump": "goal",
    "enroll": "workflow",
    "lose": "reason",
    "exit": "reason",
}
CONDITION_FIELDS: Mapping[str, str] = {"when": "condition", "wait_until": "awaited event"}
NOUNS: Mapping[str, str] = {"wait_until": "wait for an event", "when": "question"}
"""What a sentence calls steps whose kind is no noun."""
WORDS_FIELDS = frozenset({"need", "measure"})
NOT_COMPARED = frozenset({"id", "was"})
POLICIES: Mapping[str, str] = {
    "purpose": "purpose",
    "calendar": "calendar",
    "reentry": "re-entry",
    "reopen": "reopening",
    "exit_when": "exit condition",
    "priority": "priority",
    "holdout": "holdout",
}
SECONDS = {
    Unit.MINUTES: 60,
    Unit.HOURS: 3600,
    Unit.DAYS: 86_400,
    Unit.BUSINESS_DAYS: 86_400 * 7 / 5,
    Unit.WEEKS: 604_800,
    Unit.MONTHS: 86_400 * 30.4,
}
"""Good enough to say which of two spans is longer."""


def changes(
    before: Workflow | None, after: Workflow | None, asked: Mapping[str, str] = NO_NAMES
) -> tuple[Change, ...]:
    """Everything that changed from ``before`` to ``after``, in the order of the file; None stands for no such workflow.

    ``asked`` names renamed steps and stages, old to new, beside those that the file declares.
    """
    if before is None or after is None:
        return ()
    same = counterparts(before, after, asked)
    found = [
        *_policies(before, after),
        *_stages(before, after, same),
        *_removed_steps(before, same),
    ]
    return tuple(found)


# --- the workflow and its stages --------------------------------------------------------------------------------


def _policies(before: Workflow, after: Workflow) -> Iterator[Change]:
    for name, label in POLICIES.items():
        old, new = (_policy(name, getattr(one, name)) for one in (before, after))
        if old != new:
            place = (after.exit_place or after.place) if name == "exit_when" else after.place
            yield turned(ChangeKind.POLICY, f"the {label}", old, new, place)
    for name in ("title", "persona"):
        old, new = getattr(before, name), getattr(after, name)
        if old != new:
            yield turned(ChangeKind.WORDS, f"the {name}", old, new, after.place)


def _policy(name: str, value: object) -> str | None:
    return f"{value * 100:g}%" if name == "holdout" and isinstance(value, float) else text_of(value)


def _stages(before: Workflow, after: Workflow, same: Counterparts) -> Iterator[Change]:
    back = {new: old for old, new in same.stages.items()}
    moved = _moved([same.stages[one.name] for one in before.stages if one.name in same.stages], after, back)
    old_steps = {
        new: old for old, new in same.steps.items() if old not in same.asked or new not in before.steps
    }
    for stage in after.stages:
        if stage.name not in back:
            yield of_stage(ChangeKind.STAGE_ADDED, stage, f"stage '{stage.name}' is new")
        else:
            old = before.stage(back[stage.name])
            if old.name != stage.name:
                said = f"stage '{old.name}' is called '{stage.name}' now"
                yield of_stage(ChangeKind.STAGE_RENAMED, stage, said, old.name, stage.name)
            if stage.name in moved:
                said = f"stage '{stage.name}' now comes {_behind(after, stage)}"
                yield of_stage(ChangeKind.STAGE_MOVED, stage, said)
            yield from _stage_changes(old, stage)
        yield from _steps(before, after, stage, same, old_steps)
    for stage in before.stages:
        if stage.name not in same.stages:
            yield of_stage(ChangeKind.STAGE_REMOVED, stage, f"stage '{stage.name}' is gone")


def _moved(kept: Sequence[str], after: Workflow, back: Mapping[str, str]) -> set[str]:
    now = [stage.name for stage in after.stages if stage.name in back]
    return set(_out_of_order(kept, now))


def _out_of_order(before: Sequence[str], after: Sequence[str]) -> list[str]:
    """What does not stand in the longest run that both orders share."""
    blocks = SequenceMatcher(None, before, after, autojunk=False).get_matching_blocks()
    kept = {name for block in blocks for name in before[block.a : block.a + block.size]}
    return [name for name in after if name not in kept]


def _behind(workflow: Workflow, stage: Stage) -> str:
    return f"after '{workflow.stages[stage.index - 1].name}'" if stage.index else "first"


def _stage_changes(old: Stage, new: Stage) -> Iterator[Change]:
    where = f"stage '{new.name}'"
    triggers = [trigger_words(one.trigger) if one.trigger else None for one in (old, new)]
    if triggers[0] != triggers[1]:
        place = new.trigger.place if new.trigger else new.place
        yield turned(ChangeKind.TRIGGER, f"the trigger of {where}", triggers[0], triggers[1], place, new.name)
    if str(old.validate) != str(new.validate):
        yield turned(
            ChangeKind.VALIDATE, f"the proof of {where}", old.validate, new.validate, new.place, new.name
        )
    for name, label in (("entry", "own entry"), ("reenter", "re-entry")):
        if getattr(old, name) != getattr(new, name):
            yield turned(
                ChangeKind.TRIGGER,
                f"the {label} of {where}",
                getattr(old, name),
                getattr(new, name),
                new.place,
                new.name,
            )
    for name in ("need", "bucket"):
        if getattr(old, name) != getattr(new, name):
            yield turned(
                ChangeKind.WORDS,
                f"the {name} of {where}",
                getattr(old, name),
                getattr(new, name),
                new.place,
                new.name,
            )
    yield from _losses(old, new)


def _losses(old: Stage, new: Stage) -> Iterator[Change]:
    """A loss is known by its reason and by what rings: a time, a silence, an event."""
    before, after = ({_loss_key(one): one for one in stage.losses} for stage in (old, new))
    for key, loss in after.items():
        said_now = _loss_words(loss)
        if key not in before:
            said = f"stage '{new.name}' loses contacts {said_now}, which is new"
            yield _loss(new, said, None, said_now, loss)
        elif (said_before := _loss_words(before[key])) != said_now:
            said = f"stage '{new.name}' loses contacts {said_now} instead of {said_before}"
            yield _loss(new, said, said_before, said_now, loss)
    for key, loss in before.items():
        if key not in after:
            said_before = _loss_words(loss)
            yield _loss(
                new, f"stage '{new.name}' no longer loses contacts {said_before}", said_before, None, loss
            )


def _loss_key(loss: Loss) -> tuple[str, str]:
    return loss.reason, "on" if loss.on else "after" if loss.after else "silent"


def _loss_words(loss: Loss) -> str:
    onward = f" and enrolls them in '{loss.enroll}'" if loss.enroll else ""
    return f"{clock_words(loss)} as '{loss.reason}'{onward}"


def _loss(stage: Stage, said: str, before: str | None, after: str | None, loss: Loss) -> Change:
    return Change(
        kind=ChangeKind.LOSS, said=said, stage=stage.name, before=before, after=after, place=loss.place
    )


# --- steps ------------------------------------------------------------------------------------------------------


def _steps(
    before: Workflow, after: Workflow, stage: Stage, same: Counterparts, back: Mapping[str, str]
) -> Iterator[Change]:
    for first in _lists(after, stage.first):
        here = [step.id for step in in_list(after, first)]
        kept = {old.id: old for old in (before.steps[back[one]] for one in here if one in back)}
        order = [same.steps[old.id] for old in before.steps.values() if old.id in kept]
        moved = _out_of_order(order, [one for one in here if one in back])
        for step in in_list(after, first):
            if step.id not in back:
                when = f", {rule_words(step.rule)}" if rule_words(step.rule) else ""
                yield of_step(ChangeKind.STEP_ADDED, step, f"{called(after, step)} is new{when}")
                continue
            old = before.steps[back[step.id]]
            if is_named(step) and old.id != step.id:
                said = f"'{old.id}' is called '{step.id}' now"
                yield of_step(ChangeKind.STEP_RENAMED, step, said, old.id, step.id)
            if _home(before, old, same) != _home(after, step, None):
                said = f"{called(after, step)} now stands in {_where(after, step)}"
                yield of_step(ChangeKind.STEP_MOVED, step, said)
            elif step.id in moved:
                said = f"{called(after, step)} now comes {_after_what(after, first, step)}"
                yield of_step(ChangeKind.STEP_MOVED, step, said)
            yield from _step_changes(old, step, after)


def _lists(workflow: Workflow, first: str | None) -> Iterator[str | None]:
    """A list and all lists below it, in the order of the file."""
    yield first
    for step in in_list(workflow, first):
        for start in step.branches.values():
            yield from _lists(workflow, start)


def _removed_steps(before: Workflow, same: Counterparts) -> Iterator[Change]:
    for step in before.steps.values():
        if step.id not in same.steps and step.stage in same.stages:
            yield of_step(ChangeKind.STEP_REMOVED, step, f"{called(before, step)} is gone")


def _home(
    workflow: Workflow, step: Step, same: Counterparts | None
) -> tuple[str | None, str | None, str | None]:
    """The list a step stands in, in the words of the newer version."""
    if same is None:
        return step.stage, step.parent, step.above
    return same.stages.get(step.stage), same.steps.get(step.parent) if step.parent else None, step.above


def _where(workflow: Workflow, step: Step) -> str:
    if step.parent is None:
        return f"stage '{step.stage}'"
    return f"the branch '{step.above}' of {called(workflow, workflow.steps[step.parent])}"


def _after_what(workflow: Workflow, first: str | None, step: Step) -> str:
    previous: Step | None = None
    for one in in_list(workflow, first):
        if one.id == step.id:
            break
        previous = one
    return f"after {called(workflow, previous)}" if previous else "first"


def called(workflow: Workflow, step: Step) -> str:
    """A step in a sentence: ``mail 'welcome'``, ``the wait before 'welcome'``."""
    if is_named(step):
        return f"{kind_words(step)} '{step.id}'"
    noun = NOUNS.get(step.kind) or kind_words(step)
    follower = next((one for one in in_list(workflow, step.next) if is_named(one)), None)
    if follower:
        return f"the {noun} before '{follower.id}'"
    return f"the {noun} ({what_words(step)}) of stage '{step.stage}'"


def _step_changes(old: Step, new: Step, after: Workflow) -> Iterator[Change]:
    name = called(after, new)
    if old.kind != new.kind:
        said = f"{name} is a {kind_words(new)} instead of a {kind_words(old)}"
        yield of_step(ChangeKind.CONTENT, new, said, old.kind, new.kind)
        return
    yield from _time_changes(old, new, name, after)
    for field in type(new.fields).model_fields:
        if (
            field in NOT_COMPARED
            or field in TimedFields.model_fields
            or field in ("timeout", "wait", "until")
        ):
            continue
        was, now = getattr(old.fields, field, None), getattr(new.fields, field)
        if text_of(was) == text_of(now):
            continue
        kind, label = _label(field)
        if is_named(new) and field == new.kind and not (old.fields.id or new.fields.id):
            continue  # the value is the id: a rename, and told as one
        yield turned(kind, f"the {label} of {name}", was, now, new.place, new.stage, new.id)
    for branch in new.branches.keys() - old.branches.keys():
        said = f"{name} has the branch '{branch}', which is new"
        yield of_step(ChangeKind.BRANCH, new, said, None, branch)
    for branch in old.branches.keys() - new.branches.keys():
        yield of_step(ChangeKind.BRANCH, new, f"{name} has no branch '{branch}' any more", branch)


def _label(field: str) -> tuple[ChangeKind, str]:
    if field in CONTENT_FIELDS:
        return ChangeKind.CONTENT, CONTENT_FIELDS[field]
    if field in CONDITION_FIELDS:
        return ChangeKind.CONDITION, CONDITION_FIELDS[field]
    if field in WORDS_FIELDS:
        return ChangeKind.WORDS, field
    return ChangeKind.FIELD, field.replace("_", " ")


def _time_changes(old: Step, new: Step, name: str, after: Workflow) -> Iterator[Change]:
    was, now = _times(old), _times(new)
    if was == now:
        return
    kind, how = ChangeKind.TIME, "is due"
    spans = _span(old), _span(new)
    if spans[0] is not None and spans[1] is not None and spans[0] != spans[1]:
        longer = spans[1] > spans[0]
        kind = ChangeKind.WAIT_LENGTHENED if longer else ChangeKind.WAIT_SHORTENED
        how = "waits longer," if longer else "waits less,"
    before_words, after_words = (_time_words(one) or "at once" for one in (old, new))
    said = f"{name} {how} {after_words} instead of {before_words}"
    yield of_step(kind, new, said, before_words, after_words)


def _times(step: Step) -> str:
    return " | ".join((str(step.rule), _time_words(step)))


def _time_words(step: Step) -> str:
    if step.kind == "wait":
        return what_words(step)
    timeout = getattr(step.fields, "timeout", None)
    return f"up to {timeout}" if timeout else rule_words(step.rule)


def _span(step: Step) -> timedelta | None:
    """How long a step waits at least; None where it waits for a date."""
    fields = step.fields
    timeout = getattr(fields, "timeout", None)
    if isinstance(timeout, Duration):
        return _length(timeout)
    rule = getattr(fields, "wait", None)
    if step.kind == "wait" and getattr(fields, "until", None):
        return None
    if rule is not None and not isinstance(rule, Rule):
        return None
    after = (rule or step.rule).after
    return _length(after) if after else timedelta()


def _length(duration: Duration) -> timedelta:
    return timedelta(seconds=duration.amount * SECONDS[duration.unit])
