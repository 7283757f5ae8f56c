"""Every page has its row in the reference, which says whom it is for; and nothing else has one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from nurture.model.accounts import ADMINS, CALLERS, EVERYBODY, MARKETERS, Role
from nurture.settings import Settings
from nurture.web.guard import OPEN
from nurture.web.site import create_app
from tests.support.documents import read, rows, section

AUDIENCES = {
    OPEN: "anybody",
    EVERYBODY: "everybody",
    CALLERS: "callers",
    MARKETERS: "marketers",
    ADMINS: "admins",
}
"""As the reference names them."""


@pytest.fixture
def routes(sqlite_url: str, tmp_path: Path) -> Mapping[str, str]:
    """Whom each route is for: ``{"GET /admin/": "everybody"}``."""
    app = create_app(Settings(project=tmp_path, database_url=sqlite_url))
    return {
        f"{verb} {rule.rule}": AUDIENCES[getattr(app.view_functions[rule.endpoint], "allowed_roles", OPEN)]
        for rule in app.url_map.iter_rules()
        if rule.endpoint not in ("static", "root")
        for verb in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }


def test_every_page_for_people_who_log_in_has_its_row_and_says_whom_it_is_for(
    routes: Mapping[str, str],
) -> None:
    described = rows(section(read("docs/pages.md"), "Routes"))

    told = {route: cells[0] for route, cells in described.items()}

    assert told == {route: whom for route, whom in routes.items() if " /admin" in route}


def test_every_public_page_has_its_row(routes: Mapping[str, str]) -> None:
    described = rows(section(read("docs/operations.md"), "Pages"))

    assert set(described) == {route for route in routes if " /admin" not in route and " /api" not in route}


def test_every_role_has_its_row() -> None:
    assert list(rows(section(read("docs/pages.md"), "Roles"))) == list(Role)
