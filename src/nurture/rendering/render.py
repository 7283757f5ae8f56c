"""A message for one contact: fill in a compiled template. It is compiled once, so that this is little more than joining texts.

Contact data is text and stays text: it is never read as a template, as Markdown or as HTML.

What a template may look up, each a plain dict (``owner``, ``offer`` and ``event`` are None where there is none):

- ``contact``: ``email``, ``first_name``, ``last_name``, ``phone``, ``timezone``, ``locale``, ``owner``, ``tags``, ``score``,
  ``created_at`` and every field of the workspace; null where unset
- ``workspace``: ``name``, ``postal_address``, ``privacy_url``, ``currency``, ``timezone``
- ``stage``: ``name``, ``need``, ``bucket``
- ``offer``: ``name``, ``title``, ``promise``, ``link`` (signed)
- ``event``: ``name``, ``at`` and the data of the event that moved the contact here
- ``links``: ``unsubscribe``, ``preferences``
- ``owner``: ``name``, ``email`` of the person who looks after the contact
- ``answers``: what was noted in earlier calls (call scripts)
- ``marketing``: whether the message is one, which a layout's footer may ask
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType, TracebackType

from jinja2 import Template, TemplateError, UndefinedError

from nurture.model.errors import NurtureError, Place
from nurture.rendering import limits
from nurture.rendering.sandbox import NothingToPrintError, TooMuchError, Variable, fresh_budget
from nurture.rendering.tags import Tag, TagLine
from nurture.rendering.ways import NAME, Way, written

Facts = Mapping[str, object]
NO_WAYS: Mapping[str, str] = MappingProxyType({})

_BLANK_LINES = re.compile(r"\n[ \t]*\n(?:[ \t]*\n)+")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


class RenderError(NurtureError):
    """This template and this contact do not go together; another contact may be fine.

    ``template`` is the file, ``line`` where in it, ``variable`` the name that failed, when it is one.
    """

    def __init__(
        self, template: str, line: int, message: str, *, variable: str | None = None, hint: str | None = None
    ) -> None:
        super().__init__(f"{template}:{line}: {message}", hint=hint)
        self.template = template
        self.line = line
        self.variable = variable


@dataclass(frozen=True, slots=True)
class Rendered:
    """A message in words. ``html`` is None for a message in plain text only; line ends are LF."""

    subject: str
    preheader: str
    html: str | None
    text: str
    sender: str
    layout: str | None


@dataclass(frozen=True, slots=True)
class Part:
    """One compiled text; ``lines`` maps the lines of the compiled text to the tags that stand there."""

    template: Template
    place: Place
    lines: tuple[TagLine, ...]
    bounded: bool
    """Without loops the output cannot outgrow what goes in by much, so that it needs no watching."""
    html: bool = False
    ways: tuple[Way, ...] = ()
    """The literal links in it."""

    def render(self, facts: Facts, over_us: Mapping[str, str] = NO_WAYS) -> str:
        """Fill in, with ``over_us`` in the place of those literal links that it names. Raises RenderError."""
        budget = fresh_budget() if not self.bounded else None
        ways = written(self.ways, over_us, html=self.html) if self.ways else ()
        context = self.template.new_context({**facts, "_budget": budget, NAME: ways})
        try:
            pieces = self.template.root_render_func(context)
            text = "".join(pieces) if budget is None else "".join(_watched(pieces))
            if len(text) > limits.OUTPUT:
                raise TooMuchError(f"it becomes longer than {limits.OUTPUT:,} characters")
        except _FAILURES as error:
            raise self._explained(error) from error
        return text

    def _explained(self, error: Exception) -> RenderError:
        tag = self._tag_at(_line_of(error.__traceback__, self.template))
        place = tag.place if tag else self.place
        if isinstance(error, NothingToPrintError):
            name = error.path
            message = f"{name} is empty for this contact"
            return RenderError(place.file, place.line, message, variable=name, hint=_say_what_else(name))
        if isinstance(error, UndefinedError):
            missing = _undefined_name(error, tag)
            message = f"there is no {missing}" if missing else str(error)
            return RenderError(place.file, place.line, message, variable=missing, hint="check the name")
        if isinstance(error, TooMuchError):
            return RenderError(place.file, place.line, f"the template was stopped: {error}")
        inner = tag.inner if tag else "the template"
        hint = (
            "an empty field can be tested first: {% if contact.age and contact.age > 50 %}" if tag else None
        )
        return RenderError(place.file, place.line, f"`{inner}` failed: {error}", hint=hint)

    def _tag_at(self, line: int) -> Tag | None:
        at = [each.tag for each in self.lines if each.line <= line]
        return at[-1] if at else None


_FAILURES = (
    TemplateError,
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    RecursionError,
    AssertionError,
)
"""The last one is how `truncate` refuses a length."""


@dataclass(frozen=True, slots=True)
class MessageTemplate:
    """A message ready to be filled in for any contact; safe to share between threads.

    ``hash`` changes when any of its files does. ``variables`` are the names it looks up, in its own files and its layout.
    """

    name: str
    hash: str
    subject: Part
    preheader: Part | None
    html: Part | None
    text: Part
    sender: str
    layout: str | None
    variables: tuple[Variable, ...]
    files: tuple[str, ...] = ()
    """What it is made of: its own file first, then its .txt, its layout's and those of its partials."""

    @property
    def links(self) -> frozenset[str]:
        """Where its literal links lead, those that may be led over us."""
        return frozenset(way.url for way in (*(self.html.ways if self.html else ()), *self.text.ways))

    def render(self, facts: Facts, over_us: Mapping[str, str] = NO_WAYS) -> Rendered:
        """The message for the contact whose ``facts`` these are (see the top of this module).

        ``over_us`` are ways over us to literal links, by where they lead; the others stay as they are written. Raises
        RenderError.
        """
        html = self.html.render(facts, over_us) if self.html else None
        text = _BLANK_LINES.sub("\n\n", self.text.render(facts, over_us)).strip("\n") + "\n"
        return Rendered(
            subject=_one_line(self.subject, facts),
            preheader=_one_line(self.preheader, facts) if self.preheader else "",
            html=html,
            text=text,
            sender=self.sender,
            layout=self.layout,
        )

    def subject_line(self, facts: Facts) -> str:
        """Its subject alone. Raises RenderError."""
        return _one_line(self.subject, facts)


