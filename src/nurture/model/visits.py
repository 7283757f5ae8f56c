"""Visits to the links and pictures of a message: what was visited, by whom it seems, and the signs that say so.

Values only. ``engine.grading`` judges them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class HitKind(StrEnum):
    """What was visited: the picture of one dot, a link, or the link that nobody sees."""

    OPEN = "open"
    CLICK = "click"
    TRAP = "trap"


class Grade(StrEnum):
    """Who a visit is taken for. Only a human's is evidence."""

    HUMAN = "human"
    PROBABLE = "probable-machine"
    CERTAIN = "certain-machine"


class Sign(StrEnum):
    """What a visit is judged by; the value is for code, the words stand in ``IN_WORDS``."""

    HEAD = "head"
    PREFETCH = "prefetch"
    TRAP = "trap"
    AT_ONCE = "at-once"
    ALL_LINKS = "all-links"
    SOON = "soon"
    MANY_LINKS = "many-links"
    GOES_ON = "goes-on"
    SCANNER = "scanner"
    FILTER_NETWORK = "filter-network"
    MAIL_PRIVACY = "mail-privacy"
    CAME_BACK = "came-back"


IN_WORDS = {
    Sign.HEAD: "it asked for the headers only",
    Sign.PREFETCH: "the browser fetched it before anybody clicked",
    Sign.TRAP: "the same visitor followed the link that nobody sees",
    Sign.AT_ONCE: "it came the moment the message had left",
    Sign.ALL_LINKS: "every link was followed within seconds",
    Sign.SOON: "it came within seconds after the message had left",
    Sign.MANY_LINKS: "several links were followed within seconds",
    Sign.GOES_ON: "the same visitor had just been a machine",
    Sign.SCANNER: "the visitor calls itself a robot",
    Sign.FILTER_NETWORK: "it came from the network of a mail filter",
    Sign.MAIL_PRIVACY: "Apple's mail privacy loads pictures unread",
    Sign.CAME_BACK: "the same visitor came back later, as a person does",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """One visit. ``place`` and ``agent`` together are the visitor, as far as anybody can tell; ``at`` is business time.

    ``grade`` is None until it is settled.
    """

    id: int
    kind: HitKind
    at: datetime
    target: str | None = None
    method: str = "GET"
    agent: str = ""
    place: str = ""
    grade: Grade | None = None
    because: tuple[Sign, ...] = ()

    @property
    def visitor(self) -> tuple[str, str]:
        return self.place, self.agent


@dataclass(frozen=True, slots=True)
class Verdict:
    """Who a visit is taken for, and by which signs; a human needs none."""

    grade: Grade
    because: tuple[Sign, ...] = ()
