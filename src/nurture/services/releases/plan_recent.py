"""The plans that were looked at last, kept for a minute: a page that is loaded again plays nobody's next days again.

For looking only; what is made live is planned anew.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

from nurture.db import content, releases
from nurture.services.files.project_files import stamp
from nurture.services.releases import planning
from nurture.services.releases.plan_values import Plan
from nurture.services.releases.wishes import Wish, as_words
from nurture.services.runtime import Runtime

MOST = 4
"""Plans kept by one process: each holds the bytes of its files."""


@dataclass
class RecentPlans:
    """Plans for readers. One is made at a time, so that impatience makes nothing slower for the others.

    A plan is forgotten when a file changes, when something else goes live, and with the minute of the business clock.
    """

    folder: Path
    _kept: OrderedDict[Hashable, Plan] = field(default_factory=OrderedDict)
    _lock: Lock = field(default_factory=Lock)

    def plan(self, runtime: Runtime, wish: Wish, *, most: int) -> Plan:
        """What publishing the folder would do, for ``most`` contacts played. Raises as ``planning.plan`` does."""
        return self._once(
            runtime,
            (stamp(self.folder), as_words(wish), most),
            lambda: planning.plan(runtime, self.folder, wish, most=most),
        )

    def plan_rollback(self, runtime: Runtime, release: int, wish: Wish, *, most: int) -> Plan:
        """What going back to a release would do. Raises as ``planning.plan_rollback`` does."""
        return self._once(
            runtime,
            (release, as_words(wish), most),
            lambda: planning.plan_rollback(runtime, release, wish, most=most),
        )

    def _once(self, runtime: Runtime, asked: Hashable, make: Callable[[], Plan]) -> Plan:
        with self._lock:
            key = (asked, _live(runtime), runtime.now().replace(second=0, microsecond=0))
            if key not in self._kept:
                self._kept[key] = make()
            self._kept.move_to_end(key)
            while len(self._kept) > MOST:
                self._kept.popitem(last=False)
            return self._kept[key]


def _live(runtime: Runtime) -> Hashable:
    """What is live, and since which release: taking contacts along alone makes one too."""
    with runtime.database.read() as tx:
        return content.fingerprint(tx), tuple(one.id for one in releases.latest(tx, limit=1))
