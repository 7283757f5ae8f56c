"""A cast, a workspace and worlds to play in: what the tests of the rules share."""

from __future__ import annotations

from datetime import UTC, date, datetime
from textwrap import dedent, indent

from nurture.engine.effects import granted
from nurture.engine.world import World
from nurture.model.decisions import Call, Finish, Move, Send, Shift, Skip
from nurture.model.timing import Calendar, Duration, Unit, parse_quiet
from nurture.model.words import Channel, Contact
from nurture.model.workspace import Cap, Field, FieldType, Workspace
from nurture.workflow.model import Workflow
from nurture.workflow.reader import read_workflow

MONDAY = datetime(2026, 3, 2, 14, 0, tzinfo=UTC)
"""Monday 2 March 2026, nine in the morning in Toronto."""

WORKSPACE = Workspace(
    name="Tamarack Lane",
    timezone="America/Toronto",
    postal_address="1 Tamarack Lane, Toronto",
    fields={
        "plan": Field("plan", FieldType.CHOICE, ("basic", "plus")),
        "is_competitor": Field("is_competitor", FieldType.BOOL),
        "renewal_on": Field("renewal_on", FieldType.DATE),
        "age": Field("age", FieldType.NUMBER),
    },
    events=frozenset(
        ("meeting.booked", "quote.requested", "onboarding.completed", "a.happened", "b.happened")
    ),
    calendars={"business": Calendar(name="business", holidays=frozenset((date(2026, 3, 6),)))},
)


def with_manners(
    messages: int | None = None, days: int = 7, quiet: str | None = None, calls: int | None = None
) -> Workspace:
    """The workspace with a cap on messages, one on calls, quiet hours, or several of them."""
    from dataclasses import replace

    return replace(
        WORKSPACE,
        caps={
            channel: (Cap(most, Duration(days, Unit.DAYS)),)
            for channel, most in ((Channel.EMAIL, messages), (Channel.PHONE, calls))
            if most
        },
        quiet=parse_quiet(quiet) if quiet else None,
    )


def a_contact(**over: object) -> Contact:
    """Ana: consented, in Toronto, with a phone."""
    fields: dict[str, object] = {
        "id": 1,
        "email": "ana@example.org",
        "first_name": "Ana",
        "phone": "+14165550100",
        "timezone": "America/Toronto",
        "created_at": MONDAY,
    }
    return Contact(**{**fields, **over})  # type: ignore[arg-type]


def a_workflow(text: str) -> Workflow:
    """Read a workflow that must have no problems."""
    workflow, problems = read_workflow(dedent(text), "workflows/test.yaml")
    assert not problems, "\n".join(map(str, problems))
    assert workflow is not None
    return workflow


def one_stage(steps: str, losses: str = "", head: str = "", validate: str = "b.happened") -> Workflow:
    """A workflow of one stage with these steps, entered by ``a.happened``."""
    return a_workflow(
        "workflow: one\ntitle: One stage\npurpose: nurture\ncalendar: business\n"
        + (dedent(head).strip("\n") + "\n" if head else "")
        + "stages:\n  - stage: first\n    need: Know more\n    trigger: a.happened\n"
        + f"    validate: {validate}\n    steps:\n{indent(dedent(steps).strip(chr(10)), '      ')}\n"
        + "    loss:\n"
        + (indent(dedent(losses).strip("\n"), "      ") + "\n" if losses else "")
        + "      - {after: 90 days, reason: timed-out}\n"
    )


def a_world(*workflows: Workflow, **over: object) -> World:
    """Ana on Monday morning, with a grant for every workflow's purpose."""
    fields: dict[str, object] = {
        "workflows": {workflow.name: workflow for workflow in workflows},
        "contact": a_contact(),
        "workspace": WORKSPACE,
        "now": MONDAY,
        "grants": granted({workflow.purpose for workflow in workflows}, MONDAY),
    }
    return World(**{**fields, **over})  # type: ignore[arg-type]


def local_time(at: datetime) -> str:
    """``Wed 09:30`` on Toronto's wall."""
    return at.astimezone(WORKSPACE.zone).strftime("%a %H:%M")


def touches(world: World) -> list[tuple[str, str]]:
    """What reached the contact, or asked somebody to call: (template or script, local weekday and time)."""
    happened = []
    for at, _, decision in world.log:
        if isinstance(decision, Send):
            happened.append((decision.template, local_time(at)))
        if isinstance(decision, Call):
            happened.append((decision.script, local_time(at)))
    return happened


def sent(world: World) -> list[str]:
    return [name for name, _ in touches(world)]


def moves(world: World) -> list[str]:
    """Every change of stage and every end: ``entered first``, ``lost first: timed-out``."""
    told = []
    for _, _, decision in world.log:
        if isinstance(decision, Move):
            told.append(f"{decision.change} {decision.stage}")
        if isinstance(decision, Finish):
            where = f"before {decision.before}" if decision.before else decision.stage
            told.append(f"{decision.status} {where}: {decision.reason}")
    return told


def skips(world: World) -> list[tuple[str, str]]:
    return [(one.what, one.reason) for one in world.decided(Skip) if isinstance(one, Skip)]


def shifts(world: World) -> list[tuple[str, str]]:
    return [(one.reason, local_time(one.until)) for one in world.decided(Shift) if isinstance(one, Shift)]
