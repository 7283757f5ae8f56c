"""Messages in several languages: is each a language, is there one for everybody else, and does a variant say all that the main one does?

Compares names and links, never words: whether a translation is good is for people to say.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping

from nurture.model.errors import NotFoundError, Place, Problem
from nurture.rendering.languages import is_language
from nurture.rendering.render import MessageTemplate
from nurture.rendering.sources import with_plain_lines
from nurture.rendering.templates import Library, TemplateProblems, TemplateSource, is_sent
from nurture.workflow.checks.codes import problem

_LINK = re.compile(r"""https?://[^\s<>"')\]]+""", re.IGNORECASE)


def language_faults(library: Library, sources: Iterable[TemplateSource]) -> Iterator[Problem]:
    """Every problem of languages among these templates."""
    by_name: dict[str, list[TemplateSource]] = {}
    for source in sources:
        by_name.setdefault(source.name, []).append(source)
    for name, files in by_name.items():
        yield from _odd_ending(name, files, by_name)
        variants = [file for file in files if file.locale]
        for file in variants:
            yield from _no_language(file)
        if len(variants) == len(files) and is_sent(name):
            yield _nobody_else(name, variants)
        elif variants and name.startswith("email/") and is_sent(name):
            yield from _lacking(library, name, files)


def _no_language(file: TemplateSource) -> Iterator[Problem]:
    if file.locale and not is_language(file.locale):
        said = f"'{file.locale}' is no language, so that nobody gets this file"
        yield problem("unknown-language", Place(file.file), said)


def _odd_ending(name: str, files: list[TemplateSource], known: Collection[str]) -> Iterator[Problem]:
    """``hello.FR.md`` beside ``hello.md`` is meant for a language, and read as another template."""
    base, _, ending = name.rpartition(".")
    if base in known:
        for file in files:
            said = f"'{ending}' is not how a file names a language, so that nobody gets this file"
            yield problem("unknown-language", Place(file.file), said)


def _nobody_else(name: str, variants: list[TemplateSource]) -> Problem:
    languages = ", ".join(sorted({file.locale or "" for file in variants}))
    said = f"there is no {name.partition('/')[2]} for contacts of other languages than {languages}"
    first = min(variants, key=lambda file: file.file)
    return problem("no-main-language", Place(first.file), said, f"add templates/{name}.{first.kind}")


def _lacking(library: Library, name: str, files: list[TemplateSource]) -> Iterator[Problem]:
    """What each variant does not take up of the message for everybody else."""
    texts = {file.file: with_plain_lines(file.text) for file in files}
    main = _message(library, name, None)
    for locale in sorted({file.locale for file in files if file.locale}):
        variant = _message(library, name, locale)
        if main is None or variant is None:
            continue  # it has problems of its own
        file = variant.subject.place.file
        lost = sorted(_names(main) - _names(variant))
        if lost:
            said = f"{', '.join(lost)} stands in {main.subject.place.file} and not here"
            yield problem("variant-lacks", Place(file), said)
        here, there = _links(variant, texts), _links(main, texts)
        if here < there:
            said = f"{main.subject.place.file} has {there} {'link' if there == 1 else 'links'}, and this file {here}"
            yield problem("variant-lacks", Place(file), said)
        if main.preheader and not variant.preheader:
            said = f"{main.subject.place.file} has a preheader, and this file none"
            yield problem("variant-lacks", Place(file), said)


def _message(library: Library, name: str, locale: str | None) -> MessageTemplate | None:
    try:
        return library.message(name, locale)
    except (TemplateProblems, NotFoundError):
        return None


def _names(message: MessageTemplate) -> set[str]:
    """What its own file looks up."""
    own = message.subject.place.file
    return {variable.path for variable in message.variables if variable.place.file == own}


def _links(message: MessageTemplate, texts: Mapping[str, str]) -> int:
    return len(set(_LINK.findall(texts[message.subject.place.file])))