@dataclass(frozen=True, slots=True)
class TextTemplate:
    """A call script, ready to be filled in."""

    name: str
    hash: str
    text: Part
    variables: tuple[Variable, ...]

    def render(self, facts: Facts) -> str:
        """The words for this contact. Raises RenderError."""
        return _BLANK_LINES.sub("\n\n", self.text.render(facts)).strip("\n") + "\n"


def _one_line(part: Part, facts: Facts) -> str:
    """A text for a header: one line, no control characters, not empty and not too long."""
    line = " ".join(part.render(facts).split())
    place = part.place
    if _CONTROL.search(line):
        raise RenderError(place.file, place.line, "control characters cannot stand in a subject or preheader")
    if not line:
        raise RenderError(place.file, place.line, "the subject or preheader is empty for this contact")
    if len(line) > limits.SUBJECT:
        raise RenderError(
            place.file, place.line, f"the subject or preheader is longer than {limits.SUBJECT} characters"
        )
    return line


def _watched(pieces: Iterator[str]) -> Iterator[str]:
    size = 0
    for piece in pieces:
        size += len(piece)
        if size > limits.OUTPUT:
            raise TooMuchError(f"it becomes longer than {limits.OUTPUT:,} characters")
        yield piece


def _line_of(traceback: TracebackType | None, template: Template) -> int:
    """The line of the template at which it failed: the innermost frame that is the compiled template."""
    line = 0
    while traceback is not None:
        if traceback.tb_frame.f_code.co_filename == template.filename:
            line = template.get_corresponding_lineno(traceback.tb_lineno)
        traceback = traceback.tb_next
    return line


def _undefined_name(error: UndefinedError, tag: Tag | None) -> str | None:
    """The dotted name that is missing: Jinja knows its last word, the tag the rest."""
    found = re.search(r"(?:attribute |^)'([^']+)'(?: is undefined)?$", str(error))
    if found is None:
        return None
    last = found[1]
    dotted = re.search(rf"[\w.]*\b{re.escape(last)}\b", tag.inner) if tag else None
    return dotted[0] if dotted else last


def _say_what_else(path: str) -> str:
    return f"say what else to write: {{{{ {path.split(' or ', maxsplit=1)[0]} or '…' }}}}"
