"""What every kind of event does to a contact in every state: played by the production rules, and written as tables.

``python -m tests.unit.events_and_states > docs/events-and-states.md`` writes the document anew.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache

from nurture.engine.world import World
from nurture.engine.world_calls import OpenCall
from nurture.model.decisions import Branch, Call, Change, Decision, Finish, Move, Refuse, Send
from nurture.model.words import Enrollment, Phase, Receipt, ReceiptState, Status
from tests.support.worlds import a_workflow, a_world

CANNOT = "—"
CALL_ENDS = 20
"""Days after which a call, which expires after five of the calendar's, is over; the stage lasts longer."""
WORKFLOW = """\
workflow: journey
title: One of each
purpose: nurture
exit_when: contact.is_competitor
reentry: 30 days
stages:
  - stage: entry
    need: Something
    trigger: entry.asked
    validate: entry.proven
    loss: [{after: 90 days, reason: timed-out}]
  - stage: passed
    need: Something
    trigger: passed.asked
    validate: passed.proven
    loss: [{after: 90 days, reason: timed-out}]
  - stage: again
    need: Something
    trigger: again.asked
    reenter: yes
    validate: again.proven
    loss: [{after: 90 days, reason: timed-out}]
  - stage: here
    need: Something
    trigger: here.asked
    validate: here.proven
    steps:
STEPS
    loss:
      - {on: here.refused, reason: refused}
      - {after: 30 days, reason: timed-out}
  - stage: later
    need: Something
    trigger: later.asked
    validate: later.proven
    loss: [{after: 90 days, reason: timed-out}]
  - stage: last
    need: Something
    validate: last.proven
    loss: [{after: 90 days, reason: timed-out}]
"""
WATCHED = (
    "{email: watched}",
    "{wait_until: email.clicked, timeout: 3 days, on_timeout: [{email: reminder}]}",
)


@dataclass
class Played(World):
    """A world whose messages leave when the test says so."""

    slow: bool = False
    leaving: tuple[int, Send] | None = None
    before: Enrollment | None = None
    told: int = 0
    open: tuple[OpenCall, ...] = ()

    def _deliver(self, key: int, send: Send) -> None:
        if self.slow and self.enrollments[key].phase is Phase.ACTING:
            self.leaving = key, send
        else:
            super()._deliver(key, send)

    def mark(self) -> None:
        """What happens from here on is what the event did."""
        self.before = self.only() if self.enrollments else None
        self.told, self.open = len(self.log), tuple(self.calls)

    def about(self, steps: Sequence[str]) -> tuple[int, str, int] | None:
        """The newest message or call of one of these steps."""
        for _, key, one in reversed(self.log):
            if isinstance(one, Send | Call) and one.step in steps:
                return key, one.step or "", one.visit
        return None


known = cache(a_workflow)


def a_life(*steps: str, slow: bool = False) -> Played:
    lines = "\n".join(f"      - {step}" for step in steps or ("{wait: 2 days}",))
    plain = a_world(known(WORKFLOW.replace("STEPS", lines)))
    return Played(**{name: getattr(plain, name) for name in World.__dataclass_fields__}, slow=slow)


def standing(*steps: str, slow: bool = False) -> Played:
    """In the middle stage, at the first of these steps that takes its time."""
    world = a_life(*steps, slow=slow)
    world.track("entry.asked")
    world.track("here.asked")
    return world


# --- the states -------------------------------------------------------------------------------------------------


def waiting() -> Played:
    return standing("{email: first}", "{email: second, after: 2 days}")


def acting() -> Played:
    return standing("{email: first}", "{email: second, after: 2 days}", slow=True)


def calling() -> Played:
    return standing(
        "{call_task: ring, expires: 5 business days, outcomes: {voicemail: [{email: sorry}]}}",
        "{wait: 1 day}",
    )


def watching() -> Played:
    return standing("{email: earlier}", *WATCHED)


def finished() -> Played:
    return standing("{email: first}")


def resting() -> Played:
    world = standing("{email: first}", "{email: second, after: 2 days}")
    world.track("here.proven")
    return world


