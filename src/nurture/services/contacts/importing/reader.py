"""The rows of a spreadsheet saved as text, one by one, however it was saved.

Knows nothing of people or fields. Every row keeps the number that the spreadsheet shows and the text it came from;
a row that cannot be read is handed on with its fault, never dropped and never the end of the file.
"""

from __future__ import annotations

import csv
import io
import re
import tempfile
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from typing import BinaryIO, NamedTuple, cast

from nurture.model.errors import NurtureError
from nurture.services.contacts.importing.encoding import (
    DAMAGE,
    MARK_DAMAGE,
    encoding_of,
    label,
    named_encoding,
    survey,
)

MAX_ROWS = 1_000_000
MAX_CELLS = 500
MAX_CELL = 10_000
"""Characters in one cell."""
MAX_LINE = 1_000_000
"""Characters in one line, and in one row of several lines."""
MAX_LOOKED_AHEAD = 20_000_000
"""Characters read in vain, all in all, for the end of quotes that are never closed: each costs up to MAX_LINE."""

DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
_SEP_LINE = re.compile(r'"?sep=([^\w\s"]|\t)"?[\r\n]*', re.IGNORECASE)
_QUOTED = re.compile(r'"(?:[^"]++|"")*+"')
_LINE_END = re.compile(r"\r\n|\r|\n")
_OPEN_QUOTE = "a quote is opened and never closed"
_LONG_CELL = f"a cell is longer than {MAX_CELL:,} characters"


class Row(NamedTuple):
    """One row below the header. ``fault`` says why it cannot be taken; its cells are then what could be read."""

    number: int
    cells: list[str]
    raw: str
    fault: str | None = None


class _BrokenRowError(Exception):
    """The row that is being read cannot be ended; the message says why."""


@dataclass(slots=True)
class _Lines:
    """Physical lines for the CSV parser, which asks for more while a quote is open. Remembers what it gave."""

    text: io.TextIOWrapper
    taken: list[str] = field(default_factory=list)
    size: int = 0
    again: deque[str] = field(default_factory=deque)

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self.again.popleft() if self.again else self._read()
        if not line:
            if self.taken:
                raise _BrokenRowError(_OPEN_QUOTE)
            raise StopIteration
        self.size += len(line)
        if self.size > MAX_LINE:
            if self.taken:
                self.again.appendleft(line)
                raise _BrokenRowError(_OPEN_QUOTE)
            self.taken.append(line[:MAX_LINE])
            raise _BrokenRowError(f"the line is longer than {MAX_LINE:,} characters")
        self.taken.append(line)
        return line

    def begin_row(self) -> None:
        self.taken = []
        self.size = 0

    def give_back_all_but_the_first(self) -> None:
        self.again.extendleft(reversed(self.taken[1:]))
        del self.taken[1:]

    def _read(self) -> str:
        line = self.text.readline(MAX_LINE + 1)
        rest = line
        while len(rest) > MAX_LINE and rest[-1] not in "\r\n":
            rest = self.text.readline(MAX_LINE + 1)  # an over-long line is passed by, not kept
        return line


@dataclass(frozen=True, slots=True)
class Table:
    """An open file of rows. ``rows()`` may be walked more than once, one walk at a time."""

    stream: BinaryIO
    codec: str
    delimiter: str
    delimiter_told: bool
    """The first line names the delimiter (``sep=;``), as Excel likes it; it is no row."""
    headers: tuple[str, ...] = ()

    @property
    def encoding(self) -> str:
        return label(self.codec)

    def rows(self) -> Iterator[Row]:
        """The rows below the header, without the empty ones. NurtureError beyond the file's limits."""
        walk = _walk(self)
        first = next(walk)
        for row in walk:
            if row.number - first.number > MAX_ROWS:
                raise NurtureError(f"the file has more than {MAX_ROWS:,} rows", hint="split it")
            yield row


@contextmanager
def open_table(stream: BinaryIO, *, encoding: str | None = None) -> Iterator[Table]:
    """Look at the whole file once, then hand it out as a table. What cannot be read twice is copied to disk first.

    ``encoding`` is a person's word for it; without one it is found out. Raises NurtureError for what is no CSV file,
    is empty, has no header or is beyond the limits. The stream stays open.
    """
    wanted = named_encoding(encoding) if encoding else None
    with ExitStack() as stack:
        source = stream
        if stream.seekable() and stream.tell() == 0:
            found = survey(stream)
        else:
            source = cast("BinaryIO", stack.enter_context(tempfile.TemporaryFile()))
            found = survey(stream, source)
        codec = wanted or encoding_of(found)
        start = found.head.decode(codec, "replace").removeprefix("\ufeff")
        if not start.strip("\0\r\n\t ,;|"):
            raise NurtureError("the file is empty")
        told = _SEP_LINE.match(start)
        delimiter = told.group(1) if told else find_delimiter(start)
        table = Table(source, codec, delimiter, told is not None)
        yield replace(table, headers=_headers(table))


