"""`nurture walk`: take the journey yourself before a customer does."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from nurture.cli._rehearsing import base_url, who, write
from nurture.cli.common import Context, moment, project_options
from nurture.model.clock import system_time
from nurture.model.errors import TextError

if TYPE_CHECKING:
    from nurture.services.rehearsing.made_up import Doing
    from nurture.services.rehearsing.walk import Walk
    from nurture.services.rehearsing.walk_world import Touchpoint
    from nurture.services.rehearsing.what_ifs import Alternative


@click.command(
    "walk",
    epilog="Example: nurture walk retirement-readiness --as pre-retiree"
    " --do 'offer.downloaded:offer=readiness-guide@+2h' --do 'email.clicked@+3d' --html walk.html",
)
@project_options
@click.argument("workflow")
@click.option(
    "--as", "persona", metavar="PERSONA", help="Whose example walks; by default the workflow's persona."
)
@click.option(
    "--contact",
    "file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE.json",
    help="Walk as this contact instead: one JSON object of fields.",
)
@click.option(
    "--do",
    "doings",
    multiple=True,
    metavar="EVENT[:k=v,…]@+2d",
    help="What the contact does, and when after the start; repeat it. contact.changed:k=v changes their fields.",
)
@click.option(
    "--start",
    metavar="'YYYY-MM-DD HH:MM'",
    help="When it begins, in their zone; by default next weekday at 09:00.",
)
@click.option(
    "--variant", "variants", multiple=True, metavar="SPLIT=NAME", help="Take this variant; repeat it."
)
@click.option(
    "--what-ifs", "alternatives", is_flag=True, help="Play the natural alternatives too, a line for each."
)
@click.option("--what-if", "wanted", metavar="NAME", help="Walk the alternative that --what-ifs calls so.")
@click.option(
    "--html",
    "page",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write a storyboard.",
)
def walk(
    context: Context,
    workflow: str,
    persona: str | None,
    file: Path | None,
    doings: tuple[str, ...],
    start: str | None,
    variants: tuple[str, ...],
    alternatives: bool,
    wanted: str | None,
    page: Path | None,
) -> None:
    """Play one contact through WORKFLOW in frozen time, every message really rendered, to the journey's end.

    The contact enters by the first stage's trigger and agrees to everything. What they do not do by --do does not
    happen, so that they may well be lost: the last lines say what would have moved them. Exits 1 when a template
    cannot be rendered for them.
    """
    from nurture.services.files.folder import open_sound
    from nurture.services.rehearsing.rehearsal import of_folder
    from nurture.services.rehearsing.walk import Itinerary, usual_start
    from nurture.services.rehearsing.walk import walk as take
    from nurture.services.rehearsing.what_ifs import what_if, what_ifs

    planned = _doings(doings)
    picked = _variants(variants)
    folder = open_sound(context.project)
    ground = of_folder(folder)
    contact, example = who(folder, persona, file, ground.workflow(workflow).persona)
    zone = folder.workspace.zone_of(contact.timezone)
    begins = moment("--start", start, zone) if start else usual_start(zone, system_time())
    itinerary = Itinerary(contact, begins, example, planned, picked)
    if wanted:
        walked = what_if(ground, workflow, itinerary, wanted, base_url()).walk
    else:
        walked = take(ground, workflow, itinerary, base_url())
    others = what_ifs(ground, workflow, itinerary, base_url()) if alternatives else ()
    if page:
        from nurture.rendering.storyboard import storyboard
        from nurture.services.rehearsing.walk_story import story_of

        write(page, storyboard(story_of(walked, folder.workspace, others)))
    if context.as_json:
        told = {"what_ifs": [as_document(one) for one in others]} if alternatives else {}
        context.emit_json(document(walked) | told)
    else:
        _print(context, walked)
        _print_what_ifs(context, others)
    if page:
        context.note(f"The storyboard is in {page}.")
    if walked.faults:
        raise SystemExit(1)


# --- what was asked -----------------------------------------------------------------------------------------------


def _doings(texts: Sequence[str]) -> list[Doing]:
    from nurture.services.rehearsing.made_up import parse_doing

    found = []
    for text in texts:
        try:
            found.append(parse_doing(text))
        except TextError as error:
            hint = f" ({error.hint})" if error.hint else ""
            raise click.UsageError(f"--do {text!r}: {error.message}{hint}") from None
    return found


def _variants(texts: Sequence[str]) -> dict[str, str]:
    pairs = [text.partition("=") for text in texts]
    for split, found, name in pairs:
        if not (split and found and name):
            raise click.UsageError("--variant wants SPLIT=NAME, such as first-story=numbers")
    return {split.strip(): name.strip() for split, _, name in pairs}


# --- what happened ------------------------------------------------------------------------------------------------


def document(walked: Walk) -> dict[str, object]:
    """The walk for programs; times in UTC."""
    return {
        "workflow": walked.workflow.name,
        "as": walked.persona.name if walked.persona else None,
        "contact": walked.contact.email,
        "start": walked.start,
        "timezone": str(walked.zone),
        "touchpoints": [_touchpoint(touch) for touch in walked.touchpoints],
        "outcome": {
            **_fields(walked.outcome),
            "would_have_moved": [_fields(mover) for mover in walked.movers],
        },
        "elsewhere": [_fields(outcome) for outcome in walked.elsewhere],
        "faults": [
            {"step": touch.step, "what": touch.what, "message": touch.fault} for touch in walked.faults
        ],
    }


def _touchpoint(touch: Touchpoint) -> dict[str, object]:
    told: dict[str, object] = {
        "at": touch.at,
        "workflow": touch.workflow or None,
        "stage": touch.stage or None,
        "step": touch.step,
        "kind": touch.kind,
        "what": touch.what,
        "status": touch.status,
        "reason": touch.reason,
        "why": touch.why,
    }
    if touch.mail:
        told["subject"] = touch.mail.rendered.subject
    if touch.kind == "event":
        told["data"] = touch.data
    if touch.payload:
        told["payload"] = touch.payload
    if touch.due:
        told |= {"due": touch.due, "expires": touch.expires}
    return told


def as_document(one: Alternative) -> dict[str, object]:
    """One alternative for programs."""
    return {
        "name": one.what_if.name,
        "title": one.what_if.title,
        "path": one.path,
        "messages": one.messages,
        "calls": one.calls,
        "days": one.days,
        "outcome": _fields(one.walk.outcome),
        "options": one.what_if.options,
    }


def _fields(value: object) -> dict[str, object]:
    import dataclasses

    assert dataclasses.is_dataclass(value)
    return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}


def _print(context: Context, walked: Walk) -> None:
    from nurture.services.rehearsing import walk_words as words

    context.say(words.opening(walked))
    context.table(
        ("When", "Day", "Stage", "Kind", "Status", "What"),
        [
            (
                words.moment_of(touch, walked),
                words.day_number(touch.at, walked),
                words.stage_of(touch, walked),
                touch.kind,
                touch.status,
                words.line_of(touch),
            )
            for touch in walked.touchpoints
        ],
    )
    for line in words.closing(walked):
        context.say(line)


def _print_what_ifs(context: Context, others: Sequence[Alternative]) -> None:
    from nurture.services.rehearsing import walk_words as words

    if not others:
        return
    context.say(f"\nWhat if {words.name_of(others[0].walk)} …")
    context.table(
        ("", "Name", "Path", "E-mails", "Calls", "Day", "End"),
        [
            (
                one.what_if.title,
                one.what_if.name,
                " → ".join(one.path),
                one.messages,
                one.calls,
                one.days,
                words.end_of(one.walk.outcome),
            )
            for one in others
        ],
    )
    context.say("Walk one of them with --what-if NAME.")
