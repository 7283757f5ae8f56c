"""Can a marketer see what publishing would do, do it, take it back, and walk it first, all in the browser?"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest
from werkzeug.test import TestResponse

from nurture.db import audit, content
from nurture.model.accounts import Role
from nurture.services.rehearsing import simulate_page, simulate_words
from nurture.services.rehearsing.simulate_page import Asked
from nurture.services.releases import plan_words, planning, release_list
from nurture.services.releases.publish import make_live
from tests.support.browsing import Browser, a_browser
from tests.support.commands import answer, mend, run
from tests.support.running import Running, a_nurture

WORKFLOW = """\
workflow: one
purpose: nurture
persona: owner
stages:
  - stage: first
    need: Know more
    trigger: a.happened
    validate: b.happened
    steps:
      - {email: hello}
      - {email: again, after: 2 days}
      - {call_task: ring, after: 1 day, assign: round-robin sales}
    loss: [{after: 30 days, reason: timed-out}]
"""
PERSONA = """\
persona: owner
who: contact.plan
example: {email: robin@example.org, first_name: Robin, phone: "+44 20 7946 0958", timezone: Europe/London}
"""
FILE = "workflows/one.yaml"
PLAN, RELEASES, PAGE = "/admin/plan", "/admin/releases", "/admin/workflows/one"
WALK = f"{PAGE}/walk"


@pytest.fixture
def running(sqlite_url: str, tmp_path: Path) -> Iterator[Running]:
    """Ana got the first mail of what is live."""
    made = a_nurture(sqlite_url, tmp_path, mails=("hello", "again"))
    made.write("templates/call/ring.txt", "Ring {{ contact.first_name or 'them' }}.\n")
    made.write("personas/owner.yaml", PERSONA)
    made.write(FILE, WORKFLOW)
    made.publish()
    made.add()
    made.track("a.happened")
    made.run()
    yield made
    made.nurture.close()


@pytest.fixture
def browser(running: Running) -> Browser:
    return a_browser(running, Role.MARKETER)


def change(running: Running, old: str = "2 days", new: str = "3 days") -> None:
    mend(running.project / FILE, old, new)


def said(page: str) -> str:
    """What stands on the page, in one line."""
    return " ".join(unescape(re.sub(r"<[^>]+>", "", page)).split())


def live(running: Running) -> str | None:
    with running.nurture.database.read() as tx:
        return content.workflow_heads(tx).get("one")


def publish(browser: Browser, path: str = PLAN, **more: str) -> TestResponse:
    """Press the button of the page at ``path``, with all that its form holds."""
    page = browser.get(path).text
    form = page.partition('<section class="card" id="publish"')[2].partition("</section>")[0]
    held = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', form))
    return browser.client.post(path, data=held | more)


def by_command(running: Running, *words: str) -> str:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NURTURE_DATABASE_URL", running.nurture.settings.database_url)
        patch.setenv("NURTURE_SECRET_KEY", ",".join(running.nurture.settings.secret_keys))
        return run(*words, project=running.project).stdout


# --- what changed -----------------------------------------------------------------------------------------------------


def test_two_versions_are_compared_in_the_words_and_at_the_lines_of_the_command(
    running: Running, browser: Browser
) -> None:
    first = live(running)
    change(running)
    change(running, "{email: hello}", "{email: hello, id: welcome}")
    told = by_command(running, "plan").splitlines()
    running.publish()

    page = said(browser.get(f"{PAGE}/versions/{first}/{live(running)}").text)

    changes = [line.strip() for line in told if line.startswith(f"  {FILE}:")]
    assert len(changes) == 3
    assert [line for line in changes if line not in page] == []
    assert "− - {email: again, after: 2 days}" in page
    assert "+ - {email: again, after: 3 days}" in page


def test_versions_link_to_the_one_before_and_to_the_folders(running: Running, browser: Browser) -> None:
    first = live(running)
    change(running)
    running.publish()
    change(running, "3 days", "4 days")

    page = browser.get(PAGE).text

    assert f'href="{PAGE}/versions/{first}/{live(running)}"' in page
    assert f'href="{PAGE}/versions/{live(running)}/folder"' in page
    assert "waits longer, after 4 days instead of after 3 days" in said(
        browser.get(f"{PAGE}/versions/{live(running)}/folder").text
    )


def test_what_was_never_a_version_is_no_page_and_a_broken_file_shows_its_problems(
    running: Running, browser: Browser
) -> None:
    change(running, "email: again", "emial: again")

    unknown = browser.get(f"{PAGE}/versions/none/folder")
    broken = browser.get(f"{PAGE}/versions/{live(running)}/folder")

    assert unknown.status_code == 404
    assert broken.status_code == 422
    assert "unknown-step" in broken.text
    assert f"{FILE}:11:" in broken.text


# --- the plan ---------------------------------------------------------------------------------------------------------


def test_the_plan_says_what_the_command_says(running: Running, browser: Browser) -> None:
    change(running)
    plan = planning.plan(running.nurture.runtime, running.project)
    (one,) = plan.workflows
    told = by_command(running, "plan").splitlines()

    page = said(browser.get(PLAN).text)

    wanted = [
        *(line.strip() for line in told if line.startswith(f"  {FILE}:")),
        *(line[0].upper() + line[1:] for line in [plan_words.fate(one)]),
        *plan_words.who(one, plan_words.zone_of(plan)),
        plan_words.volume(plan.forecast),
        *plan_words.confirmations(plan),
    ]
    assert [line for line in wanted if line not in page] == []
    assert "a new version" in page


def test_days_are_drawn_and_stand_in_a_table(running: Running, browser: Browser) -> None:
    change(running)

    page = browser.get(f"{PLAN}?along=one").text

    assert page.count('<rect class="then"') == 2 * 14
    assert "Tue 10 Mar: 0 messages" in page
    assert '<th scope="row">Wed 4 Mar</th><td>1</td><td>0</td>' in page
    assert '<th scope="row">Thu 5 Mar</th><td>0</td><td>1</td>' in page
    assert "style=" not in page


def test_a_broken_folder_shows_its_problems_and_what_is_live_goes_on(
    running: Running, browser: Browser
) -> None:
    change(running, "email: again", "emial: again")

    page = browser.get(PLAN)

    assert page.status_code == 200
    assert "unknown-step" in page.text
    assert "The last published version goes on" in page.text
    assert "Publish this" not in page.text


def test_a_sample_is_played_for_a_page_and_the_page_says_so(
    running: Running, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nurture.web.admin.plan.PLAYED", 10)
    for number in range(40):
        running.add(f"p{number}@example.org")
        running.enroll("one", f"p{number}@example.org")

    assert re.search(
        r"41 contacts under way, of whom \d+ were played \(n = \d+\)", said(browser.get(PLAN).text)
    )


# --- publishing -------------------------------------------------------------------------------------------------------


def test_publishing_makes_live_what_was_shown_and_the_log_says_who(
    running: Running, browser: Browser
) -> None:
    before = live(running)
    change(running)

    done = publish(browser)

    assert (done.status_code, done.location) == (303, RELEASES)
    assert "Published, as release 2." in browser.get(RELEASES).text
    assert live(running) != before
    assert running.enrollments()[0].version == before
    assert release_list.listing(running.nurture.runtime)[0].actor == "marketer@example.org"
    with running.nurture.database.read() as tx:
        latest = next(one for one in audit.latest(tx) if one.action == "publish")
    assert latest.actor == "marketer@example.org"


def test_a_folder_that_changed_since_the_plan_is_shown_again_and_not_published(
    running: Running, browser: Browser
) -> None:
    change(running)
    before, form = live(running), browser.get(PLAN).text
    seal = re.findall(r'name="seal" value="(\w+)"', form)[0]
    change(running, "3 days", "5 days")

    refused = browser.post(PLAN, seal=seal, yes="y")

    assert refused.status_code == 422
    assert "Something changed since you looked" in refused.text
    assert "after 5 days instead of after 2 days" in said(refused.text)
    assert live(running) == before
    assert publish(browser).status_code == 303


def test_a_plan_that_another_release_overtook_is_shown_again(running: Running, browser: Browser) -> None:
    change(running)
    seal = re.findall(r'name="seal" value="(\w+)"', browser.get(PLAN).text)[0]
    make_live(running.nurture.runtime, planning.plan(running.nurture.runtime, running.project))

    refused = browser.post(PLAN, seal=seal)

    assert refused.status_code == 422
    assert "Nothing changed." in refused.text


def test_withdrawing_a_workflow_wants_a_tick(running: Running, browser: Browser) -> None:
    running.write("workflows/two.yaml", WORKFLOW.replace("workflow: one", "workflow: two"))
    (running.project / FILE).unlink()

    refused, done = publish(browser), publish(browser, yes="y")

    assert refused.status_code == 422
    assert "Please tick this first." in refused.text
    assert "one takes nobody new; 1 contact goes on in the version they entered" in refused.text
    assert done.status_code == 303
    assert live(running) is None


def test_exceeding_the_limit_wants_a_tick(running: Running, browser: Browser) -> None:
    toml = running.project / "nurture.toml"
    toml.write_text(f"{toml.read_text()}\n[limits]\nmessages = 1\n")
    running.add("bea@example.org")
    running.track("a.happened", "bea@example.org")

    refused, done = publish(browser), publish(browser, yes="y")

    assert "[limits] in nurture.toml lets 1 through" in refused.text
    assert (refused.status_code, done.status_code) == (422, 303)


def test_who_is_under_way_is_taken_along_if_the_plan_says_so(running: Running, browser: Browser) -> None:
    change(running)

    shown = said(browser.get(f"{PLAN}?along=one").text)
    done = publish(browser, f"{PLAN}?along=one")

    assert "1 contact of 1 in older versions goes on in the new one." in shown
    assert "one gets a new version; 1 contact is taken into it." in shown
    assert done.status_code == 303
    assert running.enrollments()[0].version == live(running)
    assert "1 contact went on in the new version." in browser.get(RELEASES).text


def test_a_step_that_is_gone_gets_its_new_name_in_the_page(running: Running, browser: Browser) -> None:
    change(running, "{email: again, after", "{email: again, id: reminder, after")

    offered = browser.get(f"{PLAN}?along=one").text
    mapped = said(browser.get(f"{PLAN}?along=one&along=one:again=reminder").text)

    assert 'value="one:again=reminder"' in offered
    assert "1 at again cannot be taken along" in said(offered)
    assert "1 at again → reminder" in mapped


def test_who_may_not_publish_sees_the_plan_and_no_button(running: Running) -> None:
    change(running)
    viewer = a_browser(running, Role.VIEWER)

    page = viewer.get(PLAN).text

    assert "waits longer" in page
    assert "Publish this" not in page
    assert viewer.post(PLAN).status_code == viewer.post(f"{RELEASES}/1").status_code == 403


def test_no_word_of_an_address_reads_a_file(running: Running, browser: Browser) -> None:
    change(running)

    assert browser.get(f"{PLAN}?along=nurture.toml.yaml").status_code == 422
    assert browser.get(f"{PLAN}?along=nobody").status_code == 422


# --- going back -------------------------------------------------------------------------------------------------------


def test_an_earlier_release_is_planned_and_made_live_again(running: Running, browser: Browser) -> None:
    first = live(running)
    change(running)
    publish(browser)

    shown = said(browser.get(f"{RELEASES}/1").text)
    done = publish(browser, f"{RELEASES}/1")

    assert "waits less, after 2 days instead of after 3 days" in shown
    assert done.status_code == 303
    assert live(running) == first
    page = said(browser.get(RELEASES).text)
    assert "Release 1 is live again, as release 3." in page
    assert "made live again" in page
    assert browser.get(f"{RELEASES}/99").status_code == 404


# --- walking ----------------------------------------------------------------------------------------------------------


def test_a_walk_shows_every_message_script_and_stage_in_the_personas_zone(browser: Browser) -> None:
    page = browser.get(f"{WALK}?start=2026-03-02T09:00").text

    text = said(page)
    assert "Times are in Europe/London." in text
    assert "hello for Robin" in text
    assert "Ring Robin." in text
    assert "Wed 4 Mar 2026 09:00, day 2" in text
    assert "Robin is lost in stage 'first' on Wed 1 Apr 2026 09:00, day 30: 'timed-out'." in text
    assert "style=" not in page


def test_the_body_of_a_message_stands_in_a_frame_that_may_do_nothing(browser: Browser) -> None:
    page = browser.get(WALK).text
    frames = [unescape(one) for one in re.findall(r'<iframe[^>]* src="([^"]+)"', page)]

    body = browser.get(frames[0])

    assert len(frames) == 2
    assert "This is hello." in body.text
    assert body.headers["Content-Security-Policy"].startswith("sandbox;")
    assert browser.get(f"{WALK}/99/body").status_code == 404


def test_what_they_do_is_added_by_a_form_and_kept_in_the_address(browser: Browser) -> None:
    form = browser.get(WALK).text
    added = browser.get(f"{WALK}?event=b.happened&days=1&at=10:30")

    page = said(browser.get(added.location).text)

    assert '<option value="b.happened">' in form
    assert '<option value="call.outcome:outcome=voicemail">' in form
    assert added.status_code == 303
    assert added.location == f"{WALK}?do=b.happened@%2B1+day+at+10:30"
    assert "Robin completes 'one'" in page


def test_every_what_if_is_a_line_and_a_walk_of_its_own(running: Running, browser: Browser) -> None:
    found = answer("walk", "one", "--start", "2026-03-02 09:00", "--what-ifs", project=running.project)

    page = browser.get(f"{WALK}?start=2026-03-02T09:00").text
    leaves = said(browser.get(f"{WALK}?start=2026-03-02T09:00&what_if=unsubscribes").text)

    for one in found["what_ifs"]:
        assert f"… {one['title']}?" in said(page)
        assert f"what_if={one['name']}" in page
    assert "What if Robin … unsubscribes after the first message?" in leaves
    assert "lost: unsubscribed" in leaves


def test_the_folder_is_walked_before_it_is_live(running: Running, browser: Browser) -> None:
    running.write("workflows/two.yaml", WORKFLOW.replace("workflow: one", "workflow: two"))

    draft = browser.get("/admin/workflows/two/walk?of=folder")
    published = browser.get("/admin/workflows/two/walk")
    change(running, "email: again", "emial: again")
    broken = browser.get(f"{WALK}?of=folder")

    assert (draft.status_code, published.status_code, broken.status_code) == (200, 404, 422)
    assert "unknown-step" in broken.text


def test_an_edited_file_is_walked_as_it_is_now(running: Running, browser: Browser) -> None:
    address = f"{WALK}?of=folder&start=2026-03-02T09:00"
    before = said(browser.get(address).text)
    change(running, "30 days", "31 days")

    after = said(browser.get(address).text)

    assert "day 30: 'timed-out'" in before
    assert "day 31: 'timed-out'" in after


def test_what_cannot_be_walked_is_said_in_a_sentence(browser: Browser) -> None:
    untimed = browser.get(f"{WALK}?do=b.happened")

    assert untimed.status_code == 422
    assert "does not say when" in said(untimed.text)
    assert browser.get(f"{WALK}?event=b.happened&days=soon").status_code == 400
    assert browser.get(f"{WALK}?as=nobody").status_code == 404


# --- how many, and at what cost ---------------------------------------------------------------------------------------


def test_a_forecast_says_what_the_command_says_and_what_it_rests_on(
    running: Running, browser: Browser
) -> None:
    question = Asked("one", contacts=40, days=30)
    simulated = simulate_page.of_published(running.nurture.runtime, question)

    page = said(browser.get(f"{PAGE}/forecast?contacts=40&days=30").text)

    rows = [*simulate_words.stage_rows(simulated.answer), *simulate_words.assumption_rows(simulated)]
    close = page.replace(" ", "")
    assert [row for row in rows if "".join(map(str, row)).replace(" ", "") not in close] == []
    assert simulate_words.opening(simulated) in page
    assert simulate_words.cost_line(simulated) in page


def test_a_forecast_whose_columns_do_not_add_up_says_why_on_the_page_too(
    running: Running, browser: Browser
) -> None:
    change(running, "    loss:", "    entry: yes\n    loss:")
    change(running, "after: 30 days, reason: timed-out", "after: 3 days, reason: timed-out, enroll: one")
    change(running, "purpose: nurture", "purpose: nurture\nreentry: always")
    running.publish()

    page = said(browser.get(f"{PAGE}/forecast?contacts=40&days=60").text)

    assert "The columns need not add up" in page


def test_a_page_does_not_play_more_than_a_reader_waits_for(browser: Browser) -> None:
    refused = browser.get(f"{PAGE}/forecast?contacts=100000")

    assert refused.status_code == 422
    assert "`nurture simulate` plays more" in refused.text
    assert browser.get(f"{PAGE}/forecast?contacts=&arrive=").status_code == 200
