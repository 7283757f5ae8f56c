"""A call as an entry for any calendar program: whom to call, when, at which number. Nothing else leaves with it.

Source: RFC 5545.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from icalendar import Alarm, Calendar, Event

LENGTH = timedelta(minutes=15)
REMINDS = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class CallEntry:
    """One call. ``starts`` is when it is due, ``noted`` when the file is made, ``link`` the page of the call."""

    key: str
    name: str
    phone: str | None
    starts: datetime
    noted: datetime
    link: str


def calendar_entry(call: CallEntry, company: str) -> bytes:
    """The file. Imported twice it is one entry, since its id is the call's own."""
    reminder = Alarm()
    reminder.add("action", "DISPLAY")
    reminder.add("description", f"Call {call.name}")
    reminder.add("trigger", -REMINDS)
    event = Event()
    event.add("uid", f"call-{call.key}")
    event.add("summary", f"Call {call.name}")
    event.add("dtstamp", call.noted)
    event.add("dtstart", call.starts)
    event.add("dtend", call.starts + LENGTH)
    event.add("url", call.link)
    if call.phone:
        event.add("description", call.phone)
    event.add_component(reminder)
    calendar = Calendar()
    calendar.add("prodid", f"-//{company}//nurture//EN")
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    calendar.add_component(event)
    written: bytes = calendar.to_ical()
    return written
