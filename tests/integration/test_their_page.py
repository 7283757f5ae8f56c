"""The page that everybody gets: does it tell what comes, and is what people choose on it kept, shown and undone?"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from flask.testing import FlaskClient

from nurture.cli.contacts import as_document, chosen_by
from nurture.db import contacts, events, pauses
from nurture.model.accounts import Role
from nurture.model.words import Event
from nurture.services.contacts.people import person
from nurture.services.running.pausing import Scope, pause, resume, still_holding
from nurture.services.story import why
from nurture.services.story.path import path
from tests.integration.test_leave_page import client_of, one_click_link, the_one_with_a_way_out
from tests.support.browsing import a_browser
from tests.support.running import LINKED, Running, a_nurture
from tests.support.stores import wake_times

SERIES = """\
    workflow: series
    title: From the guide to a first review
    purpose: nurture
    stages:
      - stage: interest
        need: Know where I stand
        trigger: offer.requested
        validate: b.happened
        steps:
          - {email: handed, purpose: transactional, link_offer: guide}
          - {email: hello, after: 1 day}
          - {email: more, after: 2 days}
          - {email: last, after: 2 days}
        loss:
          - {after: 30 days, reason: went-silent}
    """
OTHER = """\
    workflow: other
    title: Our evenings
    purpose: nurture
    priority: PRIORITY
    stages:
      - stage: invited
        need: Meet others
        trigger: meeting.booked
        validate: b.happened
        steps:
          - {email: receipt, purpose: transactional}
          - {email: invitation, after: 1 hour}
        loss:
          - {after: 60 days, reason: went-silent}
    """
OFFER = """\
    offer: guide
    kind: download
    title: The readiness guide
    promise: Know in ten minutes
    asset: guide.pdf
    fields: [email]
    consent: {purpose: nurture, wording: "Yes, send me tips", version: 2026-11}
    mail: handed
    link: {valid: 30 days, downloads: 2}
    """
MAILS = ("hello", "more", "last", "receipt", "invitation")
TORONTO = ZoneInfo("America/Toronto")
ANA = "ana@example.org"


def company(database_url: str, folder: Path, priority: int = 50) -> Running:
    running = a_nurture(database_url, folder, mails=MAILS)
    running.write("workflows/series.yaml", SERIES)
    running.write("workflows/other.yaml", OTHER.replace("PRIORITY", str(priority)))
    running.write("offers/guide.yaml", OFFER)
    running.write("templates/email/handed.md", LINKED.format(name="handed"))
    running.write("assets/guide.pdf", "%PDF-1.4 the guide")
    running.publish()
    return running


@pytest.fixture(params=["sqlite", "postgres"])
def either(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Running]:
    yield (running := company(str(request.getfixturevalue(f"{request.param}_url")), tmp_path))
    running.nurture.database.dispose()


@pytest.fixture
def single(sqlite_url: str, tmp_path: Path) -> Iterator[Running]:
    yield (running := company(sqlite_url, tmp_path))
    running.nurture.database.dispose()


def begun(running: Running) -> str:
    """Ana asked for the guide on Monday at nine; her first marketing mail came a day later. Its link."""
    running.add()
    running.track("consent.granted", purpose="nurture", wording="Yes, send me tips", source="form guide")
    running.track("offer.requested", offer="guide")
    running.run()
    days(running, 1, plus=timedelta(hours=1))
    return one_click_link(the_one_with_a_way_out(running))


def days(running: Running, count: int, *, plus: timedelta = timedelta()) -> None:
    """Days pass, and at ten in the morning of each what is due is done."""
    for number in range(count):
        running.clock.advance(seconds=(timedelta(days=1) + (timedelta() if number else plus)).total_seconds())
        running.run()


def press(client: FlaskClient, link: str, do: str, **more: object) -> str:
    response = client.post(link, data={"do": do, **more})
    assert response.status_code == 200
    return response.text


def sent(running: Running) -> dict[str, datetime]:
    """When which mail left, where Ana is."""
    return {
        one.template: one.ended_at.astimezone(TORONTO)
        for one in running.deliveries()
        if one.state.value == "sent" and one.ended_at
    }


def told(running: Running, name: str = "preference.changed") -> list[Event]:
    with running.nurture.database.read() as tx:
        contact = contacts.by_email(tx, [ANA])[ANA]
        return [one for one in reversed(events.of_contact(tx, contact.id)) if one.name == name]


# --- what it tells --------------------------------------------------------------------------------------------------


def test_it_tells_why_and_what_comes_by_the_day_where_they_are_and_nothing_internal(single: Running) -> None:
    link = begun(single)

    page = client_of(single).get(link).text

    words = in_text(page)
    assert "You asked for “The readiness guide”." in words
    assert "You agreed on 2 March 2026 Yes, send me tips Where: on our page “The readiness guide”" in words
    assert "Thursday 5 March more for Ana Saturday 7 March last for Ana" in words
    assert not re.search(r"score|stage|interest|series|nurture<|ana@", page)


def test_who_has_nothing_to_come_is_told_so(single: Running) -> None:
    link = begun(single)
    days(single, 5)

    assert "Nothing is planned for you." in client_of(single).get(link).text


# --- fewer ----------------------------------------------------------------------------------------------------------


def test_at_most_one_a_week_moves_the_next_message_and_why_says_by_whose_choice(either: Running) -> None:
    link = begun(either)
    client = client_of(either)

    saved = press(client, link, "fewer", days=7)
    foreseen = client.get(link).text
    days(either, 2)
    reasons = " ".join(turn.said for turn in why.why(either.nurture.runtime, ANA).turns)
    days(either, 12)

    assert "Saved." in saved
    assert "at most one a week" in saved
    assert "Tuesday 10 March" in foreseen
    assert "as much as the cap allows (their own choice: 1 per 7 days" in reasons
    went = sent(either)
    assert (went["more"] - went["hello"]).days == 7
    assert (went["last"] - went["more"]).days == 7


def test_one_a_month_leaves_out_what_would_be_held_for_too_long(single: Running) -> None:
    link = begun(single)

    press(client_of(single), link, "fewer", days=30)
    days(single, 5)

    skipped = [(one.template, one.reason) for one in single.deliveries() if one.reason]
    reasons = " ".join(turn.said for turn in why.why(single.nurture.runtime, ANA).turns)
    assert skipped == [("more", "held-too-long"), ("last", "held-too-long")]
    assert "frequency-cap, their own choice: 1 per 30 days" in reasons


def test_their_own_cap_lets_the_more_important_workflow_go_first(sqlite_url: str, tmp_path: Path) -> None:
    running = company(sqlite_url, tmp_path, priority=90)
    link = begun(running)
    press(client_of(running), link, "fewer", days=7)
    days(running, 6)
    running.track("meeting.booked")
    running.run()

    days(running, 8)

    went = sent(running)
    assert (went["invitation"] - went["hello"]).days == 7
    assert not {"more", "last"} & {name for name, at in went.items() if at <= went["invitation"]}
    running.nurture.database.dispose()


def test_as_they_come_undoes_it_and_every_choice_is_told_once(single: Running) -> None:
    link = begun(single)
    client = client_of(single)

    for number in (14, 14, 0, 0):
        press(client, link, "fewer", days=number)
    days(single, 4)

    assert [one.data for one in told(single)] == [
        {"choice": "fewer", "days": 14, "source": "page"},
        {"choice": "fewer", "days": None, "source": "page"},
    ]
    assert "last" in sent(single)


@pytest.mark.parametrize(
    "data",
    [
        {"do": "fewer", "days": "5"},
        {"do": "fewer", "days": "-7"},
        {"do": "fewer", "days": "²"},
        {"do": "fewer"},
        {"do": "pause", "weeks": "500"},
        {"do": "pause", "weeks": "999999999999"},
    ],
)
def test_what_no_button_says_is_refused_and_changes_nothing(single: Running, data: dict[str, str]) -> None:
    link = begun(single)

    response = client_of(single).post(link, data=data)

    assert response.status_code == 400
    assert told(single) == []


# --- a pause --------------------------------------------------------------------------------------------------------


def test_a_pause_holds_every_mail_and_ends_by_itself_in_the_morning_without_a_burst(either: Running) -> None:
    link = begun(either)
    client = client_of(either)

    saved = press(client, link, "pause", weeks=2)
    press(client, link, "pause", weeks=2)
    days(either, 13)
    quiet = set(sent(either))
    either.clock.advance(hours=21, minutes=59)  # one of the nights was an hour shorter
    either.run()
    still = set(sent(either))
    either.clock.advance(minutes=1)
    either.run()
    days(either, 3)

    went = sent(either)
    assert "Paused until" in saved
    assert "Tuesday 17 March" in saved
    assert quiet == still == {"handed", "hello"}
    assert went["more"] == datetime(2026, 3, 17, 9, tzinfo=TORONTO)
    assert (went["last"] - went["more"]).days == 2
    assert [one.data["choice"] for one in told(either)] == ["pause"]
    assert [one.status.value for one in either.enrollments()] == ["active"]
    assert "Go on now" not in client.get(link).text


def test_during_a_pause_the_page_lists_what_comes_after_it_and_so_it_comes(either: Running) -> None:
    link = begun(either)
    client = client_of(either)
    press(client, link, "pause", weeks=2)
    days(either, 2)

    page = client.get(link).text
    days(either, 16)

    went = sent(either)
    listed = re.findall(r'<li><span><time datetime="(.*?)">.*?</time></span> <bdi>(\w+)', page)
    assert "What comes after your pause" in page
    assert listed[:2] == [(went[name].date().isoformat(), name) for name in ("more", "last")]


def test_what_they_ask_for_is_answered_during_their_pause_and_what_follows_waits(either: Running) -> None:
    link = begun(either)
    press(client_of(either), link, "pause", weeks=2)
    days(either, 1)

    either.track("meeting.booked")
    either.run()
    days(either, 3)
    during = set(sent(either))
    days(either, 11)

    assert during == {"handed", "hello", "receipt"}
    assert {"invitation", "more"} <= set(sent(either))


def test_they_go_on_before_the_time_with_a_button(single: Running) -> None:
    link = begun(single)
    client = client_of(single)
    press(client, link, "pause", weeks=12)
    days(single, 3)

    saved = press(client, link, "go-on")
    press(client, link, "go-on")
    single.run()

    assert "The pause is over" in saved
    assert "more" in sent(single)
    assert [one.data["choice"] for one in told(single)] == ["pause", "go-on"]


def test_a_colleague_ends_their_own_pause_only_and_the_contact_only_theirs(single: Running) -> None:
    link, runtime = begun(single), single.nurture.runtime
    client, ana = client_of(single), Scope(email=ANA)
    press(client, link, "pause", weeks=2)
    pause(runtime, ana, "a complaint is looked into")

    resumed = resume(runtime, ana, "settled")
    holding = still_holding(runtime, ana)
    days(single, 3)
    quiet = set(sent(single))
    pause(runtime, ana, "once more")
    press(client, link, "go-on")
    days(single, 1)

    assert resumed
    assert holding == ["the pause they chose themselves"]
    assert quiet == set(sent(single)) == {"handed", "hello"}


def test_loss_clocks_stand_still_during_the_pause(single: Running) -> None:
    link = begun(single)
    press(client_of(single), link, "pause", weeks=4)

    days(single, 29)
    single.clock.advance(days=27)
    single.run()
    before = [one.status.value for one in single.enrollments()]
    days(single, 2)

    assert before == ["active"]
    assert [one.end_reason for one in single.enrollments()] == ["went-silent"]


def test_many_whose_pause_ends_in_one_minute_take_their_turns_over_some(single: Running) -> None:
    people = [single.add(f"p{number}@example.org") for number in range(65)]
    for one in people:
        single.track("offer.requested", one.email, offer="guide")
    single.run()
    with single.nurture.database.write() as tx:
        for one in people:
            pauses.rest(tx, single.clock.now(), one.id, single.clock.now().replace(day=20))
    single.clock.advance(days=20)

    single.nurture.sweep()

    with single.nurture.database.read() as tx:
        wakes = Counter(wake_times(tx).values())
    assert wakes == {single.clock.now(): 60, single.clock.now() + timedelta(minutes=1): 5}


# --- who else reads it ----------------------------------------------------------------------------------------------


def test_the_story_and_the_outlook_tell_it_in_words(single: Running) -> None:
    link = begun(single)
    client = client_of(single)
    press(client, link, "fewer", days=7)
    press(client, link, "pause", weeks=4)

    with single.nurture.database.read() as tx:
        contact = contacts.by_email(tx, [ANA])[ANA]
    found = path(single.nurture.runtime, contact.id)
    titles = [mark.title for journey in found.journeys for leg in journey.legs for mark in leg.marks]

    assert "Chose how often: at most one a week" in titles
    assert "Asked for a pause until 31 March 2026" in titles
    assert (found.paused, found.chosen.days) == (False, 7)
    assert found.chosen.rests_until == datetime(2026, 3, 31, 13, tzinfo=UTC)
    assert "Nothing until Tue 31 Mar 2026 09:00: the contact asked for a pause" in found.journeys[0].said
    assert "Then, Tue 31 Mar 2026 09:00: Mail 'more' goes out" in found.journeys[0].said


def test_a_link_forwarded_to_a_friend_shows_no_address_even_where_a_subject_holds_it(single: Running) -> None:
    single.write(
        "templates/email/more.md",
        '---\nsubject: "For {{ contact.email }}"\n---\n[Leave]({{ links.unsubscribe }}), {{ workspace.postal_address }}\n',
    )
    single.publish()
    link = begun(single)

    page = client_of(single).get(link).text

    assert "For a•••@example.org" in page
    assert ANA not in page


def test_a_sales_person_reads_what_they_chose_and_a_marketers_resume_leaves_it(single: Running) -> None:
    link = begun(single)
    press(client_of(single), link, "fewer", days=14)
    press(client_of(single), link, "pause", weeks=4)
    pause(single.nurture.runtime, Scope(email=ANA), "a complaint is looked into")

    told_to_sales = in_text(a_browser(single, Role.SALES).get("/admin/contacts/1").text)
    marketer = a_browser(single, Role.MARKETER)
    marketer.post("/admin/contacts/1/resume", "/admin/contacts/1", once="a1b2c3d4e5f60718")
    resumed = marketer.get("/admin/contacts/1")

    assert "They asked for a pause on Tue 3 Mar" in told_to_sales
    assert "until Tue 31 Mar 2026, 09:00" in told_to_sales
    assert "At most one in two weeks is how often they want marketing mail" in told_to_sales
    assert "which goes on: only they end it" in resumed.text


def test_the_command_line_shows_what_they_chose(single: Running) -> None:
    link = begun(single)
    press(client_of(single), link, "fewer", days=7)
    press(client_of(single), link, "pause", weeks=2)

    found = person(single.nurture.runtime, ANA)

    assert list(chosen_by(found)) == [
        "wants marketing mail at most one a week, chosen Tue 3 Mar 2026 10:00",
        "asked for a pause until Tue 17 Mar 2026 09:00, on Tue 3 Mar 2026 10:00; only they end it sooner",
    ]
    assert as_document(found)["chosen"] == {
        "at_most_one_in_days": 7,
        "since": datetime(2026, 3, 3, 15, tzinfo=UTC),
        "paused_since": datetime(2026, 3, 3, 15, tzinfo=UTC),
        "paused_until": datetime(2026, 3, 17, 13, tzinfo=UTC),
    }


def in_text(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))
