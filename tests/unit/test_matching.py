"""Event lines and the dates that contacts carry."""

from __future__ import annotations

from datetime import date

import pytest

from nurture.model.errors import TextError
from nurture.model.expressions import Scope
from nurture.model.matching import EventMatch, parse_date_rule, parse_event_match, parse_event_matches
from nurture.model.words import Contact

ANA = Contact(1, "ana@example.org", fields={"renewal_on": "2026-05-31", "plan": "plus", "odd": "soon"})


def test_an_event_line_is_split_at_the_first_where() -> None:
    match = parse_event_match('note.added where event.text == "where to go"')

    assert match.name == "note.added"
    assert str(match.where) == 'event.text == "where to go"'
    assert str(match) == 'note.added where event.text == "where to go"'


def test_a_match_asks_the_name_and_then_the_question() -> None:
    match = parse_event_match('offer.requested where event.offer == "guide" and contact.plan == "plus"')
    scope = Scope(ANA)

    assert match.matches("offer.requested", scope.with_event({"offer": "guide"}))
    assert not match.matches("offer.requested", scope.with_event({"offer": "other"}))
    assert not match.matches("offer.downloaded", scope.with_event({"offer": "guide"}))
    assert EventMatch("sale.closed").matches("sale.closed", scope)


def test_plain_names_may_be_joined_by_commas_or_stand_in_a_list() -> None:
    joined = parse_event_matches("email.clicked, email.replied")
    listed = parse_event_matches(["email.clicked", "email.replied"])

    assert joined == listed == (EventMatch("email.clicked"), EventMatch("email.replied"))
    assert parse_event_matches(joined) is joined


@pytest.mark.parametrize(
    ("text", "column", "words"),
    [
        ("meeting", 0, "is no event name"),
        ("Meeting.Booked", 0, "is no event name"),
        ("meeting.booked if x", 15, "does not belong after"),
        ("", 0, "an event is missing"),
        ("sale.closed where ", 18, "an expression is missing"),
        ("sale.closed where event.kind = 1", 29, "does not belong here"),
    ],
)
def test_a_line_that_cannot_be_read_says_where(text: str, column: int, words: str) -> None:
    with pytest.raises(TextError) as caught:
        parse_event_match(text)

    assert words in caught.value.message
    assert caught.value.column == column


def test_names_joined_by_commas_cannot_share_a_where() -> None:
    with pytest.raises(TextError, match="cannot have a 'where'"):
        parse_event_matches("email.clicked, email.replied where event.x")


def test_an_empty_list_names_no_event() -> None:
    with pytest.raises(TextError, match="an event is missing"):
        parse_event_matches([])


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("contact.renewal_on", date(2026, 5, 31)),
        ("contact.renewal_on - 90 days", date(2026, 3, 2)),
        ("contact.renewal_on + 2 weeks", date(2026, 6, 14)),
        ("contact.renewal_on - 3 months", date(2026, 2, 28)),
        ("contact.renewal_on + 8 months", date(2027, 1, 31)),
        ("contact.plan", None),
        ("contact.odd - 1 day", None),
        ("contact.unset - 1 day", None),
        ("contact.renewal_on + 1200 months", date(2126, 5, 31)),
    ],
)
def test_a_date_rule_counts_from_the_contacts_own_date(text: str, day: date | None) -> None:
    rule = parse_date_rule(text)

    assert rule.day(Scope(ANA)) == day
    assert str(rule) == text


@pytest.mark.parametrize(
    ("text", "column"),
    [
        ("renewal_on", 0),
        ("contact.renewal_on - soon", 21),
        ("contact.renewal_on - 3 hours", 21),
        ("contact.a * 2", 0),
    ],
)
def test_a_date_rule_that_cannot_be_read_says_where(text: str, column: int) -> None:
    with pytest.raises(TextError) as caught:
        parse_date_rule(text)

    assert caught.value.column == column
