"""What the browser tests share: one demo that runs, one chromium, and a window for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.site import Complaints, Site, a_window, log_in, running_chromium, running_demo


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A demo with everything running; about fifteen seconds, once."""
    with running_demo(tmp_path_factory.mktemp("demo") / "company") as running:
        yield running


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with running_chromium() as chromium:
        yield chromium


@pytest.fixture
def page(browser: Browser, site: Site) -> Iterator[Page]:
    """A window of somebody who is not logged in. What its browser complains about fails the test."""
    with a_window(browser, site) as window:
        complaints = Complaints(window)
        yield window
        assert complaints.taken() == []


@pytest.fixture
def admin(page: Page, site: Site) -> Page:
    """The window of an admin who is logged in."""
    log_in(page, site.user, site.password)
    return page
