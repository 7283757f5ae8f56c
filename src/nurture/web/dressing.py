"""What all templates share: times in the reader's zone, money, counts, and what the frame of a page shows.

Formats only; looks up nothing but the workspace and what holds everything at this moment.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import phonenumbers
from flask import Flask, g, request
from flask_login import current_user

from nurture.engine.explain import in_words
from nurture.model.accounts import ADMINS, CALLERS, EVERYBODY, MARKETERS
from nurture.model.errors import NurtureError
from nurture.model.workspace import Workspace
from nurture.services.running import pausing
from nurture.services.runtime import Runtime
from nurture.services.story.marks import in_money
from nurture.web.guard import me

SECTIONS = (
    ("home", "Home", "home.show", EVERYBODY),
    ("calls", "Calls", "calls.show", EVERYBODY),
    ("contacts", "Contacts", "contacts.show", EVERYBODY),
    ("workflows", "Workflows", "workflows.show", EVERYBODY),
    ("offers", "Offers", "offers.show", EVERYBODY),
    ("mail", "Mail", "mail.show", EVERYBODY),
    ("people", "People", "people.show", ADMINS),
)
"""The main navigation: the section a page says it belongs to, its words, where it leads, and who sees it."""

HTMX = Path(__file__).parent / "static" / "vendor" / "htmx.min.js"


def dress(app: Flask, runtime: Runtime) -> None:
    """Give the templates of ``app`` their words."""

    def workspace() -> Workspace | None:
        """None before anything was published."""
        if "workspace" not in g:
            try:
                g.workspace = runtime.published().workspace
            except NurtureError:
                g.workspace = None
        found: Workspace | None = g.workspace
        return found

    def zone() -> ZoneInfo:
        """The reader's own, else the workspace's."""
        if "zone" not in g:
            known = workspace()
            own = me().timezone if current_user.is_authenticated else None
            g.zone = known.zone_of(own) if known else ZoneInfo(own or "UTC")
        found: ZoneInfo = g.zone
        return found

    def local(moment: datetime) -> str:
        return moment.astimezone(zone()).strftime("%a %-d %b %Y, %H:%M")

    def day(moment: datetime) -> str:
        return moment.astimezone(zone()).strftime("%a %-d %b %Y")

    def hour(moment: datetime) -> str:
        return moment.astimezone(zone()).strftime("%H:%M")

    def ago(moment: datetime) -> str:
        """Measured on the business clock."""
        return span(runtime.now() - moment)

    def money(amount: float) -> str:
        known = workspace()
        return in_money(amount, known.currency if known else "")

    def elsewhere(moment: datetime, their_zone: ZoneInfo) -> str:
        """The same moment where the contact is, when clocks there show something else; else nothing."""
        here, there = moment.astimezone(zone()), moment.astimezone(their_zone)
        if here.utcoffset() == there.utcoffset():
            return ""
        return there.strftime("%H:%M" if here.date() == there.date() else "%a %H:%M")

    app.jinja_env.filters.update(
        local=local,
        day=day,
        hour=hour,
        ago=ago,
        money=money,
        number=number,
        in_words=in_words,
        span=span,
        phone=phone,
    )
    app.jinja_env.globals.update(
        elsewhere=elsewhere,
        MARKETERS=MARKETERS,
        CALLERS=CALLERS,
        ADMINS=ADMINS,
        htmx=HTMX.exists(),
    )

    @app.context_processor
    def frame() -> dict[str, object]:
        """What the frame of an admin page shows."""
        if not current_user.is_authenticated or not request.path.startswith("/admin"):
            return {}
        known = workspace()
        return {
            "sections": SECTIONS,
            "me": me(),
            "workspace": known,
            "reader_zone": zone(),
            "now": runtime.now(),
            "holding": pausing.holding(runtime),
        }


def number(count: float) -> str:
    return f"{count:,.0f}" if float(count).is_integer() else f"{count:,.1f}"


def phone(stored: str) -> str:
    """In groups that can be read out, with the country's code: ``+1 416-555-0100``; as stored when it is none."""
    try:
        read = phonenumbers.parse(stored)
    except phonenumbers.NumberParseException:
        return stored
    return str(phonenumbers.format_number(read, phonenumbers.PhoneNumberFormat.INTERNATIONAL))


def span(length: timedelta) -> str:
    """``3 days ago``, ``in 2 hours``, ``just now``: the largest unit that is at least one."""
    seconds = abs(length.total_seconds())
    for name, size in (("day", 86_400), ("hour", 3600), ("minute", 60)):
        if seconds >= size:
            count = int(seconds // size)
            said = f"{count} {name}{'s' if count != 1 else ''}"
            return f"{said} ago" if length > timedelta() else f"in {said}"
    return "just now"
