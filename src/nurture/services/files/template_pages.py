"""The pages about templates: all of them with where they are used, and one as a persona or a contact would get it.

What is live, or the project folder as it is. Nothing leaves but a test to whoever asks for it; its links lead nowhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from sqlalchemy import Connection

from nurture.db import template_figures
from nurture.db.template_figures import Sent
from nurture.model.accounts import Account
from nurture.model.addresses import AddressError
from nurture.model.errors import NotFoundError, NurtureError
from nurture.model.words import Contact
from nurture.rendering.templates import is_sent
from nurture.services.contacts.people import find_contact
from nurture.services.contacts.shown import key_of_test, mail_test
from nurture.services.files.folder import open_as_it_is
from nurture.services.files.message_check import CLIPPED
from nurture.services.files.preview import EMAIL, Preview, Use, letter_of, preview, uses
from nurture.services.rehearsing.rehearsal import Ground, of_folder, of_published, who_plays
from nurture.services.runtime import Runtime
from nurture.services.sending.compose import compose

LATELY = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a page is asked for: a template, and as whom; ``to`` is a contact's address, ``use`` a ``workflow/step``."""

    template: str
    persona: str | None = None
    to: str | None = None
    locale: str | None = None
    use: str | None = None


@dataclass(frozen=True, slots=True)
class Language:
    """One language of a template, and how many contacts have it."""

    locale: str
    contacts: int


@dataclass(frozen=True, slots=True)
class Line:
    """One template in the list. ``offers`` are those that it delivers where no workflow does."""

    template: str
    uses: tuple[Use, ...]
    offers: tuple[str, ...]
    languages: tuple[Language, ...]
    subject: str | None
    bytes: int
    layout: str | None
    fault: str | None
    """Why it cannot be shown to the usual persona."""
    sent: Sent | None
    """Lately; None where none was."""

    @property
    def name(self) -> str:
        return self.template.partition("/")[2]


@dataclass(frozen=True, slots=True)
class Look:
    """One template as somebody gets it. ``asked`` is what was shown, with what was left open filled in."""

    asked: Asked
    contact: Contact
    uses: tuple[Use, ...]
    languages: tuple[str, ...]
    personas: tuple[str, ...]
    files: tuple[str, ...]
    shown: Preview | None
    fault: str | None

    @property
    def share(self) -> float:
        """How much it uses of the size at which it is cut off."""
        return self.shown.bytes / CLIPPED if self.shown else 0


def ground_of(runtime: Runtime, folder: Path, *, draft: bool) -> Ground:
    """What is live, or the folder. Raises NotFoundError, ProblemsFound."""
    return of_folder(open_as_it_is(folder)) if draft else of_published(runtime.published())


def listing(runtime: Runtime, base_url: str) -> tuple[Line, ...]:
    """Every live message and call script, by name."""
    ground = of_published(runtime.published())
    with runtime.database.read() as tx:
        sent = template_figures.sent_since(tx, runtime.now() - LATELY)
        locales = template_figures.locales(tx)
    names = sorted(filter(is_sent, ground.templates.names), key=lambda one: one.partition("/")[::-1])
    return tuple(_line(runtime, ground, name, base_url, sent, locales) for name in names)


def look(runtime: Runtime, ground: Ground, asked: Asked, base_url: str) -> Look:
    """The template as asked. Raises NotFoundError for one that is not there, and for an unknown persona or contact."""
    asked, use, found = _filled_in(ground, asked)
    with runtime.database.read() as tx:
        contact = _contact(tx, ground, asked)
    shown, fault = _shown(runtime, ground, asked.template, contact, base_url, use)
    return Look(
        asked=asked,
        contact=contact,
        uses=found,
        languages=ground.templates.languages(asked.template),
        personas=_personas(ground),
        files=_files(ground, asked.template, contact.locale),
        shown=shown,
        fault=fault,
    )


