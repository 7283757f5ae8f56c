"""Do the pages answer? Asks every one of them once, as somebody who may see all; then logs out, and has changed nothing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from flask import Flask, url_for

if TYPE_CHECKING:
    from nurture.model.accounts import Account
    from nurture.wiring import Nurture

ELSEWHERE = frozenset({"health.ready", "static"})
"""`/readyz` waits for a scheduler, which need not run yet."""
FOR_PROGRAMS = "api."
"""Routes that want a token, which somebody who logs in has none of."""


def silent_pages(app: Flask, nurture: Nurture, reader: Account) -> list[tuple[str, int]]:
    """The pages that do not answer with 200 (or, where they lead on, 303), each with its status."""
    from nurture.services.staff import accounts

    client, token = app.test_client(), accounts.log_in(nurture.runtime, reader)
    try:
        with client.session_transaction() as session:
            session["_user_id"] = token
        answers = [(path, client.get(path).status_code) for path in paths(app, nurture)]
    finally:
        accounts.log_out(nurture.runtime, token)
    return [(path, status) for path, status in answers if status not in (200, 303)]


def paths(app: Flask, nurture: Nurture) -> Iterator[str]:
    """Every page that needs no name, and one example of those that do."""
    examples = dict(named(nurture))
    with app.test_request_context():
        for rule in app.url_map.iter_rules():
            known = examples.get(rule.endpoint, {})
            ours = rule.endpoint not in ELSEWHERE and not rule.endpoint.startswith(FOR_PROGRAMS)
            asked = "GET" in (rule.methods or ()) and ours
            if asked and rule.arguments <= set(known):
                yield url_for(rule.endpoint, **known)


def named(nurture: Nurture) -> Iterator[tuple[str, dict[str, Any]]]:
    """Examples for the pages about one contact, call, workflow, offer and message."""
    from nurture.db import deliveries, tasks
    from nurture.rendering.links import Kind

    with nurture.database.read() as tx:
        published = nurture.runtime.shelf.published(tx)
        mails = deliveries.sent_after(tx, datetime(2000, 1, 1, tzinfo=UTC))
        calls = tasks.queue(tx, limit=1)
    yield "workflows.one", {"name": next(iter(published.workflows))}
    yield "offer.show", {"name": next(iter(published.offers))}
    for mail in mails[:1]:
        yield "contact.show", {"contact_id": mail.contact_id}
        yield "leave.show", {"token": nurture.runtime.links.token(Kind.LEAVE, mail.key)}
    for call in calls:
        yield "calls.one", {"task_id": call.id}
