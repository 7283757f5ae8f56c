"""Is what docs/api.md tells of the API what the API does?"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest

from nurture.model.accounts import Scope
from nurture.services.events.storing import ConsentForm, ContactForm
from nurture.services.events.tracking import EventForm
from nurture.web.api import answers, routes
from tests.integration.test_leave_page import live
from tests.support.api import Shop, a_shop
from tests.support.documents import blocks, read, rows, section, spans
from tests.support.running import a_nurture

API = read("docs/api.md")


@pytest.fixture
def shop(sqlite_url: str, tmp_path: Path) -> Iterator[Shop]:
    running = live(a_nurture(sqlite_url, tmp_path, mails=("receipt", "hello", "later")))
    yield a_shop(running)
    running.nurture.database.dispose()


def curl(described: str) -> tuple[str, str, Any]:
    """Method, path and body of the command in a section."""
    words = shlex.split(blocks(described, "console")[0].text.replace("\\\n", " "))
    url = next(word for word in words if word.startswith("http"))
    return (
        words[words.index("-X") + 1],
        re.sub(r"http://[^/]+", "", url),
        json.loads(words[words.index("-d") + 1]),
    )


def test_the_commands_of_the_description_work_in_their_order(shop: Shop) -> None:
    for heading in ("PUT /api/v1/contacts", "POST /api/v1/events"):
        described = section(API, heading)
        method, path, body = curl(described)
        told = re.search(r"The answer is `(\{.*?\})`\.", described)

        answer = shop.client.open(path, method=method, json=body, headers=shop.headers)

        assert told is not None
        assert f"{method} {path}" == heading
        assert answer.json == json.loads(told[1])


def test_every_key_scope_and_limit_is_told() -> None:
    contact, event = section(API, "PUT /api/v1/contacts"), section(API, "POST /api/v1/events")

    keys = {*ContactForm.model_fields, *ConsentForm.model_fields}
    assert set(spans(contact)) >= keys | {Scope.CONTACTS_WRITE}
    assert set(rows(event)) == set(EventForm.model_fields)
    assert Scope.EVENTS_WRITE in spans(event)
    assert routes.PER_TOKEN.split("/")[0] in API
    assert routes.PER_PLACE.split("/")[0] in API


def test_every_failure_is_told() -> None:
    described = section(API, "Answers")

    told = {int(status): cells[0].strip("`") for status, cells in table(described).items()}

    usual = {int(status) for status in answers.FAILURES}
    assert set(told) == usual | {HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED}
    for status, code in told.items():
        expected = HTTPStatus(status).name.lower().replace("_", "-")
        assert code == ("problems" if status == HTTPStatus.UNPROCESSABLE_ENTITY else expected)


def table(text: str) -> dict[str, list[str]]:
    found = re.findall(r"^\| (\d{3}) \| (.*) \|$", text, re.MULTILINE)
    return {status: cells.split(" | ") for status, cells in found}
