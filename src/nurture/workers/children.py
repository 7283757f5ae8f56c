"""Starting other programs so that none is ever left behind: a child ends when its parent does, even by `kill -9`."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

STDERR = 2
PR_SET_PDEATHSIG = 1  # <linux/prctl.h>


def spawn(
    command: Sequence[str | Path],
    *,
    output: IO[bytes] | None = None,
    environment: Mapping[str, str] | None = None,
    user: str | None = None,
) -> subprocess.Popen[bytes]:
    """Start ``command`` in a process group of its own, with ``output`` (None: our stderr) for what it prints.

    Its own group, so that Ctrl-C in a terminal reaches us alone and we end the children in order. Call it from the
    main thread: Linux counts the *thread* that started a child as its parent. ``user`` needs root.
    """
    return subprocess.Popen(  # noqa: S603 — our own programs, never a shell
        [str(word) for word in command],
        stdin=subprocess.DEVNULL,
        stdout=output or STDERR,
        stderr=subprocess.STDOUT,
        env=None if environment is None else {**os.environ, **environment},
        process_group=0,
        user=user,
        group=user and primary_group(user),
        extra_groups=None if user is None else [],
        preexec_fn=dying_with(os.getpid()),  # noqa: PLW1509 — it takes no lock
    )


def end(process: subprocess.Popen[bytes], grace: float = 10.0, by: signal.Signals = signal.SIGTERM) -> int:
    """End a process that we started: ask with ``by``, and after ``grace`` seconds insist. Returns its exit code."""
    if process.poll() is None:
        process.send_signal(by)
    try:
        return process.wait(grace)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def primary_group(user: str) -> int:
    import pwd

    return pwd.getpwnam(user).pw_gid


def dying_with(parent: int) -> Callable[[], None] | None:
    """What a child does first, before its program starts. None where the system lacks it (macOS)."""
    if not sys.platform.startswith("linux"):
        return None
    # Looked up before the fork: between fork and exec only calls that take no lock are safe.
    prctl = ctypes.CDLL(None, use_errno=True).prctl

    def tie() -> None:
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:  # the parent went before we could tie ourselves to it
            os._exit(1)

    return tie
