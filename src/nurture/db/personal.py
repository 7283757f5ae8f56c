"""Where a person can stand in the database: whose each row is, what it tells, and what becomes of it when they go.

A table that is missing here fails a test. It decides nothing: who asks to see or to be forgotten is known elsewhere.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain

from sqlalchemy import ColumnElement, Connection, Table, func, or_, select

from nurture.db.addresses import email_hash
from nurture.db.sets import among
from nurture.db.state import hash_key
from nurture.db.tables import (
    AuditRow,
    ConsentRow,
    ContactRow,
    ContentRow,
    DeliveryRow,
    DomainDayRow,
    EnrollmentRow,
    EventRow,
    HitRow,
    LeaseRow,
    LoginRow,
    MembershipRow,
    NoticeRow,
    OutcomeRow,
    PaceRow,
    PauseRow,
    PointsRow,
    PreferenceRow,
    PublicationRow,
    RefusalRow,
    ReleaseRow,
    ReportRow,
    RequestRow,
    SavedSegmentRow,
    StateRow,
    SuppressionChangeRow,
    SuppressionRow,
    TargetRow,
    TaskRow,
    TokenRow,
    TransitionRow,
    TurnRow,
    UserRow,
    VariantRow,
    VersionRow,
    WorkflowRow,
    table_of,
)

CONTACTS, ENROLLMENTS, DELIVERIES = table_of(ContactRow), table_of(EnrollmentRow), table_of(DeliveryRow)
EVENTS, TASKS, OUTCOMES = table_of(EventRow), table_of(TaskRow), table_of(OutcomeRow)
NOTICES, REQUESTS, AUDIT = table_of(NoticeRow), table_of(RequestRow), table_of(AuditRow)
REPORTS, SUPPRESSIONS = table_of(ReportRow), table_of(SuppressionRow)
STORY = table_of(SuppressionChangeRow)


class Fate(StrEnum):
    """What becomes of a person's rows when they are forgotten."""

    DELETED = "deleted"
    BLANKED = "blanked"
    """The row tells what one of us did; it stays, and no longer says to whom."""
    HASHED = "hashed"
    """The row knows the address by its keyed hash alone; it stays, without our words beside it."""


@dataclass(frozen=True, slots=True)
class Holding:
    """A table that may hold people. ``whose`` takes the names of ``Who`` as parameters; ``about`` is for the person."""

    table: Table
    about: str
    whose: ColumnElement[bool]
    fate: Fate = Fate.DELETED


@dataclass(frozen=True, slots=True)
class Who:
    """Some people, by everything that stands for them. One who is no contact, and only asked for an offer, has no id.

    ``written`` are their addresses as they were typed, ``hashes`` and ``numbers`` what the suppression list knows of
    them, ``subjects`` what the audit log calls them and theirs.
    """

    ids: frozenset[int]
    keys: frozenset[str]
    written: frozenset[str]
    hashes: frozenset[str]
    numbers: frozenset[str]
    subjects: frozenset[str]

    def parameters(self) -> Mapping[str, Collection[int] | Collection[str]]:
        """What the conditions of ``HOLDINGS`` ask for."""
        return {
            "people": self.ids,
            "keys": self.keys,
            "written": self.written,
            "hashes": self.hashes | self.numbers,
            "subjects": self.subjects,
        }


def who(tx: Connection, keys: Collection[str]) -> Who:
    """Everything that stands for the people with these addresses (``same_key``), contacts or not."""
    secret = hash_key(tx)
    found = tx.execute(_CONTACTS, {"keys": keys}).all()
    ids = frozenset(row.id for row in found)
    asked = tx.execute(_ASKED, {"keys": keys}).scalars().all()
    numbers = frozenset(row.phone_hash for row in found if row.phone_hash)
    return Who(
        ids=ids,
        keys=frozenset(keys),
        written=frozenset(keys).union((row.email for row in found), asked),
        hashes=frozenset(email_hash(secret, key) for key in keys),
        numbers=numbers.difference(tx.execute(_SHARED, {"numbers": numbers, "people": ids}).scalars()),
        subjects=frozenset(chain(keys, (row.email for row in found), _subjects(tx, ids))),
    )


def keys_of(tx: Connection, ids: Collection[int]) -> frozenset[str]:
    """The normalised addresses of these contacts."""
    return frozenset(tx.execute(_KEYS, {"people": ids}).scalars())


def _subjects(tx: Connection, ids: Collection[int]) -> set[str]:
    """What the audit log writes of people and of what is theirs."""
    found = {f"contact:{one}" for one in ids}
    for row in tx.execute(_SENT, {"people": ids}):
        found |= {f"delivery:{row.id}", row.message_id or f"delivery:{row.id}"}
    found |= {f"task:{one}" for one in tx.execute(_CALLS, {"people": ids}).scalars()}
    return found | {f"enrollment:{one}" for one in tx.execute(_JOURNEYS, {"people": ids}).scalars()}


def _of(table: Table) -> ColumnElement[bool]:
    return among(table.c.contact_id, "people")


def _journeys() -> ColumnElement[bool]:
    journeys = select(ENROLLMENTS.c.id).where(_of(ENROLLMENTS))
    return table_of(TurnRow).c.enrollment_id.in_(journeys)


def _reports() -> ColumnElement[bool]:
    messages = select(DELIVERIES.c.id).where(_of(DELIVERIES))
    known = among(REPORTS.c.address_hash, "hashes")
    return or_(_of(REPORTS), REPORTS.c.delivery_id.in_(messages), known)


