"""What visitors do: they ask for an offer on its page, and follow the links of the mail they get."""

from __future__ import annotations

import re
from email.message import EmailMessage

from playwright.sync_api import Page, expect

from tests.browser.site import Site
from tests.support.waiting import until

GUIDE = "readiness-guide"
PACE = 70
"""Milliseconds from key to key: a form that is filled in faster than people type is taken for a robot's."""


def ask_for(page: Page, offer: str, email: str, *, name: str = "Vera", consent: bool = True) -> None:
    """Fill in the form of ``offer`` and send it; the thanks are shown."""
    page.goto(f"/o/{offer}")
    page.get_by_label("E-mail").press_sequentially(email, delay=PACE)
    if page.get_by_label("First name").count():
        page.get_by_label("First name").fill(name)
    if consent:
        page.locator("[name=consent]").check()
    page.locator("form[method=post] button").click()
    expect(page).to_have_url(re.compile(rf"/o/{offer}/thanks$"))


def mail_to(site: Site, email: str, number: int = 1) -> EmailMessage:
    """The ``number``-th mail that this person got, as soon as it is there."""
    return until(lambda: site.mails_to(email)[number - 1 : number], deadline=30)[0]


def link_in(mail: EmailMessage, kind: str) -> str:
    """The first link of this kind (``d`` download, ``c`` click, ``u`` leave, ``confirm``) in a mail."""
    body = mail.get_body(("plain",))
    assert body is not None
    found = re.search(rf"https?://[^\s<>)]+/{kind}/[^\s<>)]+", body.get_content())
    assert found, body.get_content()
    return found[0]
