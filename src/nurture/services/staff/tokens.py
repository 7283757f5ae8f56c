"""What lets another system use the API: a token, shown once, that may do only what it was made for.

Only its hash is kept, so that nobody who reads the database can use it. It never logs a person in.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Collection
from datetime import timedelta
from hashlib import sha256

from nurture.db import tokens
from nurture.db.tokens import Token
from nurture.model.accounts import Scope
from nurture.model.errors import NotFoundError, NurtureError, did_you_mean
from nurture.services.runtime import Runtime

PREFIX = "nt_"
"""By which a token is known for one, in a leaked file too."""
USED_EVERY = timedelta(minutes=1)
"""How exactly its use is noted."""
_NAME = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_LONGEST_NAME = 60


def add(runtime: Runtime, name: str, scopes: Collection[Scope], *, actor: str) -> str:
    """A new token; what is returned is shown once and known to nobody afterwards. Raises NurtureError."""
    if not _NAME.fullmatch(name) or len(name) > _LONGEST_NAME:
        raise NurtureError(
            f"'{name[:_LONGEST_NAME]}' is no name for a token",
            hint="name the system that will use it, in lower-case words and dashes: web-shop",
        )
    if not scopes:
        raise NurtureError("a token without a scope may do nothing", hint=f"choose among {', '.join(Scope)}")
    secret = PREFIX + secrets.token_urlsafe(32)
    now = runtime.clock.operational()
    with runtime.database.write() as tx:
        if tokens.add(tx, name, _hash(secret), scopes, now) is None:
            raise NurtureError(
                f"there is, or was, a token '{name}'",
                hint="give the new one another name, such as web-shop-2",
            )
        runtime.audit(tx, actor, "add-token", f"token:{name}", {"scopes": sorted(scopes)})
    return secret


def authorize(runtime: Runtime, shown: str) -> Token | None:
    """The token that somebody shows; None for one that is unknown or revoked.

    It is looked up by its hash, so that the time of the answer tells nothing about how near a guess was.
    """
    if not shown.startswith(PREFIX):
        return None
    now = runtime.clock.operational()
    with runtime.database.read() as tx:
        token = tokens.by_hash(tx, _hash(shown))
    if token and (token.used_at is None or token.used_at < now - USED_EVERY):
        with runtime.database.write() as tx:
            tokens.note_use(tx, token.id, now, now - USED_EVERY)
    return token


def revoke(runtime: Runtime, name: str, *, actor: str) -> None:
    """It is worth nothing from now on, and stays in the list. Raises NotFoundError."""
    now = runtime.clock.operational()
    with runtime.database.write() as tx:
        if not tokens.revoke(tx, name, now):
            living = [one.name for one in tokens.everything(tx) if one.revoked_at is None]
            hint = did_you_mean(name, living) or "`nurture token list` shows every one"
            raise NotFoundError(f"there is no token '{name}' to revoke", hint=hint)
        runtime.audit(tx, actor, "revoke-token", f"token:{name}")


def everything(runtime: Runtime) -> list[Token]:
    """Every token there ever was, by name."""
    with runtime.database.read() as tx:
        return tokens.everything(tx)


def _hash(secret: str) -> str:
    return sha256(secret.encode("utf-8", "replace")).hexdigest()
