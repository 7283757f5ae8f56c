"""Does the way out always work: nothing changes by looking, one click is enough, and forged links learn nothing?"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Connection, func, select

from nurture.db import consents, contacts, enrollments, events, suppressions
from nurture.db.tables import Base
from nurture.model.words import Channel, SuppressionReason
from nurture.rendering.links import Kind
from nurture.services.consent import suppressing
from nurture.services.privacy.erasing import erase
from nurture.services.releases.publish import publish
from nurture.web import create_app
from nurture.wiring import build
from tests.support.running import LINKED, Running, a_nurture

WORKFLOW = """\
    workflow: short
    title: From the guide to a first review
    purpose: nurture
    stages:
      - stage: first
        need: Know where I stand
        trigger: a.happened
        validate: b.happened
        steps:
          - {email: receipt, purpose: transactional}
          - {email: hello, after: 1 day}
          - {email: later, after: 2 days}
        loss:
          - {after: 60 days, reason: silent}
    """
OFFER = """\
    offer: guide
    kind: download
    title: The guide
    promise: Know in ten minutes
    asset: guide.pdf
    fields: [email]
    consent: {purpose: tips, wording: "Yes, write to me", version: 2026-11}
    mail: handed
    link: {valid: 30 days, downloads: 2}
    """
ONE_CLICK = {"List-Unsubscribe": "One-Click"}
LEAVE = {"do": "leave"}
DEEDS = ("leave", "leave-all", "fewer", "pause", "go-on", "come-back")


def live(running: Running) -> Running:
    running.write("workflows/short.yaml", WORKFLOW)
    running.write("offers/guide.yaml", OFFER)
    running.write("templates/email/handed.md", LINKED.format(name="handed"))
    running.write("assets/guide.pdf", "%PDF-1.4 the guide")
    running.publish()
    return running


@pytest.fixture(params=["sqlite", "postgres"])
def either(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Running]:
    url = str(request.getfixturevalue(f"{request.param}_url"))
    yield (running := live(a_nurture(url, tmp_path, mails=("receipt", "hello", "later"))))
    running.nurture.database.dispose()


@pytest.fixture
def company_at_work(sqlite_url: str, tmp_path: Path) -> Iterator[Running]:
    yield (running := live(a_nurture(sqlite_url, tmp_path, mails=("receipt", "hello", "later"))))
    running.nurture.database.dispose()


def client_of(running: Running) -> FlaskClient:
    return create_app(running.nurture.settings, running.nurture).test_client()


def mailed(running: Running) -> EmailMessage:
    """Ana's first marketing mail, a day after she came."""
    running.add()
    running.track("a.happened")
    running.advance(step_hours=25, hours=25)
    return the_one_with_a_way_out(running)


def the_one_with_a_way_out(running: Running) -> EmailMessage:
    """The only marketing mail so far; files of one second have no order."""
    (mail,) = [one for one in running.mails() if one["List-Unsubscribe"]]
    return mail


def one_click_link(mail: EmailMessage) -> str:
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    return urlsplit(str(mail["List-Unsubscribe"]).strip("<>")).path


def withdrawn(running: Running, email: str = "ana@example.org") -> frozenset[str]:
    with running.nurture.database.read() as tx:
        contact = contacts.by_email(tx, [email])[email]
        return consents.withdrawn(tx, [contact.id]).get(contact.id, frozenset())


def test_one_click_leaves_at_once_without_cookie_or_log_in(either: Running) -> None:
    link = one_click_link(mailed(either))
    client = client_of(either)

    response = client.post(link, data=ONE_CLICK)
    either.advance(step_hours=24, days=4)

    assert (response.status_code, response.mimetype) == (200, "text/plain")
    assert "Location" not in response.headers
    assert "Set-Cookie" not in response.headers
    assert withdrawn(either) == {"nurture"}
    assert [one.end_reason for one in either.enrollments()] == ["unsubscribed"]
    assert "later" not in [template for template, _, _ in either.states()]


