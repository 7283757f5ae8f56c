"""Who may see and do what: log-in, roles, forged posts and floods, for every page behind `/admin`.

A page without a named audience does not start: forgetting to guard one is an error, never an open door. What public
pages and the API accept is decided there.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from hashlib import blake2b
from http import HTTPStatus
from ipaddress import IPv6Address, ip_address, ip_network
from typing import TypeVar, cast
from urllib.parse import urlsplit

from flask import Flask, Response, abort, current_app, redirect, request, session, url_for
from flask_limiter import Limiter
from flask_login import LoginManager, UserMixin, current_user
from flask_wtf.csrf import CSRFProtect
from werkzeug.local import LocalProxy
from werkzeug.wrappers import Response as AnyResponse

from nurture.model.accounts import Account, Role
from nurture.services.runtime import Runtime
from nurture.services.staff import accounts
from nurture.services.staff.accounts import LOGGED_IN_FOR
from nurture.settings import Settings

ADMIN = "/admin"
OPEN: frozenset[Role] = frozenset()
"""The audience of the log-in page: everybody who comes by."""

View = TypeVar("View", bound=Callable[..., object])


def allow(roles: frozenset[Role]) -> Callable[[View], View]:
    """Who may call this view; stands below its route."""

    def mark(view: View) -> View:
        view.allowed_roles = roles  # type: ignore[attr-defined]
        return view

    return mark


def me() -> Account:
    """Who is logged in. Only behind ``allow``."""
    return cast("Visitor", current_user).account


def token() -> str:
    """The log-in of this very browser."""
    return cast("Visitor", current_user).token


limiter = cast("Limiter", LocalProxy(lambda: current_app.extensions["nurture.limiter"]))
"""For views: ``with limiter.limit("20/hour", key_func=…):`` answers 429 when somebody asks too often."""


def hidden(*words: str) -> str:
    """A key for limits that tells no address."""
    return blake2b("\x1f".join(words).encode(), digest_size=12).hexdigest()


def place() -> str:
    """From where somebody asks: their address, or the network of an IPv6 address, in which one person owns 2^64."""
    try:
        address = ip_address((request.remote_addr or "").partition("%")[0])
    except ValueError:
        return "nowhere"
    if not isinstance(address, IPv6Address):
        return str(address)
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(ip_network((address, PERSONAL_NETWORK), strict=False))


PERSONAL_NETWORK = 64


class Visitor(UserMixin):
    """Somebody who is logged in, for flask-login."""

    def __init__(self, account: Account, token: str) -> None:
        self.account = account
        self.token = token

    def get_id(self) -> str:
        return self.token


def secure(app: Flask, settings: Settings, runtime: Runtime) -> None:
    """Cookies, log-in, forged posts and limits of this app. Call ``refuse_unguarded`` once all routes are there."""
    https = settings.base_url.startswith("https:")
    signing, *older = (f"pages:{key}" for key in settings.secret_keys)
    app.config.update(
        SECRET_KEY=signing,
        SECRET_KEY_FALLBACKS=older,
        SESSION_COOKIE_NAME="__Host-nurture" if https and not urlsplit(settings.base_url).path else "nurture",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=https,
        SESSION_COOKIE_PATH=urlsplit(settings.base_url).path or "/",
        PERMANENT_SESSION_LIFETIME=timedelta(days=LOGGED_IN_FOR.days),
        WTF_CSRF_TIME_LIMIT=None,  # as long as the log-in
        WTF_CSRF_SSL_STRICT=False,  # it wants a Referer, which our pages do not let browsers send
    )
    app.extensions["nurture.csrf"] = CSRFProtect(app)
    app.extensions["nurture.limiter"] = Limiter(
        place,
        app=app,
        storage_uri=limits_address(settings.broker_url),
        in_memory_fallback_enabled=True,  # without the broker each process counts for itself
        key_prefix="nurture:limits",
    )
    manager = LoginManager(app)
    manager.session_protection = None  # the token is checked against the database at every request

    @manager.user_loader  # type: ignore[untyped-decorator]
    def load(shown: str) -> Visitor | None:
        account = accounts.logged_in(runtime, shown)
        return Visitor(account, shown) if account else None

    app.before_request(turn_away)
    app.before_request(refuse_nul)


def limits_address(broker_url: str | None) -> str:
    """Where asking is counted: beside the broker's rings, or in this process."""
    if broker_url is None:
        return "memory://"
    if broker_url.startswith("unix:"):
        return f"redis+{broker_url}"
    return broker_url.replace("sentinel:", "redis+sentinel:", 1)


def exempt_from_tokens(app: Flask, blueprint: str) -> None:
    """These pages are posted to without our forms: by mail programs, embedded forms, other systems."""
    csrf: CSRFProtect = app.extensions["nurture.csrf"]
    csrf.exempt(app.blueprints[blueprint])


def turn_away() -> AnyResponse | None:
    """Who is not logged in goes to the log-in page; whose role does not suffice gets a 403."""
    view = current_app.view_functions.get(request.endpoint or "")
    roles: frozenset[Role] | None = getattr(view, "allowed_roles", None)
    if roles is None or roles is OPEN:
        return None
    if not current_user.is_authenticated:
        return to_log_in()
    if me().role not in roles:
        abort(HTTPStatus.FORBIDDEN)
    return None


def refuse_nul() -> None:
    """No form of the admin holds what no person types and no database keeps. Public forms say so at the question."""
    if not request.path.startswith(ADMIN):
        return
    if any("\0" in str(word) for word in (request.view_args or {}).values()):
        abort(HTTPStatus.NOT_FOUND)
    if any("\0" in word for _, word in request.form.items(multi=True)):
        abort(HTTPStatus.BAD_REQUEST)


def to_log_in() -> AnyResponse:
    """To the log-in page, and afterwards back to what was asked for, if looking at it was all."""
    wanted = request.full_path.rstrip("?") if request.method == "GET" else None
    page = url_for("login.show", next=wanted)
    if request.headers.get("HX-Request"):
        return Response(status=HTTPStatus.UNAUTHORIZED, headers={"HX-Redirect": page})
    return redirect(page, HTTPStatus.SEE_OTHER)


def own_path(text: str | None, otherwise: str) -> str:
    """``text`` when it is a path of the admin, else ``otherwise``: nobody is sent elsewhere by a link to us."""
    try:
        parts = urlsplit(text or "")
    except ValueError:  # such as half an IPv6 address
        return otherwise
    inside = parts.path == ADMIN or parts.path.startswith(f"{ADMIN}/")
    safe = inside and not parts.scheme and not parts.netloc and "\\" not in parts.path
    return f"{request.script_root}{text}" if safe else otherwise


def begin_session(shown: str) -> None:
    """Forget what this browser brought, and remember the new log-in."""
    session.clear()
    session.permanent = True
    session["_user_id"] = shown
    session["_fresh"] = True


def refuse_unguarded(app: Flask) -> None:
    """Raises RuntimeError when a page of the admin does not say whom it is for."""
    for rule in app.url_map.iter_rules():
        view = app.view_functions[rule.endpoint]
        if rule.rule.startswith(ADMIN) and not hasattr(view, "allowed_roles"):
            raise RuntimeError(f"{rule.rule} does not say whom it is for: add @allow(…) below its route")
