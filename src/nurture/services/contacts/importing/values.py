"""What a cell of a spreadsheet means: an address, a name, a number of a phone, a date, a yes.

Each reader takes the cell's text and gives a value, or raises CellError with what is wrong and how to write it. A cell
that can be read in two ways is refused, never guessed: a wrong birthday is worse than none.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache, lru_cache
from importlib import resources

import phonenumbers
from email_validator import EmailNotValidError, ValidatedEmail, validate_email

from nurture.model.calendars import zone_names
from nurture.model.errors import did_you_mean
from nurture.model.workspace import Field, FieldType, Workspace
from nurture.services.contacts.importing.amounts import read_date, read_number
from nurture.services.contacts.importing.cells import CellError, clean, one_line, shown
from nurture.services.contacts.importing.mapping import plain

Value = str | float | int | bool | frozenset[str]
CellReader = Callable[[str], Value]

REMEMBERED = 1_000
"""Cells of a column whose meaning is kept at hand."""
LONGEST_NAME = 200
MOST_TAGS = 50
LONGEST_ADDRESS = 254
"""RFC 5321, 4.5.3.1.3: a path of 256 with its angle brackets."""

_YES = frozenset(["yes", "y", "true", "t", "on", "1", "x", "oui", "o", "vrai", "ja", "j", "wahr"])
_NO = frozenset(["no", "n", "false", "f", "off", "0", "non", "faux", "nein", "falsch"])
# The addresses of nearly everyone; what is not plainly one of these is asked of the library, which knows them all.
_PLAIN_LOCAL = re.compile(r"[A-Za-z0-9_+\-]+(?:\.[A-Za-z0-9_+\-]+)*")
_LOCALE = re.compile(r"([A-Za-z]{2,3})(?:[-_]([A-Za-z]{4}))?(?:[-_]([A-Za-z]{2}|\d{3}))?")


def cell_readers(workspace: Workspace, *, delimiter: str) -> Mapping[str, CellReader]:
    """For every field that can be imported, what reads its cells. The delimiter tells how numbers are written."""
    region = phone_region(workspace)
    readers: dict[str, CellReader] = {
        **{name: _reader(field, delimiter) for name, field in workspace.fields.items()},
        "first_name": name,
        "last_name": name,
        "timezone": timezone,
        "locale": locale,
        "owner": name,
        "tags": tags,
    }
    # First names, cities and yeses come again and again; addresses and numbers do not.
    remembering: dict[str, CellReader] = {name: lru_cache(REMEMBERED)(read) for name, read in readers.items()}
    return remembering | {"email": email_address, "phone": lambda cell: phone(cell, region)}


def email_address(cell: str) -> str:
    """The address, its domain in lower case. ``Ana <ana@example.org>`` and ``mailto:`` are understood.

    Whether the mailbox exists is not asked. Names reserved for tests (RFC 2606) are addresses like any other.
    """
    text = clean(cell)
    if text.endswith(">"):
        text = text[text.rfind("<") + 1 : -1].strip()
    if text[:7].lower() == "mailto:":
        text = text[7:]
    text = text.strip(" ;,")
    if not text:
        raise CellError("is empty; a contact needs an e-mail address")
    if len(text) > LONGEST_ADDRESS:
        raise CellError("is too long for an e-mail address")
    local, _, domain = text.rpartition("@")
    try:
        if len(local) <= 64 and _PLAIN_LOCAL.fullmatch(local):
            return f"{local}@{_domain(domain)}"
        return _validated(text).normalized
    except EmailNotValidError as error:
        if text.count("@") > 1:
            raise CellError(f"'{shown(text)}' is more than one e-mail address") from error
        raise CellError(f"'{shown(text)}' is not an e-mail address: {_lower(str(error))}") from error
    except (ValueError, IndexError) as error:  # letters that no rule of domain names foresaw
        raise CellError(f"'{shown(text)}' is not an e-mail address") from error


def _validated(address: str) -> ValidatedEmail:
    # `strict` asks for the lengths of RFC 5321; in a `test_environment` .test is a domain (RFC 2606).
    return validate_email(address, check_deliverability=False, test_environment=True, strict=True)


@lru_cache(maxsize=20_000)
def _domain(domain: str) -> str:
    """A domain as the library normalises it; most people share a few."""
    return _validated(f"a@{domain}").domain


def name(cell: str) -> str:
    """A name on one line."""
    return one_line(cell, LONGEST_NAME)


def phone(cell: str, region: str | None) -> str:
    """The number in the international form (E.164); one without ``+`` is read as in ``region``."""
    text = one_line(cell, 60)
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException as error:
        hint = "" if region or text.startswith("+") else "; write it with + and the country's code"
        raise CellError(f"'{shown(text)}' is not a phone number{hint}") from error
    if number.extension:
        raise CellError(f"'{shown(text)}' has an extension, which is not kept; leave it out")
    # The second question is slow: it tries every country that shares the code.
    home = region is not None and phonenumbers.is_valid_number_for_region(number, region)
    if not home and not phonenumbers.is_valid_number(number):
        abroad = (
            ""
            if region is None or text.startswith("+")
            else "; one from abroad begins with + and the country's code"
        )
        raise CellError(f"'{shown(text)}' is not a phone number{abroad}")
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def timezone(cell: str) -> str:
    """A zone by its name in the time zone database, in any case."""
    text = one_line(cell, LONGEST_NAME)
    zones, cities = _zones()
    if zone := zones.get(text.lower().replace(" ", "_")):
        return zone
    city = cities.get(plain(text))
    hint = f"did you mean {city}?" if city else "write it as America/Toronto"
    raise CellError(f"'{shown(text)}' is no time zone; {hint}")


def locale(cell: str) -> str:
    """A language, with or without a country: ``fr``, ``fr-CA``."""
    text = one_line(cell, LONGEST_NAME)
    parts = _LOCALE.fullmatch(text)
    if parts is None:
        raise CellError(f"'{shown(text)}' is no language; write a code such as fr or fr-CA")
    language, script, country = parts.groups()
    words = (language.lower(), script and script.title(), country and country.upper())
    return "-".join(word for word in words if word)


def tags(cell: str) -> frozenset[str]:
    """Words between commas or semicolons."""
    found = frozenset(one_line(word, LONGEST_NAME) for word in re.split("[,;]", clean(cell)) if word.strip())
    if len(found) > MOST_TAGS:
        raise CellError(f"holds {len(found)} tags, more than {MOST_TAGS}")
    return found


def yes_or_no(cell: str) -> bool:
    """A yes or no in English, French or German, 1 or 0, or a cross."""
    word = clean(cell).casefold()
    if word in _YES:
        return True
    if word in _NO:
        return False
    raise CellError(f"'{shown(cell)}' is neither yes nor no")


def text(cell: str) -> str:
    """Any text, with its line breaks."""
    return clean(cell.replace("\r\n", "\n").replace("\r", "\n"), keep="\n\t")


def choice(cell: str, choices: tuple[str, ...]) -> str:
    """One of the words, whatever its case, accents and dashes."""
    word = one_line(cell, LONGEST_NAME)
    if word in choices:
        return word
    for known in choices:
        if plain(known) == plain(word):
            return known
    hint = did_you_mean(word, choices) or f"it is one of {', '.join(choices)}"
    raise CellError(f"'{shown(word)}' is no choice; {hint}")


def phone_region(workspace: Workspace) -> str | None:
    """The country where numbers without ``+`` are: that of the workspace's time zone, or of its only country."""
    if country := _countries().get(workspace.timezone):
        return country
    named = {calendar.country[:2] for calendar in workspace.calendars.values() if calendar.country}
    return named.pop() if len(named) == 1 else None


def _reader(field: Field, delimiter: str) -> CellReader:
    match field.type:
        case FieldType.TEXT:
            return text
        case FieldType.NUMBER:
            return lambda cell: read_number(cell, english=delimiter == ",")
        case FieldType.BOOL:
            return yes_or_no
        case FieldType.DATE:
            return read_date
        case FieldType.CHOICE:
            return lambda cell: choice(cell, field.choices)


@cache
def _zones() -> tuple[Mapping[str, str], Mapping[str, str]]:
    """Zones by their name in lower case, and by their city."""
    known = sorted(zone_names())
    return {zone.lower(): zone for zone in known}, {
        plain(zone.rpartition("/")[2]): zone for zone in known if not zone.startswith(("Etc/", "SystemV/"))
    }


@cache
def _countries() -> Mapping[str, str]:
    """The country of each zone, from the time zone database's own table."""
    table = (resources.files("tzdata") / "zoneinfo" / "zone.tab").read_text(encoding="utf-8")
    rows = (line.split("\t") for line in table.splitlines() if not line.startswith("#"))
    return {row[2]: row[0] for row in rows}


def _lower(sentence: str) -> str:
    return (sentence[:1].lower() + sentence[1:]).rstrip(".")