def _notices() -> ColumnElement[bool]:
    """Mails of ours to the person, and those that we showed ourselves as they would get them."""
    to_them = or_(among(NOTICES.c.recipient, "written"), among(func.lower(NOTICES.c.recipient), "keys"))
    return or_(to_them, among(NOTICES.c.about, "subjects"))


HOLDINGS = (
    Holding(
        CONTACTS,
        "Who you are to us: your address, your name, and what you or we wrote down beside it.",
        among(CONTACTS.c.id, "people"),
    ),
    Holding(
        table_of(ConsentRow),
        "What you allowed us and what you took back: when, in which words, and what shows it, such as your network address.",
        _of(table_of(ConsentRow)),
    ),
    Holding(
        EVENTS,
        "What you did, and what happened to you, as we were told or saw it; notes of calls too.",
        _of(EVENTS),
    ),
    Holding(
        REQUESTS,
        "What was asked for with your address on a form, and waits or waited for your yes by mail.",
        among(REQUESTS.c.email_key, "keys"),
    ),
    Holding(
        table_of(PreferenceRow), "How often you want to hear from us at most.", _of(table_of(PreferenceRow))
    ),
    Holding(ENROLLMENTS, "The workflows you are or were in, and where you stand in each.", _of(ENROLLMENTS)),
    Holding(
        table_of(TurnRow),
        "Every decision that our program took about you in a workflow, with its reason.",
        _journeys(),
    ),
    Holding(
        table_of(TransitionRow),
        "When you entered and left a stage of a workflow, and by which evidence.",
        _of(table_of(TransitionRow)),
    ),
    Holding(table_of(RefusalRow), "Workflows that you did not enter, and why.", _of(table_of(RefusalRow))),
    Holding(
        table_of(VariantRow),
        "Which variant of a message or path you fell into by chance.",
        _of(table_of(VariantRow)),
    ),
    Holding(
        DELIVERIES,
        "Messages planned for you or about you: when, why, what became of them, and what other systems were told.",
        _of(DELIVERIES),
    ),
    Holding(
        table_of(HitRow),
        "Visits to the links and pictures of messages to you, by you or by machines on the way.",
        _of(table_of(HitRow)),
    ),
    Holding(REPORTS, "What mail servers and providers told us of messages to you.", _reports()),
    Holding(
        NOTICES,
        "Mails outside of any workflow: questions whether you want what was asked for, and tests in your name.",
        _notices(),
    ),
    Holding(TASKS, "Calls that somebody of us was to make to you.", _of(TASKS)),
    Holding(
        OUTCOMES,
        "What was said of these calls.",
        OUTCOMES.c.task_id.in_(select(TASKS.c.id).where(_of(TASKS))),
    ),
    Holding(table_of(PointsRow), "Points that we count for what you did.", _of(table_of(PointsRow))),
    Holding(
        table_of(MembershipRow), "The groups that you are or were in, by rule.", _of(table_of(MembershipRow))
    ),
    Holding(table_of(PauseRow), "When we held back everything for you.", _of(table_of(PauseRow))),
    Holding(
        SUPPRESSIONS,
        "That your address or number must not be written to or called, by a hash that only we can make.",
        among(SUPPRESSIONS.c.address_hash, "hashes"),
        Fate.HASHED,
    ),
    Holding(
        STORY,
        "How that came about.",
        among(STORY.c.address_hash, "hashes"),
    ),
    Holding(
        AUDIT, "What our people did about you by hand.", among(AUDIT.c.subject, "subjects"), Fate.BLANKED
    ),
)
"""Every table that may hold a person, in the order in which a person would read them."""

NO_PERSON: Mapping[Table, str] = {
    table_of(ContentRow): "the bytes of published files: what the marketer wrote",
    table_of(PublicationRow): "which file is live",
    table_of(VersionRow): "structures of workflows",
    table_of(WorkflowRow): "the version that newcomers enter",
    table_of(ReleaseRow): "states of the project",
    table_of(SavedSegmentRow): "conditions that somebody saved",
    table_of(TargetRow): "where links of templates lead; none is made for a person",
    table_of(DomainDayRow): "counts by receiving domain and day, forgotten after a while",
    table_of(PaceRow): "how fast mail leaves, by sender and domain, forgotten within the hour",
    table_of(StateRow): "small facts of the installation",
    table_of(LeaseRow): "which process leads",
    table_of(UserRow): "our own people, who may log in",
    table_of(LoginRow): "the browsers of our own people",
    table_of(TokenRow): "other systems",
}
"""Every other table, and what is in it."""

_CONTACTS = select(CONTACTS.c.id, CONTACTS.c.email, CONTACTS.c.phone_hash).where(
    among(CONTACTS.c.email_key, "keys")
)
_ASKED = select(REQUESTS.c.email).where(among(REQUESTS.c.email_key, "keys"))
_SHARED = select(CONTACTS.c.phone_hash).where(
    among(CONTACTS.c.phone_hash, "numbers"), ~among(CONTACTS.c.id, "people")
)
_KEYS = select(CONTACTS.c.email_key).where(among(CONTACTS.c.id, "people"))
_SENT = select(DELIVERIES.c.id, DELIVERIES.c.message_id).where(_of(DELIVERIES))
_CALLS = select(TASKS.c.id).where(_of(TASKS))
_JOURNEYS = select(ENROLLMENTS.c.id).where(_of(ENROLLMENTS))
