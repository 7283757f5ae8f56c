"""The text of a cell, freed of what only a spreadsheet or a web page put there.

Decides nothing about meaning. A formula stays the text it is: nothing is ever calculated.
"""

from __future__ import annotations

import re
import unicodedata

_SPACES = dict.fromkeys(
    map(ord, "\u00a0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u3000"), " "
)
# Zero-width spaces and marks, soft hyphens, and the marks that turn the direction of a line (a name that rewrites the
# page around it). Joiners between letters stay: Persian names and emoji need them.
_INVISIBLE = dict.fromkeys(
    map(ord, "\u00ad\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff")
)
_STRIP = " \t\r\n\u200c\u200d"
_EXCEL_ERRORS = frozenset(
    {"#N/A", "#NAME?", "#REF!", "#VALUE!", "#DIV/0!", "#NULL!", "#NUM!", "#NV", "#WERT!", "#NOM?", "#VALEUR!"}
)
_FORMULA = re.compile(r"'*[=+\-@\t\r\n]")
_GUARDED = re.compile(r"'+[=+\-@\t\r\n]")
_LONGEST_SHOWN = 60


class CellError(ValueError):
    """The cell cannot be taken. The message says what is wrong with it and, where it helps, how to write it."""


def clean(cell: str, *, keep: str = "") -> str:
    """The cell's text: trimmed, composed (NFC), without invisible marks. Control characters but ``keep`` are refused.

    An apostrophe in front of what looks like a formula is taken off again: our own export puts it there.
    """
    text = cell.strip(_STRIP)
    simple = text.isascii() and text.isprintable()
    if not simple:
        text = unicodedata.normalize("NFC", text).translate(_SPACES).translate(_INVISIBLE).strip(_STRIP)
    if _GUARDED.match(text):
        text = text[1:].lstrip(_STRIP)
    if not simple:
        if any(
            unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp") and letter not in keep for letter in text
        ):
            raise CellError("holds a line break or another control character")
        if "\ufffd" in text:
            raise CellError("holds a �: a letter was lost when the file was saved")
    if text.startswith("#") and text.upper() in _EXCEL_ERRORS:
        raise CellError(f"holds {text}, an error of the spreadsheet")
    return text


def one_line(cell: str, longest: int) -> str:
    """Clean text with single spaces, of at most ``longest`` characters."""
    text = clean(cell)
    if len(text) > longest:
        raise CellError(f"is longer than {longest} characters")
    return " ".join(text.split()) if "  " in text else text


def formula_safe(cell: str) -> str:
    """The cell as no spreadsheet will take it for a formula: with an apostrophe in front. ``clean`` takes it off."""
    return f"'{cell}" if _FORMULA.match(cell) else cell


def sent_back(cell: str) -> str:
    """A cell of somebody's list as safe, so that ``clean`` reads it as it did at first.

    One that came guarded stays as it came: with one apostrophe more at each mending it is read as another text. So would
    a blank in front, behind which a guard hides.
    """
    text = cell.strip(_STRIP)
    return text if text.startswith("'") else formula_safe(text)


def shown(cell: str) -> str:
    """The cell's beginning, for a message."""
    text = " ".join(cell.split())
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"
