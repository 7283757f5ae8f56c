"""What was decided is read years later as it was written, word for word."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import MISSING, fields
from datetime import UTC, datetime
from types import UnionType
from typing import get_args, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nurture.db.codec import decision_from_json, decision_to_json
from nurture.model import decisions
from nurture.model.decisions import Decision, Finish, SetFields, Wait
from nurture.model.errors import NurtureError, Place
from nurture.model.timing import Duration, Unit
from nurture.model.words import Scalar, Status

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
KINDS = [
    kind
    for kind in vars(decisions).values()
    if isinstance(kind, type) and issubclass(kind, Decision) and kind is not Decision
]

EPOCH, LATE = datetime(1970, 1, 1), datetime(9000, 1, 1)  # noqa: DTZ001 - Hypothesis adds the zone
texts = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"))
numbers = st.one_of(st.integers(-(2**53), 2**53), st.floats(allow_nan=False, allow_infinity=False))
scalars = st.one_of(st.none(), st.booleans(), numbers, texts)
PLAIN: dict[object, st.SearchStrategy[object]] = {
    datetime: st.datetimes(EPOCH, LATE, timezones=st.just(UTC)),
    str: texts,
    int: st.integers(-(2**53), 2**53),
    Place: st.builds(Place, texts, st.integers(1, 9999), st.integers(1, 999)),
    Duration: st.builds(Duration, st.integers(0, 999), st.sampled_from(Unit)),
    type(None): st.none(),
    Mapping[str, Scalar]: st.dictionaries(texts, scalars),
    tuple[str, ...]: st.lists(texts).map(tuple),
    frozenset[str]: st.frozensets(texts),
}


def any_value(hint: object) -> st.SearchStrategy[object]:
    if hint in PLAIN:
        return PLAIN[hint]
    if isinstance(hint, UnionType):
        return st.one_of(*(any_value(part) for part in get_args(hint)))
    return st.from_type(hint)  # type: ignore[arg-type]


def any_of(kind: type[Decision]) -> st.SearchStrategy[Decision]:
    """A decision of this kind, sometimes with its defaults."""
    hints = get_type_hints(kind)
    required, optional = {}, {}
    for field in fields(kind):
        has_default = field.default is not MISSING or field.default_factory is not MISSING
        (optional if has_default else required)[field.name] = any_value(hints[field.name])
    return st.fixed_dictionaries(required, optional=optional).map(lambda values: kind(**values))


@given(st.one_of(*(any_of(kind) for kind in KINDS)))
def test_every_decision_comes_back_as_it_was(decision: Decision) -> None:
    assert decision_from_json(json.loads(json.dumps(decision_to_json(decision)))) == decision


def test_a_decision_says_its_kind_and_nothing_that_goes_without_saying() -> None:
    wait = Wait(at=NOON, stage="lead-offer", reason="step", until=NOON)

    assert decision_to_json(wait) == {
        "kind": "Wait",
        "at": "2026-03-02T12:00:00+00:00",
        "stage": "lead-offer",
        "reason": "step",
        "until": "2026-03-02T12:00:00+00:00",
    }


def test_numbers_words_and_truths_keep_their_kind() -> None:
    values: dict[str, Scalar] = {"age": 57, "score": 57.0, "retired": True, "plan": "1", "note": None}
    change = SetFields(at=NOON, stage="s", reason="step", values=values, add_tags=frozenset({"b", "a"}))

    told = decision_from_json(json.loads(json.dumps(decision_to_json(change))))

    assert isinstance(told, SetFields)
    assert [type(value) for value in told.values.values()] == [int, float, bool, str, type(None)]
    assert told.add_tags == {"a", "b"}


def test_enums_and_durations_come_back_as_themselves() -> None:
    finish = Finish(
        at=NOON, stage="s", reason="timed-out", status=Status.LOST, reopen=Duration(90, Unit.DAYS)
    )

    told = decision_from_json(json.loads(json.dumps(decision_to_json(finish))))

    assert isinstance(told, Finish)
    assert (told.status, told.reopen) == (Status.LOST, Duration(90, Unit.DAYS))


def test_an_unknown_kind_is_refused_with_the_remedy() -> None:
    with pytest.raises(NurtureError, match="newer nurture"):
        decision_from_json({"kind": "Teleport", "at": NOON.isoformat()})


def test_a_naive_time_is_refused() -> None:
    with pytest.raises(ValueError, match="naive"):
        decision_to_json(Wait(at=NOON.replace(tzinfo=None), stage="s", reason="step", until=None))
