"""Is the measuring honest? The sink that counts, the check that refuses wrong runs, the meter that adds up."""

from __future__ import annotations

import os
import smtplib
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks import signing
from benchmarks.measure import WrongRunError, verify
from benchmarks.meter import MemoryWatch, cpu_seconds
from benchmarks.people import people
from benchmarks.servers import Sink, start_sink

ENVELOPE = b"MAIL FROM:<kim@maple.example.org>\r\nRCPT TO:<ana@example.org>\r\nDATA\r\n"


@pytest.fixture
def sink(tmp_path: Path) -> Iterator[Sink]:
    with start_sink(tmp_path) as running_sink:
        yield running_sink


class Line:
    """A raw connection: what is written here leaves as it is."""

    def __init__(self, sink: Sink) -> None:
        self._socket = socket.create_connection((sink.host, sink.port), timeout=10)
        self._answers = self._socket.makefile("rb")
        self.read()

    def write(self, data: bytes) -> None:
        self._socket.sendall(data)

    def read(self, lines: int = 1) -> list[str]:
        return [self._answers.readline().decode()[:3] for _ in range(lines)]

    def close(self) -> None:
        self._answers.close()
        self._socket.close()


@pytest.fixture
def line(sink: Sink) -> Iterator[Line]:
    connection = Line(sink)
    yield connection
    connection.close()


def test_the_sink_takes_mail_from_the_standard_library_and_remembers_who_got_what(sink: Sink) -> None:
    with smtplib.SMTP(sink.host, sink.port, timeout=10) as client:
        for number in (1, 2):
            message = f"Message-ID: <{number}@x>\r\n\r\n.dots\r\n..and more\r\n".encode()
            client.sendmail("kim@maple.example.org", ["ana@example.org", "bea@example.org"], message)

        assert sink.accepted() == 2

    assert sink.stop_and_read() == [
        ("<1@x>", ["ana@example.org", "bea@example.org"]),
        ("<2@x>", ["ana@example.org", "bea@example.org"]),
    ]


def test_the_sink_answers_a_pipelined_envelope_and_the_next_one_behind_the_message(
    sink: Sink, line: Line
) -> None:
    line.write(ENVELOPE)
    first = line.read(3)
    line.write(b"Message-ID: <1@x>\r\n\r\nhello\r\n.\r\n" + ENVELOPE)
    second = line.read(4)
    line.write(b"Message-ID: <2@x>\r\n\r\nhello\r\n.\r\nQUIT\r\n")
    last = line.read(2)

    assert (first, second, last) == (
        ["250", "250", "354"],
        ["250", "250", "250", "354"],
        ["250", "221"],
    )
    assert [message_id for message_id, _ in sink.stop_and_read()] == ["<1@x>", "<2@x>"]


def test_the_sink_finds_the_end_of_a_message_that_comes_byte_by_byte(sink: Sink, line: Line) -> None:
    message = b"Subject: x\r\nmessage-id:\r\n <folded@x>\r\n\r\nMessage-ID: <body@x>\r\n..\r\n.\r\n"

    for byte in ENVELOPE + message:
        line.write(bytes([byte]))
    answers = line.read(4)

    assert answers == ["250", "250", "354", "250"]
    assert sink.stop_and_read() == [("<folded@x>", ["ana@example.org"])]


def test_the_sink_takes_an_empty_message(sink: Sink, line: Line) -> None:
    line.write(ENVELOPE + b".\r\n")

    assert line.read(4) == ["250", "250", "354", "250"]
    assert sink.stop_and_read() == [("", ["ana@example.org"])]


def test_the_sink_refuses_commands_out_of_order(line: Line) -> None:
    line.write(b"DATA\r\nRCPT TO:<ana@example.org>\r\nMAIL FROM:<a@x>\r\nMAIL FROM:<a@x>\r\nDATA\r\nXYZ\r\n")

    assert line.read(6) == ["503", "503", "250", "503", "503", "502"]


def _mails_to_everyone(count: int) -> list[tuple[str, list[str]]]:
    return [(f"<{number}.{one.email}>", [one.email]) for one in people(count) for number in (1, 2)]


def test_a_run_with_two_mails_and_a_task_for_everyone_counts() -> None:
    verify(_mails_to_everyone(3), tasks=3, contacts=3)


@pytest.mark.parametrize(
    ("mails", "tasks", "complaint"),
    [
        (_mails_to_everyone(3)[:-1], 3, "not 2 mails"),
        ([*_mails_to_everyone(3), ("<extra>", ["nobody@example.org"])], 3, "not 2 mails"),
        ([("<same>", to) for _, to in _mails_to_everyone(3)], 3, "came twice"),
        ([("", to) for _, to in _mails_to_everyone(3)], 3, "missing"),
        (_mails_to_everyone(3), 2, "2 call tasks"),
    ],
    ids=["a mail lost", "a stranger written to", "one Message-ID for all", "no Message-ID", "a task lost"],
)
def test_a_run_that_lost_or_doubled_something_is_refused(
    mails: list[tuple[str, list[str]]], tasks: int, complaint: str
) -> None:
    with pytest.raises(WrongRunError, match=complaint):
        verify(mails, tasks, contacts=3)


def test_the_meter_counts_the_work_of_children_that_have_ended() -> None:
    burn = "import time\nwhile time.process_time() < 0.3: pass"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {burn!r}]); print('x', flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", parent], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as program:
        assert program.stdout is not None
        program.stdout.readline()

        spent = cpu_seconds({program.pid: "side"})

        program.kill()
    assert 0.25 < spent["side"] < 5


def test_the_meter_finds_the_memory_of_a_running_program() -> None:
    watch = MemoryWatch({os.getpid(): "side"})

    with watch.watching():
        pass

    assert 5_000_000 < watch.peak["side"] < 5_000_000_000


def test_a_signature_is_measured_on_a_whole_mail_and_what_it_prepares_is_what_the_standard_says():
    figures = signing.measure(mails=25)

    assert figures.bytes > 10_000
    assert figures.prepare < figures.prepare_naively
    assert figures.ed25519 < figures.rsa_2048
