"""`nurture schema`: what an editor needs to complete and check workflow files while one types."""

from __future__ import annotations

import click

from nurture.cli.common import Context, project_options


@click.command("schema", epilog="Example: nurture schema > workflows/nurture.schema.json")
@project_options
def schema(context: Context) -> None:
    """Print the JSON Schema of workflow files.

    Kept beside the workflows, it is found by their first line: # yaml-language-server: $schema=nurture.schema.json
    """
    from nurture.workflow.schema import workflow_schema

    context.emit_json(workflow_schema())
