"""Run by Alembic, on the connection that ``nurture.db.migrate`` opened; it opens none of its own."""

from __future__ import annotations

from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext

from nurture.db.tables import Base
from nurture.db.types import BigId, Json, UtcDateTime


def render_item(kind: str, item: Any, _context: AutogenContext) -> str | Literal[False]:
    """Our own types by their own names, in the revisions that ``alembic revision --autogenerate`` writes."""
    if kind != "type":
        return False
    if isinstance(item, UtcDateTime):
        return "UtcDateTime()"
    if item is BigId:
        return "BigId"
    return "Json" if item is Json else False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,
    transactional_ddl=True,
    compare_type=True,
    render_item=render_item,
    user_module_prefix="sa.",
)
context.run_migrations()
