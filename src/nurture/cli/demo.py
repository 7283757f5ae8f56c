"""`nurture demo`: a sample company after six weeks of work, ready to look at."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from nurture.cli._listening import answers, refuse_taken, url_of
from nurture.cli.common import Context, Listen, project_options
from nurture.model.errors import NurtureError

if TYPE_CHECKING:
    from nurture.services.demo.staff import Staff
    from nurture.services.demo.story import Character, StageCount
    from nurture.settings import Settings
    from nurture.wiring import Nurture

LINES_OF_A_STORY = 5
OF_OTHERS = ("DATABASE_URL", "BROKER_URL", "SMTP_URL", "SECRET_KEY", "ALLOW_RECIPIENTS", "BASE_URL")


@dataclass(frozen=True, slots=True)
class Built:
    """What the demo is once it was played."""

    settings: Settings
    staff: Staff
    contacts: int
    mails: int
    calls: int
    stages: list[StageCount]
    characters: list[Character]
    in_order: bool


@click.command("demo", epilog="Example: nurture demo --once")
@project_options
@click.option(
    "--once", is_flag=True, help="Build it, check that it is in order and that its pages answer, and end."
)
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where to build it; var/demo in the project's folder by default. A demo made before is built anew.",
)
@click.option("--listen", type=Listen(), default="127.0.0.1:8000", help="HOST:PORT of the web server.")
def demo(context: Context, once: bool, folder: Path | None, listen: tuple[str, int]) -> None:
    """Build a sample company and play six weeks of it through the real engine; then run it until Ctrl-C.

    A hundred and twenty made-up people ask, download, click, are called, buy, fall silent and leave. All mail is caught in
    files and nothing leaves this machine, whatever the NURTURE_… settings say.
    """
    target = (folder or context.project / "var" / "demo").resolve()
    if not once:
        refuse_taken(listen)
    url = url_of(listen)
    built = build_demo(context, target, url, listen)
    if context.as_json:
        context.emit_json(as_document(built, url))
    else:
        tell(context, built, url)
    if not built.in_order:
        raise NurtureError(
            "the demo is not in order", hint=f"`nurture doctor --project {target}` says what is wrong"
        )
    if not once:
        run(context, built.settings, listen)


def build_demo(context: Context, target: Path, url: str, listen: tuple[str, int]) -> Built:
    """Copy, publish and play; progress goes to stderr."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    from nurture.model.clock import system_time
    from nurture.services.demo import play, sample, staff, story, tour
    from nurture.services.demo.cast import HOW_MANY
    from nurture.services.releases.publish import publish
    from nurture.services.running.doctor import examine
    from nurture.wiring import build, upgrade
    from nurture.workers.valkey import running_broker

    if running_broker(target / "var"):
        raise NurtureError(f"a demo runs in {target}", hint="stop that one first, or name another --folder")
    sample.copy_sample(target)
    settings = settings_of(context, target, url, listen)
    upgrade(settings)
    ends = system_time().replace(second=0, microsecond=0)
    clock = play.PlayedClock(ends - play.SIX_WEEKS)
    nurture = build(settings, clock)
    publish(nurture.runtime, target)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[day]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task("Six weeks pass", total=1.0, day="")

        def on_progress(done: float) -> None:
            progress.update(bar, completed=done, day=f"{clock.now():%a %-d %b}")

        play.Stage(nurture.runtime, clock, nurture.run_until_idle, ends).play(on_progress)
    diagnosis = examine(nurture.runtime)
    people = staff.hire(nurture.runtime)
    tour.begin(nurture.runtime)
    built = Built(
        settings,
        people,
        contacts=HOW_MANY,
        mails=diagnosis.tally.sent,
        calls=diagnosis.tally.opened,
        stages=story.funnel(nurture.runtime),
        characters=story.characters(nurture.runtime),
        in_order=diagnosis.ok and pages_answer(nurture, people),
    )
    nurture.close()
    return built


def settings_of(context: Context, target: Path, url: str, listen: tuple[str, int]) -> Settings:
    """The demo's own settings: its database and its mail folder. Those of a real installation are left alone."""
    from nurture.settings import load_settings, with_port
    from nurture.workers.logs import configure_logging

    for name in OF_OTHERS:
        for variable in (f"NURTURE_{name}", f"NURTURE_{name}_FILE"):
            if os.environ.pop(variable, None) is not None:
                context.note(f"{variable} is not used by the demo.")
    # The processes that run it later must agree with the links in its mails.
    os.environ["NURTURE_BASE_URL"] = url
    os.environ["NURTURE_LISTEN"] = with_port(listen)
    settings = load_settings(target)
    # Six weeks of people who leave and bounce are no news to whoever watches the bar.
    configure_logging("error")
    return settings