def paused() -> Played:
    world = waiting()
    world.pause()
    return world


def lost_by_timer() -> Played:
    world = waiting()
    world.advance(days=31)
    return world


def lost_otherwise() -> Played:
    world = waiting()
    world.track("here.refused")
    return world


def completed() -> Played:
    world = waiting()
    world.track("last.proven")
    return world


def exited() -> Played:
    world = waiting()
    world.change(fields={"is_competitor": True})
    world.contact = replace(world.contact, fields={})
    return world


State = Callable[[], Played]
STATES: dict[str, dict[str, State]] = {
    "Under way": {
        "waiting at a step": waiting,
        "acting on a message": acting,
        "open call": calling,
        "watching for an event": watching,
        "list finished": finished,
    },
    "Held, resting, or not there": {"not enrolled": a_life, "resting": resting, "paused at a step": paused},
    "Over": {
        "lost by a timer": lost_by_timer,
        "lost otherwise": lost_otherwise,
        "completed": completed,
        "exited": exited,
    },
}


# --- the events -------------------------------------------------------------------------------------------------


def tells(name: str, human: bool = True, **data: object) -> Happens:
    def happen(world: Played) -> bool:
        world.track(name, data, human=human)  # type: ignore[arg-type]
        return True

    return happen


def of_the_step(name: str, *steps: str, human: bool = True, **data: object) -> Happens:
    """An event of the message or call that one of these steps has sent or opened; else it cannot happen."""

    def happen(world: Played) -> bool:
        about = world.about(steps)
        if about is None or (name == "call.outcome" and about not in [one.about for one in world.calls]):
            return False
        world.track(name, data, about=about, human=human)  # type: ignore[arg-type]
        return True

    return happen


def a_late_outcome(world: Played) -> bool:
    """Somebody says how a call went that has expired meanwhile."""
    about = world.about(("ring",))
    if about is None:
        return False
    world.advance(days=CALL_ENDS)
    world.mark()
    world.track("call.outcome", {"outcome": "voicemail"}, about=about)
    return True


def becomes_a_competitor(world: Played) -> bool:
    world.change(fields={"is_competitor": True})
    return True


def receipt(state: ReceiptState) -> Happens:
    def happen(world: Played) -> bool:
        if world.leaving is None:
            return False
        key, send = world.leaving
        world.receipts[key] = Receipt(send.step or "", send.visit, state, world.now)
        world.wake[key] = world.now
        world.advance()
        return True

    return happen


def pause(world: Played) -> bool:
    if world.pauses or not world.live():
        return False
    world.pause()
    return True


def resume(world: Played) -> bool:
    if not world.pauses:
        return False
    world.resume()
    world.advance()
    return True


def step_falls_due(world: Played) -> bool:
    """As much time as any of the steps needs, and less than the stage has."""
    if not world.live() or world.only().step is None or world.leaving:
        return False
    world.advance(days=CALL_ENDS)
    return True


def stage_runs_out(world: Played) -> bool:
    if not world.live():
        return False
    world.advance(days=31)
    return True


def by_hand(world: Played) -> bool:
    world.enroll("journey")
    world.advance()
    return True


