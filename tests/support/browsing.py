"""A browser in a test: the whole site around a running nurture, logged in as somebody with a role."""

from __future__ import annotations

import re

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from nurture.model.accounts import Account, Role
from nurture.model.errors import NotFoundError
from nurture.services.staff import accounts
from nurture.web.site import create_app
from tests.support.running import Running

PASSWORD = "correct horse battery"


class Browser:
    """A client of the site that sends the hidden token of its own last page with every post."""

    def __init__(self, running: Running) -> None:
        self.client: FlaskClient = create_app(running.nurture.settings, running.nurture).test_client()

    def get(self, path: str, **more: object) -> TestResponse:
        return self.client.get(path, **more)

    def post(self, path: str, _from: str | None = None, **data: object) -> TestResponse:
        """Post a form with the token of the page at ``_from`` (the log-in's own page for a stranger)."""
        page = self.client.get(_from or "/admin/me")
        if page.status_code != 200:
            page = self.client.get("/admin/log-in")
        return self.client.post(path, data={**data, "csrf_token": token_of(page.text)})

    def cookie(self) -> str | None:
        found = self.client.get_cookie("nurture")
        return found.value if found else None


def token_of(page: str) -> str:
    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
    assert found, "this page has no form of ours"
    return found[1]


def an_account(running: Running, role: Role = Role.ADMIN, email: str | None = None) -> Account:
    """The person with this role; made when there is none yet."""
    address = email or f"{role}@example.org"
    try:
        return accounts.account(running.nurture.runtime, address)
    except NotFoundError:
        return accounts.add(running.nurture.runtime, address, role, PASSWORD, actor="a test")


def a_browser(running: Running, role: Role | None = Role.ADMIN, email: str | None = None) -> Browser:
    """Somebody's browser; without a role, that of a stranger."""
    browser = Browser(running)
    if role is not None:
        account = an_account(running, role, email)
        answer = browser.post("/admin/log-in", _from="/admin/log-in", email=account.email, password=PASSWORD)
        assert answer.status_code == 303, answer.text
    return browser
