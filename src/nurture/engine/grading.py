"""Was it a person who opened this message or followed its link, or a machine that reads mail for one?

Judged by when and how the visits to one message came, never by a name alone. A machine is believed to be one only as
far as the signs go: a probable machine that comes back later, as people do, was a person. What was told as a human's is
never taken back.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from nurture.model.visits import Grade, Hit, HitKind, Sign, Verdict

SETTLES_AFTER = timedelta(seconds=10)
"""So long a visit waits for what comes beside it, before it is judged."""
CLOCK_WAS_WRONG = timedelta(minutes=1)
AT_ONCE = timedelta(seconds=2)
"""Nobody gets a message, reads it and clicks in less."""
SOON = timedelta(seconds=15)
STEP = timedelta(seconds=2)
"""People need longer from one link of a message to the next."""
TRAPPED = timedelta(minutes=1)
"""Around a visit to the link that nobody sees, everything by the same visitor is a machine's."""
GOES_ON = timedelta(seconds=15)
"""A machine that takes its time is still one within this span of its last visit."""
BACK_AFTER = timedelta(minutes=1)
"""Who comes back so long after a quick visit is no scanner at work."""
MANY = 4
"""Links in quick succession that are many in any message."""

SCANNERS = re.compile(
    r"barracuda|mimecast|proofpoint|symantec|fireeye|trendmicro|sophos|safelinks|bingpreview|googlebot|"
    r"google-safety|facebookexternalhit|slackbot|telegrambot|whatsapp/|linkedinbot|headlesschrome|phantomjs|"
    r"(?:bot|crawler|spider)\b",
    re.IGNORECASE,
)
"""Robots that say so. Few, since those that matter do not; the image proxies of Gmail and Outlook are none."""
APPLE = "Mozilla/5.0"
"""All that Apple's mail privacy says of itself, for messages that nobody may ever look at."""


@dataclass(frozen=True, slots=True)
class Sent:
    """The message. ``at``: when it had left (None: nobody knows); ``links``: how many it leads over us (None: likewise)."""

    at: datetime | None = None
    links: int | None = None


@dataclass(frozen=True, slots=True)
class Scene:
    """A visit among all visits to the message that are known, and what was made of those before it."""

    hit: Hit
    others: Sequence[Hit]
    sent: Sent
    before: Mapping[int, Verdict]


def judge(hits: Sequence[Hit], sent: Sent, now: datetime) -> dict[int, Verdict]:
    """Who each visit to one message is taken for, by what is known now: ``{hit id: verdict}``.

    One that has not waited long enough is seen, and not judged yet. What was judged before stays so, but for a probable machine's visits: a trap makes them certain, and who comes back as
    a person makes them a person's.
    """
    found: dict[int, Verdict] = {}
    for hit in sorted(hits, key=lambda one: (one.at, one.id)):
        if hit.grade is not None:
            found[hit.id] = _settled(hit, hits, sent, found)
        elif is_ripe(hit, now):
            found[hit.id] = grade(hit, hits, sent, found)
    return {hit.id: _looked_back(hit, hits, found) for hit in hits if hit.id in found}


def is_ripe(hit: Hit, now: datetime) -> bool:
    """Has it waited long enough? One that lies ahead was noted while the clock was wrong, and waits no longer."""
    return hit.at <= now - SETTLES_AFTER or hit.at > now + CLOCK_WAS_WRONG


def grade(hit: Hit, others: Sequence[Hit], sent: Sent, before: Mapping[int, Verdict]) -> Verdict:
    """One visit by its signs, the certain ones first. ``before``: the verdicts of those before it."""
    scene = Scene(hit, others, sent, before)
    certain = tuple(sign for sign, shows in CERTAIN if shows(scene))
    probable = tuple(sign for sign, shows in PROBABLE if shows(scene))
    if certain:
        return Verdict(Grade.CERTAIN, certain + probable)
    return Verdict(Grade.PROBABLE, probable) if probable else Verdict(Grade.HUMAN)


# --- the signs ------------------------------------------------------------------------------------------------------


def _asked_for_headers(scene: Scene) -> bool:
    return scene.hit.method != "GET"


def _prefetched(scene: Scene) -> bool:
    return Sign.PREFETCH in scene.hit.because


def _trapped(scene: Scene) -> bool:
    hit = scene.hit
    return any(
        one.kind is HitKind.TRAP and one.visitor == hit.visitor and abs(one.at - hit.at) <= TRAPPED
        for one in (hit, *scene.others)
    )


