"""The rows of a list that were refused, in a file of their own with the reason in front, to be mended and sent again.

Made with the first such row; an older file of that name is never written over. It holds only what the list held.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TextIO

from nurture.services.contacts.importing.cells import sent_back
from nurture.services.contacts.importing.reader import Row, Table

REASON = "why it was rejected"


class RejectedRows:
    """A CSV file beside the list: UTF-8 with a mark, as spreadsheets like it, with the delimiter of the list.

    Call ``add`` for each row. Bytes that were no letters are written as ``\\udcXX``. Use it as a context manager.
    """

    def __init__(self, wanted: Path) -> None:
        self.wanted = wanted
        self.path: Path | None = None
        """Where the rows are; None while there are none."""
        self.trouble: str | None = None
        """Why the file cannot be written. The import goes on: the list itself still has every row."""
        self._file: TextIO | None = None

    def __enter__(self) -> RejectedRows:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()

    def add(self, table: Table, row: Row, reason: str) -> None:
        """Write one row of the table; the first one makes the file."""
        if self.trouble is not None:
            return
        try:
            file = self._file or self._create(table)
            cells = row.cells or next(csv.reader([row.raw], delimiter=table.delimiter), [])
            _write(file, table, [reason, *cells])
        except OSError as error:
            self.trouble = error.strerror or type(error).__name__

    def _create(self, table: Table) -> TextIO:
        number = 1
        path = self.wanted
        while self._file is None:
            try:
                self._file = path.open("x", encoding="utf-8-sig", errors="backslashreplace", newline="")
            except FileExistsError:
                number += 1
                path = self.wanted.with_stem(f"{self.wanted.stem}-{number}")
        self.path = path
        _write(self._file, table, [REASON, *table.headers])
        return self._file


def _write(file: TextIO, table: Table, cells: list[str]) -> None:
    csv.writer(file, delimiter=table.delimiter).writerow(
        sent_back(cell.replace("\0", "\\0")) for cell in cells
    )
