"""Played scenarios as JUnit XML, which build servers read: one test case a scenario, its failure with both timelines."""

from __future__ import annotations

import re
from collections.abc import Sequence
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from nurture.services.rehearsing.scenario_words import failure, reasons
from nurture.services.rehearsing.scenarios import Rehearsed

_UNPRINTABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(played: Sequence[Rehearsed], seconds: float) -> bytes:
    """The report. What could not be played is an ``error``, what came otherwise a ``failure``."""
    errors = [one for one in played if one.trouble]
    failed = [one for one in played if not one.passed and not one.trouble]
    counts = {
        "tests": str(len(played)),
        "failures": str(len(failed)),
        "errors": str(len(errors)),
        "skipped": "0",
        "time": f"{seconds:.3f}",
    }
    top = Element("testsuites", {"name": "nurture", **counts})
    suite = SubElement(top, "testsuite", {"name": "scenarios", **counts})
    for one in played:
        _case(suite, one)
    indent(top)
    report: bytes = tostring(top, encoding="utf-8", xml_declaration=True)
    return report


def _case(suite: Element, one: Rehearsed) -> None:
    module = one.file.removesuffix(".yaml").replace("/", ".")
    told = {"classname": module, "name": one.name, "file": one.file, "line": str(one.line)}
    case = SubElement(suite, "testcase", {**_clean(told), "time": f"{one.seconds:.3f}"})
    if one.passed:
        return
    kind = "error" if one.trouble else "failure"
    first = next(reasons(one))
    node = SubElement(case, kind, _clean({"message": first, "type": "scenario"}))
    node.text = _UNPRINTABLE.sub("�", "\n".join(failure(one)))


def _clean(words: dict[str, str]) -> dict[str, str]:
    """Without what XML cannot hold."""
    return {name: _UNPRINTABLE.sub("�", word) for name, word in words.items()}
