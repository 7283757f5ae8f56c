"""Does the page of offers show what is published, how it does, and a form that works when it is copied?"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import pytest

from nurture.model.accounts import Role
from nurture.model.statistics import Share
from nurture.services.forms.offer_board import Source, board
from tests.integration.test_offer_page import OFFER, known, ledger, live
from tests.support.browsing import a_browser
from tests.support.running import Running, a_nurture


@pytest.fixture(params=["sqlite", "postgres"])
def either(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Running]:
    yield (one := with_ladder(a_nurture(str(request.getfixturevalue(f"{request.param}_url")), tmp_path)))
    one.nurture.database.dispose()


@pytest.fixture
def running(sqlite_url: str, tmp_path: Path) -> Iterator[Running]:
    yield (one := with_ladder(a_nurture(sqlite_url, tmp_path)))
    one.nurture.database.dispose()


def with_ladder(running: Running) -> Running:
    """Guide and evening lead to the review, the review to the plan."""
    for name, kind, above in (
        ("evening", "event", "review"),
        ("review", "paid-low", "plan"),
        ("plan", "trial", None),
    ):
        text = OFFER.replace("offer: guide", f"offer: {name}").replace("kind: download", f"kind: {kind}")
        text = text.replace("title: The guide", f"title: The {name}")
        running.write(f"offers/{name}.yaml", text.rstrip() + (f"\n    next: {above}\n" if above else "\n"))
    return live(running, OFFER.rstrip() + "\n    next: review\n")


class Inputs(HTMLParser):
    """The names and values of a form, as a browser would send what is ticked and typed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.action: str | None = None
        self.names: dict[str, str] = {}
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "form":
            self.action = given.get("action")
        if tag in ("input", "select") and given.get("name"):
            self.names[str(given["name"])] = given.get("value") or ""


def snippet_of(page: str, title: str) -> str:
    found = re.search(rf'aria-label="The form of {title} as HTML"[^>]*>(.*?)</textarea>', page, re.DOTALL)
    assert found is not None
    return unescape(found[1])


def test_the_ladder_stands_with_its_first_yes_at_the_bottom(running: Running) -> None:
    rungs = board(running.nurture.runtime).rungs

    assert [[one.offer.name for one in rung] for rung in rungs] == [
        ["plan"],
        ["review"],
        ["evening", "guide"],
    ]


def test_people_are_counted_once_whatever_they_ask(either: Running) -> None:
    for email in ("ana@example.org", "bea@example.org"):
        either.add(email)
        either.track("offer.requested", email, offer="guide")
        either.track("offer.requested", email, offer="guide")
    either.track("offer.downloaded", offer="guide")
    either.track("offer.requested", offer="gone")

    counts = {one.offer.name: (one.asked, one.took.k) for one in board(either.nurture.runtime).cards}

    assert counts == {"evening": (0, 0), "guide": (2, 1), "plan": (0, 0), "review": (0, 0)}


def test_the_ladder_counts_who_went_on_and_who_bought_after_asking(either: Running) -> None:
    for name in ("ana", "bea", "carl", "dora"):
        either.add(f"{name}@example.org")
    either.track("sale.closed", "dora@example.org")
    for name in ("ana", "bea", "carl", "dora"):
        either.track("offer.requested", f"{name}@example.org", offer="guide", utm_source="fair")
    either.track("offer.requested", "ana@example.org", offer="review")
    either.track("offer.requested", "ana@example.org", offer="review")
    either.track("sale.closed", "ana@example.org")
    either.track("sale.closed", "bea@example.org")

    cards = {one.offer.name: one for one in board(either.nurture.runtime).cards}

    guide, review = cards["guide"], cards["review"]
    assert (guide.asked, guide.went_on, guide.bought) == (4, Share(1, 4), Share(2, 4))
    assert (review.asked, review.went_on, review.bought) == (1, Share(0, 1), Share(1, 1))
    assert cards["plan"].went_on is None


def test_each_source_is_told_with_those_who_bought(either: Running) -> None:
    origins = {
        "ana": {"utm_source": "fair", "referrer": "https://www.example.net/a"},
        "bea": {"referrer": "https://www.example.net/b"},
        "carl": {"referrer": "https://www.example.net/c"},
        "dora": {},
    }
    for name, origin in origins.items():
        either.add(f"{name}@example.org")
        either.track("offer.requested", f"{name}@example.org", offer="guide", **origin)
    either.track("sale.closed", "bea@example.org")

    (guide,) = (one for one in board(either.nurture.runtime).cards if one.offer.name == "guide")
    page = a_browser(either, Role.VIEWER).get("/admin/offers").text

    assert guide.sources == (
        Source("www.example.net", Share(1, 2)),
        Source("fair", Share(0, 1)),
        Source("unknown", Share(0, 1)),
    )
    assert "www.example.net" in page


def test_the_page_tells_each_offers_kind_words_and_address(running: Running) -> None:
    page = a_browser(running, Role.VIEWER).get("/admin/offers")

    assert page.status_code == 200
    assert "Yes, write to me &amp; mine" in page.text
    assert "wording 2026-11" in page.text
    assert "http://127.0.0.1:8000/o/guide" in page.text
    assert "Small sale" in page.text


def test_the_form_to_copy_works_in_a_page_of_somebody_else(running: Running) -> None:
    browser = a_browser(running)
    form = Inputs(snippet_of(browser.get("/admin/offers").text, "The guide"))

    answers = {**form.names, "email": "ana@example.org", "first_name": "Ana", "plan": "plus"}
    answers.pop("is_competitor")
    path = str(form.action).removeprefix("http://127.0.0.1:8000")
    answer = a_browser(running, None).client.post(
        path, data=answers, headers={"Referer": "https://shop.example.net/start"}
    )

    ana = known(running)
    assert form.action == "http://127.0.0.1:8000/o/guide"
    assert answer.status_code == 303
    assert ana is not None
    assert ana.fields == {"plan": "plus"}
    assert ledger(running)[0].proof["page"] == "https://shop.example.net/start"


def test_before_anything_is_published_the_page_teaches(sqlite_url: str, tmp_path: Path) -> None:
    empty = a_nurture(sqlite_url, tmp_path)
    empty.publish()

    page = a_browser(empty).get("/admin/offers")
    empty.nurture.database.dispose()

    assert "No offer is published yet" in page.text
