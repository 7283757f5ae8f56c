"""Chance without dice: a share of contacts picked by hash, the same every time and on every machine."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from math import inf, log


def share(*names: str) -> float:
    """A number in [0, 1) that depends on the names alone, evenly spread over them."""
    digest = blake2b("\x1f".join(names).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


def settle(weights: Mapping[str, float], *names: str) -> str:
    """One of the keys, by weight, such that other weights move as few as possible.

    A key that gains weight only draws names from others, one that loses some only gives names away; their order does
    not matter. Source: weighted rendezvous hashing (Schindelhauer and Schomaker 2005, the logarithmic method).
    """

    def distance(key: str) -> float:
        if weights[key] <= 0:
            return inf
        return -log(1 - share(*names, key)) / weights[key]

    return min(weights, key=distance)


def pick(weights: Mapping[str, float], *names: str) -> str:
    """One of the keys, by weight, in the order in which they stand."""
    point = share(*names) * sum(weights.values())
    for key, weight in weights.items():
        point -= weight
        if point < 0:
            return key
    return list(weights)[-1]
