"""Which variant of a split each contact fell into.

The first one counts, and stays: for good, whatever becomes of the weights.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index
from sqlmodel import Field

from nurture.db.tables.base import Base, instant, ref
from nurture.db.types import BigId


class VariantRow(Base, table=True):
    """The variant of one contact in one split of a workflow, and the enrollment in which they first came to it."""

    __tablename__ = "variants"
    __table_args__ = (Index("ix_variants_workflow_step", "workflow", "step"),)  # the report of a split

    contact_id: int = Field(foreign_key="contacts.id", primary_key=True, sa_type=BigId)
    workflow: str = Field(primary_key=True)
    step: str = Field(primary_key=True)
    variant: str
    enrollment_id: int = ref("enrollments.id", index=True)  # who is erased takes their enrollments along
    at: datetime = instant()
