"""The hooks do what pre-commit would make them do: from the repository's root, for the files that a commit changes."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.support.projects import WORKFLOW, write

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
HOOKS: dict[str, dict[str, Any]] = {
    hook["id"]: hook
    for hook in YAML(typ="safe", pure=True).load((ROOT / ".pre-commit-hooks.yaml").read_text())
}


def commit(
    repository: Path, hook: str, *changed: str, args: str = ""
) -> subprocess.CompletedProcess[str] | None:
    """What pre-commit runs when these files change; None when it would not run the hook at all."""
    known = HOOKS[hook]
    files = [file for file in changed if re.search(known["files"], file)]
    if not files:
        return None
    words = [*shlex.split(known["entry"]), *shlex.split(args), *(files if known["pass_filenames"] else [])]
    command = shutil.which(words[0], path=str(Path(sys.executable).parent))
    assert command is not None
    return subprocess.run(
        [command, *words[1:]], cwd=repository, capture_output=True, text=True, check=False, timeout=60
    )


def test_the_hooks_are_the_two_that_the_documents_name() -> None:
    assert set(HOOKS) == {"nurture-check", "nurture-test"}
    assert all(hook["language"] == "python" for hook in HOOKS.values())


@pytest.mark.parametrize(
    ("file", "runs"),
    [
        ("workflows/checkup.yaml", True),
        ("templates/email/layouts/frame.html", True),
        ("mails/project/nurture.toml", True),
        ("assets/guide.pdf", True),
        ("README.md", False),
        ("src/nurture.toml.py", False),
        ("my-workflows/a.yaml", False),
    ],
)
def test_a_commit_runs_them_when_it_changes_the_project_and_only_then(file: str, runs: bool) -> None:
    assert all(bool(re.search(hook["files"], file)) is runs for hook in HOOKS.values())


def test_a_commit_that_breaks_another_file_is_stopped_at_that_file(tmp_path: Path) -> None:
    repository = write(tmp_path, {})
    (repository / "templates/email/welcome.md").rename(repository / "templates/email/hello.md")

    done = commit(repository, "nurture-check", "templates/email/hello.md")

    assert done is not None
    assert done.returncode == 1
    assert done.stdout.startswith("workflows/checkup.yaml:12:16: unknown-template")


def test_a_project_deeper_in_the_repository_is_named_by_an_argument(tmp_path: Path) -> None:
    write(
        tmp_path / "our mails",
        {"workflows/checkup.yaml": WORKFLOW.replace("- email: welcome", "- emial: welcome")},
    )

    done = commit(
        tmp_path,
        "nurture-check",
        "our mails/workflows/checkup.yaml",
        args="--format github --project 'our mails'",
    )

    assert done is not None
    assert done.returncode == 1
    assert done.stdout.startswith(
        "::error file=our mails/workflows/checkup.yaml,line=12,col=9,title=unknown-step::"
    )


SCENARIO = """\
scenario: Who asks for the guide is welcomed at once
workflow: checkup
as: ana
start: 2026-03-02 09:00
events:
  - {at: start, event: offer.requested, offer: guide}
expect:
  - {email: welcome, at: +0 minutes}
"""


def test_a_sound_commit_passes_both_hooks_and_a_broken_promise_stops_at_the_second(tmp_path: Path) -> None:
    sound = write(tmp_path / "sound", {"scenarios/guide.yaml": SCENARIO})
    late = write(tmp_path / "late", {"scenarios/guide.yaml": SCENARIO.replace("+0 minutes", "+2 days")})

    runs = [commit(sound, hook, "scenarios/guide.yaml") for hook in HOOKS]
    runs.append(commit(late, "nurture-test", "scenarios/guide.yaml"))

    assert [run.returncode for run in runs if run is not None] == [0, 0, 1], runs
