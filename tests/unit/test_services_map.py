"""Does the map in front of the services name every package, with what it is about, and none that is gone?"""

from __future__ import annotations

import ast
import re
from collections import Counter
from pathlib import Path

from nurture import services

FOLDER = Path(str(services.__file__)).parent
MAP = services.__doc__ or ""
NOT_YET = "say what it is about in the docstring of services/__init__.py"


def test_the_map_of_the_services_names_every_package_once() -> None:
    named = re.findall(r"(?m)^- (\w+): \w", MAP)
    there = {one.parent.name for one in FOLDER.glob("*/__init__.py")}

    assert sorted(there - set(named)) == [], NOT_YET
    assert sorted(set(named) - there) == [], "these are gone"
    assert [name for name, times in Counter(named).items() if times > 1] == []


def test_what_stands_beside_the_packages_is_named_too() -> None:
    shared = MAP.rpartition("\n\n")[2]

    for module in FOLDER.glob("[!_]*.py"):
        assert re.search(rf"\b{module.stem}\b", shared), f"{module.name}: {NOT_YET}"


def test_every_package_says_what_it_is_for() -> None:
    for package in FOLDER.glob("*/__init__.py"):
        assert ast.get_docstring(ast.parse(package.read_text(encoding="utf-8"))), package.parent.name
