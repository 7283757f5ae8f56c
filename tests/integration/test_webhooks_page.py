"""What other systems were told is in sight: for whom, in which words, with which answer; a person can see to it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nurture.model.accounts import Role
from tests.support.browsing import a_browser
from tests.support.commands import answer, run
from tests.support.receiver import Receiver, a_receiver
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
          - {webhook: crm-sync, data: {plan: contact.plan}}
        loss:
          - {after: 90 days, reason: too-late}
    """
PAGE = "/admin/mail/webhooks"


@pytest.fixture
def crm() -> Iterator[Receiver]:
    with a_receiver() as receiver:
        yield receiver


@pytest.fixture
def running(sqlite_url: str, tmp_path: Path, crm: Receiver) -> Iterator[Running]:
    """Ana's step was due, and nothing was sent yet."""
    made = a_nurture(sqlite_url, tmp_path, webhook_allow=("127.0.0.1",))
    toml = made.project / "nurture.toml"
    toml.write_text(f'{toml.read_text()}\n[webhooks.crm-sync]\nurl = "{crm.url}"\n')
    made.write("workflows/told.yaml", FLOW)
    made.publish()
    made.add(first_name="<b>Ana</b>")
    made.track("a.happened")
    yield made
    made.nurture.close()


def command(running: Running, *words: str, exit_code: int = 0) -> Any:
    """The command in the same project and database, as a person types it."""
    with pytest.MonkeyPatch.context() as patch:
        settings = running.nurture.settings
        patch.setenv("NURTURE_DATABASE_URL", settings.database_url)
        patch.setenv("NURTURE_SECRET_KEY", ",".join(settings.secret_keys))
        patch.setenv("NURTURE_WEBHOOK_ALLOW", ",".join(settings.webhook_allow))
        return answer("webhook", *words, project=running.project, exit_code=exit_code)


# --- the page --------------------------------------------------------------------------------------------------------


def test_the_page_shows_whom_it_was_about_the_words_and_the_answer(running: Running, crm: Receiver) -> None:
    crm.answers = [(500, {}, b"<script>out of order</script>")]
    running.run()

    page = a_browser(running).get(PAGE).text

    assert "&lt;script&gt;out of order" in page
    assert "&lt;b&gt;Ana&lt;/b&gt;" in page
    assert "step.reached" in page
    assert running.deliveries()[0].key in page
    assert "rests" in page


def test_who_only_looks_on_does_not_read_what_was_said_of_a_contact(running: Running) -> None:
    running.run()

    page = a_browser(running, Role.VIEWER).get(PAGE).text

    assert "crm-sync" in page
    assert "step.reached" not in page
    assert "Send it once more" not in page


def test_the_list_of_all_messages_leads_to_it_and_the_contacts_path_does_not_count_it(
    running: Running,
) -> None:
    running.run()
    browser = a_browser(running)

    listed = browser.get("/admin/mail").text
    contact = browser.get(f"/admin/contacts/{running.deliveries()[0].contact_id}")

    assert f"{PAGE}?key={running.deliveries()[0].key}" in listed
    assert contact.status_code == 200
    assert "told to crm-sync" in listed
    assert "crm-sync" not in contact.text.partition("<svg")[2].partition("</svg>")[0]


def test_a_webhook_is_no_mail_that_could_be_shown_or_sent_to_oneself(running: Running) -> None:
    running.run()
    delivery = running.deliveries()[0]

    shown = a_browser(running).get(f"/admin/contacts/{delivery.contact_id}/mail/{delivery.id}")

    assert shown.status_code == 404


def test_an_endpoint_that_is_off_is_the_first_thing_one_sees_and_is_switched_on_there(
    running: Running, crm: Receiver
) -> None:
    crm.answers = [410, 200]
    running.run()
    browser = a_browser(running, Role.MARKETER)

    home = browser.get("/admin/").text
    switched = browser.post(f"{PAGE}/on", _from=PAGE, endpoint="crm-sync")
    running.run()

    assert "Endpoint &#39;crm-sync&#39; said that it is gone" in home
    assert PAGE in home
    assert switched.status_code == 303
    assert running.deliveries()[0].state == "sent"
    assert "said that it is gone" not in browser.get("/admin/").text


def test_a_message_is_sent_once_more_under_its_old_id(running: Running, crm: Receiver) -> None:
    running.run()
    browser = a_browser(running, Role.MARKETER)

    browser.post(f"{PAGE}/again", _from=PAGE, endpoint="crm-sync", key=crm.heard[0].id)
    running.run()

    assert [one.id for one in crm.heard] == [crm.heard[0].id] * 2


def test_what_cannot_be_sent_once_more_is_told(running: Running) -> None:
    browser = a_browser(running, Role.MARKETER)

    browser.post(f"{PAGE}/again", _from=PAGE, endpoint="crm-sync", key="nonsense")
    told = browser.get(PAGE).text
    browser.post(f"{PAGE}/on", _from=PAGE, endpoint="nobody")

    assert "no message &#39;nonsense&#39; was ever made" in told
    assert "there is no endpoint &#39;nobody&#39;" in browser.get(PAGE).text


# --- the commands ----------------------------------------------------------------------------------------------------


def test_the_list_tells_how_each_endpoint_does(running: Running, crm: Receiver) -> None:
    crm.answers = [503]
    running.run()

    (listed,) = command(running, "list")["endpoints"]

    assert (listed["name"], listed["url"], listed["waiting"]) == ("crm-sync", crm.url, 1)
    assert (listed["sent"], listed["failed"], listed["last_sent"]) == (0, 0, None)
    assert listed["closed"]["said"] == "503"


def test_a_trial_goes_out_now_and_tells_the_answer(running: Running, crm: Receiver) -> None:
    crm.answers = [(200, {}, b"pong"), 500]

    first = command(running, "test", "crm-sync")
    second = command(running, "test", "crm-sync", exit_code=1)

    assert (first["taken"], first["status"], first["said"]) == (True, 200, "pong")
    assert (second["taken"], second["status"]) == (False, 500)
    assert [one.said["type"] for one in crm.heard] == ["ping", "ping"]
    assert crm.heard[0].id == first["id"]
    assert running.deliveries() == []


def test_each_key_has_its_secret_and_the_first_is_the_one_to_use(running: Running) -> None:
    told = command(running, "secret", "crm-sync")

    assert told["secret"].startswith("whsec_")
    assert told["older"] == []


def test_a_misspelt_endpoint_is_told_with_the_near_one(running: Running) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NURTURE_DATABASE_URL", running.nurture.settings.database_url)
        told = run("webhook", "secret", "crm-snyc", project=running.project)

    assert told.exit_code == 1
    assert "there is no endpoint 'crm-snyc'" in told.stderr
    assert "did you mean 'crm-sync'?" in told.stderr


def test_what_is_off_is_switched_on_and_what_failed_goes_once_more(running: Running, crm: Receiver) -> None:
    crm.answers = [410, 200]
    running.run()

    enabled = command(running, "enable", "crm-sync")
    running.run()
    again = command(running, "redeliver", "crm-sync", "--id", crm.heard[0].id)
    running.run()
    nothing = command(running, "redeliver", "crm-sync", exit_code=1)

    assert enabled == {"enabled": "crm-sync", "waiting": 1}
    assert again["redelivered"] == [crm.heard[0].id]
    assert nothing["redelivered"] == []
    assert len(crm.heard) == 3