def test_one_click_may_come_as_a_multipart_form(company_at_work: Running) -> None:
    link = one_click_link(mailed(company_at_work))

    response = client_of(company_at_work).post(link, data=ONE_CLICK, content_type="multipart/form-data")

    assert (response.status_code, response.mimetype) == (200, "text/plain")
    assert withdrawn(company_at_work) == {"nurture"}


@pytest.mark.parametrize("end", ["\r\n", "\n", "&utm_source=mail"])
def test_one_click_counts_however_a_program_ends_its_body(company_at_work: Running, end: str) -> None:
    link = one_click_link(mailed(company_at_work))
    kind = "application/x-www-form-urlencoded; charset=UTF-8"

    answer = client_of(company_at_work).post(link, data=f"List-Unsubscribe=One-Click{end}", content_type=kind)

    assert answer.status_code == 200
    assert withdrawn(company_at_work) == {"nurture"}


def test_leaving_twice_is_leaving_once(company_at_work: Running) -> None:
    link = one_click_link(mailed(company_at_work))
    client = client_of(company_at_work)

    answers = [client.post(link, data=ONE_CLICK) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert ledger(company_at_work) == ["granted", "withdrawn"]


def ledger(running: Running) -> list[str]:
    with running.nurture.database.read() as tx:
        contact = contacts.by_email(tx, ["ana@example.org"])["ana@example.org"]
        return [one.action.value for one in consents.history(tx, contact.id)]


def test_who_agreed_again_can_leave_by_the_same_link_again(company_at_work: Running) -> None:
    link = one_click_link(mailed(company_at_work))
    client = client_of(company_at_work)
    client.post(link, data=ONE_CLICK)
    company_at_work.track("consent.granted", purpose="nurture")

    client.post(link, data=ONE_CLICK)

    assert ledger(company_at_work) == ["granted", "withdrawn", "granted", "withdrawn"]


@pytest.mark.parametrize("way", ["phone alone", "by mail again after a no to everything"])
def test_a_no_by_phone_takes_the_way_out_of_the_mails_from_nobody(company_at_work: Running, way: str) -> None:
    link = one_click_link(mailed(company_at_work))
    if way != "phone alone":
        company_at_work.track("consent.granted", purpose="nurture", channel="email, phone")
        company_at_work.track("consent.withdrawn", purpose="nurture")
        company_at_work.track("consent.granted", purpose="nurture")
    else:
        company_at_work.track("consent.withdrawn", purpose="nurture", channel="phone")
    client = client_of(company_at_work)
    before = client.get(link).text

    client.post(link, data=ONE_CLICK)

    assert "Stop these messages" in before
    assert ledger(company_at_work)[-1] == "withdrawn"
    with company_at_work.nurture.database.read() as tx:
        ana = contacts.by_email(tx, ["ana@example.org"])["ana@example.org"].id
        assert consents.grants(tx, [ana], company_at_work.clock.now()) == {}


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_looking_changes_nothing(company_at_work: Running, method: str) -> None:
    link = one_click_link(mailed(company_at_work))

    response = client_of(company_at_work).open(link, method=method)

    assert response.status_code == 200
    assert ledger(company_at_work) == ["granted"]


def test_the_page_says_why_and_holds_no_address(company_at_work: Running) -> None:
    link = one_click_link(mailed(company_at_work))

    page = client_of(company_at_work).get(link).text

    assert "From the guide to a first review" in page
    assert "You agreed on" in page
    assert "2 March 2026" in page
    assert "a test" in page
    assert "1 Tamarack Lane, Toronto" in page
    assert "<script" not in page
    assert "ana@" not in page + link
    assert "a•••@example.org" in page


def test_who_never_agreed_but_bought_is_not_told_that_they_agreed(company_at_work: Running) -> None:
    company_at_work.add(consent=None)
    bought = {"purpose": "nurture", "source": "invoice 7", "implied": True}
    company_at_work.track("consent.granted", **bought, expires="2028-03-02T12:00:00+00:00")
    company_at_work.track("a.happened")
    company_at_work.advance(step_hours=25, hours=25)

    page = client_of(company_at_work).get(one_click_link(the_one_with_a_way_out(company_at_work))).text

    assert "You agreed" not in page
    assert "2 March 2028</time> at most</dt>\n<dd>You bought something, or asked us something." in page


def test_the_button_leaves_and_says_so(company_at_work: Running) -> None:
    link = one_click_link(mailed(company_at_work))
    client = client_of(company_at_work)

    response = client.post(link, data=LEAVE)

    assert response.status_code == 200
    assert "Done, you have left" in response.text
    assert withdrawn(company_at_work) == {"nurture"}
    assert "You have left already" in client.get(link).text


def test_the_event_says_by_which_way_they_left(company_at_work: Running) -> None:
    link = one_click_link(mailed(company_at_work))

    client_of(company_at_work).post(link, data=ONE_CLICK)

    with company_at_work.nurture.database.read() as tx:
        contact = contacts.by_email(tx, ["ana@example.org"])["ana@example.org"]
        assert consents.history(tx, contact.id)[-1].source == "one-click"


def test_a_transactional_mails_link_withdraws_its_workflows_purpose(company_at_work: Running) -> None:
    company_at_work.add()
    company_at_work.track("a.happened")
    company_at_work.run()
    (receipt,) = company_at_work.deliveries()
    link = f"/u/{company_at_work.nurture.runtime.links.token(Kind.LEAVE, receipt.key)}"

    client_of(company_at_work).post(link, data=LEAVE)

    assert withdrawn(company_at_work) == {"nurture"}


def test_an_offers_link_withdraws_the_purpose_that_its_form_asked_for(company_at_work: Running) -> None:
    company_at_work.add(consent="tips")
    company_at_work.track("offer.requested", offer="guide")
    company_at_work.run()
    (handed,) = company_at_work.deliveries()
    link = f"/u/{company_at_work.nurture.runtime.links.token(Kind.LEAVE, handed.key)}"

    client_of(company_at_work).post(link, data=ONE_CLICK)

    assert withdrawn(company_at_work) == {"tips"}


def test_the_way_out_works_when_the_workflow_is_gone(company_at_work: Running) -> None:
    link = one_click_link(mailed(company_at_work))
    (company_at_work.project / "workflows" / "short.yaml").unlink()
    publish(company_at_work.nurture.runtime, company_at_work.project)
    client = client_of(company_at_work)

    page = client.get(link)
    response = client.post(link, data=ONE_CLICK)

    assert "From the guide to a first review" in page.text
    assert response.status_code == 200
    assert withdrawn(company_at_work) == {"nurture"}


def test_a_link_that_is_not_ours_is_always_answered_alike(company_at_work: Running) -> None:
    link = one_click_link(mailed(company_at_work))
    client = client_of(company_at_work)
    download = company_at_work.nurture.runtime.links.token(Kind.DOWNLOAD, "key", "guide", "abc")

    answers = [
        client.open(path, method=method)
        for path in (
            link[:-9] + ("a" if link[-9] != "a" else "b") + link[-8:],
            "/u/x",
            f"/u/{download}",
            "/u/" + "a" * 999,
        )
        for method in ("GET", "POST")
    ]

    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.text for answer in answers}) == 1
    assert ledger(company_at_work) == ["granted"]


