"""The tables of every event in every state are what the rules do, and every word in them is explained."""

from __future__ import annotations

import re

import pytest

from tests.support.documents import read
from tests.unit import events_and_states
from tests.unit.events_and_states import EVENTS, STATES, VOCABULARY, outcome

DOCUMENT = "docs/events-and-states.md"
KINDS = [(name, happens) for events in EVENTS.values() for name, happens in events.items()]
PLACES = {name: state for states in STATES.values() for name, state in states.items()}


def test_the_tables_are_what_the_rules_do() -> None:
    again = "write it anew: python -m tests.unit.events_and_states > " + DOCUMENT

    assert read(DOCUMENT) == events_and_states.document(), again


def test_every_word_in_the_tables_is_explained_and_every_explained_word_is_used() -> None:
    cells = re.findall(r"\| ([^|\n]+)(?= \|)", read(DOCUMENT).partition("## Evidence")[2])
    words = {word for cell in cells for word in re.sub(r"`[^`]*`", "…", cell).split(", ")}

    assert set(VOCABULARY) <= words


@pytest.mark.parametrize(("name", "happens"), KINDS, ids=[name for name, _ in KINDS])
def test_an_event_can_happen_somewhere(name: str, happens: events_and_states.Happens) -> None:
    found = {outcome(state, happens) for state in PLACES.values()}

    assert found - {events_and_states.CANNOT}


def test_nothing_that_is_over_is_moved_but_by_evidence_within_its_reopening_time() -> None:
    over = [PLACES[name] for name in ("lost otherwise", "completed", "exited")]

    found = {outcome(state, happens) for state in over for _, happens in KINDS}

    assert found == {"noted", "refused: `too-soon`", events_and_states.CANNOT}
