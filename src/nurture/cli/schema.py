"""`nurture schema`: what an editor needs to complete and check workflow and scenario files while one types."""

from __future__ import annotations

import click

from nurture.cli.common import Context, project_options


@click.command("schema", epilog="Example: nurture schema > workflows/nurture.schema.json")
@project_options
@click.argument(
    "what", type=click.Choice(("workflow", "scenario")), default="workflow", metavar="[workflow|scenario]"
)
def schema(context: Context, what: str) -> None:
    """Print the JSON Schema of workflow files, or of scenario files.

    Kept beside the files, it is found by their first line: # yaml-language-server: $schema=nurture.schema.json
    """
    from nurture.workflow.scenario_schema import scenario_schema
    from nurture.workflow.schema import workflow_schema

    context.emit_json(scenario_schema() if what == "scenario" else workflow_schema())
