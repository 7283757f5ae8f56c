"""Which column of a list is which field of a contact: by its heading, or by what the user says.

A column that fits nothing is named, never dropped in silence; two columns of one name for one field are refused.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from nurture.model.errors import NurtureError, did_you_mean
from nurture.model.workspace import Field

SYNONYMS: Mapping[str, str] = {
    "email": "email | e-mail | mail | e-mail address | mail address | primary email | work email | e-mail 1 value"
    " | courriel | adresse courriel | adresse de courriel | adresse e-mail | adresse mail | adresse électronique"
    " | e-mail-adresse | mailadresse",
    "first_name": "first name | first | given name | forename | fname | prénom | vorname | rufname",
    "last_name": "last name | last | surname | family name | lname | nom | nom de famille"
    " | nachname | familienname | zuname",
    "phone": "phone | phone number | telephone | telephone number | tel | mobile | mobile phone | mobile number | cell"
    " | cell phone | primary phone | phone 1 value | téléphone | téléphone portable | téléphone mobile | portable"
    " | numéro de téléphone | telefon | telefonnummer | handy | handynummer | mobil | mobilnummer | rufnummer",
    "timezone": "timezone | time zone | tz | fuseau horaire | zeitzone",
    "locale": "locale | language | lang | preferred language | langue | sprache",
    "owner": "owner | contact owner | account owner | assigned to | sales rep | propriétaire | responsable"
    " | besitzer | betreuer | zuständig",
    "tags": "tags | tag | labels | étiquettes | mots-clés | schlagwörter | schlagworte",
}
"""What people write above a column, in English, French and German, for each field every contact has."""
_OURS = {
    "id": "nurture numbers contacts itself",
    "score": "nurture counts it",
    "created_at": "nurture sets it",
    "last_active_at": "nurture sets it",
}


@dataclass(frozen=True, slots=True)
class MappedColumn:
    """A column that is taken: where it stands (from 0), its heading, and the field it fills."""

    index: int
    header: str
    field: str


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns that are taken, in their order, and the headings of those that are not."""

    mapped: tuple[MappedColumn, ...]
    unmapped: tuple[str, ...]

    @property
    def email(self) -> MappedColumn:
        return next(column for column in self.mapped if column.field == "email")


def map_columns(headers: Sequence[str], fields: Mapping[str, Field], told: Sequence[str] = ()) -> Columns:
    """Find the field of each column. ``told`` holds the user's own words, ``Column=field``; ``Column=`` leaves it out.

    What the user says wins, then the names of declared ``fields``, then the usual headings; of several columns that
    could be one field the first is taken. Raises NurtureError for words that fit nothing, two columns alike, or no
    column with addresses.
    """
    said = _told(headers, fields, told)
    known = _known_names(fields)
    by_field: dict[str, int] = {field: index for index, field in said.items() if field}
    for index, header in enumerate(headers):
        field = None if index in said else known.get(plain(header))
        if field is None:
            continue
        first = by_field.setdefault(field, index)
        if first != index and first not in said and headers[first] == header:
            raise NurtureError(
                f"columns {letters(first)} and {letters(index)} are both called '{header}'",
                hint=f"rename one of them, or leave one out: --map '{letters(index)}='",
            )
    if "email" not in by_field:
        raise NurtureError(
            f"no column holds e-mail addresses; the columns are {_listed(headers)}",
            hint="name it with --map 'Column=email'",
        )
    taken = sorted((index, field) for field, index in by_field.items())
    left = [
        header or f"column {letters(i)}" for i, header in enumerate(headers) if i not in by_field.values()
    ]
    return Columns(tuple(MappedColumn(i, headers[i], field) for i, field in taken), tuple(left))


@lru_cache(maxsize=4096)
def plain(heading: str) -> str:
    """A heading without case, accents, spaces and signs: ``E-Mail Adresse`` and ``email_adresse`` are one."""
    text = unicodedata.normalize("NFKD", heading.casefold())
    return "".join(letter for letter in text if letter.isalnum())


def letters(index: int) -> str:
    """A column as spreadsheets call it: 0 is A, 26 is AA."""
    name = ""
    while index >= 0:
        index, letter = divmod(index, 26)
        name = chr(65 + letter) + name
        index -= 1
    return name


def _told(headers: Sequence[str], fields: Mapping[str, Field], told: Sequence[str]) -> dict[int, str]:
    """The user's own choices: ``{column: field}``, an empty field for a column to leave out."""
    said: dict[int, str] = {}
    for words in told:
        heading, equals, field = (part.strip() for part in words.rpartition("="))
        if not equals or not heading:
            raise NurtureError(
                f"--map '{words}' is not Column=field", hint="for example --map 'Courriel=email'"
            )
        index = _column(heading, headers)
        if field:
            field = _field(field, fields)
            if field in said.values():
                raise NurtureError(f"--map names two columns for '{field}'")
        if index in said:
            raise NurtureError(f"--map names the column '{heading}' twice")
        said[index] = field
    return said


def _column(heading: str, headers: Sequence[str]) -> int:
    """The column of this heading, or of this letter where no column is called so."""
    places = [i for i, header in enumerate(headers) if header == heading]
    places = places or [i for i, header in enumerate(headers) if header and plain(header) == plain(heading)]
    places = places or [i for i in range(len(headers)) if letters(i) == heading]
    if len(places) == 1:
        return places[0]
    if places:
        which = " and ".join(letters(place) for place in places)
        raise NurtureError(
            f"columns {which} are both called '{heading}'", hint="name the column by its letter instead"
        )
    hint = (
        did_you_mean(heading, [header for header in headers if header]) or "write the heading as in the file"
    )
    raise NurtureError(f"the file has no column '{heading}'; its columns are {_listed(headers)}", hint=hint)


def _field(word: str, fields: Mapping[str, Field]) -> str:
    """The field of this name; its name may be written as loosely as a heading."""
    if word in fields or word in SYNONYMS:
        return word
    if word in _OURS:
        raise NurtureError(f"'{word}' cannot be imported: {_OURS[word]}")
    names = [*SYNONYMS, *fields]
    for name in names:
        if plain(name) == plain(word):
            return name
    hint = did_you_mean(word, names) or f"a contact has {', '.join(names)}; declare more under [fields]"
    raise NurtureError(f"contacts have no field '{word}'", hint=hint)


def _known_names(fields: Mapping[str, Field]) -> dict[str, str]:
    usual = {plain(name): field for field, names in SYNONYMS.items() for name in names.split(" | ")}
    return usual | {plain(field): field for field in SYNONYMS} | {plain(name): name for name in fields}


def _listed(headers: Sequence[str]) -> str:
    shown = ", ".join(f"'{header}'" for header in headers[:20])
    return shown if len(headers) <= 20 else f"{shown} and {len(headers) - 20} more"
