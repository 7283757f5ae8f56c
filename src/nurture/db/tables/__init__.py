"""Every table of nurture, in the order in which a reader meets them.

People, workflows, experiments, messages, what comes back of them, calls, and the desk of those who run it all have a file
each. Natural keys are unique before anything leaves.
"""

from nurture.db.tables.base import Base, table_of
from nurture.db.tables.calls import OutcomeRow, TaskRow
from nurture.db.tables.desk import AuditRow, LeaseRow, LoginRow, StateRow, TokenRow, UserRow
from nurture.db.tables.experiments import VariantRow
from nurture.db.tables.messages import DeliveryRow, NoticeRow, PaceRow, RequestRow
from nurture.db.tables.people import (
    ConsentRow,
    ContactRow,
    EventRow,
    MembershipRow,
    PointsRow,
    SavedSegmentRow,
    SuppressionChangeRow,
    SuppressionRow,
)
from nurture.db.tables.permission import DomainDayRow, HitRow, PreferenceRow, ReportRow, TargetRow
from nurture.db.tables.workflows import (
    ContentRow,
    EnrollmentRow,
    PauseRow,
    PublicationRow,
    RefusalRow,
    ReleaseRow,
    TransitionRow,
    TurnRow,
    VersionRow,
    WorkflowRow,
)

__all__ = [
    "AuditRow",
    "Base",
    "ConsentRow",
    "ContactRow",
    "ContentRow",
    "DeliveryRow",
    "DomainDayRow",
    "EnrollmentRow",
    "EventRow",
    "HitRow",
    "LeaseRow",
    "LoginRow",
    "MembershipRow",
    "NoticeRow",
    "OutcomeRow",
    "PaceRow",
    "PauseRow",
    "PointsRow",
    "PreferenceRow",
    "PublicationRow",
    "RefusalRow",
    "ReleaseRow",
    "ReportRow",
    "RequestRow",
    "SavedSegmentRow",
    "StateRow",
    "SuppressionChangeRow",
    "SuppressionRow",
    "TargetRow",
    "TaskRow",
    "TokenRow",
    "TransitionRow",
    "TurnRow",
    "UserRow",
    "VariantRow",
    "VersionRow",
    "WorkflowRow",
    "table_of",
]
