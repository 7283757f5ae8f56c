"""How a message reads: whom it speaks of, what it asks for, whether it answers a need, how long it takes to read.

Counts words of one rendered message; judges nothing, and knows the small words of a few languages only.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser
from math import ceil
from types import MappingProxyType

WORDS_A_MINUTE = 220
"""What an adult reads on a screen, silently."""


@dataclass(frozen=True, slots=True)
class Voice:
    """The words of one language that speak of the reader, of the sender, that ask for an answer, and that say nothing."""

    you: frozenset[str]
    we: frozenset[str]
    ask: frozenset[str]
    small: frozenset[str] = frozenset()


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


VOICES: Mapping[str, Voice] = MappingProxyType(
    {
        "en": Voice(
            _words("you your yours yourself yourselves"),
            _words("we our ours us ourselves i me my mine myself"),
            _words("reply answer call tell"),
            _words(
                "a about again all am an and any are as at be been before but by can could did do does for from get had "
                "has have having hear her him his how i if in into is it its just like make may me might mine more most "
                "must my myself no not now of off on once one only or other our out own say see shall she should so some "
                "such than that the their them then there these they this those to too up us very was we were what when "
                "where whether which while who whom why will with without would you your whatever whoever ever"
            ),
        ),
        "fr": Voice(
            _words("vous votre vos vôtre vôtres tu te toi ton ta tes"),
            _words("nous notre nos nôtre nôtres je j me moi mon ma mes"),
            _words("répondez réponds appelez appelle dites"),
        ),
        "de": Voice(
            _words(
                "sie ihr ihre ihren ihrem ihrer ihnen du dich dir dein deine deinen deinem deiner euch euer eure"
            ),
            _words(
                "wir uns unser unsere unseren unserem unserer ich mich mir mein meine meinen meinem meiner"
            ),
            _words("antworten antworte rufen ruf schreiben schreib"),
        ),
        "es": Voice(
            _words("usted ustedes su sus tú tu tus te ti vosotros vuestro vuestra vuestros vuestras"),
            _words("nosotros nosotras nos nuestro nuestra nuestros nuestras yo me mi mis mí"),
            _words("responda responde llame llama conteste contesta"),
        ),
    }
)
"""By language. German ``sie`` and Spanish ``su`` mean others too: the figures are a hint, not a proof."""


PUSHY = re.compile(
    r"\b(?:act now|buy now|order now|last chance|limited time|don[’']t miss|hurry|urgent|100 ?%|risk[- ]free|free money"
    r"|no obligation|no catch|guaranteed|winner|you have been selected|once in a lifetime|cash bonus|earn money|double your"
    r"|agissez maintenant|achetez maintenant|dernière chance|offre limitée|sans risque|gratuit"
    r"|jetzt kaufen|jetzt handeln|letzte chance|nur heute|risikofrei|kostenlos|gewonnen"
    r"|compre ahora|última oportunidad|oferta limitada|sin riesgo|gratis)(?!\w)",
    re.IGNORECASE,
)
"""What subjects of advertising say, in the same languages."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One message in figures."""

    words: int
    seconds: int
    """To read it."""
    you: int | None
    """Words that speak of the reader; None in a language whose words are not known."""
    we: int | None
    asks: tuple[str, ...]
    """What it asks for: the targets of its links; where it has none, the words that ask for an answer."""
    need_words: tuple[str, ...] | None
    """The words of the need that carry meaning; None where there is no need, or none in this language."""
    need_found: tuple[str, ...]
    """Those among them that the message takes up, in any form."""
    images: int
    images_without_alt: tuple[str, ...]
    """The addresses of images that show nothing where images are not shown."""


