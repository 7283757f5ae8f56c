"""A walk for a page: the storyboard's values, what else may be asked, and every alternative; of what is live or of the folder.

Plain values in and out. Stores nothing and sends nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from nurture.model.errors import NurtureError, TextError
from nurture.rendering.storyboard import Frame, Story
from nurture.services.files.folder import open_sound
from nurture.services.rehearsing import rehearsal
from nurture.services.rehearsing.made_up import Doing, parse_doing
from nurture.services.rehearsing.rehearsal import Ground, who_plays
from nurture.services.rehearsing.walk import Itinerary, Walk, usual_start, walk
from nurture.services.rehearsing.walk_choices import Choice, choices
from nurture.services.rehearsing.walk_story import story_of
from nurture.services.rehearsing.what_ifs import Alternative, what_ifs
from nurture.services.rehearsing.when import read_instant
from nurture.services.runtime import Runtime


@dataclass(frozen=True, slots=True)
class Asked:
    """What the page was asked for. ``do`` as `nurture walk --do` takes it, ``start`` on the persona's own clock.

    ``variants`` are pairs of a split and the variant to take.
    """

    workflow: str
    persona: str | None = None
    do: tuple[str, ...] = ()
    variants: tuple[tuple[str, str], ...] = ()
    start: str | None = None
    what_if: str | None = None


@dataclass(frozen=True, slots=True)
class WalkPage:
    """One walk, ready to be shown; ``asked`` holds also what was left open. ``personas``, ``variants`` and ``choices`` are what may be chosen."""

    asked: Asked
    walk: Walk
    story: Story
    alternatives: tuple[Alternative, ...]
    personas: tuple[str, ...]
    variants: Mapping[str, tuple[str, ...]]
    choices: tuple[Choice, ...] = ()

    @property
    def frames(self) -> tuple[Frame, ...]:
        """Every touchpoint, in the order of the story."""
        return tuple(frame for chapter in self.story.chapters for frame in chapter.frames)


def of_published(runtime: Runtime, asked: Asked, base_url: str) -> WalkPage:
    """The walk through what is live. Raises NotFoundError for unknown names, NurtureError for what cannot be played."""
    ground = rehearsal.of_published(runtime.published())
    return _page(ground, asked, base_url, runtime)


def of_draft(runtime: Runtime, folder: Path, asked: Asked, base_url: str) -> WalkPage:
    """The walk through the folder's files as they are. Raises ProblemsFound too, when they hold errors."""
    return _page(rehearsal.of_folder(open_sound(folder)), asked, base_url, runtime)


def _page(ground: Ground, asked: Asked, base_url: str, runtime: Runtime) -> WalkPage:
    workflow = ground.workflow(asked.workflow)
    with_example = tuple(name for name, one in sorted(ground.personas.items()) if one.example)
    usual = workflow.persona if workflow.persona in with_example else next(iter(with_example), None)
    persona = asked.persona or usual
    contact = who_plays(ground, persona)
    zone = ground.workspace.zone_of(contact.timezone)
    try:
        start = read_instant(asked.start, zone) if asked.start else usual_start(zone, runtime.now())
    except TextError as error:
        raise NurtureError(error.message, hint=error.hint) from None
    doings = tuple(_doing(text) for text in asked.do)
    itinerary = Itinerary(contact, start, ground.personas.get(persona or ""), doings, dict(asked.variants))
    found = what_ifs(ground, asked.workflow, itinerary, base_url)
    chosen = next((one for one in found if one.what_if.name == asked.what_if), None)
    # A link to an alternative that is gone after an edit shows the walk itself.
    walked = chosen.walk if chosen else walk(ground, asked.workflow, itinerary, base_url)
    splits = {step.id: tuple(step.branches) for step in workflow.steps.values() if step.kind == "split"}
    return WalkPage(
        asked=replace(
            asked,
            persona=persona,
            start=f"{start.astimezone(zone):%Y-%m-%dT%H:%M}",
            what_if=chosen.what_if.name if chosen else None,
        ),
        walk=walked,
        story=story_of(walked, ground.workspace, found),
        alternatives=found,
        personas=with_example,
        variants=splits,
        choices=choices(ground, workflow, contact),
    )


def _doing(text: str) -> Doing:
    try:
        return parse_doing(text)
    except TextError as error:
        raise NurtureError(error.message, hint=error.hint) from None
