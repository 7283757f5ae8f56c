"""Do the processes log to stderr, a line per thing, without showing what must stay secret?"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from errno import ENOSPC
from io import StringIO

import pytest
import structlog

from nurture.workers.logs import Outage, configure_logging


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    structlog.reset_defaults()
    root.handlers[:], root.level = handlers, level


def divide_by(secret: int) -> float:
    canary = "canary-password"
    return len(canary) / secret


@pytest.mark.parametrize("as_json", [True, False])
def test_a_traceback_shows_the_code_and_not_the_values(
    capsys: pytest.CaptureFixture[str], as_json: bool
) -> None:
    configure_logging("info", as_json=as_json)

    try:
        divide_by(0)
    except ZeroDivisionError:
        structlog.get_logger().exception("went wrong")
        logging.getLogger("some.library").exception("went wrong there")

    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("ZeroDivisionError") >= 2
    assert "canary" not in printed.err.replace("len(canary)", "")


def test_for_programs_each_line_is_a_document(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("info", as_json=True)

    structlog.get_logger().debug("unheard")
    structlog.get_logger().info("worker ready", threads=4)
    logging.getLogger("some.library").warning("low on %s", "paper")

    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [(line["event"], line["level"]) for line in lines] == [
        ("worker ready", "info"),
        ("low on paper", "warning"),
    ]


class FullDisk(StringIO):
    def write(self, text: str) -> int:
        raise OSError(ENOSPC, "No space left on device")


def test_a_log_on_a_full_disk_stops_no_work(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logging("info", as_json=True)

    monkeypatch.setattr("sys.stderr", FullDisk())
    structlog.get_logger().info("lost")
    logging.getLogger("some.library").warning("lost")
    monkeypatch.undo()
    structlog.get_logger().info("heard")

    assert [json.loads(line)["event"] for line in capsys.readouterr().err.splitlines()] == ["heard"]


def test_an_outage_is_said_when_it_begins_and_when_it_ends() -> None:
    outage = Outage("database", (ConnectionError,))

    with structlog.testing.capture_logs() as lines:
        for fails in (False, True, True, False, False):
            with outage:
                if fails:
                    raise ConnectionError

    assert [line["event"] for line in lines] == ["database away", "database back"]


def test_what_is_no_outage_is_raised() -> None:
    with pytest.raises(ZeroDivisionError), Outage("database", (ConnectionError,)):
        divide_by(0)


@pytest.mark.parametrize("as_json", [True, False])
def test_whatever_looks_like_an_address_is_masked(capsys: pytest.CaptureFixture[str], as_json: bool) -> None:
    configure_logging("info", as_json=as_json)

    try:
        raise ValueError("550 5.1.1 <ana.o'hara@example.org>: no such user\nana@example.org")
    except ValueError:
        structlog.get_logger().exception(
            "refused", reply="to=bea+x@example.org, sir", place="smtp://me:word@host:25"
        )

    printed = capsys.readouterr().err
    assert "example.org" not in printed
    assert "word" not in printed
    assert "hara" not in printed
    assert printed.count("[address]") >= 3
    assert not as_json or [json.loads(line) for line in printed.splitlines()]
