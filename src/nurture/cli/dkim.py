"""`nurture dkim`: keys that sign our mail, and the DNS records by which others check the signatures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from nurture.cli.common import Context, project_options

if TYPE_CHECKING:
    from nurture.services.sending.dkim_keys import DnsRecord


@click.group("dkim", epilog="Example: nurture dkim new s2026")
def dkim() -> None:
    """Make the keys that sign mail, and show their DNS records."""


@dkim.command("new", epilog="Example: nurture dkim new s2026")
@project_options
@click.argument("selector")
@click.option(
    "--sender", default="default", metavar="NAME", help="Whose mail it signs; `default` when silent."
)
@click.option(
    "--domain", metavar="DOMAIN", help="The domain it signs for; that of the sender's address when silent."
)
@click.option(
    "--ed25519", is_flag=True, help="A shorter, faster key that not every receiver knows, instead of RSA."
)
def new(context: Context, selector: str, sender: str, domain: str | None, ed25519: bool) -> None:
    """Make a key, write it into var/dkim/SELECTOR.pem for its owner only, and print its DNS record.

    SELECTOR is the name under which others find it: take a new one for each key, such as s2026. A key that is there
    already is never replaced. Needs the extra `mail`; no database is touched.
    """
    from nurture.rendering.dkim import KeyKind
    from nurture.services.sending import dkim_keys

    kind = KeyKind.ED25519 if ed25519 else KeyKind.RSA
    made = dkim_keys.make(context.project, selector, sender=sender, domain=domain, kind=kind)
    if context.as_json:
        context.emit_json({"file": made.file, "record": made.record, "toml": list(made.toml)})
        return
    context.say(f"The key is in {made.file}. Keep it secret, and with your backups.\n")
    _tell(context, made.record)
    context.say("\nThen write into nurture.toml and publish:\n")
    for line in made.toml:
        context.say(f"    {line}")
    context.say("\n`nurture doctor --mail` tells when the record can be seen.")


@dkim.command("show", epilog="Example: nurture dkim show")
@project_options
@click.argument("sender", required=False)
def show(context: Context, sender: str | None) -> None:
    """Print the DNS record of each SENDER in nurture.toml that signs its mail, or of one.

    Exits 1 when none does, or a key cannot be read on this machine.
    """
    from nurture.services.sending import dkim_keys

    records = dkim_keys.records(context.project, context.settings.dkim_key, sender)
    if context.as_json:
        context.emit_json({"records": records})
        return
    for number, one in enumerate(records):
        context.say(
            "" if number else f"{len(records)} sender{'s sign' if len(records) > 1 else ' signs'} mail.\n"
        )
        _tell(context, one)


def _tell(context: Context, record: DnsRecord) -> None:
    context.say(f"DNS record of sender '{record.sender}', of type TXT:\n")
    context.say(f"    {record.name}.")
    context.say(f"    {record.value}")
    if len(record.strings) > 1:
        context.say("\nIn a zone file it is written in parts, which count as one:\n")
        context.say("    " + " ".join(f'"{part}"' for part in record.strings))
