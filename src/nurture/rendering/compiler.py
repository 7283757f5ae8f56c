"""From the files of one message to parts that only lack a contact: read, checked, styled, put into plain words, compiled.

Collects every problem of the files before it gives up; what it makes can fail only over what one contact lacks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property, lru_cache
from hashlib import sha256
from html import escape

from jinja2 import Template, TemplateSyntaxError, nodes

from nurture.model.errors import Place, Problem
from nurture.rendering import limits
from nurture.rendering.bodies import (
    MarkupError,
    check_nesting,
    html_with_comments,
    inline_styles,
    markdown_to_html,
)
from nurture.rendering.front_matter import FrontMatter, split_front_matter
from nurture.rendering.own_pages import PAGES, PageTemplate, check_harmless
from nurture.rendering.partials import WORD, PartialError, Partials
from nurture.rendering.plain import html_to_text
from nurture.rendering.render import MessageTemplate, Part, TextTemplate
from nurture.rendering.sandbox import (
    LAYOUT_NAMES,
    NAMES,
    PAGE_NAMES,
    Room,
    Variable,
    guard,
    inspect,
    make_room,
    parse,
)
from nurture.rendering.sources import TemplateProblems, TemplateSource, at_word, with_plain_lines
from nurture.rendering.tags import Cloakroom, Tag, syntax_problem
from nurture.rendering.ways import cut_in

_BODY = re.compile(r"body(?:\s*\|\s*safe)?")
_FRAME = '<!DOCTYPE html><html><head><meta charset="utf-8"><title>{{ subject }}</title></head><body>{{ body }}</body></html>'


@lru_cache(maxsize=2)
def _room(*, html: bool) -> Room:
    return make_room(autoescape=html)


class Compiler:
    """One message on its way from files to parts; collects problems until it can go no further."""

    def __init__(
        self,
        source: TemplateSource,
        layout: TemplateSource | None = None,
        text: TemplateSource | None = None,
        layout_text: TemplateSource | None = None,
        partials: Partials | None = None,
    ) -> None:
        self.source, self.layout, self.text, self.layout_text = source, layout, text, layout_text
        self.partials = partials
        self.known = NAMES | LAYOUT_NAMES
        self.put_in: list[TemplateSource] = []
        """The partials that stand in this message, as often as they do."""
        self.held: dict[Tag, str] = {}
        """HTML that stands in Markdown, which must not read it: put in when that is done."""
        self.problems: list[Problem] = []
        self.variables: list[Variable] = []
        pieces = partials.sources if partials else ()
        texts = [file.text for file in (source, layout, text, layout_text, *pieces) if file]
        self.cloakroom = Cloakroom.beside(_room(html=False), _FRAME, *texts)

    def script(self) -> TextTemplate:
        body = self.cloakroom.without_empty_lines(
            self._checked_in(with_plain_lines(self.source.text), self.source, 1, NAMES)
        )
        self._stop_on_problems()
        part = self._part(body, Place(self.source.file), html=False)
        return TextTemplate(self.source.name, self._hash(), part, tuple(self.variables))

    def page(self) -> PageTemplate:
        """The frame of public pages: it prints their body once, and holds nothing that could act in its place."""
        self.known = PAGE_NAMES
        words = self._checked_in(with_plain_lines(self.source.text), self.source, 1, PAGE_NAMES)
        self._expect_one_body(words, self.source)
        self._stop_on_problems()
        with self._blaming(self.source, 1):
            words = html_with_comments(words, self.cloakroom)
            check_nesting(words, self.cloakroom)
            check_harmless(words)
        part = self._part(words, Place(self.source.file), html=True)
        self._stop_on_problems()
        return PageTemplate(self.source.name, part)

    def message(self) -> MessageTemplate:
        file = self.source.file
        front_matter, body_text, problems = split_front_matter(with_plain_lines(self.source.text), file)
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
        shown = self._part(html, Place(file, front_matter.body_line), html=True) if html is not None else None
        only = frozenset(way.url for way in shown.ways) if shown else None
        message = MessageTemplate(
            name=self.source.name,
            hash=self._hash(),
            subject=self._part(heads["subject"], Place(file, front_matter.lines["subject"]), html=False),
            preheader=self._part(heads["preheader"], Place(file, front_matter.lines["preheader"]), html=False)
            if heads["preheader"]
            else None,
            html=shown,
            text=self._part(words, Place(file, front_matter.body_line), html=False, links=True, only=only),
            sender=front_matter.get("sender") or "default",
            layout=front_matter.get("layout"),
            variables=tuple(sorted(set(self.variables))),
            files=tuple(dict.fromkeys(file.file for file in self._files())),
        )
        self._stop_on_problems()
        return message

    def _checked_in(
        self,
        text: str,
        source: TemplateSource,
        first_line: int,
        known: frozenset[str],
        around: tuple[str, ...] = (),
        *,
        whole: bool = True,
    ) -> str:
        """``text`` with words for its tags; what it may not hold goes to the problems, what it looks up to the variables.

        ``around`` are the files that a partial stands in. Only ``whole`` files may hold partials.
        """
        if len(text) > limits.SOURCE:
            message = f"the file is longer than {limits.SOURCE:,} characters"
            self.problems.append(Problem(Place(source.file), "template-too-big", message))
            return ""
        try:
            words = self.cloakroom.check_in(text, source.file, first_line)
            pieces = whole and self.partials is not None
            tree = parse(self.cloakroom.room, text)
            problems, variables = inspect(tree, source.file, known, partials=pieces)
        except TemplateSyntaxError as error:
            self.problems.append(syntax_problem(error, source.file, first_line))
            return ""
        shift, text = first_line - 1, with_plain_lines(source.text)
        self.problems += [
            replace(problem, place=at_word(_shifted(problem.place, shift), _quoted(problem.message), text))
            for problem in problems
        ]
        self.variables += [
            replace(variable, place=at_word(_shifted(variable.place, shift), variable.path, text))
            for variable in variables
            if variable.path.partition(".")[0] in NAMES
        ]
        return self._with_partials(words, source, known, around) if pieces and not problems else words

    def _with_partials(
        self, words: str, into: TemplateSource, known: frozenset[str], around: tuple[str, ...]
    ) -> str:
        """``words`` with each partial in the place of the tag that names it."""

        out: list[str] = []
        end = 0
        for found in re.finditer(rf"{self.cloakroom.prefix}(\d+)z", words):
            tag = self.cloakroom.tags[int(found[1])]
            if tag.word != WORD:
                continue
            before = words[end : found.start()]
            out.append(before.rstrip() if tag.strip[0] == "-" else before)
            out.append(self._partial(tag, found[0], into, known, around))
            end = found.end()
            if tag.strip[1] == "-":
                end = len(words) - len(words[end:].lstrip())
        return "".join([*out, words[end:]])

    def _partial(
        self, tag: Tag, word: str, into: TemplateSource, known: frozenset[str], around: tuple[str, ...]
    ) -> str:
        """The words of the partial that ``tag`` names; its own ``word`` while it has to be held back."""
        assert self.partials is not None
        around = (*around, into.file)
        try:
            source = self.partials.found(tag, into, self.source.locale, around)
        except PartialError as error:
            place = at_word(
                tag.place, tag.inner.split(maxsplit=1)[-1].strip("\"'"), with_plain_lines(into.text)
            )
            self.problems.append(Problem(place, "template-partial", str(error), error.hint))
            return ""
        self.put_in.append(source)
        if len(self.put_in) > limits.PARTIALS:
            message = f"a message holds at most {limits.PARTIALS} partials"
            self.problems.append(Problem(tag.place, "template-too-big", message))
            return ""
        text = with_plain_lines(source.text).rstrip("\n")
        words = self._checked_in(text, source, 1, known, around)
        if self.problems or source.kind == "txt" or (source.kind, into.kind) == ("md", "md"):
            return words
        with self._blaming(source, 1):
            html = self._as_html(words, source)
            check_nesting(html, self.cloakroom)
        if into.kind == "html":
            return html
        self.held[tag] = html
        return word

    def _as_html(self, words: str, source: TemplateSource) -> str:
        if source.kind != "md":
            return html_with_comments(words, self.cloakroom)
        html = markdown_to_html(words, self.cloakroom)
        return self.cloakroom.words.sub(
            lambda found: self.held.get(self.cloakroom.tag_of(found), found[0]), html
        )

    def _head(self, front_matter: FrontMatter, key: str) -> str:
        value = front_matter.get(key)
        if not value:
            return ""
        return self._checked_in(value, self.source, front_matter.lines[key], NAMES, whole=False)

    def _frame(self, heads: Mapping[str, str]) -> str:
        """The layout's HTML, with subject and preheader filled in and a word for the body."""
        source = self.layout or TemplateSource(self.source.name, _FRAME, "html", self.source.locale)
        words = self._checked_in(with_plain_lines(source.text), source, 1, NAMES | LAYOUT_NAMES)
        self._expect_one_body(words, source)
        escaped = {key: escape(value) for key, value in heads.items()}
        with self._blaming(source, 1):
            words = html_with_comments(words, self.cloakroom)
            check_nesting(words, self.cloakroom)
        return self._with_heads(words, escaped)

    def _plain(self, source: TemplateSource | None, heads: Mapping[str, str] | None = None) -> str | None:
        """The words of a .txt file; with ``heads`` it is a layout's."""
        if source is None:
            return None
        known = NAMES | LAYOUT_NAMES if heads is not None else NAMES
        words = self.cloakroom.without_empty_lines(
            self._checked_in(with_plain_lines(source.text), source, 1, known)
        )
        if heads is None:
            return words
        self._expect_one_body(words, source)
        return self._with_heads(words, heads)

    def _expect_one_body(self, words: str, source: TemplateSource) -> None:
        found = len(_body_words(words, self.cloakroom))
        if found != 1 and not self.problems:
            what = "a page" if source.name.startswith(PAGES) else "a layout"
            message = f"{what} holds {{{{ body }}}} once, this one {found} times"
            self.problems.append(Problem(Place(source.file), "template-layout", message))

    def _with_heads(self, words: str, heads: Mapping[str, str]) -> str:
        def fill(found: re.Match[str]) -> str:
            tag = self.cloakroom.tag_of(found)
            return heads[tag.inner] if tag.printing and tag.inner in heads else found[0]

        return self.cloakroom.words.sub(fill, words)

    def _html(self, body: str, frame: str, first_line: int) -> tuple[str, str]:
        """The whole document, and the plain text of the body alone."""
        with self._blaming(self.source, first_line):
            body = self._as_html(body, self.source)
            check_nesting(body, self.cloakroom)
        with self._blaming(self.layout or self.source, 1):
            document = inline_styles(_put_body(frame, body, self.cloakroom), self.cloakroom)
        return f"{document}\n", html_to_text(body, self.cloakroom)

    def _text_frame(self, frame: str) -> str:
        """The layout in plain text, its styles applied, since they say what is not shown."""
        with self._blaming(self.layout or self.source, 1):
            return html_to_text(inline_styles(frame, self.cloakroom), self.cloakroom)

    @contextmanager
    def _blaming(self, source: TemplateSource, first_line: int) -> Iterator[None]:
        """Markup that cannot be used is a problem of ``source``, at the tag it is about or the line as near as we know."""
        try:
            yield
        except MarkupError as error:
            line = first_line + (error.line or 1) - 1 if source.kind == "html" else first_line
            place = error.tag.place if error.tag else Place(source.file, line)
            self.problems.append(Problem(place, "template-markup", error.message))
            raise TemplateProblems(self.problems) from None

    def _part(
        self,
        words: str,
        place: Place,
        *,
        html: bool,
        links: bool = False,
        only: frozenset[str] | None = None,
    ) -> Part:
        """The compiled text. What was allowed in the files is asked again of the whole, since it has been through parsers.

        Of HTML, and of a plain text with ``links`` (``only`` these), the literal links are cut out.
        """
        room = _room(html=html)
        text, lines = self.cloakroom.check_out(words)
        targets = frozenset(each.line for each in lines if each.link) if html else frozenset()
        try:
            tree = parse(room, text)
            problems, _ = inspect(tree, place.file, self.known)
            self.problems += [replace(problem, place=place) for problem in problems]
            bounded = tree.find(nodes.For) is None
            guard(tree, targets)
            ways = cut_in(tree, html=html, only=only) if html or links else ()
            code = room.compile(tree, filename=f"<{place.file}>")
        except (TemplateSyntaxError, SyntaxError, RecursionError, MemoryError) as error:
            self.problems.append(
                Problem(place, "template-syntax", f"the template cannot be compiled: {error}")
            )
            raise TemplateProblems(self.problems) from error
        template = Template.from_code(
            room, code, {"subject": True, "preheader": self._has_preheader, "body": True}
        )
        return Part(template, place, tuple(lines), bounded, html, ways)

    @cached_property
    def _has_preheader(self) -> bool:
        return bool(
            split_front_matter(with_plain_lines(self.source.text), self.source.file)[0].get("preheader")
        )

    def _hash(self) -> str:
        digest = sha256()
        for file in self._files():
            digest.update(f"{file.file}\0{file.text}\0".encode())
        return digest.hexdigest()[:32]

    def _files(self) -> Iterator[TemplateSource]:
        yield self.source
        yield from filter(None, (self.text, self.layout, self.layout_text))
        yield from self.put_in

    def _stop_on_problems(self) -> None:
        if self.problems:
            raise TemplateProblems(self.problems)


def _shifted(place: Place, lines: int) -> Place:
    return replace(place, line=place.line + lines)


def _quoted(message: str) -> str:
    """The word that a complaint is about."""
    found = re.search(r"'([^']+)'", message)
    return found[1] if found else ""


def _body_words(words: str, cloakroom: Cloakroom) -> list[str]:
    return [
        found[0]
        for found in cloakroom.words.finditer(words)
        if (tag := cloakroom.tag_of(found)).printing and _BODY.fullmatch(tag.inner)
    ]


def _put_body(frame: str, body: str, cloakroom: Cloakroom) -> str:
    before, _, after = frame.partition(_body_words(frame, cloakroom)[0])
    return before + body + after
