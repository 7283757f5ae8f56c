"""What people come for, done as they do it: a visitor, somebody who calls, a marketer."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from nurture.services.demo.staff import STAFF
from tests.browser.props import CONFIRMED, TO_CALL, command
from tests.browser.site import Site, a_window, accessibility_problems, log_in
from tests.browser.visitors import GUIDE, ask_for, link_in, mail_to
from tests.support.waiting import until

CALLER = next(email for email, _, role in STAFF if role == "sales")


def test_a_visitor_gets_the_guide_by_mail_and_their_path_moves_to_the_next_stage(
    page: Page, site: Site
) -> None:
    ask_for(page, GUIDE, "vera@example.org")
    page.goto(link_in(mail_to(site, "vera@example.org"), "d"))
    with page.expect_download() as download:
        page.get_by_role("button", name="Download").click()
    file = Path(download.value.path()).read_bytes()
    log_in(page, site.user, site.password)
    find(page, "vera@example.org")
    until(lambda: stage_of(page) == "first-sale")

    assert download.value.suggested_filename == "readiness-guide.pdf"
    assert file.startswith(b"%PDF")
    expect(page.locator("tbody", has_text="validated").first).to_contain_text("offer.downloaded")


def test_a_form_that_cannot_be_taken_says_what_is_wrong_and_keeps_what_was_typed(
    page: Page, site: Site
) -> None:
    page.goto(f"/o/{GUIDE}")
    page.get_by_label("E-mail").press_sequentially("vera at example.org", delay=70)
    page.get_by_label("First name").fill("Vera")
    page.locator("form").evaluate("form => form.noValidate = true")
    page.locator("form button").click()

    expect(page.get_by_role("alert")).to_be_visible()
    expect(page.get_by_label("First name")).to_have_value("Vera")
    expect(page.get_by_label("E-mail")).to_have_attribute("aria-invalid", "true")
    assert accessibility_problems(page) == []


def test_permission_is_asked_proven_shown_and_taken_back_in_the_browser_alone(page: Page, site: Site) -> None:
    ask_for(page, CONFIRMED, "yolanda@example.org", name="Yolanda")
    page.goto(link_in(mail_to(site, "yolanda@example.org"), "confirm"))
    page.locator("form[method=post] button").first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("confirmed")
    delivered = mail_to(site, "yolanda@example.org", 2)
    page.goto(link_in(delivered, "d"))
    with page.expect_download() as download:
        page.get_by_role("button", name="Download").click()
    log_in(page, site.user, site.password)
    find(page, "yolanda@example.org")
    ledger = page.locator("main")
    expect(ledger).to_contain_text("Yes, send me tips on retirement. I can stop any time.")
    expect(ledger).to_contain_text("confirmed")
    page.goto(link_in(delivered, "u"))
    page.get_by_role("button", name="Stop these messages").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("you have left")
    find(page, "yolanda@example.org")

    assert download.value.suggested_filename == "retirement-date-checklist.pdf"
    expect(page.locator("main")).to_contain_text("withdrawn")


def test_without_javascript_a_visitor_gets_the_guide_just_so(browser: Browser, site: Site) -> None:
    with a_window(browser, site, 390, javascript=False) as window:
        ask_for(window, GUIDE, "noah@example.org", consent=False)
        window.goto(link_in(mail_to(site, "noah@example.org"), "d"))
        with window.expect_download() as download:
            window.get_by_role("button", name="Download").click()

        assert download.value.suggested_filename == "readiness-guide.pdf"


def test_somebody_calls_from_a_phone_takes_an_outcome_back_and_gives_another(
    browser: Browser, site: Site
) -> None:
    with a_window(browser, site, 390) as window:
        log_in(window, CALLER, site.password)
        window.goto("/admin/calls?whose=everyone")
        window.get_by_role("link", name=TO_CALL, exact=True).click()
        call = window.url
        expect(window.get_by_role("region", name="What to say")).not_to_be_empty()

        say(window, "voicemail")
        expect(window.get_by_role("status").first).to_contain_text(f"Voicemail, {TO_CALL}")
        window.get_by_role("button", name="Undo").first.click()
        expect(window).to_have_url(call)
        expect(window.get_by_role("status").first).to_contain_text("Taken back")

        window.get_by_label("Note").fill("Wants to think until Friday")
        say(window, "reached")
        assert accessibility_problems(window) == []
        command(site.project, "clock", "--advance", "1h")
        until(lambda: window.goto(call) and window.get_by_text("This call is over (reached)").count(), 30)
        expect(window.get_by_text("Wants to think until Friday").first).to_be_visible()


def test_a_marketer_finds_somebody_reads_why_and_moves_them_with_a_reason(page: Page, site: Site) -> None:
    ask_for(page, GUIDE, "mara@example.org", name="Mara")
    mail_to(site, "mara@example.org")

    log_in(page, site.user, site.password)
    page.goto("/admin/contacts")
    page.get_by_role("searchbox").fill("mara@example")
    page.get_by_role("searchbox").press("Enter")
    page.get_by_role("link", name="Mara", exact=True).click()
    until(lambda: stage_of(page) == "lead-offer")
    path = page.get_by_role("article").first
    expect(path.get_by_role("row", name="guide-delivery")).to_contain_text("sent")
    expect(path.locator("svg.path-line")).to_be_visible()

    path.get_by_text("Move to a stage").click()
    path.get_by_label("To stage").select_option("first-sale")
    path.get_by_label("Why").locator("visible=true").fill("She told us at the fair that she read it")
    path.get_by_role("button", name="Move", exact=True).click()
    until(lambda: stage_of(page) == "first-sale")

    story = page.get_by_role("region", name="The story, and why")
    expect(story).to_contain_text("She told us at the fair that she read it")


def find(page: Page, email: str) -> None:
    """The page of this contact, by the search."""
    page.goto(f"/admin/contacts?q={email}")
    page.get_by_role("rowheader").get_by_role("link").first.click()
    expect(page.get_by_role("heading", level=1)).not_to_have_text("Contacts")


def stage_of(page: Page) -> str | None:
    """Where the newest journey of the contact on this page stands, as the page says when asked again."""
    page.reload()
    here = page.locator("tbody", has_text="here now").locator("b").first
    return here.text_content() if here.count() else None


def say(page: Page, outcome: str) -> None:
    page.locator(f"button[name=outcome][value={outcome}]").click()
    page.wait_for_url("**/admin/calls?whose=*")
