"""What a person says of who is to be taken along: ``WORKFLOW``, ``WORKFLOW:old=new,old2=new2``, or a YAML file of the same.

Reads words only; whether there are such steps is asked by the plan.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType

from nurture.model.errors import NotFoundError, ProblemsFound, TextError
from nurture.workflow.yaml_text import MapNode, TextNode, read_yaml

Wish = Mapping[str, Mapping[str, str]]
"""By workflow: old names of steps or stages → new ones; empty where the names are the same or declared by ``was``."""
NO_WISH: Wish = MappingProxyType({})
HINT = "write WORKFLOW, WORKFLOW:old=new, or a YAML file with 'workflow: {old: new}'"


def read_wishes(words: Iterable[str], folder: Path | None = None) -> Wish:
    """Every word of ``--migrate``, added up; files are looked for in ``folder``.

    Raises TextError for a word that says nothing, NotFoundError for a file that is not there, ProblemsFound for one
    that cannot be read.
    """
    found: dict[str, dict[str, str]] = {}
    for word in words:
        said = _file(word, folder) if word.endswith((".yaml", ".yml")) else _word(word)
        for workflow, names in said.items():
            found.setdefault(workflow, {}).update(names)
    return found


def read_words(words: Iterable[str]) -> Wish:
    """The same without files: what comes from elsewhere names none of ours. Raises TextError."""
    found: dict[str, dict[str, str]] = {}
    for word in words:
        for workflow, names in _word(word).items():
            found.setdefault(workflow, {}).update(names)
    return found


def as_words(wish: Wish) -> tuple[str, ...]:
    """The words that say it: one for each workflow, and one for each new name."""
    return tuple(
        word
        for workflow, names in wish.items()
        for word in (workflow, *(f"{workflow}:{old}={new}" for old, new in names.items()))
    )


def _word(word: str) -> Mapping[str, Mapping[str, str]]:
    workflow, colon, rest = word.partition(":")
    names = {}
    for pair in rest.split(",") if colon else ():
        old, equals, new = (part.strip() for part in pair.partition("="))
        if not (old and equals and new):
            raise TextError(f"'{word}' does not say who goes where", hint=HINT)
        names[old] = new
    if not workflow.strip():
        raise TextError(f"'{word}' names no workflow", hint=HINT)
    return {workflow.strip(): names}


def _file(name: str, folder: Path | None) -> Mapping[str, Mapping[str, str]]:
    path = Path(name) if folder is None else folder / name
    try:
        source = path.read_bytes()
    except OSError:
        raise NotFoundError(f"there is no file {name}", hint=HINT) from None
    top, problems = read_yaml(source, name)
    if top is None:
        raise ProblemsFound(problems)
    return {key.text: _names(name, node) for key, node in top.entries}


def _names(file: str, node: object) -> Mapping[str, str]:
    if isinstance(node, TextNode) and node.is_null:
        return {}
    if isinstance(node, MapNode):
        names = {key.text: value.text for key, value in node.entries if isinstance(value, TextNode)}
        if len(names) == len(node.entries):
            return names
    raise TextError(f"{file} holds something else than old and new names", hint=HINT)
