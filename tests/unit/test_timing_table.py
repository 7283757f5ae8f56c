"""The time engine against a table: zone and calendar | rule | start | due.

The last column was worked out by ``timing_oracle``, a brute force that shares no code with the engine, and both are
asked again here. Each block stands around one change of clocks. ``test_timing`` holds examples reckoned by hand.
"""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from nurture.model.timing import DEFAULT_CALENDAR, parse_rule, read_calendar, resolve
from tests.unit.timing_oracle import Days, days_since_1970, due

US_2026 = """2026-01-01 2026-01-19 2026-02-16 2026-05-25 2026-06-19 2026-07-03 2026-07-04 2026-09-07 2026-10-12
2026-11-11 2026-11-26 2026-12-24 2026-12-25 2027-01-01"""
SHOP = ("2026-03-07", "2026-03-31", "2026-11-03")

CALENDARS = {
    "": DEFAULT_CALENDAR,
    "us": read_calendar("us", country="US", holidays=["2026-12-24"]),
    "shop": read_calendar("shop", days="tue-sat", hours="10:00-18:00", holidays=SHOP),
}
ORACLE_CALENDARS = {
    "": Days(),
    "us": Days(holidays=frozenset(map(days_since_1970, US_2026.split()))),
    "shop": Days(frozenset({1, 2, 3, 4, 5}), frozenset(map(days_since_1970, SHOP))),
}