def pages_answer(nurture: Nurture, staff: Staff) -> bool:
    """Every page answers whoever may see all, and the link of a mail that was sent leads somewhere."""
    from nurture.cli._pages import silent_pages
    from nurture.web import create_app

    app = create_app(nurture.settings, nurture)
    silent = silent_pages(app, nurture, staff.boss)
    for path, status in silent:
        click.echo(f"{path} answers {status}", err=True)
    return not silent


def run(context: Context, settings: Settings, listen: tuple[str, int]) -> None:
    """Everything of `nurture up`, in this process."""
    from nurture.workers.supervisor import Supervisor, everything
    from nurture.workers.worker import stop_on_signals

    supervisor = Supervisor(settings, everything(settings, listen))
    stopping = stop_on_signals()
    supervisor.run(stopping, lambda: context.say("\nIt runs now; Ctrl-C stops it."), lambda: answers(listen))


def as_document(built: Built, url: str) -> dict[str, object]:
    """``user`` sees everything; everybody of the company has the same password."""
    return {
        "url": url,
        "user": built.staff.boss.email,
        "password": built.staff.password,
        "project": built.settings.project,
        "mail_folder": built.settings.var / "mail",
        "contacts": built.contacts,
        "mails": built.mails,
        "calls": built.calls,
        "ok": built.in_order,
        "stages": built.stages,
        "stories": built.characters,
    }


def tell(context: Context, built: Built, url: str) -> None:
    context.say(f"{built.contacts} people, {built.mails} mails, {built.calls} calls in six weeks.\n")
    context.table(
        ("workflow", "stage", "bucket", "there now", "completed", "lost here", "left"),
        [
            (one.workflow, one.stage, one.bucket, one.under_way, one.completed, one.lost, one.exited)
            for one in built.stages
        ],
    )
    for one in built.characters:
        tell_story(context, built.settings, one)
    project = built.settings.project
    near = project.relative_to(Path.cwd()) if project.is_relative_to(Path.cwd()) else project
    program = "python3 run.py nurture" if in_checkout() else "nurture"
    context.say(f"\nThe caught mail lies in {near / 'var' / 'mail'}. Nothing left this machine.")
    somebody = built.characters[-1].email if built.characters else "EMAIL"
    context.say("Try next:")
    for command, what in (
        ("why EMAIL", "the whole story of somebody"),
        ("contacts show EMAIL", "everything about them"),
        ("track EMAIL sale.closed amount=290", "make something happen"),
        ("clock --advance 2d", "let time pass, while it runs"),
        ("doctor", "the proof that all is accounted for"),
    ):
        context.say(f"  {program} {command.replace('EMAIL', somebody)} --project {near}   # {what}")
    context.say(f"\nOpen      {url}/admin/")
    context.say(
        f"Log in    {built.staff.boss.email}, who sees everything, or {built.staff.caller.email}, who makes calls"
    )
    context.say(f"Password  {built.staff.password}")


def in_checkout() -> bool:
    """Was it started by the script of a clone, where there is no `nurture` to type?"""
    return Path(sys.argv[0]).name == "__main__.py" and Path("run.py").is_file()


def tell_story(context: Context, settings: Settings, one: Character) -> None:
    """The last lines of somebody's story."""
    from nurture.cli._opened import local
    from nurture.services.story.why import why
    from nurture.wiring import build

    nurture = build(settings)
    answer = why(nurture.runtime, one.email, one.workflow)
    nurture.close()
    context.say(f"\n{one.email} {one.fate}:")
    lines = [line for line in answer.turns if line.decision not in ("clear", "branch")]
    if len(lines) > LINES_OF_A_STORY:
        context.say(f"  … {len(lines) - LINES_OF_A_STORY} earlier lines")
    for line in lines[-LINES_OF_A_STORY:]:
        context.say(f"  {local(line.at, answer.zone)}  {line.said}")
    for following in answer.next:
        context.say(f"  next: {following.said}")
