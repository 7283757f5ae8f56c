"""A simulation for a page: so many contacts through what is live or through the folder, at rates seen or assumed.

Few enough contacts that a reader can wait for it; `nurture simulate` takes more. Stores nothing and sends nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from nurture.model.errors import NurtureError
from nurture.services.files.folder import open_sound
from nurture.services.rehearsing import rehearsal
from nurture.services.rehearsing.observed import observe
from nurture.services.rehearsing.rehearsal import Ground
from nurture.services.rehearsing.simulate import Simulated, Wish, foretell
from nurture.services.rehearsing.walk import usual_start
from nurture.services.runtime import Runtime

MOST_CONTACTS = 300
"""Played while somebody waits: two or three seconds."""
MOST_DAYS = 180


@dataclass(frozen=True, slots=True)
class Asked:
    """``per_day`` is how many arrive on a day; with None all do at once."""

    workflow: str
    contacts: int = 200
    days: int = 90
    per_day: int | None = 10


def of_published(runtime: Runtime, asked: Asked) -> Simulated:
    """Through what is live. Raises NotFoundError for an unknown workflow, NurtureError for what cannot be played."""
    ground = rehearsal.of_published(runtime.published())
    return _simulated(runtime, ground, asked)


def of_draft(runtime: Runtime, folder: Path, asked: Asked) -> Simulated:
    """Through the folder's files as they are. Raises ProblemsFound too, when they hold errors."""
    return _simulated(runtime, rehearsal.of_folder(open_sound(folder)), asked)


def _simulated(runtime: Runtime, ground: Ground, asked: Asked) -> Simulated:
    within = (
        (asked.contacts, 1, MOST_CONTACTS),
        (asked.days, 1, MOST_DAYS),
        (asked.per_day or 1, 1, MOST_CONTACTS),
    )
    if not all(low <= value <= high for value, low, high in within):
        raise NurtureError(
            f"a page plays at most {MOST_CONTACTS} contacts for {MOST_DAYS} days",
            hint="`nurture simulate` plays more",
        )
    ground.workflow(asked.workflow)
    start = usual_start(ground.workspace.zone, runtime.now())
    observed = observe(runtime, ground.workflows, asked.workflow)
    wish = Wish(asked.workflow, asked.contacts, start, asked.days, per_day=asked.per_day)
    return foretell(ground, wish, observed)
