"""How fast the sink is by itself: pipelined clients that do nothing but send.

It measures the sink, not nurture: a figure below that of a measured side would mean that the sink was in
the way.

    python -m benchmarks.flood --mails 100000
"""

from __future__ import annotations

import argparse
import json
import socket
import tempfile
import time
from pathlib import Path

from benchmarks.servers import start_sink

BODY = (
    b"X-Filler: " + b"a" * 60 + b"\r\n\r\n" + (b"b" * 76 + b"\r\n") * 40 + b".\r\n"
)  # about 3 kB, as ours are


class Client:
    """One connection that always has a whole mail in flight: the body of one, the envelope of the next."""

    def __init__(self, address: tuple[str, int], name: int) -> None:
        self._line = socket.create_connection(address, timeout=10)
        self._line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._name = name
        self._sent = 0
        self._line.recv(4096)
        self._line.sendall(b"EHLO flood.example\r\n")
        self._line.recv(4096)
        self._line.sendall(self._envelope())

    def send(self) -> None:
        """Wait for the go-ahead, then send this mail and the next one's envelope."""
        self._read_until(b"354 ")
        self._sent += 1
        header = b"Message-ID: <%d.%d@flood.example>\r\n" % (self._name, self._sent)
        self._line.sendall(header + BODY + self._envelope())

    def leave(self) -> None:
        """Wait for the last answer and hang up."""
        self._read_until(b"354 ")
        self._line.close()

    def _envelope(self) -> bytes:
        return b"MAIL FROM:<a@flood.example>\r\nRCPT TO:<%d@flood.example>\r\nDATA\r\n" % self._sent

    def _read_until(self, code: bytes) -> None:
        answer = b""
        while code not in answer:
            answer += self._line.recv(4096)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.flood", description="Measure the sink alone.")
    parser.add_argument("--mails", type=int, default=100_000)
    parser.add_argument("--connections", type=int, default=8)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, start_sink(Path(folder)) as sink:
        clients = [Client((sink.host, sink.port), name) for name in range(options.connections)]
        rounds = options.mails // options.connections
        begun = time.perf_counter()
        for _ in range(rounds):
            for client in clients:
                client.send()
        for client in clients:
            client.leave()
        seconds = time.perf_counter() - begun
        counted = sink.accepted()
    print(
        json.dumps(
            {"mails": counted, "seconds": round(seconds, 3), "mails_per_second": round(counted / seconds)}
        )
    )


if __name__ == "__main__":
    main()
