"""`nurture check --copy`: every message as the persona would read it, in figures, with advice at the lines to mend.

Advises only: whether a message may be sent is for the other checks, and whether it works is for the reports.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from nurture.model.errors import NurtureError, Place, Problem
from nurture.rendering.copywriting import PUSHY, Reading, read
from nurture.rendering.front_matter import split_front_matter
from nurture.rendering.sources import with_plain_lines
from nurture.rendering.templates import Library, TemplateSource, is_sent
from nurture.services.files.check import template_sources
from nurture.services.files.folder import Folder
from nurture.services.files.preview import EMAIL, find, preview, uses
from nurture.services.rehearsing.rehearsal import Ground, of_folder
from nurture.services.rehearsing.stand_in import usual
from nurture.workflow.checks.advice import ADVICE

MOST_BYTES = 102 * 1024
"""Of HTML. Larger messages are clipped by the largest web mailer, and their end is not shown."""
LONGEST_SUBJECT = 60
"""Characters that lists of messages show on most screens."""
LONGEST_READ = 120
"""Seconds."""
LEAST_WORDS = 15
"""A message of fewer has no proportion to speak of."""
BASE_URL = "http://127.0.0.1:8000"
_LAYOUT_LINE = re.compile(r"^layout[ \t]*:.*\n", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Copy:
    """One message in one language, in figures."""

    template: str
    locale: str | None
    file: str
    step: str | None
    """The step whose stage it was read for: ``workflow/step``; None when no step sends it."""
    need: str | None
    subject: str
    preheader: str
    bytes: int
    """Of the whole HTML, its frame included."""
    reading: Reading
    advice: tuple[Problem, ...]


def check_copy(folder: Folder, names: Sequence[str], now: datetime) -> list[Copy]:
    """Every message, or those of ``names``, each in all its languages. Raises NotFoundError, NurtureError."""
    ground = of_folder(folder)
    wanted = {find(ground, name) for name in names}
    sources, _ = template_sources(folder.project.folder)
    bare = Library(replace(source, text=_LAYOUT_LINE.sub("", source.text, count=1)) for source in sources)
    alone = replace(ground, templates=bare)
    found: dict[tuple[str, str | None], TemplateSource] = {}
    for source in sources:
        mine = source.name.startswith(EMAIL) and is_sent(source.name)
        if mine and (not wanted or source.name in wanted) and source.kind != "txt":
            found.setdefault((source.name, source.locale), source)
    return [
        _copy(folder, ground, alone, source, now)
        for _, source in sorted(found.items(), key=lambda one: (one[0][0], one[0][1] or ""))
    ]


def _copy(folder: Folder, ground: Ground, alone: Ground, source: TemplateSource, now: datetime) -> Copy:
    use = next(uses(ground, source.name), None)
    contact = replace(usual(folder, use.workflow.persona if use else None)[0], locale=source.locale)
    top, _, _ = split_front_matter(with_plain_lines(source.text), source.file)
    try:
        framed = preview(ground, source.name, contact, now, BASE_URL)
        body = preview(alone, source.name, contact, now, BASE_URL)
    except ValueError as error:
        raise NurtureError(f"{source.file} cannot be sent to {contact.email}: {error}") from error
    need = (use.step.fields.need or use.stage.need) if use else None
    preheader = top.get("preheader") or ""
    copy = Copy(
        template=source.name.removeprefix(EMAIL),
        locale=source.locale,
        file=source.file,
        step=framed.step,
        need=need,
        subject=framed.subject or "",
        preheader=preheader,
        bytes=len((framed.html or "").encode()),
        reading=read(framed.subject or "", preheader, body.html or "", source.locale, need, f"{BASE_URL}/u/"),
        advice=(),
    )
    told = sorted(_Adviser(copy, with_plain_lines(source.text), top.lines, top.body_line).advice())
    return replace(copy, advice=tuple(told))


@dataclass(frozen=True, slots=True)
class _Adviser:
    """One message, and where its words stand."""

    copy: Copy
    text: str
    lines: dict[str, int]
    body_line: int

    def advice(self) -> Iterator[Problem]:
        yield from self._head()
        yield from self._body()
        yield from self._images()

    def _head(self) -> Iterator[Problem]:
        subject, line = self.copy.subject, self.lines.get("subject", 1)
        if len(subject) > LONGEST_SUBJECT:
            yield self._told("copy-long-subject", line, f"the subject has {len(subject)} characters")
        letters = [letter for letter in subject if letter.isalpha()]
        if "!!" in subject or (len(letters) > 8 and all(letter.isupper() for letter in letters)):
            yield self._told("copy-loud-subject", line, "the subject shouts")
        for words, at in ((subject, line), (self.copy.preheader, self.lines.get("preheader", 1))):
            if found := PUSHY.search(words):
                yield self._told("copy-pushy-words", at, f"'{found[0]}' is a word of advertising")
        if not self.copy.preheader:
            yield self._told("copy-no-preheader", line, "there is no preheader")
        if self.copy.bytes > MOST_BYTES:
            size = f"the message has {self.copy.bytes / 1024:.0f} kB of HTML"
            yield self._told("copy-clipped", 1, size)

    def _body(self) -> Iterator[Problem]:
        reading, line = self.copy.reading, self.body_line
        spoken = reading.you is not None and reading.we is not None and reading.words >= LEAST_WORDS
        if spoken and (reading.we or 0) >= max(reading.you or 0, 1):
            told = f"'you' stands here {reading.you} times, 'we' {reading.we} times"
            yield self._told("copy-about-us", line, told)
        if not reading.asks:
            yield self._told("copy-no-ask", line, "this message asks for nothing")
        links = [ask for ask in reading.asks if "://" in ask or ask.startswith(("mailto:", "tel:"))]
        if len(links) > 1:
            second = self._line_of(links[1])
            yield self._told(
                "copy-many-asks", second, f"this message has {len(links)} links: {', '.join(links[:4])}"
            )
        if reading.need_words and not reading.need_found:
            told = (
                f"none of '{', '.join(reading.need_words)}' is taken up, and the need is '{self.copy.need}'"
            )
            yield self._told("copy-need-unmet", line, told)
        if reading.seconds > LONGEST_READ:
            yield self._told(
                "copy-long-read", line, f"{reading.words} words take {reading.seconds} seconds to read"
            )

    def _images(self) -> Iterator[Problem]:
        for address in self.copy.reading.images_without_alt:
            yield self._told("copy-no-alt", self._line_of(address), f"the image {address} has no words")

    def _line_of(self, address: str) -> int:
        """The line that names an address; the body's first when a tag writes it."""
        at = self.text.find(address)
        return self.text.count("\n", 0, at) + 1 if at >= 0 and address else self.body_line

    def _told(self, code: str, line: int, message: str) -> Problem:
        hint = ADVICE[code].remedy
        return Problem(
            Place(self.copy.file, line),
            code,
            message,
            f"{hint[0].lower()}{hint[1:].removesuffix('.')}",
            ADVICE[code].severity,
        )
