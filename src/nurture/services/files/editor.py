"""What an editor needs, put where the first line of each file looks for it: a schema beside the workflows, one beside the scenarios.

Writes these two files only; whatever else is wrong with the project, it is as complete as it can be read.
"""

from __future__ import annotations

import json
from pathlib import Path

from nurture.model.errors import NurtureError
from nurture.workflow.project import load_project
from nurture.workflow.project_schema import project_schema
from nurture.workflow.scenario_schema import scenario_schema
from nurture.workflow.schema import Schema

FILE = "nurture.schema.json"


def schema_of(folder: Path, what: str = "workflow") -> Schema:
    """The schema of the project's ``workflow`` or ``scenario`` files. Raises NotFoundError without a project."""
    project = load_project(folder)
    return scenario_schema() if what == "scenario" else project_schema(project)


def write_schemas(folder: Path) -> list[str]:
    """Write both; returns their files, relative to the folder. Raises NotFoundError, NurtureError."""
    written = []
    for part, what in (("workflows", "workflow"), ("scenarios", "scenario")):
        if (folder / part).is_dir():
            text = json.dumps(schema_of(folder, what), ensure_ascii=False, indent=2)
            try:
                (folder / part / FILE).write_text(f"{text}\n", encoding="utf-8")
            except OSError as error:
                raise NurtureError(f"{folder / part / FILE} cannot be written: {error.strerror}") from error
            written.append(f"{part}/{FILE}")
    return written
