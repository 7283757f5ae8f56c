"""The first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from nurture.db.types import BigId, Json, UtcDateTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "audit",
        sa.Column("id", BigId, nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("detail", Json, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
    )
    op.create_table(
        "contacts",
        sa.Column("id", BigId, nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("email_key", sa.String(), nullable=False),
        sa.Column("email_hash", sa.String(), nullable=False),
        sa.Column("phone", sa.String(), nullable=True),
        sa.Column("phone_hash", sa.String(), nullable=True),
        sa.Column("first_name", sa.String(), nullable=True),
        sa.Column("last_name", sa.String(), nullable=True),
        sa.Column("timezone", sa.String(), nullable=True),
        sa.Column("locale", sa.String(), nullable=True),
        sa.Column("owner", sa.String(), nullable=True),
        sa.Column("tags", Json, nullable=False),
        sa.Column("score", sa.Float(), nullable=False),
        sa.Column("fields", Json, nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.Column("last_active_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contacts")),
        sa.UniqueConstraint("email_key", name=op.f("uq_contacts_email_key")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_contacts_email_hash"), "contacts", ["email_hash"])
    op.create_index(op.f("ix_contacts_phone_hash"), "contacts", ["phone_hash"])
    op.create_table(
        "contents",
        sa.Column("hash", sa.String(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_contents")),
    )
    op.create_table(
        "leases",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("holder", sa.String(), nullable=False),
        sa.Column("until", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_leases")),
    )
    op.create_table(
        "state",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("value", Json, nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_state")),
    )
    op.create_table(
        "suppressions",
        sa.Column("id", BigId, nullable=False),
        sa.Column("address_hash", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_suppressions")),
        sa.UniqueConstraint(
            "address_hash", "channel", "reason", name=op.f("uq_suppressions_address_hash_channel_reason")
        ),
    )
    op.create_table(
        "consents",
        sa.Column("id", BigId, nullable=False),
        sa.Column("contact_id", BigId, nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("wording", sa.Text(), nullable=True),
        sa.Column("wording_version", sa.String(), nullable=True),
        sa.Column("expires_at", UtcDateTime(), nullable=True),
        sa.Column("event_id", BigId, nullable=True),
        sa.Column("proof", Json, nullable=False),
        sa.CheckConstraint("action IN ('granted', 'withdrawn')", name=op.f("ck_consents_action")),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contacts.id"], name=op.f("fk_consents_contact_id_contacts")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consents")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_consents_contact_id_purpose", "consents", ["contact_id", "purpose", "channel"])
    op.create_table(
        "events",
        sa.Column("id", BigId, nullable=False),
        sa.Column("contact_id", BigId, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("arrived_at", UtcDateTime(), nullable=False),
        sa.Column("data", Json, nullable=False),
        sa.Column("external_id", sa.String(), nullable=True),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("enrollment_id", BigId, nullable=True),
        sa.Column("step", sa.String(), nullable=True),
        sa.Column("visit", sa.Integer(), nullable=True),
        sa.Column("human", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["contact_id"], ["contacts.id"], name=op.f("fk_events_contact_id_contacts")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_events")),
        sa.UniqueConstraint("external_id", name=op.f("uq_events_external_id")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_events_contact_id_id", "events", ["contact_id", "id"])
    op.create_index("ix_events_name_arrived_at", "events", ["name", "arrived_at"])
    op.create_table(
        "pauses",
        sa.Column("id", BigId, nullable=False),
        sa.Column("scope", sa.String(), nullable=False),
        sa.Column("workflow", sa.String(), nullable=True),
        sa.Column("contact_id", BigId, nullable=True),
        sa.Column("since", UtcDateTime(), nullable=False),
        sa.Column("until", UtcDateTime(), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("actor", sa.String(), nullable=True),
        sa.CheckConstraint("scope IN ('everything', 'workflow', 'contact')", name=op.f("ck_pauses_scope")),
        sa.ForeignKeyConstraint(["contact_id"], ["contacts.id"], name=op.f("fk_pauses_contact_id_contacts")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pauses")),
    )
    op.create_index(op.f("ix_pauses_contact_id"), "pauses", ["contact_id"])
    op.create_table(
        "publications",
        sa.Column("path", sa.String(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.Column("published_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["hash"], ["contents.hash"], name=op.f("fk_publications_hash_contents")),
        sa.PrimaryKeyConstraint("path", name=op.f("pk_publications")),
    )
    op.create_table(
        "refusals",
        sa.Column("id", BigId, nullable=False),
        sa.Column("contact_id", BigId, nullable=False),
        sa.Column("workflow", sa.String(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("event_id", BigId, nullable=True),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contacts.id"], name=op.f("fk_refusals_contact_id_contacts")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refusals")),
    )
    op.create_index(op.f("ix_refusals_contact_id"), "refusals", ["contact_id"])
    op.create_table(
        "versions",
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("workflow", sa.String(), nullable=False),
        sa.Column("content", sa.String(), nullable=False),
        sa.Column("path", sa.String(), nullable=False),
        sa.Column("published_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["content"], ["contents.hash"], name=op.f("fk_versions_content_contents")),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_versions")),
    )
    op.create_index(op.f("ix_versions_workflow"), "versions", ["workflow"])
    op.create_table(
        "enrollments",
        sa.Column("id", BigId, nullable=False),
        sa.Column("contact_id", BigId, nullable=False),
        sa.Column("workflow", sa.String(), nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("entered_at", UtcDateTime(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.Column("end_reason", sa.String(), nullable=True),
        sa.Column("reopen_until", UtcDateTime(), nullable=True),
        sa.Column("stage", sa.String(), nullable=False),
        sa.Column("visit", sa.Integer(), nullable=False),
        sa.Column("stage_entered_at", UtcDateTime(), nullable=True),
        sa.Column("entered_by", sa.String(), nullable=False),
        sa.Column("evidence", BigId, nullable=True),
        sa.Column("resting", sa.Boolean(), nullable=False),
        sa.Column("stages", Json, nullable=False),
        sa.Column("step", sa.String(), nullable=True),
        sa.Column("phase", sa.String(), nullable=False),
        sa.Column("since", UtcDateTime(), nullable=True),
        sa.Column("due", UtcDateTime(), nullable=True),
        sa.Column("first_due", UtcDateTime(), nullable=True),
        sa.Column("ran", Json, nullable=False),
        sa.Column("cursor", BigId, nullable=False),
        sa.Column("history", BigId, nullable=False),
        sa.Column("parent", BigId, nullable=True),
        sa.Column("holdout", sa.Boolean(), nullable=False),
        sa.Column("wake_at", UtcDateTime(), nullable=True),
        sa.Column("last_event", BigId, nullable=False),
        sa.Column("lease_until", UtcDateTime(), nullable=True),
        sa.Column("fence", BigId, nullable=False),
        sa.Column("trouble", sa.String(), nullable=True),
        sa.CheckConstraint("phase IN ('waiting', 'acting', 'watching')", name=op.f("ck_enrollments_phase")),
        sa.CheckConstraint(
            "status IN ('active', 'completed', 'lost', 'exited')", name=op.f("ck_enrollments_status")
        ),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contacts.id"], name=op.f("fk_enrollments_contact_id_contacts")
        ),
        sa.ForeignKeyConstraint(
            ["version"], ["versions.version"], name=op.f("fk_enrollments_version_versions")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_enrollments")),
        postgresql_with={"fillfactor": 70},
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_enrollments_contact_id"), "enrollments", ["contact_id"])
    op.create_index(op.f("ix_enrollments_parent"), "enrollments", ["parent"])
    op.create_index(
        "ix_enrollments_wake_at_id",
        "enrollments",
        ["wake_at", "id"],
        sqlite_where=sa.text("wake_at IS NOT NULL"),
        postgresql_where=sa.text("wake_at IS NOT NULL"),
    )
    op.create_index("ix_enrollments_workflow_status", "enrollments", ["workflow", "status", "stage"])
    op.create_index(
        "uq_enrollments_live",
        "enrollments",
        ["contact_id", "workflow"],
        unique=True,
        sqlite_where=sa.text("status = 'active'"),
        postgresql_where=sa.text("status = 'active'"),
    )
    op.create_table(
        "workflows",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("published_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["version"], ["versions.version"], name=op.f("fk_workflows_version_versions")
        ),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_workflows")),
    )
    op.create_table(
        "deliveries",
        sa.Column("id", BigId, nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("enrollment_id", BigId, nullable=True),
        sa.Column("contact_id", BigId, nullable=False),
        sa.Column("workflow", sa.String(), nullable=True),
        sa.Column("step", sa.String(), nullable=False),
        sa.Column("visit", sa.Integer(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("template", sa.String(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("marketing", sa.Boolean(), nullable=False),
        sa.Column("offer", sa.String(), nullable=True),
        sa.Column("team", sa.String(), nullable=True),
        sa.Column("grant_id", BigId, nullable=True),
        sa.Column("event_id", BigId, nullable=True),
        sa.Column("stage", sa.String(), nullable=False),
        sa.Column("planned_at", UtcDateTime(), nullable=False),
        sa.Column("due", UtcDateTime(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("retry_at", UtcDateTime(), nullable=True),
        sa.Column("lease_until", UtcDateTime(), nullable=True),
        sa.Column("fence", BigId, nullable=False),
        sa.Column("message_id", sa.String(), nullable=True),
        sa.Column("recipient", sa.String(), nullable=True),
        sa.Column("template_hash", sa.String(), nullable=True),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.CheckConstraint(
            "state IN ('pending', 'claimed', 'sending', 'sent', 'skipped', 'failed', 'ambiguous')",
            name=op.f("ck_deliveries_state"),
        ),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contacts.id"], name=op.f("fk_deliveries_contact_id_contacts")
        ),
        sa.ForeignKeyConstraint(
            ["enrollment_id"], ["enrollments.id"], name=op.f("fk_deliveries_enrollment_id_enrollments")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deliveries")),
        sa.UniqueConstraint(
            "enrollment_id", "step", "visit", name=op.f("uq_deliveries_enrollment_id_step_visit")
        ),
        sa.UniqueConstraint("key", name=op.f("uq_deliveries_key")),
        sa.UniqueConstraint("message_id", name=op.f("uq_deliveries_message_id")),
        postgresql_with={"fillfactor": 70},
        sqlite_autoincrement=True,
    )
    op.create_index("ix_deliveries_contact_id_planned_at", "deliveries", ["contact_id", "planned_at"])
    op.create_index(
        "ix_deliveries_leased",
        "deliveries",
        ["lease_until"],
        sqlite_where=sa.text("state IN ('claimed', 'sending')"),
        postgresql_where=sa.text("state IN ('claimed', 'sending')"),
    )
    op.create_index(
        "ix_deliveries_pending",
        "deliveries",
        ["due", "id"],
        sqlite_where=sa.text("state = 'pending'"),
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.create_table(
        "tasks",
        sa.Column("id", BigId, nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("enrollment_id", BigId, nullable=False),
        sa.Column("contact_id", BigId, nullable=False),
        sa.Column("workflow", sa.String(), nullable=False),
        sa.Column("stage", sa.String(), nullable=False),
        sa.Column("step", sa.String(), nullable=False),
        sa.Column("visit", sa.Integer(), nullable=False),
        sa.Column("script", sa.String(), nullable=False),
        sa.Column("assign", sa.String(), nullable=False),
        sa.Column("assignee", sa.String(), nullable=True),
        sa.Column("held", sa.Boolean(), nullable=False),
        sa.Column("appeared_at", UtcDateTime(), nullable=False),
        sa.Column("due", UtcDateTime(), nullable=False),
        sa.Column("expires", UtcDateTime(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.CheckConstraint("state IN ('open', 'done', 'expired', 'cancelled')", name=op.f("ck_tasks_state")),
        sa.ForeignKeyConstraint(["contact_id"], ["contacts.id"], name=op.f("fk_tasks_contact_id_contacts")),
        sa.ForeignKeyConstraint(
            ["enrollment_id"], ["enrollments.id"], name=op.f("fk_tasks_enrollment_id_enrollments")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tasks")),
        sa.UniqueConstraint("enrollment_id", "step", "visit", name=op.f("uq_tasks_enrollment_id_step_visit")),
        sa.UniqueConstraint("key", name=op.f("uq_tasks_key")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_tasks_assignee_due", "tasks", ["assignee", "due"])
    op.create_index(op.f("ix_tasks_contact_id"), "tasks", ["contact_id"])
    op.create_index(
        "ix_tasks_open",
        "tasks",
        ["expires"],
        sqlite_where=sa.text("state = 'open'"),
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_table(
        "transitions",
        sa.Column("id", BigId, nullable=False),
        sa.Column("enrollment_id", BigId, nullable=False),
        sa.Column("contact_id", BigId, nullable=False),
        sa.Column("workflow", sa.String(), nullable=False),
        sa.Column("stage", sa.String(), nullable=False),
        sa.Column("visit", sa.Integer(), nullable=False),
        sa.Column("change", sa.String(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("event_id", BigId, nullable=True),
        sa.Column("before", sa.String(), nullable=True),
        sa.Column("actor", sa.String(), nullable=True),
        sa.CheckConstraint(
            "change IN ('entered', 'validated', 'skipped', 'lost', 'exited', 'completed', 'reopened')",
            name=op.f("ck_transitions_change"),
        ),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contacts.id"], name=op.f("fk_transitions_contact_id_contacts")
        ),
        sa.ForeignKeyConstraint(
            ["enrollment_id"], ["enrollments.id"], name=op.f("fk_transitions_enrollment_id_enrollments")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_transitions")),
    )
    op.create_index(op.f("ix_transitions_contact_id"), "transitions", ["contact_id"])
    op.create_index(op.f("ix_transitions_enrollment_id"), "transitions", ["enrollment_id"])
    op.create_index("ix_transitions_workflow_stage", "transitions", ["workflow", "stage", "change"])
    op.create_table(
        "turns",
        sa.Column("id", BigId, nullable=False),
        sa.Column("enrollment_id", BigId, nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("decisions", Json, nullable=False),
        sa.ForeignKeyConstraint(
            ["enrollment_id"], ["enrollments.id"], name=op.f("fk_turns_enrollment_id_enrollments")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_turns")),
    )
    op.create_index(op.f("ix_turns_enrollment_id"), "turns", ["enrollment_id"])
