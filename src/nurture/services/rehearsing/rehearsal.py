"""What every rehearsal plays on: workflows, templates and offers, from a folder or as they are published; and a contact's life.

Stores nothing, sends nothing. Walks, scenarios, what-ifs and their pages all begin here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from nurture.engine.effects import granted
from nurture.model.errors import NurtureError
from nurture.model.matching import CONTACT_CHANGED
from nurture.model.words import Contact, EnteredBy, Scalar
from nurture.model.workspace import Workspace
from nurture.rendering.links import Links
from nurture.rendering.templates import Library
from nurture.services.files.folder import Folder, one_of
from nurture.services.published import Published
from nurture.services.rehearsing.stand_in import SOMEBODY, changed, of_values
from nurture.services.rehearsing.walk_world import Press, Walked
from nurture.workflow.documents import Offer, Persona, Segment
from nurture.workflow.model import TriggerKind, Workflow, purposes_of
from nurture.workflow.scenarios import YEARS

BY: Mapping[TriggerKind, EnteredBy] = {
    TriggerKind.SEGMENT: EnteredBy.SEGMENT,
    TriggerKind.DATE: EnteredBy.DATE,
    TriggerKind.LOST: EnteredBy.LOST,
    TriggerKind.MANUAL: EnteredBy.HAND,
}
"""How a contact enters where no event is the trigger."""


@dataclass(frozen=True, slots=True)
class Ground:
    """One state of a project: a folder's files as they are now, or what is live."""

    workspace: Workspace
    workflows: Mapping[str, Workflow]
    offers: Mapping[str, Offer]
    personas: Mapping[str, Persona]
    templates: Library
    segments: Mapping[str, Segment] = field(default_factory=dict)

    def workflow(self, name: str) -> Workflow:
        """Raises NotFoundError, with the nearest name there is."""
        return one_of(self.workflows, name, "workflow")

    def persona(self, name: str) -> Persona:
        """Raises NotFoundError, with the nearest name there is."""
        return one_of(self.personas, name, "persona")


def of_folder(folder: Folder) -> Ground:
    """The files of a folder as they are."""
    project = folder.project
    return Ground(
        folder.workspace,
        project.workflows,
        project.offers,
        project.personas,
        folder.templates,
        project.segments,
    )


def of_published(published: Published) -> Ground:
    """What is live."""
    return Ground(
        published.workspace,
        published.workflows,
        published.offers,
        published.personas,
        published.templates,
        published.segments,
    )


def who_plays(
    ground: Ground, persona: str | None, given: Mapping[str, str] | None = None, source: str = "given"
) -> Contact:
    """A persona's example with ``given`` fields over it; without a persona somebody with these fields alone.

    Raises NotFoundError for an unknown persona, NurtureError for one without an example and for fields nobody has.
    """
    if persona is None:
        alone = {"email": SOMEBODY["email"], **given} if given else SOMEBODY
        return of_values(alone, ground.workspace, source)
    one = ground.persona(persona)
    if one.example is None:
        hint = f"add `example: {{email: …, first_name: …}}` to {one.place.file}"
        raise NurtureError(f"persona '{persona}' has no example to play", hint=hint)
    contact = of_values(one.example, ground.workspace, one.place.file)
    return changed(contact, given, ground.workspace, source) if given else contact


def refuse_odd_year(start: datetime) -> None:
    """Raise NurtureError for a start that nobody lives through."""
    if start.year not in YEARS:
        raise NurtureError(
            f"nothing begins in the year {start.year}",
            hint=f"write a year from {YEARS.start} to {YEARS.stop - 1}",
        )


def begin(
    ground: Ground,
    contact: Contact,
    start: datetime,
    *,
    variants: Mapping[str, str],
    base_url: str,
    consent: bool = True,
    held_out: bool = False,
) -> Walked:
    """A life that begins now. Unless told so, the contact agreed to every purpose there is, and is never held out.

    Raises NurtureError for a start in other years than ``YEARS``: near the ends of the calendar time rules find no end.
    """
    refuse_odd_year(start)
    return Walked(
        workflows=ground.workflows,
        contact=contact,
        workspace=ground.workspace,
        now=start,
        segments=ground.segments,
        grants=granted(purposes_of(ground.workflows.values()), start) if consent else (),
        variants=variants,
        held_out=held_out,
        press=Press(ground.templates, ground.offers, Links(base_url, ("walk",))),
    )


def enters_by_itself(world: Walked, workflow: Workflow, reason: str) -> bool:
    """Enter where the first stage's trigger is no event; False when it is one, which somebody has to tell."""
    trigger = workflow.stages[0].trigger
    if trigger and trigger.match:
        return False
    world.enroll(workflow.name, by=BY[trigger.kind] if trigger else EnteredBy.HAND, reason=reason)
    return True


def tell(
    world: Walked, event: str, words: Mapping[str, str], data: Mapping[str, Scalar], source: str
) -> None:
    """The contact does this now. ``contact.changed`` changes their own fields; ``source`` says where that stands."""
    if event == CONTACT_CHANGED:
        world.contact = changed(world.contact, words, world.workspace, source)
    world.tell(event, data)
