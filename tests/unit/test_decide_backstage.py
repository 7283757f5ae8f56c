"""Webhooks, notices and set steps: nothing of them reaches the contact, and what they say and keep is exact."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from nurture.engine.explain import sentence
from nurture.engine.foresee import Standing, foresee
from nurture.model.decisions import Send, SetFields
from nurture.model.words import Channel, Scalar, Status, SuppressionReason
from nurture.model.workspace import Field, FieldType
from tests.support.worlds import (
    MONDAY,
    WORKSPACE,
    a_contact,
    a_world,
    local_time,
    one_stage,
    sent,
    shifts,
    skips,
)

TYPED = replace(
    WORKSPACE,
    fields={
        field.name: field
        for field in (
            Field("plan", FieldType.CHOICE, ("basic", "plus")),
            Field("renewal_on", FieldType.DATE),
            Field("retired", FieldType.BOOL),
            Field("age", FieldType.NUMBER),
            Field("nickname", FieldType.TEXT),
        )
    },
)


def webhooks(world: object) -> list[Send]:
    found = world.decided(Send)  # type: ignore[attr-defined]
    return [one for one in found if isinstance(one, Send) and one.channel is Channel.WEBHOOK]


# --- what a webhook says ---------------------------------------------------------------------------------------------


def test_a_webhook_says_what_held_when_the_step_was_due() -> None:
    steps = """
        - set: {score: '5'}
        - webhook: crm
          after: 2 days
          contact: [email, score, plan]
          data: {points: contact.score + 1, tags: contact.tags, who: event.who, shop: '"ours"', none: contact.plan}
    """
    world = a_world(one_stage(steps), contact=a_contact(tags=frozenset(("b", "a"))))

    world.track("a.happened", {"who": "Kim"})
    world.advance(days=2)

    (said,) = webhooks(world)
    assert said.to == "crm"
    assert said.payload == {
        "type": "step.reached",
        "timestamp": world.now.isoformat(timespec="seconds"),
        "workflow": "one",
        "stage": "first",
        "step": "crm",
        "visit": 1,
        "holdout": False,
        "contact": {"email": "ana@example.org", "score": 5, "plan": None},
        "data": {"points": 6, "tags": ["a", "b"], "who": "Kim", "shop": "ours", "none": None},
    }


def test_several_steps_may_write_to_one_system() -> None:
    world = a_world(one_stage("- {webhook: opened, to: crm}\n- {webhook: closed, to: crm}"))

    world.track("a.happened")

    assert [(one.step, one.to) for one in webhooks(world)] == [("opened", "crm"), ("closed", "crm")]


def test_no_gate_holds_what_goes_to_another_system() -> None:
    closed = {Channel.EMAIL: frozenset((SuppressionReason.MANUAL, SuppressionReason.HARD_BOUNCE))}
    world = a_world(
        one_stage("- webhook: crm\n- email: hello", head="holdout: 50%"),
        grants=(),
        suppressed=closed,
        held_out=True,
    )

    world.track("a.happened")

    (said,) = webhooks(world)
    assert said.payload is not None
    assert said.payload["holdout"] is True
    assert [reason for _, reason in skips(world)] == ["suppressed"]


def test_a_webhook_does_not_use_up_the_cap() -> None:
    world = a_world(one_stage("- webhook: crm\n- email: hello"))

    world.track("a.happened")

    assert len(world.messages) == 1


# --- when it goes ----------------------------------------------------------------------------------------------------


def test_a_webhook_knows_the_time_rules_of_every_step() -> None:
    world = a_world(one_stage("- {webhook: crm, after: 1 day, on: wed, at: '10:00'}"))

    world.track("a.happened")
    world.advance(days=7)

    assert sent(world) == ["crm"]
    assert [local_time(at) for at, _, one in world.log if isinstance(one, Send)] == ["Wed 10:00"]


def test_a_webhook_that_comes_too_late_is_skipped_where_the_step_says_so() -> None:
    world = a_world(one_stage("- {webhook: crm, after: 1 day, if_late: skip, max_late: 1 hour}"))

    world.track("a.happened")
    world.late_by(days=3)

    assert skips(world) == [("crm", "late")]
    assert webhooks(world) == []


def test_a_webhook_keeps_to_its_window_however_late_a_worker_comes() -> None:
    world = a_world(one_stage("- {webhook: crm, window: 09:00-10:00}"))

    world.late_by(hours=4)
    world.track("a.happened")
    world.advance(days=1)

    assert sent(world) == ["crm"]
    assert [local_time(at) for at, _, one in world.log if isinstance(one, Send)] == ["Tue 09:00"]


def test_a_pause_holds_the_step() -> None:
    world = a_world(one_stage("- {webhook: crm, after: 1 day}"))

    world.track("a.happened")
    world.pause()
    world.advance(days=3)
    held = webhooks(world)
    world.resume()
    world.advance(minutes=1)

    assert held == []
    assert len(webhooks(world)) == 1


# --- what comes after ------------------------------------------------------------------------------------------------


def test_a_failed_webhook_moves_only_who_was_held_for_it() -> None:
    steps = "- {webhook: ledger, hold: yes, on_failure: [{email: sorry}]}\n- {email: next, after: 1 day}"
    world = a_world(one_stage(steps), failing=frozenset({"ledger"}))

    world.track("a.happened")
    world.advance(days=1)

    assert sent(world) == ["ledger", "sorry", "next"]


def test_a_failed_webhook_may_lose_the_contact() -> None:
    world = a_world(
        one_stage("- {webhook: ledger, hold: yes, on_failure: lose}"), failing=frozenset({"ledger"})
    )

    world.track("a.happened")
    world.advance(minutes=1)

    assert (world.only().status, world.only().end_reason) == (Status.LOST, "step-failed")


def test_what_goes_on_backstage_is_not_foreseen_for_the_contact() -> None:
    workflow = one_stage("- {webhook: crm, after: 1 day}\n- {notify: psst}\n- {email: hello}")
    world = a_world(workflow)
    world.track("a.happened")
    enrollment = world.only()

    coming = foresee(
        [Standing(enrollment, workflow, world._facts(enrollment))],
        [],
        {workflow.name: workflow},
        {},
        world.now,
        world.now.replace(month=4),
    )

    assert [one.decision.template for one in coming if isinstance(one.decision, Send)] == ["hello"]


def test_why_tells_where_a_webhook_goes() -> None:
    world = a_world(one_stage("- {webhook: opened, to: crm}"))

    world.track("a.happened")

    assert sentence(webhooks(world)[0], WORKSPACE.zone) == "Webhook 'opened' goes to crm."


def test_a_notice_goes_to_the_team_by_mail_or_into_their_chat() -> None:
    world = a_world(one_stage("- {notify: psst}\n- {notify: loud, to: webhook team-chat}"))

    world.track("a.happened")

    told = [(one.channel, one.to) for one in world.decided(Send) if isinstance(one, Send)]
    assert told == [(Channel.TEAM, "owner"), (Channel.WEBHOOK, "team-chat")]


# --- set -------------------------------------------------------------------------------------------------------------


def set_to(
    name: str, value: Scalar, before: Mapping[str, Scalar] | None = None
) -> tuple[object, tuple[str, ...]]:
    """What the field holds after ``set`` from an event that says ``value``, and what the step said of it."""
    world = a_world(
        one_stage(f"- set: {{{name}: event.value}}"),
        workspace=TYPED,
        contact=a_contact(fields=dict(before or {})),
    )

    world.track("a.happened", {"value": value})

    (change,) = world.decided(SetFields)
    return world.contact.fields.get(name), change.because


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [
        ("plan", "plus", "plus"),
        ("renewal_on", "2026-11-02", "2026-11-02"),
        ("renewal_on", "2026-11-02T10:00:00+01:00", "2026-11-02"),
        ("retired", True, True),
        ("retired", "no", False),
        ("age", 57, 57),
        ("age", 57.5, 57.5),
        ("age", "57", 57),
        ("nickname", "Annie", "Annie"),
        ("nickname", 7, "7"),
        ("nickname", True, "yes"),
        ("plan", None, None),
        ("age", "", None),
    ],
)
def test_a_field_takes_what_its_type_can_hold(name: str, value: Scalar, kept: Scalar) -> None:
    assert set_to(name, value) == (kept, ())


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("plan", "pls", "'pls' is no choice of plan"),
        ("plan", 3, "'3' is no choice of plan"),
        ("renewal_on", "soon", "renewal_on is a date, not 'soon'"),
        ("renewal_on", "2026-02-30", "renewal_on is a date, not '2026-02-30'"),
        ("retired", "maybe", "retired is yes or no, not 'maybe'"),
        ("retired", 1, "retired is yes or no, not '1'"),
        ("age", "old", "age is a number, not 'old'"),
        ("age", True, "age is a number, not 'yes'"),
        ("age", 1e40, "age is a number, not '1e+40'"),
    ],
)
def test_what_a_field_cannot_hold_leaves_it_as_it_was_and_is_told(
    name: str, value: Scalar, said: str
) -> None:
    kept, because = set_to(name, value, {name: "before"})

    assert kept == "before"
    assert because == (f"{said}: '{name}' stays as it was",)


def test_a_set_of_tags_is_no_value_and_an_empty_tag_is_none() -> None:
    world = a_world(one_stage("- set: {nickname: contact.tags, add_tag: event.tag}"), workspace=TYPED)

    world.track("a.happened", {"tag": ""})

    assert world.contact.fields == {}
    assert world.contact.tags == frozenset()
    assert world.now == MONDAY
    assert shifts(world) == []
