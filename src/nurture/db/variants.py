"""The memory of splits: which variant a contact fell into first. Written once, never changed."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from datetime import datetime

from sqlalchemy import Connection, select

from nurture.db.sets import among, insert_rows
from nurture.db.tables import VariantRow, table_of

V = table_of(VariantRow)


@dataclass(frozen=True, slots=True)
class Fallen:
    """A contact fell into this variant of a split, in this enrollment."""

    contact_id: int
    workflow: str
    step: str
    variant: str
    enrollment_id: int
    at: datetime


def remember(tx: Connection, fallen: Sequence[Fallen]) -> None:
    """Keep the variants of contacts who came to a split; who fell into one before keeps that."""
    insert_rows(tx, V, [{name: getattr(one, name) for name in _NAMES} for one in fallen], skip_conflicts=True)


def of_contacts(tx: Connection, contact_ids: Collection[int]) -> dict[tuple[int, str], dict[str, str]]:
    """``{(contact, workflow): {split: variant}}`` of those who came to a split; the others are left out."""
    found: dict[tuple[int, str], dict[str, str]] = {}
    for contact, workflow, step, variant in tx.execute(_OF, {"ids": contact_ids}) if contact_ids else ():
        found.setdefault((contact, workflow), {})[step] = variant
    return found


_NAMES = tuple(field.name for field in fields(Fallen))
_OF = select(V.c.contact_id, V.c.workflow, V.c.step, V.c.variant).where(among(V.c.contact_id))
