"""The page that everybody gets, from the link of a mail: fewer, a pause, the way out, and back by a button in a mail."""

from __future__ import annotations

from playwright.sync_api import Browser, Page, expect

from tests.browser.site import (
    SCHEMES,
    Scheme,
    Site,
    a_window,
    accessibility_problems,
    log_in,
    press,
    wider_than_the_window,
)
from tests.browser.test_journeys import find
from tests.browser.visitors import GUIDE, ask_for, link_in, mail_to

NINA = "nina@example.org"


def test_from_a_phone_without_javascript_somebody_slows_down_pauses_leaves_and_comes_back(
    browser: Browser, site: Site
) -> None:
    with a_window(browser, site, 390, javascript=False) as window:
        ask_for(window, GUIDE, NINA, name="Nina")
        link = link_in(mail_to(site, NINA), "u").partition("#")[0]
        window.goto(link)
        heading, main = window.get_by_role("heading", level=1), window.get_by_role("main")
        expect(heading).to_have_text("Your messages from Tamarack Lane Financial Planning")
        expect(main).to_contain_text("Yes, send me tips on retirement. I can stop any time.")
        expect(window.locator("ol.coming li").first).to_be_visible()
        expect(main).not_to_contain_text(NINA)

        window.get_by_label("At most one in two weeks").check()
        press(window, "Save how often")
        expect(window.get_by_role("status")).to_contain_text("Saved")
        expect(window.get_by_label("At most one in two weeks")).to_be_checked()

        window.get_by_label("4 weeks").check()
        press(window, "Pause my messages")
        expect(main).to_contain_text("Paused until")
        press(window, "Go on now")
        expect(main).not_to_contain_text("Paused until")

        press(window, "Stop everything from us")
        expect(heading).to_have_text("Done, you have left")
        window.goto(link)
        expect(heading).to_have_text("You have left already")

        press(window, "Write to me again")
        expect(heading).to_have_text("Look into your mail")
        window.goto(link_in(mail_to(site, NINA, 2), "confirm"))
        press(window, "Yes, write to me again")
        window.goto(link)
        expect(heading).to_have_text("Your messages from Tamarack Lane Financial Planning")


def test_every_state_of_the_page_is_easy_to_read_for_everybody(browser: Browser, site: Site) -> None:
    for scheme in SCHEMES:
        problems: list[str] = []
        email = f"olga.{scheme}@example.org"
        with a_window(browser, site, 390, scheme) as window:
            ask_for(window, GUIDE, email, name="Olga")
            window.goto(link_in(mail_to(site, email), "u"))
            for button in ("Save how often", "Pause my messages", "Stop these messages", "Write to me again"):
                problems += seen(window, scheme)
                press(window, button)
            problems += seen(window, scheme)

        assert problems == []


def test_a_sales_person_finds_on_the_contacts_page_what_somebody_chose(browser: Browser, site: Site) -> None:
    with a_window(browser, site) as window:
        ask_for(window, GUIDE, "petra@example.org", name="Petra")
        window.goto(link_in(mail_to(site, "petra@example.org"), "u"))
        press(window, "Pause my messages")
        log_in(window, site.user, site.password)
        find(window, "petra@example.org")

        expect(window.get_by_role("region", name="Permission")).to_contain_text("They asked for a pause")
        expect(window.get_by_role("main")).to_contain_text("Asked for a pause until")
        assert accessibility_problems(window) == []


def seen(page: Page, scheme: Scheme) -> list[str]:
    found = [*accessibility_problems(page), *wider_than_the_window(page)]
    return [f"{scheme}, {page.get_by_role('heading', level=1).text_content()}: {one}" for one in found]
