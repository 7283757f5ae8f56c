"""`nurture preview`: a message as one contact would get it."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from nurture.cli._rehearsing import base_url, who, write
from nurture.cli.common import Context, project_options
from nurture.model.clock import system_time
from nurture.model.errors import NurtureError

if TYPE_CHECKING:
    from nurture.services.files.preview import Preview


@click.command("preview", epilog="Example: nurture preview guide-delivery --as pre-retiree --locale fr")
@project_options
@click.argument("template")
@click.option(
    "--contact",
    "file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE.json",
    help="For this contact: one JSON object of fields.",
)
@click.option(
    "--as",
    "persona",
    metavar="PERSONA",
    help="For this persona's example; by default that of the workflow that uses it.",
)
@click.option("--locale", metavar="LANGUAGE", help="In this language, such as fr or fr-CA.")
@click.option(
    "--html",
    "--open",
    "page",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Also write the HTML there, to be opened in a browser.",
)
def preview(
    context: Context,
    template: str,
    file: Path | None,
    persona: str | None,
    locale: str | None,
    page: Path | None,
) -> None:
    """Render TEMPLATE for one contact: a message with its headers, or a call script.

    TEMPLATE is a name such as `welcome` or `call/welcome-call`, or the path of its file. Files that have nothing to do
    with it may still be unfinished.
    """
    from nurture.services.files.folder import open_as_it_is
    from nurture.services.files.preview import find, uses
    from nurture.services.files.preview import preview as render
    from nurture.services.rehearsing.rehearsal import of_folder

    folder = open_as_it_is(context.project)
    ground = of_folder(folder)
    name = find(ground, template)
    wanted = next((use.workflow.persona for use in uses(ground, name)), None)
    contact, _ = who(folder, persona, file, wanted)
    if locale:
        contact = replace(contact, locale=locale)
    try:
        shown = render(ground, name, contact, system_time(), base_url())
    except ValueError as error:  # a header that cannot travel
        raise NurtureError(f"{name} cannot be sent to {contact.email}: {error}") from error
    if locale and shown.locale is None:
        context.note(f"{name} is not written in '{locale}'; this is the main language.")
    if page:
        if shown.html is None:
            raise NurtureError(f"{name} has no HTML: it is plain text")
        write(page, shown.html)
    if context.as_json:
        context.emit_json(asdict(shown))
    else:
        _print(context, shown)
    if page:
        context.note(f"The HTML is in {page}.")


def _print(context: Context, shown: Preview) -> None:
    for header, value in shown.headers.items():
        context.say(f"{header}: {value}")
    if shown.headers:
        context.say()
    context.say(shown.text.rstrip("\n"))