def test_who_was_erased_is_told_that_nothing_is_known_and_nothing_will_be_sent(either: Running) -> None:
    link = one_click_link(mailed(either))
    erase(either.nurture.runtime, "ana@example.org", either.project / "var" / "mail", "a test")
    client = client_of(either)

    answers = [
        client.get(link),
        *(client.post(link, data={"do": deed, "days": 7, "weeks": 2}) for deed in DEEDS),
    ]
    one_click = client.post(link, data=ONE_CLICK)

    assert {answer.status_code for answer in answers} == {200}
    assert all("Nothing is known of you here" in answer.text for answer in answers)
    assert (one_click.status_code, one_click.mimetype) == (200, "text/plain")


def test_a_link_that_names_no_message_is_answered_as_gone(company_at_work: Running) -> None:
    link = f"/u/{company_at_work.nurture.runtime.links.token(Kind.LEAVE, 'abcdefghij')}"
    client = client_of(company_at_work)

    assert "Nothing is known of you here" in client.get(link).text
    assert client.post(link, data=ONE_CLICK).status_code == 200


BOUNDARY = "a-mail-program-s-own"
AS_MULTIPART = (
    f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n'
    f"--{BOUNDARY}--\r\n"
)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("List-Unsubscribe=One-Click", "application/x-www-form-urlencoded"),
        ("List-Unsubscribe=One-Click", "application/x-www-form-urlencoded; charset=UTF-8"),
        (AS_MULTIPART, f"multipart/form-data; boundary={BOUNDARY}"),
    ],
)
@pytest.mark.parametrize("origin", ["null", "https://mail.example.net"])
def test_one_click_is_what_rfc_8058_says_from_any_origin(
    company_at_work: Running, body: str, kind: str, origin: str
) -> None:
    link = one_click_link(mailed(company_at_work))
    client = client_of(company_at_work)
    headers = {"Origin": origin, "Cookie": "nurture=stale", "Sec-Fetch-Site": "cross-site"}

    answers = [client.post(link, data=body, content_type=kind, headers=headers) for _ in range(2)]

    assert [(one.status_code, one.mimetype) for one in answers] == [(200, "text/plain")] * 2
    assert not any({"Location", "Set-Cookie"} & set(one.headers.keys()) for one in answers)
    assert ledger(company_at_work) == ["granted", "withdrawn"]