TABLE = """
# America/Toronto: forward Sun 8 Mar 2026 02:00
America/Toronto | after 1 day | 2026-03-07T02:30-05:00 | 2026-03-08T03:30-04:00
America/Toronto | after 24 hours | 2026-03-07T12:00-05:00 | 2026-03-08T13:00-04:00
America/Toronto | after 1 day at 02:30 | 2026-03-07T15:10-05:00 | 2026-03-08T03:30-04:00
America/Toronto | at 02:30 | 2026-03-08T04:20-04:00 | 2026-03-09T02:30-04:00
America/Toronto | quiet 20:00-02:30 | 2026-03-07T20:20-05:00 | 2026-03-08T03:30-04:00
America/Toronto | window 02:30-05:00 | 2026-03-07T20:00-05:00 | 2026-03-08T03:30-04:00
America/Toronto | on sun at 02:30 | 2026-03-05T08:05-05:00 | 2026-03-08T03:30-04:00
America/Toronto | after 1 month | 2026-02-08T02:30-05:00 | 2026-03-08T03:30-04:00
America/Toronto | after 1 hour on weekdays | 2026-03-08T03:30-04:00 | 2026-03-09T04:30-04:00
America/Toronto | after 2 business days at 02:30 | 2026-03-04T23:45-05:00 | 2026-03-06T02:30-05:00
# America/Toronto: back Sun 1 Nov 2026 02:00
America/Toronto | after 1 day | 2026-10-31T01:30-04:00 | 2026-11-01T01:30-04:00
America/Toronto | after 24 hours | 2026-10-31T12:00-04:00 | 2026-11-01T11:00-05:00
America/Toronto | after 1 day at 01:30 | 2026-10-31T15:10-04:00 | 2026-11-01T01:30-04:00
America/Toronto | at 01:30 | 2026-11-01T01:20-05:00 | 2026-11-02T01:30-05:00
America/Toronto | quiet 20:00-01:30 | 2026-10-31T20:20-04:00 | 2026-11-01T01:30-04:00
America/Toronto | after 36 hours window weekdays 09:00-17:00 | 2026-10-30T22:15-04:00 | 2026-11-02T09:00-05:00
America/Toronto | after 2 hours window 20:00-24:00 quiet 22:00-08:00 | 2026-10-31T21:30-04:00 | 2026-11-01T20:00-05:00
America/Toronto | after 2 days on weekdays at 09:30 | 2026-10-30T16:40-04:00 | 2026-11-02T09:30-05:00
America/Toronto | after 0 days at 01:30 | 2026-11-01T18:00-05:00 | 2026-11-01T01:30-04:00
America/Toronto | after 1 week on weekends | 2026-10-25T01:30-04:00 | 2026-11-01T01:30-04:00
# America/New_York: forward Sun 8 Mar 2026 02:00
America/New_York | after 1 day | 2026-03-07T02:00-05:00 | 2026-03-08T03:00-04:00
America/New_York | after 24 hours | 2026-03-07T12:00-05:00 | 2026-03-08T13:00-04:00
America/New_York | after 1 day at 02:00 | 2026-03-07T15:10-05:00 | 2026-03-08T03:00-04:00
America/New_York | at 02:00 | 2026-03-08T03:50-04:00 | 2026-03-09T02:00-04:00
America/New_York | quiet 20:00-02:00 | 2026-03-07T20:20-05:00 | 2026-03-08T03:00-04:00
America/New_York | after 0 days | 2026-03-08T03:50-04:00 | 2026-03-08T03:50-04:00
America/New_York | after 1 day quiet 00:00-06:30 | 2026-03-08T03:50-04:00 | 2026-03-09T06:30-04:00
America/New_York | quiet 22:30-02:20 | 2026-03-08T03:50-04:00 | 2026-03-08T03:50-04:00
America/New_York | after 90 minutes window sat,sun 22:00-04:00 | 2026-03-07T23:50-05:00 | 2026-03-08T01:20-05:00
America/New_York | after 700 minutes at 02:00 | 2026-03-07T14:00-05:00 | 2026-03-08T03:00-04:00
# America/St_Johns: half-hour zone; forward Sun 8 Mar 2026 02:00
America/St_Johns | after 1 day | 2026-03-07T02:15-03:30 | 2026-03-08T03:15-02:30
America/St_Johns | after 24 hours | 2026-03-07T12:00-03:30 | 2026-03-08T13:00-02:30
America/St_Johns | after 1 day at 02:15 | 2026-03-07T15:10-03:30 | 2026-03-08T03:15-02:30
America/St_Johns | at 02:15 | 2026-03-08T04:05-02:30 | 2026-03-09T02:15-02:30
America/St_Johns | quiet 20:00-02:15 | 2026-03-07T20:20-03:30 | 2026-03-08T03:15-02:30
America/St_Johns | on weekends window 10:00-16:00 | 2026-03-04T19:00-03:30 | 2026-03-08T10:00-02:30
America/St_Johns | after 12 months | 2025-03-08T02:15-03:30 | 2026-03-08T03:15-02:30
America/St_Johns | window 02:15-04:45 | 2026-03-07T20:00-03:30 | 2026-03-08T03:15-02:30
America/St_Johns | on sun at 02:15 | 2026-03-05T08:05-03:30 | 2026-03-08T03:15-02:30
America/St_Johns | after 1 month | 2026-02-08T02:15-03:30 | 2026-03-08T03:15-02:30
# America/Sao_Paulo: forward Sun 4 Nov 2018 at midnight
America/Sao_Paulo | after 1 day | 2018-11-03T00:30-03:00 | 2018-11-04T01:30-02:00
America/Sao_Paulo | after 24 hours | 2018-11-03T12:00-03:00 | 2018-11-04T13:00-02:00
America/Sao_Paulo | after 1 day at 00:30 | 2018-11-03T15:10-03:00 | 2018-11-04T01:30-02:00
America/Sao_Paulo | at 00:30 | 2018-11-04T02:20-02:00 | 2018-11-05T00:30-02:00
America/Sao_Paulo | quiet 20:00-00:30 | 2018-11-03T20:20-03:00 | 2018-11-04T01:30-02:00
America/Sao_Paulo | after 1 hour on weekdays | 2018-11-04T01:30-02:00 | 2018-11-05T02:30-02:00
America/Sao_Paulo | after 2 business days at 00:30 | 2018-10-31T23:45-03:00 | 2018-11-02T00:30-03:00
America/Sao_Paulo | after 36 hours window weekdays 09:00-17:00 | 2018-11-02T22:15-03:00 | 2018-11-05T09:00-02:00
America/Sao_Paulo | after 2 hours window 20:00-24:00 quiet 22:00-08:00 | 2018-11-03T21:30-03:00 | 2018-11-04T20:00-02:00
America/Sao_Paulo | after 2 days on weekdays at 09:30 | 2018-11-02T16:40-03:00 | 2018-11-05T09:30-02:00
# America/Sao_Paulo: back Sun 18 Feb 2018 at midnight, Saturday 23:00 comes twice
America/Sao_Paulo | after 1 day | 2018-02-16T23:30-02:00 | 2018-02-17T23:30-02:00
America/Sao_Paulo | after 24 hours | 2018-02-16T12:00-02:00 | 2018-02-17T12:00-02:00
America/Sao_Paulo | after 1 day at 23:30 | 2018-02-16T15:10-02:00 | 2018-02-17T23:30-02:00
America/Sao_Paulo | at 23:30 | 2018-02-17T23:20-03:00 | 2018-02-18T23:30-03:00
America/Sao_Paulo | quiet 20:00-23:30 | 2018-02-17T20:20-02:00 | 2018-02-17T23:30-02:00
America/Sao_Paulo | after 0 days at 23:30 | 2018-02-17T18:00-02:00 | 2018-02-17T23:30-02:00
America/Sao_Paulo | after 1 week on weekends | 2018-02-10T23:30-02:00 | 2018-02-17T23:30-02:00
America/Sao_Paulo | after 0 days | 2018-02-17T23:20-03:00 | 2018-02-17T23:20-03:00
America/Sao_Paulo | after 1 day quiet 00:00-06:30 | 2018-02-17T23:20-03:00 | 2018-02-18T23:20-03:00
America/Sao_Paulo | quiet 22:30-23:50 | 2018-02-17T23:20-03:00 | 2018-02-17T23:20-03:00
# America/Nuuk: forward Sat 29 Mar 2025 23:00, straight into Sunday
America/Nuuk | after 1 day | 2025-03-28T23:30-02:00 | 2025-03-30T00:30-01:00
America/Nuuk | after 24 hours | 2025-03-28T12:00-02:00 | 2025-03-29T12:00-02:00
America/Nuuk | after 1 day at 23:30 | 2025-03-28T15:10-02:00 | 2025-03-30T00:30-01:00
America/Nuuk | at 23:30 | 2025-03-30T01:20-01:00 | 2025-03-30T23:30-01:00
America/Nuuk | quiet 20:00-23:30 | 2025-03-29T20:20-02:00 | 2025-03-30T00:30-01:00
America/Nuuk | after 90 minutes window sat,sun 22:00-04:00 | 2025-03-28T23:50-02:00 | 2025-03-29T22:00-02:00
America/Nuuk | after 700 minutes at 23:30 | 2025-03-28T14:00-02:00 | 2025-03-30T00:30-01:00
America/Nuuk | after 3 business days | 2025-03-26T23:30-02:00 | 2025-03-31T23:30-01:00
America/Nuuk | on mon,wed,fri | 2025-03-30T01:20-01:00 | 2025-03-31T01:20-01:00
America/Nuuk | after 2 weeks on sat at 23:30 | 2025-03-15T09:00-02:00 | 2025-03-30T00:30-01:00
# America/Nuuk: back Sun 26 Oct 2025 at midnight, Saturday 23:00 comes twice
America/Nuuk | after 1 day | 2025-10-24T23:15-01:00 | 2025-10-25T23:15-01:00
America/Nuuk | after 24 hours | 2025-10-24T12:00-01:00 | 2025-10-25T12:00-01:00
America/Nuuk | after 1 day at 23:15 | 2025-10-24T15:10-01:00 | 2025-10-25T23:15-01:00
America/Nuuk | at 23:15 | 2025-10-25T23:05-02:00 | 2025-10-26T23:15-02:00
America/Nuuk | quiet 20:00-23:15 | 2025-10-25T20:20-01:00 | 2025-10-25T23:15-01:00
America/Nuuk | window daily 23:25-23:15 quiet 09:00-21:00 | 2025-10-24T09:00-01:00 | 2025-10-24T21:00-01:00
America/Nuuk | after 3 hours window weekdays 21:00-02:00 quiet 23:00-01:00 | 2025-10-24T18:30-01:00 | 2025-10-24T21:30-01:00
America/Nuuk | on weekends window 10:00-16:00 | 2025-10-21T19:00-01:00 | 2025-10-26T10:00-02:00
America/Nuuk | after 12 months | 2024-10-25T23:15-01:00 | 2025-10-25T23:15-01:00
America/Nuuk | window 23:15-01:45 | 2025-10-24T20:00-01:00 | 2025-10-24T23:15-01:00
# Europe/London: forward Sun 29 Mar 2026 01:00
Europe/London | after 1 day | 2026-03-28T01:30+00:00 | 2026-03-29T02:30+01:00
Europe/London | after 24 hours | 2026-03-28T12:00+00:00 | 2026-03-29T13:00+01:00
Europe/London | after 1 day at 01:30 | 2026-03-28T15:10+00:00 | 2026-03-29T02:30+01:00
Europe/London | at 01:30 | 2026-03-29T03:20+01:00 | 2026-03-30T01:30+01:00
Europe/London | quiet 20:00-01:30 | 2026-03-28T20:20+00:00 | 2026-03-29T02:30+01:00
Europe/London | on sun at 01:30 | 2026-03-26T08:05+00:00 | 2026-03-29T02:30+01:00
Europe/London | after 1 month | 2026-02-28T01:30+00:00 | 2026-03-28T01:30+00:00
Europe/London | after 1 hour on weekdays | 2026-03-29T02:30+01:00 | 2026-03-30T03:30+01:00
Europe/London | after 2 business days at 01:30 | 2026-03-25T23:45+00:00 | 2026-03-27T01:30+00:00
Europe/London | after 36 hours window weekdays 09:00-17:00 | 2026-03-27T22:15+00:00 | 2026-03-30T09:00+01:00
# Europe/London: back Sun 25 Oct 2026 02:00
Europe/London | after 1 day | 2026-10-24T01:30+01:00 | 2026-10-25T01:30+01:00
Europe/London | after 24 hours | 2026-10-24T12:00+01:00 | 2026-10-25T11:00+00:00
Europe/London | after 1 day at 01:30 | 2026-10-24T15:10+01:00 | 2026-10-25T01:30+01:00
Europe/London | at 01:30 | 2026-10-25T01:20+00:00 | 2026-10-26T01:30+00:00
Europe/London | quiet 20:00-01:30 | 2026-10-24T20:20+01:00 | 2026-10-25T01:30+01:00
Europe/London | after 2 hours window 20:00-24:00 quiet 22:00-08:00 | 2026-10-24T21:30+01:00 | 2026-10-25T20:00+00:00
Europe/London | after 2 days on weekdays at 09:30 | 2026-10-23T16:40+01:00 | 2026-10-26T09:30+00:00
Europe/London | after 0 days at 01:30 | 2026-10-25T18:00+00:00 | 2026-10-25T01:30+01:00
Europe/London | after 1 week on weekends | 2026-10-18T01:30+01:00 | 2026-10-25T01:30+01:00
Europe/London | after 0 days | 2026-10-25T01:20+00:00 | 2026-10-25T01:20+00:00
# Europe/Dublin: summer is standard time, winter is behind it; forward Sun 29 Mar 2026 01:00
Europe/Dublin | after 1 day | 2026-03-28T01:45+00:00 | 2026-03-29T02:45+01:00
Europe/Dublin | after 24 hours | 2026-03-28T12:00+00:00 | 2026-03-29T13:00+01:00
Europe/Dublin | after 1 day at 01:45 | 2026-03-28T15:10+00:00 | 2026-03-29T02:45+01:00
Europe/Dublin | at 01:45 | 2026-03-29T03:35+01:00 | 2026-03-30T01:45+01:00
Europe/Dublin | quiet 20:00-01:45 | 2026-03-28T20:20+00:00 | 2026-03-29T02:45+01:00
Europe/Dublin | after 1 day quiet 00:00-06:30 | 2026-03-29T03:35+01:00 | 2026-03-30T06:30+01:00
Europe/Dublin | quiet 22:30-02:05 | 2026-03-29T03:35+01:00 | 2026-03-29T03:35+01:00
Europe/Dublin | after 90 minutes window sat,sun 22:00-04:00 | 2026-03-28T23:50+00:00 | 2026-03-29T02:20+01:00
Europe/Dublin | after 700 minutes at 01:45 | 2026-03-28T14:00+00:00 | 2026-03-29T02:45+01:00
Europe/Dublin | after 3 business days | 2026-03-26T01:45+00:00 | 2026-03-31T01:45+01:00
# Europe/Berlin: back Sun 25 Oct 2026 03:00
Europe/Berlin | after 1 day | 2026-10-24T02:30+02:00 | 2026-10-25T02:30+02:00
Europe/Berlin | after 24 hours | 2026-10-24T12:00+02:00 | 2026-10-25T11:00+01:00
Europe/Berlin | after 1 day at 02:30 | 2026-10-24T15:10+02:00 | 2026-10-25T02:30+02:00
Europe/Berlin | at 02:30 | 2026-10-25T02:20+01:00 | 2026-10-26T02:30+01:00
Europe/Berlin | quiet 20:00-02:30 | 2026-10-24T20:20+02:00 | 2026-10-25T02:30+02:00
Europe/Berlin | on mon,wed,fri | 2026-10-25T02:20+01:00 | 2026-10-26T02:20+01:00
Europe/Berlin | after 2 weeks on sun at 02:30 | 2026-10-11T09:00+02:00 | 2026-10-25T02:30+02:00
Europe/Berlin | window daily 02:40-02:30 quiet 09:00-21:00 | 2026-10-24T09:00+02:00 | 2026-10-24T21:00+02:00
Europe/Berlin | after 3 hours window weekdays 21:00-02:00 quiet 23:00-01:00 | 2026-10-24T18:30+02:00 | 2026-10-26T21:00+01:00
Europe/Berlin | on weekends window 10:00-16:00 | 2026-10-21T19:00+02:00 | 2026-10-25T10:00+01:00
# Africa/Casablanca: back for Ramadan Sun 23 Feb 2025 03:00
Africa/Casablanca | after 1 day | 2025-02-22T02:30+01:00 | 2025-02-23T02:30+01:00
Africa/Casablanca | after 24 hours | 2025-02-22T12:00+01:00 | 2025-02-23T11:00+00:00
Africa/Casablanca | after 1 day at 02:30 | 2025-02-22T15:10+01:00 | 2025-02-23T02:30+01:00
Africa/Casablanca | at 02:30 | 2025-02-23T02:20+00:00 | 2025-02-24T02:30+00:00
Africa/Casablanca | quiet 20:00-02:30 | 2025-02-22T20:20+01:00 | 2025-02-23T02:30+01:00
Africa/Casablanca | after 12 months | 2024-02-23T02:30+01:00 | 2025-02-23T02:30+01:00
Africa/Casablanca | window 02:30-05:00 | 2025-02-22T20:00+01:00 | 2025-02-23T02:30+01:00
Africa/Casablanca | on sun at 02:30 | 2025-02-20T08:05+01:00 | 2025-02-23T02:30+01:00
Africa/Casablanca | after 1 month | 2025-01-23T02:30+01:00 | 2025-02-23T02:30+01:00
Africa/Casablanca | after 1 hour on weekdays | 2025-02-23T02:30+01:00 | 2025-02-24T02:30+00:00
# Africa/Casablanca: forward after Ramadan Sun 6 Apr 2025 02:00
Africa/Casablanca | after 1 day | 2025-04-05T02:30+00:00 | 2025-04-06T03:30+01:00
Africa/Casablanca | after 24 hours | 2025-04-05T12:00+00:00 | 2025-04-06T13:00+01:00
Africa/Casablanca | after 1 day at 02:30 | 2025-04-05T15:10+00:00 | 2025-04-06T03:30+01:00
Africa/Casablanca | at 02:30 | 2025-04-06T04:20+01:00 | 2025-04-07T02:30+01:00
Africa/Casablanca | quiet 20:00-02:30 | 2025-04-05T20:20+00:00 | 2025-04-06T03:30+01:00
Africa/Casablanca | after 2 business days at 02:30 | 2025-04-02T23:45+00:00 | 2025-04-04T02:30+00:00
Africa/Casablanca | after 36 hours window weekdays 09:00-17:00 | 2025-04-04T22:15+00:00 | 2025-04-07T09:00+01:00
Africa/Casablanca | after 2 hours window 20:00-24:00 quiet 22:00-08:00 | 2025-04-05T21:30+00:00 | 2025-04-06T20:00+01:00
Africa/Casablanca | after 2 days on weekdays at 09:30 | 2025-04-04T16:40+00:00 | 2025-04-07T09:30+01:00
Africa/Casablanca | after 0 days at 02:30 | 2025-04-06T18:00+01:00 | 2025-04-06T03:30+01:00
# Africa/Cairo: forward Fri 24 Apr 2026 at midnight
Africa/Cairo | after 1 day | 2026-04-23T00:30+02:00 | 2026-04-24T01:30+03:00
Africa/Cairo | after 24 hours | 2026-04-23T12:00+02:00 | 2026-04-24T13:00+03:00
Africa/Cairo | after 1 day at 00:30 | 2026-04-23T15:10+02:00 | 2026-04-24T01:30+03:00
Africa/Cairo | at 00:30 | 2026-04-24T02:20+03:00 | 2026-04-25T00:30+03:00
Africa/Cairo | quiet 20:00-00:30 | 2026-04-23T20:20+02:00 | 2026-04-24T01:30+03:00
Africa/Cairo | after 1 week on weekends | 2026-04-17T00:30+02:00 | 2026-04-25T00:30+03:00
Africa/Cairo | after 0 days | 2026-04-24T02:20+03:00 | 2026-04-24T02:20+03:00
Africa/Cairo | after 1 day quiet 00:00-06:30 | 2026-04-24T02:20+03:00 | 2026-04-25T06:30+03:00
Africa/Cairo | quiet 22:30-00:50 | 2026-04-24T02:20+03:00 | 2026-04-24T02:20+03:00
Africa/Cairo | after 90 minutes window sat,sun 22:00-04:00 | 2026-04-23T23:50+02:00 | 2026-04-25T22:00+03:00
# Asia/Beirut: forward Sun 29 Mar 2026 at midnight
Asia/Beirut | after 1 day | 2026-03-28T00:00+02:00 | 2026-03-29T01:00+03:00
Asia/Beirut | after 24 hours | 2026-03-28T12:00+02:00 | 2026-03-29T13:00+03:00
Asia/Beirut | after 1 day at 00:00 | 2026-03-28T15:10+02:00 | 2026-03-29T01:00+03:00
Asia/Beirut | at 00:00 | 2026-03-29T01:50+03:00 | 2026-03-30T00:00+03:00
Asia/Beirut | quiet 20:00-00:00 | 2026-03-28T20:20+02:00 | 2026-03-29T01:00+03:00
Asia/Beirut | after 700 minutes at 00:00 | 2026-03-28T14:00+02:00 | 2026-03-30T00:00+03:00
Asia/Beirut | after 3 business days | 2026-03-26T00:00+02:00 | 2026-03-31T00:00+03:00
Asia/Beirut | on mon,wed,fri | 2026-03-29T01:50+03:00 | 2026-03-30T01:50+03:00
Asia/Beirut | after 2 weeks on sun at 00:00 | 2026-03-15T09:00+02:00 | 2026-03-29T01:00+03:00
Asia/Beirut | window daily 00:10-00:00 quiet 09:00-21:00 | 2026-03-28T09:00+02:00 | 2026-03-28T21:00+02:00
# Asia/Kolkata: half-hour zone, no change
Asia/Kolkata | after 1 day | 2026-03-07T02:30+05:30 | 2026-03-08T02:30+05:30
Asia/Kolkata | after 24 hours | 2026-03-07T12:00+05:30 | 2026-03-08T12:00+05:30
Asia/Kolkata | after 1 day at 02:30 | 2026-03-07T15:10+05:30 | 2026-03-08T02:30+05:30
Asia/Kolkata | at 02:30 | 2026-03-08T03:20+05:30 | 2026-03-09T02:30+05:30
Asia/Kolkata | quiet 20:00-02:30 | 2026-03-07T20:20+05:30 | 2026-03-08T02:30+05:30
Asia/Kolkata | after 3 hours window weekdays 21:00-02:00 quiet 23:00-01:00 | 2026-03-07T18:30+05:30 | 2026-03-09T21:00+05:30
Asia/Kolkata | on weekends window 10:00-16:00 | 2026-03-04T19:00+05:30 | 2026-03-08T10:00+05:30
Asia/Kolkata | after 12 months | 2025-03-08T02:30+05:30 | 2026-03-08T02:30+05:30
Asia/Kolkata | window 02:30-05:00 | 2026-03-07T20:00+05:30 | 2026-03-08T02:30+05:30
Asia/Kolkata | on sun at 02:30 | 2026-03-05T08:05+05:30 | 2026-03-08T02:30+05:30
# Asia/Kathmandu: quarter-hour zone, no change
Asia/Kathmandu | after 1 day | 2026-10-31T01:30+05:45 | 2026-11-01T01:30+05:45
Asia/Kathmandu | after 24 hours | 2026-10-31T12:00+05:45 | 2026-11-01T12:00+05:45
Asia/Kathmandu | after 1 day at 01:30 | 2026-10-31T15:10+05:45 | 2026-11-01T01:30+05:45
Asia/Kathmandu | at 01:30 | 2026-11-01T02:20+05:45 | 2026-11-02T01:30+05:45
Asia/Kathmandu | quiet 20:00-01:30 | 2026-10-31T20:20+05:45 | 2026-11-01T01:30+05:45
Asia/Kathmandu | after 1 month | 2026-10-01T01:30+05:45 | 2026-11-01T01:30+05:45
Asia/Kathmandu | after 1 hour on weekdays | 2026-11-01T01:30+05:45 | 2026-11-02T02:30+05:45
Asia/Kathmandu | after 2 business days at 01:30 | 2026-10-28T23:45+05:45 | 2026-10-30T01:30+05:45
Asia/Kathmandu | after 36 hours window weekdays 09:00-17:00 | 2026-10-30T22:15+05:45 | 2026-11-02T09:00+05:45
Asia/Kathmandu | after 2 hours window 20:00-24:00 quiet 22:00-08:00 | 2026-10-31T21:30+05:45 | 2026-11-01T20:00+05:45
# Asia/Tokyo: no change, over the new year
Asia/Tokyo | after 1 day | 2026-12-30T09:00+09:00 | 2026-12-31T09:00+09:00
Asia/Tokyo | after 24 hours | 2026-12-30T12:00+09:00 | 2026-12-31T12:00+09:00
Asia/Tokyo | after 1 day at 09:00 | 2026-12-30T15:10+09:00 | 2026-12-31T09:00+09:00
Asia/Tokyo | at 09:00 | 2026-12-31T09:50+09:00 | 2027-01-01T09:00+09:00
Asia/Tokyo | quiet 20:00-09:00 | 2026-12-30T20:20+09:00 | 2026-12-31T09:00+09:00
Asia/Tokyo | after 2 days on weekdays at 09:30 | 2026-12-29T16:40+09:00 | 2026-12-31T09:30+09:00
Asia/Tokyo | after 0 days at 09:00 | 2026-12-31T18:00+09:00 | 2026-12-31T09:00+09:00
Asia/Tokyo | after 1 week on weekends | 2026-12-24T09:00+09:00 | 2027-01-02T09:00+09:00
Asia/Tokyo | after 0 days | 2026-12-31T09:50+09:00 | 2026-12-31T09:50+09:00
Asia/Tokyo | after 1 day quiet 00:00-06:30 | 2026-12-31T09:50+09:00 | 2027-01-01T09:50+09:00
# Australia/Lord_Howe: back by half an hour Sun 5 Apr 2026 02:00
Australia/Lord_Howe | after 1 day | 2026-04-04T01:45+11:00 | 2026-04-05T01:45+11:00
Australia/Lord_Howe | after 24 hours | 2026-04-04T12:00+11:00 | 2026-04-05T11:30+10:30
Australia/Lord_Howe | after 1 day at 01:45 | 2026-04-04T15:10+11:00 | 2026-04-05T01:45+11:00
Australia/Lord_Howe | at 01:45 | 2026-04-05T02:05+10:30 | 2026-04-06T01:45+10:30
Australia/Lord_Howe | quiet 20:00-01:45 | 2026-04-04T20:20+11:00 | 2026-04-05T01:45+11:00
Australia/Lord_Howe | quiet 22:30-02:05 | 2026-04-05T02:05+10:30 | 2026-04-05T02:05+10:30
Australia/Lord_Howe | after 90 minutes window sat,sun 22:00-04:00 | 2026-04-04T23:50+11:00 | 2026-04-05T01:20+11:00
Australia/Lord_Howe | after 700 minutes at 01:45 | 2026-04-04T14:00+11:00 | 2026-04-05T01:45+11:00
Australia/Lord_Howe | after 3 business days | 2026-04-02T01:45+11:00 | 2026-04-07T01:45+10:30
Australia/Lord_Howe | on mon,wed,fri | 2026-04-05T02:05+10:30 | 2026-04-06T02:05+10:30
# Australia/Lord_Howe: forward by half an hour Sun 4 Oct 2026 02:00
Australia/Lord_Howe | after 1 day | 2026-10-03T02:15+10:30 | 2026-10-04T02:45+11:00
Australia/Lord_Howe | after 24 hours | 2026-10-03T12:00+10:30 | 2026-10-04T12:30+11:00
Australia/Lord_Howe | after 1 day at 02:15 | 2026-10-03T15:10+10:30 | 2026-10-04T02:45+11:00
Australia/Lord_Howe | at 02:15 | 2026-10-04T03:35+11:00 | 2026-10-05T02:15+11:00
Australia/Lord_Howe | quiet 20:00-02:15 | 2026-10-03T20:20+10:30 | 2026-10-04T02:45+11:00
Australia/Lord_Howe | after 2 weeks on sun at 02:15 | 2026-09-20T09:00+10:30 | 2026-10-04T02:45+11:00
Australia/Lord_Howe | window daily 02:25-02:15 quiet 09:00-21:00 | 2026-10-03T09:00+10:30 | 2026-10-03T21:00+10:30
Australia/Lord_Howe | after 3 hours window weekdays 21:00-02:00 quiet 23:00-01:00 | 2026-10-03T18:30+10:30 | 2026-10-05T21:00+11:00
Australia/Lord_Howe | on weekends window 10:00-16:00 | 2026-09-30T19:00+10:30 | 2026-10-04T10:00+11:00
Australia/Lord_Howe | after 12 months | 2025-10-04T02:15+10:30 | 2026-10-04T02:45+11:00
# Pacific/Auckland: forward Sun 27 Sep 2026 02:00
Pacific/Auckland | after 1 day | 2026-09-26T02:30+12:00 | 2026-09-27T03:30+13:00
Pacific/Auckland | after 24 hours | 2026-09-26T12:00+12:00 | 2026-09-27T13:00+13:00
Pacific/Auckland | after 1 day at 02:30 | 2026-09-26T15:10+12:00 | 2026-09-27T03:30+13:00
Pacific/Auckland | at 02:30 | 2026-09-27T04:20+13:00 | 2026-09-28T02:30+13:00
Pacific/Auckland | quiet 20:00-02:30 | 2026-09-26T20:20+12:00 | 2026-09-27T03:30+13:00
Pacific/Auckland | window 02:30-05:00 | 2026-09-26T20:00+12:00 | 2026-09-27T03:30+13:00
Pacific/Auckland | on sun at 02:30 | 2026-09-24T08:05+12:00 | 2026-09-27T03:30+13:00
Pacific/Auckland | after 1 month | 2026-08-27T02:30+12:00 | 2026-09-27T03:30+13:00
Pacific/Auckland | after 1 hour on weekdays | 2026-09-27T03:30+13:00 | 2026-09-28T04:30+13:00
Pacific/Auckland | after 2 business days at 02:30 | 2026-09-23T23:45+12:00 | 2026-09-25T02:30+12:00
# Pacific/Chatham: forward Sun 27 Sep 2026 02:45
Pacific/Chatham | after 1 day | 2026-09-26T03:00+12:45 | 2026-09-27T04:00+13:45
Pacific/Chatham | after 24 hours | 2026-09-26T12:00+12:45 | 2026-09-27T13:00+13:45
Pacific/Chatham | after 1 day at 03:00 | 2026-09-26T15:10+12:45 | 2026-09-27T04:00+13:45
Pacific/Chatham | at 03:00 | 2026-09-27T04:50+13:45 | 2026-09-28T03:00+13:45
Pacific/Chatham | quiet 20:00-03:00 | 2026-09-26T20:20+12:45 | 2026-09-27T04:00+13:45
Pacific/Chatham | after 36 hours window weekdays 09:00-17:00 | 2026-09-25T22:15+12:45 | 2026-09-28T09:00+13:45
Pacific/Chatham | after 2 hours window 20:00-24:00 quiet 22:00-08:00 | 2026-09-26T21:30+12:45 | 2026-09-27T20:00+13:45
Pacific/Chatham | after 2 days on weekdays at 09:30 | 2026-09-25T16:40+12:45 | 2026-09-28T09:30+13:45
Pacific/Chatham | after 0 days at 03:00 | 2026-09-27T18:00+13:45 | 2026-09-27T04:00+13:45
Pacific/Chatham | after 1 week on weekends | 2026-09-20T03:00+12:45 | 2026-09-27T04:00+13:45
# Pacific/Apia: Fri 30 Dec 2011 was skipped
Pacific/Apia | after 1 day | 2011-12-29T10:00-10:00 | 2011-12-31T10:00+14:00
Pacific/Apia | after 24 hours | 2011-12-29T12:00-10:00 | 2011-12-31T12:00+14:00
Pacific/Apia | after 1 day at 10:00 | 2011-12-29T15:10-10:00 | 2011-12-31T10:00+14:00
Pacific/Apia | at 10:00 | 2011-12-31T10:50+14:00 | 2012-01-01T10:00+14:00
Pacific/Apia | quiet 20:00-10:00 | 2011-12-29T20:20-10:00 | 2011-12-31T10:00+14:00
Pacific/Apia | after 0 days | 2011-12-31T10:50+14:00 | 2011-12-31T10:50+14:00
Pacific/Apia | after 1 day quiet 00:00-06:30 | 2011-12-31T10:50+14:00 | 2012-01-01T10:50+14:00
Pacific/Apia | quiet 22:30-10:20 | 2011-12-31T10:50+14:00 | 2011-12-31T10:50+14:00
Pacific/Apia | after 90 minutes window sat,sun 22:00-04:00 | 2011-12-29T23:50-10:00 | 2011-12-31T22:00+14:00
Pacific/Apia | after 700 minutes at 10:00 | 2011-12-29T14:00-10:00 | 2011-12-31T10:00+14:00
# Pacific/Kwajalein: Sat 21 Aug 1993 was skipped
Pacific/Kwajalein | after 1 day | 1993-08-20T10:00-12:00 | 1993-08-22T10:00+12:00
Pacific/Kwajalein | after 24 hours | 1993-08-20T12:00-12:00 | 1993-08-22T12:00+12:00
Pacific/Kwajalein | after 1 day at 10:00 | 1993-08-20T15:10-12:00 | 1993-08-22T10:00+12:00
Pacific/Kwajalein | at 10:00 | 1993-08-22T10:50+12:00 | 1993-08-23T10:00+12:00
Pacific/Kwajalein | quiet 20:00-10:00 | 1993-08-20T20:20-12:00 | 1993-08-22T10:00+12:00
Pacific/Kwajalein | after 3 business days | 1993-08-18T10:00-12:00 | 1993-08-23T10:00+12:00
Pacific/Kwajalein | on mon,wed,fri | 1993-08-22T10:50+12:00 | 1993-08-23T10:50+12:00
Pacific/Kwajalein | after 2 weeks on sat at 10:00 | 1993-08-07T09:00-12:00 | 1993-08-28T10:00+12:00
Pacific/Kwajalein | window daily 10:10-10:00 quiet 09:00-21:00 | 1993-08-20T09:00-12:00 | 1993-08-20T21:00-12:00
Pacific/Kwajalein | after 3 hours window weekdays 21:00-02:00 quiet 23:00-01:00 | 1993-08-20T18:30-12:00 | 1993-08-20T21:30-12:00
# Antarctica/Troll: forward by two hours Sun 29 Mar 2026 01:00
Antarctica/Troll | after 1 day | 2026-03-28T02:00+00:00 | 2026-03-29T04:00+02:00
Antarctica/Troll | after 24 hours | 2026-03-28T12:00+00:00 | 2026-03-29T14:00+02:00
Antarctica/Troll | after 1 day at 02:00 | 2026-03-28T15:10+00:00 | 2026-03-29T04:00+02:00
Antarctica/Troll | at 02:00 | 2026-03-29T04:50+02:00 | 2026-03-30T02:00+02:00
Antarctica/Troll | quiet 20:00-02:00 | 2026-03-28T20:20+00:00 | 2026-03-29T04:00+02:00
Antarctica/Troll | on weekends window 10:00-16:00 | 2026-03-25T19:00+00:00 | 2026-03-29T10:00+02:00
Antarctica/Troll | after 12 months | 2025-03-29T02:00+00:00 | 2026-03-29T04:00+02:00
Antarctica/Troll | window 02:00-04:30 | 2026-03-28T20:00+00:00 | 2026-03-29T04:00+02:00
Antarctica/Troll | on sun at 02:00 | 2026-03-26T08:05+00:00 | 2026-03-29T04:00+02:00
Antarctica/Troll | after 1 month | 2026-02-28T02:00+00:00 | 2026-03-28T02:00+00:00
# calendars: us has the public holidays and 24 December; shop works Tuesday to Saturday, off 7 and 31 March, 3 November
America/New_York us | after 0 business days | 2026-05-21T10:00-04:00 | 2026-05-21T10:00-04:00
America/New_York us | after 1 business day | 2026-05-21T10:00-04:00 | 2026-05-22T10:00-04:00
America/New_York us | after 3 business days at 09:00 | 2026-05-21T10:00-04:00 | 2026-05-27T09:00-04:00
America/New_York us | after 5 business days on tue | 2026-05-21T10:00-04:00 | 2026-06-02T10:00-04:00
America/New_York us | after 8 hours window weekdays 09:00-17:00 quiet 12:00-13:30 | 2026-05-21T10:00-04:00 | 2026-05-22T09:00-04:00
America/New_York us | window fri,sat 22:00-02:00 | 2026-05-21T10:00-04:00 | 2026-05-22T22:00-04:00
America/New_York us | after 1 business day | 2026-07-02T16:30-04:00 | 2026-07-06T16:30-04:00
America/New_York us | after 3 business days at 09:00 | 2026-07-02T16:30-04:00 | 2026-07-08T09:00-04:00
America/New_York us | after 5 business days on tue | 2026-07-02T16:30-04:00 | 2026-07-14T16:30-04:00
America/New_York us | after 8 hours window weekdays 09:00-17:00 quiet 12:00-13:30 | 2026-07-02T16:30-04:00 | 2026-07-06T09:00-04:00
America/New_York us | window fri,sat 22:00-02:00 | 2026-07-02T16:30-04:00 | 2026-07-10T22:00-04:00
America/New_York us | after 1 business day | 2026-12-23T17:45-05:00 | 2026-12-28T17:45-05:00
America/New_York us | after 3 business days at 09:00 | 2026-12-23T17:45-05:00 | 2026-12-30T09:00-05:00
America/New_York us | after 5 business days on tue | 2026-12-23T17:45-05:00 | 2027-01-05T17:45-05:00
America/New_York us | window 09:00-17:00 | 2026-12-23T17:45-05:00 | 2026-12-26T09:00-05:00
America/New_York us | after 8 hours window weekdays 09:00-17:00 quiet 12:00-13:30 | 2026-12-23T17:45-05:00 | 2026-12-28T09:00-05:00
America/New_York us | window fri,sat 22:00-02:00 | 2026-12-23T17:45-05:00 | 2026-12-26T22:00-05:00
America/New_York us | after 1 business day | 2026-09-04T08:00-04:00 | 2026-09-08T08:00-04:00
America/New_York us | after 3 business days at 09:00 | 2026-09-04T08:00-04:00 | 2026-09-10T09:00-04:00
America/New_York us | after 5 business days on tue | 2026-09-04T08:00-04:00 | 2026-09-15T08:00-04:00
America/New_York us | window 09:00-17:00 | 2026-09-04T08:00-04:00 | 2026-09-04T09:00-04:00
America/New_York us | after 8 hours window weekdays 09:00-17:00 quiet 12:00-13:30 | 2026-09-04T08:00-04:00 | 2026-09-04T16:00-04:00
America/New_York us | window fri,sat 22:00-02:00 | 2026-09-04T08:00-04:00 | 2026-09-04T22:00-04:00
America/New_York us | after 0 business days | 2026-05-23T10:00-04:00 | 2026-05-26T10:00-04:00
America/New_York us | after 1 business day | 2026-05-23T10:00-04:00 | 2026-05-26T10:00-04:00
America/New_York us | after 3 business days at 09:00 | 2026-05-23T10:00-04:00 | 2026-05-28T09:00-04:00
America/New_York us | after 5 business days on tue | 2026-05-23T10:00-04:00 | 2026-06-02T10:00-04:00
America/New_York us | window 09:00-17:00 | 2026-05-23T10:00-04:00 | 2026-05-23T10:00-04:00
America/New_York us | after 8 hours window weekdays 09:00-17:00 quiet 12:00-13:30 | 2026-05-23T10:00-04:00 | 2026-05-26T09:00-04:00
Europe/Lisbon shop | after 1 business day | 2026-03-06T11:00+00:00 | 2026-03-10T11:00+00:00
Europe/Lisbon shop | after 3 business days at 09:00 | 2026-03-06T11:00+00:00 | 2026-03-12T09:00+00:00
Europe/Lisbon shop | after 5 business days on tue | 2026-03-06T11:00+00:00 | 2026-03-17T11:00+00:00
Europe/Lisbon shop | after 8 hours window weekdays 09:00-17:00 quiet 12:00-13:30 | 2026-03-06T11:00+00:00 | 2026-03-09T09:00+00:00
Europe/Lisbon shop | after 0 business days | 2026-03-30T17:59+01:00 | 2026-04-01T17:59+01:00
Europe/Lisbon shop | after 1 business day | 2026-03-30T17:59+01:00 | 2026-04-01T17:59+01:00
Europe/Lisbon shop | after 3 business days at 09:00 | 2026-03-30T17:59+01:00 | 2026-04-03T09:00+01:00
Europe/Lisbon shop | after 5 business days on tue | 2026-03-30T17:59+01:00 | 2026-04-07T17:59+01:00
Europe/Lisbon shop | window 09:00-17:00 | 2026-03-30T17:59+01:00 | 2026-04-01T09:00+01:00
Europe/Lisbon shop | after 8 hours window weekdays 09:00-17:00 quiet 12:00-13:30 | 2026-03-30T17:59+01:00 | 2026-04-01T09:00+01:00
Europe/Lisbon shop | window fri,sat 22:00-02:00 | 2026-03-30T17:59+01:00 | 2026-04-03T22:00+01:00
Europe/Lisbon shop | after 0 business days | 2026-11-01T12:00+00:00 | 2026-11-04T12:00+00:00
Europe/Lisbon shop | after 1 business day | 2026-11-01T12:00+00:00 | 2026-11-04T12:00+00:00
Europe/Lisbon shop | after 3 business days at 09:00 | 2026-11-01T12:00+00:00 | 2026-11-06T09:00+00:00
Europe/Lisbon shop | after 5 business days on tue | 2026-11-01T12:00+00:00 | 2026-11-10T12:00+00:00
Europe/Lisbon shop | after 8 hours window weekdays 09:00-17:00 quiet 12:00-13:30 | 2026-11-01T12:00+00:00 | 2026-11-02T09:00+00:00
Europe/Lisbon shop | window fri,sat 22:00-02:00 | 2026-11-01T12:00+00:00 | 2026-11-06T22:00+00:00
"""

ROWS = [
    tuple(cell.strip() for cell in line.split("|"))
    for line in TABLE.splitlines()
    if line and not line.startswith("#")
]


def test_the_table_holds_every_kind_of_zone() -> None:
    zones = {row[0].split()[0] for row in ROWS}

    assert len(ROWS) >= 300
    assert len(zones) >= 15


@pytest.mark.parametrize(("place", "rule", "start", "expected"), ROWS)
def test_a_rule_is_due_when_the_table_says(place: str, rule: str, start: str, expected: str) -> None:
    zone, _, calendar = place.partition(" ")

    due_at = resolve(parse_rule(rule), datetime.fromisoformat(start), ZoneInfo(zone), CALENDARS[calendar]).at

    assert due_at.tzinfo is UTC
    assert due_at.astimezone(ZoneInfo(zone)).isoformat(timespec="minutes") == expected


@pytest.mark.parametrize(("place", "rule", "start", "expected"), ROWS[::6])
def test_brute_force_agrees_with_the_table(place: str, rule: str, start: str, expected: str) -> None:
    zone, _, calendar = place.partition(" ")

    due_at = due(rule, zone, datetime.fromisoformat(start), ORACLE_CALENDARS[calendar])

    assert due_at == datetime.fromisoformat(expected)
