"""What a contact's fields may hold, read from the texts of a file."""

from __future__ import annotations

import pytest

from nurture.model.contact_values import read_value, read_values
from nurture.model.errors import TextError
from nurture.model.words import Scalar
from nurture.model.workspace import Field, FieldType

FIELDS = {
    "age": Field("age", FieldType.NUMBER),
    "retired": Field("retired", FieldType.BOOL),
    "renewal_on": Field("renewal_on", FieldType.DATE),
    "plan": Field("plan", FieldType.CHOICE, ("basic", "plus")),
    "note": Field("note", FieldType.TEXT),
}


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("age", "57", 57),
        ("age", "12.5", 12.5),
        ("retired", "yes", True),
        ("retired", "False", False),
        ("renewal_on", "2026-03-02", "2026-03-02"),
        ("plan", "plus", "plus"),
        ("note", " hello ", "hello"),
        ("note", "", None),
        ("age", " ", None),
    ],
)
def test_a_text_becomes_the_value_of_its_field(name: str, text: str, value: Scalar) -> None:
    assert read_value(FIELDS[name], text) == value


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("age", "old", "is a number"),
        ("age", "nan", "is a number"),
        ("age", "1e30", "is a number"),
        ("retired", "perhaps", "yes or no"),
        ("renewal_on", "2026-02-30", "is a date"),
        ("plan", "pluss", "no choice of plan"),
    ],
)
def test_a_text_that_does_not_fit_is_refused(name: str, text: str, words: str) -> None:
    with pytest.raises(TextError, match=words):
        read_value(FIELDS[name], text)


def test_built_in_fields_are_read_beside_the_declared_and_all_faults_are_told() -> None:
    values, errors = read_values(
        {"email": "ana@example.org", "score": "3", "timezone": "Mars/Olympus", "age": "57", "shoe": "40"},
        FIELDS,
    )

    assert values == {"email": "ana@example.org", "score": 3, "age": 57}
    assert set(errors) == {"timezone", "shoe"}