def send_me(runtime: Runtime, ground: Ground, asked: Asked, account: Account, once: str) -> str:
    """Mail the template, as asked, to whoever is logged in; says so in words.

    Raises NotFoundError, and NurtureError where it cannot be rendered for this contact.
    """
    asked, use, _ = _filled_in(ground, asked)
    if not asked.template.startswith(EMAIL):
        raise NurtureError("a call script is not mailed")

    def write(tx: Connection) -> str:
        contact = _contact(tx, ground, asked)
        letter = replace(
            letter_of(ground, asked.template, contact, use, runtime.now()), key=key_of_test(once)
        )
        try:
            composed = compose(letter, ground.workspace, ground.templates, runtime.links, runtime.now())
        except ValueError as error:
            raise NurtureError(f"it cannot be sent to {contact.email}: {error}") from error
        about = f"contact:{contact.id}" if asked.to else None
        return mail_test(tx, runtime, letter, composed, account, once, about)

    return runtime.database.retrying(write)


# --- as whom --------------------------------------------------------------------------------------------------------


def _filled_in(ground: Ground, asked: Asked) -> tuple[Asked, Use | None, tuple[Use, ...]]:
    """What was left open: the step that is meant, and for whom its workflow is. Raises NotFoundError."""
    if not is_sent(asked.template) or asked.template not in ground.templates.names:
        raise NotFoundError(f"there is no template '{asked.template.partition('/')[2]}'")
    found = tuple(uses(ground, asked.template))
    use = next((one for one in found if one.name == asked.use), next(iter(found), None))
    with_example = _personas(ground)
    wanted = use.workflow.persona if use else None
    usual = wanted if wanted in with_example else next(iter(with_example), None)
    filled = replace(asked, persona=asked.persona or usual, use=use.name if use else None)
    return filled, use, found


def _contact(tx: Connection, ground: Ground, asked: Asked) -> Contact:
    """Raises NotFoundError, and NurtureError for what is no address."""
    try:
        contact = find_contact(tx, asked.to) if asked.to else who_plays(ground, asked.persona)
    except AddressError as error:
        raise NurtureError(str(error)) from None
    return replace(contact, locale=asked.locale) if asked.locale is not None else contact


def _personas(ground: Ground) -> tuple[str, ...]:
    return tuple(sorted(one.name for one in ground.personas.values() if one.example))


# --- one template ---------------------------------------------------------------------------------------------------


def _shown(
    runtime: Runtime, ground: Ground, template: str, contact: Contact, base_url: str, use: Use | None
) -> tuple[Preview | None, str | None]:
    """The message, or why there is none."""
    try:
        return preview(ground, template, contact, runtime.now(), base_url, use), None
    except NurtureError as error:
        return None, error.sentence
    except ValueError as error:
        return None, str(error)


def _files(ground: Ground, template: str, locale: str | None) -> tuple[str, ...]:
    """What it is made of. Of one that cannot be compiled, its own files."""
    try:
        if template.startswith(EMAIL):
            return ground.templates.message(template, locale).files
        return (ground.templates.script(template, locale).text.place.file,)
    except NurtureError:
        return ground.templates.files(template)


def _line(
    runtime: Runtime,
    ground: Ground,
    template: str,
    base_url: str,
    sent: Mapping[str, Sent],
    locales: Mapping[str, int],
) -> Line:
    asked, use, found = _filled_in(ground, Asked(template))
    contact = who_plays(ground, asked.persona)
    shown, fault = _shown(runtime, ground, template, contact, base_url, use)
    bare = template.partition("/")[2]
    is_mail = template.startswith(EMAIL)
    return Line(
        template=template,
        uses=found,
        offers=tuple(sorted(one.name for one in ground.offers.values() if is_mail and one.mail == bare)),
        languages=tuple(_languages(ground, template, locales)),
        subject=shown.subject if shown else None,
        bytes=shown.bytes if shown else 0,
        layout=shown.layout if shown else None,
        fault=fault,
        sent=sent.get(bare) if is_mail else None,
    )


def _languages(ground: Ground, template: str, locales: Mapping[str, int]) -> Iterable[Language]:
    """Each language it is written in, with the contacts who would get it."""
    for language in ground.templates.languages(template):
        getting = (
            count
            for locale, count in locales.items()
            if ground.templates.language(template, locale) == language
        )
        yield Language(language, sum(getting))
