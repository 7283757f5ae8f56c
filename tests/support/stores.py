"""A small cast in a real database: contacts, a published workflow, enrollments and messages to begin with."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from nurture.db import consents, contact_import, content, deliveries, enrollments, tasks
from nurture.db.consents import Consent, ConsentAction
from nurture.db.contact_import import NewContact
from nurture.db.content import Version
from nurture.db.deliveries import NewDelivery
from nurture.db.tasks import NewTask
from nurture.model.words import Channel, Enrollment, Phase, StageRecord

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
"""Business time: a Monday morning."""
OPERATIONAL = datetime(2026, 11, 21, 14, 0, tzinfo=UTC)
"""Operational time is another: the demo plays March in November."""
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)


def people(tx: Connection, *names: str) -> list[int]:
    """Contacts ``NAME@example.org``, in this order."""
    made = contact_import.upsert(
        tx, [NewContact(email=f"{name}@example.org", first_name=name.title()) for name in names], NOW
    )
    return [made.ids[f"{name}@example.org"] for name in names]


def consenting(tx: Connection, contact_ids: Iterable[int], purpose: str = "nurture") -> dict[int, int]:
    """Grants for mail of this purpose: ``{contact: grant}``."""
    ids = list(contact_ids)
    return dict(zip(ids, consents.add(tx, [a_consent(one, purpose) for one in ids]), strict=True))


def a_consent(contact_id: int, purpose: str = "nurture", **over: Any) -> Consent:
    values: dict[str, Any] = {"action": ConsentAction.GRANTED, "at": NOW, "source": "form"}
    return Consent(contact_id=contact_id, channel=Channel.EMAIL, purpose=purpose, **(values | over))


def a_workflow(tx: Connection, name: str = "welcome") -> None:
    """A published workflow, whose version has its name."""
    path = f"workflows/{name}.yaml"
    hashes = content.publish_contents(tx, {path: f"workflow: {name}".encode()}, NOW)
    content.publish_versions(tx, [Version(name, name, hashes[path], path, NOW)])
    content.set_heads(tx, {name: name}, NOW)


def an_enrollment(contact_id: int, **over: Any) -> Enrollment:
    """At its first step, whose time has come."""
    enrollment = Enrollment(
        id=0,
        contact_id=contact_id,
        workflow="welcome",
        version="welcome",
        entered_at=NOW,
        stage="lead-offer",
        stage_entered_at=NOW,
        step="first-mail",
        phase=Phase.WAITING,
        since=NOW,
        due=NOW,
        stages={"lead-offer": StageRecord(1, NOW)},
    )
    return replace(enrollment, **over)


def enrolled(
    tx: Connection, contact_ids: Iterable[int], wake_at: datetime | None = NOW, **over: Any
) -> list[int]:
    """Enrollments in the published workflow, due at ``wake_at``."""
    ids = enrollments.insert(tx, [(an_enrollment(contact, **over), wake_at) for contact in contact_ids])
    assert None not in ids
    return [one for one in ids if one is not None]


def acting(tx: Connection, contact_ids: Collection[int]) -> list[int]:
    """Enrollments that wait for the end of what their step ``first-mail`` does, and for nothing else."""
    return enrolled(tx, contact_ids, wake_at=None, phase=Phase.ACTING, due=None)


def a_message(enrollment_id: int, contact_id: int, **over: Any) -> NewDelivery:
    """A marketing message of the step ``first-mail``, due now. Name its ``grant_id``."""
    values: dict[str, Any] = {
        "key": f"{enrollment_id}-first-mail-1",
        "workflow": "welcome",
        "stage": "lead-offer",
        "step": "first-mail",
        "visit": 1,
        "channel": Channel.EMAIL,
        "template": "guide",
        "purpose": "nurture",
        "marketing": True,
        "planned_at": NOW,
        "due": NOW,
    }
    return NewDelivery(enrollment_id=enrollment_id, contact_id=contact_id, **(values | over))


def planned(
    tx: Connection, enrollment_ids: Iterable[int], contact_ids: Iterable[int], **over: Any
) -> list[int]:
    """Messages of these enrollments, each relying on a fresh consent; returns their ids."""
    people = list(contact_ids)
    grants = consenting(tx, people)
    rows = [
        a_message(enrollment, contact, grant_id=grants[contact], **over)
        for enrollment, contact in zip(enrollment_ids, people, strict=True)
    ]
    return [one for one in deliveries.plan(tx, rows) if one is not None]


def a_call(enrollment_id: int, contact_id: int, **over: Any) -> NewTask:
    """A call of the step ``first-mail``, open for five days."""
    values: dict[str, Any] = {
        "key": f"{enrollment_id}-call-1",
        "workflow": "welcome",
        "stage": "lead-offer",
        "step": "first-mail",
        "visit": 1,
        "script": "guide-arrived",
        "assign": "round-robin sales",
        "assignee": "kim@example.com",
        "held": True,
        "appeared_at": NOW,
        "due": NOW + DAY,
        "expires": NOW + 5 * DAY,
    }
    return NewTask(enrollment_id=enrollment_id, contact_id=contact_id, **(values | over))


def called(
    tx: Connection, enrollment_ids: Iterable[int], contact_ids: Iterable[int], **over: Any
) -> list[int]:
    """Calls of these enrollments; returns their ids."""
    rows = [a_call(one, contact, **over) for one, contact in zip(enrollment_ids, contact_ids, strict=True)]
    return [one for one in tasks.open_tasks(tx, rows) if one is not None]


def wake_times(tx: Connection) -> dict[int, datetime | None]:
    """When each enrollment is looked at next."""
    from sqlalchemy import select

    rows = tx.execute(select(enrollments.E.c.id, enrollments.E.c.wake_at))
    return {row.id: row.wake_at for row in rows}
