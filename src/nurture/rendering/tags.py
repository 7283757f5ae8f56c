"""Jinja tags in safe-keeping: while Markdown and the CSS inliner work on a text, each tag is one plain word in it.

So Markdown and CSS are done once for a template and never for a contact, and nothing a contact says is ever read as
Markdown, HTML or a tag. Each tag remembers its file and line, so that an error in the finished text names them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from html import unescape

from jinja2 import TemplateSyntaxError

from nurture.model.errors import Place, Problem
from nurture.rendering import limits
from nurture.rendering.sandbox import Room

OPENING, MIDDLE, CLOSING = ("if", "for"), ("elif", "else"), ("endif", "endfor")

_DELIMITER = re.compile(r"\{([{%#])")
_TARGET_FOLLOWS = re.compile(r"""\b(?:href|src|action|background)\s*=\s*["']?\s*\Z""", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Tag:
    """``{{ inner }}`` or ``{% inner %}``, as it stood in its file; ``strip`` keeps the whitespace signs."""

    inner: str
    place: Place
    printing: bool
    strip: tuple[str, str] = ("", "")

    @property
    def word(self) -> str:
        """``if``, ``endfor`` …, or for a printing tag the first word of its expression."""
        return self.inner.split(maxsplit=1)[0] if self.inner.strip() else ""

    def written(self) -> str:
        """The tag with a line end inside, which changes nothing but gives every tag a line of its own."""
        before, after = self.strip
        inner = " ".join(self.inner.split("\n"))
        if self.printing:
            return "{{" + before + "\n" + inner + after + "}}"
        return "{%" + before + "\n" + inner + after + "%}"


@dataclass(frozen=True, slots=True)
class TagLine:
    """A line of a finished template and the tag that begins there; ``link`` when its value begins a link's target."""

    line: int
    tag: Tag
    link: bool


@dataclass(slots=True)
class Cloakroom:
    """Tags of all the files of one message, each under a word that occurs in none of them."""

    room: Room
    prefix: str
    tags: list[Tag] = field(default_factory=list)

    @classmethod
    def beside(cls, room: Room, *texts: str) -> Cloakroom:
        """One whose words occur in none of ``texts``."""
        prefix = "jq"
        while any(prefix in text.lower() for text in texts):
            prefix += "q"
        return cls(room, prefix)

    @property
    def words(self) -> re.Pattern[str]:
        """Finds the words; group 1 is the number. Those of statements stand in a comment where HTML allows one."""
        word = rf"{self.prefix}(\d+)z"
        return re.compile(rf"<!--{word}-->|&lt;!--{word}--&gt;|{word}")

    def tag_of(self, found: re.Match[str]) -> Tag:
        return self.tags[int(found[1] or found[2] or found[3])]

    def check_in(self, text: str, file: str, first_line: int = 1) -> str:
        """``text`` with a word in place of each tag; comments are gone. ``first_line`` is where it begins in ``file``.

        Raises TemplateSyntaxError, with the line counted in ``text``.
        """
        out: list[str] = []
        at, opening, inner, line = 0, "", [""], 1
        most = len(self.tags) + limits.TAGS
        for number, kind, value in self.room.lex(text):
            start = text.find(value, at)
            if not opening:
                # What a `-` would strip; it is stripped in the end, by the same sign.
                out.append(text[at:start])
            at = start + len(value)
            if kind == "data":
                out.append(value)
            elif kind in ("variable_begin", "block_begin"):
                opening, inner, line = value, [], number
            elif kind in ("variable_end", "block_end"):
                sign = value.rstrip()
                if len(self.tags) == most:
                    raise TemplateSyntaxError(f"holds more than {limits.TAGS} tags", number)
                tag = Tag(
                    "".join(inner).strip(),
                    Place(file, line + first_line - 1),
                    opening[1] == "{",
                    (opening[2:], sign[:-2]),
                )
                out += [self._keep(tag), value[len(sign) :]]
                opening = ""
            elif kind.startswith("raw"):
                raise TemplateSyntaxError("{% raw %} is not known here; write {{ '{{' }} for braces", number)
            elif opening:
                inner.append(value)
        return "".join(out)

    def _keep(self, tag: Tag) -> str:
        self.tags.append(tag)
        return f"{self.prefix}{len(self.tags) - 1}z"

    def as_comment(self, number: int) -> str:
        """The word of that number; a statement's in an HTML comment, which parsers leave where it is, in tables too."""
        word = f"{self.prefix}{number}z"
        return word if self.tags[number].printing else f"<!--{word}-->"

    def without_empty_lines(self, text: str) -> str:
        """Plain text in which a line of nothing but statements is only its statements."""
        return re.sub(rf"(?m)^[ \t]*((?:{self.prefix}\d+z)+)[ \t]*(?:\n|\Z)", self._if_statements, text)

    def _if_statements(self, line: re.Match[str]) -> str:
        numbers = re.findall(r"(\d+)z", line[1])
        return line[0] if any(self.tags[int(number)].printing for number in numbers) else line[1]

    def without_signs(self, text: str) -> str:
        """HTML stripped as the ``-`` of its tags ask, which then ask no more: line ends of what is made of it stay."""
        out: list[str] = []
        end, sign = 0, ""
        for found in self.words.finditer(text):
            tag, literal = self.tag_of(found), text[end : found.start()]
            literal = literal.lstrip() if sign == "-" else literal
            before, sign = tag.strip
            out.append(literal.rstrip() if before == "-" else literal)
            word = self._keep(replace(tag, strip=("", ""))) if any(tag.strip) else ""
            out.append(re.sub(rf"{self.prefix}\d+z", word, found[0]) if word else found[0])
            end = found.end()
        out.append(text[end:].lstrip() if sign == "-" else text[end:])
        return "".join(out)

    def check_out(self, text: str) -> tuple[str, list[TagLine]]:
        """The text with its tags back, and the line in it at which each tag begins."""
        out: list[str] = []
        lines: list[TagLine] = []
        end, line = 0, 1
        for found in self.words.finditer(text):
            literal, tag = text[end : found.start()], self.tag_of(found)
            line += literal.count("\n") + 1
            lines.append(TagLine(line, tag, _TARGET_FOLLOWS.search(literal[-40:]) is not None))
            out += [_literal(literal), tag.written()]
            end = found.end()
        out.append(_literal(text[end:]))
        return "".join(out), lines

    def statements(self, text: str) -> list[Tag]:
        """The ``if`` and ``for`` tags in ``text``, in order."""
        return [tag for found in self.words.finditer(text) if not (tag := self.tag_of(found)).printing]


def _literal(text: str) -> str:
    """Text in which braces are braces: ``&#123;&#123;`` in a file must not become a tag."""
    return _DELIMITER.sub(lambda found: "{{ '" + found[0] + "' }}", text)


def syntax_problem(error: TemplateSyntaxError, file: str, first_line: int) -> Problem:
    """Jinja's complaint at its place in the file."""
    return Problem(
        Place(file, error.lineno + first_line - 1),
        "template-syntax",
        unescape(error.message or "cannot be read"),
    )
