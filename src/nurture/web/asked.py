"""What an address asks a page for. Whatever cannot be one of our numbers is a bad request, and reaches no database."""

from __future__ import annotations

import re
from http import HTTPStatus

from flask import abort, request

NUMBER = r"[0-9]{1,18}"
"""An id of ours in a path or after a question mark; a longer one fits in no column."""


def number_asked(name: str) -> int | None:
    """The number after ``name=`` in the address; 400 for anything else."""
    text = request.args.get(name)
    if text is None:
        return None
    if not re.fullmatch(NUMBER, text):
        abort(HTTPStatus.BAD_REQUEST)
    return int(text)
