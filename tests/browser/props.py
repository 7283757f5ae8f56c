"""What the tests add to the sample company: things it lacks, or has on some days of the week only."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from textwrap import dedent

CONFIRMED = "retirement-date-checklist"
"""An offer that asks for a yes by mail."""
TO_CALL = "Carla"
"""Somebody whom one of the sales team is to call now."""

FILES = {
    "workflows/call-me.yaml": """\
        workflow: call-me
        title: Somebody wants to be called
        purpose: nurture
        stages:
          - stage: wants-a-call
            need: Ask a person, not a page
            trigger: manual
            validate: meeting.booked
            steps:
              - {call_task: call-me, assign: round-robin sales}
            loss:
              - {after: 30 days, reason: never-reached}
        """,
    "templates/call/call-me.txt": "Hello {{ contact.first_name or 'there' }}, you asked us to call.\n",
}
DRAFTED = "workflows/call-me.yaml"
"""What somebody is changing in the folder, and has not published yet."""
PEOPLE = f"E-mail,First name,Phone,Time zone\ncarla@example.org,{TO_CALL},+14165550188,America/Toronto\n"


def add_props(project: Path) -> None:
    """Write the files, publish them, and let the call appear, all by the commands that people type; then change one."""
    for name, text in FILES.items():
        (project / name).write_text(dedent(text), encoding="utf-8")
    command(project, "publish", "--yes")
    command(project, "contacts", "import", "-", "--consent", "nurture", "--source", "the fair", given=PEOPLE)
    command(project, "enroll", "carla@example.org", "call-me", "--reason", "she asked at the fair")
    drafted = project / DRAFTED
    drafted.write_text(drafted.read_text(encoding="utf-8").replace("30 days", "40 days"), encoding="utf-8")


def command(project: Path, *words: str, given: str | None = None) -> None:
    """``nurture WORDS`` on this project; fails with what it says."""
    done = subprocess.run(
        [sys.executable, "-m", "nurture", *words, "--project", str(project)],
        check=False,
        capture_output=True,
        text=True,
        input=given,
    )
    assert done.returncode == 0, done.stderr
