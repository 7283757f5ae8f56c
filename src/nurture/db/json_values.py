"""One value out of a JSON column, as what it is: a text, a number, yes or no; and texts as every program sorts them.

Says for both databases what ``sets`` cannot say in one way for both. It decides nothing, and names of fields are parameters.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Text, literal
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import Double, Integer

from nurture.db.sets import POSTGRES


def json_text(values: ColumnElement[Any], name: str) -> ColumnElement[str]:
    """The text under ``name``; null where there is none, or something else."""
    return _Text(values, literal(name, Text))


def json_number(values: ColumnElement[Any], name: str) -> ColumnElement[float]:
    """The number under ``name``, as a double; null where there is none, or something else."""
    return _Number(values, literal(name, Text))


def json_truth(values: ColumnElement[Any], name: str) -> ColumnElement[int]:
    """1 where yes stands under ``name``, 0 where no; null where there is neither."""
    return _Truth(values, literal(name, Text))


def by_codepoint(text: ColumnElement[str]) -> ColumnElement[str]:
    """``text`` to be compared letter by letter, in no country's order."""
    return _ByCodepoint(text)


def iso_text(instant: ColumnElement[Any]) -> ColumnElement[str]:
    """An instant as Python's ``isoformat`` writes it, in UTC."""
    return _IsoText(instant)


# --- how each database says it ------------------------------------------------------------------------------------


class _Text(FunctionElement[str]):
    type = Text()
    inherit_cache = True


class _Number(FunctionElement[float]):
    type = Double()
    inherit_cache = True


class _Truth(FunctionElement[int]):
    type = Integer()
    inherit_cache = True


class _ByCodepoint(FunctionElement[str]):
    type = Text()
    inherit_cache = True


class _IsoText(FunctionElement[str]):
    type = Text()
    inherit_cache = True


def _parts(element: FunctionElement[Any], compiler: SQLCompiler, kw: dict[str, Any]) -> list[str]:
    return [compiler.process(clause, **kw) for clause in element.clauses]


@compiles(_Text, POSTGRES)
def _text_pg(element: _Text, compiler: SQLCompiler, **kw: Any) -> str:
    values, name = _parts(element, compiler, kw)
    return f"CASE jsonb_typeof(jsonb_extract_path({values}, {name})) WHEN 'string' THEN jsonb_extract_path_text({values}, {name}) END"


@compiles(_Text, "sqlite")
def _text_lite(element: _Text, compiler: SQLCompiler, **kw: Any) -> str:
    values, name = _parts(element, compiler, kw)
    path = f"'$.\"' || {name} || '\"'"
    return f"CASE json_type({values}, {path}) WHEN 'text' THEN json_extract({values}, {path}) END"


@compiles(_Number, POSTGRES)
def _number_pg(element: _Number, compiler: SQLCompiler, **kw: Any) -> str:
    values, name = _parts(element, compiler, kw)
    number = f"CAST(jsonb_extract_path_text({values}, {name}) AS DOUBLE PRECISION)"
    return f"CASE jsonb_typeof(jsonb_extract_path({values}, {name})) WHEN 'number' THEN {number} END"


@compiles(_Number, "sqlite")
def _number_lite(element: _Number, compiler: SQLCompiler, **kw: Any) -> str:
    values, name = _parts(element, compiler, kw)
    path = f"'$.\"' || {name} || '\"'"
    number = f"CAST(json_extract({values}, {path}) AS REAL)"
    return f"CASE WHEN json_type({values}, {path}) IN ('integer', 'real') THEN {number} END"


@compiles(_Truth, POSTGRES)
def _truth_pg(element: _Truth, compiler: SQLCompiler, **kw: Any) -> str:
    values, name = _parts(element, compiler, kw)
    return (
        f"CASE WHEN jsonb_typeof(jsonb_extract_path({values}, {name})) = 'boolean'"
        f" THEN CASE jsonb_extract_path_text({values}, {name}) WHEN 'true' THEN 1 ELSE 0 END END"
    )


@compiles(_Truth, "sqlite")
def _truth_lite(element: _Truth, compiler: SQLCompiler, **kw: Any) -> str:
    values, name = _parts(element, compiler, kw)
    return f"CASE json_type({values}, '$.\"' || {name} || '\"') WHEN 'true' THEN 1 WHEN 'false' THEN 0 END"


@compiles(_ByCodepoint, POSTGRES)
def _codepoint_pg(element: _ByCodepoint, compiler: SQLCompiler, **kw: Any) -> str:
    (text,) = _parts(element, compiler, kw)
    return f'({text}) COLLATE "C"'


@compiles(_ByCodepoint, "sqlite")
def _codepoint_lite(element: _ByCodepoint, compiler: SQLCompiler, **kw: Any) -> str:
    (text,) = _parts(element, compiler, kw)
    return f"({text}) COLLATE BINARY"


@compiles(_IsoText, POSTGRES)
def _iso_pg(element: _IsoText, compiler: SQLCompiler, **kw: Any) -> str:
    (instant,) = _parts(element, compiler, kw)
    written = f"to_char({instant} AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US')"
    return f"replace({written}, '.000000', '') || '+00:00'"


@compiles(_IsoText, "sqlite")
def _iso_lite(element: _IsoText, compiler: SQLCompiler, **kw: Any) -> str:
    (instant,) = _parts(element, compiler, kw)
    return f"replace(replace({instant}, ' ', 'T'), '.000000', '') || '+00:00'"
