"""`nurture new`: a project to begin with."""

from __future__ import annotations

from pathlib import Path

import click

from nurture.cli.common import Context, project_options


@click.command("new", epilog="Example: nurture new my-company --name 'My Company'")
@project_options
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@click.option("--name", metavar="TEXT", help="The company's name; by default that of the folder.")
def new(context: Context, folder: Path, name: str | None) -> None:
    """Write a starter project into DIR, which must be new or empty: one workflow, one persona, one offer, four messages."""
    from nurture.services.files.starter import write_starter

    files = write_starter(folder, name)
    if context.as_json:
        context.emit_json({"folder": folder.resolve(), "files": files})
        return
    for file in files:
        context.say(f"  {file}")
    context.say(f"{len(files)} files are in {folder}. Next: cd {folder} && nurture check")
