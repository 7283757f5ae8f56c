"""The API as another system sees it: a token, a request, an answer in JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from nurture.model.accounts import Scope
from nurture.services.staff import tokens
from nurture.web import create_app
from tests.support.running import Running


@dataclass(slots=True)
class Shop:
    """A system with a token."""

    client: FlaskClient
    token: str

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    def report(self, events: Any) -> TestResponse:
        return self.send("POST", "/api/v1/events", events)

    def store(self, contacts: Any) -> TestResponse:
        return self.send("PUT", "/api/v1/contacts", contacts)

    def send(self, method: str, path: str, body: Any) -> TestResponse:
        """Whatever JSON has, null and nonsense too."""
        text = json.dumps(body)
        return self.client.open(
            path, method=method, data=text, headers=self.headers, content_type="application/json"
        )


def a_shop(running: Running, *scopes: Scope, name: str = "web-shop") -> Shop:
    """A system that may do all, or what is said."""
    client = create_app(running.nurture.settings, running.nurture).test_client()
    return Shop(client, tokens.add(running.nurture.runtime, name, scopes or tuple(Scope), actor="a test"))
