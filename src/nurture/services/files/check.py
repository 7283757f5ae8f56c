"""`nurture check`: every problem of every file of a project, found before a contact meets it.

Reads the folder only; asks no database, sends nothing, changes nothing.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from nurture.model.errors import NotFoundError, NurtureError, Place, Problem, ProblemsFound, Severity
from nurture.model.expression_tree import CONTACT_FIELDS
from nurture.model.expressions import Scope
from nurture.rendering.front_matter import split_front_matter
from nurture.rendering.sandbox import Variable
from nurture.rendering.sources import at_word, with_plain_lines
from nurture.rendering.templates import (
    Library,
    TemplateProblems,
    TemplateSource,
    front_matter_of,
    is_sent,
)
from nurture.services.files.language_check import language_faults
from nurture.services.files.message_check import message_faults
from nurture.services.files.own_pages import page_faults
from nurture.services.rehearsing.stand_in import of_values
from nurture.workflow.checks import Printed, TemplateFacts, check_project
from nurture.workflow.checks.codes import problem, with_remedy
from nurture.workflow.checks.lines import place_of
from nurture.workflow.documents import Persona
from nurture.workflow.project import EMAIL_SUFFIXES, Project, load_project
from nurture.workflow.strays import is_hidden, leads_out
from nurture.workflow.yaml_text import MAX_BYTES

FOLDERS = ("workflows", "offers", "personas", "segments", "scenarios")


@dataclass(frozen=True, slots=True)
class Checked:
    """A project as it was read, and everything that is wrong with it, in the order of files and lines."""

    project: Project
    problems: tuple[Problem, ...]

    @property
    def errors(self) -> tuple[Problem, ...]:
        return tuple(problem for problem in self.problems if problem.severity is Severity.ERROR)

    def sound(self) -> Project:
        """The project. Raises ProblemsFound when it holds an error; one in a scenario, which never goes live, is none."""
        tests = {one.file for one in self.project.scenarios}
        errors = [problem for problem in self.errors if problem.place.file not in tests]
        if errors:
            raise ProblemsFound(errors)
        return self.project


def check(folder: Path, paths: Sequence[Path] = ()) -> Checked:
    """Read and check the project in ``folder``; with ``paths``, tell only of those files and folders.

    A file outside of the project's folders is checked as if it were in one of them, instead of the workflow of
    its name. Raises NotFoundError when there is no project.
    """
    paths = [path.resolve() for path in paths]
    checked = check_with(folder, paths)
    told = (problem for problem in checked.problems if not paths or _is_among(folder, problem, paths))
    return Checked(checked.project, tuple(told))


def check_with(folder: Path, paths: Sequence[Path], otherwise: str = "workflow") -> Checked:
    """The whole project, and those of ``paths`` that lie elsewhere; each says by its keys what it is, else ``otherwise``."""
    project = load_project(folder, tuple(_drafts(folder, paths)), otherwise)
    sources, unreadable = template_sources(folder)
    library = Library(sources)
    problems = {
        *unreadable,
        *library.problems(),
        *check_project(project, tuple(_facts(library, sources))),
        *message_faults(project, library, sources),
        *language_faults(library, sources),
        *page_faults(library, project.workspace),
    }
    problems |= set(_examples(project, {found.place.file for found in problems}))
    told = sorted(
        map(with_remedy, problems), key=lambda problem: (problem.place, problem.code, problem.message)
    )
    return Checked(project, tuple(told))


def template_sources(folder: Path) -> tuple[list[TemplateSource], list[Problem]]:
    """The text of every template and script below ``templates/``; and those that cannot be read."""
    sources: list[TemplateSource] = []
    problems: list[Problem] = []
    root = folder / "templates"
    for path in sorted((*root.glob("email/**/*"), *root.glob("call/*.txt"), *root.glob("pages/*.html"))):
        if path.suffix not in EMAIL_SUFFIXES or not path.is_file() or is_hidden(path, root):
            continue
        if leads_out(path, folder):
            continue  # `strays` tells of it
        try:
            with path.open("rb") as file:
                text = file.read(MAX_BYTES + 1).decode("utf-8-sig")
            sources.append(TemplateSource.at(path.relative_to(root).as_posix(), text))
        except (OSError, UnicodeDecodeError) as error:
            place = Place(path.relative_to(folder).as_posix())
            if isinstance(error, OSError):
                words, hint = error.strerror, "look at its permissions, or remove it"
            else:
                words, hint = "it is not written in UTF-8", "save it again as UTF-8"
            problems.append(Problem(place, "unreadable-file", f"the file cannot be read: {words}", hint))
    return sources, problems


def _examples(project: Project, broken: Container[str]) -> Iterable[Problem]:
    """A persona's example should be one of those whom it describes: walks and previews show what they would see.

    ``broken`` are the files that have other problems, of which this would be an echo.
    """
    workspace = project.workspace
    for read in project.documents if workspace else ():
        persona = read.document
        if (
            not isinstance(persona, Persona)
            or persona.who is None
            or persona.example is None
            or persona.place.file in broken
        ):
            continue
        assert workspace is not None
        known = {f"contact.{name}" for name in (*CONTACT_FIELDS, *workspace.fields)}
        try:
            contact = of_values(persona.example, workspace, persona.place.file)
        except NurtureError:
            continue  # told where the example cannot be read
        if persona.who.names <= known and not persona.who.holds(Scope(contact=contact, workspace=workspace)):
            yield problem(
                "example-outside",
                place_of(read.top, "example"),
                f"for this example '{persona.who}' is not true",
                "give it the fields that 'who:' asks for",
            )


def _facts(library: Library, sources: Iterable[TemplateSource]) -> Iterable[TemplateFacts]:
    """What the checks ask of each template that compiles; the others have their own problems."""
    by_file = {source.file: source for source in sources}
    for name, locale in sorted({(source.name, source.locale) for source in by_file.values()}, key=str):
        if not is_sent(name):
            continue
        try:
            yield (
                _of_script(library, name, locale, by_file)
                if name.startswith("call/")
                else _of_mail(library, name, locale, by_file)
            )
        except (TemplateProblems, NotFoundError):
            continue  # told by library.problems()


def _of_script(
    library: Library, name: str, locale: str | None, by_file: Mapping[str, TemplateSource]
) -> TemplateFacts:
    script = library.script(name, locale)
    file = script.text.place.file
    return TemplateFacts(
        name.removeprefix("call/"),
        file,
        _names(script.variables),
        is_script=True,
        body=by_file[file].text,
    )


def _of_mail(
    library: Library, name: str, locale: str | None, by_file: Mapping[str, TemplateSource]
) -> TemplateFacts:
    message = library.message(name, locale)
    file = message.subject.place.file
    top = front_matter_of(by_file[file])
    return TemplateFacts(
        name=name.removeprefix("email/"),
        file=file,
        names=_names(message.variables),
        sender=message.sender,
        sender_place=at_word(Place(file, top.lines.get("sender", 1)), message.sender, by_file[file].text),
        body=split_front_matter(with_plain_lines(by_file[file].text), file)[1],
        body_line=top.body_line,
    )


def _names(variables: Iterable[Variable]) -> tuple[Printed, ...]:
    return tuple(Printed(variable.path, variable.place, variable.bare) for variable in variables)


def _drafts(folder: Path, paths: Iterable[Path]) -> Iterator[Path]:
    """The YAML files among ``paths``, and in the folders among them, that are not read with the project anyway."""
    for path in paths:
        if path.is_dir() and path not in (folder, *folder.parents):
            found = sorted(one for one in path.iterdir() if one.is_file() and not is_hidden(one, path))
        else:
            found = [path] if path.is_file() else []
        for one in found:
            read = one.parent.name in FOLDERS and one.parent.parent == folder and not is_hidden(one, folder)
            if one.suffix in (".yaml", ".yml") and not read:
                yield one


def _is_among(folder: Path, problem: Problem, paths: Sequence[Path]) -> bool:
    file = (folder / problem.place.file).resolve()
    return any(file == path or path in file.parents for path in paths)
