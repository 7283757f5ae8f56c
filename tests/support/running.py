"""A whole nurture in a test: a published project, a frozen clock, caught mail, and short words to live through it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from textwrap import dedent
from typing import Any

from nurture.db import consents, contact_import, contacts, content, deliveries, enrollments, tasks, turns
from nurture.db.consents import Consent, ConsentAction
from nurture.db.contact_import import NewContact
from nurture.db.deliveries import Delivery
from nurture.model.clock import FrozenClock
from nurture.model.words import Channel, Contact, Enrollment, EnteredBy, Scalar
from nurture.services.advancing import enroll
from nurture.services.advancing.enroll import Request
from nurture.services.events import ingest
from nurture.services.events.ingest import Happening
from nurture.services.releases import publish
from nurture.services.runtime import Runtime
from nurture.settings import Settings
from nurture.wiring import Nurture, build
from tests.support.worlds import MONDAY

TOML = """\
[workspace]
name = "Tamarack Lane"
postal_address = "1 Tamarack Lane, Toronto"
timezone = "America/Toronto"
clock = "movable"

[fields]
plan = ["basic", "plus"]
is_competitor = "bool"

[events]
names = ["a.happened", "b.happened", "meeting.booked", "quote.requested"]

[calendars.business]
days = "mon-fri"

[senders.default]
from = "Tamarack Lane <hello@example.org>"

[teams.sales]
members = ["kim@example.org", "lee@example.org"]
"""
MAIL = """\
---
subject: "{name} for {{{{ contact.first_name or 'you' }}}}"
---
This is {name}. [Leave]({{{{ links.unsubscribe }}}}), {{{{ workspace.postal_address }}}}.
"""
LINKED = MAIL + "\n[Download it]({{{{ offer.link }}}})\n"


def track_by_email(
    runtime: Runtime, email: str, name: str, data: Mapping[str, Scalar], **more: Any
) -> ingest.Taken:
    """Take in one event of the contact with this address."""
    with runtime.database.read() as tx:
        contact = contacts.by_email(tx, [email])[email]
    return ingest.track(runtime, [Happening(contact_id=contact.id, name=name, data=data, **more)])


@dataclass
class Running:
    """One installation. Every word takes and returns plain values."""

    nurture: Nurture
    clock: FrozenClock
    project: Path

    def write(self, path: str, text: str) -> None:
        file = self.project / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(dedent(text))

    def publish(self) -> None:
        publish.publish(self.nurture.runtime, self.project)

    def add(self, email: str = "ana@example.org", consent: str | None = "nurture", **over: object) -> Contact:
        values = {"first_name": "Ana", "phone": "+14165550100", "timezone": "America/Toronto", **over}
        with self.nurture.database.write() as tx:
            contact_import.upsert(tx, [NewContact(email=email, **values)], self.clock.now())  # type: ignore[arg-type]
            contact = contacts.by_email(tx, [email])[email]
            if consent:
                grant = Consent(
                    contact_id=contact.id,
                    channel=Channel.EMAIL,
                    purpose=consent,
                    action=ConsentAction.GRANTED,
                    at=self.clock.now(),
                    source="a test",
                )
                consents.add(tx, [grant])
        return contact

    def track(self, name: str, email: str = "ana@example.org", **data: Scalar) -> ingest.Taken:
        return track_by_email(self.nurture.runtime, email, name, data)

    def enroll(self, workflow: str, email: str = "ana@example.org") -> enroll.Answer:
        with self.nurture.database.write() as tx:
            contact = contacts.by_email(tx, [email])[email]
            request = Request(contact.id, workflow, EnteredBy.HAND, "a test says so")
            return enroll.enter_all(tx, self.nurture.runtime.shelf, [request], self.clock.now())[0]

    def run(self) -> None:
        self.nurture.run_until_idle()

    def advance(self, step_hours: float = 1, **amount: float) -> None:
        """Time passes hour by hour, and what falls due is done."""
        from datetime import timedelta

        until = self.clock.now() + timedelta(**amount)
        self.run()
        while self.clock.now() < until:
            self.clock.advance(seconds=min(3600 * step_hours, (until - self.clock.now()).total_seconds()))
            self.run()

    # --- what tests read ------------------------------------------------------------------------------------

    def deliveries(self, email: str = "ana@example.org") -> list[Delivery]:
        with self.nurture.database.read() as tx:
            return deliveries.of_contact(tx, contacts.by_email(tx, [email])[email].id)

    def states(self, email: str = "ana@example.org") -> list[tuple[str, str, str | None]]:
        return [(one.template, one.state.value, one.reason) for one in self.deliveries(email)]

    def mails(self) -> list[EmailMessage]:
        files = sorted((self.project / "var" / "mail").glob("*.eml"))
        parsed = [message_from_bytes(file.read_bytes(), policy=default) for file in files]
        return [mail for mail in parsed if isinstance(mail, EmailMessage)]

    def enrollments(self, email: str = "ana@example.org") -> list[Enrollment]:
        with self.nurture.database.read() as tx:
            return enrollments.of_contact(tx, contacts.by_email(tx, [email])[email].id)

    def moves(self, email: str = "ana@example.org") -> list[str]:
        with self.nurture.database.read() as tx:
            found = turns.transitions_of(tx, contacts.by_email(tx, [email])[email].id)
        return [f"{one.change} {one.stage}" for one in found]

    def calls(self, email: str = "ana@example.org") -> list[tuple[str, str, str | None]]:
        with self.nurture.database.read() as tx:
            found = tasks.of_contact(tx, contacts.by_email(tx, [email])[email].id)
        return [(one.script, one.state.value, one.assignee) for one in found]


def a_nurture(
    database_url: str, folder: Path, *, mails: tuple[str, ...] = (), at: datetime = MONDAY, **settings: Any
) -> Running:
    """An installation on this database with an empty project: workspace and these plain mails."""
    project = folder / "project"
    project.mkdir()
    (project / "nurture.toml").write_text(TOML)
    secret = ("a-test-key-that-is-long-enough" * 2,)
    chosen = Settings(project=project, database_url=database_url, secret_keys=secret, **settings)
    clock = FrozenClock(at)
    running = Running(build(chosen, clock), clock, project)
    for name in mails:
        running.write(f"templates/email/{name}.md", MAIL.format(name=name))
    return running


def put_live(running: Running, path: str, text: str) -> None:
    """Change what is live without a check, as an older program or a hand in the database might have."""
    with running.nurture.database.write() as tx:
        files = {**content.published_files(tx), path: text.encode()}
        content.publish_contents(tx, files, running.clock.now())
    running.nurture.runtime.shelf.forget()
