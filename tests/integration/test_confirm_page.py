"""The yes by mail: nothing before it, everything with it, once; and a flood of forms is one mail a day."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from nurture.db import consents, requests, state, suppressions
from nurture.db.addresses import email_hash
from nurture.db.requests import R
from nurture.db.suppressions import Suppression
from nurture.model.words import Channel, SuppressionReason
from nurture.rendering.links import Kind
from nurture.web import create_app
from tests.integration.test_leave_page import client_of
from tests.integration.test_offer_page import (
    AGREED,
    OFFER,
    PURPOSE,
    everything,
    happened,
    known,
    ledger,
    live,
)
from tests.support.running import Running, a_nurture

DOUBLE = OFFER.rstrip() + "\n    double_opt_in: yes\n"


@pytest.fixture(params=["sqlite", "postgres"])
def either(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Running]:
    url = str(request.getfixturevalue(f"{request.param}_url"))
    yield (one := live(a_nurture(url, tmp_path), DOUBLE))
    one.nurture.database.dispose()


@pytest.fixture
def running(sqlite_url: str, tmp_path: Path) -> Iterator[Running]:
    yield (one := live(a_nurture(sqlite_url, tmp_path), DOUBLE))
    one.nurture.database.dispose()


@pytest.fixture
def single(sqlite_url: str, tmp_path: Path) -> Iterator[Running]:
    """The same offer, which asks for no yes by mail."""
    yield (one := live(a_nurture(sqlite_url, tmp_path)))
    one.nurture.database.dispose()


def link_in_mail(running: Running) -> str:
    """The link of the last question."""
    bodies = [
        mail.get_body(("plain",))
        for mail in running.mails()
        if str(mail["Subject"]).startswith("Please confirm")
    ]
    found = re.search(r"http://127\.0\.0\.1:8000(/confirm/\S+)", bodies[-1].get_content())  # type: ignore[union-attr]
    assert found is not None
    return found[1]


def asked(running: Running, answers: dict[str, str] = AGREED) -> tuple[FlaskClient, str]:
    """Somebody filled in the form, and the link they got; then a minute goes by."""
    client = client_of(running)
    assert client.post("/o/guide", data=answers).status_code == 303
    running.run()
    running.clock.advance(minutes=1)
    return client, link_in_mail(running)


def leave_by_link(running: Running) -> None:
    running.track("consent.withdrawn", purpose="nurture")


def suppress(running: Running, reason: str, email: str = "ana@example.org") -> None:
    with running.nurture.database.write() as tx:
        listed = Suppression(
            address_hash=email_hash(state.hash_key(tx), email),
            channel=Channel.EMAIL,
            reason=SuppressionReason(reason),
            at=running.clock.now(),
            source="a test",
        )
        suppressions.add(tx, [listed])


def test_nothing_is_stored_before_the_yes_but_the_question(either: Running) -> None:
    client, link = asked(either)

    page = client.get(link)

    assert everything(either) == (0, 1)
    assert page.status_code == 200
    assert "Yes, it was me" in page.text
    assert "Yes, write to me &amp; mine" in page.text
    assert either.mails()[0]["To"] == "ana@example.org"


def test_the_yes_stores_everything_at_once_and_hands_the_offer_over(either: Running) -> None:
    client, link = asked(either, {**AGREED, "plan": "plus"})

    page = client.post(link, headers={"User-Agent": "Her browser"})
    either.run()

    ana = known(either)
    assert page.status_code == 200
    assert "Thank you, confirmed" in page.text
    assert ana is not None
    assert (ana.first_name, ana.fields) == ("Ana", {"plan": "plus"})
    assert [one.name for one in happened(either)] == ["consent.granted", "offer.requested"]
    (grant,) = ledger(either)
    assert grant.wording_version == "2026-11"
    assert grant.proof["confirmed_user_agent"] == "Her browser"
    assert grant.proof["asked_at"] == (either.clock.now() - timedelta(minutes=1)).isoformat()
    assert [mail["Subject"] for mail in either.mails()][-1] == "handed for Ana"


def test_saying_yes_twice_is_saying_it_once(running: Running) -> None:
    client, link = asked(running)

    pages = [client.post(link) for _ in range(3)]
    running.run()

    assert [page.status_code for page in pages] == [200] * 3
    assert pages[0].data == pages[2].data
    assert len(happened(running)) == 2
    assert len(running.mails()) == 2
    assert "Thank you, confirmed" in client.get(link).text


@pytest.mark.parametrize("method", ["get", "head", "options"])
def test_a_scanners_visit_confirms_nothing(running: Running, method: str) -> None:
    client, link = asked(running)

    for _ in range(3):
        getattr(client, method)(link)
    running.run()

    assert everything(running) == (0, 1)


def test_the_question_holds_no_word_that_was_typed(running: Running) -> None:
    asked(running, {**AGREED, "first_name": "BUY NOW from spam"})

    mail = running.mails()[0].as_string()

    assert "spam" not in mail
    assert "BUY" not in mail
    assert "The guide" in mail
    assert "Tamarack Lane" in mail
    assert running.mails()[0]["Auto-Submitted"] == "auto-generated"


def test_without_a_tick_the_yes_hands_over_and_permits_nothing(running: Running) -> None:
    client, link = asked(running, PURPOSE)

    client.post(link)
    running.run()

    assert ledger(running) == []
    assert running.mails()[-1]["Subject"] == "handed for Ana"


def test_a_flood_of_forms_is_one_question_an_address_a_day(running: Running) -> None:
    client = client_of(running)

    codes = {
        client.post(
            "/o/guide",
            data={
                **AGREED,
                "email": ("ana@example.org", "Ana@Example.org")[number % 2],
                "first_name": str(number),
            },
            environ_overrides={"REMOTE_ADDR": f"10.{number // 250}.0.{number % 250}"},
        ).status_code
        for number in range(1_000)
    }
    running.run()
    first_day = len(running.mails())
    running.clock.advance(hours=25)
    client_of(running).post("/o/guide", data=AGREED)
    running.run()

    assert codes == {303}
    assert first_day == 1
    assert len(running.mails()) == 2
    with running.nurture.database.read() as tx:
        assert len(tx.execute(R.select()).all()) == 2


def test_many_who_ask_in_the_same_moment_make_one_question(either: Running) -> None:
    app = create_app(either.nurture.settings, either.nurture)

    def post(number: int) -> int:
        place = {"REMOTE_ADDR": f"10.0.0.{number}"}
        return app.test_client().post("/o/guide", data=AGREED, environ_overrides=place).status_code

    with ThreadPoolExecutor(8) as pool:
        codes = set(pool.map(post, range(8)))
    either.run()

    assert codes == {303}
    assert everything(either) == (0, 1)


def test_who_answered_today_may_ask_for_the_next_thing_today(running: Running) -> None:
    client, link = asked(running)
    client.post(link)
    running.clock.advance(minutes=1)

    _, second = asked(running)

    assert second != link


def test_an_old_link_is_over_and_leads_back_to_the_form(running: Running) -> None:
    client, link = asked(running)
    running.clock.advance(days=8)

    pages = [client.get(link), client.post(link)]

    assert [page.status_code for page in pages] == [410, 410]
    assert "This link is over" in pages[0].text
    assert 'href="/o/guide"' in pages[0].text
    assert everything(running) == (0, 1)


def test_a_forged_or_forgotten_link_finds_nothing(running: Running) -> None:
    client, link = asked(running)
    links = running.nurture.runtime.links
    forgotten = f"/confirm/{links.token(Kind.CONFIRM, 'nobody', 'zzzzzz')}"
    other_kind = f"/confirm/{links.token(Kind.DOWNLOAD, 'nobody', 'guide', 'zzzzzz')}"

    pages = [client.post(path) for path in (forgotten, other_kind, f"{link}x", "/confirm/x")]

    assert {page.status_code for page in pages} == {404}
    assert len({page.data for page in pages}) == 1


def test_what_nobody_confirms_is_forgotten_in_time(running: Running) -> None:
    asked(running)
    running.clock.advance(days=31)

    asked(running, {**AGREED, "email": "bea@example.org"})

    with running.nurture.database.read() as tx:
        assert [row.email for row in tx.execute(R.select())] == ["bea@example.org"]
        assert requests.since(tx, "ana@example.org", running.clock.at.replace(year=2000)) == []


def test_who_complained_is_asked_nothing_and_nobody_can_tell(running: Running) -> None:
    suppress(running, "complaint")
    client = client_of(running)

    closed = client.post("/o/guide", data=AGREED)
    fine = client.post("/o/guide", data={**AGREED, "email": "bea@example.org"})
    running.run()

    assert (closed.status_code, closed.data, dict(closed.headers)) == (
        fine.status_code,
        fine.data,
        dict(fine.headers),
    )
    assert [mail["To"] for mail in running.mails()] == ["bea@example.org"]


# --- a permission that was taken back ---------------------------------------------------------------------------


def permitted(running: Running) -> bool:
    contact = known(running)
    assert contact is not None
    with running.nurture.database.read() as tx:
        return bool(consents.grants(tx, [contact.id], running.clock.now()))


def test_a_tick_alone_gives_back_nothing_that_was_withdrawn(single: Running) -> None:
    single.add()
    leave_by_link(single)

    client = client_of(single)
    client.post("/o/guide", data=AGREED)
    single.run()

    subjects = sorted(str(mail["Subject"]) for mail in single.mails())
    assert subjects == ["Please confirm: The guide", "handed for Ana"]
    assert not permitted(single)


def test_a_no_to_calls_asks_nobody_for_a_yes_to_mail_by_mail(single: Running) -> None:
    single.add(consent=None)
    single.track("consent.withdrawn", purpose="nurture", channel="phone")

    client_of(single).post("/o/guide", data=AGREED)
    single.run()

    assert [str(mail["Subject"]) for mail in single.mails()] == ["handed for Ana"]
    assert permitted(single)


def test_the_yes_by_mail_gives_it_back(single: Running) -> None:
    single.add()
    leave_by_link(single)
    suppress(single, "unsubscribed")
    client = client_of(single)
    client.post("/o/guide", data=AGREED)
    single.run()
    link = link_in_mail(single)

    shown = client.get(link)
    done = client.post(link)
    single.run()

    contact = known(single)
    assert contact is not None
    assert "May we write to you again?" in shown.text
    assert "may write to you again" in done.text
    assert permitted(single)
    with single.nurture.database.read() as tx:
        assert suppressions.of(tx, [contact.id]) == {}
    assert [one.name for one in happened(single)].count("offer.requested") == 1
    assert len(single.mails()) == 2


def test_without_a_tick_nobody_who_left_everything_is_promised_more_than_what_they_asked_for(
    single: Running,
) -> None:
    single.add()
    suppress(single, "unsubscribed")
    client, link = asked(single, {**AGREED, "consent": ""})

    question = single.mails()[-1].get_content()
    pages = client.get(link).text + client.post(link).text
    single.run()

    assert "this changes nothing about that" in question
    assert "write to you again" not in pages
    subjects = sorted(str(mail["Subject"]) for mail in single.mails())
    assert subjects == ["Please confirm: The guide", "handed for Ana"]
    contact = known(single)
    assert contact is not None
    with single.nurture.database.read() as tx:
        assert suppressions.of(tx, [contact.id])[contact.id] == {
            Channel.EMAIL: {SuppressionReason.UNSUBSCRIBED}
        }


def test_the_page_of_an_old_yes_does_not_say_that_we_write_to_who_left_again(single: Running) -> None:
    single.add()
    suppress(single, "unsubscribed")
    client, link = asked(single)
    at_once = client.post(link).text
    leave_by_link(single)

    later = client.get(link).text

    assert "may write to you again" in at_once
    assert "Thank you, confirmed" in later
    assert "write to you again" not in later


def test_a_complaint_stays_whatever_is_ticked(single: Running) -> None:
    single.add()
    suppress(single, "complaint")

    client_of(single).post("/o/guide", data=AGREED)
    single.run()

    assert single.mails() == []
    assert [entry.source for entry in ledger(single)] == ["a test"]


def test_who_answered_yesterday_and_today_may_ask_again_today(running: Running) -> None:
    client, first = asked(running)
    client.post(first)
    running.clock.advance(hours=23)
    _, second = asked(running)
    client.post(second)
    running.clock.advance(hours=1, minutes=30)

    _, third = asked(running)

    assert len({first, second, third}) == 3


def test_a_yes_after_leaving_meanwhile_counts_and_a_second_one_does_not(either: Running) -> None:
    client, link = asked(either)
    client.post(link)
    leave_by_link(either)
    either.run()
    client.post(link)
    after_an_old_yes = [one.action for one in ledger(either)]
    either.clock.advance(hours=1)
    _, fresh = asked(either)

    client.post(fresh)

    assert after_an_old_yes == ["granted", "withdrawn"]
    assert [one.action for one in ledger(either)] == ["granted", "withdrawn", "granted"]


def test_many_who_press_the_button_in_the_same_moment_say_it_once(either: Running) -> None:
    _, link = asked(either)
    app = client_of(either).application  # one for all: routes are not made in threads

    def press(_: int) -> int:
        return app.test_client().post(link).status_code

    with ThreadPoolExecutor(8) as pool:
        codes = set(pool.map(press, range(8)))

    assert codes <= {200, 303}
    assert [one.action for one in ledger(either)] == ["granted"]
    assert [one.name for one in happened(either)].count("offer.requested") == 1


# --- asked before they left, pressed after ----------------------------------------------------------------------


def test_a_yes_to_a_question_from_before_they_left_hands_over_and_permits_nothing(either: Running) -> None:
    either.add()
    client, link = asked(either)
    leave_by_link(either)
    suppress(either, "unsubscribed")
    either.clock.advance(minutes=1)

    shown, done = client.get(link).text, client.post(link).text
    either.run()

    assert "Your yes changes nothing about that" in shown
    assert "Yes, write to me" not in shown
    assert "changed nothing about that" in done
    assert "is on its way" in done
    assert [mail["Subject"] for mail in either.mails()][-1] == "handed for Ana"
    assert [one.action for one in ledger(either)] == ["granted", "withdrawn"]
    assert listed(either) == {SuppressionReason.UNSUBSCRIBED}


@pytest.mark.parametrize("pressed", [True, False])
def test_who_left_after_a_question_is_asked_anew_at_once_and_that_yes_counts(
    pressed: bool, either: Running
) -> None:
    either.add()
    client, link = asked(either)
    leave_by_link(either)
    suppress(either, "unsubscribed")
    either.clock.advance(minutes=1)
    if pressed:
        client.post(link)

    _, fresh = asked(either)
    done = client.post(fresh).text

    assert fresh != link
    assert "may write to you again" in done
    assert permitted(either)
    assert listed(either) == set()


def test_who_took_one_permission_back_after_the_question_keeps_their_no(either: Running) -> None:
    client, link = asked(either)
    other = client_of(either)
    either.add()
    leave_by_link(either)

    other.post(link)
    either.run()

    assert [one.action for one in ledger(either)] == ["granted", "withdrawn"]
    assert [mail["Subject"] for mail in either.mails()][-1] == "handed for Ana"
    assert client.get(link).status_code == 200


@pytest.mark.parametrize("reason", ["complaint", "manual", "hard-bounce"])
def test_a_question_from_before_the_address_was_closed_opens_nothing(reason: str, running: Running) -> None:
    client, link = asked(running)
    suppress(running, reason)

    pages = [client.get(link), client.post(link)]
    running.run()

    assert {page.status_code for page in pages} == {200}
    assert all("This question is over" in page.text and "<form" not in page.text for page in pages)
    assert all(("ask for “The guide”" in page.text) is (reason != "complaint") for page in pages)
    assert everything(running) == (0, 1)
    assert listed(running) == {SuppressionReason(reason)}


def test_a_question_that_is_over_promises_no_other_before_its_thirty_days_are_over(running: Running) -> None:
    suppress(running, "unsubscribed")
    client, link = asked(running)
    suppress(running, "manual")

    page = client.get(link).text
    _, latest = asked(running)

    assert "This question is over" in page
    assert "ask for “The guide”" not in page
    assert latest == link  # nothing more was mailed


def test_a_question_whether_we_may_write_again_is_over_when_they_leave_again(single: Running) -> None:
    single.add()
    leave_by_link(single)
    client, link = asked(single)
    leave_by_link(single)

    page = client.post(link).text

    assert "This question is over" in page
    assert not permitted(single)


def listed(running: Running, email: str = "ana@example.org") -> frozenset[SuppressionReason]:
    with running.nurture.database.read() as tx:
        address = email_hash(state.hash_key(tx), email)
        return suppressions.of_hashes(tx, [address], Channel.EMAIL).get(address, frozenset())
