"""How much memory a process of a test ever held."""

from __future__ import annotations

import re
from pathlib import Path


def peak_kilobytes() -> int:
    """The peak of this process since it began its program; ``ru_maxrss`` would count its parent's too."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1])