Happens = Callable[[Played], bool]
"""Makes it happen; False where it cannot."""
EVENTS: dict[str, dict[str, Happens]] = {
    "Evidence": {
        "the entry's trigger": tells("entry.asked"),
        "enrolled by hand or by a step": by_hand,
        "the present stage's trigger": tells("here.asked"),
        "its validation": tells("here.proven"),
        "a later stage's trigger": tells("later.asked"),
        "a later stage's validation": tells("later.proven"),
        "the last validation": tells("last.proven"),
        "an earlier stage's trigger": tells("passed.asked"),
        "the same with `reenter: yes`": tells("again.asked"),
        "a loss event of the stage": tells("here.refused"),
        "`exit_when` becomes true": becomes_a_competitor,
    },
    "Answers": {
        "the awaited click": of_the_step("email.clicked", "watched", "first"),
        "a click in another message": of_the_step("email.clicked", "earlier"),
        "a machine's click": of_the_step("email.clicked", "watched", "first", human=False),
        "a reply": of_the_step("email.replied", "watched", "first"),
        "an outcome with a branch": of_the_step("call.outcome", "ring", outcome="voicemail"),
        "an outcome without a branch": of_the_step("call.outcome", "ring", outcome="reached"),
        "call-back": of_the_step("call.outcome", "ring", outcome="call-back", at="2026-03-05T15:00:00+00:00"),
        "a late outcome": a_late_outcome,
    },
    "Refusals, and what is known of the contact": {
        "consent withdrawn": tells("consent.withdrawn", purpose="nurture"),
        "another consent withdrawn": tells("consent.withdrawn", purpose="news"),
        "hard bounce": tells("email.bounced", kind="hard"),
        "soft bounce": tells("email.bounced", kind="soft"),
        "complaint": tells("email.complained"),
        "a field, tag or score changed": tells("contact.changed"),
        "a refund that no stage names": tells("sale.refunded"),
    },
    "What we do, and time": {
        "pause": pause,
        "resume": resume,
        "the message was sent": receipt(ReceiptState.SENT),
        "the message failed": receipt(ReceiptState.FAILED),
        "the message is in doubt": receipt(ReceiptState.AMBIGUOUS),
        "the step's time comes": step_falls_due,
        "the stage's time is over": stage_runs_out,
    },
}


# --- what it did, in a word -------------------------------------------------------------------------------------

VOCABULARY = {
    "enters": "A new enrollment begins.",
    "enters anew": "The live enrollment, if there is one, ends as `restarted`, and a new one begins.",
    "refused: …": "The entry is refused for this reason, and `nurture why` shows it.",
    "moves on": "The next stage, or the one that the event speaks for, is entered.",
    "goes back": "The earlier stage is entered for another visit.",
    "rests": "The stage is validated; the next one waits for its own trigger.",
    "completes": "The workflow is completed.",
    "reopens": "The lost enrollment lives again where it was lost, and the event counts there: what follows stands behind it.",
    "lost: …": "The enrollment ends for this reason.",
    "exits": "The enrollment ends as `exit-when`.",
    "ends the wait": "The wait is over, and the next step comes.",
    "takes its branch": "The branch of this outcome is taken, or that of the timeout or failure.",
    "next step": "The step is over, and the one behind it comes.",
    "runs the step": "The step's time has come: its message is planned, unless a gate is closed.",
    "rings again": "The same call stands for another time.",
    "stands still": "Timers and messages wait until it is resumed.",
    "goes on": "What fell due meanwhile comes now, by its `if_late`.",
    "noted": "It is stored and shown, takes effect beside the workflow (consent, suppression, silence), and moves nothing.",
    CANNOT: "It cannot happen here.",
}


def outcome(state: State, happens: Happens) -> str:
    """What this event does in this state, in words of the vocabulary."""
    world = state()
    world.mark()
    if not happens(world):
        return CANNOT
    decided = [one for _, _, one in world.log[world.told :]]
    said = [*_of_place(world, decided), *_of_end(decided)]
    return ", ".join(dict.fromkeys(said)) or _of_step(world, decided) or _of_brake(world, happens) or "noted"


def _of_place(world: Played, decided: Sequence[Decision]) -> Iterator[str]:
    """What became of the place in the funnel, but for the end."""
    yield from (f"refused: `{one.reason}`" for one in decided if isinstance(one, Refuse))
    moves = [one for one in decided if isinstance(one, Move)]
    if any(one.change is Change.REOPENED for one in moves):
        yield "reopens"
    entered = [one for one in moves if one.change is Change.ENTERED]
    validated = any(one.change is Change.VALIDATED for one in moves)
    if entered and world.before is None:
        yield "enters"
    elif entered and world.only().id != world.before.id:  # type: ignore[union-attr]
        yield "enters anew"
    elif entered:
        yield "goes back" if entered[-1].stage == "again" else "moves on"
    elif validated and world.only().resting and world.only().live:
        yield "rests"


def _of_end(decided: Sequence[Decision]) -> Iterator[str]:
    ends = {Status.COMPLETED: "completes", Status.EXITED: "exits"}
    for one in decided:
        if isinstance(one, Finish) and one.reason != "restarted":
            yield ends.get(one.status) or f"lost: `{one.reason}`"


