"""Partials: a piece that several messages and layouts share, such as who we are, put in before anything is compiled.

A partial is found by its name among the project's own, never on a disk, so that no name leads anywhere else. It knows
the names that every template knows, and none of the loop or the file that it stands in.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from nurture.model.errors import did_you_mean
from nurture.rendering import limits
from nurture.rendering.sources import Kind, TemplateSource, folded, from_near_to_far
from nurture.rendering.tags import Tag

FOLDER = "email/partials/"
WORD = "include"
_NAMED = re.compile(r"""include\s+(["'])(?P<name>[^"']+)\1""")
FITS: dict[Kind, tuple[Kind, ...]] = {"md": ("md", "html"), "html": ("html", "md"), "txt": ("txt",)}
"""Which kinds of partial may be put into which kind of file."""


class PartialError(ValueError):
    """A partial cannot be put where a tag wants it; ``hint`` says what may help."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Partials:
    """All partials of a project."""

    sources: tuple[TemplateSource, ...] = ()

    @classmethod
    def among(cls, sources: Iterable[TemplateSource]) -> Partials:
        """Those of these templates that are partials."""
        return cls(tuple(source for source in sources if source.name.startswith(FOLDER)))

    def found(
        self, tag: Tag, into: TemplateSource, locale: str | None, around: tuple[str, ...]
    ) -> TemplateSource:
        """The partial that ``tag`` names, in the language nearest to ``locale``.

        ``around`` are the files that it would stand in, the outermost first. Raises PartialError.
        """
        named = _NAMED.fullmatch(tag.inner)
        name = named["name"] if named else ""
        for language in from_near_to_far(locale):
            for source in self.sources:
                if folded(source.locale) == language and called(source) == name:
                    return _fitting(source, into, around)
        known = sorted({called(source) for source in self.sources})
        hint = did_you_mean(name, known) or (f"known are {', '.join(known)}" if known else None)
        raise PartialError(f"there is no templates/email/{name}", hint)


def called(source: TemplateSource) -> str:
    """The name by which a partial is included: ``partials/address.html``, in whatever language."""
    return f"{source.name.removeprefix('email/')}.{source.kind}"


def _fitting(source: TemplateSource, into: TemplateSource, around: tuple[str, ...]) -> TemplateSource:
    if source.kind not in FITS[into.kind]:
        kinds = " or ".join(f".{kind}" for kind in FITS[into.kind])
        raise PartialError(
            f"a .{source.kind} partial cannot stand in a .{into.kind} file", f"write it as {kinds}"
        )
    if source.file in around:
        raise PartialError(f"{source.file} includes itself")
    if len(around) > limits.PARTIAL_DEPTH:
        raise PartialError(f"partials stand in each other {limits.PARTIAL_DEPTH} deep at most")
    return source
