"""Is a password kept so that whoever steals the database has a long way to it?"""

from __future__ import annotations

import re

import pytest

from nurture.model.errors import NurtureError
from nurture.services.staff import accounts


def test_a_password_is_kept_at_full_cost_and_with_salt() -> None:
    one, other = (accounts._hashed("correct horse battery") for _ in range(2))

    assert re.fullmatch(r"scrypt:32768:8:1\$[A-Za-z0-9]{16}\$[0-9a-f]{128}", one)
    assert one != other


def test_an_unknown_address_costs_as_much_as_a_wrong_password() -> None:
    assert accounts._nobody().startswith("scrypt:32768:8:1$")


@pytest.mark.parametrize("word", ["short", "x" * (accounts.LONGEST_PASSWORD + 1)])
def test_a_password_is_neither_guessed_nor_used_to_keep_us_busy(word: str) -> None:
    with pytest.raises(NurtureError, match="10 to 200 characters"):
        accounts._hashed(word)