def find_delimiter(text: str) -> str:
    """The delimiter that the heading has and that the lines below have equally often, quoted parts left out."""
    lines = [line for line in _LINE_END.split(_QUOTED.sub("x", text))[:200] if line.strip(" ")]
    if len(lines) > 2:
        lines.pop()  # perhaps only half of it was looked at
    counts = {mark: [line.count(mark) for line in lines] for mark in DELIMITERS}
    return max(DELIMITERS, key=lambda mark: counts[mark][0] * counts[mark].count(counts[mark][0]))


def _headers(table: Table) -> tuple[str, ...]:
    first = next(_walk(table), None)
    if first is None:
        raise NurtureError("the file has no heading: its first row names the columns")
    if first.fault:
        raise NurtureError(
            f"the heading (row {first.number}) cannot be read: {first.fault}",
            hint="save the list once more as CSV in UTF-8, or name its encoding",
        )
    headers = [header.strip("\ufeff ").strip() for header in first.cells]
    while headers and not headers[-1]:
        headers.pop()
    if len(headers) > MAX_CELLS:
        raise NurtureError(f"the file has {len(headers):,} columns, more than {MAX_CELLS}")
    if any("@" in header for header in headers):
        raise NurtureError(
            "the first row holds an e-mail address: it should name the columns",
            hint="put a row such as `email,first_name` on top",
        )
    return tuple(headers)


def _walk(table: Table) -> Iterator[Row]:
    """Every row that is not empty, the heading first, numbered as the spreadsheet numbers them."""
    table.stream.seek(0)
    text = io.TextIOWrapper(table.stream, encoding=table.codec, errors=MARK_DAMAGE, newline="")
    try:
        yield from _read(table, _Lines(text))
    except UnicodeError as error:  # a decoder that goes no further: UTF-16 without its mark, for one
        raise NurtureError(
            f"the file is not {table.encoding}: {error}", hint="name another encoding"
        ) from error
    finally:
        text.detach()  # the stream is not ours to close


def _read(table: Table, lines: _Lines) -> Iterator[Row]:
    if table.delimiter_told:
        next(lines)
    width = len(table.headers)
    parser = csv.reader(lines, delimiter=table.delimiter)
    number = looked_ahead = 0
    while True:
        lines.begin_row()
        number += 1
        try:
            cells = next(parser)
            fault = _fault(cells, lines.taken, width, table)
            broken = fault is not None and _hides_rows(lines.taken, width, table.delimiter)
        except StopIteration:
            return
        except _BrokenRowError as error:
            cells, fault, broken = [], str(error), True
        except csv.Error:  # the parser's own limit for a cell, which is far above ours
            cells, fault, broken = [], _LONG_CELL, True
        if broken:
            # A stray quote swallowed what follows: only the line where it stands is refused, the rest is read again.
            fault = _OPEN_QUOTE if len(lines.taken) > 1 else fault
            looked_ahead += lines.size
            if looked_ahead > MAX_LOOKED_AHEAD and fault == _OPEN_QUOTE:
                raise NurtureError(
                    f"too many rows have a quote that is never closed, the last is row {number}",
                    hint="save the file again as CSV from the spreadsheet",
                )
            lines.give_back_all_but_the_first()
            parser = csv.reader(lines, delimiter=table.delimiter)
        if fault is not None:
            yield Row(number, cells, "".join(lines.taken), fault)
        elif "".join(cells).strip():
            yield Row(number, cells[:width] if width else cells, "".join(lines.taken))


def _fault(cells: list[str], taken: list[str], width: int, table: Table) -> str | None:
    """Why the row cannot be taken, in words; None when it can."""
    raw = taken[0] if len(taken) == 1 else "".join(taken)
    if "\0" in raw:
        return "the row holds a NUL character"
    if not raw.isascii() and DAMAGE.search(raw):
        return f"the row holds bytes that are not {table.encoding}"
    if len(raw) > MAX_CELL and any(len(cell) > MAX_CELL for cell in cells):
        return _LONG_CELL
    if len(taken) > 1 and not _well_quoted(taken, table.delimiter):
        return "a quote stands in the middle of a cell"
    if not width or len(cells) == width or not "".join(cells).strip():
        return None
    if len(cells) > width and not "".join(cells[width:]).strip():
        return None
    return f"the row has {len(cells)} cells, the heading has {width}"


def _well_quoted(lines: list[str], delimiter: str) -> bool:
    try:
        return len(list(csv.reader(lines, delimiter=delimiter, strict=True))) == 1
    except csv.Error:
        return False


def _hides_rows(lines: list[str], width: int, delimiter: str) -> bool:
    """Whether a faulty row of several lines holds whole rows, as after a quote that nobody meant to open."""
    if width < 2:
        return False
    return any(len(next(csv.reader([line], delimiter=delimiter), ())) == width for line in lines[1:])
