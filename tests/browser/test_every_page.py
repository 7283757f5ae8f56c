"""Is every page fit to be used: by anybody, at any width, by day and by night?"""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.props import CONFIRMED, DRAFTED
from tests.browser.site import (
    SCHEMES,
    WIDTHS,
    Complaints,
    Scheme,
    Site,
    a_window,
    accessibility_problems,
    log_in,
    wider_than_the_window,
)
from tests.browser.visitors import ask_for, mail_to
from tests.browser.walk import Found, unvisited, walk


@pytest.fixture(scope="module")
def found(browser: Browser, site: Site) -> Found:
    """Every page that an admin can get to, once a visitor has been there too."""
    with a_window(browser, site) as window:
        ask_for(window, CONFIRMED, "walker@example.org")
        mail_to(site, "walker@example.org")
        log_in(window, site.user, site.password)
        save_a_segment(window)
        return walk(site, window.request)


def save_a_segment(window: Page) -> None:
    """One that was saved here has pages that one of a file has not."""
    window.goto("/admin/segments/+new")
    window.get_by_label("Name").fill("a-few")
    window.get_by_label("Condition").fill("contact.score >= 1")
    window.get_by_role("button", name="Save").click()
    expect(window.get_by_role("status").first).to_contain_text("Saved")


def test_links_lead_to_every_page(found: Found, site: Site) -> None:
    assert unvisited(site, found) == []


def test_no_link_leads_nowhere(found: Found) -> None:
    assert found.broken == []


@pytest.mark.parametrize("width", WIDTHS)
def test_a_long_line_that_is_wrong_pushes_no_page_sideways(width: int, browser: Browser, site: Site) -> None:
    file = site.project / DRAFTED
    sound = file.read_text(encoding="utf-8")
    broken = sound.replace("trigger: manual", f"triger: {'a.long.name ' * 20}")

    with a_window(browser, site, width) as window:
        log_in(window, site.user, site.password)
        file.write_text(broken, encoding="utf-8")
        try:
            window.goto("/admin/workflows/call-me")
            expect(window.locator(".fault").first).to_be_visible()
            wide = wider_than_the_window(window)
        finally:
            file.write_text(sound, encoding="utf-8")

    assert wide == []


@pytest.mark.timeout(600)
@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", WIDTHS)
def test_every_page_is_accessible_fits_its_window_and_breaks_no_rule_of_its_own(
    width: int, scheme: Scheme, found: Found, browser: Browser, site: Site
) -> None:
    problems: list[str] = []

    with a_window(browser, site, width, scheme) as window:
        log_in(window, site.user, site.password)
        complaints = Complaints(window)
        for path in found.pages:
            window.goto(path)
            wrong = [*complaints.taken(), *wider_than_the_window(window), *accessibility_problems(window)]
            complaints.taken()  # axe itself may try what our rules forbid
            problems += [f"{path}: {one}" for one in wrong]

    assert not problems, "\n".join(problems)
