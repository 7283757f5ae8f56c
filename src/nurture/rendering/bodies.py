"""What a template's text becomes before any contact is known: Markdown to HTML, styles into the elements, HTML to plain text.

Tags are words here (see ``tags.py``). HTML that is not well nested is refused, not repaired: a repair could move a tag.
"""

from __future__ import annotations

import re
from functools import cache
from html.parser import HTMLParser

import css_inline
from markdown_it import MarkdownIt

from nurture.rendering import limits
from nurture.rendering.tags import CLOSING, MIDDLE, OPENING, Cloakroom, Tag

VOID = frozenset(
    {
        *("area", "base", "br", "col", "embed", "hr", "img", "input"),
        *("link", "meta", "source", "track", "wbr"),
    }
)
_NO_DATA = frozenset({"script", "style", "textarea", "title"})
_MARKUP = re.compile(r"<[A-Za-z/!?]")
_CONDITIONAL = re.compile(r"<!\[(?:if|endif)\b[^<>]*\]>", re.IGNORECASE)
_WHOLE_TAG = re.compile(r"""<(?P<name>[A-Za-z][^\s<>/]*)?(?:[^<>"']|"[^"<]*"|'[^'<]*')*+>""")
# Elements that HTML ends by itself when the next one begins, up to one of the enclosing kind.
_ENDS_ITSELF = {
    **dict.fromkeys(
        ("p", "a", "button", "h1", "h2", "h3", "h4", "h5", "h6"), frozenset({"td", "th", "table"})
    ),
    **dict.fromkeys(("li",), frozenset({"ul", "ol"})),
    **dict.fromkeys(("dt", "dd"), frozenset({"dl"})),
    **dict.fromkeys(("tr", "td", "th"), frozenset({"table"})),
}
_NOT_IN_A_PARAGRAPH = frozenset(
    {
        *(
            "address",
            "article",
            "aside",
            "blockquote",
            "center",
            "dd",
            "details",
            "div",
            "dl",
            "dt",
            "figure",
            "footer",
        ),
        *(
            "form",
            "h1",
            "h2",
            "h3",
            "h4",
            "h5",
            "h6",
            "header",
            "hr",
            "li",
            "main",
            "nav",
            "ol",
            "p",
            "pre",
            "section",
        ),
        *("table", "ul"),
    }
)


class MarkupError(ValueError):
    """The HTML of a template cannot be used; ``tag`` is the Jinja tag it is about, ``line`` counts in the HTML."""

    def __init__(self, message: str, *, tag: Tag | None = None, line: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.tag = tag
        self.line = line


@cache
def _markdown() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])


def markdown_to_html(text: str, cloakroom: Cloakroom) -> str:
    """Markdown with words for tags as HTML; a statement alone on its line stands between blocks."""
    if any(line.count("|") > limits.COLUMNS for line in text.split("\n")):
        raise MarkupError(f"its Markdown has a table of more than {limits.COLUMNS} columns")
    alone = re.compile(rf"(?m)^(?P<indent>[ \t]*){cloakroom.prefix}(?P<number>\d+)z(?=[ \t]*$)")
    held = alone.sub(lambda found: found["indent"] + cloakroom.as_comment(int(found["number"])), text)
    html: str = _markdown().render(held)
    if len(html) > 3 * limits.SOURCE:
        raise MarkupError(f"its Markdown becomes more than {3 * limits.SOURCE:,} characters of HTML")
    return _loops_into_lists(html_with_comments(html, cloakroom), cloakroom)


def _loops_into_lists(html: str, cloakroom: Cloakroom) -> str:
    """A loop around a list becomes a list around a loop: Markdown cannot say that, and means it."""
    word = rf"<!--{cloakroom.prefix}(\d+)z-->"
    looped = re.compile(rf"({word})\s*<(ul|ol)>((?:(?!</?[uo]l>|<!--).)*)</\3>\s*({word})", re.DOTALL)

    def turned(found: re.Match[str]) -> str:
        opening, number, kind, items, closing, last = found.groups()
        if (cloakroom.tags[int(number)].word, cloakroom.tags[int(last)].word) != ("for", "endfor"):
            return found[0]
        return f"<{kind}>\n{opening}{items.strip()}\n{closing}</{kind}>\n"

    return looped.sub(turned, html)


def html_with_comments(html: str, cloakroom: Cloakroom) -> str:
    """HTML in which statements between elements are comments; those inside a tag, title or style stay words.

    Raises MarkupError for a tag or comment without an end: HTML parsers take quadratic time over many of those.
    """
    word = re.compile(rf"{cloakroom.prefix}(\d+)z")
    out: list[str] = []
    at = 0
    while at < len(html):
        markup = html.find("<", at)
        data = html[at:] if markup < 0 else html[at:markup]
        out.append(word.sub(lambda found: cloakroom.as_comment(int(found[1])), data))
        at = len(html) if markup < 0 else _end_of_markup(html, markup)
        if markup >= 0:
            out.append(html[markup:at])
    return "".join(out)


