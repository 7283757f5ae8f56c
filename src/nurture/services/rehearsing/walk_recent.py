"""The walks that were looked at last, kept for a moment: a page shows many messages of one walk, each in a frame of its own.

Keeps them in memory only, and forgets a walk when its files change or something else goes live.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

from nurture.db import content
from nurture.services.files.project_files import stamp
from nurture.services.rehearsing import walk_page
from nurture.services.rehearsing.walk_page import Asked, WalkPage
from nurture.services.runtime import Runtime

MOST = 12
"""Walks kept by one process."""


@dataclass
class Recent:
    """Walks of one installation. ``base_url`` stands in the links of their messages, which lead nowhere."""

    folder: Path
    base_url: str
    _kept: OrderedDict[object, WalkPage] = field(default_factory=OrderedDict)
    _lock: Lock = field(default_factory=Lock)

    def page(self, runtime: Runtime, asked: Asked, *, draft: bool) -> WalkPage:
        """The walk through what is live, or through the folder. Raises as ``walk_page`` does."""
        state = stamp(self.folder) if draft else self._live(runtime)
        with self._lock:
            found = self._kept.get((state, asked))
        if found is not None:
            return found
        page = (
            walk_page.of_draft(runtime, self.folder, asked, self.base_url)
            if draft
            else walk_page.of_published(runtime, asked, self.base_url)
        )
        with self._lock:
            # Under what it came to: a start that was left open means another day tomorrow.
            self._kept[state, page.asked] = page
            while len(self._kept) > MOST:
                self._kept.popitem(last=False)
        return page

    def _live(self, runtime: Runtime) -> str:
        with runtime.database.read() as tx:
            return content.fingerprint(tx)
