"""A message or call is due: late, forbidden, better later, or now.

Lateness is asked first, then the law, then manners. Only what passes all three is planned; everything else is recorded
with its reason.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from nurture.engine.caps import capped_channel
from nurture.engine.gates import better_time, closed_gate, judged, live_grant
from nurture.engine.play import Play, put_off
from nurture.engine.rivals import standing
from nurture.model.decisions import Call, Decision, Send, Shift, Skip
from nurture.model.timing import Calendar, Duration, Unit, add, next_match
from nurture.model.words import Channel, Pause, Phase, Ran, Reason
from nurture.steps.base import Act, IfLate, LateFields, Step

MAX_LATE = Duration(1, Unit.DAYS)
MAX_SHIFT = Duration(7, Unit.DAYS)


def run_touch(play: Play, step: Step, act: Act) -> None:
    due = play.enrollment.due or play.now
    touch = judged(act.decision, play.enrollment, play.facts.evidence, play.workflow.purpose)
    if is_late(play, step, due) and not allowed_late(play, step, touch, due):
        return
    reason = closed_gate(touch, play.enrollment, play.facts, play.now)
    if reason:
        skip(play, step, touch, reason)
    elif not held_by_manners(play, step, touch, due):
        do(play, step, act, touch, due)


def is_late(play: Play, step: Step, due: datetime) -> bool:
    most = _max_late(step) or MAX_LATE
    return isinstance(step.fields, LateFields) and play.now > add(due, most, play.zone, play.calendar)


def allowed_late(play: Play, step: Step, touch: Send | Call, due: datetime) -> bool:
    """Late as it is, does it run now? ``skip`` drops it, ``shift`` puts it at the rule's next match."""
    policy = step.fields.if_late if isinstance(step.fields, LateFields) else IfLate.SEND
    if policy is IfLate.SEND:
        return True
    if policy is IfLate.SKIP:
        skip(play, step, touch, Reason.LATE)
        return False
    following = next_match(step.rule, play.now, play.zone, play.calendar)
    if following.at <= play.now:
        return True
    shift(play, step, touch, due, following.at, Reason.LATE, following.derivation)
    return False


def held_by_manners(play: Play, step: Step, touch: Send | Call, due: datetime) -> bool:
    """Windows, caps and quiet hours move the message or call; when they would move it too far, it is skipped."""
    me = standing(play.workflow, play.enrollment, due)
    held = better_time(touch, step.rule, play.facts, me, play.now, play.zone, play.calendar)
    if held is None:
        return False
    first_due = play.enrollment.first_due or due
    if held.until > held_at_most(step, first_due, play.facts.pauses, play.now, play.zone, play.calendar):
        skip(play, step, touch, Reason.HELD_TOO_LONG, because=(str(held.reason), *held.because))
    else:
        shift(play, step, touch, due, held.until, held.reason, held.because)
    return True


def held_at_most(
    step: Step,
    first_due: datetime,
    pauses: Iterable[Pause],
    now: datetime,
    zone: ZoneInfo,
    calendar: Calendar,
) -> datetime:
    """Until when manners may hold what was due at ``first_due``: the step's ``max_late``, else seven days.

    A ``max_late`` is somebody's word and counts as it stands; of the seven days, those paused are none that manners held.
    """
    most = _max_late(step)
    if most:
        return add(first_due, most, zone, calendar)
    return put_off(pauses, first_due, add(first_due, MAX_SHIFT, zone, calendar), now)


def do(play: Play, step: Step, act: Act, touch: Send | Call, due: datetime) -> None:
    before = play.enrollment
    if isinstance(touch, Send) and touch.marketing and touch.channel is Channel.EMAIL:
        grant = live_grant(play.facts, touch.purpose, play.now)
        play.decide(replace(touch, event=before.evidence, grant=grant.id if grant else None))
    else:
        play.decide(replace(touch, event=before.evidence))
    if channel := capped_channel(touch):
        count(play, channel, touch.due if isinstance(touch, Call) else play.now)
    ran = before.ran
    if isinstance(touch, Call) or touch.channel is Channel.EMAIL:
        # What came while manners held it came after it was due: a wait behind it looks back so far.
        ran = (*ran, Ran(step.id, before.first_due or due))
    if act.hold:
        play.become(ran=ran, phase=Phase.ACTING, due=None, first_due=None)
    else:
        play.become(ran=ran)
        play.go_on(step, play.now)


def count(play: Play, channel: Channel, at: datetime) -> None:
    """What this turn itself sends counts for the rest of it too."""
    spent = play.facts.recent.get(channel, ())
    play.facts = replace(play.facts, recent={**play.facts.recent, channel: (*spent, at)})


def skip(play: Play, step: Step, touch: Send | Call, reason: Reason, because: tuple[str, ...] = ()) -> None:
    channel = Channel.PHONE if isinstance(touch, Call) else touch.channel
    what = touch.script if isinstance(touch, Call) else touch.template
    play.decide(
        Skip(
            **_shared(touch, reason, because),  # type: ignore[arg-type]
            what=what,
            channel=channel,
            due=play.enrollment.first_due or play.enrollment.due or play.now,
            purpose=touch.purpose,
        )
    )
    play.go_on(step, play.now)


def shift(
    play: Play,
    step: Step,
    touch: Send | Call,
    due: datetime,
    until: datetime,
    reason: Reason,
    because: tuple[str, ...] = (),
) -> None:
    play.decide(Shift(**_shared(touch, reason, because), due=due, until=until))  # type: ignore[arg-type]
    # Lateness gives it a new date, from which manners may hold it; what manners moved is still due since before.
    first_due = until if reason is Reason.LATE else play.enrollment.first_due or due
    play.become(due=until, first_due=first_due)


def _shared(touch: Send | Call, reason: Reason, because: tuple[str, ...]) -> dict[str, object]:
    shared = {field.name: getattr(touch, field.name) for field in fields(Decision)}
    return {**shared, "reason": reason, "because": because}


def _max_late(step: Step) -> Duration | None:
    return step.fields.max_late if isinstance(step.fields, LateFields) else None
