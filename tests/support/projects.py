"""Small projects on disk for tests of the language: one sound project, and ways to break it."""

from __future__ import annotations

from pathlib import Path

from nurture.model.errors import Problem
from nurture.services.files.check import check

TOML = """\
[workspace]
name = "Acme"
postal_address = "1 Main Street, Toronto"
timezone = "America/Toronto"

[fields]
age = "number"
retired = "bool"
plan = ["basic", "plus"]
renewal_on = "date"

[events]
names = ["meeting.booked"]

[outcomes]
names = ["has-planner"]

[calendars.office]
days = "mon-fri"

[senders.default]
from = "Acme <hello@example.org>"

[teams.sales]
members = ["kim@example.org"]

[webhooks.crm-sync]
url = "https://crm.example.com/hooks/nurture"
"""
WORKFLOW = """\
workflow: checkup
purpose: nurture
persona: ana
calendar: office
exit_when: contact.retired
stages:
  - stage: first
    need: Know where I stand
    trigger: offer.requested where event.offer == "guide"
    validate: offer.downloaded where event.offer == "guide"
    steps:
      - email: welcome
      - wait: 2 days
      - call_task: hello
        assign: round-robin sales
    loss:
      - {after: 30 days, reason: silent}
  - stage: second
    need: Talk to someone
    validate: sale.closed
    loss:
      - {after: 60 days, reason: silent}
"""
MAIL = """\
---
subject: "{{ contact.first_name or 'Hello' }}"
layout: frame
---
Good to see you.
"""
LAYOUT = '<html><body>{{ body }}<p>{{ workspace.postal_address }} <a href="{{ links.unsubscribe }}">Leave</a></p></body></html>'
OFFER = """\
offer: guide
kind: download
title: The guide
asset: guide.pdf
persona: ana
fields: [email, first_name]
consent: {purpose: nurture, wording: "Yes, write to me", version: 2026-11}
"""
PERSONA = (
    "persona: ana\nwho: contact.age >= 50\nexample: {email: ana@example.org, first_name: Ana, age: 57}\n"
)
SEGMENT = "segment: warm\nwhere: contact.score >= 20\n"

FILES = {
    "nurture.toml": TOML,
    "workflows/checkup.yaml": WORKFLOW,
    "offers/guide.yaml": OFFER,
    "personas/ana.yaml": PERSONA,
    "segments/warm.yaml": SEGMENT,
    "templates/email/welcome.md": MAIL,
    "templates/email/layouts/frame.html": LAYOUT,
    "templates/call/hello.txt": "Ask {{ contact.first_name or 'them' }} how they are.\n",
    "assets/guide.pdf": "%PDF",
}


def write(folder: Path, changed: dict[str, str | None]) -> Path:
    """The sound project with some files changed, added, or (None) left out."""
    for name, text in {**FILES, **changed}.items():
        if text is not None:
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    return folder


def problems_of(folder: Path, changed: dict[str, str | None]) -> list[Problem]:
    """Every problem of the sound project with these files changed."""
    return list(check(write(folder, changed)).problems)


def with_workflow(folder: Path, old: str, new: str) -> list[Problem]:
    """Every problem after one piece of the workflow's text was replaced, once."""
    assert old in WORKFLOW
    return problems_of(folder, {"workflows/checkup.yaml": WORKFLOW.replace(old, new, 1)})


def told(problems: list[Problem]) -> list[str]:
    """``file:line:column: code`` of each."""
    return [f"{problem.place}: {problem.code}" for problem in problems]
