"""Templates, facts and mails for tests: whole and plausible, so that a test says only what it is about."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from nurture.model.addresses import Mailbox
from nurture.rendering.mime import Mail
from nurture.rendering.templates import Library, TemplateProblems, TemplateSource, compile_message

SAMPLE = Path(__file__).parents[2] / "templates"

LAYOUT = """<!doctype html>
<html lang="en"><head><title>{{ subject }}</title>
<style>p { color: #222222 } .unseen { display: none } @media (max-width: 480px) { p { color: black } }</style></head>
<body>{% if preheader %}<div class="unseen">{{ preheader }}</div>{% endif %}
<main>{{ body }}</main>
<footer><p>{{ workspace.name }}, {{ workspace.postal_address }}</p>
<p><a href="{{ links.unsubscribe }}">Unsubscribe</a></p></footer></body></html>"""


def some_facts(**over: object) -> dict[str, object]:
    """What a template may look up, for Ana."""
    contact = {
        "email": "ana@example.org",
        "first_name": "Ana",
        "last_name": None,
        "age": 57.0,
        "retired": False,
    }
    return {
        "contact": {**contact, "items": "two", "tags": frozenset({"warm", "client"}), "score": 20.0},
        "workspace": {
            "name": "Tamarack & Lane",
            "postal_address": "18 Tamarack Lane, Toronto",
            "privacy_url": None,
        },
        "stage": {"name": "lead-offer", "need": "Know where I stand", "bucket": "MQL"},
        "offer": {
            "name": "guide",
            "title": "The guide",
            "promise": "Know",
            "link": "https://example.org/d/token",
        },
        "event": {
            "name": "offer.requested",
            "at": datetime(2026, 3, 2, 14, 5, tzinfo=UTC),
            "amount": 12500.0,
        },
        "links": {
            "unsubscribe": "https://example.org/u/token",
            "preferences": "https://example.org/u/token#preferences",
        },
        "owner": {"name": "Kim", "email": "kim@example.org"},
        "answers": {},
        "marketing": True,
        **over,
    }


def a_contact(**over: object) -> dict[str, object]:
    """Facts in which the contact differs from Ana in these fields."""
    facts = some_facts()
    contact = facts["contact"]
    assert isinstance(contact, dict)
    return {**facts, "contact": {**contact, **over}}


def a_source(body: str, *, kind: str = "md", subject: str = "Hello", more: str = "") -> TemplateSource:
    """The message ``email/it`` with this body."""
    return TemplateSource.at(f"email/it.{kind}", f'---\nsubject: "{subject}"\n{more}---\n{body}')


def sample_library() -> Library:
    """The sample company's templates."""
    files = (file for file in sorted(SAMPLE.rglob("*")) if file.suffix in (".md", ".html", ".txt"))
    return Library(
        TemplateSource.at(file.relative_to(SAMPLE).as_posix(), file.read_text("utf-8")) for file in files
    )


def a_mail(**over: object) -> Mail:
    """A marketing mail to Ana."""
    usual: dict[str, object] = {
        "from_": Mailbox("claire@example.org", "Claire Novak"),
        "to": Mailbox("ana@example.org"),
        "subject": "Your guide",
        "text": "Hello Ana\n",
        "html": "<p>Hello Ana</p>\n",
        "message_id": "<3awt2zs2fwblolh3qmqnx7xski@example.org>",
        "date": datetime(2026, 3, 2, 9, 30, tzinfo=UTC),
        "unsubscribe_link": "https://example.org/u/token",
        "list_id": "retirement.example.org",
    }
    return Mail(**{**usual, **over})  # type: ignore[arg-type]


def text_of(body: str, facts: dict[str, object] | None = None, *, kind: str = "md") -> str:
    """The plain text of a message with this body."""
    return compile_message(a_source(body, kind=kind)).render(facts or some_facts()).text


def problems_of(source: TemplateSource, layout: TemplateSource | None = None) -> list[tuple[int, str]]:
    """Line and code of everything that is wrong with a template; there must be something."""
    with pytest.raises(TemplateProblems) as caught:
        compile_message(source, layout)
    return [(problem.place.line, problem.code) for problem in caught.value.problems]
