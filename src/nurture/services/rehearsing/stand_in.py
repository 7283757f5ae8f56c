"""A contact who stands in for the real ones in walks and previews: a persona's example, or one from a JSON file.

Nobody is stored and nobody is mailed. Refuses fields that contacts do not carry, and values that do not fit.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from nurture.model.addresses import AddressError, split_address
from nurture.model.contact_values import as_text, read_values
from nurture.model.errors import NurtureError
from nurture.model.words import Contact
from nurture.model.workspace import Workspace
from nurture.workflow.documents import Persona

if TYPE_CHECKING:
    from nurture.services.files.folder import Folder

SOMEBODY: Mapping[str, str] = {
    "email": "alex@example.org",
    "first_name": "Alex",
    "last_name": "Example",
    "phone": "+1 416 555 0100",
}
"""Who stands in where a project has no persona with an example."""


def of_persona(folder: Folder, name: str) -> tuple[Contact, Persona]:
    """The example of a persona. Raises NotFoundError for an unknown one, NurtureError for one without an example."""
    persona = folder.persona(name)
    if persona.example is None:
        hint = f"add `example: {{email: …, first_name: …}}` to {persona.place.file}"
        raise NurtureError(f"persona '{name}' has no example to walk as", hint=hint)
    return of_values(persona.example, folder.workspace, persona.place.file), persona


def usual(folder: Folder, wanted: str | None = None) -> tuple[Contact, Persona | None]:
    """The example of ``wanted`` if it has one, else of the first persona that does, else somebody made up."""
    personas = folder.project.personas
    for name in (wanted or "", *sorted(personas)):
        if name in personas and personas[name].example is not None:
            return of_persona(folder, name)
    return of_values(SOMEBODY, folder.workspace, "nobody"), None


def of_file(path: Path, workspace: Workspace) -> Contact:
    """The contact in a JSON file: one object of fields. Raises NurtureError."""
    try:
        fields = json.loads(path.read_bytes())
    except OSError as error:
        raise NurtureError(f"{path} cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise NurtureError(f"{path} is no JSON: {error}") from None
    if not isinstance(fields, dict):
        hint = 'write {"email": "ana@example.org", "first_name": "Ana"}'
        raise NurtureError(f"{path} holds no JSON object", hint=hint)
    given = {name: _text(name, value, path) for name, value in fields.items() if value is not None}
    return of_values(given, workspace, str(path))


def of_values(given: Mapping[str, str], workspace: Workspace, source: str) -> Contact:
    """A contact whose fields are read from texts; ``source`` says in errors where they stand. Raises NurtureError."""
    email = given.get("email", "").strip()
    try:
        split_address(email)
    except AddressError as error:
        problem = str(error) if email else "the contact has no email"
        raise NurtureError(f"{source}: {problem}", hint="add one at example.org") from None
    return changed(Contact(id=1, email=email), given, workspace, source)


def changed(contact: Contact, given: Mapping[str, str], workspace: Workspace, source: str) -> Contact:
    """``contact`` with these fields read from texts, the others as they were. Raises NurtureError."""
    values, errors = read_values(given, workspace.fields)
    for error in errors.values():
        raise NurtureError(f"{source}: {error.message}", hint=error.hint)
    fields = {name: values.pop(name) for name in list(values) if name in workspace.fields}
    changes: dict[str, object] = dict(values)
    if "tags" in values:
        words = str(values["tags"] or "").split(",")
        changes["tags"] = frozenset(word.strip() for word in words if word.strip())
    if "score" in values:
        changes["score"] = values["score"] or 0
    return replace(contact, fields={**contact.fields, **fields}, **changes)  # type: ignore[arg-type]


def _text(name: str, value: object, path: Path) -> str:
    """A JSON value as a spreadsheet would hold it, so that both are read alike."""
    if isinstance(value, str | int | float):
        return as_text(value)
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return ",".join(value)
    raise NurtureError(f"{path}: '{name}' is no text, number, yes or no")
