"""Who may log in, and who is logged in: people with a password and a role, known in a browser by a token.

Passwords are kept as scrypt, tokens as SHA-256. A wrong password and an unknown address take the same time and get the
same answer. Without its row in the database a cookie is worth nothing, so logging out is final.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import timedelta
from functools import cache
from hashlib import sha256
from zoneinfo import ZoneInfo

from sqlalchemy import Connection
from werkzeug.security import check_password_hash, generate_password_hash

from nurture.db import users
from nurture.db.users import Known
from nurture.model.accounts import Account, Role
from nurture.model.addresses import AddressError, parse_mailbox, same_key
from nurture.model.errors import NotFoundError, NurtureError
from nurture.services.runtime import Runtime

SHORTEST_PASSWORD = 10
LONGEST_PASSWORD = 200
HASHED_BY = "scrypt:32768:8:1"
"""How passwords are kept: each guess costs 32 MB and about a twentieth of a second."""
LOGGED_IN_FOR = timedelta(days=14)
"""Since the last visit."""
SEEN_EVERY = timedelta(minutes=10)
"""How exactly a visit is noted."""


def make_password() -> str:
    """One that nobody guesses, and that can be read out on the phone."""
    letters = "abcdefghjkmnpqrstuvwxyz23456789"
    return "-".join("".join(secrets.choice(letters) for _ in range(5)) for _ in range(4))


def add(runtime: Runtime, email: str, role: Role, password: str, *, name: str = "", actor: str) -> Account:
    """A new person who may log in. Raises NurtureError for a taken address, a bad one, or a short password."""
    mailbox = parse_mailbox(email)
    hashed = _hashed(password)
    now = runtime.clock.operational()
    with runtime.database.write() as tx:
        account = users.add(tx, mailbox.address, name or mailbox.name, role, hashed, now)
        if account is None:
            raise NurtureError(
                f"{mailbox.address} may log in already", hint="change the role or the password instead"
            )
        _note(runtime, tx, actor, "add-user", account, {"role": role.value})
    return account


def authenticate(runtime: Runtime, email: str, password: str) -> Account | None:
    """The person with this address and password; None in every other case, after the same time."""
    try:
        with runtime.database.read() as tx:
            found = users.password_hash(tx, email)
    except AddressError:
        found = None
    account, hashed = found or (None, _nobody())
    right = check_password_hash(hashed, password[:LONGEST_PASSWORD])
    return account if right else None


def log_in(runtime: Runtime, account: Account) -> str:
    """A new token for a browser; what it had before is worth nothing."""
    token = secrets.token_urlsafe(32)
    now = runtime.clock.operational()
    with runtime.database.write() as tx:
        users.open_login(tx, _hash(token), account.id, now, now + LOGGED_IN_FOR)
    return token


def logged_in(runtime: Runtime, token: str) -> Account | None:
    """Who shows this token, if it is good. A visit keeps it good."""
    now = runtime.clock.operational()
    with runtime.database.read() as tx:
        login = users.login(tx, _hash(token), now)
    if login and now - login.seen_at > SEEN_EVERY:
        with runtime.database.write() as tx:
            users.keep_login(tx, _hash(token), now, now + LOGGED_IN_FOR)
    return login.account if login else None


def log_out(runtime: Runtime, token: str) -> None:
    with runtime.database.write() as tx:
        users.close_login(tx, _hash(token))


def everyone(runtime: Runtime) -> list[Known]:
    """All who may log in, or might again."""
    with runtime.database.read() as tx:
        return users.everyone(tx)


def account(runtime: Runtime, email: str) -> Account:
    """The person with this address. Raises NotFoundError, AddressError."""
    with runtime.database.read() as tx:
        return _found(tx, email)


def set_password(
    runtime: Runtime, user: Account, password: str, *, actor: str, token: str | None = None
) -> None:
    """A new password; ends all log-ins ``but`` the one with ``token``. Raises NurtureError for a short one."""
    hashed = _hashed(password)
    with runtime.database.write() as tx:
        users.set_password(tx, user.id, hashed)
        users.close_logins(tx, user.id, but=_hash(token) if token else None)
        _note(runtime, tx, actor, "change-password", user)


def set_role(runtime: Runtime, user: Account, role: Role, *, actor: str) -> None:
    """Raises NurtureError when nobody who may manage people would be left."""
    with runtime.database.write() as tx:
        if role is not Role.ADMIN:
            _keep_an_admin(tx, user)
        users.set_role(tx, user.id, role)
        _note(runtime, tx, actor, "change-role", user, {"role": role.value})


def set_disabled(runtime: Runtime, user: Account, disabled: bool, *, actor: str) -> None:
    """Lock somebody out, at once and everywhere, or let them in again. Raises NurtureError for the last admin."""
    now = runtime.clock.operational()
    with runtime.database.write() as tx:
        if disabled:
            _keep_an_admin(tx, user)
            users.close_logins(tx, user.id)
        users.set_disabled(tx, user.id, now if disabled else None)
        _note(runtime, tx, actor, "disable-user" if disabled else "enable-user", user)


def set_profile(runtime: Runtime, user: Account, name: str, timezone: str | None) -> None:
    """One's own name and zone. Raises NurtureError for a zone that does not exist."""
    if timezone:
        try:
            ZoneInfo(timezone)
        except (ValueError, OSError, KeyError) as error:  # what zoneinfo raises for names that are none
            raise NurtureError(
                f"there is no time zone '{timezone}'", hint="write it as America/Toronto"
            ) from error
    with runtime.database.write() as tx:
        users.set_profile(tx, user.id, name.strip(), timezone or None)


def _found(tx: Connection, email: str) -> Account:
    found = users.by_email(tx, email)
    if found is None:
        raise NotFoundError(f"nobody logs in as {email.strip()}", hint="`nurture user list` shows who does")
    return found


def _keep_an_admin(tx: Connection, user: Account) -> None:
    if users.lock_admins(tx) == [user.id]:
        raise NurtureError(
            f"{user.email} is the only admin who can log in", hint="make somebody else an admin first"
        )


def _hashed(password: str) -> str:
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise NurtureError(
            f"a password has {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters",
            hint="four words in a row are easy to remember and hard to guess",
        )
    return generate_password_hash(password, HASHED_BY)


@cache
def _nobody() -> str:
    """What the password of an unknown address is checked against, so that it takes as long."""
    return generate_password_hash(secrets.token_urlsafe(16), HASHED_BY)


def _hash(token: str) -> str:
    return sha256(token.encode()).hexdigest()


def _note(
    runtime: Runtime,
    tx: Connection,
    actor: str,
    action: str,
    user: Account,
    detail: Mapping[str, str] | None = None,
) -> None:
    runtime.audit(tx, actor, action, f"user:{same_key(user.email)}", detail or {})
