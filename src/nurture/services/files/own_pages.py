"""The company's own frames around the public pages, as they are published; and what is wrong with those of a folder.

A frame that fails is left out and ours is shown: nobody may be kept from leaving by a page that looks nice.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import structlog
from markupsafe import Markup

from nurture.model.errors import NurtureError, Place, Problem
from nurture.model.workspace import Workspace
from nurture.rendering.own_pages import FAMILIES, KNOWN, PAGES, Framed, PageTemplate
from nurture.rendering.render import RenderError
from nurture.rendering.templates import Library, TemplateProblems
from nurture.services.published import Published
from nurture.workflow.checks.codes import problem

log = structlog.get_logger()

SAMPLE_OFFER = {"title": "A sample offer", "promise": "What the offer promises"}


def frame_of(published: Published, page: str) -> str | None:
    """The name of the frame for ``leave`` or any page of ours: its own, else the one for all; None when there is none."""
    names = published.templates.names
    own = (frame for frame, pages in FAMILIES.items() if page in pages)
    return next((one for one in (*own, "base") if f"{PAGES}{one}" in names), None)


def framed(
    published: Published, page: str, parts: Mapping[str, Markup], offer: Mapping[str, str] | None
) -> Framed | None:
    """The whole page in the company's own frame; None when there is none, or it fails, and ours is to be shown.

    ``parts`` are our ``title``, ``styles``, ``body`` and ``footer``.
    """
    frame = frame_of(published, page)
    if frame is None:
        return None
    try:
        facts = {**parts, "page": page, "workspace": _workspace(published.workspace), "offer": offer}
        return published.templates.page(frame).around(parts["body"], facts)
    except NurtureError as error:
        log.error("a page of templates/pages/ fails, ours is shown", page=frame, error=error.message)
        return None


def page_faults(library: Library, workspace: Workspace | None) -> Iterator[Problem]:
    """What is wrong with the frames of a folder: one that nobody reads, and one that cannot be shown."""
    for source in library.pages:
        name = source.name.removeprefix(PAGES)
        place = Place(source.file)
        if name not in KNOWN or source.locale or source.kind != "html":
            said = f"no page is called {source.file.removeprefix('templates/pages/')}"
            hint = f"known are {', '.join(f'{one}.html' for one in KNOWN)}"
            yield problem("unknown-page", place, said, hint)
            continue
        try:
            template = library.page(name)
        except TemplateProblems as error:
            yield from error.problems
            continue
        fault = next(
            filter(None, (_fault(template, name, workspace, offer) for offer in (SAMPLE_OFFER, None))), None
        )
        if fault is not None:
            line = fault.line if isinstance(fault, RenderError) else 1
            said = fault.message.removeprefix(f"{source.file}:{line}: ")
            yield problem("broken-page", Place(source.file, line), said, fault.hint)


def _fault(
    template: PageTemplate, name: str, workspace: Workspace | None, offer: Mapping[str, str] | None
) -> NurtureError | None:
    """Why the frame cannot be put around a page about this offer, or about none."""
    try:
        template.around(Markup("<p>Sample</p>"), _sample(name, workspace, offer))
    except NurtureError as error:
        return error
    return None


def _sample(name: str, workspace: Workspace | None, offer: Mapping[str, str] | None) -> dict[str, object]:
    part = Markup("<p>Sample</p>")
    known = (
        _workspace(workspace) if workspace else {"name": "Sample", "postal_address": "", "privacy_url": None}
    )
    return {
        "title": "Sample",
        "styles": Markup(),
        "footer": part,
        "page": name,
        "workspace": known,
        "offer": offer,
    }


def _workspace(workspace: Workspace) -> dict[str, object]:
    return {
        "name": workspace.name,
        "postal_address": workspace.postal_address,
        "privacy_url": workspace.privacy_url,
    }
