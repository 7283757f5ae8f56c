"""An installation whose messages come back: one workflow that waits for an answer, and short words to take reports in."""

from __future__ import annotations

from nurture.db import contacts, events, reports, suppressions
from nurture.db.addresses import email_hash
from nurture.db.deliveries import Delivery
from nurture.db.reports import Reported
from nurture.db.state import hash_key
from nurture.model.addresses import same_key
from nurture.model.words import Channel, Event
from nurture.services.inbound import Taken, take
from tests.support.running import Running

MAILS = ("hello", "talk", "reminder", "second")
WORKFLOW = """\
workflow: answers
title: From the first mail to an answer
purpose: nurture
stages:
  - stage: interest
    need: Know whether this is for me
    trigger: a.happened
    validate: meeting.booked
    steps:
      - email: hello
      - wait_until: email.replied
        timeout: 3 days
        on_timeout:
          - email: reminder
      - email: talk
        after: 1 hour
      - email: second
        after: 2 days
    loss:
      - on: email.replied where event.status == "never"
        reason: never
      - after: 60 days
        reason: timed-out
"""
DOMAIN = "bounces.example.org"


def live(running: Running, *emails: str) -> Running:
    """Everybody has had the first mail."""
    running.write("workflows/answers.yaml", WORKFLOW)
    running.publish()
    for email in emails or ("ana@example.org",):
        running.add(email)
        running.track("a.happened", email)
    running.run()
    return running


def first_of(running: Running, email: str = "ana@example.org") -> Delivery:
    return running.deliveries(email)[0]


def id_of(running: Running, email: str = "ana@example.org") -> str:
    """The Message-ID of the first mail."""
    found = first_of(running, email).message_id
    assert found
    return found


def return_path_of(running: Running, email: str = "ana@example.org") -> str:
    return running.nurture.runtime.links.return_path(first_of(running, email).key, DOMAIN)


def takes(running: Running, raw: bytes, source: str = "pipe") -> Taken:
    return take(running.nurture.runtime, raw, source)


def told(running: Running, email: str = "ana@example.org") -> list[tuple[str, dict[str, object]]]:
    return [(one.name, dict(one.data)) for one in mail_events(running, email)]


def mail_events(running: Running, email: str = "ana@example.org") -> list[Event]:
    with running.nurture.database.read() as tx:
        contact = contacts.by_email(tx, [email])[email]
        found = events.of_contact(tx, contact.id)
    return [one for one in reversed(found) if one.name.startswith("email.")]


def closed(running: Running, email: str = "ana@example.org") -> set[str]:
    """Why an address is on the list, contact or not."""
    with running.nurture.database.read() as tx:
        address = email_hash(hash_key(tx), same_key(email))
        return {str(one) for one in suppressions.of_hashes(tx, [address], Channel.EMAIL).get(address, ())}


def noted(running: Running) -> list[Reported]:
    """Every report, oldest first."""
    with running.nurture.database.read() as tx:
        return list(reversed(reports.page(tx, limit=500)))


def ends(running: Running, email: str = "ana@example.org") -> list[tuple[str, str | None]]:
    return [(one.status.value, one.end_reason) for one in running.enrollments(email)]