@pytest.mark.parametrize(
    "body",
    [
        "",
        "List-Unsubscribe=",
        "List-Unsubscribe=one",
        "list-unsubscribe=One-Click",
        "One-Click",
        "do=everything",
    ],
)
def test_a_post_without_the_pair_and_without_a_button_shows_the_page_and_changes_nothing(
    company_at_work: Running, body: str
) -> None:
    link = one_click_link(mailed(company_at_work))

    response = client_of(company_at_work).post(
        link, data=body, content_type="application/x-www-form-urlencoded"
    )

    assert response.status_code == 200
    assert "Stop these messages" in response.text
    assert ledger(company_at_work) == ["granted"]


@pytest.mark.parametrize(
    "headers",
    [{"Purpose": "prefetch"}, {"Sec-Purpose": "prefetch;prerender"}, {"X-Moz": "prefetch"}, {}],
)
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_scanners_and_prefetchers_change_nothing_and_are_counted_as_nobody(
    company_at_work: Running, method: str, headers: dict[str, str]
) -> None:
    link = one_click_link(mailed(company_at_work))
    before = everything_of_ana(company_at_work)

    response = client_of(company_at_work).open(
        f"{link}?List-Unsubscribe=One-Click", method=method, headers=headers
    )

    assert response.status_code == 200
    assert "Set-Cookie" not in response.headers
    assert everything_of_ana(company_at_work) == before


def test_the_link_works_for_years_and_after_the_secret_was_changed(either: Running) -> None:
    link = one_click_link(mailed(either))
    either.clock.advance(days=5 * 365)
    old = either.nurture.settings
    renewed = old.model_copy(
        update={"secret_keys": ("another-key-that-is-long-enough" * 2, *old.secret_keys)}
    )
    later = build(renewed, either.clock)
    client = create_app(renewed, later).test_client()

    page = client.get(link)
    response = client.post(link, data=ONE_CLICK)
    later.close()

    assert "You agreed on" in page.text
    assert response.status_code == 200
    assert withdrawn(either) == {"nurture"}


def test_the_way_out_works_when_the_step_and_the_offer_are_gone(company_at_work: Running) -> None:
    link = one_click_link(mailed(company_at_work))
    company_at_work.write(
        "workflows/short.yaml", WORKFLOW.replace("{email: hello, after: 1 day}", "{wait: 1 day}")
    )
    (company_at_work.project / "offers" / "guide.yaml").unlink()
    company_at_work.publish()
    client = client_of(company_at_work)

    page = client.get(link)
    client.post(link, data=LEAVE)

    assert page.status_code == 200
    assert withdrawn(company_at_work) == {"nurture"}


