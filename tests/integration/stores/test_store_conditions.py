"""A question means the same in Python and in either database, for any question and any contact."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, case, insert, select
from sqlalchemy.dialects import sqlite

from nurture.db.conditions import CONTACTS, condition
from nurture.db.session import Database
from nurture.model.expression_tree import (
    Compare,
    Constant,
    Every,
    ExpressionError,
    IsNull,
    Listing,
    Name,
    Not,
    Some,
    Sum,
    Tree,
    Within,
)
from nurture.model.expressions import Scope, compiled, is_true, parse_expression
from nurture.model.words import Contact
from nurture.model.workspace import Workspace

WORKSPACE = Workspace(name="Tamarack", currency="CAD")
WORDS = (
    "",
    "a",
    "A",
    "b",
    "é",
    "z",
    "Z",
    "10",
    "9",
    "true",
    "client",
    "CAD",
    "日本",
    "😀",
    "\uffee",
    "a b",
    "%",
    "'",
    '"',
    "\\",
)
NUMBERS = (
    0,
    1,
    -1,
    2,
    10,
    9,
    0.5,
    0.1,
    0.2,
    0.3,
    1e-9,
    1e15,
    -1e15,
    10**15,
    999_999_999_999_999.0,
    123456789.123456789,
)
TEXTS = ("email", "first_name", "last_name", "phone", "timezone", "locale", "owner")
FIELDS = ("plan", "age", "retired", "renewal_on", "x")

words = st.one_of(
    st.sampled_from(WORDS),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=4),
)
numbers = st.one_of(
    st.sampled_from(NUMBERS),
    st.integers(-(10**15), 10**15),
    st.integers(-(10**9), 10**9).map(lambda cents: cents / 100),
)
scalars = st.one_of(words, numbers, st.booleans())
moments = st.one_of(
    st.integers(0, 10**15).map(
        lambda micros: datetime(2000, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros)
    ),
    st.integers(0, 10**5).map(lambda hours: datetime(2000, 1, 1, tzinfo=UTC) + timedelta(hours=hours)),
)


@st.composite
def contacts(draw: st.DrawFn) -> dict[str, object]:
    texts = {name: draw(st.none() | words) for name in TEXTS if name != "email"}
    fields = draw(st.dictionaries(st.sampled_from(FIELDS), st.one_of(scalars, st.none()), max_size=4))
    return {
        **texts,
        "score": float(draw(numbers)),
        "tags": draw(st.lists(words, unique=True, max_size=3)),
        "fields": fields,
        "created_at": draw(moments),
    }


names = st.one_of(
    st.sampled_from([*TEXTS, *FIELDS, *FIELDS, "score", "tags", "created_at"]).map(
        lambda one: Name("contact", one)
    ),
    st.sampled_from(["name", "currency", "privacy_url"]).map(lambda one: Name("workspace", one)),
)
constants = scalars.map(Constant)
sums = st.recursive(
    names | numbers.map(Constant),
    lambda parts: st.builds(Sum, parts, parts, st.sampled_from([1, -1])),
    max_leaves=4,
)
values = st.one_of(names, constants, sums)
signs = st.sampled_from(["==", "!=", "<", "<=", ">", ">="])
listings = st.lists(st.one_of(scalars, st.none()), max_size=4).map(lambda items: Listing(tuple(items)))


def grown(parts: st.SearchStrategy[Tree]) -> st.SearchStrategy[Tree]:
    several = st.lists(parts, min_size=2, max_size=3).map(tuple)
    return st.one_of(
        parts.map(Not),
        parts.map(IsNull),
        several.map(Every),
        several.map(Some),
        st.builds(Compare, signs, parts, parts),
        st.builds(Within, parts, st.one_of(listings, names), st.booleans()),
    )


questions = st.recursive(
    st.one_of(
        values,
        st.builds(Compare, signs, values, values),
        st.builds(Within, values, st.one_of(listings, names), st.booleans()),
    ),
    grown,
    max_leaves=5,
)


class UndoneError(Exception):
    """Takes back what an example stored."""


def put(tx: Connection, people: list[dict[str, object]]) -> dict[int, Contact]:
    """Store them, and what Python makes of each."""
    stored = {}
    for number, values in enumerate(people, start=1):
        email = f"{number}@example.org"
        own = {"id": number, "email": email, **values}
        tx.execute(
            insert(CONTACTS),
            own | {"email_key": email, "email_hash": email, "updated_at": values["created_at"]},
        )
        tags = values["tags"]
        assert isinstance(tags, list)
        stored[number] = Contact(**{**own, "tags": frozenset(tags)})  # type: ignore[arg-type]
    return stored


@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    people=st.lists(contacts(), min_size=8, max_size=12), asked=st.lists(questions, min_size=15, max_size=20)
)
def test_python_and_sql_answer_every_question_alike(
    any_store: str, people: list[dict[str, object]], asked: list[Tree]
) -> None:
    database = Database(any_store)
    with suppress(UndoneError), database.write() as tx:
        stored = put(tx, people)

        answers = [
            case((condition(tree, WORKSPACE), 1), else_=0).label(f"q{n}") for n, tree in enumerate(asked)
        ]
        rows = tx.execute(select(CONTACTS.c.id, *answers)).all()
        raise UndoneError
    database.dispose()
    for row in rows:
        for tree, answer in zip(asked, row[1:], strict=True):
            by_hand = is_true(compiled(tree)(Scope(stored[row.id], workspace=WORKSPACE)))
            assert (stored[row.id], tree, bool(answer)) == (stored[row.id], tree, by_hand)


@pytest.mark.parametrize(
    "text", ['event.offer == "guide"', 'not (stage == "first")', "contact.score > event.amount"]
)
def test_what_contacts_do_not_have_cannot_be_asked_of_them(text: str) -> None:
    with pytest.raises(ExpressionError, match="asks about contacts alone"):
        condition(parse_expression(text).tree, WORKSPACE)


def test_no_word_of_a_question_stands_in_the_statement_itself() -> None:
    question = parse_expression("""contact.plan == "x'; drop table contacts" or contact["a'b"] == 1""")

    statement = str(
        select(CONTACTS.c.id).where(condition(question.tree, WORKSPACE)).compile(dialect=sqlite.dialect())
    )

    assert "drop table" not in statement
    assert "a'b" not in statement


def test_a_statement_grows_with_its_question_and_not_faster() -> None:
    text = "contact.retired"
    for _ in range(18):
        text = f"({text}) not in [true, true, true, true]"

    statement = str(condition(parse_expression(text).tree, WORKSPACE).compile(dialect=sqlite.dialect()))

    assert len(statement) < 5_000
