"""The sample company as a live project: published once for all tests, copied for each."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask_openapi3 import utils
from jinja2 import FileSystemBytecodeCache
from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode
from werkzeug.routing import Rule

from nurture.services.demo.sample import copy_sample
from nurture.services.staff import accounts
from tests.support.commands import run

CONTACTS = """\
email,first_name,phone,timezone,tags
ana@example.org,Ana,+14165550100,America/Toronto,
bea@example.org,Bea,,Europe/Berlin,client
carl@example.org,Carl,+14165550102,America/Vancouver,client
"""


HERE = Path(__file__).parent


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The quick run asks the stores of both databases and all else of SQLite; PostgreSQL's turn is in the long stage."""
    for item in items:
        if item.path.parent == HERE and "postgres" in item.name.partition("[")[2]:
            item.add_marker(pytest.mark.slow)


@pytest.fixture(autouse=True, scope="package")
def _quick_hashes() -> Iterator[None]:
    """The same scrypt at a sixteenth of the cost: the tests of this folder log in very often."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(accounts, "HASHED_BY", "scrypt:2048:8:1")
        yield
    accounts._nobody.cache_clear()


@pytest.fixture(autouse=True, scope="session")
def _quick_pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Every site of a test is new; its templates, its routes and its API's schemas are worked out once for all of them."""
    compiled = FileSystemBytecodeCache(str(tmp_path_factory.mktemp("pages")))
    work_out = cache(utils.get_model_schema)

    def schema(model: type[BaseModel], mode: JsonSchemaMode = "validation") -> dict[str, Any]:
        return deepcopy(work_out(model, mode))  # the site writes into it

    builders: dict[tuple[object, ...], Callable[..., tuple[str, str]]] = {}
    compile_builder = Rule._compile_builder

    def builder(rule: Rule, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        made_of = (rule.rule, repr(rule.defaults), *rule._trace, append_unknown)
        if made_of not in builders:
            builders[made_of] = compile_builder(rule, append_unknown)
        return builders[made_of]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Flask, "jinja_options", {**Flask.jinja_options, "bytecode_cache": compiled})
        patch.setattr(utils, "get_model_schema", schema)
        patch.setattr(Rule, "_compile_builder", builder)
        yield


@pytest.fixture(scope="session")
def _published_company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("company") / "company"
    copy_sample(folder)
    people = folder / "people.csv"
    people.write_text(CONTACTS)
    assert run("publish", project=folder).exit_code == 0
    imported = run(
        "contacts", "import", people, "--consent", "nurture", "--source", "the fair", project=folder
    )
    assert imported.exit_code == 0, imported.output
    return folder


@pytest.fixture
def company(_published_company: Path, tmp_path: Path) -> Path:
    """A published project with Ana, and two clients, Bea and Carl; all of them agreed to be written to."""
    return shutil.copytree(_published_company, tmp_path / "company")