def test_a_providers_burst_of_clicks_from_one_address_is_never_turned_away(company_at_work: Running) -> None:
    link = one_click_link(mailed(company_at_work))
    client = client_of(company_at_work)

    answers = Counter(client.post(link, data=ONE_CLICK).status_code for _ in range(150))

    assert answers == {200: 150}
    assert ledger(company_at_work) == ["granted", "withdrawn"]


def test_a_scanner_that_opens_hundreds_of_pages_takes_the_way_out_from_nobody(
    company_at_work: Running,
) -> None:
    link = one_click_link(mailed(company_at_work))
    client = client_of(company_at_work)

    pages = [client.get(link) for _ in range(70)]
    left = client.post(link, data=LEAVE)

    assert {page.status_code for page in pages} == {200}
    assert "Thursday 5 March" in pages[0].text
    assert "We cannot tell it at this moment" in pages[-1].text
    assert "Done, you have left" in left.text


def test_nothing_is_accepted_after_the_click_not_even_what_stood_ready(company_at_work: Running) -> None:
    link = one_click_link(mailed(company_at_work))
    company_at_work.clock.advance(days=3)
    company_at_work.nurture.advance.batch()
    waiting = [one for one in company_at_work.deliveries() if one.state.value == "pending"]

    client_of(company_at_work).post(link, data=ONE_CLICK)
    company_at_work.run()

    assert [one.template for one in waiting] == ["later"]
    assert ("later", "skipped", "stage-left") in company_at_work.states()


# --- leave everything, and come back --------------------------------------------------------------------------------


def test_leaving_everything_withdraws_every_purpose_and_closes_the_address(either: Running) -> None:
    link = one_click_link(mailed(either))
    either.track("consent.granted", purpose="tips", wording="Yes, write to me")
    client = client_of(either)

    done = client.post(link, data={"do": "leave-all"})
    client.post(link, data={"do": "leave-all"})

    assert "Done, you have left" in done.text
    assert withdrawn(either) >= {"nurture", "tips"}
    assert closed(either) == {SuppressionReason.UNSUBSCRIBED}
    assert ledger(either).count("withdrawn") == 2
    assert "You have left already" in client.get(link).text


def test_leaving_these_messages_leaves_the_others_and_says_which(company_at_work: Running) -> None:
    link = one_click_link(mailed(company_at_work))
    company_at_work.track("consent.granted", purpose="tips", wording="Yes, write to me")
    client = client_of(company_at_work)

    before = client.get(link).text
    after = client.post(link, data=LEAVE).text

    assert "<q>Yes, write to me</q>" in before
    assert "What you still get" in after
    assert withdrawn(company_at_work) == {"nurture"}
    assert closed(company_at_work) == frozenset()


def test_who_left_everything_comes_back_by_the_button_in_a_fresh_mail_and_by_nothing_else(
    either: Running,
) -> None:
    link = one_click_link(mailed(either))
    client = client_of(either)
    client.post(link, data={"do": "leave-all"})

    asked = client.post(link, data={"do": "come-back"})
    client.post(link, data={"do": "come-back"})
    either.run()
    still = withdrawn(either)
    question = [one for one in either.mails() if str(one["Subject"]).startswith("Please confirm")]
    confirming = re.search(r"/confirm/\S+", question[0].get_body().get_content())  # type: ignore[union-attr]
    assert confirming
    shown = client.get(confirming.group())
    client.post(confirming.group())

    assert "Look into your mail" in asked.text
    assert len(question) == 1
    assert "ana@example.org" not in question[0].as_string().partition("\n\n")[2]
    assert "nurture" in still
    assert "May we write to you again?" in shown.text
    assert "nurture" not in withdrawn(either)
    assert closed(either) == frozenset()
    assert "Stop these messages" in client.get(link).text