def _at_once(scene: Scene) -> bool:
    return scene.sent.at is not None and scene.hit.at - scene.sent.at <= AT_ONCE


def _all_links(scene: Scene) -> bool:
    run = _run(scene)
    return scene.sent.links is not None and run >= max(3, scene.sent.links)


def _soon(scene: Scene) -> bool:
    return scene.sent.at is not None and scene.hit.at - scene.sent.at <= SOON


def _many_links(scene: Scene) -> bool:
    run, links = _run(scene), scene.sent.links
    return run >= MANY or (run >= 3 if links is None else run >= 2 and 2 * run > links)


def _run(scene: Scene) -> int:
    """How many different links were followed in one quick succession with this one, by whomever: scanners have many machines."""
    if scene.hit.kind is not HitKind.CLICK:
        return 0
    clicks = sorted(
        (one for one in scene.others if one.kind is HitKind.CLICK), key=lambda one: (one.at, one.id)
    )
    here = next(index for index, one in enumerate(clicks) if one.id == scene.hit.id)
    first = last = here
    while first > 0 and clicks[first].at - clicks[first - 1].at <= STEP:
        first -= 1
    while last + 1 < len(clicks) and clicks[last + 1].at - clicks[last].at <= STEP:
        last += 1
    return len({one.target for one in clicks[first : last + 1]})


def _goes_on(scene: Scene) -> bool:
    hit = scene.hit
    return any(
        one.visitor == hit.visitor and timedelta() <= hit.at - one.at <= GOES_ON and one.id != hit.id
        for one in scene.others
        if one.id in scene.before
        and scene.before[one.id].grade is not Grade.HUMAN
        and not _HARMLESS.issuperset(scene.before[one.id].because)
    )


_HARMLESS = frozenset((Sign.HEAD, Sign.PREFETCH, Sign.MAIL_PRIVACY))
"""A person's own program does these; the person may be right behind it."""


def _scanner(scene: Scene) -> bool:
    return SCANNERS.search(scene.hit.agent) is not None


def _filter_network(scene: Scene) -> bool:
    return Sign.FILTER_NETWORK in scene.hit.because


def _mail_privacy(scene: Scene) -> bool:
    return scene.hit.kind is HitKind.OPEN and scene.hit.agent == APPLE


Shows = Callable[[Scene], bool]
CERTAIN: tuple[tuple[Sign, Shows], ...] = (
    (Sign.HEAD, _asked_for_headers),
    (Sign.PREFETCH, _prefetched),
    (Sign.TRAP, _trapped),
    (Sign.AT_ONCE, _at_once),
    (Sign.ALL_LINKS, _all_links),
)
PROBABLE: tuple[tuple[Sign, Shows], ...] = (
    (Sign.SOON, _soon),
    (Sign.MANY_LINKS, _many_links),
    (Sign.GOES_ON, _goes_on),
    (Sign.SCANNER, _scanner),
    (Sign.FILTER_NETWORK, _filter_network),
    (Sign.MAIL_PRIVACY, _mail_privacy),
)

# --- looking back ---------------------------------------------------------------------------------------------------


def _settled(hit: Hit, hits: Sequence[Hit], sent: Sent, before: Mapping[int, Verdict]) -> Verdict:
    """What was told as a human's is never taken back; a probable machine may be found out."""
    assert hit.grade is not None
    if hit.grade is Grade.PROBABLE and _trapped(Scene(hit, hits, sent, before)):
        return Verdict(Grade.CERTAIN, (Sign.TRAP, *hit.because))
    return Verdict(hit.grade, hit.because)


_HASTY = frozenset((Sign.SOON, Sign.MANY_LINKS, Sign.GOES_ON))
"""Signs of haste only, which a person may show too."""


def _looked_back(hit: Hit, hits: Sequence[Hit], found: Mapping[int, Verdict]) -> Verdict:
    """A visit that was only hasty was a person's, when the same visitor came back later as one."""
    verdict = found[hit.id]
    if verdict.grade is not Grade.PROBABLE or not _HASTY.issuperset(verdict.because):
        return verdict
    came_back = any(
        one.visitor == hit.visitor
        and one.kind is HitKind.CLICK
        and one.at - hit.at >= BACK_AFTER
        and one.id in found
        and found[one.id].grade is Grade.HUMAN
        for one in hits
    )
    return Verdict(Grade.HUMAN, (*verdict.because, Sign.CAME_BACK)) if came_back else verdict
