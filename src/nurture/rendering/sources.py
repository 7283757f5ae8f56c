"""One template file of the project, and what is said when it cannot be used."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from nurture.model.errors import Place, Problem, ProblemsFound

Kind = Literal["md", "html", "txt"]

LONGEST_LOCALE = 35
_FILE_NAME = re.compile(
    r"(?P<name>.+?)(?:\.(?P<locale>[a-z]{2,3}(?:-[A-Za-z0-9]{2,8})*))?\.(?P<kind>md|html|txt)"
)


class TemplateProblems(ProblemsFound):
    """A template cannot be used; ``problems`` holds everything that is wrong with it."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__(sorted(problems))
        first = self.problems[0]
        more = f", and {len(problems) - 1} more" if len(problems) > 1 else ""
        self.message, self.hint = f"{first.place}: {first.message}{more}", first.hint


@dataclass(frozen=True, slots=True)
class TemplateSource:
    """One template file. ``name`` is its path below ``templates/`` without endings: ``email/welcome``."""

    name: str
    text: str
    kind: Kind
    locale: str | None = None

    @classmethod
    def at(cls, path: str, text: str) -> TemplateSource:
        """The file ``email/guide-delivery.fr.md`` below ``templates/``. Raises ValueError for other endings."""
        found = _FILE_NAME.fullmatch(path)
        if found is None:
            raise ValueError(f"{path} is no template: .md, .html and .txt are")
        kind: Kind = "md" if found["kind"] == "md" else "html" if found["kind"] == "html" else "txt"
        return cls(found["name"], text, kind, found["locale"])

    @property
    def file(self) -> str:
        """Where it stands in the project."""
        locale = f".{self.locale}" if self.locale else ""
        return f"templates/{self.name}{locale}.{self.kind}"


def folded(locale: str | None) -> str | None:
    """``fr-ca`` for ``fr-CA``, ``FR_CA`` and the like: systems write one language in many ways."""
    return locale.replace("_", "-").lower() if locale else None


def from_near_to_far(locale: str | None) -> Iterator[str | None]:
    """``fr-ca``, ``fr``, None, folded. What is too long to be a language is none."""
    locale = folded(locale) if locale and len(locale) <= LONGEST_LOCALE else None
    while locale:
        yield locale
        locale = locale.rpartition("-")[0]
    yield None


def with_plain_lines(text: str) -> str:
    """The text of a file with LF line ends and without the mark that some editors begin it with."""
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


def at_word(place: Place, word: str, text: str) -> Place:
    """Where ``word`` first stands in the line of ``place``; the place as it is when it is not there as a whole word."""
    lines = text.split("\n")
    line = lines[place.line - 1] if place.line <= len(lines) else ""
    found = re.search(rf"(?<![\w.]){re.escape(word)}(?!\w)", line) if word else None
    return replace(place, column=found.start() + 1) if found else place
