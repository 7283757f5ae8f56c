"""May this message leave? Law and order as conditions of SQL, asked in the claim and again right before the dialogue.

They stand here once, so that no sender can ask less. Each is a condition on a row of ``deliveries`` joined with its
enrollment and contact; ``now`` is business time.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, and_, case, exists, false, func, literal_column, or_, select

from nurture.db.sets import now_param, word
from nurture.db.tables import (
    ConsentRow,
    ContactRow,
    DeliveryRow,
    EnrollmentRow,
    PauseRow,
    SuppressionRow,
    table_of,
)
from nurture.model.preferences import THEMSELVES
from nurture.model.words import BACKSTAGE, Channel, Reason, SuppressionReason

_D = table_of(DeliveryRow)
_E = table_of(EnrollmentRow)
_CONTACTS = table_of(ContactRow)
_TEAM = _D.c.channel == word(Channel.TEAM)
_BACKSTAGE = or_(*(_D.c.channel == word(one) for one in sorted(BACKSTAGE)))


def forbidden() -> ColumnElement[str | None]:
    """Why law forbids it, null when it does not. What goes to our own people and systems is none of its business."""
    return case(
        (_BACKSTAGE, None),
        (suppressed(), word(Reason.SUPPRESSED)),
        (and_(_D.c.marketing, ~has_live_grant()), word(Reason.NO_CONSENT)),
    )


def suppressed() -> ColumnElement[bool]:
    """The contact's address must not be written to: by what hand or server ever, or by leaving when it is marketing."""
    listed = table_of(SuppressionRow)
    return (
        exists()
        .where(
            listed.c.address_hash == _CONTACTS.c.email_hash,
            listed.c.channel == word(Channel.EMAIL),
            or_(_D.c.marketing, listed.c.reason != word(SuppressionReason.UNSUBSCRIBED)),
        )
        .correlate(_D, _CONTACTS)
    )


def has_live_grant() -> ColumnElement[bool]:
    """The latest word on the consent it relies on is still yes, and has not expired."""
    latest = table_of(ConsentRow).alias("latest")
    still_yes = and_(
        latest.c.action == literal_column("'granted'"),
        or_(latest.c.expires_at.is_(None), latest.c.expires_at > now_param()),
    )
    # A scalar, not EXISTS: PostgreSQL would read the whole ledger to answer for a handful.
    last_word = select(still_yes).where(latest.c.id == latest_word()).correlate(_D).scalar_subquery()
    return func.coalesce(last_word, false())


def latest_word() -> ColumnElement[int | None]:
    """The number of the latest word on the consent it relies on: a yes may have been given anew meanwhile."""
    relied_on = table_of(ConsentRow).alias("relied_on")
    later = table_of(ConsentRow).alias("later")
    of_the_same = and_(
        later.c.contact_id == relied_on.c.contact_id,
        later.c.purpose == relied_on.c.purpose,
        later.c.channel == relied_on.c.channel,
    )
    return (
        select(func.max(later.c.id))
        .join(relied_on, of_the_same)
        .where(relied_on.c.id == _D.c.grant_id)
        .correlate(_D)
        .scalar_subquery()
    )


def unread() -> ColumnElement[bool]:
    """Something happened that its own enrollment has not read yet: the message may be wrong by now."""
    return func.coalesce(_E.c.last_event > _E.c.cursor, false())


def paused() -> ColumnElement[bool]:
    """Somebody pressed pause: for everything, or, but for notices to our own people, for its workflow or contact.

    A rest that the contact chose holds marketing only: what they ask for is answered.
    """
    ours, theirs = table_of(PauseRow), table_of(PauseRow).alias("theirs")
    lasts = exists().where(
        ours.c.until.is_(None),
        ours.c.contact_id.is_(None),  # so that the index of the few is used, however many contacts rest
        or_(ours.c.scope == literal_column("'everything'"), and_(~_TEAM, ours.c.workflow == _D.c.workflow)),
    )
    rests = exists().where(
        theirs.c.contact_id == _D.c.contact_id,
        theirs.c.until.is_(None),
        or_(_D.c.marketing, func.coalesce(theirs.c.actor, "") != literal_column(f"'{THEMSELVES}'")),
    )
    return or_(lasts.correlate(_D), and_(~_TEAM, rests.correlate(_D)))
