"""Templates as the project holds them, turned into messages that only lack a contact.

They come as text, from the published project or the folder; nothing here reads files. Every problem of a template is
found here, before any contact meets it: a template that compiles can fail only over what one contact lacks.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from hashlib import sha256
from html import escape
from typing import Literal

from jinja2 import Template, TemplateSyntaxError, nodes

from nurture.model.errors import NotFoundError, Place, Problem, ProblemsFound, did_you_mean
from nurture.rendering import limits
from nurture.rendering.bodies import (
    MarkupError,
    check_nesting,
    html_with_comments,
    inline_styles,
    markdown_to_html,
)
from nurture.rendering.front_matter import FrontMatter, split_front_matter
from nurture.rendering.plain import html_to_text
from nurture.rendering.render import MessageTemplate, Part, TextTemplate
from nurture.rendering.sandbox import LAYOUT_NAMES, NAMES, Room, Variable, guard, inspect, make_room, parse
from nurture.rendering.tags import Cloakroom, syntax_problem

Kind = Literal["md", "html", "txt"]

_FILE_NAME = re.compile(
    r"(?P<name>.+?)(?:\.(?P<locale>[a-z]{2,3}(?:-[A-Za-z0-9]{2,8})*))?\.(?P<kind>md|html|txt)"
)
LONGEST_LOCALE = 35
_BODY = re.compile(r"body(?:\s*\|\s*safe)?")
_FRAME = '<!DOCTYPE html><html><head><meta charset="utf-8"><title>{{ subject }}</title></head><body>{{ body }}</body></html>'


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


@lru_cache(maxsize=1024)
def front_matter_of(source: TemplateSource) -> FrontMatter:
    """What stands at the top of a message. Raises TemplateProblems."""
    front_matter, _, problems = split_front_matter(_lines(source.text), source.file)
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
) -> MessageTemplate:
    """The message of ``source`` in its layout; ``text`` and ``layout_text`` are the .txt files beside them.

    Without those the plain text is made from the HTML. The same texts are compiled once. Raises TemplateProblems.
    """
    return _Compiler(source, layout, text, layout_text).message()


@lru_cache(maxsize=1024)
def compile_text(source: TemplateSource) -> TextTemplate:
    """A call script. Raises TemplateProblems."""
    compiler = _Compiler(source, None, None, None)
    return compiler.script()


class Library:
    """All templates of a project: finds the language, the layout and the .txt beside a message, and compiles it once."""

    def __init__(self, sources: Iterable[TemplateSource]) -> None:
        self._sources = {(source.name, source.locale, source.kind): source for source in sources}
        self._messages: dict[str, MessageTemplate | TemplateProblems] = {}

    @cached_property
    def names(self) -> frozenset[str]:
        """Every name, such as ``email/welcome`` or ``call/welcome-call``."""
        return frozenset(name for name, _, _ in self._sources)

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
            return compile_message(body, text=text)
        try:
            layout, layout_text = self._found(f"email/layouts/{name}", body.locale)
        except NotFoundError as error:
            place = Place(body.file, top.lines["layout"])
            raise TemplateProblems([Problem(place, "template-layout", error.message, error.hint)]) from None
        return compile_message(body, layout, text=text, layout_text=layout_text)

    def script(self, name: str, locale: str | None = None) -> TextTemplate:
        """The call script ``name`` (``welcome-call`` is ``call/welcome-call``). Raises NotFoundError, TemplateProblems."""
        return compile_text(self._found(name if "/" in name else f"call/{name}", locale)[0])

    def problems(self) -> list[Problem]:
        """Every problem of every message and script, in the order of the files."""
        found: set[Problem] = set()
        for name, locale, _ in self._sources:
            if name.startswith("email/layouts/"):
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
        for language in _from_near_to_far(locale):
            text = self._sources.get((name, language, "txt"))
            for kind in ("md", "html"):
                if (source := self._sources.get((name, language, kind))) is not None:
                    return source, text
            if text is not None:
                return text, None
        hint = did_you_mean(name, self.names)
        raise NotFoundError(f"there is no templates/{name}.md, .html or .txt", hint=hint)


def _from_near_to_far(locale: str | None) -> Iterable[str | None]:
    """``fr-CA``, ``fr``, None. What is too long to be a language is none."""
    locale = locale.replace("_", "-") if locale and len(locale) <= LONGEST_LOCALE else None
    while locale:
        yield locale
        locale = locale.rpartition("-")[0]
    yield None


@lru_cache(maxsize=2)
def _room(*, html: bool) -> Room:
    return make_room(autoescape=html)


def _lines(text: str) -> str:
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


class _Compiler:
    """One message on its way from files to parts; collects problems until it can go no further."""

    def __init__(
        self,
        source: TemplateSource,
        layout: TemplateSource | None,
        text: TemplateSource | None,
        layout_text: TemplateSource | None,
    ) -> None:
        self.source, self.layout, self.text, self.layout_text = source, layout, text, layout_text
        self.problems: list[Problem] = []
        self.variables: list[Variable] = []
        texts = [file.text for file in (source, layout, text, layout_text) if file]
        self.cloakroom = Cloakroom.beside(_room(html=False), _FRAME, *texts)

    def script(self) -> TextTemplate:
        body = self.cloakroom.without_empty_lines(
            self._checked_in(_lines(self.source.text), self.source, 1, NAMES)
        )
        self._stop_on_problems()
        part = self._part(body, Place(self.source.file), html=False)
        return TextTemplate(self.source.name, self._hash(), part, tuple(self.variables))

    def message(self) -> MessageTemplate:
        file = self.source.file
        front_matter, body_text, problems = split_front_matter(_lines(self.source.text), file)
        self.problems += problems
        if not front_matter.get("subject") and not problems:
            self.problems.append(
                Problem(
                    Place(file),
                    "template-front-matter",
                    "the message has no subject",
                    "add `subject:` at the top",
                )
            )
        heads = {key: self._head(front_matter, key) for key in ("subject", "preheader")}
        body = self._checked_in(body_text, self.source, front_matter.body_line, NAMES)
        frame = self._frame(heads)
        own_text = self._plain(self.text)
        frame_text = self._plain(self.layout_text, heads)
        self._stop_on_problems()

        html = None
        if self.source.kind != "txt":
            html, body = self._html(body, frame, front_matter.body_line)
        else:
            body = self.cloakroom.without_empty_lines(body)
        text = frame_text if frame_text is not None else self._text_frame(frame)
        words = _put_body(text, own_text if own_text is not None else body, self.cloakroom)
        message = MessageTemplate(
            name=self.source.name,
            hash=self._hash(),
            subject=self._part(heads["subject"], Place(file, front_matter.lines["subject"]), html=False),
            preheader=self._part(heads["preheader"], Place(file, front_matter.lines["preheader"]), html=False)
            if heads["preheader"]
            else None,
            html=self._part(html, Place(file, front_matter.body_line), html=True)
            if html is not None
            else None,
            text=self._part(words, Place(file, front_matter.body_line), html=False),
            sender=front_matter.get("sender") or "default",
            layout=front_matter.get("layout"),
            variables=tuple(sorted(set(self.variables))),
        )
        self._stop_on_problems()
        return message

    def _checked_in(self, text: str, source: TemplateSource, first_line: int, known: frozenset[str]) -> str:
        """``text`` with words for its tags; what it may not hold goes to the problems, what it looks up to the variables."""
        if len(text) > limits.SOURCE:
            message = f"the file is longer than {limits.SOURCE:,} characters"
            self.problems.append(Problem(Place(source.file), "template-too-big", message))
            return ""
        try:
            words = self.cloakroom.check_in(text, source.file, first_line)
            problems, variables = inspect(parse(self.cloakroom.room, text), source.file, known)
        except TemplateSyntaxError as error:
            self.problems.append(syntax_problem(error, source.file, first_line))
            return ""
        shift = first_line - 1
        self.problems += [replace(problem, place=_shifted(problem.place, shift)) for problem in problems]
        self.variables += [
            replace(variable, place=_shifted(variable.place, shift))
            for variable in variables
            if variable.path.partition(".")[0] in NAMES
        ]
        return words

    def _head(self, front_matter: FrontMatter, key: str) -> str:
        value = front_matter.get(key)
        return self._checked_in(value, self.source, front_matter.lines[key], NAMES) if value else ""

    def _frame(self, heads: Mapping[str, str]) -> str:
        """The layout's HTML, with subject and preheader filled in and a word for the body."""
        source = self.layout or TemplateSource(self.source.name, _FRAME, "html", self.source.locale)
        words = self._checked_in(_lines(source.text), source, 1, NAMES | LAYOUT_NAMES)
        self._expect_one_body(words, source)
        escaped = {key: escape(value) for key, value in heads.items()}
        return self._with_heads(html_with_comments(words, self.cloakroom), escaped)

    def _plain(self, source: TemplateSource | None, heads: Mapping[str, str] | None = None) -> str | None:
        """The words of a .txt file; with ``heads`` it is a layout's."""
        if source is None:
            return None
        known = NAMES | LAYOUT_NAMES if heads is not None else NAMES
        words = self.cloakroom.without_empty_lines(self._checked_in(_lines(source.text), source, 1, known))
        if heads is None:
            return words
        self._expect_one_body(words, source)
        return self._with_heads(words, heads)

    def _expect_one_body(self, words: str, source: TemplateSource) -> None:
        found = len(_body_words(words, self.cloakroom))
        if found != 1 and not self.problems:
            message = f"a layout holds {{{{ body }}}} once, this one {found} times"
            self.problems.append(Problem(Place(source.file), "template-layout", message))

    def _with_heads(self, words: str, heads: Mapping[str, str]) -> str:
        def fill(found: re.Match[str]) -> str:
            tag = self.cloakroom.tag_of(found)
            return heads[tag.inner] if tag.printing and tag.inner in heads else found[0]

        return self.cloakroom.words.sub(fill, words)

    def _html(self, body: str, frame: str, first_line: int) -> tuple[str, str]:
        """The whole document, and the plain text of the body alone."""
        try:
            if self.source.kind == "md":
                body = markdown_to_html(body, self.cloakroom)
            else:
                body = html_with_comments(body, self.cloakroom)
            check_nesting(body, self.cloakroom)
            document = inline_styles(_put_body(frame, body, self.cloakroom), self.cloakroom)
            return f"{document}\n", html_to_text(body, self.cloakroom)
        except MarkupError as error:
            self._add_markup_problem(error, self.source, first_line)
            self._stop_on_problems()
            raise

    def _text_frame(self, frame: str) -> str:
        """The layout in plain text, its styles applied, since they say what is not shown."""
        return html_to_text(inline_styles(frame, self.cloakroom), self.cloakroom)

    def _add_markup_problem(self, error: MarkupError, source: TemplateSource, first_line: int) -> None:
        place = error.tag.place if error.tag else Place(source.file, first_line)
        self.problems.append(Problem(place, "template-markup", error.message))

    def _part(self, words: str, place: Place, *, html: bool) -> Part:
        """The compiled text. What was allowed in the files is asked again of the whole, since it has been through parsers."""
        room = _room(html=html)
        text, lines = self.cloakroom.check_out(words)
        links = frozenset(each.line for each in lines if each.link) if html else frozenset()
        try:
            tree = parse(room, text)
            problems, _ = inspect(tree, place.file, NAMES | LAYOUT_NAMES)
            self.problems += [replace(problem, place=place) for problem in problems]
            bounded = tree.find(nodes.For) is None
            guard(tree, links)
            code = room.compile(tree, filename=f"<{place.file}>")
        except (TemplateSyntaxError, SyntaxError, RecursionError, MemoryError) as error:
            self.problems.append(
                Problem(place, "template-syntax", f"the template cannot be compiled: {error}")
            )
            raise TemplateProblems(self.problems) from error
        template = Template.from_code(
            room, code, {"subject": True, "preheader": self._has_preheader, "body": True}
        )
        return Part(template, place, tuple(lines), bounded)

    @cached_property
    def _has_preheader(self) -> bool:
        return bool(split_front_matter(_lines(self.source.text), self.source.file)[0].get("preheader"))

    def _hash(self) -> str:
        digest = sha256()
        for file in (self.source, self.layout, self.text, self.layout_text):
            digest.update(f"{file.file}\0{file.text}\0".encode() if file else b"\0")
        return digest.hexdigest()[:32]

    def _stop_on_problems(self) -> None:
        if self.problems:
            raise TemplateProblems(self.problems)


def _shifted(place: Place, lines: int) -> Place:
    return replace(place, line=place.line + lines)


def _body_words(words: str, cloakroom: Cloakroom) -> list[str]:
    return [
        found[0]
        for found in cloakroom.words.finditer(words)
        if (tag := cloakroom.tag_of(found)).printing and _BODY.fullmatch(tag.inner)
    ]


def _put_body(frame: str, body: str, cloakroom: Cloakroom) -> str:
    before, _, after = frame.partition(_body_words(frame, cloakroom)[0])
    return before + body + after
