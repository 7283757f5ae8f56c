"""Where everything stands in the picture of a path: in order, apart, inside, and whole in words."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nurture.rendering.path_drawing import SLOT, WIDTH, Dot, Drawing, Drop, Stretch, cut, draw

STATES = ("validated", "skipped", "left", "ahead", "lost")


def dot(day: str = "2 Mar", state: str = "done") -> Dot:
    return Dot(shape="mail", state=state, title="A mail", anchor="d1", day=day)


def stretch(name: str = "lead-offer", past: int = 0, coming: int = 0, state: str = "ahead") -> Stretch:
    return Stretch(
        name=name,
        note="ahead",
        state=state,
        anchor=f"s-{name}",
        title=name,
        past=[dot(f"{number + 1} Mar") for number in range(past)],
        coming=[dot(f"{number + 1} Apr", "next") for number in range(coming)],
    )


@st.composite
def paths(draw_: st.DrawFn) -> tuple[list[Stretch], list[Drop], int | None]:
    count = draw_(st.integers(1, 6))
    current = draw_(st.none() | st.integers(0, count - 1))
    stretches = [
        stretch(
            draw_(st.text(min_size=1, max_size=200)),
            draw_(st.integers(0, 30)),
            draw_(st.integers(0, 12)) if index == current else 0,
            "current" if index == current else draw_(st.sampled_from(STATES)),
        )
        for index in range(count)
    ]
    falls = [
        Drop(stretch=index, said="lost: went-silent", day="3 Apr", title="lost", ahead=index == current)
        for index in draw_(st.sets(st.integers(0, count - 1), max_size=2))
    ]
    return stretches, falls, current


@given(paths())
def test_every_mark_stands_in_its_stage_in_order_and_none_over_another(
    path: tuple[list[Stretch], list[Drop], int | None],
) -> None:
    stretches, drops, current = path

    drawn = draw(stretches, drops, current=current)

    xs = [glyph.x for glyph in drawn.glyphs]
    assert len(xs) == sum(len(one.past) + len(one.coming) for one in stretches)
    assert all(after - before >= SLOT * 0.95 for before, after in itertools.pairwise(xs))
    ends = [gate.x for gate in drawn.gates]
    assert ends == sorted(ends)
    assert ends[-1] < drawn.width
    assert all(0 < branch.x < drawn.width and branch.y < drawn.height for branch in drawn.branches)


@given(paths())
def test_the_pieces_of_the_line_join_from_end_to_end(
    path: tuple[list[Stretch], list[Drop], int | None],
) -> None:
    stretches, drops, current = path

    lines = draw(stretches, drops, current=current).lines

    assert all(left.x2 == right.x1 for left, right in itertools.pairwise(lines))
    assert all(line.x1 <= line.x2 for line in lines)


@given(paths())
def test_dates_below_the_line_never_touch(path: tuple[list[Stretch], list[Drop], int | None]) -> None:
    stretches, drops, current = path

    dated = [glyph.x for glyph in draw(stretches, drops, current=current).glyphs if glyph.day]

    assert all(after - before >= 45 for before, after in itertools.pairwise(dated))


def now_between(drawn: Drawing) -> tuple[float, float]:
    happened = [glyph.x for glyph in drawn.glyphs if glyph.dot.state == "done"]
    coming = [glyph.x for glyph in drawn.glyphs if glyph.dot.state == "next"]
    return happened[-1], coming[0]


def test_now_stands_between_what_happened_and_what_is_next() -> None:
    drawn = draw([stretch("one", past=3, coming=2, state="current"), stretch("two")], current=0)

    before, after = now_between(drawn)
    assert drawn.now_x is not None
    assert before < drawn.now_x < after
    assert [line.way for line in drawn.lines] == ["walked", "coming", "ahead"]


def test_a_lost_journey_breaks_off_where_it_was_lost() -> None:
    lost = Drop(stretch=0, said="lost: never-downloaded", day="1 Apr", title="lost")

    drawn = draw([stretch("one", past=2, state="lost"), stretch("two")], [lost])

    assert [line.way for line in drawn.lines] == ["walked", "ahead", "ahead"]
    assert drawn.now_x is None
    assert drawn.branches[0].x > drawn.glyphs[-1].x
    assert drawn.branches[0].y > drawn.line_y


def test_a_short_path_fills_the_width_and_a_long_one_grows() -> None:
    short = draw([stretch("one"), stretch("two")])
    long = draw([stretch(f"stage-{number}", past=20, state="validated") for number in range(6)])

    assert short.width == pytest.approx(WIDTH)
    assert long.width > WIDTH


def test_a_name_that_is_too_long_is_cut_and_stays_whole_in_its_title() -> None:
    drawn = draw([stretch("x" * 200)])

    assert drawn.labels[0].name.endswith("…")
    assert drawn.labels[0].stretch.title == "x" * 200


def test_cutting_leaves_what_fits_alone() -> None:
    assert cut("first-sale", 10) == "first-sale"
    assert cut("first-sale", 6) == "first…"
