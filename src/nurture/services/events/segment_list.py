"""The segments there are, from files and saved by people: who is in each now, and writing one down.

A file's segment goes before a saved one of the same name, and such a name is not saved. Workflows may name only those of
files, so that the folder tells the whole story; a saved one can be shown as the file it would be.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection

from nurture.db import contacts, segments
from nurture.db.conditions import condition
from nurture.db.segments import Condition, Saved
from nurture.model.errors import NotFoundError, NurtureError, Place, Problem, TextError, did_you_mean
from nurture.model.expressions import parse_expression
from nurture.model.words import Contact
from nurture.model.workspace import Workspace
from nurture.services.published import Published
from nurture.services.runtime import Runtime
from nurture.workflow.asking import asked_for
from nurture.workflow.checks.questions import senseless_questions
from nurture.workflow.documents import Read, Segment
from nurture.workflow.project import Project
from nurture.workflow.yaml_text import MapNode, TextNode

PAGE = 50
LONGEST_NAME = 60
LONGEST_TITLE = 200
_NAME = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_START = Place("")


@dataclass(frozen=True, slots=True)
class Named:
    """One segment by name: its condition as it is written, and who saved it when, if it stands in no file."""

    name: str
    where: str
    title: str = ""
    saved: Saved | None = None
    workflows: tuple[str, ...] = ()
    """The live workflows that depend on who enters or leaves it."""

    @property
    def as_file(self) -> str:
        """What to write into ``segments/NAME.yaml``, so that workflows may name it."""
        lines = {
            "segment": self.name,
            "title": _quoted(self.title) if self.title else "",
            "where": _quoted(self.where),
        }
        return "".join(f"{key}: {value}\n" for key, value in lines.items() if value)


@dataclass(frozen=True, slots=True)
class Line:
    """One segment of the list; ``trouble`` is why nobody can be counted."""

    segment: Named
    count: int | None
    trouble: str | None = None


@dataclass(frozen=True, slots=True)
class Shown:
    """One segment with a page of its members; ``older`` is the id behind which the next page begins."""

    segment: Named
    count: int
    members: tuple[Contact, ...]
    older: int | None


@dataclass(frozen=True, slots=True)
class Judged:
    """What a condition says: how many fit it now, or everything that is wrong with it, each at its column."""

    count: int | None
    problems: tuple[Problem, ...] = ()


class ConditionError(NurtureError):
    """A condition that cannot be saved; ``problems`` is everything that is wrong with it."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("the condition cannot be used", hint=problems[0].message)
        self.problems = problems


# --- looking ------------------------------------------------------------------------------------------------------


def listing(runtime: Runtime) -> list[Line]:
    """Every segment with how many contacts fit it now, by name."""
    with runtime.database.read() as tx:
        published = runtime.shelf.published(tx)
        known = everything(tx, published)
        readable: dict[str, Condition] = {}
        troubles = {}
        for one in known.values():
            try:
                readable[one.name] = _condition(one, published.workspace)
            except TextError as error:
                troubles[one.name] = str(error)
        counted = segments.counts(tx, readable)
    return [Line(one, counted.get(one.name), troubles.get(one.name)) for one in known.values()]


def show(runtime: Runtime, name: str, *, after: int = 0, most: int = PAGE) -> Shown:
    """A page of the members of one segment, by id. Raises NotFoundError, or TextError for a condition that broke."""
    with runtime.database.read() as tx:
        published = runtime.shelf.published(tx)
        segment = find(tx, published, name)
        fits = _condition(segment, published.workspace)
        ids = segments.page(tx, fits, after=after, most=most + 1)
        people = contacts.load(tx, ids[:most])
        return Shown(
            segment,
            segments.count(tx, fits),
            tuple(people[one] for one in ids[:most] if one in people),
            ids[most - 1] if len(ids) > most else None,
        )


def saved(runtime: Runtime, name: str) -> Named:
    """The saved segment of this name. Raises NotFoundError, also for one of a file: that is changed in its file."""
    with runtime.database.read() as tx:
        segment = find(tx, runtime.shelf.published(tx), name)
    if segment.saved is None:
        raise NotFoundError(
            f"'{name}' is not a saved segment", hint=f"change segments/{name}.yaml and publish"
        )
    return segment


