"""Do tracked links lead where the template says, for ever and nowhere else, and does only a person's visit count?"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import func, select

from nurture.db import contacts, hits
from nurture.db.hits import TARGETS, H
from nurture.model.visits import Grade
from nurture.rendering.links import Kind
from nurture.services.events import visits
from nurture.services.privacy.erasing import erase
from nurture.services.releases.publish import publish
from nurture.web.site import create_app
from nurture.wiring import build
from tests.support.running import Running, a_nurture
from tests.support.visits import (
    FIRST,
    LINKED,
    SECOND,
    THIRD,
    Reader,
    grades,
    html_of,
    links_of,
    live,
    mailed,
    newest_to,
    text_of,
    told,
)

OPENS = "[tracking]\nopens = true"


@pytest.fixture(params=["sqlite", "postgres"])
def either(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Running]:
    url = str(request.getfixturevalue(f"{request.param}_url"))
    yield (running := live(a_nurture(url, tmp_path, mails=("thanks",)), tracking=OPENS))
    running.nurture.database.dispose()


@pytest.fixture
def bare(sqlite_url: str, tmp_path: Path) -> Iterator[Running]:
    """One that nothing was published to yet."""
    yield (running := a_nurture(sqlite_url, tmp_path, mails=("thanks",)))
    running.nurture.database.dispose()


@pytest.fixture
def company(bare: Running) -> Running:
    return live(bare)


def settled(running: Running) -> None:
    running.advance(seconds=11, step_hours=1 / 60)


# --- what a person's visit does -------------------------------------------------------------------------------------


def test_a_persons_click_leads_to_the_page_ends_the_wait_and_is_told_once(either: Running) -> None:
    links = links_of(mailed(either))
    either.clock.advance(minutes=30)

    answer = Reader(either).visits(links.ways[0])
    settled(either)

    assert (answer.status_code, answer.headers["Location"]) == (302, FIRST)
    assert [(one.name, one.human, one.data["url"], one.data["grade"]) for one in told(either)] == [
        ("email.clicked", True, FIRST, "human")
    ]
    assert [template for template, _, _ in either.states()] == ["linked", "thanks"]


def test_what_a_machine_does_is_shown_and_moves_holds_and_scores_nothing(either: Running) -> None:
    links = links_of(mailed(either))
    scanner = Reader(either)

    either.clock.advance(seconds=3)
    for path in (*links.ways, links.trap, links.picture):
        scanner.visits(path or "")
    settled(either)
    either.advance(days=3)

    assert {one.human for one in told(either)} == {False}
    assert sorted({one.name for one in told(either)}) == ["email.clicked", "email.opened"]
    assert [template for template, _, _ in either.states()] == ["linked"]
    with either.nurture.database.read() as tx:
        ana = contacts.by_email(tx, ["ana@example.org"])["ana@example.org"]
    assert ana.score == 0


def test_twenty_clicks_at_once_are_one_event(either: Running) -> None:
    links = links_of(mailed(either))
    either.clock.advance(minutes=30)
    site = create_app(either.nurture.settings, either.nurture)
    readers = [
        Reader(either, place=f"203.0.113.{number % 4}", client=site.test_client()) for number in range(20)
    ]

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda one: one.visits(links.ways[0]), readers))
    settled(either)

    assert {answer.status_code for answer in answers} == {302}
    assert grades(either) == [("click", "human")] * 4
    assert len(told(either)) == 1


def test_sweepers_at_once_tell_it_once(either: Running) -> None:
    links = links_of(mailed(either))
    either.clock.advance(minutes=30)
    Reader(either).visits(links.ways[0])
    either.clock.advance(seconds=11)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: visits.settle(either.nurture.runtime), range(4)))

    assert len(told(either)) == 1


def test_a_click_waits_some_seconds_for_what_comes_beside_it(company: Running) -> None:
    links = links_of(mailed(company))
    company.clock.advance(minutes=30)

    Reader(company).visits(links.ways[0])
    company.clock.advance(seconds=9)
    company.run()

    assert grades(company) == [("click", None)]
    assert told(company) == []


def test_who_was_hasty_and_comes_back_was_a_person_all_along(either: Running) -> None:
    links = links_of(mailed(either))
    ana = Reader(either)
    either.clock.advance(seconds=8)
    ana.visits(links.ways[0])
    settled(either)
    before = [(one.data["url"], one.human) for one in told(either)]

    either.clock.advance(minutes=6)
    ana.visits(links.ways[1])
    settled(either)

    assert before == [(FIRST, False)]
    assert [(one.data["url"], one.human) for one in told(either)] == [
        (FIRST, False),
        (FIRST, True),
        (SECOND, True),
    ]
    assert [grade for _, grade in grades(either)] == ["human", "human"]


def test_a_picture_is_opened_and_moves_no_wait_for_a_click(either: Running) -> None:
    links = links_of(mailed(either))
    either.clock.advance(hours=2)

    answer = Reader(either).visits(links.picture or "")
    settled(either)

    assert (answer.status_code, answer.mimetype, len(answer.data)) == (200, "image/gif", 43)
    assert answer.headers["Cache-Control"] == "no-store"
    assert [(one.name, one.human) for one in told(either)] == [("email.opened", True)]
    assert [template for template, _, _ in either.states()] == ["linked"]


def test_a_visit_noted_while_the_clock_was_ahead_is_settled_all_the_same(company: Running) -> None:
    links = links_of(mailed(company))
    company.clock.advance(days=1)
    Reader(company).visits(links.ways[0])
    company.clock.advance(days=-1, minutes=5)

    company.run()

    assert grades(company) == [("click", "human")]


def test_the_mail_of_an_offer_without_a_workflow_is_evidence_for_none(company: Running) -> None:
    company.write(
        "offers/guide.yaml",
        """\
        offer: guide
        kind: download
        title: The guide
        promise: Know in ten minutes
        asset: guide.pdf
        fields: [email]
        mail: linked
        link: {valid: 30 days, downloads: 2}
        """,
    )
    company.write("assets/guide.pdf", "%PDF-1.4 the guide")
    toml = company.project / "nurture.toml"
    toml.write_text(f"{toml.read_text()}\n[tracking.purposes.transactional]\nclicks = true\n")
    company.publish()
    mailed(company)
    company.clock.advance(minutes=30)
    company.track("offer.requested", offer="guide")
    company.run()
    company.clock.advance(minutes=30)

    Reader(company).visits(links_of(newest_to(company, "ana@example.org")).ways[0])
    settled(company)

    (event,) = told(company)
    assert (event.human, event.enrollment_id) == (True, None)
    assert "thanks" not in [template for template, _, _ in company.states()]


# --- the way stays open ---------------------------------------------------------------------------------------------


def test_a_link_outlives_its_workflow_its_template_and_the_secret(either: Running) -> None:
    links = links_of(mailed(either))
    (either.project / "workflows" / "told.yaml").unlink()
    (either.project / "templates" / "email" / "linked.md").unlink()
    publish(either.nurture.runtime, either.project)
    either.advance(days=800, step_hours=24 * 400)
    new = ("a-newer-key-that-is-long-enough" * 2, *either.nurture.settings.secret_keys)
    later = replace(
        either, nurture=build(either.nurture.settings.model_copy(update={"secret_keys": new}), either.clock)
    )

    answer = Reader(later).visits(links.ways[1])
    settled(later)

    assert answer.headers["Location"] == SECOND
    assert [one.human for one in told(later)] == [True]
    later.nurture.database.dispose()


def test_after_erasure_a_link_still_leads_on_and_nothing_is_noted(either: Running) -> None:
    links = links_of(mailed(either))
    either.clock.advance(minutes=30)
    Reader(either).visits(links.ways[0])
    settled(either)
    erase(either.nurture.runtime, "ana@example.org", either.project / "var", actor="a test")

    answer = Reader(either).visits(links.ways[2])
    picture = Reader(either).visits(links.picture or "")

    assert (answer.status_code, answer.headers["Location"]) == (302, THIRD)
    assert picture.status_code == 200
    assert grades(either) == []


def test_no_visit_gets_a_cookie_or_tells_the_next_page_whence_it_came(company: Running) -> None:
    links = links_of(mailed(company))

    answer = Reader(company).visits(links.ways[0])

    assert "Set-Cookie" not in answer.headers
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Cache-Control"] == "no-store"
    assert "ana" not in "".join((*links.ways, links.trap or ""))


def test_options_count_for_nothing_and_headers_alone_for_no_person(company: Running) -> None:
    links = links_of(mailed(company))
    company.clock.advance(hours=2)
    ana = Reader(company)

    assert ana.visits(links.ways[0], method="OPTIONS").status_code == 200
    assert ana.visits(links.ways[0], method="HEAD").headers["Location"] == FIRST
    assert ana.visits(links.ways[0], method="POST").status_code == 405
    settled(company)

    assert grades(company) == [("click", Grade.CERTAIN)]


def test_what_is_not_ours_leads_nowhere_and_is_always_answered_alike(company: Running) -> None:
    mail = mailed(company)
    way = links_of(mail).ways[0]
    links, key = company.nurture.runtime.links, company.deliveries()[0].key
    forged = way[:-9] + ("a" if way[-9] != "a" else "b") + way[-8:]
    cases = [
        forged,
        "/c/x",
        "/c/https://evil.example/",
        "/c/" + "a" * 999,
        f"/c/{links.token(Kind.CLICK, key, 'unknown')}",
        f"/c/{links.token(Kind.LEAVE, key)}",
        f"/c/{links.token(Kind.OPEN, key)}",
        "/p/x.gif",
        f"/p/{links.token(Kind.LEAVE, key)}.gif",
        f"/p/{way.removeprefix('/c/')}.gif",
    ]

    answers = [Reader(company).visits(f"{path}?url=https://evil.example/") for path in cases]

    assert {answer.status_code for answer in answers} == {404}
    assert (
        len({answer.text for answer in answers if "/c/" in answer.request.path}) == 2
    )  # one has slashes: no such page
    assert all("Location" not in answer.headers for answer in answers)
    assert grades(company) == []


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "ftp://example.org/", "//evil.example/", "https:///x", ""]
)
def test_a_stored_target_that_is_no_web_address_is_never_led_to(company: Running, url: str) -> None:
    mailed(company)
    with company.nurture.database.write() as tx:
        hits.keep_targets(tx, {"odd": url}, company.clock.now())

    answer = Reader(company).visits(f"/c/{company.nurture.runtime.links.token(Kind.CLICK, 'key', 'odd')}")

    assert answer.status_code == 404
    assert "Location" not in answer.headers


def test_a_flood_on_one_link_leads_on_and_fills_no_table(company: Running) -> None:
    links = links_of(mailed(company))
    company.clock.advance(hours=2)
    ana = Reader(company)

    answers = [ana.visits(links.ways[0]) for _ in range(50)]
    for number in range(100):
        ana.agent = f"Agent {number}"
        answers.append(ana.visits(links.ways[0]))

    assert {answer.status_code for answer in answers} == {302}
    assert len(grades(company)) == hits.MOST_IN_AN_HOUR


def test_names_as_hostile_as_any_are_kept_short_and_on_one_line(company: Running) -> None:
    links = links_of(mailed(company))

    Reader(company, agent="<script>" + "x" * 5_000).visits(links.ways[0])

    with company.nurture.database.read() as tx:
        (agent,) = tx.execute(select(H.c.agent)).scalars()
    assert len(agent) == 200


# --- which links, in which messages ---------------------------------------------------------------------------------


def test_the_text_leads_the_same_ways_as_the_html_and_holds_no_trap(company: Running) -> None:
    mail = mailed(company)
    links = links_of(mail)

    assert [way for way in links.ways if way not in text_of(mail)] == []
    assert str(links.trap) not in text_of(mail)
    assert "www.example.org" not in html_of(mail) + text_of(mail)


PERSONAL = (
    LINKED
    + """
