"""`nurture check`: every problem of every file of a project, found before a contact meets it.

Reads the folder only; asks no database, sends nothing, changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from nurture.model.errors import NotFoundError, Place, Problem, ProblemsFound, Severity
from nurture.rendering.sandbox import Variable
from nurture.rendering.templates import Library, TemplateProblems, TemplateSource, front_matter_of
from nurture.workflow.checks import Printed, TemplateFacts, check_project
from nurture.workflow.project import Project, load_project
from nurture.workflow.yaml_text import MAX_BYTES

FOLDERS = ("workflows", "offers", "personas", "segments")
LAYOUTS = "email/layouts/"


@dataclass(frozen=True, slots=True)
class Checked:
    """A project as it was read, and everything that is wrong with it, in the order of files and lines."""

    project: Project
    problems: tuple[Problem, ...]

    @property
    def errors(self) -> tuple[Problem, ...]:
        return tuple(problem for problem in self.problems if problem.severity is Severity.ERROR)

    def sound(self) -> Project:
        """The project. Raises ProblemsFound when it holds an error."""
        if self.errors:
            raise ProblemsFound(list(self.errors))
        return self.project


def check(folder: Path, paths: Sequence[Path] = ()) -> Checked:
    """Read and check the project in ``folder``; with ``paths``, tell only of those files and folders.

    A file outside of the project's folders is checked as if it were in one of them, instead of the workflow of
    its name. Raises NotFoundError when there is no project.
    """
    paths = [path.resolve() for path in paths]
    project = load_project(folder, tuple(path for path in paths if _is_draft(folder, path)))
    sources, unreadable = template_sources(folder)
    library = Library(sources)
    problems = {
        *unreadable,
        *library.problems(),
        *check_project(project, tuple(_facts(library, sources))),
    }
    told = sorted(problems, key=lambda problem: (problem.place, problem.code, problem.message))
    return Checked(
        project, tuple(problem for problem in told if not paths or _is_among(folder, problem, paths))
    )


def template_sources(folder: Path) -> tuple[list[TemplateSource], list[Problem]]:
    """The text of every template and script below ``templates/``; and those that cannot be read."""
    sources: list[TemplateSource] = []
    problems: list[Problem] = []
    root = folder / "templates"
    for path in sorted((*root.glob("email/**/*"), *root.glob("call/*"))):
        if path.suffix not in (".md", ".html", ".txt") or not path.is_file():
            continue
        try:
            with path.open("rb") as file:
                text = file.read(MAX_BYTES + 1).decode("utf-8-sig")
            sources.append(TemplateSource.at(path.relative_to(root).as_posix(), text))
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not written in UTF-8"
            place = Place(path.relative_to(folder).as_posix())
            problems.append(Problem(place, "unreadable-file", f"the file cannot be read: {reason}"))
    return sources, problems


def _facts(library: Library, sources: Iterable[TemplateSource]) -> Iterable[TemplateFacts]:
    """What the checks ask of each template that compiles; the others have their own problems."""
    by_file = {source.file: source for source in sources}
    for name, locale in sorted({(source.name, source.locale) for source in by_file.values()}, key=str):
        if name.startswith(LAYOUTS):
            continue
        try:
            yield (
                _of_script(library, name, locale)
                if name.startswith("call/")
                else _of_mail(library, name, locale, by_file)
            )
        except (TemplateProblems, NotFoundError):
            continue  # told by library.problems()


def _of_script(library: Library, name: str, locale: str | None) -> TemplateFacts:
    script = library.script(name, locale)
    return TemplateFacts(
        name.removeprefix("call/"), script.text.place.file, _names(script.variables), is_script=True
    )


def _of_mail(
    library: Library, name: str, locale: str | None, by_file: Mapping[str, TemplateSource]
) -> TemplateFacts:
    message = library.message(name, locale)
    file = message.subject.place.file
    return TemplateFacts(
        name=name.removeprefix("email/"),
        file=file,
        names=_names(message.variables),
        sender=message.sender,
        sender_place=Place(file, front_matter_of(by_file[file]).lines.get("sender", 1)),
    )


def _names(variables: Iterable[Variable]) -> tuple[Printed, ...]:
    return tuple(Printed(variable.path, variable.place, variable.bare) for variable in variables)


def _is_draft(folder: Path, path: Path) -> bool:
    read = path.parent.name in FOLDERS and path.parent.parent == folder
    return path.is_file() and path.suffix in (".yaml", ".yml") and not read


def _is_among(folder: Path, problem: Problem, paths: Sequence[Path]) -> bool:
    file = (folder / problem.place.file).resolve()
    return any(file == path or path in file.parents for path in paths)
