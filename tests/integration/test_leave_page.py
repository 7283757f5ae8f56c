"""Does the way out always work: nothing changes by looking, one click is enough, and forged links learn nothing?"""

from __future__ import annotations

from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from flask.testing import FlaskClient

from nurture.db import consents, contacts
from nurture.rendering.links import Kind
from nurture.services.publish import publish
from nurture.web import create_app
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
    running.advance(hours=25)
    return running.mails()[-1]


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
    either.advance(days=4)

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


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_looking_changes_nothing(company_at_work: Running, method: str) -> None:
    link = one_click_link(mailed(company_at_work))

    response = client_of(company_at_work).open(link, method=method)

    assert response.status_code == 200
    assert ledger(company_at_work) == ["granted"]


def test_the_page_says_why_and_holds_one_button_and_no_address(company_at_work: Running) -> None:
    link = one_click_link(mailed(company_at_work))

    page = client_of(company_at_work).get(link).text

    assert "From the guide to a first review" in page
    assert "You agreed on" in page
    assert "2 March 2026" in page
    assert "a test" in page
    assert "1 Tamarack Lane, Toronto" in page
    assert page.count("<button>") == 1
    assert "<script" not in page
    assert "ana@" not in page + link


def test_the_button_leaves_and_says_so(company_at_work: Running) -> None:
    link = one_click_link(mailed(company_at_work))
    client = client_of(company_at_work)

    response = client.post(link)

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

    client_of(company_at_work).post(link)

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


def test_a_link_of_a_message_that_was_erased_is_answered_as_done(company_at_work: Running) -> None:
    link = f"/u/{company_at_work.nurture.runtime.links.token(Kind.LEAVE, 'abcdefghij')}"
    client = client_of(company_at_work)

    assert "You have left already" in client.get(link).text
    assert client.post(link, data=ONE_CLICK).status_code == 200


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
