"""YAML as it was written, with places; and what is refused for hiding meaning or for being an attack."""

from __future__ import annotations

import resource
from time import process_time

import pytest

from nurture.workflow.yaml_text import ListNode, MapNode, TextNode, read_yaml


def read(text: str | bytes) -> MapNode:
    top, problems = read_yaml(text, "a.yaml")
    assert not problems
    assert top is not None
    return top


def told(text: str | bytes) -> list[str]:
    return [
        f"{problem.place.line}:{problem.place.column} {problem.code}"
        for problem in read_yaml(text, "a.yaml")[1]
    ]


@pytest.mark.parametrize(
    "word", ["10:00", "no", "on", "2026-11", "5%", "0x1f", "1e3", "007", "#tag", "a #b"[:1]]
)
def test_words_stay_as_they_were_written(word: str) -> None:
    quoted = f"key: '{word}'" if "#" in word else f"key: {word}"

    value = read(quoted).get("key")

    assert isinstance(value, TextNode)
    assert value.text == word


def test_every_key_and_value_knows_its_place() -> None:
    top = read("# a comment\nname: x\nsteps:\n  - email: hello\n    after: 2 days\n  - {wait: 1 day}\n")

    steps = top.get("steps")
    assert isinstance(steps, ListNode)
    first, second = steps.items
    assert isinstance(first, MapNode)
    assert isinstance(second, MapNode)
    places = [node.place for key, node in (*first.entries, *second.entries)]
    assert [(place.line, place.column) for place in places] == [(4, 12), (5, 12), (6, 12)]
    key = first.key("after")
    assert key is not None
    assert (key.place.line, key.place.column) == (5, 5)


@pytest.mark.parametrize(
    ("source", "column"),
    [
        ("key: abcdef", 6 + 3),
        ('key: "abcdef"', 7 + 3),
        ("key: 'abcdef'", 7 + 3),
        ("key: 'it''s so'", 6),
        ("key: ab\n  cdef", 6),
    ],
)
def test_a_column_inside_a_text_is_found_unless_the_text_was_folded_or_escaped(
    source: str, column: int
) -> None:
    value = read(source).get("key")

    assert isinstance(value, TextNode)
    assert value.at(3).column == column


def test_nothing_tilde_and_null_are_null_and_quoted_they_are_text() -> None:
    top = read("a:\nb: ~\nc: null\nd: ''\ne: 'null'\n")

    assert [node.is_null for _, node in top.entries if isinstance(node, TextNode)] == [
        True,
        True,
        True,
        False,
        False,
    ]


def test_an_alias_repeats_what_its_anchor_marks() -> None:
    top = read("a: &x [1, 2]\nb: *x\n")

    assert top.get("b") == top.get("a")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 1\nb: 2\na: 3\n", "3:1 duplicate-key"),
        ('a: b where c == "Offer #1"\n', "1:24 cut-text"),
        ('a: {b: c == "x, y"}\n', "1:15 cut-text"),
        ("a: b: c\n", "1:5 bad-yaml"),
        ("a:\n\tb: c\n", "2:1 bad-yaml"),
        ("a: !x b\n", "1:4 bad-yaml"),
        ("!!python/object:os.system\na: b\n", "1:1 bad-yaml"),
        ("<<: {a: b}\n", "1:1 bad-yaml"),
        ("a: &a [*a]\n", "1:8 bad-yaml"),
        ("a: *b\n", "1:4 bad-yaml"),
        ("a: b\n---\nc: d\n", "2:1 bad-yaml"),
        ("- a\n", "1:1 bad-yaml"),
        ("", "1:1 bad-yaml"),
        ("just words\n", "1:1 bad-yaml"),
        ("? [a]\n: b\n", "1:3 bad-yaml"),
        ("a: x\x00y\n", "1:5 bad-yaml"),
        ("a: x\u2028y\n", "1:5 bad-yaml"),
        ('a: "never closed\n', "1:4 bad-yaml"),
        ("a: [b\n", "2:1 bad-yaml"),
        ("a: b\n  c: d\n", "2:4 bad-yaml"),
        ("a: @b\n", "1:4 bad-yaml"),
        (b"a: caf\xe9\n", "1:7 bad-yaml"),
        (b"\xff\xfea\x00", "1:1 bad-yaml"),
        ("%TAG ! tag:x,2026:\n---\na: b\n", "2:1 bad-yaml"),
    ],
)
def test_what_hides_meaning_is_refused_at_its_place(text: str | bytes, expected: str) -> None:
    assert expected in told(text)


@pytest.mark.parametrize("escape", ["\\0", "\\r", "\\e", "\\ud800", "\\UFFFFFFFF"])
def test_an_escape_brings_in_no_control_character_and_no_half_of_one(escape: str) -> None:
    top, problems = read_yaml(f'title: "a{escape}b"\n', "a.yaml")

    assert (top, [(problem.code, problem.place.line) for problem in problems]) == (None, [("bad-yaml", 1)])


def test_a_second_colon_gets_the_hint_to_quote_the_line() -> None:
    _, problems = read_yaml('trigger: note.added where event.text == "a: b"\n', "a.yaml")

    assert problems[0].hint == "put the whole line in single quotes: '…'"


@pytest.mark.parametrize(
    "text", ["need: Don't wait # a comment\n", 'a: say "hello" # a comment\n', "url: https://x.org/#a\n"]
)
def test_an_apostrophe_or_a_closed_quotation_before_a_comment_is_fine(text: str) -> None:
    assert told(text) == []


def test_byte_order_mark_and_windows_line_ends_are_fine() -> None:
    assert read(b"\xef\xbb\xbfa: b\r\nc: d\r\n").get("c") is not None


def _laughs() -> str:
    lines = ["a: &a [x, x, x, x, x, x, x, x, x]"]
    lines += [f"{chr(98 + i)}: &{chr(98 + i)} [{', '.join([f'*{chr(97 + i)}'] * 9)}]" for i in range(10)]
    return "\n".join(lines)


@pytest.mark.parametrize(
    "bomb",
    [
        pytest.param(_laughs(), id="a billion laughs"),
        pytest.param("a: " + "[" * 900_000, id="nested lists"),
        pytest.param("a: " + "{" * 900_000, id="nested maps"),
        pytest.param("- " * 400_000, id="nested dashes"),
        pytest.param("a: [" + "a," * 400_000 + "]", id="a long list"),
        pytest.param("a" * 1_000_001, id="over one megabyte"),
        pytest.param("".join(f"k{i}: &a{i} x\n" for i in range(30_000)), id="many anchors"),
    ],
)
def test_a_bomb_is_refused_quickly_and_in_little_memory(bomb: str) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = process_time()

    top, problems = read_yaml(bomb, "a.yaml")

    assert top is None
    assert problems[0].code == "bad-yaml"
    assert process_time() - start < 2
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000
