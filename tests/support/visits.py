"""Visits to the links of a message, as people and machines make them, and what became of them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from email.message import EmailMessage
from html import unescape
from urllib.parse import urlsplit

from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from nurture.db import contacts, events
from nurture.db.hits import H
from nurture.model.words import Event
from nurture.web import create_app
from tests.support.running import Running

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0"
WORKFLOW = """\
    workflow: told
    title: From a mail to a meeting
    purpose: nurture
    stages:
      - stage: first
        need: Know where I stand
        trigger: a.happened
        validate: b.happened
        steps:
          - email: linked
          - wait_until: email.clicked
            timeout: 30 days
            on_timeout:
              - {lose: never-clicked}
          - email: thanks
        loss:
          - {after: 60 days, reason: silent}
    """
LINKED = """\
---
subject: Three ways to go on
---
Read [the first](https://www.example.org/first?from=mail&to=you), [the second](https://www.example.org/second)
or [the third](https://www.example.org/third). [Leave]({{ links.unsubscribe }}), {{ workspace.postal_address }}.
"""
FIRST, SECOND, THIRD = (
    "https://www.example.org/first?from=mail&to=you",
    "https://www.example.org/second",
    "https://www.example.org/third",
)


def live(running: Running, template: str = LINKED, tracking: str = "", kind: str = "md") -> Running:
    """A workflow whose first mail has three links and whose second waits for a click."""
    toml = running.project / "nurture.toml"
    toml.write_text(f"{toml.read_text()}\n{tracking}\n")
    running.write("workflows/told.yaml", WORKFLOW)
    (running.project / "templates" / "email").mkdir(parents=True, exist_ok=True)
    (running.project / "templates" / "email" / f"linked.{kind}").write_text(template)
    running.publish()
    return running


def mailed(running: Running, email: str = "ana@example.org") -> EmailMessage:
    """The message with the links, sent this very second."""
    running.add(email)
    running.track("a.happened", email)
    running.run()
    return newest_to(running, email)


def newest_to(running: Running, email: str) -> EmailMessage:
    return [mail for mail in running.mails() if email in str(mail["To"])][-1]


def html_of(mail: EmailMessage) -> str:
    part = mail.get_body(("html",))
    assert part is not None
    return str(part.get_content())


def text_of(mail: EmailMessage) -> str:
    part = mail.get_body(("plain",))
    assert part is not None
    return str(part.get_content())


@dataclass
class Links:
    """What of a message leads over us, as paths: ``ways`` in their order, the trap, and the picture."""

    ways: Sequence[str]
    trap: str | None
    picture: str | None


def links_of(mail: EmailMessage) -> Links:
    html = html_of(mail)
    hidden = re.search(r'<a href="([^"]+)" style="display:none"', html)
    trap = urlsplit(unescape(hidden[1])).path if hidden else None
    ways = [urlsplit(unescape(found)).path for found in re.findall(r'href="([^"]+/c/[^"]+)"', html)]
    pictures = re.findall(r'src="([^"]+/p/[^"]+\.gif)"', html)
    return Links(
        [way for way in ways if way != trap], trap, urlsplit(unescape(pictures[0])).path if pictures else None
    )


@dataclass
class Reader:
    """Somebody, or something, at the other end: where they sit and what they read with."""

    running: Running
    place: str = "203.0.113.7"
    agent: str = FIREFOX
    headers: Mapping[str, str] = field(default_factory=dict)
    client: FlaskClient | None = None

    def visits(self, path: str, method: str = "GET", **headers: str) -> TestResponse:
        self.client = (
            self.client or create_app(self.running.nurture.settings, self.running.nurture).test_client()
        )
        return self.client.open(
            path,
            method=method,
            headers={"User-Agent": self.agent, **self.headers, **headers},
            environ_base={"REMOTE_ADDR": self.place},
        )


def grades(running: Running) -> list[tuple[str, str | None]]:
    """Every visit that was noted: its kind and who it is taken for, in their order."""
    with running.nurture.database.read() as tx:
        rows = tx.execute(select(H.c.kind, H.c.grade).order_by(H.c.id)).all()
    return [(row.kind, row.grade) for row in rows]


def told(running: Running, email: str = "ana@example.org") -> list[Event]:
    """The visits that the workflows heard of, oldest first."""
    return list(_visits_of(running, email))


def _visits_of(running: Running, email: str) -> Iterator[Event]:
    with running.nurture.database.read() as tx:
        contact = contacts.by_email(tx, [email])[email]
        found = events.of_contact(tx, contact.id)
    yield from (one for one in reversed(found) if one.name in ("email.opened", "email.clicked"))
