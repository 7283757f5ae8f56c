"""Segments with their members, points of a score, what was live before, senders' paces, and what webhooks say."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from alembic import op

from nurture.db.types import BigId, Json, UtcDateTime

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "points",
        sa.Column("id", BigId, nullable=False),
        sa.Column("contact_id", BigId, nullable=False),
        sa.Column("event_id", BigId, nullable=False),
        sa.Column("rule", sa.String(), nullable=False),
        sa.Column("points", sa.Float(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("fades_at", UtcDateTime(), nullable=True),
        sa.Column("faded_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["contact_id"], ["contacts.id"], name=op.f("fk_points_contact_id_contacts")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_points")),
        sa.UniqueConstraint("event_id", "rule", name=op.f("uq_points_event_id_rule")),
    )
    op.create_index(op.f("ix_points_contact_id"), "points", ["contact_id"])
    fading = sa.text("faded_at IS NULL AND fades_at IS NOT NULL")
    op.create_index(
        "ix_points_fades_at", "points", ["fades_at"], sqlite_where=fading, postgresql_where=fading
    )
    op.create_index("ix_contacts_updated_at", "contacts", ["updated_at"])
    op.create_table(
        "saved_segments",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("condition", sa.Text(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("saved_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_saved_segments")),
    )
    op.create_table(
        "memberships",
        sa.Column("id", BigId, nullable=False),
        sa.Column("segment", sa.String(), nullable=False),
        sa.Column("contact_id", BigId, nullable=False),
        sa.Column("since", UtcDateTime(), nullable=False),
        sa.Column("fading_since", UtcDateTime(), nullable=True),
        sa.Column("left_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contacts.id"], name=op.f("fk_memberships_contact_id_contacts")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_memberships")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_memberships_contact_id"), "memberships", ["contact_id"])
    live = sa.text("left_at IS NULL")
    op.create_index(
        "uq_memberships_live",
        "memberships",
        ["segment", "contact_id"],
        unique=True,
        sqlite_where=live,
        postgresql_where=live,
    )
    op.create_table(
        "releases",
        sa.Column("id", BigId, nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("files", Json, nullable=False),
        sa.Column("heads", Json, nullable=False),
        sa.Column("expected", Json, nullable=False),
        sa.CheckConstraint("kind IN ('publish', 'rollback')", name=op.f("ck_releases_kind")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_releases")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "paces",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("in_step_at", UtcDateTime(), nullable=False),
        sa.Column("promised_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_paces")),
    )
    op.add_column("deliveries", sa.Column("payload", Json, nullable=True))
    op.drop_index("ix_deliveries_pending", "deliveries")
    messages = sa.text("state = 'pending' AND channel != 'webhook'")
    op.create_index(
        "ix_deliveries_pending", "deliveries", ["due", "id"], sqlite_where=messages, postgresql_where=messages
    )
    op.create_index("ix_deliveries_planned_at", "deliveries", ["planned_at"])
    webhooks = sa.text("state = 'pending' AND channel = 'webhook'")
    op.create_index(
        "ix_deliveries_webhooks",
        "deliveries",
        ["team", "due", "id"],
        sqlite_where=webhooks,
        postgresql_where=webhooks,
    )
    op.create_table(
        "variants",
        sa.Column("contact_id", BigId, nullable=False),
        sa.Column("workflow", sa.String(), nullable=False),
        sa.Column("step", sa.String(), nullable=False),
        sa.Column("variant", sa.String(), nullable=False),
        sa.Column("enrollment_id", BigId, nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contacts.id"], name=op.f("fk_variants_contact_id_contacts")
        ),
        sa.ForeignKeyConstraint(
            ["enrollment_id"], ["enrollments.id"], name=op.f("fk_variants_enrollment_id_enrollments")
        ),
        sa.PrimaryKeyConstraint("contact_id", "workflow", "step", name=op.f("pk_variants")),
    )
    op.create_index("ix_variants_workflow_step", "variants", ["workflow", "step"])
    remember_variants(op.get_bind())


def remember_variants(tx: sa.Connection) -> None:
    """What the turns say of splits: the first variant that each contact fell into."""
    turns = sa.table("turns", sa.column("id"), sa.column("enrollment_id"), sa.column("decisions", Json))
    enrollments = sa.table("enrollments", sa.column("id"), sa.column("contact_id"), sa.column("workflow"))
    by_chance = (
        sa.select(turns.c.enrollment_id, turns.c.decisions, enrollments.c.contact_id, enrollments.c.workflow)
        .join(enrollments, enrollments.c.id == turns.c.enrollment_id)
        .where(sa.cast(turns.c.decisions, sa.Text).like('%"chance"%'))
        .order_by(turns.c.id)
    )
    first: dict[tuple[int, str, str], dict[str, object]] = {}
    for enrollment, decisions, contact, workflow in tx.execute(by_chance):
        for one in decisions:
            if one["kind"] == "Branch" and one["reason"] == "chance" and one.get("branch"):
                row = {"variant": one["branch"], "enrollment_id": enrollment}
                row["at"] = datetime.fromisoformat(one["at"])
                first.setdefault((contact, workflow, one["step"]), row)
    if first:
        variants = sa.table(
            "variants",
            *(sa.column(name) for name in ("contact_id", "workflow", "step", "variant", "enrollment_id")),
            sa.column("at", UtcDateTime()),
        )
        keys = ("contact_id", "workflow", "step")
        tx.execute(
            variants.insert(), [{**dict(zip(keys, key, strict=True)), **row} for key, row in first.items()]
        )
