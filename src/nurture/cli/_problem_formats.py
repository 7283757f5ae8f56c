"""Problems as other programs read them: a JSON document, annotations on GitHub, a SARIF log for code scanners.

Paths are told as the caller sees them: relative to the folder the command was called in, when the project lies in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from urllib.parse import quote

from nurture.model.errors import Problem, Severity

SARIF_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def as_document(problem: Problem) -> dict[str, object]:
    """One problem as programs read it; the file relative to the project's folder."""
    return {
        "file": problem.place.file,
        "line": problem.place.line,
        "column": problem.place.column,
        "code": problem.code,
        "message": problem.message,
        "hint": problem.hint,
        "severity": problem.severity,
    }


def seen_from(here: Path, project: Path, file: str) -> str:
    """``file`` of the project as it is called in the folder ``here``: a repository that holds the project deeper down."""
    path = project / file  # an absolute file stays what it is
    return path.relative_to(here).as_posix() if path.is_relative_to(here) else file


# --- GitHub ----------------------------------------------------------------------------------------------------------


def as_annotation(problem: Problem, file: str) -> str:
    """One problem as a GitHub workflow command, which shows it beside the line."""
    place = problem.place
    properties = {"file": file, "line": place.line, "col": place.column, "title": problem.code}
    said = ",".join(f"{name}={_escaped(str(value), ':,')}" for name, value in properties.items())
    words = f"{problem.message} ({problem.hint})" if problem.hint else problem.message
    return f"::{problem.severity} {said}::{_escaped(words)}"


def _escaped(text: str, more: str = "") -> str:
    return "".join(
        f"%{ord(character):02X}" if character in f"%\r\n{more}" else character for character in text
    )


# --- SARIF 2.1.0 -----------------------------------------------------------------------------------------------------


def as_sarif(problems: Sequence[tuple[Problem, str]]) -> dict[str, object]:
    """All problems, each with its file as the caller sees it, as one log. Source: OASIS SARIF 2.1.0, 3.13 to 3.52."""
    from nurture import __version__

    names = sorted({problem.code for problem, _ in problems})
    driver = {
        "name": "nurture",
        "version": __version__,
        "semanticVersion": __version__,
        "rules": [_rule(name) for name in names],
    }
    return {
        "$schema": SARIF_SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": driver},
                "invocations": [{"executionSuccessful": True}],
                "columnKind": "unicodeCodePoints",
                "results": [_result(problem, file, names.index(problem.code)) for problem, file in problems],
            }
        ],
    }


def _rule(name: str) -> dict[str, object]:
    from nurture.workflow.checks import CODES
    from nurture.workflow.checks.advice import ADVICE

    code = {**CODES, **ADVICE}[name]
    return {
        "id": name,
        "name": "".join(word.capitalize() for word in name.split("-")),
        "shortDescription": {"text": code.meaning},
        "fullDescription": {"text": f"{code.meaning} {code.remedy}"},
        "help": {"text": code.remedy, "markdown": f"{code.meaning}\n\n**Remedy:** {code.remedy}"},
        "helpUri": f"urn:nurture:check:{name}",
        "defaultConfiguration": {"level": _level(code.severity)},
    }


def _level(severity: Severity) -> str:
    return "error" if severity is Severity.ERROR else "warning"


def _result(problem: Problem, file: str, rule: int) -> dict[str, object]:
    region = {"startLine": problem.place.line, "startColumn": problem.place.column}
    location = {"physicalLocation": {"artifactLocation": {"uri": _uri(file)}, "region": region}}
    return {
        "ruleId": problem.code,
        "ruleIndex": rule,
        "level": _level(problem.severity),
        "message": {"text": f"{problem.message}. {problem.hint}" if problem.hint else problem.message},
        "locations": [location],
    }


def _uri(file: str) -> str:
    """A relative reference, or a file URI for what lies elsewhere; blanks, colons and letters beyond ASCII encoded."""
    return Path(file).as_uri() if PurePosixPath(file).is_absolute() else quote(file, safe="/")
