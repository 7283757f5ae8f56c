"""`nurture contacts`: the people we may reach, taken in, shown, and forgotten."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from nurture.cli._contacts_import import import_
from nurture.cli._contacts_rights import erase, export
from nurture.cli._opened import local, opened
from nurture.cli.common import Context, project_options

if TYPE_CHECKING:
    from nurture.services.contacts.people import Person


@click.group("contacts", epilog="Example: nurture contacts show ana@example.org")
def contacts() -> None:
    """Take in people from a spreadsheet, show everything about one, hand it out, and forget them."""


contacts.add_command(import_)
contacts.add_command(export)
contacts.add_command(erase)


@contacts.command("show", epilog="Example: nurture contacts show ana@example.org")
@project_options
@click.argument("email")
def show(context: Context, email: str) -> None:
    """Show everything about one contact: permission, workflows, messages, calls, events."""
    from nurture.services.contacts.people import person

    with opened(context) as nurture:
        found = person(nurture.runtime, email)
    if context.as_json:
        context.emit_json(as_document(found))
    else:
        tell(context, found)


def as_document(person: Person) -> dict[str, object]:
    """Everything about one contact as programs read it."""
    return {
        "contact": person.contact,
        "timezone": person.zone.key,
        "consents": [
            {
                **dataclasses.asdict(one.entry),
                "standing": one.standing,
                "said": one.said,
                "proof_in_words": one.shown_by,
            }
            for one in person.ledger
        ],
        "suppressions": [
            {"channel": channel, "reasons": reasons} for channel, reasons in person.suppressions.items()
        ],
        "enrollments": [
            {
                "id": one.enrollment.id,
                "workflow": one.enrollment.workflow,
                "version": one.enrollment.version,
                "status": one.enrollment.status,
                "stage": one.enrollment.stage,
                "step": one.enrollment.step,
                "entered_at": one.enrollment.entered_at,
                "ended_at": one.enrollment.ended_at,
                "end_reason": one.enrollment.end_reason,
                "next": {"at": one.at, "said": one.said},
            }
            for one in person.enrollments
        ],
        "deliveries": person.deliveries,
        "calls": person.calls,
        "events": person.events,
        "score": person.score,
        "chosen": {
            "at_most_one_in_days": person.chosen.days,
            "since": person.chosen.days_since,
            "paused_since": person.chosen.rests_since,
            "paused_until": person.chosen.rests_until,
        },
    }


def chosen_by(person: Person) -> Iterator[str]:
    """What they chose on the page behind the link of every message."""
    chosen, zone = person.chosen, person.zone
    if chosen.days and chosen.days_since:
        often = (chosen.how_often or f"at most one in {chosen.days} days").lower()
        yield f"wants marketing mail {often}, chosen {local(chosen.days_since, zone)}"
    if chosen.rests_until and chosen.rests_since:
        since, until = local(chosen.rests_since, zone), local(chosen.rests_until, zone)
        yield f"asked for a pause until {until}, on {since}; only they end it sooner"


def tell(context: Context, person: Person) -> None:
    """The same for people."""
    contact, zone = person.contact, person.zone
    name = " ".join(part for part in (contact.first_name, contact.last_name) if part)
    context.say(f"{name} <{contact.email}>" if name else contact.email)
    facts = {
        "phone": contact.phone,
        "timezone": contact.timezone or f"{zone.key} (the workspace's)",
        "language": contact.locale,
        "owner": contact.owner,
        "tags": ", ".join(sorted(contact.tags)) or None,
        **contact.fields,
        "score": f"{contact.score:g}" if contact.score else None,
    }
    for label, value in facts.items():
        if value is not None:
            context.say(f"  {label}: {value}")
    if person.score.points:
        context.say(f"    {person.score.ground:g} set, and by events:")
    for gained in person.score.points:
        until = f", until {local(gained.fades_at, zone)}" if gained.fades_at else ""
        context.say(f"    {gained.points:+g} {gained.rule}, {local(gained.at, zone)}{until}")
    for channel, reasons in person.suppressions.items():
        context.say(f"  NOT to be reached by {channel}: {', '.join(sorted(reasons))}")
    for line in chosen_by(person):
        context.say(f"  {line}")
    if not person.ledger:
        context.say("  no consent on record: marketing messages are skipped")
    for entry in person.ledger:
        context.say(f"  {entry.said}")
        for shown in entry.shown_by:
            context.say(f"    {shown}")
    for one in person.enrollments:
        enrollment = one.enrollment
        context.say(f"\n{enrollment.workflow}: {enrollment.status}, stage '{enrollment.stage}'")
        context.say(f"  {one.said}")
    if person.deliveries:
        context.table(
            ("planned", "message", "by", "state", "reason"),
            [
                (local(one.planned_at, zone), one.template or one.offer, one.channel, one.state, one.reason)
                for one in person.deliveries
            ],
            title="\nMessages",
        )
    if person.calls:
        context.table(
            ("due", "call", "who", "state", "outcome"),
            [
                (local(one.due, zone), one.script, one.assignee, one.state, one.outcome or one.reason)
                for one in person.calls
            ],
            title="Calls",
        )
    if person.events:
        context.table(
            ("happened", "event", "with"),
            [
                (
                    local(one.at, zone),
                    one.name,
                    ", ".join(f"{key}={value}" for key, value in one.data.items()),
                )
                for one in person.events
            ],
            title="Last events, newest first",
        )
    context.say(f"Times are in {zone.key}. The reasons: nurture why {contact.email}")
