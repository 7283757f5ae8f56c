"""Is an offer handed out by the button only, counted, told as an event, and never longer or more often than it allows?"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from nurture.db import contacts, events
from nurture.model.errors import NurtureError, ProblemsFound
from tests.integration.test_leave_page import OFFER, client_of, live
from tests.support.running import Running, a_nurture


@pytest.fixture(params=["sqlite", "postgres"])
def running(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Running]:
    url = str(request.getfixturevalue(f"{request.param}_url"))
    yield (one := live(a_nurture(url, tmp_path, mails=("receipt", "hello", "later"))))
    one.nurture.database.dispose()


def link_in_mail(running: Running) -> str:
    """Ana asked for the guide; the link in the mail she got."""
    running.add()
    running.track("offer.requested", offer="guide")
    running.run()
    (delivery,) = running.deliveries()
    until = running.clock.now().replace(microsecond=0) + timedelta(days=30)
    link = running.nurture.runtime.links.download(delivery.key, "guide", until)
    text = running.mails()[0].get_body(("plain",))
    assert text is not None
    assert "/d/" in text.get_content()
    return link.removeprefix(running.nurture.settings.base_url)


def happened(running: Running) -> list[str]:
    with running.nurture.database.read() as tx:
        contact = contacts.by_email(tx, ["ana@example.org"])["ana@example.org"]
        return [one.name for one in reversed(events.of_contact(tx, contact.id))]


def client(running: Running) -> FlaskClient:
    return client_of(running)


def test_looking_at_the_page_hands_out_nothing(running: Running) -> None:
    link = link_in_mail(running)

    page = client(running).get(link)

    assert page.status_code == 200
    assert "The guide" in page.text
    assert "Know in ten minutes." in page.text
    assert happened(running) == ["offer.requested"]


def test_the_button_serves_the_file_and_tells_it_as_an_event(running: Running) -> None:
    link = link_in_mail(running)

    served = client(running).post(link)

    assert served.status_code == 200
    assert served.data.startswith(b"%PDF-1.4")
    assert served.mimetype == "application/pdf"
    assert served.headers["Content-Disposition"] == "attachment; filename=guide.pdf"
    assert served.headers["Cache-Control"] == "no-store"
    assert happened(running) == ["offer.requested", "offer.downloaded"]


def test_a_link_serves_as_often_as_the_offer_allows(running: Running) -> None:
    link = link_in_mail(running)
    browser = client(running)

    answers = [browser.post(link) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 410]
    assert "This link is over" in answers[-1].text
    assert browser.get(link).status_code == 410
    assert happened(running).count("offer.downloaded") == 2


def test_many_who_press_in_the_same_moment_get_no_more_than_the_offer_allows(running: Running) -> None:
    link, site = link_in_mail(running), client(running).application

    with ThreadPoolExecutor(12) as pool:
        codes = list(pool.map(lambda _: site.test_client().post(link).status_code, range(12)))

    assert sorted(codes) == [200] * 2 + [410] * 10
    assert happened(running).count("offer.downloaded") == 2


def test_a_link_that_is_over_is_exchanged_for_a_fresh_one_by_mail(running: Running) -> None:
    link = link_in_mail(running)
    running.clock.advance(days=31)
    browser = client(running)

    over = browser.get(link)
    refused = browser.post(link)
    again = browser.post(f"{link}/again")
    browser.post(f"{link}/again")
    running.run()

    assert (over.status_code, refused.status_code) == (410, 410)
    assert "Send me a fresh link" in over.text
    assert "Look into your mail" in again.text
    assert len(running.mails()) == 2
    assert "offer.downloaded" not in happened(running)


def test_an_offer_that_is_published_no_more_is_over(running: Running) -> None:
    link = link_in_mail(running)
    (running.project / "offers" / "guide.yaml").unlink()
    running.publish()
    browser = client(running)

    answers = [browser.get(link), browser.post(link)]

    assert [answer.status_code for answer in answers] == [410, 410]
    assert "is not offered any more" in answers[0].text
    assert browser.post(f"{link}/again").status_code == 404


def test_a_forged_link_finds_nothing(running: Running) -> None:
    link_in_mail(running)

    for path in ("/d/x", "/d/key~guide~zzz.abc", "/d/x/again"):
        assert client(running).post(path).status_code == 404


@pytest.mark.parametrize("method", ["get", "head", "options"])
def test_a_scanners_visit_hands_out_nothing_and_may_not_be_kept(running: Running, method: str) -> None:
    link = link_in_mail(running)

    visit = getattr(client(running), method)(link)

    assert visit.headers["Cache-Control"] == "no-store"
    assert "Content-Disposition" not in visit.headers
    assert happened(running) == ["offer.requested"]


@pytest.mark.parametrize(
    ("name", "disposition"),
    [
        ("page.html", "attachment; filename=page.html"),
        ("drawing.svg", "attachment; filename=drawing.svg"),
        (
            "Führer; durch.pdf",
            "attachment; filename=\"Fuhrer; durch.pdf\"; filename*=UTF-8''F%C3%BChrer%3B%20durch.pdf",
        ),
    ],
)
def test_a_file_is_saved_and_never_shown_in_our_name(running: Running, name: str, disposition: str) -> None:
    link = link_in_mail(running)
    running.write(f"assets/{name}", "<script>alert(1)</script>")
    running.write("offers/guide.yaml", OFFER.replace("guide.pdf", f'"{name}"'))
    running.publish()

    served = client(running).post(link)

    assert served.headers["Content-Disposition"] == disposition
    assert served.headers["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'self'" in served.headers["Content-Security-Policy"]


@pytest.mark.parametrize("name", ["../nurture.toml", "/etc/passwd", "..", "."])
def test_an_offer_cannot_name_what_is_not_in_assets(running: Running, name: str) -> None:
    running.write("offers/guide.yaml", OFFER.replace("guide.pdf", f'"{name}"'))

    with pytest.raises(ProblemsFound):
        running.publish()


def test_a_link_out_of_assets_is_not_published(running: Running) -> None:
    secret = running.project / "var" / "secret"
    secret.parent.mkdir(exist_ok=True)
    secret.write_text("a secret")
    (running.project / "assets" / "guide.pdf").unlink()
    (running.project / "assets" / "guide.pdf").symlink_to(secret)

    with pytest.raises(NurtureError, match="is a link out of assets/"):
        running.publish()