[theirs](https://www.example.org/of/{{ contact.first_name or 'you' }}), [whole]({{ contact.last_name or 'https://a.example' }}),
[mail](mailto:hello@example.org), [call](tel:+14165550100), <https://www.example.org/shown>,
[leave](http://127.0.0.1:8000/u/copied), [up](#top).
"""
)


def test_only_what_stands_literally_in_the_template_leads_over_us(bare: Running) -> None:
    live(bare, PERSONAL)

    mail = mailed(bare)

    assert len(links_of(mail).ways) == 3
    for kept in (
        "https://www.example.org/of/Ana",
        "https://a.example",
        "mailto:hello@example.org",
        "tel:+14165550100",
        "https://www.example.org/shown",
        "http://127.0.0.1:8000/u/copied",
    ):
        assert f'href="{kept}"' in html_of(mail)
        assert kept.removeprefix("mailto:").removeprefix("tel:") in text_of(mail)
    assert len(html_of(mail).split("/u/")) == 3


PLAIN = """\
---
subject: In plain words
---
See https://www.example.org/a_(b), (https://www.example.org/c). Or https://www.example.org/{{ contact.first_name or 'you' }}
and https://www.example.org/d! {{ links.unsubscribe }} {{ workspace.postal_address }}
"""


def test_a_message_of_plain_text_is_tracked_too(bare: Running) -> None:
    live(bare, PLAIN, kind="txt")

    text = mailed(bare).get_content()

    assert "https://www.example.org/Ana" in text
    assert text.count("/c/") == 3
    with bare.nurture.database.read() as tx:
        stored = set(tx.execute(select(TARGETS.c.url)).scalars())
    assert stored == {f"https://www.example.org/{end}" for end in ("a_(b)", "c", "d")}


@pytest.mark.parametrize(
    ("tracking", "clicks", "opens"),
    [
        ("", True, False),
        ("[tracking]\nclicks = false", False, False),
        ("[tracking]\nopens = true", True, True),
        ("[tracking]\nclicks = false\nopens = true", False, True),
        ("[tracking.purposes.nurture]\nclicks = false", False, False),
        ("[tracking]\nclicks = false\n[tracking.purposes.nurture]\nclicks = true\nopens = true", True, True),
        ("[tracking]\npurposes = { other = { clicks = false } }", True, False),
    ],
)
def test_a_workspace_says_what_is_tracked_and_a_purpose_may_say_otherwise(
    bare: Running, tracking: str, clicks: bool, opens: bool
) -> None:
    live(bare, tracking=tracking)

    links = links_of(mailed(bare))

    assert (bool(links.ways), bool(links.picture)) == (clicks, opens)
    assert bool(links.trap) == (clicks or opens)


@pytest.mark.parametrize(
    ("tracking", "expected"), [("", 0), ("[tracking.purposes.transactional]\nclicks = true", 3)]
)
def test_what_somebody_asked_for_is_not_tracked_unless_told_so(
    bare: Running, tracking: str, expected: int
) -> None:
    live(bare, tracking=tracking)
    workflow = bare.project / "workflows" / "told.yaml"
    workflow.write_text(
        workflow.read_text().replace("- email: linked", "- {email: linked, purpose: transactional}")
    )
    bare.publish()

    links = links_of(mailed(bare))

    assert len(links.ways) == expected
    assert links.picture is None


def test_where_links_lead_is_written_down_once_for_all_messages(either: Running) -> None:
    for number in range(5):
        mailed(either, f"reader-{number}@example.org")

    with either.nurture.database.read() as tx:
        urls = sorted(tx.execute(select(TARGETS.c.url)).scalars())
    assert urls == sorted((FIRST, SECOND, THIRD))


def test_another_worker_finds_them_written_down(company: Running) -> None:
    mailed(company)
    other = replace(company, nurture=build(company.nurture.settings, company.clock))

    mailed(other, "bea@example.org")

    with company.nurture.database.read() as tx:
        assert tx.execute(select(func.count()).select_from(TARGETS)).scalar_one() == 3
    other.nurture.database.dispose()
