"""`nurture webhook`: the other systems that workflows tell of what happens, their secrets, and what they answered."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import click

from nurture.cli._opened import local, opened, workspace_zone
from nurture.cli.common import Context, project_options

if TYPE_CHECKING:
    from nurture.services.sending.endpoints import Standing

ACTOR = "command line"


@click.group("webhook", epilog="Example: nurture webhook list")
def webhook() -> None:
    """Look after the systems that webhooks go to."""


@webhook.command("list", epilog="Example: nurture webhook list")
@project_options
def list_(context: Context) -> None:
    """List every endpoint: where it is, whether it works, what waits, and what arrived or failed."""
    from nurture.services.sending import endpoints

    with opened(context) as nurture:
        found = endpoints.everything(nurture.runtime)
        zone = workspace_zone(nurture)
    if context.as_json:
        context.emit_json({"endpoints": found})
    elif not found:
        context.say(
            'There are no endpoints: [webhooks.NAME] with url = "https://…" in nurture.toml makes one.'
        )
    else:
        context.table(
            ("endpoint", "state", "waiting", "sent", "failed", "last sent", "url"),
            [
                (
                    one.name,
                    _state(one, zone),
                    one.waiting,
                    one.sent,
                    one.failed,
                    _when(one.last_sent, zone),
                    one.url,
                )
                for one in found
            ],
        )


def _state(one: Standing, zone: ZoneInfo) -> str:
    if one.url is None:
        return "in nurture.toml no more"
    if one.closed is None:
        return "works"
    if one.closed.until is None:
        return f"off since {local(one.closed.since, zone)}: {one.closed.said}"
    return f"rests until {local(one.closed.until, zone)}: {one.closed.said}"


def _when(moment: datetime | None, zone: ZoneInfo) -> str | None:
    return local(moment, zone) if moment else None


@webhook.command("secret", epilog="Example: nurture webhook secret crm-sync")
@project_options
@click.argument("name")
def secret(context: Context, name: str) -> None:
    """Show the secret by which the system NAME knows that a request is ours.

    It follows from NURTURE_SECRET_KEY and the name. While that holds several keys, every request is signed with each:
    give the system the first, then remove the others from the setting.
    """
    from nurture.services.sending import endpoints

    with opened(context) as nurture:
        first, *older = endpoints.secrets(nurture.runtime, name)
    if context.as_json:
        context.emit_json({"name": name, "secret": first, "older": older})
        return
    context.say(first)
    if older:
        context.note(
            f"Requests are signed with {len(older)} older secret{'s' if len(older) > 1 else ''} as well."
        )


@webhook.command("test", epilog="Example: nurture webhook test crm-sync")
@project_options
@click.argument("name")
def test(context: Context, name: str) -> None:
    """Send the system NAME a message of the type `ping` now, and print its answer. Exits 1 unless it takes it."""
    from nurture.services.sending import endpoints

    with opened(context) as nurture:
        trial = endpoints.ping(nurture.runtime, name)
    if context.as_json:
        context.emit_json(trial)
    elif trial.status is None:
        context.say(f"No answer from {name}: {trial.said}")
    else:
        context.say(f"{name} answered {trial.status} in {trial.seconds:g} s. {trial.said}".rstrip())
    if not trial.taken:
        raise SystemExit(1)


@webhook.command("enable", epilog="Example: nurture webhook enable crm-sync")
@project_options
@click.argument("name")
def enable(context: Context, name: str) -> None:
    """Switch the system NAME on again after it said that it was gone, or end its rest. What waits for it goes at once."""
    from nurture.services.sending import endpoints

    with opened(context) as nurture:
        waiting = endpoints.enable(nurture.runtime, name, actor=ACTOR)
    if context.as_json:
        context.emit_json({"enabled": name, "waiting": waiting})
    else:
        context.say(f"{name} is on; {waiting} message{'s wait' if waiting != 1 else ' waits'} for it.")


@webhook.command(
    "redeliver", epilog="Example: nurture webhook redeliver crm-sync --id 5tqk2mzv3x7h4p6wnb2ydrcgae"
)
@project_options
@click.argument("name")
@click.option(
    "--id",
    "ids",
    metavar="WEBHOOK-ID",
    multiple=True,
    help="One message, failed or sent, by its webhook-id; repeat it.",
)
def redeliver(context: Context, name: str, ids: tuple[str, ...]) -> None:
    """Send what the system NAME did not get once more: all that failed, or the messages named by --id.

    Each goes under its old id, by which the system knows what it had already. Exits 1 when there is nothing to send.
    """
    from nurture.services.sending import endpoints

    with opened(context) as nurture:
        again = endpoints.redeliver(nurture.runtime, name, ids or None, actor=ACTOR)
    if context.as_json:
        context.emit_json({"name": name, "redelivered": again})
    else:
        context.say(
            f"{len(again)} message{'s go' if len(again) != 1 else ' goes'} to {name} once more."
            if again
            else f"Nothing that was for {name} has failed."
        )
    if not again:
        raise SystemExit(1)