def _of_step(world: Played, decided: Sequence[Decision]) -> str | None:
    """What became of the step at which the contact stood."""
    before = world.before
    taken = next((one for one in decided if isinstance(one, Branch)), None)
    if taken and before and before.phase is Phase.WATCHING and taken.reason == "event":
        return "ends the wait"
    if taken:
        steps = world.workflows["journey"].steps
        return "takes its branch" if taken.branch in steps[taken.step or ""].branches else "next step"
    if before and before.phase is Phase.ACTING and world.only().step != before.step:
        return "next step"
    if any(isinstance(one, Send) for one in decided):
        return "runs the step"
    return "rings again" if tuple(world.calls) != world.open else None


def _of_brake(world: Played, happens: Happens) -> str | None:
    if happens is resume:
        return "goes on"
    held = bool(world.pauses) and world.pauses[-1].until is None
    return "stands still" if held and happens in (pause, step_falls_due, stage_runs_out) else None


# --- entering again ---------------------------------------------------------------------------------------------

AGAIN: dict[str, Callable[[Played], None]] = {
    "live for an hour": lambda world: world.advance(hours=1),
    "live for two days": lambda world: world.advance(days=2),
    "ended yesterday": lambda world: _ended(world, 1),
    "ended 40 days ago": lambda world: _ended(world, 40),
}
REENTRY = ("never", "30 days", "always")


def _ended(world: Played, days: int) -> None:
    world.track("last.proven")
    world.advance(days=days)


def entering_again(reentry: str, passes: Callable[[Played], None]) -> str:
    """What the entry's trigger does to who has been in the workflow before."""
    workflow = known(
        WORKFLOW.replace("STEPS", "      - {wait: 9 days}").replace("reentry: 30 days", f"reentry: {reentry}")
    )
    plain = a_world(workflow)
    world = Played(**{name: getattr(plain, name) for name in World.__dataclass_fields__})
    world.track("entry.asked")
    passes(world)
    return outcome(lambda: world, tells("entry.asked"))


# --- the document -----------------------------------------------------------------------------------------------

TOP = """\
# What happens when

What every kind of event does to a contact in every state, in one workflow. These tables are played by `decide`, not
written: a test fails when they are out of date, and `python -m tests.unit.events_and_states > docs/events-and-states.md`
writes them anew. The rules behind them stand in [rules.md](rules.md).

The workflow has a first stage, two earlier ones that the contact has passed (one of them with `reenter: yes`), the
present one with its steps and a loss event, a later one with a trigger of its own, and a last one.

| word | means |
|---|---|
"""


def document() -> str:
    return "\n".join(_lines())


def _lines() -> Iterator[str]:
    yield TOP + "\n".join(f"| {word} | {meaning} |" for word, meaning in VOCABULARY.items())
    for group, events in EVENTS.items():
        yield f"\n## {group}"
        for kind, states in STATES.items():
            cells = {
                name: [outcome(state, happens) for state in states.values()]
                for name, happens in events.items()
            }
            if any(cell != CANNOT for row in cells.values() for cell in row):
                yield f"\n### {group}: {kind[0].lower()}{kind[1:]}\n"
                yield from _table("event", list(states), cells)
    yield "\n## Entering again\n\nWhat the entry's trigger does to who has been in the workflow before, by its `reentry`.\n"
    again = {f"`{rule}`": [entering_again(rule, passes) for passes in AGAIN.values()] for rule in REENTRY}
    yield from _table("reentry", list(AGAIN), again)
    yield ""


def _table(corner: str, heads: Sequence[str], cells: dict[str, list[str]]) -> Iterator[str]:
    """Rows in which nothing can happen are left out."""
    yield f"| {corner} | {' | '.join(heads)} |"
    yield "|---" * (len(heads) + 1) + "|"
    for name, row in cells.items():
        if any(cell != CANNOT for cell in row):
            yield f"| {name} | {' | '.join(row)} |"


if __name__ == "__main__":
    sys.stdout.write(document())
