"""What cannot be true of calls and what was said of them, of mails of our own, and of forms that wait for a yes.

A part of ``contradictions``; reads and repairs nothing.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import ColumnElement, and_, exists, func, literal_column, or_, select

from nurture.db.examples import said, shown, touch, where
from nurture.db.notices import NoticeKind, NoticeState
from nurture.db.outcomes import PENDING
from nurture.db.sets import AnySelect, now_param, word
from nurture.db.tables import NoticeRow, OutcomeRow, PauseRow, RequestRow, TaskRow, table_of
from nurture.model.words import TaskState

T = table_of(TaskRow)
O = table_of(OutcomeRow)  # noqa: E741 - as its store names it
N = table_of(NoticeRow)
R = table_of(RequestRow)


def lapsed_notices() -> AnySelect:
    """Dialogues whose sender is gone, and that nobody wrote down as such."""
    return _notices(N.c.state == word(NoticeState.SENDING), N.c.lease_until < now_param("lapsed"))


def _outcomes(*conditions: ColumnElement[bool]) -> AnySelect:
    """What people said of calls, with the call it is about."""
    home = O.join(T, T.c.id == O.c.task_id)
    return where(home, said(touch(T), " ", O.c.outcome), *conditions)  # type: ignore[arg-type]


def _notices(*conditions: ColumnElement[bool]) -> AnySelect:
    """Mails of the installation itself."""
    return where(N, said(N.c.kind, " to ", N.c.recipient, ": ", N.c.detail), *conditions)


def _everything_paused() -> ColumnElement[bool]:
    pause = table_of(PauseRow)
    return exists().where(pause.c.until.is_(None), pause.c.scope == literal_column("'everything'"))


_TWO_TO_TAKE_BACK = (
    select(O.c.task_id)
    .where(PENDING, O.c.settles_at > now_param())  # one whose time has come may wait a second for the sweep
    .group_by(O.c.task_id)
    .having(func.count() > 1)
)
QUERIES: Mapping[str, AnySelect] = {
    "overdue-outcomes": shown(_outcomes(PENDING, O.c.reported_at <= now_param("overdue"))),
    "overdue-notices": shown(
        _notices(
            N.c.state == word(NoticeState.PENDING),
            N.c.planned_at <= now_param("overdue"),
            or_(N.c.retry_at.is_(None), N.c.retry_at <= now_param("operational")),
            ~_everything_paused(),
        )
    ),
    "call-without-outcome": shown(
        where(
            T,
            touch(T),
            or_(
                (T.c.state == word(TaskState.DONE)) != T.c.outcome.is_not(None),
                and_(T.c.state == word(TaskState.CANCELLED), T.c.reason.is_(None)),
            ),
        )
    ),
    "outcome-of-two-minds": shown(
        _outcomes(
            or_(
                and_(O.c.settled_at.is_not(None), O.c.undone_at.is_not(None)),
                O.c.settled_at < O.c.settles_at,
                O.c.undone_at >= O.c.settles_at,
            )
        )
    ),
    "two-outcomes-wait": shown(where(T, touch(T), T.c.id.in_(_TWO_TO_TAKE_BACK))),
    "unforgotten-requests": shown(
        where(R, said("request ", R.c.id), R.c.confirmed_at.is_(None), R.c.at < now_param("forgotten"))
    ),
    "notice-in-doubt": shown(
        _notices(N.c.state == word(NoticeState.AMBIGUOUS), N.c.ended_at > now_param("lately"))
    ),
    # A visitor's typing error is no trouble of ours; a list or a test that does not arrive is.
    "notice-failed": shown(
        _notices(
            N.c.state == word(NoticeState.FAILED),
            N.c.kind != word(NoticeKind.CONFIRM),
            N.c.ended_at > now_param("lately"),
        )
    ),
}
