"""`nurture token`: what lets other systems use the API, made, listed and taken away."""

from __future__ import annotations

import click

from nurture.cli._opened import local, opened, workspace_zone
from nurture.cli.common import Context, project_options
from nurture.model.accounts import Scope

ACTOR = "command line"


@click.group("token", epilog="Example: nurture token list")
def token() -> None:
    """Let other systems report events, store contacts, and read about them."""


@token.command(
    "add", epilog="Example: nurture token add web-shop --scope events:write --scope contacts:write"
)
@project_options
@click.argument("name")
@click.option(
    "--scope",
    "scopes",
    type=click.Choice([scope.value for scope in Scope]),
    multiple=True,
    required=True,
    help="What it may do; repeat it.",
)
def add(context: Context, name: str, scopes: tuple[str, ...]) -> None:
    """Make a token for the system NAME, and show it: once, it is kept as a hash only.

    The system sends it as `Authorization: Bearer nt_…`.
    """
    from nurture.services.staff import tokens

    with opened(context) as nurture:
        secret = tokens.add(nurture.runtime, name, {Scope(word) for word in scopes}, actor=ACTOR)
    if context.as_json:
        context.emit_json({"name": name, "scopes": sorted(set(scopes)), "token": secret})
    else:
        context.say(secret)
        context.note("Keep it now: it is not shown again. `nurture token revoke` makes it worthless.")


@token.command("list", epilog="Example: nurture token list")
@project_options
def list_(context: Context) -> None:
    """List every token with its scopes, and when it was last used."""
    from nurture.services.staff import tokens

    with opened(context) as nurture:
        found = tokens.everything(nurture.runtime)
        zone = workspace_zone(nurture)
    if context.as_json:
        context.emit_json({"tokens": found})
    elif not found:
        context.say("There are no tokens: `nurture token add NAME --scope SCOPE` makes one.")
    else:
        context.table(
            ("name", "may", "made", "last used", "revoked"),
            [
                (
                    one.name,
                    ", ".join(sorted(one.scopes)),
                    local(one.created_at, zone),
                    local(one.used_at, zone) if one.used_at else "never",
                    local(one.revoked_at, zone) if one.revoked_at else None,
                )
                for one in found
            ],
        )


@token.command("revoke", epilog="Example: nurture token revoke web-shop")
@project_options
@click.argument("name")
def revoke(context: Context, name: str) -> None:
    """Make the token of this NAME worthless, at once and for ever."""
    from nurture.services.staff import tokens

    with opened(context) as nurture:
        tokens.revoke(nurture.runtime, name, actor=ACTOR)
    if context.as_json:
        context.emit_json({"revoked": name})
    else:
        context.say(f"The token of {name} is worth nothing any more.")
