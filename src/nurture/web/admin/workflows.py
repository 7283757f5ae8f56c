"""`/admin/workflows`: each workflow drawn with who is where, what every step did, and the problems of its file."""

from __future__ import annotations

from http import HTTPStatus

from flask import Blueprint, flash, redirect, render_template, url_for
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response

from nurture.model.accounts import EVERYBODY, MARKETERS
from nurture.model.words import DeliveryState, TaskState
from nurture.rendering.graph import Address, Figures, StageFigures, StepFigures, draw
from nurture.reports import funnel, steps
from nurture.reports.funnel import Funnel
from nurture.reports.steps import StepCounts, Steps
from nurture.services.files import drafts
from nurture.services.releases import workflows
from nurture.services.running import brakes, pausing
from nurture.services.running.pausing import Scope
from nurture.web.admin.brake_forms import GoOnForm, StopForm
from nurture.web.guard import allow, me
from nurture.wiring import Nurture
from nurture.workflow import outline


def pages(nurture: Nurture) -> Blueprint:
    routes = Blueprint("workflows", __name__, url_prefix="/admin/workflows")
    runtime = nurture.runtime
    desk = drafts.desk(nurture.settings.project)

    def shown(name: str, form: FlaskForm) -> str:
        whole = workflows.whole(runtime, name)
        workflow = whole.line.workflow
        with runtime.database.read() as tx:
            (counted,) = funnel.read(tx, {name: workflow}, name)
            did = steps.read(tx, name)
        return render_template(
            "admin/workflow.html",
            whole=whole,
            workflow=workflow,
            funnel=counted,
            steps=did,
            gone=[one for one in did.by_id if one not in workflow.steps],
            graph=draw(workflow, figures(counted, did), address(name)),
            at=address(name),
            outline=outline,
            draft=desk.look(runtime),
            brake=brakes.look(runtime, name),
            form=form,
        )

    @routes.get("")
    @allow(EVERYBODY)
    def show() -> str:
        return render_template(
            "admin/workflows.html", lines=workflows.listing(runtime), draft=desk.look(runtime)
        )

    @routes.get("/<name>")
    @allow(EVERYBODY)
    def one(name: str) -> str:
        return shown(name, FlaskForm())

    @routes.post("/<name>/pause")
    @allow(MARKETERS)
    def pause(name: str) -> Response | tuple[str, int]:
        workflows.whole(runtime, name)
        form = StopForm()
        if not form.validate_on_submit():
            return shown(name, form), HTTPStatus.UNPROCESSABLE_ENTITY
        begun = pausing.pause(runtime, Scope(workflow=name), form.reason.data, me().email)
        flash(f"{name} is paused." if begun else f"{name} was paused already.")
        return redirect(url_for(".one", name=name), HTTPStatus.SEE_OTHER)

    @routes.post("/<name>/go-on")
    @allow(MARKETERS)
    def go_on(name: str) -> Response | tuple[str, int]:
        workflows.whole(runtime, name)
        form = GoOnForm()
        if not form.validate_on_submit():
            return shown(name, form), HTTPStatus.UNPROCESSABLE_ENTITY
        ended = pausing.resume(runtime, Scope(workflow=name), form.reason.data or "", me().email)
        flash(f"{name} goes on." if ended else f"{name} was not paused.")
        return redirect(url_for(".one", name=name), HTTPStatus.SEE_OTHER)

    return routes


def address(workflow: str) -> Address:
    """Where the contacts of a stage or step are listed."""
    return lambda stage, step: url_for("contacts.show", workflow=workflow, stage=stage, step=step)


def figures(counted: Funnel, did: Steps) -> Figures:
    """The numbers of the reports, as the picture wants them."""
    return Figures(
        {
            one.stage: StageFigures(
                now=one.now,
                finished=did.finished.get(one.stage, 0),
                resting=one.resting,
                entered=one.entered,
                validated=one.validated,
                conversion=one.conversion,
                lost=one.reasons,
            )
            for one in counted.stages
        },
        {step: StepFigures(now=counts.now, did=_did(counts)) for step, counts in did.by_id.items()},
    )


def _did(counts: StepCounts) -> str:
    if counts.messages:
        return f"{counts.messages.get(DeliveryState.SENT, 0):,} sent"
    return f"{counts.calls.get(TaskState.DONE, 0):,} made" if counts.calls else ""
