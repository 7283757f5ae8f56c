"""The project's files, read once: what is checked is, to the byte, what goes live.

A file that an editor is just saving is waited for; one that cannot be read stops everything, and is named.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from nurture.model.errors import NotFoundError, NurtureError, Place, Problem, ProblemsFound
from nurture.services.files.check import check
from nurture.workflow.project import Project
from nurture.workflow.strays import is_hidden, leads_out
from nurture.workflow.workspace import FILE

Files = Mapping[str, bytes]
"""Path in the project → content."""
Stamp = frozenset[tuple[str, int, int]]

PARTS = (
    "workflows/*.yaml",
    "personas/*.yaml",
    "offers/*.yaml",
    "segments/*.yaml",
    "templates/**/*.md",
    "templates/**/*.html",
    "templates/**/*.txt",
    "assets/**/*",
)
"""What goes live beside ``nurture.toml``."""
ATTEMPTS = 5


def read_folder(folder: Path) -> dict[str, bytes]:
    """Everything in the folder that goes live, as it was at one moment.

    Raises NotFoundError without a ``nurture.toml``, ProblemsFound for files that cannot be read, NurtureError while
    files go on changing.
    """
    for _ in range(ATTEMPTS):
        before = stamp(folder)
        files = project_files(folder)
        if stamp(folder) == before:
            return files
    raise NurtureError(
        "the project's files are being changed at this moment", hint="save them, and try again"
    )


def project_files(folder: Path) -> dict[str, bytes]:
    """Everything that goes live: ``{path in the folder: bytes}``. Raises NotFoundError, ProblemsFound."""
    if not (folder / FILE).is_file():
        raise NotFoundError(
            f"there is no {FILE} in {folder}", hint="name the project's folder with --project DIR"
        )
    files: dict[str, bytes] = {}
    problems = []
    for path in _paths(folder):
        name = path.relative_to(folder).as_posix()
        try:
            files[name] = path.read_bytes()
        except FileNotFoundError:
            continue  # gone since we looked: the next look finds it gone, too
        except OSError as error:
            said = f"the file cannot be read: {error.strerror or 'it cannot be opened'}"
            problems.append(Problem(Place(name), "unreadable-file", said))
    if problems:
        raise ProblemsFound(problems)
    return files


def sound_project(files: Files) -> Project:
    """The project that these very bytes make. Raises ProblemsFound when they hold an error.

    They are laid out in a folder of their own for it, so that nothing that happens in the real one plays a part.
    """
    with TemporaryDirectory(prefix="nurture-") as name:
        folder = Path(name)
        for path, data in files.items():
            file = folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)
        return check(folder).sound()


def stamp(folder: Path) -> Stamp:
    """Changes with any file that is checked or published: its name, size, or time of writing."""
    files = [folder / FILE]
    for part in ("workflows", "personas", "offers", "segments", "scenarios", "templates", "assets"):
        files += (folder / part).rglob("*")
    return frozenset(_stats(files))


def _stats(files: list[Path]) -> Iterator[tuple[str, int, int]]:
    for path in files:
        try:
            stat = path.stat()
        except OSError:
            continue
        if path.is_file():
            yield str(path), stat.st_size, stat.st_mtime_ns


def _paths(folder: Path) -> Iterator[Path]:
    yield folder / FILE
    for part in PARTS:
        for path in sorted(folder.glob(part)):
            if path.is_file() and not is_hidden(path, folder):
                _refuse_led_away(folder, path)
                yield path


def _refuse_led_away(folder: Path, path: Path) -> None:
    """What is in assets/ and templates/ is handed out and sent: no link there may lead elsewhere. Raises NurtureError."""
    name = path.relative_to(folder).as_posix()
    if name.startswith("assets/") and leads_out(path, folder / "assets"):
        raise NurtureError(f"{name} is a link out of assets/", hint="copy the file itself into assets/")
    if name.startswith("templates/") and leads_out(path, folder):
        raise NurtureError(f"{name} is a link out of the project", hint="copy the file itself there")
