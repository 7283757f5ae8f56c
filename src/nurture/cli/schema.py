"""`nurture schema`: what an editor needs to complete and check workflow and scenario files while one types."""

from __future__ import annotations

import click
from click.core import ParameterSource

from nurture.cli.common import Context, project_options


@click.command("schema", epilog="Example: nurture schema --project . --write")
@project_options
@click.argument(
    "what", type=click.Choice(("workflow", "scenario")), default="workflow", metavar="[workflow|scenario]"
)
@click.option(
    "--write", is_flag=True, help="Write the project's own beside its workflows and scenarios instead."
)
def schema(context: Context, what: str, write: bool) -> None:
    """Print the JSON Schema of workflow files, or of scenario files.

    With --project it knows the project's own templates, offers, personas, calendars, teams, events, fields and
    outcomes; without, only the language. Kept beside the files, it is found by their first line:
    # yaml-language-server: $schema=nurture.schema.json
    """
    if write:
        from nurture.services.files.editor import write_schemas

        files = write_schemas(context.project)
        if context.as_json:
            context.emit_json({"files": files})
        for file in [] if context.as_json else files:
            context.say(f"  {file}")
        return
    context.emit_json(_own(context, what) if _names_a_project() else _general(what))


def _names_a_project() -> bool:
    """Whether --project was said, in words or in the environment."""
    return click.get_current_context().get_parameter_source("project") in (
        ParameterSource.COMMANDLINE,
        ParameterSource.ENVIRONMENT,
    )


def _own(context: Context, what: str) -> object:
    from nurture.services.files.editor import schema_of

    return schema_of(context.project, what)


def _general(what: str) -> object:
    from nurture.workflow.scenario_schema import scenario_schema
    from nurture.workflow.schema import workflow_schema

    return scenario_schema() if what == "scenario" else workflow_schema()
