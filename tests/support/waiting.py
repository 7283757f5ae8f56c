"""Waiting for what other processes do: until it is so, never for a guessed time."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def until(condition: Callable[[], T], deadline: float = 20.0) -> T:
    """Ask ``condition`` until its answer is true, and return that answer. Fails after ``deadline`` seconds."""
    end = time.monotonic() + deadline
    while not (answer := condition()):
        if time.monotonic() > end:
            raise AssertionError(f"not so after {deadline} s: {getattr(condition, '__name__', condition)}")
        time.sleep(0.02)
    return answer


def free_port() -> int:
    """A port on loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
