"""Each caller's list in the morning: who is to be called today, when, and why.

Once a day for everybody with something to do, on days on which somebody works. A morning that has passed is not made
up for: yesterday's list helps nobody.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from nurture.db import content, state, tasks, users
from nurture.db.addresses import email_hash
from nurture.db.notices import NoticeKind
from nurture.model.teams import Member, members, person_key
from nurture.model.timing import DEFAULT_CALENDAR
from nurture.model.workspace import Workspace
from nurture.rendering.digest import Digest, DigestCall, as_html, as_text
from nurture.services.phone.assign import logged_in
from nurture.services.phone.call_queue import Queued, queued
from nurture.services.runtime import Runtime
from nurture.services.sending.compose import full_name
from nurture.services.sending.notices import Notice, is_held, plan

MORNING, EVENING = time(7, 30), time(17)
"""On the wall of the workspace: from when a list is sent, and from when it comes too late to be of use."""
MOST_LISTED = 50
_DONE = "digests"


def plan_digests(runtime: Runtime) -> int:
    """Plan this morning's lists, unless that is done, or it is no morning for it; returns how many are new."""
    now = runtime.now()
    with runtime.database.read() as tx:
        if not content.publications(tx):
            return 0
        day = _working_day(runtime.shelf.published(tx).workspace, now)
        if day is None or _done(tx) == day or is_held(tx, runtime):
            return 0

    def write(tx: Connection) -> int:
        planned = plan(tx, runtime, list(_notices(tx, runtime, day, now)))
        state.put(tx, _DONE, {"day": day.isoformat()}, now)
        return planned

    return runtime.database.retrying(write)


def plan_again(tx: Connection) -> None:
    """A list of today was taken back before it went: the next look plans those anew that are not there."""
    state.clear(tx, _DONE)


def _working_day(workspace: Workspace, now: datetime) -> date | None:
    """Today, if it is a morning or a day's work in one of the workspace's calendars."""
    wall = now.astimezone(workspace.zone)
    calendars = tuple(workspace.calendars.values()) or (DEFAULT_CALENDAR,)
    works = MORNING <= wall.time() < EVENING and any(one.is_business_day(wall.date()) for one in calendars)
    return wall.date() if works else None


def _done(tx: Connection) -> date | None:
    """The last day whose lists were planned."""
    known = state.get(tx, _DONE)
    return date.fromisoformat(known["day"]) if known else None


def _notices(tx: Connection, runtime: Runtime, day: date, now: datetime) -> Iterator[Notice]:
    workspace = runtime.shelf.published(tx).workspace
    team = members(workspace)
    people = {one.key: one for one in logged_in(tx)} | {one.key: one for one in reversed(team)}
    people = {key: one for key, one in people.items() if one.there(day)}
    # Two days hold today's evening in every zone.
    found = tasks.waiting_until(tx, now + timedelta(days=2))
    zones = {person_key(one.account.email): one.account.timezone for one in users.everyone(tx)}
    rows = queued(tx, runtime, [task for task in found if task.assignee in people])
    secret = state.hash_key(tx)
    for key, member in people.items():
        zone = workspace.zone_of(zones.get(key))
        today = now.astimezone(zone).date()
        mine = [
            one for one in rows if one.task.assignee == key and one.task.due.astimezone(zone).date() <= today
        ]
        if mine:
            digest = _digest(workspace, member, mine, zone, now, runtime.links.page("admin/calls"))
            yield Notice(
                key=f"digest:{email_hash(secret, key)}:{day.isoformat()}",
                kind=NoticeKind.DIGEST,
                to=member.address,
                subject=digest.title,
                text=as_text(digest),
                html=as_html(digest),
            )


def _digest(
    workspace: Workspace, member: Member, mine: Sequence[Queued], zone: ZoneInfo, now: datetime, link: str
) -> Digest:
    overdue = sum(one.task.due < now for one in mine)
    title = f"{len(mine)} call{'s' if len(mine) != 1 else ''} today"
    if overdue:
        title += f", {overdue} of them overdue" if overdue < len(mine) else ", overdue"
    return Digest(
        title=title,
        reader=member.name,
        day=f"{now.astimezone(zone):%A, %B %-d}",
        calls=tuple(_line(one, zone, now) for one in mine[:MOST_LISTED]),
        more=max(0, len(mine) - MOST_LISTED),
        link=link,
        zone=zone.key,
        company=workspace.name,
    )


def _line(call: Queued, zone: ZoneInfo, now: datetime) -> DigestCall:
    here, there = call.task.due.astimezone(zone), call.task.due.astimezone(call.zone)
    late = call.task.due < now
    elsewhere = here.utcoffset() != there.utcoffset()
    return DigestCall(
        when=f"since {here:%a %-d %b, %H:%M}" if late else f"by {here:%H:%M}",
        there=f"{there:%H:%M}" if elsewhere else "",
        # Whoever typed the name into a form could type an address or a line break, too.
        name=" ".join(full_name(call.contact).split())[:100] or "A contact without a name",
        why=call.why,
        need=call.need,
        late=late,
    )
