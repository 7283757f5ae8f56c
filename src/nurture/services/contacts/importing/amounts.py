"""Numbers and dates as people write them in their own country.

Where a country's habit decides between two readings and nothing tells which country, the cell is refused.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import date

from nurture.services.contacts.importing.cells import CellError, clean, shown

LARGEST = 10**15
"""Above it, numbers lose their last digits."""

_PLAIN = re.compile(r"[+-]?\d+(?:\.\d+)?")
_GROUPED = re.compile(r"[+-]?[1-9]\d{0,2}(?:([ ',.])\d{3})(?:\1\d{3})*(?:([.,])\d+)?")
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+")
_EITHER = re.compile(r"[+-]?[1-9]\d{0,2}[.,]\d{3}")

_ISO = re.compile(
    r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?:[T ]\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?"
)
_TWO_NUMBERS = re.compile(r"(\d{1,2})([-/. ])(\d{1,2})\2(\d{4})(?:[T ]\d{1,2}:\d{2}(?::\d{2})?)?")
_DAY_NAME = re.compile(
    r"(?:(?P<d1>\d{1,2})(?:st|nd|rd|th|er|\.)?[ -](?P<m1>[^\W\d_]{3,})\.?|(?P<m2>[^\W\d_]{3,})\.? (?P<d2>\d{1,2})(?:st|nd|rd|th)?),?[ -](?P<y>\d{4})"
)
_MONTHS = (
    "january janvier januar jänner",
    "february février februar feber",
    "march mars märz maerz",
    "april avril",
    "may mai",
    "june juin juni",
    "july juillet juli",
    "august août",
    "september septembre",
    "october octobre oktober",
    "november novembre",
    "december décembre dezember",
)


def read_number(cell: str, *, english: bool) -> int | float:
    """A number with or without groups and a currency sign: 1234.5, 1,234.50, 1.234,50, 1 234,50, 1'234.50, € 12.

    ``1,234`` and ``1.234`` are read as English only when ``english`` (the file's delimiter is a comma, so its commas
    do not divide decimals); elsewhere they are refused.
    """
    text = clean(cell).replace("’", "'").replace("−", "-")
    bare = "".join(letter for letter in text if unicodedata.category(letter) != "Sc").strip()
    if len(bare) <= 40:
        if _EITHER.fullmatch(bare) and not english:
            whole = bare.replace(",", "").replace(".", "")
            decimal = f"{bare[:-4]}.{bare[-3:]}0"
            raise CellError(f"'{shown(text)}' has thousands or decimals; write {whole} or {decimal}")
        if (number := _number(bare, english=english)) is not None:
            return number
    raise CellError(f"'{shown(text)}' is not a number")


def read_date(cell: str) -> str:
    """A day as ISO 8601. Day and month in figures are taken where only one order is possible, or dots say day first."""
    text = " ".join(clean(cell).split())[:60]
    try:
        if iso := _ISO.fullmatch(text):
            year, month, day = map(int, iso.groups())
            return date(year, month, day).isoformat()
        if figures := _TWO_NUMBERS.fullmatch(text):
            return _figures(text, *figures.groups()).isoformat()
        if named := _DAY_NAME.fullmatch(text):
            month = _month(named["m1"] or named["m2"])
            return date(int(named["y"]), month, int(named["d1"] or named["d2"])).isoformat()
    except CellError:
        raise
    except ValueError as error:  # the 30th of February
        raise CellError(f"'{shown(text)}' is no day of the calendar") from error
    raise CellError(f"'{shown(text)}' is not a date; write it as 2026-03-31")


def _number(text: str, *, english: bool) -> int | float | None:
    if _EITHER.fullmatch(text):
        text = text.replace(",", "") if english else text
    elif grouped := _GROUPED.fullmatch(text):
        text = (
            text.replace(grouped.group(1), "").replace(",", ".")
            if grouped.group(1) != grouped.group(2)
            else ""
        )
    elif _DECIMAL_COMMA.fullmatch(text):
        text = text.replace(",", ".")
    if not _PLAIN.fullmatch(text):
        return None
    number: int | float = float(text) if "." in text else int(text)
    return number if abs(number) < LARGEST else None


def _figures(text: str, first: str, mark: str, second: str, year: str) -> date:
    one, two = int(first), int(second)
    if mark == "." or one > 12 or one == two:
        return date(int(year), two, one)
    if two > 12:
        return date(int(year), one, two)
    readings = f"{date(int(year), two, one)} or {date(int(year), one, two)}"
    raise CellError(f"'{shown(text)}' can be {readings}; write the one you mean")


def _month(word: str) -> int:
    """The month of a name, whole or cut short, in English, French or German."""
    word = word.casefold()
    found = [n for n, names in enumerate(_MONTHS, 1) if any(name.startswith(word) for name in names.split())]
    if len(found) != 1:
        raise CellError(f"'{shown(word)}' is no month; write the date as 2026-03-31")
    return found[0]
