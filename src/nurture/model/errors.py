"""What can go wrong, said so that a marketer can mend it: where it stands, what is wrong, what to do.

Nothing here prints or logs; the command line and the pages do.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where a word stands: ``file`` relative to the project folder, ``line`` and ``column`` counted from 1."""

    file: str
    line: int = 1
    column: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


class Severity(StrEnum):
    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing to mend in a file. ``code`` is stable and has a heading in the reference."""

    place: Place
    code: str
    message: str
    hint: str | None = None
    severity: Severity = Severity.ERROR

    def __str__(self) -> str:
        line = on_one_line(f"{self.place}: {self.code}  {self.message}")
        return f"{line}\n    hint: {on_one_line(self.hint)}" if self.hint else line


class NurtureError(Exception):
    """An error a person can act on: one clear sentence, and where there is one, the remedy."""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message

    @property
    def sentence(self) -> str:
        """``What is wrong: the remedy.``, as a page says it."""
        return as_sentence(f"{self.message}: {self.hint}" if self.hint else self.message)


class ProblemsFound(NurtureError):  # noqa: N818 - what was found is the message
    """Files hold problems; all of them are in ``problems``, in the order of the files."""

    def __init__(self, problems: list[Problem]) -> None:
        count = len(problems)
        super().__init__(
            f"{count} problem{'s' if count != 1 else ''} in the project's files",
            hint="run `nurture check` to see every one",
        )
        self.problems = problems


class NotFoundError(NurtureError):
    """There is no such contact, workflow, template…"""


class SettingsError(NurtureError):
    """A setting of the environment cannot be used; says which and why."""


class TextError(ValueError):
    """A short text (a rule, an expression) cannot be read; ``column`` counts from 0 inside that text.

    A ``ValueError``, so that field validators turn it into a problem at its place.
    """

    def __init__(self, message: str, *, column: int = 0, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.column = column
        self.hint = hint


def on_one_line(text: str) -> str:
    """``text`` without line breaks and control characters: build servers obey lines, and terminals escape sequences."""
    return _CONTROLS.sub(" ", text)


def as_sentence(words: str) -> str:
    """``a reason is missing`` → ``A reason is missing.``"""
    said = f"{words[:1].upper()}{words[1:]}"
    return said if said.endswith((".", "?", "!")) else f"{said}."


def did_you_mean(word: str, known: Collection[str], *, cutoff: float = 0.6) -> str | None:
    """``did you mean 'x'?`` for the nearest known word, or None when nothing is as near as ``cutoff`` (0 to 1)."""
    from difflib import get_close_matches

    near = get_close_matches(word, sorted(known), n=1, cutoff=cutoff)
    return f"did you mean '{near[0]}'?" if near else None
