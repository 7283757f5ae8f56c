"""A plan in sentences: what a command prints and a page shows are the same words.

Says only what the plan holds; decides nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from zoneinfo import ZoneInfo

from nurture.db.releases import ReleaseKind
from nurture.engine.explain import moment
from nurture.engine.migrating import Obstacle
from nurture.services.releases.forecast import DAYS, Forecast
from nurture.services.releases.plan_values import Fate, FileChange, Group, Plan, WorkflowPlan
from nurture.services.releases.publish import MadeLive
from nurture.workflow.changes import Change
from nurture.workflow.workspace import FILE

NOTHING_CHANGED = "Nothing changed."


def people(number: int) -> str:
    return "1 contact" if number == 1 else f"{number:,} contacts"


def messages(number: int) -> str:
    return "1 message" if number == 1 else f"{number:,} messages"


def calls(number: int) -> str:
    return "1 call" if number == 1 else f"{number:,} calls"


def zone_of(plan: Plan) -> ZoneInfo:
    assert plan.project.workspace is not None
    return plan.project.workspace.zone


# --- one workflow -----------------------------------------------------------------------------------------------


def fate(one: WorkflowPlan) -> str:
    match one.fate:
        case Fate.NEW:
            return "new."
        case Fate.WITHDRAWN:
            return f"withdrawn: it takes nobody new; {_go_on(one.under_way)} in the version they entered."
        case Fate.NEW_VERSION:
            return f"a new version, {one.after} instead of {one.before}."
        case Fate.OTHER_WORDS:
            return "the same version in other words."
        case Fate.UNCHANGED:
            return "unchanged."


def who(one: WorkflowPlan, zone: ZoneInfo) -> tuple[str, ...]:
    """Who stays, who is taken along, who cannot be."""
    if one.after is None or not one.groups:
        return ()
    older = one.can + one.cannot
    lines = []
    if one.taken_along:
        lines.append(
            f"{people(one.mapped)} of {older:,} in older versions {_verb(one.mapped, 'goes', 'go')} on in the new one."
        )
    else:
        lines.append(
            f"{people(older)} {_verb(older, 'stays', 'stay')} in the version they entered; "
            f"taken along with --migrate {one.name}, {one.can:,} would go on in the new one, {one.cannot:,} could not."
        )
    return (*lines, *(group(each, zone) for each in one.groups))


def group(one: Group, zone: ZoneInfo) -> str:
    """``312 at guide-reminder → guide-reminder, the first due Tue 3 Mar 2026 09:30 as before``."""
    where = one.step or f"the end of stage {one.stage}"
    if one.obstacle is not None:
        return f"{one.count:,} at {where} cannot be taken along: {why_not(one)}."
    goal = f" → {one.goal}" if one.goal else ""
    return f"{one.count:,} at {where}{goal}{_due(one, zone)}."


def why_not(one: Group) -> str:
    name = "WORKFLOW:OLD=NEW"
    match one.obstacle:
        case Obstacle.STAGE_GONE:
            return (
                f"stage '{one.stage}' is gone; name its new name by was: in the file, or by --migrate {name}"
            )
        case Obstacle.STEP_GONE:
            return f"'{one.step}' is gone; name its new name by was: in the file, or by --migrate {name}"
        case Obstacle.STEP_ELSEWHERE:
            return f"'{one.step}' stands in another stage now"
        case Obstacle.UNDER_WAY:
            return f"the message or call of '{one.step}' is under way; try again when it is over"
        case Obstacle.NAME_TAKEN:
            return "a step took a name that another one bears in their version; give it a name that none had"
        case _:
            return "nothing is known"


def _due(one: Group, zone: ZoneInfo) -> str:
    if one.after is None:
        return ""
    when = f", the first due {moment(one.after, zone)}"
    if one.before == one.after:
        when += " as before"
    elif one.before:
        when += f" instead of {moment(one.before, zone)}"
    return f"{when}; {one.at_once:,} at once, over some minutes" if one.at_once else when


def _go_on(number: int) -> str:
    return f"{people(number)} {_verb(number, 'goes', 'go')} on"


def _verb(number: int, one: str, many: str) -> str:
    return one if number == 1 else many


def change(one: Change) -> str:
    """``workflows/guide.yaml:14: mail 'reminder' waits longer, after 3 days instead of after 2 days``."""
    return f"{one.place.file}:{one.place.line}: {one.said}" if one.place else one.said


def file_change(one: FileChange) -> str:
    what = f" ({', '.join(one.keys)})" if one.keys else ""
    return f"{one.path} {'is ' if one.how != 'changed' else ''}{one.how}{what}"


def other_files(plan: Plan) -> tuple[FileChange, ...]:
    """The changed files beside workflows, whose changes are told one by one."""
    return tuple(one for one in plan.file_changes if not one.path.startswith("workflows/"))


# --- what leaves ------------------------------------------------------------------------------------------------


def volume(one: Forecast) -> str:
    """The next fourteen days in one sentence, with what it rests on."""
    now = sum(day.messages_now for day in one.days)
    said = f"In the next {DAYS} days {messages(one.messages)} and {calls(one.calls)} are expected"
    if now != one.messages:
        said += f"; without it, {messages(now)}"
    return f"{said}. {_ground(one)}"


def _ground(one: Forecast) -> str:
    played = f"{people(one.contacts)} under way"
    if one.played < one.contacts:
        played += f", of whom {one.played:,} were played (n = {one.played:,}) and the rest estimated"
    new = sum(one.entries.values())
    coming = f", and {new:.1f} new ones a day as lately" if new else ", and nobody new"
    trouble = f"; {people(one.undecidable)} could not be played" if one.undecidable else ""
    return f"Counted for {played}{coming}, if they do nothing{trouble}."


# --- what is asked, and what was done ---------------------------------------------------------------------------


def questions(plan: Plan) -> Iterator[str]:
    """What somebody has to say yes to; each ends without its question mark."""
    if plan.too_many:
        yield (
            f"The next {DAYS} days would bring {messages(plan.forecast.messages)}, "
            f"and [limits] in {FILE} lets {plan.limits.messages:,} through"
        )
    for one in plan.withdrawn:
        yield f"{one.name} takes nobody new; {_go_on(one.under_way)} in the version they entered"


def confirmations(plan: Plan) -> Iterator[str]:
    """What is worth a question where somebody sits at a terminal: the above, and changes under people's feet."""
    yield from questions(plan)
    for one in plan.workflows:
        if one.fate is Fate.NEW_VERSION and one.under_way:
            along = (
                f"{people(one.mapped)} {_verb(one.mapped, 'is', 'are')} taken into it"
                if one.taken_along
                else ""
            )
            stay = (
                f"{people(one.staying)} {_verb(one.staying, 'goes', 'go')} on in the version they entered"
                if one.staying
                else ""
            )
            yield f"{one.name} gets a new version; {' and '.join(filter(None, (along, stay)))}"


def done(plan: Plan, made: MadeLive) -> str:
    if made.release is None:
        return NOTHING_CHANGED
    what = (
        f"Release {plan.release} is live again, as release {made.release}"
        if plan.kind is ReleaseKind.ROLLBACK
        else f"Published, as release {made.release}"
    )
    moved = made.migrated
    if not (moved.moved or moved.left):
        return f"{what}."
    left = f", {moved.left:,} could not and stay" if moved.left else ""
    more = " The others follow within minutes." if moved.more else ""
    return f"{what}. {people(moved.moved)} went on in the new version{left}.{more}"