def _end_of_markup(html: str, start: int) -> int:
    """Where the tag, comment or element without markup that begins at ``start`` ends; a lone ``<`` is just that."""
    if html.startswith("<!--", start):
        end = html.find("-->", start + 4) + 3
        if end < 3:
            raise MarkupError("a comment is never closed", line=html.count("\n", 0, start) + 1)
        return end
    if not _MARKUP.match(html, start):
        return start + 1
    if html.startswith("<![", start) and not _CONDITIONAL.match(html, start):
        raise MarkupError("<![ begins nothing that mail programs know", line=html.count("\n", 0, start) + 1)
    tag = _WHOLE_TAG.match(html, start)
    if tag is None:
        line = html.count("\n", 0, start) + 1
        raise MarkupError("a tag is never closed (inside quotes, write &lt; for <)", line=line)
    name = (tag["name"] or "").lower()
    if name not in _NO_DATA:
        return tag.end()
    closing = re.compile(rf"</{name}\s*>", re.IGNORECASE).search(html, tag.end())
    if closing is None:
        raise MarkupError(f"<{name}> is never closed", line=html.count("\n", 0, start) + 1)
    return closing.end()


def inline_styles(html: str, cloakroom: Cloakroom) -> str:
    """The whole document with its styles in its elements; media queries stay, nothing is fetched. Raises MarkupError."""
    check_nesting(html, cloakroom)
    inliner = css_inline.CSSInliner(keep_at_rules=True, load_remote_stylesheets=False)
    try:
        inlined: str = inliner.inline(html)
    except (css_inline.InlineError, ValueError) as error:
        raise MarkupError(f"its styles cannot be read: {error}") from error
    if cloakroom.statements(inlined) != cloakroom.statements(html):
        raise MarkupError(
            "an {% if %} or {% for %} stands where HTML allows no text; put it around whole elements"
        )
    return inlined


def check_nesting(html: str, cloakroom: Cloakroom) -> None:
    """Raise MarkupError where elements, or elements and statements, are not well nested, too deep or too many."""
    checker = _Nesting(cloakroom)
    checker.feed(html)
    checker.close()
    checker.finish()


class _Nesting(HTMLParser):
    def __init__(self, cloakroom: Cloakroom) -> None:
        super().__init__(convert_charrefs=True)
        self.cloakroom = cloakroom
        self.open: list[tuple[str, Tag | None, int]] = []
        self.elements = 0
        self.styling = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements += 1
        if self.elements > limits.ELEMENTS:
            raise MarkupError(f"it has more than {limits.ELEMENTS:,} HTML elements")
        self._check_parents(tag)
        if tag not in VOID:
            self.open.append((tag, None, self.getpos()[0]))
        if len(self.open) > limits.ELEMENT_DEPTH:
            raise MarkupError(f"its HTML is nested deeper than {limits.ELEMENT_DEPTH}", line=self.getpos()[0])

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)  # HTML ignores the slash: `<div/>` opens a div

    def handle_endtag(self, tag: str) -> None:
        if tag in VOID:
            return
        if not self.open or self.open[-1][0] != tag:
            raise MarkupError(f"</{tag}> ends nothing here: {self._innermost()}", line=self.getpos()[0])
        self.open.pop()

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1][0] == "style":
            self.styling += len(data)

    def handle_comment(self, data: str) -> None:
        found = self.cloakroom.words.fullmatch(f"<!--{data}-->")
        if found is None:
            return
        tag = self.cloakroom.tag_of(found)
        if tag.word in OPENING:
            self.open.append(("{% " + tag.word + " %}", tag, self.getpos()[0]))
        elif not self.open or self.open[-1][1] is None:
            raise MarkupError(
                "{% " + tag.word + " %} stands inside an element that its beginning is outside of", tag=tag
            )
        elif tag.word in CLOSING:
            self.open.pop()
        else:
            assert tag.word in MIDDLE

    def finish(self) -> None:
        for name, tag, line in self.open:
            raise MarkupError(f"{name if tag else f'<{name}>'} is never closed", tag=tag, line=line)
        if self.styling * self.elements > limits.STYLING:
            raise MarkupError("it has too many styles for so many elements")

    def _check_parents(self, tag: str) -> None:
        if tag in _NOT_IN_A_PARAGRAPH and self._stands_in("p", _ENDS_ITSELF["p"]):
            raise MarkupError(f"a <{tag}> cannot stand inside a <p>", line=self.getpos()[0])
        if tag in _ENDS_ITSELF and self._stands_in(tag, _ENDS_ITSELF[tag]):
            raise MarkupError(
                f"a <{tag}> cannot stand inside a <{tag}>: close the first", line=self.getpos()[0]
            )
        if tag == "tr" and self.open and self.open[-1][1] is not None and self._element_around() == "table":
            # HTML adds the missing <tbody> inside the {% for %}, and its end outside.
            raise MarkupError(
                "rows in an {% if %} or {% for %} need a <tbody> around it", tag=self.open[-1][1]
            )

    def _stands_in(self, tag: str, up_to: frozenset[str]) -> bool:
        for name, _, _ in reversed(self.open):
            if name == tag:
                return True
            if name in up_to:
                return False
        return False

    def _element_around(self) -> str | None:
        return next((name for name, tag, _ in reversed(self.open) if tag is None), None)

    def _innermost(self) -> str:
        if not self.open:
            return "nothing is open"
        name, tag, _ = self.open[-1]
        return f"{name if tag else f'<{name}>'} is still open"