def read(
    subject: str, preheader: str, html: str, locale: str | None, need: str | None, way_out: str
) -> Reading:
    """The figures of a body alone, without its frame. Links that begin with ``way_out`` are the law's, and ask nothing."""
    page = _Page()
    page.feed(html)
    page.close()
    told = " ".join(page.text)
    words = _split(told)
    language = (locale or "en").partition("-")[0]
    voice = VOICES.get(language)
    wanted = _content(need, voice) if need and voice and voice.small else None
    taken = {_stem(word) for word in _split(f"{subject} {preheader} {told}")}
    links = tuple(
        dict.fromkeys(link.partition("#")[0] for link in page.links if not link.startswith(("#", way_out)))
    )
    return Reading(
        words=len(words),
        seconds=ceil(len(words) * 60 / WORDS_A_MINUTE),
        you=sum(word in voice.you for word in words) if voice else None,
        we=sum(word in voice.we for word in words) if voice else None,
        asks=links or _asked_in_words(told, page.bold, voice),
        need_words=wanted,
        need_found=tuple(word for word in wanted or () if _is_among(_stem(word), taken)),
        images=len(page.images),
        images_without_alt=tuple(address for address, alt in page.images if not alt),
    )


def _asked_in_words(text: str, bold: Sequence[str], voice: Voice | None) -> tuple[str, ...]:
    """What asks for an answer in bold, else the last sentence that does; else what is said in bold last."""

    def asks(words: str) -> bool:
        return voice is not None and not voice.ask.isdisjoint(_split(words))

    sentences = [" ".join(one.split()) for one in re.split(r"(?<=[.?!])\s", text)]
    return tuple(filter(asks, bold)) or tuple(filter(asks, sentences))[-1:] or tuple(bold)[-1:]


def _split(text: str) -> list[str]:
    return re.findall(r"[^\W\d_]+", text.lower().replace("’", "'"))


def _content(need: str, voice: Voice) -> tuple[str, ...]:
    return tuple(dict.fromkeys(word for word in _split(need) if len(word) > 2 and word not in voice.small))


_ENDINGS = (
    "ations",
    "ation",
    "ments",
    "ment",
    "ness",
    "ings",
    "ing",
    "ies",
    "ied",
    "ers",
    "er",
    "ed",
    "es",
    "ly",
    "s",
    "e",
)


def _stem(word: str) -> str:
    """``plan`` for plans and planning: rough, and rough in the same way on both sides."""
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            word = word[: -len(ending)] + ("y" if ending in ("ies", "ied") else "")
            break
    return word[:-1] if len(word) > 3 and word[-1] == word[-2] else word


def _is_among(stem: str, others: Iterable[str]) -> bool:
    """``chang`` and ``change``, ``retir`` and ``retirement``: one begins the other, and is no scrap of a word."""
    return any(
        stem == other or (min(len(stem), len(other)) > 3 and stem[:5] == other[:5]) for other in others
    )


@dataclass(slots=True)
class _Seen:
    text: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    bold: list[str] = field(default_factory=list)
    images: list[tuple[str, str]] = field(default_factory=list)


class _Page(HTMLParser):
    """What a reader of the body meets: words, links, what stands out, images."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.seen = _Seen()
        self.unseen = 0
        self.strong = 0
        self.bold_words: list[str] = []

    @property
    def text(self) -> Sequence[str]:
        return self.seen.text

    @property
    def links(self) -> Sequence[str]:
        return self.seen.links

    @property
    def bold(self) -> Sequence[str]:
        return self.seen.bold

    @property
    def images(self) -> Sequence[tuple[str, str]]:
        return self.seen.images

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag in ("head", "style", "title", "script"):
            self.unseen += 1
        elif tag in ("strong", "b"):
            self.strong += 1
        elif tag == "a" and given.get("href"):
            self.seen.links.append(str(given["href"]))
        elif tag == "img" and given.get("role") not in ("presentation", "none"):
            self.seen.images.append((given.get("src") or "", (given.get("alt") or "").strip()))

    def handle_endtag(self, tag: str) -> None:
        if tag in ("head", "style", "title", "script"):
            self.unseen = max(self.unseen - 1, 0)
        elif tag in ("strong", "b"):
            self.strong = max(self.strong - 1, 0)
            if not self.strong and (words := " ".join("".join(self.bold_words).split())):
                self.seen.bold.append(words)
                self.bold_words.clear()

    def handle_data(self, data: str) -> None:
        if self.unseen or not data.strip():
            return
        self.seen.text.append(data)
        if self.strong:
            self.bold_words.append(data)
