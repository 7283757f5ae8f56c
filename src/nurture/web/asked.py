"""What an address asks a page for, and the address of the next page of the same list.

Whatever cannot be one of our numbers is a bad request, and reaches no database.
"""

from __future__ import annotations

import re
from http import HTTPStatus
from urllib.parse import urlencode

from flask import abort, request, url_for

NUMBER = r"[0-9]{1,18}"
"""An id of ours in a path or after a question mark; a longer one fits in no column."""
LONGEST_WORD = 200


def word_asked(name: str, longest: int = LONGEST_WORD) -> str:
    """The text after ``name=`` in the address, cut to a decent length and without what no database can hold."""
    return request.args.get(name, "").replace("\0", "").strip()[:longest]


def number_asked(name: str) -> int | None:
    """The number after ``name=`` in the address; 400 for anything else."""
    text = request.args.get(name)
    if text is None:
        return None
    if not re.fullmatch(NUMBER, text):
        abort(HTTPStatus.BAD_REQUEST)
    return int(text)


def onward(endpoint: str, **position: str | int | None) -> str | None:
    """The same question for the next page; None when this is the last."""
    (name, value), *_ = position.items()
    if value is None:
        return None
    kept = {key: text for key, text in request.args.items() if key != name and text}
    return f"{url_for(endpoint)}?{urlencode(kept | {name: str(value)})}"
