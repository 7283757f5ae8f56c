"""Segments with their members, points of a score, what was live before, senders' paces, and what webhooks say."""

from __future__ import annotations

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
    webhooks = sa.text("state = 'pending' AND channel = 'webhook'")
    op.create_index(
        "ix_deliveries_webhooks",
        "deliveries",
        ["team", "due", "id"],
        sqlite_where=webhooks,
        postgresql_where=webhooks,
    )
