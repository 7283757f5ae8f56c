"""Chance without dice: a share of contacts picked by hash, the same every time and on every machine."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b


def share(*names: str) -> float:
    """A number in [0, 1) that depends on the names alone, evenly spread over them."""
    digest = blake2b("\x1f".join(names).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


def pick(weights: Mapping[str, float], *names: str) -> str:
    """One of the keys, by weight, in the order in which they stand."""
    point = share(*names) * sum(weights.values())
    for key, weight in weights.items():
        point -= weight
        if point < 0:
            return key
    return list(weights)[-1]