def judge(runtime: Runtime, text: str) -> Judged:
    """How many fit this condition now, or what is wrong with it."""
    with runtime.database.read() as tx:
        workspace = runtime.shelf.published(tx).workspace
        problems = problems_of(text, workspace)
        if problems:
            return Judged(None, problems)
        return Judged(segments.count(tx, condition(parse_expression(text).tree, workspace)))


def find(tx: Connection, published: Published, name: str) -> Named:
    """The segment of this name. Raises NotFoundError."""
    known = everything(tx, published)
    if name not in known:
        hint = (
            did_you_mean(name, list(known)) or "write it under segments/ and publish, or save it in the admin"
        )
        raise NotFoundError(f"there is no segment '{name}'", hint=hint)
    return known[name]


def fitting(tx: Connection, published: Published, name: str) -> Condition:
    """The condition of the segment of this name. Raises NotFoundError, or TextError for one that broke."""
    return _condition(find(tx, published, name), published.workspace)


def everything(tx: Connection, published: Published) -> Mapping[str, Named]:
    """All segments, by name; the file's where both have one."""
    depending: dict[str, list[str]] = {}
    for workflow in published.workflows.values():
        for name in asked_for(workflow, published.segments):
            depending.setdefault(name, []).append(workflow.name)
    found = {one.name: Named(one.name, one.condition, one.title, one) for one in segments.saved(tx).values()}
    for segment in published.segments.values():
        workflows = tuple(sorted(depending.get(segment.name, ())))
        found[segment.name] = Named(segment.name, str(segment.where), segment.title, workflows=workflows)
    return dict(sorted(found.items()))


# --- writing down -------------------------------------------------------------------------------------------------


def save(runtime: Runtime, name: str, title: str, text: str, actor: str, *, new: bool) -> None:
    """Save a segment. Raises ConditionError, and NurtureError for a name that cannot be used or is taken."""
    text = " ".join(text.split())
    _refuse_odd_name(name)
    if len(title) > LONGEST_TITLE:
        raise NurtureError(f"a title has at most {LONGEST_TITLE} characters")

    def work(tx: Connection) -> None:
        published = runtime.shelf.published(tx)
        if problems := problems_of(text, published.workspace):
            raise ConditionError(problems)
        known = everything(tx, published).get(name)
        if name in published.segments:
            raise NurtureError(
                f"segments/{name}.yaml defines '{name}'", hint="change that file, or choose another name"
            )
        if new and known:
            raise NurtureError(
                f"there is a segment '{name}' already", hint="choose another name, or change that one"
            )
        if not new and known is None:
            raise NotFoundError(f"there is no saved segment '{name}'", hint="somebody may have deleted it")
        segments.save(tx, Saved(name, " ".join(title.split()), text, actor, runtime.clock.operational()))
        runtime.audit(tx, actor, "save-segment", f"segment:{name}", {"where": text})

    runtime.database.retrying(work)


def forget(runtime: Runtime, name: str, actor: str) -> None:
    """Delete a saved segment; its contacts stay. Raises NotFoundError."""
    with runtime.database.write() as tx:
        if not segments.forget(tx, name):
            raise NotFoundError(
                f"there is no saved segment '{name}'", hint="one of a file goes with its file"
            )
        runtime.audit(tx, actor, "delete-segment", f"segment:{name}", {})


def problems_of(text: str, workspace: Workspace) -> tuple[Problem, ...]:
    """Everything that is wrong with a condition, at its columns (from 1)."""
    try:
        where = parse_expression(text)
    except TextError as error:
        return (Problem(Place("", 1, error.column + 1), "bad-expression", error.message, error.hint),)
    node = MapNode(((TextNode("where", _START), TextNode(text, _START)),), _START)
    project = Project(Path(), workspace, documents=(Read(Segment("", where, _START), node),))
    return tuple(sorted(senseless_questions(project)))


def _refuse_odd_name(name: str) -> None:
    if not _NAME.fullmatch(name) or len(name) > LONGEST_NAME:
        raise NurtureError(
            f"'{name[:LONGEST_NAME]}' is no name for a segment",
            hint="write lower-case words and dashes: warm-clients",
        )


def _condition(segment: Named, workspace: Workspace) -> Condition:
    return condition(parse_expression(segment.where).tree, workspace)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
