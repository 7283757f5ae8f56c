"""Commands as a person types them, over the starter project, which is small and sound."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from nurture.cli import main
from nurture.services.files.starter import write_starter

MONDAY = "2026-03-02 10:00"


def run(*words: str | Path, project: Path | None = None, stdin: str | bytes | None = None) -> Result:
    """The command, in this process; a mistake of ours is raised."""
    line = [str(word) for word in words] + (["--project", str(project)] if project else [])
    return CliRunner().invoke(main, line, input=stdin)


def answer(*words: str | Path, project: Path | None = None, exit_code: int = 0) -> Any:
    """What the command answers to a program."""
    result = run(*words, "--json", project=project)
    assert result.exit_code == exit_code, result.output
    return json.loads(result.stdout)


def a_starter(folder: Path) -> Path:
    """The starter project in ``folder``."""
    write_starter(folder, "Acme")
    return folder


def mend(file: Path, old: str, new: str) -> None:
    """Change a file as a person does."""
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")
