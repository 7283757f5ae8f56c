"""Why a file is no YAML, said at the line where somebody slipped, not where a parser gave up.

Explains only; what cannot be explained is told in the parser's own words.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from ruamel.yaml.error import MarkedYAMLError

from nurture.model.errors import Place, Problem

QUOTE_HINT = "put the whole line in single quotes: '…'"
_LOOKED_BACK = 3
"""Lines above the parser's complaint in which a slip is looked for."""


def syntax_problem(error: MarkedYAMLError, lines: Sequence[str], file: str) -> Problem:
    """The parser's complaint as one problem, with what to do about it."""
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line, mark.column) if mark else (0, 0)
    complaint = str(error.problem or error.context or "cannot be read")
    source = lines[line] if line < len(lines) else ""
    place = Place(file, line + 1, column + 1)
    if "mapping values are not allowed" in complaint and ": " in source[: column + 2].partition(": ")[2]:
        return _problem(place, "a second ': ' breaks this line", QUOTE_HINT)
    if "'\\t'" in complaint or "\t" in source[: len(source) - len(source.lstrip())]:
        return _problem(place, "a tab stands here", "indent with spaces")
    return _slip(lines, line, file) or _in_other_words(complaint, place)


def _slip(lines: Sequence[str], line: int, file: str) -> Problem | None:
    """The nearest line from the complaint upward that holds a mistake people make."""
    for number in range(line, max(line - _LOOKED_BACK, -1), -1):
        source = lines[number] if number < len(lines) else ""
        for pattern, message, hint in _SLIPS:
            found = pattern.search(source)
            if found:
                return _problem(Place(file, number + 1, found.start("at") + 1), message, hint)
    return None


_SLIPS = (
    (
        re.compile(r"^ *(?P<at>[\u00a0\u2007\u202f\u3000])"),
        "a space that is no plain space stands here",
        "indent with plain spaces: such ones come with text copied from web pages",
    ),
    (re.compile(r"^ *(?P<at>-)[^\s\-]"), "a space is missing behind the '-'", "write '- ' before each entry"),
    (
        re.compile(r"^ *(?:- +)*[a-z_]+(?P<at>:)[^\s:/]"),
        "a space is missing behind the ':'",
        "write 'key: value'",
    ),
    (
        re.compile(r"^ *(?:- +)*[\w-]+: +(?P<at>(?P<quote>[\"'])(?:(?!(?P=quote)).)*)$"),
        "a quote is never closed in this line",
        "close it with the same quote",
    ),
)


def _in_other_words(complaint: str, place: Place) -> Problem:
    for words, message, hint in _COMPLAINTS:
        if words in complaint:
            return _problem(place, message, hint)
    hint = "look at the indentation, colons and quotes of this line"
    return _problem(place, f"this is no YAML: {complaint}", hint)


_COMPLAINTS = (
    (
        "mapping values are not allowed",
        "a key stands where none can",
        "look at the indentation of this line and the one above",
    ),
    ("found unexpected end of stream", "a quote is never closed", "close it with the same quote"),
    ("could not find expected ':'", "a ':' is missing behind the key", "write 'key: value'"),
    ("found undefined alias", "a '*' stands for nothing", "quote the value if the star is meant"),
    ("cannot start any token", "a value cannot begin with this character", "quote the value"),
    (
        "expected <block end>",
        "the indentation does not fit, or text follows a closing quote or bracket",
        "begin the line exactly below those it belongs with, or quote the whole text",
    ),
    (
        "expected ',' or",
        "a ',' or the closing bracket is missing",
        "quote values that hold brackets, commas or ': '",
    ),
)


def _problem(place: Place, message: str, hint: str) -> Problem:
    return Problem(place, "bad-yaml", message, hint)
