"""What became of a list of people: counts that add up, and everything that could not be used, row by row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class RowError:
    """What is wrong in one row, as the spreadsheet numbers it. ``column`` is a heading, None for the whole row."""

    row: int
    column: str | None
    message: str


@dataclass(slots=True)
class ImportReport:
    """What became of a list.

    Every row is counted once: rows = created + updated + unchanged + merged + rejected. A row is rejected when it
    cannot be read or has no usable address; any other bad cell is an error, is left out, and its row is imported.
    """

    encoding: str
    delimiter: str
    mapped: Mapping[str, str]
    """The field that each heading stands for."""
    unmapped: tuple[str, ...]
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    merged: int = 0
    """Rows of a person whom an earlier row has; the last value of each field that is not empty is stored."""
    rejected: int = 0
    suppressed: int = 0
    """People of the list whose address must not be written to. They are stored, and stay suppressed."""
    consented: int = 0
    """Grants that were written."""
    withdrawn: int = 0
    """People who once took this permission back: nothing was written for them. Only their own yes gives it again."""
    errors: list[RowError] = field(default_factory=list)
    notes: list[RowError] = field(default_factory=list)
    unlisted: int = 0
    """Errors and notes beyond those listed."""

    @property
    def rows(self) -> int:
        return self.created + self.updated + self.unchanged + self.merged + self.rejected
