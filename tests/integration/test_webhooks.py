"""Webhooks from the step to the other system and back: at least once, one id, for days, and nobody else held up."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import pytest

from nurture.channels.webhook import signature
from nurture.db import hooks, outbox
from nurture.db.outbox import LEASE, Leaving
from nurture.model.errors import NurtureError
from nurture.model.words import Status
from nurture.services.running import doctor
from nurture.services.sending import endpoints
from tests.support.receiver import Receiver, a_raw_server, a_receiver
from tests.support.running import Running, a_nurture

FLOW = """\
workflow: told
purpose: nurture
stages:
  - stage: first
    need: To be known to the other system
    trigger: a.happened
    validate: b.happened
    steps:
      - webhook: crm-sync
        data: {{plan: contact.plan, amount: event.amount, tags: contact.tags}}
{more}
    loss:
      - {{after: 90 days, reason: too-late}}
"""
Start = Callable[..., Running]


@pytest.fixture
def start(sqlite_url: str, tmp_path: Path) -> Iterator[Start]:
    """A published project whose endpoints are these addresses."""
    with ExitStack() as stack:

        def begin(more: str = "", **urls: str) -> Running:
            running = a_nurture(sqlite_url, tmp_path, mails=("welcome",), webhook_allow=("127.0.0.1",))
            stack.callback(running.nurture.close)
            toml = running.project / "nurture.toml"
            lines = [f'[webhooks.{name.replace("_", "-")}]\nurl = "{url}"\n' for name, url in urls.items()]
            toml.write_text("\n".join([toml.read_text(), *lines]))
            text = FLOW.format(more="".join(f"      {line}\n" for line in more.splitlines()))
            running.write("workflows/told.yaml", text)
            running.publish()
            running.add()
            return running

        yield begin


@pytest.fixture
def crm() -> Iterator[Receiver]:
    with a_receiver() as receiver:
        yield receiver


def webhooks(running: Running) -> list[tuple[str, str, int]]:
    return [(one.step, one.state, one.attempts) for one in running.deliveries() if one.channel == "webhook"]


def wait_and_try_again(running: Running, **span: float) -> None:
    """The operational clock goes on, and whatever is due then is done."""
    running.clock.advance(**span)
    running.run()


# --- what is said --------------------------------------------------------------------------------------------------


def test_the_other_system_hears_who_is_where_and_what_the_file_chose(start: Start, crm: Receiver) -> None:
    running = start(crm_sync=crm.url)

    running.track("a.happened", amount=120)
    running.run()

    (heard,) = crm.heard
    delivery = running.deliveries()[0]
    assert heard.said == {
        "id": delivery.key,
        "type": "step.reached",
        "timestamp": running.clock.now().isoformat(timespec="seconds"),
        "workflow": "told",
        "stage": "first",
        "step": "crm-sync",
        "visit": 1,
        "holdout": False,
        "contact": {
            "id": delivery.contact_id,
            "email": "ana@example.org",
            "first_name": "Ana",
            "last_name": None,
        },
        "data": {"plan": None, "amount": 120, "tags": []},
    }
    assert (delivery.state, delivery.detail, delivery.recipient) == ("sent", "200", "127.0.0.1")


def test_the_signature_is_that_of_the_secret_that_the_command_shows(start: Start, crm: Receiver) -> None:
    running = start(crm_sync=crm.url)
    secret = endpoints.secrets(running.nurture.runtime, "crm-sync")[0]

    running.track("a.happened")
    running.run()

    (heard,) = crm.heard
    made = signature(
        b64decode(secret.removeprefix("whsec_")),
        heard.id,
        int(heard.headers["webhook-timestamp"]),
        heard.body,
    )
    assert secret.startswith("whsec_")
    assert heard.headers["webhook-signature"] == made


def test_a_webhook_needs_no_consent_and_knows_no_holdout(start: Start, crm: Receiver) -> None:
    running = start(crm_sync=crm.url)
    running.add("bea@example.org", consent=None)

    running.track("a.happened", email="bea@example.org")
    running.run()

    assert [one.said["contact"]["email"] for one in crm.heard] == ["bea@example.org"]


# --- when the other side does not take it (F47) ----------------------------------------------------------------------


def test_a_failing_endpoint_gets_the_same_bytes_under_the_same_id_until_it_takes_them(
    start: Start, crm: Receiver
) -> None:
    crm.answers = [500, 302, 404, 200]
    running = start(crm_sync=crm.url)

    running.track("a.happened")
    running.run()
    for _ in range(3):
        wait_and_try_again(running, minutes=10)

    assert len(crm.heard) == 4
    assert len({(one.id, one.body) for one in crm.heard}) == 1
    assert webhooks(running) == [("crm-sync", "sent", 4)]


def test_it_is_tried_for_about_four_days_and_then_given_up(start: Start, crm: Receiver) -> None:
    crm.answers = [(500, {}, b"we are\nbroken")]
    running = start(crm_sync=crm.url)
    begun = running.clock.now()

    running.track("a.happened")
    running.run()
    while running.deliveries()[0].state == "pending":
        wait_and_try_again(running, minutes=30)

    ended = running.deliveries()[0]
    assert (ended.state, ended.reason, ended.detail) == ("failed", "gave-up", "500 we are broken")
    assert timedelta(days=3) < running.clock.now() - begun < timedelta(days=6)


def test_a_redirect_is_not_followed(start: Start, crm: Receiver) -> None:
    with a_receiver() as elsewhere:
        crm.answers = [(302, {"Location": elsewhere.url}, b"")]
        running = start(crm_sync=crm.url)

        running.track("a.happened")
        running.run()

        assert len(crm.heard) == 1
        assert elsewhere.heard == []


def test_retry_after_is_kept_to(start: Start, crm: Receiver) -> None:
    crm.answers = [(503, {"Retry-After": "7200"}, b""), 200]
    running = start(crm_sync=crm.url)

    running.track("a.happened")
    running.run()
    wait_and_try_again(running, minutes=110)
    before = len(crm.heard)
    wait_and_try_again(running, minutes=15)

    assert (before, len(crm.heard)) == (1, 2)


def test_gone_switches_the_endpoint_off_until_a_person_switches_it_on(start: Start, crm: Receiver) -> None:
    crm.answers = [410, 200]
    running = start(crm_sync=crm.url)
    runtime = running.nurture.runtime

    running.track("a.happened")
    running.run()
    wait_and_try_again(running, days=9)
    held, found = webhooks(running), {one.code for one in doctor.examine(runtime).findings}
    waiting = endpoints.enable(runtime, "crm-sync", actor="a test")
    running.run()

    assert held == [("crm-sync", "pending", 1)]
    assert "endpoint-off" in found
    assert "overdue-messages" not in found
    assert waiting == 1
    assert webhooks(running) == [("crm-sync", "sent", 2)]
    assert len({one.id for one in crm.heard}) == 1


def test_a_crash_between_sending_and_writing_it_down_sends_it_again_under_the_same_id(
    start: Start, crm: Receiver
) -> None:
    running = start(crm_sync=crm.url)
    running.track("a.happened")
    running.nurture.advance.batch()
    clock = running.clock
    with running.nurture.database.write() as tx:  # all that a dying sender leaves behind
        (claim,) = outbox.claim(tx, clock.now(), clock.operational(), endpoint="crm-sync")
        outbox.mark_sending(
            tx,
            [Leaving(claim.id, claim.fence, claim.key, "127.0.0.1")],
            clock.now(),
            clock.operational() + LEASE,
        )

    wait_and_try_again(running, minutes=2)

    assert [one.id for one in crm.heard] == [claim.key]
    assert webhooks(running) == [("crm-sync", "sent", 2)]


# --- nobody else is held up ------------------------------------------------------------------------------------------


def test_an_endpoint_that_is_away_holds_up_neither_mail_nor_the_other_endpoints(
    start: Start, crm: Receiver
) -> None:
    with a_raw_server(hold=5) as port:
        running = start(
            "- {webhook: ledger}\n- {email: welcome}", crm_sync=f"http://127.0.0.1:{port}/", ledger=crm.url
        )
        object.__setattr__(running.nurture.runtime.webhooks, "seconds", 0.2)
        for name in "abcdefgh":
            running.add(f"{name}@example.org")
            running.track("a.happened", email=f"{name}@example.org")

        running.run()

        with running.nurture.database.read() as tx:
            closed = hooks.closed(tx)
        assert len(crm.heard) == 8
        assert len(running.mails()) == 8
        assert set(closed) == {"crm-sync"}
        tried = [one.attempts for name in "abcdefgh" for one in running.deliveries(f"{name}@example.org")]
        assert sum(tried) == 8 + 8 + 4  # of the silent one a single group was tried


def test_an_endpoint_that_works_again_is_told_all_that_waited(start: Start, crm: Receiver) -> None:
    crm.answers = [503, 503, 503, 503, 200]
    running = start(crm_sync=crm.url)
    for name in "abcdefgh":
        running.add(f"{name}@example.org")
        running.track("a.happened", email=f"{name}@example.org")

    running.run()
    for _ in range(4):
        wait_and_try_again(running, minutes=2)

    with running.nurture.database.read() as tx:
        assert hooks.closed(tx) == {}
    assert len({one.id for one in crm.heard}) == 8


# --- what the workflow makes of it -----------------------------------------------------------------------------------


def test_the_contact_goes_on_at_once_unless_the_step_holds(start: Start, crm: Receiver) -> None:
    crm.answers = [500]
    running = start("- {email: welcome}", crm_sync=crm.url)

    running.track("a.happened")
    running.run()

    assert [(one.step, one.state) for one in running.deliveries()] == [
        ("crm-sync", "pending"),
        ("welcome", "sent"),
    ]


def test_a_step_that_holds_waits_for_the_end_and_then_asks_what_to_do(start: Start, crm: Receiver) -> None:
    running = start(
        "- webhook: ledger\n  hold: yes\n  on_failure: lose\n- {email: welcome}",
        crm_sync=crm.url,
        ledger="http://127.0.0.1:9/",
    )

    running.track("a.happened")
    running.run()
    held = [one.step for one in running.deliveries()]
    for _ in range(30):
        wait_and_try_again(running, hours=8)

    (enrollment,) = running.enrollments()
    assert held == ["crm-sync", "ledger"]
    assert (enrollment.status, enrollment.end_reason) == (Status.LOST, "step-failed")


def test_what_was_to_be_told_is_told_though_the_contact_has_left_the_stage(
    start: Start, crm: Receiver
) -> None:
    crm.answers = [500, 200]
    running = start(crm_sync=crm.url)

    running.track("a.happened")
    running.run()
    running.track("b.happened")
    running.run()
    wait_and_try_again(running, minutes=5)

    assert running.enrollments()[0].status is Status.COMPLETED
    assert webhooks(running) == [("crm-sync", "sent", 2)]
    assert doctor.examine(running.nurture.runtime).ok


def test_an_endpoint_that_is_published_no_more_ends_what_waits_for_it(start: Start) -> None:
    running = start(crm_sync="http://127.0.0.1:9/")
    running.track("a.happened")
    running.run()
    toml = running.project / "nurture.toml"
    toml.write_text(toml.read_text().replace("webhooks.crm-sync", "webhooks.other"))
    (running.project / "workflows/told.yaml").unlink()

    running.publish()
    wait_and_try_again(running, minutes=5)

    assert running.states() == [("crm-sync", "failed", "endpoint-missing")]


def test_a_failed_message_can_be_delivered_once_more_with_the_same_id(start: Start, crm: Receiver) -> None:
    running = start(crm_sync=crm.url)
    running.track("a.happened")
    running.run()

    again = endpoints.redeliver(running.nurture.runtime, "crm-sync", [crm.heard[0].id], actor="a test")
    running.run()

    assert again == [crm.heard[0].id]
    assert [one.id for one in crm.heard] == again * 2


# --- notices ---------------------------------------------------------------------------------------------------------


def test_a_notice_by_webhook_is_the_text_that_a_chat_takes(start: Start, crm: Receiver) -> None:
    crm.answers = [500, 200]
    running = start(
        "- {notify: welcome, to: webhook team-chat}", crm_sync="http://127.0.0.1:9/", team_chat=crm.url
    )

    running.track("a.happened")
    running.run()
    running.write("templates/email/welcome.md", "---\nsubject: Other words\n---\nOther words.")
    running.publish()
    wait_and_try_again(running, minutes=5)

    first, second = crm.heard
    assert list(first.said) == ["text"]
    assert first.said["text"].startswith("welcome for Ana\n\nThis is welcome.")
    assert (first.id, first.body) == (second.id, second.body)


# --- nothing leaves where nothing may --------------------------------------------------------------------------------


def test_while_mail_is_caught_webhooks_are_too(
    sqlite_url: str, tmp_path: Path, start: Start, crm: Receiver
) -> None:
    running = start(crm_sync=crm.url.replace("127.0.0.1", "localhost"))

    running.track("a.happened")
    running.run()

    (delivery,) = running.deliveries()
    assert crm.heard == []
    assert delivery.state == "sent"
    assert (delivery.detail or "").startswith("202 caught")


def test_the_guard_of_a_staging_copy_holds_for_webhooks(start: Start, crm: Receiver) -> None:
    running = start(crm_sync=crm.url)
    object.__setattr__(running.nurture.runtime, "allow_recipients", ("example.org",))

    running.track("a.happened")
    running.run()

    assert crm.heard == []
    assert running.states() == [("crm-sync", "skipped", "recipient-not-allowed")]


def test_the_guard_of_a_staging_copy_holds_for_a_trial_too(start: Start, crm: Receiver) -> None:
    running = start(crm_sync=crm.url)
    object.__setattr__(running.nurture.runtime, "allow_recipients", ("example.org",))

    with pytest.raises(NurtureError, match=r"does not list 127\.0\.0\.1"):
        endpoints.ping(running.nurture.runtime, "crm-sync")

    assert crm.heard == []


def test_while_mail_is_caught_a_trial_is_refused(start: Start, crm: Receiver) -> None:
    running = start(crm_sync=crm.url.replace("127.0.0.1", "localhost"))

    with pytest.raises(NurtureError, match="nothing leaves for localhost"):
        endpoints.ping(running.nurture.runtime, "crm-sync")

    assert crm.heard == []
