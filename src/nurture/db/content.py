"""What is published: the project's files as they were then, the versions of workflows, and the one new contacts enter.

Workers read this, never the folder. Contents and versions are kept for ever, so that an old delivery or an old
enrollment can always show what it used.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from hashlib import sha256

from sqlalchemy import Connection, Insert, delete, select

from nurture.db.sets import among, insert_into, insert_rows, pairs
from nurture.db.tables import ContentRow, PublicationRow, VersionRow, WorkflowRow, table_of

CONTENTS = table_of(ContentRow)
PUBLICATIONS = table_of(PublicationRow)
VERSIONS = table_of(VersionRow)
WORKFLOWS = table_of(WorkflowRow)


@dataclass(frozen=True, slots=True)
class Version:
    """One structure of one workflow, and the content hash of its latest text."""

    version: str
    workflow: str
    content: str
    path: str
    published_at: datetime


def content_hash(data: bytes) -> str:
    """The name of a content: SHA-256, in hex."""
    return sha256(data).hexdigest()


def publish_contents(tx: Connection, files: Mapping[str, bytes], now: datetime) -> dict[str, str]:
    """Make these the project's files, all of them: paths that are missing here are no longer published.

    Returns ``{path: hash}``. Unchanged paths keep the date of their publication.
    """
    hashes = {path: content_hash(data) for path, data in files.items()}
    known = set(tx.execute(_KNOWN, {"hashes": set(hashes.values())}).scalars())
    new = {hashes[path]: data for path, data in files.items() if hashes[path] not in known}
    if new:
        insert = insert_into(CONTENTS, tx.dialect.name).on_conflict_do_nothing()
        tx.execute(insert, [{"hash": name, "data": data} for name, data in new.items()])
    before = publications(tx)
    outdated = [path for path, name in before.items() if hashes.get(path) != name]
    tx.execute(_UNPUBLISH, {"paths": outdated})
    rows = [
        {"path": path, "hash": name, "published_at": now}
        for path, name in hashes.items()
        if before.get(path) != name
    ]
    insert_rows(tx, PUBLICATIONS, rows)
    return hashes


def publications(tx: Connection) -> dict[str, str]:
    """What is published now: ``{path: content hash}``."""
    return pairs(tx.execute(select(PUBLICATIONS.c.path, PUBLICATIONS.c.hash)))


def fingerprint(tx: Connection) -> str:
    """Changes whenever anything is published or a workflow gets another head: cheap to ask before every batch."""
    heads = tx.execute(select(WORKFLOWS.c.name, WORKFLOWS.c.version).order_by(WORKFLOWS.c.name)).all()
    paths = tx.execute(select(PUBLICATIONS.c.path, PUBLICATIONS.c.hash).order_by(PUBLICATIONS.c.path)).all()
    return sha256(repr((heads, paths)).encode()).hexdigest()


def contents(tx: Connection, hashes: Collection[str]) -> dict[str, bytes]:
    """Contents by hash; unknown ones are left out."""
    return pairs(tx.execute(_CONTENTS, {"hashes": hashes})) if hashes else {}


def published_files(tx: Connection) -> dict[str, bytes]:
    """Every published file: ``{path: bytes}``."""
    joined = select(PUBLICATIONS.c.path, CONTENTS.c.data).join(
        CONTENTS, CONTENTS.c.hash == PUBLICATIONS.c.hash
    )
    return pairs(tx.execute(joined.order_by(PUBLICATIONS.c.path)))


def publish_versions(tx: Connection, versions: Collection[Version]) -> None:
    """Make these versions known; one that is known already takes the newer text of the same structure."""
    for version in versions:  # a handful of files, typed by a person
        values = {name: getattr(version, name) for name in Version.__slots__}
        tx.execute(_put_version(tx.dialect.name), values)


def versions(tx: Connection, names: Collection[str] | None = None) -> dict[str, Version]:
    """Versions by their hash; all of them, or those with these hashes."""
    query = select(*(VERSIONS.c[name] for name in Version.__slots__)).order_by(VERSIONS.c.published_at)
    if names is None:
        rows = tx.execute(query)
    else:
        rows = tx.execute(query.where(among(VERSIONS.c.version, "names")), {"names": names})
    return {row.version: Version(*row) for row in rows}


def set_heads(tx: Connection, heads: Mapping[str, str], now: datetime) -> None:
    """The versions that new contacts enter, of all workflows: ``{workflow: version}``. Others take nobody new."""
    before = workflow_heads(tx)
    gone = [name for name, version in before.items() if heads.get(name) != version]
    tx.execute(_UNHEAD, {"names": gone})
    rows = [
        {"name": name, "version": version, "published_at": now}
        for name, version in heads.items()
        if before.get(name) != version
    ]
    insert_rows(tx, WORKFLOWS, rows)


def workflow_heads(tx: Connection) -> dict[str, str]:
    """The version that new contacts enter, by workflow."""
    return pairs(tx.execute(select(WORKFLOWS.c.name, WORKFLOWS.c.version)))


_KNOWN = select(CONTENTS.c.hash).where(among(CONTENTS.c.hash, "hashes"))
_CONTENTS = select(CONTENTS.c.hash, CONTENTS.c.data).where(among(CONTENTS.c.hash, "hashes"))
_UNPUBLISH = delete(PUBLICATIONS).where(among(PUBLICATIONS.c.path, "paths"))
_UNHEAD = delete(WORKFLOWS).where(among(WORKFLOWS.c.name, "names"))


@cache
def _put_version(dialect: str) -> Insert:
    insert = insert_into(VERSIONS, dialect)
    return insert.on_conflict_do_update(
        index_elements=[VERSIONS.c.version],
        set_={"content": insert.excluded.content, "path": insert.excluded.path},
    )
