"""What the processes say while they run: one line per thing that an operator may want to know, on stderr.

Never an address, a name, a password or a key.
"""

from __future__ import annotations

import contextlib
import logging
import re
import sys
import threading
from collections.abc import Mapping, MutableMapping
from io import TextIOBase
from types import TracebackType
from typing import TextIO, cast

import structlog
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from nurture.db.session import CommitUnknownError, UnreachableError

# What passes by itself; a wrong statement is none of these and shows its traceback.
DATABASE_ERRORS = (OperationalError, InterfaceError, PoolTimeoutError, UnreachableError, CommitUnknownError)

log = structlog.get_logger()

_SIGNS = r"[^\s@<>()\[\]{}\",;:=\\|/]"
ADDRESS = re.compile(rf"{_SIGNS}+@{_SIGNS}+")


def without_addresses(text: str) -> str:
    """Whatever looks like an address is masked, also in what a mail server or a library said."""
    return ADDRESS.sub("[address]", text) if "@" in text else text


def mask_line(_logger: object, _method: str, line: str) -> str:
    """A finished line for people."""
    return without_addresses(line)


def mask_values(
    _logger: object, _method: str, line: MutableMapping[str, object]
) -> MutableMapping[str, object]:
    """The words of a line for programs, before it becomes JSON, in which a sign may stand for another."""
    return {name: _masked(value) for name, value in line.items()}


def _masked(value: object) -> object:
    if value is None or isinstance(value, int | float):
        return value
    if isinstance(value, Mapping):
        return {str(name): _masked(one) for name, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_masked(one) for one in value]
    return without_addresses(str(value))


class Stderr(TextIOBase):
    """Whatever stderr is at the moment. A line that cannot be written, as on a full disk, stops nobody's work."""

    def write(self, text: str) -> int:
        with contextlib.suppress(OSError):
            return sys.stderr.write(text)
        return 0

    def flush(self) -> None:
        with contextlib.suppress(OSError):
            sys.stderr.flush()


STDERR = Stderr()


def configure_logging(level: str = "info", *, as_json: bool | None = None) -> None:
    """Send the lines of this program, and the warnings of the libraries it runs on, to stderr.

    As JSON when stderr is no terminal, unless told otherwise.
    """
    least = getattr(logging, level.upper())
    to_json = not sys.stderr.isatty() if as_json is None else as_json
    steps: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    # Plain tracebacks: the pretty ones show the values of variables, and with them addresses and keys.
    endings: list[structlog.typing.Processor] = (
        [structlog.processors.format_exc_info, mask_values, structlog.processors.JSONRenderer()]
        if to_json
        else [
            structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback),
            cast("structlog.typing.Processor", mask_line),
        ]
    )
    structlog.configure(
        processors=[*steps, *endings],
        wrapper_class=structlog.make_filtering_bound_logger(least),
        logger_factory=structlog.PrintLoggerFactory(cast("TextIO", STDERR)),
    )
    lines = logging.StreamHandler(STDERR)
    lines.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *endings],
            foreign_pre_chain=steps,
        )
    )
    root = logging.getLogger()
    ours = (handler for handler in root.handlers if getattr(handler, "stream", None) is STDERR)
    root.handlers[:] = [*(set(root.handlers) - set(ours)), lines]
    root.setLevel(max(least, logging.WARNING))
    # It warns when a tick takes longer than its second; the next tick does the same work.
    logging.getLogger("apscheduler").setLevel(logging.ERROR)


class Outage:
    """Around every exchange with ``thing``: lets it fail, says once that it is away and once that it is back."""

    def __init__(self, thing: str, errors: tuple[type[BaseException], ...]) -> None:
        self._thing = thing
        self._errors = errors
        self._away = False
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if error is not None and not isinstance(error, self._errors):
            return False
        away = error is not None
        with self._lock:
            changed, self._away = self._away is not away, away
        if changed and away:
            # The kind only: the text may hold the address with its password.
            log.warning(f"{self._thing} away", error=type(error).__name__)
        elif changed:
            log.info(f"{self._thing} back")
        return away
