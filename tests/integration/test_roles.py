"""Every page of the admin × every role: who is let in, who is turned away, and that looking changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.routing import IntegerConverter, Rule

from nurture.db.tables import Base
from nurture.model.accounts import Role
from tests.support.browsing import Browser, a_browser, an_account, token_of
from tests.support.running import Running, a_nurture

OWN_MATTERS = {"login.leave", "me.save", "me.password"}
"""What everybody may do who is logged in: it concerns only themselves."""
FOR_ADMINS = ("people.", "audit.", "rights.")
LEFT_OUT = {"logins", "state"}
"""Tables in which a visit may leave a trace."""


@pytest.fixture
def company(sqlite_url: str, tmp_path: Path) -> Iterator[Running]:
    running = a_nurture(sqlite_url, tmp_path)
    running.publish()
    running.add()
    yield running
    running.nurture.database.dispose()


def rules_of(app: Flask, method: str) -> list[Rule]:
    return [
        rule
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/admin")
        and method in (rule.methods or ())
        and rule.endpoint not in ("login.show", "login.act")
    ]


def path_of(app: Flask, rule: Rule) -> str:
    """The rule with something for each of its words; most of it does not exist."""
    words = {
        name: 1 if isinstance(rule._converters[name], IntegerConverter) else "none" for name in rule.arguments
    }
    with app.test_request_context():
        return app.url_for(rule.endpoint, **words)


def roles_of(app: Flask, rule: Rule) -> frozenset[Role]:
    roles: frozenset[Role] = app.view_functions[rule.endpoint].allowed_roles  # type: ignore[attr-defined]
    return roles


def turned_away(browser: Browser, path: str, method: str) -> bool:
    if method == "GET":
        return browser.get(path).status_code == 403
    return browser.post(path, one_time="x").status_code == 403


@pytest.mark.parametrize("role", list(Role))
def test_every_page_lets_in_whom_it_is_for_and_nobody_else(company: Running, role: Role) -> None:
    browser = a_browser(company, role)
    app = browser.client.application
    wrong = []

    for method in ("GET", "POST"):
        for rule in rules_of(app, method):
            if rule.endpoint == "login.leave":
                continue
            if turned_away(browser, path_of(app, rule), method) is (role in roles_of(app, rule)):
                wrong.append(f"{role} {method} {rule.rule}")

    assert wrong == []


def test_a_stranger_is_asked_to_log_in_everywhere(company: Running) -> None:
    browser = a_browser(company, None)
    app = browser.client.application
    token = token_of(browser.get("/admin/log-in").text)

    open_to_all = [
        rule.rule
        for method in ("GET", "POST")
        for rule in rules_of(app, method)
        if not browser.client.open(
            path_of(app, rule), method=method, data={"csrf_token": token}
        ).location.startswith("/admin/log-in")
    ]

    assert open_to_all == []


def test_a_viewer_may_look_and_change_nothing_but_their_own_matters(company: Running) -> None:
    app = a_browser(company, None).client.application

    allowed = {
        rule.endpoint for rule in rules_of(app, "POST") if Role.VIEWER in roles_of(app, rule)
    } - OWN_MATTERS

    assert allowed == set()


def test_those_who_log_in_are_managed_by_admins_alone(company: Running) -> None:
    app = a_browser(company, None).client.application
    managing = [
        rule
        for method in ("GET", "POST")
        for rule in rules_of(app, method)
        if rule.endpoint.startswith(FOR_ADMINS)
    ]

    assert managing
    assert {roles_of(app, rule) for rule in managing} == {frozenset({Role.ADMIN})}


def test_no_post_is_taken_without_the_token_of_a_page_of_ours(company: Running) -> None:
    browser = a_browser(company)
    app = browser.client.application

    taken = [
        rule.rule
        for rule in rules_of(app, "POST")
        if browser.client.post(path_of(app, rule)).status_code != 400
    ]

    assert taken == []


def test_looking_at_every_page_changes_nothing(company: Running) -> None:
    an_account(company)
    browser = a_browser(company)
    app = browser.client.application
    before = everything_in(company)

    for rule in rules_of(app, "GET"):
        browser.get(path_of(app, rule))
        browser.client.head(path_of(app, rule))

    assert everything_in(company) == before


def everything_in(running: Running) -> dict[str, list[tuple[object, ...]]]:
    with running.nurture.database.read() as tx:
        return {
            table.name: [tuple(row) for row in tx.execute(select(table))]
            for table in Base.metadata.sorted_tables
            if table.name not in LEFT_OUT
        }
