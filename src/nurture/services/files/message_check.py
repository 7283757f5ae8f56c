"""Every message as somebody would get it: can one leave, does it say who we are, do its links and images lead anywhere?

Each is filled in twice, for somebody of whom everything is known and for somebody of whom nothing is, so that what stands
in an ``{% if %}`` is seen too. What a marketing message must show is looked for in both of its parts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from urllib.parse import urlsplit

from nurture.model.errors import NotFoundError, Place, Problem
from nurture.model.words import Contact, Scalar
from nurture.model.workspace import Field, FieldType, Workspace
from nurture.rendering.anatomy import Anatomy, Link, taken_apart
from nurture.rendering.links import Links
from nurture.rendering.render import MessageTemplate, Rendered, RenderError
from nurture.rendering.sources import with_plain_lines
from nurture.rendering.templates import Library, TemplateProblems, TemplateSource, is_sent
from nurture.rendering.ways import leads_somewhere
from nurture.services.sending.compose import Letter, context
from nurture.steps.email import EmailFields
from nurture.workflow.checks.codes import problem
from nurture.workflow.checks.messages import is_marketing
from nurture.workflow.project import Project

CLIPPED, NEARLY = 102 * 1024, 80 * 1024
"""Bytes of HTML at which the largest web mailer cuts a message off, and at which it is time to know."""
HERE = "https://here.invalid"
SAMPLE_DAY = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
SAYS_NOTHING = frozenset(
    {
        *("click here", "click", "here", "this link", "link"),
        *("cliquez ici", "ici", "cliquer ici", "ce lien", "lien"),
        *("hier klicken", "klicken sie hier", "hier", "dieser link"),
        *("haga clic aquí", "clic aquí", "aquí", "este enlace", "enlace"),
    }
)
_OTHERS = {"mailto": "@", "tel": "", "sms": ""}
"""Other ways than to a page, and what an address of each holds."""


def message_faults(
    project: Project, library: Library, sources: Iterable[TemplateSource]
) -> Iterator[Problem]:
    """What readers would stumble over, in every message that can be compiled; the others have their own problems."""
    if project.workspace is None:
        return
    files = {source.file: source for source in sources}
    marketing = set(_marketing(project))
    seen: set[str] = set()
    for name, locale in sorted({(one.name, one.locale) for one in files.values()}, key=str):
        if not name.startswith("email/") or not is_sent(name):
            continue
        try:
            message = library.message(name, locale)
        except (TemplateProblems, NotFoundError):
            continue
        file = message.subject.place.file
        if file not in seen:
            seen.add(file)
            markets = name.removeprefix("email/") in marketing
            made_of = [files[one] for one in message.files]
            yield from _Looker(message, file, made_of, project.workspace, markets).faults()


def _marketing(project: Project) -> Iterator[str]:
    for draft in project.drafts:
        for step in draft.workflow.steps.values():
            if isinstance(step.fields, EmailFields) and is_marketing(draft, step):
                yield step.fields.email


@dataclass(frozen=True, slots=True)
class _Looker:
    """One message in one language, filled in and looked at."""

    message: MessageTemplate
    file: str
    files: list[TemplateSource]
    workspace: Workspace
    markets: bool

    def faults(self) -> Iterator[Problem]:
        links = Links(HERE, ("check",))
        found: set[Problem] = set()
        looked_at = False
        for contact in (_known(self.workspace), Contact(id=1, email="alex@example.org")):
            letter = Letter(key="check", template=self.message.name, contact=contact, marketing=self.markets)
            facts = context(letter, self.workspace, links, SAMPLE_DAY)
            if contact.first_name:
                facts = self._filled(facts)
            try:
                rendered = self.message.render(facts)
            except RenderError:
                continue  # told where a value may be missing, or only this made-up contact has none that fits
            looked_at = True
            found.update(self._in(rendered, links.unsubscribe("check")))
        if self.markets and not looked_at:
            found.update(self._looked_up())
        yield from found

    def _in(self, rendered: Rendered, way_out: str) -> Iterator[Problem]:
        page = taken_apart(rendered.html) if rendered.html is not None else None
        if self.markets:
            yield from self._seen_in(page, rendered.text, way_out)
        if page is not None:
            for link in page.links:
                yield from self._link(link, page)
            for image in page.images:
                yield from self._image(image.source, image.alt)
            yield from self._size(len((rendered.html or "").encode()))

    # --- what the law wants ---------------------------------------------------------------------------------------

    def _seen_in(self, page: Anatomy | None, text: str, way_out: str) -> Iterator[Problem]:
        """What the law wants, in the plain text and in the HTML if there is one."""
        address = self._address
        leaves = [way_out in text]
        says = [address in " ".join(text.split())]
        if page is not None:
            linked = any(link.target.startswith(way_out) and link.words for link in page.links)
            # Mail programs make a link of an address that is shown.
            leaves.append(linked or way_out in page.words)
            says.append(address in page.words)
        yield from self._lacking(leaves, says)

    def _looked_up(self) -> Iterator[Problem]:
        """The same for a message that cannot be shown to anybody made up: by what its files look up and say."""
        names = {variable.path for variable in self.message.variables}
        written = " ".join(" ".join(source.text for source in self.files).split())
        says = "workspace.postal_address" in names or self._address in written
        yield from self._lacking(["links.unsubscribe" in names], [says])

    def _lacking(self, leaves: list[bool], says: list[bool]) -> Iterator[Problem]:
        hint = "name a layout that prints {{ links.unsubscribe }}"
        if not all(leaves):
            yield problem("no-way-out", Place(self.file), f"{_where(leaves)} shows no way to leave", hint)
        hint = "name a layout that prints {{ workspace.postal_address }}"
        if self._address and not all(
            says
        ):  # one that is missing altogether has been told, once for all messages
            said = f"{_where(says)} does not show your postal address"
            yield problem("no-address-shown", Place(self.file), said, hint)

    @property
    def _address(self) -> str:
        return " ".join(self.workspace.postal_address.split())

    # --- links and images -----------------------------------------------------------------------------------------

    def _link(self, link: Link, page: Anatomy) -> Iterator[Problem]:
        target = link.target.strip()
        place = self._place_of(link.target, link.words)
        said = f"the link “{link.words}”" if link.words else "a link"
        if fault := fault_of(target, page):
            yield problem("broken-link", place, f"{said} {fault}")
        elif not link.words:
            yield problem("silent-link", place, f"a link to {target} has no words and no image with words")
        elif link.words.lower().strip(" .!>»→") in SAYS_NOTHING:
            yield problem("vague-link", place, f"the words “{link.words}” do not say where the link leads")
        if target.lower().startswith("http://") and not target.startswith(HERE):
            yield problem("insecure-link", place, f"{target} is fetched without encryption")

    def _image(self, source: str, alt: str | None) -> Iterator[Problem]:
        place = self._place_of(source)
        if not leads_somewhere(source.strip()):
            shown = f"'{source[:60]}'" if source else "an image without an address"
            yield problem("broken-image", place, f"{shown} is at no whole address, so that nobody sees it")
        elif source.lower().startswith("http://"):
            yield problem("insecure-link", place, f"{source} is fetched without encryption")
        if alt == "":
            yield problem("image-without-alt", place, f"the image {source[:60]} has no words")

    def _size(self, size: int) -> Iterator[Problem]:
        if size > NEARLY:
            end = "is cut off" if size > CLIPPED else "would be cut off soon"
            said = (
                f"this message has {size / 1024:.0f} kB of HTML, and {end}: the limit is {CLIPPED // 1024} kB"
            )
            yield problem("message-clipped", Place(self.file), said)

    def _place_of(self, *wanted: str) -> Place:
        """The line of the first file that holds one of these words; that of the body when a tag writes them."""
        for words in filter(None, wanted):
            for source in self.files:
                text = with_plain_lines(source.text)
                at = max(text.find(words), text.find(escape(words)))
                if at >= 0:
                    return Place(source.file, text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at))
        return self.message.html.place if self.message.html else Place(self.file)

    # --- for whom -------------------------------------------------------------------------------------------------

    def _filled(self, facts: Mapping[str, object]) -> dict[str, object]:
        """The facts with something in the place of every name that is looked up and has nothing yet."""
        full = {name: dict(value) if isinstance(value, Mapping) else value for name, value in facts.items()}
        for variable in self.message.variables:
            root, *rest = variable.path.split(".")
            if rest:
                here = full[root] if isinstance(full.get(root), dict) else {}
                assert isinstance(here, dict)
                if here.get(rest[0]) in (None, "", []):
                    here[rest[0]] = HERE if rest[0] in ("link", "url") else "sample"
                full[root] = here
        return full


def _where(there: list[bool]) -> str:
    """Which part lacks something: ``there`` tells of the plain text, then of the HTML."""
    if not any(there):
        return "this message"
    return f"the {('plain text', 'HTML')[there.index(False)]} of this message"


def fault_of(target: str, page: Anatomy) -> str | None:
    """Why a link cannot be followed from a mail; None when it can."""
    if not target or target == "#":
        return "leads nowhere"
    if target.startswith("#"):
        return None if target[1:] in page.places else f"leads to '{target}', which is not in this message"
    try:
        scheme = urlsplit(target).scheme
    except ValueError:
        return f"leads to '{target[:60]}', which is no address"
    if scheme in _OTHERS:
        there = target.partition(":")[2]
        return (
            None if there and _OTHERS[scheme] in there else f"leads to '{target[:60]}', which is no address"
        )
    if scheme not in ("http", "https"):
        return f"leads to '{target[:60]}': a link of a mail begins with https://, mailto: or tel:"
    return None if leads_somewhere(target) else f"leads to '{target[:60]}', which is no address"


def _known(workspace: Workspace) -> Contact:
    """Somebody of whom everything is known."""
    return Contact(
        id=1,
        email="alex@example.org",
        first_name="Alex",
        last_name="Example",
        phone="+14165550100",
        owner="kim@example.org",
        tags=frozenset({"sample"}),
        score=10,
        created_at=SAMPLE_DAY,
        fields={field.name: _value(field) for field in workspace.fields.values()},
    )


def _value(field: Field) -> Scalar:
    match field.type:
        case FieldType.NUMBER:
            return 57.0
        case FieldType.BOOL:
            return True
        case FieldType.DATE:
            return "2026-03-02"
        case FieldType.CHOICE:
            return field.choices[0] if field.choices else "sample"
    return "sample"
