"""Templates as the project holds them, turned into messages that only lack a contact.

They come as text, from the published project or the folder; nothing here reads files. Every problem of a template is
found here, before any contact meets it: a template that compiles can fail only over what one contact lacks.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property, lru_cache

from nurture.model.errors import NotFoundError, Place, Problem, did_you_mean
from nurture.rendering.compiler import Compiler
from nurture.rendering.front_matter import FrontMatter, split_front_matter
from nurture.rendering.own_pages import PAGES, PageTemplate
from nurture.rendering.partials import FOLDER, Partials
from nurture.rendering.render import MessageTemplate, TextTemplate
from nurture.rendering.sources import (
    TemplateProblems,
    TemplateSource,
    at_word,
    folded,
    from_near_to_far,
    with_plain_lines,
)

__all__ = [
    "LAYOUTS",
    "Library",
    "TemplateProblems",
    "TemplateSource",
    "compile_message",
    "compile_text",
    "front_matter_of",
    "is_sent",
]

LAYOUTS = "email/layouts/"
NO_PARTIALS = Partials()


def is_sent(name: str) -> bool:
    """Whether a template is a message or a call script by itself, not a piece of others or a page."""
    return name.startswith(("email/", "call/")) and not name.startswith((LAYOUTS, FOLDER))


def front_matter_of(source: TemplateSource) -> FrontMatter:
    """What stands at the top of a message. Raises TemplateProblems."""
    front_matter, _, problems = split_front_matter(with_plain_lines(source.text), source.file)
    if problems:
        raise TemplateProblems(problems)
    return front_matter


@lru_cache(maxsize=1024)
def compile_message(
    source: TemplateSource,
    layout: TemplateSource | None = None,
    *,
    text: TemplateSource | None = None,
    layout_text: TemplateSource | None = None,
    partials: Partials = NO_PARTIALS,
) -> MessageTemplate:
    """The message of ``source`` in its layout; ``text`` and ``layout_text`` are the .txt files beside them.

    Without those the plain text is made from the HTML. The same texts are compiled once. Raises TemplateProblems.
    """
    return Compiler(source, layout, text, layout_text, partials).message()


@lru_cache(maxsize=1024)
def compile_text(source: TemplateSource) -> TextTemplate:
    """A call script. Raises TemplateProblems."""
    return Compiler(source).script()


@lru_cache(maxsize=64)
def compile_page(source: TemplateSource) -> PageTemplate:
    """The frame of public pages. Raises TemplateProblems."""
    return Compiler(source).page()


class Library:
    """All templates of a project: finds the language, the layout and the .txt beside a message, and compiles it once."""

    def __init__(self, sources: Iterable[TemplateSource]) -> None:
        self._sources = {(source.name, folded(source.locale), source.kind): source for source in sources}
        self._messages: dict[str, MessageTemplate | TemplateProblems] = {}
        self._partials = Partials.among(self._sources.values())

    @cached_property
    def names(self) -> frozenset[str]:
        """Every name, such as ``email/welcome`` or ``call/welcome-call``."""
        return frozenset(name for name, _, _ in self._sources)

    def files(self, name: str) -> tuple[str, ...]:
        """The files of ``email/welcome`` in all languages."""
        return tuple(sorted(source.file for source in self._sources.values() if source.name == name))

    def languages(self, name: str) -> tuple[str, ...]:
        """The languages in which ``email/welcome`` is written, beside the main one."""
        found = {one.locale for one in self._sources.values() if one.name == name and one.locale}
        return tuple(sorted(found))

    def language(self, name: str, locale: str | None) -> str | None:
        """The language in which a contact of ``locale`` gets ``email/welcome``; None is the main one. Raises NotFoundError."""
        return self._found(name, locale)[0].locale

    def message(self, name: str, locale: str | None = None) -> MessageTemplate:
        """The message ``name`` (``welcome`` is ``email/welcome``) in the nearest language.

        ``fr-CA`` takes fr-CA, else fr, else the one without a language. Raises NotFoundError, TemplateProblems.
        """
        body, text = self._found(name if "/" in name else f"email/{name}", locale)
        if body.file not in self._messages:
            try:
                self._messages[body.file] = self._compiled(body, text)
            except TemplateProblems as problems:
                self._messages[body.file] = problems
        message = self._messages[body.file]
        if isinstance(message, TemplateProblems):
            raise TemplateProblems(message.problems)
        return message

    def _compiled(self, body: TemplateSource, text: TemplateSource | None) -> MessageTemplate:
        top = front_matter_of(body)
        name = top.get("layout")
        if name is None:
            return compile_message(body, text=text, partials=self._partials)
        try:
            layout, layout_text = self._found(f"{LAYOUTS}{name}", body.locale)
        except NotFoundError as error:
            place = at_word(Place(body.file, top.lines["layout"]), name, with_plain_lines(body.text))
            raise TemplateProblems([Problem(place, "template-layout", error.message, error.hint)]) from None
        return compile_message(body, layout, text=text, layout_text=layout_text, partials=self._partials)

    def page(self, name: str) -> PageTemplate:
        """The company's own frame of public pages ``base`` or ``leave``. Raises NotFoundError, TemplateProblems."""
        source = self._sources.get((f"{PAGES}{name}", None, "html"))
        if source is None:
            raise NotFoundError(f"there is no templates/{PAGES}{name}.html")
        return compile_page(source)

    @property
    def pages(self) -> tuple[TemplateSource, ...]:
        """Every file of templates/pages/."""
        return tuple(source for source in self._sources.values() if source.name.startswith(PAGES))

    def script(self, name: str, locale: str | None = None) -> TextTemplate:
        """The call script ``name`` (``welcome-call`` is ``call/welcome-call``). Raises NotFoundError, TemplateProblems."""
        return compile_text(self._found(name if "/" in name else f"call/{name}", locale)[0])

    def problems(self) -> list[Problem]:
        """Every problem of every message and script, in the order of the files."""
        found: set[Problem] = set()
        for name, locale, _ in self._sources:
            if not is_sent(name):
                continue
            try:
                if name.startswith("call/"):
                    self.script(name, locale)
                else:
                    self.message(name, locale)
            except TemplateProblems as error:
                found.update(error.problems)
        return sorted(found)

    def _found(self, name: str, locale: str | None) -> tuple[TemplateSource, TemplateSource | None]:
        """The file that gives the message, and the .txt beside it in the same language."""
        for language in from_near_to_far(locale):
            text = self._sources.get((name, language, "txt"))
            for kind in ("md", "html"):
                if (source := self._sources.get((name, language, kind))) is not None:
                    return source, text
            if text is not None:
                return text, None
        hint = did_you_mean(name, self.names)
        raise NotFoundError(f"there is no templates/{name}.md, .html or .txt", hint=hint)
