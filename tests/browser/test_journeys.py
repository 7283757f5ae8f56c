"""What people come for, done as they do it: a visitor, somebody who calls, a marketer."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from tests.browser.site import Site, a_window, accessibility_problems
from tests.browser.visitors import (
    CONFIRMED,
    GUIDE,
    ask_for,
    link_in,
    mail_to,
    offer_with_a_yes_by_mail,
)


def test_a_visitor_asks_for_the_guide_and_finds_it_behind_the_link_of_the_mail(
    page: Page, site: Site
) -> None:
    ask_for(page, GUIDE, "vera@example.org")
    page.goto(link_in(mail_to(site, "vera@example.org"), "d"))
    with page.expect_download() as download:
        page.get_by_role("button", name="Download").click()

    assert download.value.suggested_filename == "readiness-guide.pdf"
    assert Path(download.value.path()).read_bytes().startswith(b"%PDF")


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


def test_a_visitor_says_yes_by_mail_before_anything_else_comes(page: Page, site: Site) -> None:
    offer_with_a_yes_by_mail(site)

    ask_for(page, CONFIRMED, "yolanda@example.org")
    page.goto(link_in(mail_to(site, "yolanda@example.org"), "confirm"))
    page.locator("form[method=post] button").first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("confirmed")

    assert link_in(mail_to(site, "yolanda@example.org", 2), "d")


def test_without_javascript_a_visitor_gets_the_guide_just_so(browser: Browser, site: Site) -> None:
    with a_window(browser, site, 390, javascript=False) as window:
        ask_for(window, GUIDE, "noah@example.org", consent=False)
        window.goto(link_in(mail_to(site, "noah@example.org"), "d"))
        with window.expect_download() as download:
            window.get_by_role("button", name="Download").click()

        assert download.value.suggested_filename == "readiness-guide.pdf"