def test_who_never_left_is_not_told_in_the_question_that_they_did(company_at_work: Running) -> None:
    link = one_click_link(mailed(company_at_work))
    client = client_of(company_at_work)
    suppressing.add(
        company_at_work.nurture.runtime,
        "ana@example.org",
        reason=SuppressionReason.MANUAL,
        source="a test",
        actor="kim@example.org",
    )

    client.post(link, data={"do": "come-back"})
    company_at_work.run()
    question = next(
        one for one in company_at_work.mails() if str(one["Subject"]).startswith("Please confirm")
    )
    text = question.get_body().get_content()  # type: ignore[union-attr]
    confirming = re.search(r"/confirm/\S+", text)
    assert confirming
    page = client.get(confirming.group()).text

    assert all("had stopped writing to this address" in told for told in (text, page))
    assert all("You had told" not in told for told in (text, page))


def test_who_is_written_to_or_complained_is_mailed_no_question(company_at_work: Running) -> None:
    link = one_click_link(mailed(company_at_work))
    client = client_of(company_at_work)
    before = len(company_at_work.mails())

    client.post(link, data={"do": "come-back"})
    company_at_work.track("email.complained")
    page = client.get(link)
    client.post(link, data={"do": "come-back"})
    company_at_work.run()

    assert "Write to me again" not in page.text
    assert "If you ever ask us" not in page.text
    assert len(company_at_work.mails()) == before


def test_the_page_tells_what_becomes_of_a_wish_of_who_left(company_at_work: Running) -> None:
    link = one_click_link(mailed(company_at_work))
    client = client_of(company_at_work)

    left = client.post(link, data=LEAVE).text
    left_all = client.post(link, data={"do": "leave-all"}).text

    assert "that very answer still reaches you" in left
    assert "we first ask by mail whether it was you" in left_all


def closed(running: Running, email: str = "ana@example.org") -> frozenset[SuppressionReason]:
    with running.nurture.database.read() as tx:
        contact = contacts.by_email(tx, [email])[email]
        return suppressions.of(tx, [contact.id]).get(contact.id, {}).get(Channel.EMAIL, frozenset())


def everything_of_ana(running: Running) -> object:
    """What anybody could have changed by looking."""
    with running.nurture.database.read() as tx:
        contact = contacts.by_email(tx, ["ana@example.org"])["ana@example.org"]
        return (
            contact,
            events.of_contact(tx, contact.id),
            consents.history(tx, contact.id),
            enrollments.of_contact(tx, contact.id),
            [count_rows(tx, table) for table in ("hits", "audit", "turns")],
        )


def count_rows(tx: Connection, table: str) -> int:
    return int(tx.execute(select(func.count()).select_from(Base.metadata.tables[table])).scalar_one())


def test_every_page_keeps_everything_foreign_out(company_at_work: Running) -> None:
    link = one_click_link(mailed(company_at_work))
    client = client_of(company_at_work)

    for path in (link, "/u/x", "/", "/nowhere"):
        headers = client.get(path).headers
        assert headers["Content-Security-Policy"].startswith("default-src 'self'")
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["Cache-Control"] == "no-store"


def test_the_pages_style_is_found_from_where_the_page_stands(company_at_work: Running) -> None:
    link = one_click_link(mailed(company_at_work))
    client = client_of(company_at_work)

    assert 'href="/static/nurture.css"' in client.get(link).text
    style = client.get("/static/nurture.css")
    assert (style.status_code, style.mimetype) == (200, "text/css")
    style.close()


def test_below_a_path_the_pages_find_each_other_whether_the_proxy_cuts_it_off_or_not(
    sqlite_url: str, tmp_path: Path
) -> None:
    running = a_nurture(sqlite_url, tmp_path, base_url="https://example.org/mail")
    client = client_of(running)

    for path in ("/mail/", "/"):
        assert 'href="/mail/static/nurture.css"' in client.get(path).text
    assert client.get("/mail/healthz").status_code == client.get("/healthz").status_code == 200


def test_a_form_larger_than_any_of_ours_is_refused(company_at_work: Running) -> None:
    link = one_click_link(mailed(company_at_work))

    response = client_of(company_at_work).post(link, data={"List-Unsubscribe": "x" * 100_000})

    assert response.status_code == 413
    assert ledger(company_at_work) == ["granted"]
