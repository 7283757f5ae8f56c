"""What comes back about messages, visits to their links, and how often people want to hear from us."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from nurture.db.ledger_guard import guard
from nurture.db.types import BigId, Json, UtcDateTime

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "reports",
        sa.Column("id", BigId, nullable=False),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=True),
        sa.Column("because", sa.String(), nullable=False),
        sa.Column("matched_by", sa.String(), nullable=True),
        sa.Column("delivery_id", BigId, nullable=True),
        sa.Column("contact_id", BigId, nullable=True),
        sa.Column("address_hash", sa.String(), nullable=True),
        sa.Column("event_id", BigId, nullable=True),
        sa.Column("notice_id", BigId, nullable=True),
        sa.Column("effect", sa.String(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("arrived_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('hard', 'soft', 'complaint', 'autoreply', 'reply', 'challenge', 'not_bounce')",
            name=op.f("ck_reports_kind"),
        ),
        sa.ForeignKeyConstraint(["contact_id"], ["contacts.id"], name=op.f("fk_reports_contact_id_contacts")),
        sa.ForeignKeyConstraint(
            ["delivery_id"], ["deliveries.id"], name=op.f("fk_reports_delivery_id_deliveries")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reports")),
        sa.UniqueConstraint("fingerprint", name=op.f("uq_reports_fingerprint")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_reports_delivery_id"), "reports", ["delivery_id"])
    op.create_index(op.f("ix_reports_contact_id"), "reports", ["contact_id"])
    op.create_index("ix_reports_address_hash_arrived_at", "reports", ["address_hash", "arrived_at"])
    unmatched = sa.text("matched_by IS NULL")
    op.create_index(
        "ix_reports_unmatched",
        "reports",
        ["arrived_at"],
        sqlite_where=unmatched,
        postgresql_where=unmatched,
    )
    resting = sa.text("reason = 'soft-bounces'")
    op.create_index(
        "ix_suppressions_resting", "suppressions", ["at"], sqlite_where=resting, postgresql_where=resting
    )
    op.create_table(
        "targets",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("first_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_targets")),
    )
    op.create_table(
        "hits",
        sa.Column("id", BigId, nullable=False),
        sa.Column("mark", sa.String(), nullable=False),
        sa.Column("delivery_id", BigId, nullable=False),
        sa.Column("contact_id", BigId, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("target", sa.String(), nullable=True),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("method", sa.String(), nullable=False),
        sa.Column("agent", sa.String(), nullable=False),
        sa.Column("place_hash", sa.String(), nullable=False),
        sa.Column("grade", sa.String(), nullable=True),
        sa.Column("because", Json, nullable=False),
        sa.Column("event_id", BigId, nullable=True),
        sa.CheckConstraint("kind IN ('open', 'click', 'trap')", name=op.f("ck_hits_kind")),
        sa.CheckConstraint(
            "grade IN ('human', 'probable-machine', 'certain-machine')", name=op.f("ck_hits_grade")
        ),
        sa.ForeignKeyConstraint(["contact_id"], ["contacts.id"], name=op.f("fk_hits_contact_id_contacts")),
        sa.ForeignKeyConstraint(
            ["delivery_id"], ["deliveries.id"], name=op.f("fk_hits_delivery_id_deliveries")
        ),
        sa.ForeignKeyConstraint(["target"], ["targets.key"], name=op.f("fk_hits_target_targets")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hits")),
        sa.UniqueConstraint("mark", name=op.f("uq_hits_mark")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_hits_delivery_id_at", "hits", ["delivery_id", "at"])
    op.create_index("ix_hits_answers", "hits", ["delivery_id", "kind", "grade"])
    op.create_index(op.f("ix_hits_contact_id"), "hits", ["contact_id"])
    unsettled = sa.text("grade IS NULL")
    op.create_index("ix_hits_unsettled", "hits", ["at"], sqlite_where=unsettled, postgresql_where=unsettled)
    op.create_table(
        "preferences",
        sa.Column("contact_id", BigId, nullable=False),
        sa.Column("days", sa.Integer(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contacts.id"], name=op.f("fk_preferences_contact_id_contacts")
        ),
        sa.PrimaryKeyConstraint("contact_id", name=op.f("pk_preferences")),
    )
    op.create_table(
        "domain_days",
        sa.Column("sender", sa.String(), nullable=False),
        sa.Column("domain", sa.String(), nullable=False),
        sa.Column("day", sa.String(), nullable=False),
        sa.Column("sent", sa.Integer(), nullable=False),
        sa.Column("bounced", sa.Integer(), nullable=False),
        sa.Column("complained", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("sender", "domain", "day", name=op.f("pk_domain_days")),
    )
    op.create_index("ix_domain_days_domain_day", "domain_days", ["domain", "day"])
    op.create_index("ix_domain_days_day", "domain_days", ["day"])
    complained = sa.text("complained > 0")
    op.create_index(
        "ix_domain_days_complained",
        "domain_days",
        ["day"],
        sqlite_where=complained,
        postgresql_where=complained,
    )
    op.add_column("deliveries", sa.Column("again_at", UtcDateTime(), nullable=True))
    op.add_column("pauses", sa.Column("ends_at", UtcDateTime(), nullable=True))
    ending = sa.text("until IS NULL AND ends_at IS NOT NULL")
    op.create_index("ix_pauses_ends_at", "pauses", ["ends_at"], sqlite_where=ending, postgresql_where=ending)
    standing = sa.text("until IS NULL AND contact_id IS NULL")
    op.create_index(
        "ix_pauses_standing", "pauses", ["workflow"], sqlite_where=standing, postgresql_where=standing
    )
    op.add_column("notices", sa.Column("about", sa.String(), nullable=True))
    op.create_index(op.f("ix_variants_enrollment_id"), "variants", ["enrollment_id"])
    op.add_column("consents", sa.Column("implied", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("consents", sa.Column("actor", sa.String(), nullable=True))
    op.create_table(
        "suppression_changes",
        sa.Column("id", BigId, nullable=False),
        sa.Column("address_hash", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("change", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("actor", sa.String(), nullable=True),
        sa.Column("request", sa.String(), nullable=True),
        sa.CheckConstraint(
            "change IN ('added', 'asked', 'ended')", name=op.f("ck_suppression_changes_change")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_suppression_changes")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_suppression_changes_address_hash", "suppression_changes", ["address_hash", "channel"])
    op.execute(
        "INSERT INTO suppression_changes (address_hash, channel, change, reason, at, source)"
        " SELECT address_hash, channel, 'added', reason, at, source FROM suppressions ORDER BY id"
    )
    for statement in guard(op.get_bind().dialect.name):
        op.execute(statement)
