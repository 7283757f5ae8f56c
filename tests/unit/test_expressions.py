"""What questions mean, what they may not ask, and where an error in one stands."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nurture.model.errors import TextError
from nurture.model.expressions import ExpressionError, Scope, Value, parse_expression
from nurture.model.words import Contact, Scalar
from nurture.model.workspace import Workspace

ANA = Contact(
    1,
    "ana@example.org",
    first_name="Ana",
    tags=frozenset({"client"}),
    score=41,
    fields={"plan": "plus", "age": 57, "retired": False, "renewal_on": "2026-05-01"},
    created_at=datetime(2026, 3, 2, 9, tzinfo=UTC),
)


def ask(text: str, *, contact: Contact = ANA, event: Mapping[str, Scalar] | None = None) -> Value:
    scope = Scope(contact, event, "first-sale", Workspace(name="Acme"))
    return parse_expression(text).value(scope)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("contact.score >= 40", True),
        ("contact.score > 41", False),
        ("contact.score <= 41 and contact.age == 57", True),
        ('contact.plan == "basic" or contact.plan == "plus"', True),
        ('contact.plan != "basic"', True),
        ('contact.plan in ["basic", "plus"]', True),
        ('contact.plan not in ["basic"]', True),
        ('"client" in contact.tags', True),
        ('"client" not in contact.tags', False),
        ("not contact.retired", True),
        ("40 < contact.score < 42", True),
        ("contact.score + 10 - 1", 50),
        ("-contact.score", -41),
        ('contact.renewal_on < "2026-06-01"', True),
        ('contact.created_at >= "2026-01-01"', True),
        ('contact["plan"] == "plus"', True),
        ('stage == "first-sale"', True),
        ('workspace.name == "Acme"', True),
        ('(contact.age < 50 or contact.retired) and contact.plan == "plus"', False),
    ],
)
def test_a_question_has_the_answer_a_marketer_expects(text: str, answer: Value) -> None:
    assert ask(text) == answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("contact.phone", None),
        ("contact.phone == contact.last_name", False),
        ('contact.phone == "1"', False),
        ('contact.phone != "1"', False),
        ("contact.income > 10", False),
        ("contact.income <= 10", False),
        ('contact.income in ["a"]', False),
        ('contact.income not in ["a"]', False),
        ("not contact.phone", True),
        ("contact.phone is none", True),
        ("contact.first_name is not none", True),
        ("contact.income + 1", None),
        ("contact.phone or contact.first_name", True),
        ('"x" in event.tags', False),
        ('"x" not in event.tags', True),
    ],
)
def test_an_unset_field_is_null_and_null_compares_with_nothing(text: str, answer: Value) -> None:
    assert ask(text) == answer


def test_null_tags_are_empty() -> None:
    nobody = Contact(2, "bea@example.org")

    assert ask('"client" in contact.tags', contact=nobody) is False
    assert ask('"client" not in contact.tags', contact=nobody) is True


@pytest.mark.parametrize(
    "text",
    [
        'contact.age > "50"',
        'contact.age == "57"',
        'contact.age != "57"',
        "contact.retired == 0",
        "contact.retired < 1",
    ],
)
def test_values_of_different_kinds_are_never_alike_and_never_an_error(text: str) -> None:
    assert ask(text) is False


def test_event_fields_are_those_of_the_event_and_null_without_one() -> None:
    assert ask('event.offer == "guide"', event={"offer": "guide"}) is True
    assert ask('event.offer == "guide"') is False


def test_names_that_are_methods_elsewhere_are_only_fields_here() -> None:
    assert ask("event.items") is None
    assert ask("event.items == 3", event={"items": 3}) is True
    assert ask("contact.__class__") is None


def test_an_expression_knows_its_text_and_its_names() -> None:
    expression = parse_expression(' contact.score >= 40 and event.offer == "guide" ')

    assert str(expression) == 'contact.score >= 40 and event.offer == "guide"'
    assert expression.names == {"contact.score", "event.offer"}
    assert [name.column for name in expression.references] == [1, 25]


def test_two_expressions_with_the_same_text_are_equal() -> None:
    assert parse_expression("contact.score > 1") == parse_expression(" contact.score > 1")
    assert len({parse_expression("contact.age"), parse_expression("contact.age ")}) == 1


@pytest.mark.parametrize(
    ("text", "column", "words"),
    [
        ("", 0, "missing"),
        ("contact.score > ", 15, "ends too early"),
        ("contact.score = 3", 14, "does not belong here"),
        ("contact.a and contact.b.c", 23, "only one name follows the dot"),
        ("contact.name()", 12, "calls are not allowed"),
        ("contact.name | upper", 15, "filters are not allowed"),
        ('"a" * 200000000', 0, "'*' is not allowed"),
        ("2 ** 3", 0, "'**' is not allowed"),
        ('"a" ~ "b"', 0, "joining texts"),
        ('"a" + "b"', 0, "only work on numbers"),
        ("contact.x is defined", 10, "is not allowed"),
        ("contact.x == none", 13, "nothing is equal to none"),
        ("contact", 0, "alone is no value"),
        ("cotnact.score > 1", 0, "is no name"),
        ("score > 1", 0, "is no name"),
        ("now > 3", 0, "know no clock"),
        ("workspace.nme == 1", 9, "the workspace has no"),
        ("contact.plan in [contact.age]", 17, "plain texts and numbers"),
        ("[1, 2]", 0, "only stands behind 'in'"),
        ("contact.tags[event.x]", 12, "only one name follows the dot"),
        ("contact.a $ 1", 10, "does not belong here"),
        ('contact.a == "x', 13, "a quote is never closed"),
        ("contact.a }} {{ 7*7", 10, "does not belong here"),
        ("1 if contact.a else 2", 0, "not allowed"),
        ('{"a": 1}', 0, "braces"),
        ("99999999999999999999", 0, "too large"),
        ('contact.plan == "\\x00"', 16, "no text can hold"),
        ('contact.plan == "\0"', 16, "no text can hold"),
        ('contact.plan == "\\ud800"', 16, "no text can hold"),
        ('contact.plan in ["a", "\\ud800"]', 22, "no text can hold"),
        ('contact["\\x00"] == 1', 0, "no text can hold"),
    ],
)
def test_what_a_question_may_not_ask_is_refused_at_its_word(text: str, column: int, words: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        parse_expression(text)

    assert words in caught.value.message
    assert caught.value.column == column


def test_a_question_that_doubles_at_every_level_is_refused_and_not_read_to_its_end() -> None:
    text = "contact.score"
    for _ in range(18):
        text = f"1 < ({text}) < 2"

    with pytest.raises(ExpressionError, match="too deep"):
        parse_expression(text)


def test_a_near_miss_gets_a_hint() -> None:
    with pytest.raises(ExpressionError) as caught:
        parse_expression("contct.score > 1")

    assert caught.value.hint == "did you mean 'contact'?"


@pytest.mark.parametrize(
    "text",
    [
        "(" * 400 + "1" + ")" * 400,
        "not " * 200 + "contact.a",
        "- " * 400 + "1",
        "1" + " + 1" * 400,
        "a" * 2000,
        "[" * 300,
    ],
)
def test_deep_or_long_questions_are_refused_not_run(text: str) -> None:
    with pytest.raises(ExpressionError):
        parse_expression(text)


def test_a_long_chain_of_and_is_fine() -> None:
    assert ask(" and ".join(["contact.age"] * 30)) is True


@given(st.text(alphabet="contact.evnfrm <>=!()[]'\"|*+-~%{}#0123456789andorti\n", max_size=60))
def test_any_text_is_either_read_or_refused_with_a_place_inside_of_it(text: str) -> None:
    outcome = _read_or_refused(text)

    assert outcome in (True, False, *range(len(text) + 1))


def _read_or_refused(text: str) -> bool | int:
    """The answer, or the column at which it was refused."""
    try:
        return parse_expression(text).holds(Scope(ANA))
    except TextError as error:
        return error.column
