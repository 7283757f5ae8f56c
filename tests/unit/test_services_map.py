"""Does the map in front of the services name every one of them, and none that is gone?"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

from nurture import services

FOLDER = Path(str(services.__file__)).parent
NOT_YET = "put it where its neighbours stand, in the docstring of services/__init__.py"


def test_the_map_of_the_services_names_every_module_once() -> None:
    map_ = (services.__doc__ or "").partition("\n- ")[2]
    names = re.findall(r"\w+", re.sub(r"(?m)^- [^:]*:", "", f"- {map_}"))
    there = {one.stem for one in FOLDER.glob("[!_]*.py")}
    there |= {one.parent.name for one in FOLDER.glob("*/__init__.py")}

    assert sorted(there - set(names)) == [], NOT_YET
    assert sorted(set(names) - there) == [], "these are gone"
    assert [name for name, times in Counter(names).items() if times > 1] == []
