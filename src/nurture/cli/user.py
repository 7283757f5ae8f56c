"""`nurture user`: the people who may log in. Nobody can make an account from a browser, and there is no default one."""

from __future__ import annotations

import sys

import click

from nurture.cli._opened import local, opened, workspace_zone
from nurture.cli.common import Context, project_options
from nurture.model.accounts import Role

ACTOR = "command line"
role_argument = click.Choice([role.value for role in Role])
from_stdin = click.option(
    "--password-stdin", is_flag=True, help="Read the password from standard input: its first line."
)


@click.group("user", epilog="Example: nurture user list")
def user() -> None:
    """Say who may log in, and as what."""


@user.command("add", epilog="Example: nurture user add kim@example.org --role sales --name Kim")
@project_options
@click.argument("email")
@click.option(
    "--role", type=role_argument, required=True, help="What they may do: everything, workflows, calls, look."
)
@click.option("--name", default="", help="How pages speak of them.")
@from_stdin
def add(context: Context, email: str, role: str, name: str, password_stdin: bool) -> None:
    """Let the person with this address log in.

    A terminal asks for the password; without one, and without --password-stdin, a strong one is made and shown once.
    """
    from nurture.services.staff import accounts

    with opened(context) as nurture:
        password, made = choose_password(password_stdin)
        account = accounts.add(nurture.runtime, email, Role(role), password, name=name, actor=ACTOR)
    if context.as_json:
        shown = {"password": password} if made else {}
        context.emit_json({"email": account.email, "role": account.role} | shown)
    else:
        context.say(f"{account.email} may log in as {account.role}.")
        tell_password(context, password, made)


@user.command("list", epilog="Example: nurture user list")
@project_options
def list_(context: Context) -> None:
    """List who may log in, as what, and when they were last here."""
    from nurture.services.staff import accounts

    with opened(context) as nurture:
        found = accounts.everyone(nurture.runtime)
        zone = workspace_zone(nurture)
    if context.as_json:
        context.emit_json(
            {
                "users": [
                    {
                        "email": one.account.email,
                        "name": one.account.name,
                        "role": one.account.role,
                        "disabled": one.disabled,
                        "created_at": one.created_at,
                        "seen_at": one.seen_at,
                    }
                    for one in found
                ]
            }
        )
    elif not found:
        context.say("Nobody may log in yet: `nurture user add EMAIL --role admin` begins.")
    else:
        context.table(
            ("address", "name", "role", "last seen", ""),
            [
                (
                    one.account.email,
                    one.account.name,
                    one.account.role,
                    local(one.seen_at, zone) if one.seen_at else "not logged in",
                    "locked out" if one.disabled else None,
                )
                for one in found
            ],
        )


@user.command("role", epilog="Example: nurture user role kim@example.org marketer")
@project_options
@click.argument("email")
@click.argument("role", type=role_argument)
def role_(context: Context, email: str, role: str) -> None:
    """Change what the person with this address may do; at once, also where they are logged in."""
    from nurture.services.staff import accounts

    with opened(context) as nurture:
        account = accounts.account(nurture.runtime, email)
        accounts.set_role(nurture.runtime, account, Role(role), actor=ACTOR)
    if context.as_json:
        context.emit_json({"email": account.email, "role": role})
    else:
        context.say(f"{account.email} is {role} now.")


@user.command("password", epilog="Example: nurture user password kim@example.org")
@project_options
@click.argument("email")
@from_stdin
def password_(context: Context, email: str, password_stdin: bool) -> None:
    """Give the person with this address a new password; logs them out everywhere."""
    from nurture.services.staff import accounts

    with opened(context) as nurture:
        account = accounts.account(nurture.runtime, email)
        password, made = choose_password(password_stdin)
        accounts.set_password(nurture.runtime, account, password, actor=ACTOR)
    if context.as_json:
        shown = {"password": password} if made else {}
        context.emit_json({"email": account.email} | shown)
    else:
        context.say(f"{account.email} has a new password.")
        tell_password(context, password, made)


@user.command("disable", epilog="Example: nurture user disable kim@example.org")
@project_options
@click.argument("email")
@click.option("--undo", is_flag=True, help="Let them in again.")
def disable(context: Context, email: str, undo: bool) -> None:
    """Lock the person with this address out, at once and everywhere. What they did stays in the audit log."""
    from nurture.services.staff import accounts

    with opened(context) as nurture:
        account = accounts.account(nurture.runtime, email)
        accounts.set_disabled(nurture.runtime, account, not undo, actor=ACTOR)
    if context.as_json:
        context.emit_json({"email": account.email, "disabled": not undo})
    else:
        context.say(f"{account.email} {'may log in again' if undo else 'is locked out'}.")


def choose_password(from_input: bool) -> tuple[str, bool]:
    """The password, and whether it was made here."""
    from nurture.services.staff.accounts import LONGEST_PASSWORD, SHORTEST_PASSWORD, make_password

    if from_input:
        return sys.stdin.readline().rstrip("\r\n"), False
    if sys.stdin.isatty():
        asked = f"Password, {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters"
        return click.prompt(asked, hide_input=True, confirmation_prompt="Once more", err=True), False
    return make_password(), True


def tell_password(context: Context, password: str, made: bool) -> None:
    if made:
        context.say(f"Password: {password}")
        context.note("Keep it now: it is not shown again.")
