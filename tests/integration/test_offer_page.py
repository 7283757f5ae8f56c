"""The form of a lead offer: stored at once and together, polite to everybody alike, and deaf to robots."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import TestResponse

from nurture.db import consents, contacts, events
from nurture.db.consents import Consent
from nurture.model.words import Contact, Event
from nurture.web import create_app
from tests.integration.test_leave_page import client_of
from tests.support.running import LINKED, Running, a_nurture

OFFER = """\
    offer: guide
    kind: download
    title: The guide
    promise: Know in ten minutes
    asset: guide.pdf
    fields: [email, first_name, {name: phone, required: no}, {name: plan, required: no}, {name: is_competitor, required: no}]
    consent: {purpose: nurture, wording: "Yes, write to me & mine", version: 2026-11}
    mail: handed
    """
PURPOSE = {"email": "ana@example.org", "first_name": "Ana"}
AGREED = {**PURPOSE, "consent": "2026-11"}


@pytest.fixture(params=["sqlite", "postgres"])
def either(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Running]:
    yield (one := live(a_nurture(str(request.getfixturevalue(f"{request.param}_url")), tmp_path)))
    one.nurture.database.dispose()


@pytest.fixture
def running(sqlite_url: str, tmp_path: Path) -> Iterator[Running]:
    yield (one := live(a_nurture(sqlite_url, tmp_path)))
    one.nurture.database.dispose()


def live(running: Running, offer: str = OFFER) -> Running:
    running.write("offers/guide.yaml", offer)
    running.write("templates/email/handed.md", LINKED.format(name="handed"))
    running.write("assets/guide.pdf", "%PDF-1.4 the guide")
    running.publish()
    return running


def post(running: Running, answers: dict[str, str], path: str = "/o/guide", **more: Any) -> TestResponse:
    return client_of(running).post(path, data=answers, **more)


def known(running: Running, email: str = "ana@example.org") -> Contact | None:
    with running.nurture.database.read() as tx:
        return contacts.by_email(tx, [email]).get(email)


def happened(running: Running, email: str = "ana@example.org") -> list[Event]:
    contact = known(running, email)
    assert contact is not None
    with running.nurture.database.read() as tx:
        return list(reversed(events.of_contact(tx, contact.id)))


def ledger(running: Running, email: str = "ana@example.org") -> list[Consent]:
    contact = known(running, email)
    assert contact is not None
    with running.nurture.database.read() as tx:
        return consents.history(tx, contact.id)


def everything(running: Running) -> tuple[int, int]:
    """How many contacts and mails there are."""
    with running.nurture.database.read() as tx:
        return contacts.count(tx), len(running.mails())


def stamp_in(page: TestResponse) -> str:
    found = re.search(r'name="form-stamp" value="([^"]+)"', page.text)
    assert found is not None
    return found[1]


# --- the page ---------------------------------------------------------------------------------------------------


def test_the_page_shows_the_promise_the_questions_and_an_unticked_box(running: Running) -> None:
    page = client_of(running).get("/o/guide")

    assert page.status_code == 200
    assert "<h1>The guide</h1>" in page.text
    assert "Know in ten minutes." in page.text
    assert "Yes, write to me &amp; mine" in page.text
    assert 'name="consent" value="2026-11"' in page.text
    assert "checked" not in page.text
    assert 'autocomplete="given-name"' in page.text
    assert '<option value="basic">Basic</option>' in page.text
    assert "1 Tamarack Lane, Toronto" in page.text
    assert "Send it to me" in page.text


@pytest.mark.parametrize(
    ("kind", "button"),
    [("event", "Save my seat"), ("trial", "Start now"), ("contest", "Enter"), ("paid-low", "Book it")],
)
def test_the_button_speaks_of_what_the_offer_is(running: Running, kind: str, button: str) -> None:
    live(running, OFFER.replace("kind: download", f"kind: {kind}"))

    assert f">{button}</button>" in client_of(running).get("/o/guide").text


@pytest.mark.parametrize("method", ["get", "head"])
def test_looking_stores_nothing_and_sets_no_cookie(running: Running, method: str) -> None:
    client = client_of(running)

    answers = [getattr(client, method)(path) for path in ("/o/guide", "/o/guide/thanks")]

    assert [answer.status_code for answer in answers] == [200, 200]
    assert not any("Set-Cookie" in answer.headers for answer in answers)
    assert everything(running) == (0, 0)


def test_an_offer_that_is_not_published_is_no_page(running: Running) -> None:
    client = client_of(running)

    codes = [
        client.get("/o/other").status_code,
        client.post("/o/other", data=AGREED).status_code,
        client.get("/o/other/thanks").status_code,
        client.get("/o/{{7*7}}").status_code,
    ]

    assert codes == [404] * 4


def test_nothing_may_frame_the_page(running: Running) -> None:
    page = client_of(running).get("/o/guide?embed=1")

    assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]


# --- asking -----------------------------------------------------------------------------------------------------


def test_asking_stores_contact_permission_and_request_and_sends_the_offer(either: Running) -> None:
    answer = post(
        either,
        {**AGREED, "phone": "(416) 555-0100", "plan": "plus", "is_competitor": "yes"},
        "/o/guide?utm_source=fair&utm_campaign=spring",
        headers={"User-Agent": "A browser", "Referer": "https://blog.example.net/post?mail=x@example.org"},
    )
    either.run()

    ana = known(either)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/o/guide/thanks")
    assert ana is not None
    assert (ana.first_name, ana.phone) == ("Ana", "+14165550100")
    assert ana.fields == {"plan": "plus", "is_competitor": True}
    granted, requested = happened(either)
    assert (granted.name, requested.name) == ("consent.granted", "offer.requested")
    assert requested.data == {
        "offer": "guide",
        "utm_source": "fair",
        "utm_campaign": "spring",
        "referrer": "https://blog.example.net/post",
    }
    (mail,) = either.mails()
    assert mail["Subject"] == "handed for Ana"


def test_many_who_ask_in_the_same_moment_are_one_contact_and_get_one_mail(either: Running) -> None:
    app = create_app(either.nurture.settings, either.nurture)

    def post(number: int) -> int:
        place = {"REMOTE_ADDR": f"10.0.0.{number}"}
        return app.test_client().post("/o/guide", data=AGREED, environ_overrides=place).status_code

    with ThreadPoolExecutor(8) as pool:
        codes = set(pool.map(post, range(8)))
    either.run()

    assert codes == {303}
    assert everything(either) == (1, 1)


def test_the_ledger_keeps_the_words_and_what_shows_the_tick(running: Running) -> None:
    post(running, AGREED, headers={"User-Agent": "A browser"})

    (grant,) = ledger(running)

    assert (grant.purpose, grant.action, grant.source) == ("nurture", "granted", "form guide")
    assert (grant.wording, grant.wording_version) == ("Yes, write to me & mine", "2026-11")
    assert dict(grant.proof) == {
        "ip": "127.0.0.1",
        "user_agent": "A browser",
        "page": "http://127.0.0.1:8000/o/guide",
        "shown": "an embedded form",
    }
    assert "ip" not in happened(running)[0].data


def test_without_the_tick_the_offer_comes_all_the_same_and_no_permission(running: Running) -> None:
    post(running, PURPOSE)
    running.run()

    assert ledger(running) == []
    assert len(running.mails()) == 1


def test_a_stranger_completes_what_is_known_and_overwrites_nothing(running: Running) -> None:
    running.add("ana@example.org", first_name="Ana", phone=None, fields={"plan": "basic"})

    post(
        running,
        {**AGREED, "email": "ANA@example.org", "first_name": "Eve", "phone": "+14165550199", "plan": "plus"},
    )

    ana = known(running)
    assert ana is not None
    assert (ana.email, ana.first_name, ana.phone) == ("ana@example.org", "Ana", "+14165550199")
    assert ana.fields == {"plan": "basic"}
    assert [one.name for one in happened(running)] == [
        "contact.changed",
        "consent.granted",
        "offer.requested",
    ]


def test_the_button_pressed_twice_asks_once(running: Running) -> None:
    client = client_of(running)
    stamp = stamp_in(client.get("/o/guide"))
    running.clock.advance(seconds=5)

    answers = [client.post("/o/guide", data={**AGREED, "form-stamp": stamp}) for _ in range(2)]
    running.run()

    assert [answer.status_code for answer in answers] == [303, 303]
    assert len(happened(running)) == 2
    assert len(running.mails()) == 1


def test_known_and_unknown_get_the_same_bytes(running: Running) -> None:
    running.add("bea@example.org", consent=None)
    client = client_of(running)

    answers = [
        client.post("/o/guide", data={**AGREED, "email": email})
        for email in ("bea@example.org", "new@example.org")
    ]
    pages = [client.get(answer.headers["Location"]) for answer in answers]

    assert answers[0].data == answers[1].data
    assert dict(answers[0].headers) == dict(answers[1].headers)
    assert pages[0].data == pages[1].data
    assert "example.org" not in pages[0].text


def test_no_address_stands_in_any_url(running: Running) -> None:
    page = post(running, {**AGREED, "email": "ana@example.org", "plan": "wrong"})
    answer = post(running, AGREED)
    running.run()

    links = re.findall(r'(?:href|action|src)="([^"]*)"', page.text)
    links += [answer.headers["Location"]]
    links += re.findall(r"https?://\S+", running.mails()[0].as_string())
    assert len(links) > 3
    assert not any("ana" in link or "%40" in link or "@" in link for link in links)


def test_a_foreign_host_changes_no_link(running: Running) -> None:
    evil = {"Host": "evil.example", "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https"}
    client = client_of(running)

    page = client.get("/o/guide", headers=evil)
    answer = client.post("/o/guide", data=AGREED, headers=evil)
    running.run()

    assert "evil" not in page.text
    assert answer.headers["Location"] == "/o/guide/thanks"
    assert "evil" not in running.mails()[0].as_string()


# --- what cannot be taken ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ({"email": "ana@example.org"}, "First name: please fill this in."),
        ({**PURPOSE, "email": ""}, "E-mail address: please fill this in."),
        ({**PURPOSE, "email": "ana"}, "'ana' is not an e-mail address"),
        ({**PURPOSE, "email": "ana@example.org, bea@example.org"}, "is more than one e-mail address"),
        ({**PURPOSE, "email": "ana@example.org\r\nBcc: eve@example.org"}, "control character"),
        ({**PURPOSE, "first_name": "An\x00a"}, "First name holds a line break or another control character."),
        ({**PURPOSE, "first_name": "A" * 301}, "First name is longer than 300 characters."),
        ({**PURPOSE, "phone": "12"}, "'12' is not a phone number"),
        ({**PURPOSE, "plan": "gold"}, "'gold' is no choice"),
        ({**PURPOSE, "consent": "2025-01"}, "We ask in other words now."),
    ],
)
def test_what_cannot_be_taken_is_said_at_its_question_and_nothing_is_lost(
    running: Running, answers: dict[str, str], said: str
) -> None:
    page = post(running, answers)

    assert page.status_code == 422
    assert unescape(page.text).count(said) == 2  # in the summary and at the question
    assert 'role="alert"' in page.text
    problem = re.search(r'id="(problem-[a-z_]+)"', page.text)
    assert problem is not None
    assert re.search(f'aria-describedby="[^"]*{problem[1]}"', page.text)
    if answers.get("first_name") == "Ana":
        assert 'name="first_name" value="Ana"' in page.text
    assert everything(running) == (0, 0)


def test_a_hostile_name_stays_text_everywhere(running: Running) -> None:
    name = '{{7*7}}<script>alert(1)</script>"'
    post(running, {**AGREED, "first_name": name})
    page = post(running, {"first_name": name, "email": "x"})
    running.run()

    ana = known(running)
    assert ana is not None
    assert ana.first_name == name
    assert "<script>" not in page.text
    assert running.mails()[0]["Subject"] == f"handed for {name}"


# --- robots -----------------------------------------------------------------------------------------------------


def test_who_fills_in_the_trap_is_thanked_and_ignored(running: Running) -> None:
    human = post(running, {**AGREED, "email": "bea@example.org"})

    robot = post(running, {**AGREED, "web-site": "https://spam.example"})
    running.run()

    assert (robot.status_code, robot.data, dict(robot.headers)) == (303, human.data, dict(human.headers))
    assert known(running) is None
    assert len(running.mails()) == 1


def test_a_form_sent_at_once_comes_back_filled_in_for_one_more_press(running: Running) -> None:
    client = client_of(running)
    stamp = stamp_in(client.get("/o/guide"))

    again = client.post("/o/guide", data={**AGREED, "form-stamp": stamp})
    running.clock.advance(seconds=2)
    fresh = stamp_in(again)
    taken = client.post("/o/guide", data={**AGREED, "form-stamp": fresh})

    assert again.status_code == 422
    assert "Please press the button once more." in again.text
    assert 'value="ana@example.org"' in again.text
    assert " checked" in again.text
    assert fresh != stamp
    assert taken.status_code == 303
    assert ledger(running)[0].proof["shown"] == "the hosted form"


def test_a_stamp_of_yesterday_or_of_nobody_is_not_taken(running: Running) -> None:
    client = client_of(running)
    old = stamp_in(client.get("/o/guide"))
    running.clock.advance(hours=25)

    codes = [
        client.post("/o/guide", data={**AGREED, "form-stamp": stamp}).status_code
        for stamp in (old, f"{old}x", "", "x~y.z", "ü" * 500)
    ]

    assert codes == [422] * 5
    assert everything(running) == (0, 0)


def test_one_place_may_not_ask_without_end(running: Running) -> None:
    client = client_of(running)

    codes = [
        client.post("/o/guide", data={**PURPOSE, "email": f"p{number}@example.org"}).status_code
        for number in range(12)
    ]
    other = client.post("/o/guide", data=AGREED, environ_overrides={"REMOTE_ADDR": "10.0.0.9"})
    page = client.post("/o/guide", data=PURPOSE)

    assert codes == [303] * 10 + [429] * 2
    assert "Please wait a few minutes" in page.text
    assert other.status_code == 303
    assert everything(running)[0] == 11


def test_one_address_is_asked_for_from_everywhere_and_nobody_learns_that_it_was_too_often(
    running: Running,
) -> None:
    client = client_of(running)

    answers = [
        client.post("/o/guide", data=AGREED, environ_overrides={"REMOTE_ADDR": f"10.0.0.{number}"})
        for number in range(8)
    ]
    running.run()

    assert len({(one.status_code, one.headers["Location"], one.data) for one in answers}) == 1
    assert len([one for one in happened(running) if one.name == "offer.requested"]) == 5
    assert len(running.mails()) == 1


def test_the_offers_mail_goes_once_a_day_however_often_it_is_asked_for(running: Running) -> None:
    for _ in range(3):
        post(running, AGREED)
        running.run()
    running.clock.advance(seconds=timedelta(hours=25).total_seconds())
    post(running, AGREED)
    running.run()

    assert len(running.mails()) == 2
