"""`/admin/people`: who may log in and as what, and the tokens of other systems. For admins alone.

A secret that is made here (a password, a token) is shown on the answer itself and nowhere else: no cookie, log or second
page ever holds it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus

from flask import Blueprint, flash, redirect, render_template, url_for
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response
from wtforms import EmailField, PasswordField, SelectField, SelectMultipleField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length, ValidationError
from wtforms.widgets import CheckboxInput, ListWidget

from nurture.model.accounts import ADMINS, Role, Scope
from nurture.model.errors import NotFoundError, NurtureError
from nurture.services.staff import accounts, crew, tokens
from nurture.services.staff.accounts import LONGEST_PASSWORD, SHORTEST_PASSWORD, make_password
from nurture.web.guard import allow, me
from nurture.wiring import Nurture

ROLES = {
    Role.ADMIN: "Admin: everything, and who logs in",
    Role.MARKETER: "Marketer: workflows, contacts, sending",
    Role.SALES: "Sales: calls and sales",
    Role.VIEWER: "Viewer: looks, changes nothing",
}
SCOPES = {
    Scope.EVENTS_WRITE: "Report events of contacts",
    Scope.CONTACTS_WRITE: "Store contacts and what they agreed to",
    Scope.CONTACTS_READ: "Read what contacts got, why, and what is next",
}
MAY = [SelectChoice(role.value, said) for role, said in ROLES.items()]


@dataclass(frozen=True, slots=True)
class Secret:
    """What is shown once: of whom or what, and the words to type."""

    title: str
    text: str
    said: str


class PersonForm(FlaskForm):
    email = EmailField("E-mail address", [InputRequired("Please type an address.")])
    name = StringField("Name", [Length(max=100, message="Please keep it below 100 characters.")])
    role = SelectField("May", choices=MAY, default=Role.SALES.value)
    password = PasswordField(
        "Password", [Length(max=LONGEST_PASSWORD, message=f"At most {LONGEST_PASSWORD} characters.")]
    )


class RoleForm(FlaskForm):
    role = SelectField("May", choices=MAY)


class TokenForm(FlaskForm):
    name = StringField("Name of the system", [InputRequired("Please name the system that will use it.")])
    scopes = SelectMultipleField(
        "It may",
        choices=[SelectChoice(scope.value, said) for scope, said in SCOPES.items()],
        widget=ListWidget(prefix_label=False),
        option_widget=CheckboxInput(),
    )

    def validate_scopes(self, field: SelectMultipleField) -> None:
        # Not InputRequired: browsers would ask for a tick in every box.
        if not field.data:
            raise ValidationError("Please choose what it may do.")


class RevokeForm(FlaskForm):
    name = StringField("Name")


def pages(nurture: Nurture) -> Blueprint:
    routes = Blueprint("people", __name__, url_prefix="/admin/people")
    runtime = nurture.runtime

    def page(
        person: PersonForm | None = None, token: TokenForm | None = None, secret: Secret | None = None
    ) -> str:
        return render_template(
            "admin/people.html",
            crew=crew.crew(runtime),
            tokens=tokens.everything(runtime),
            person=person or PersonForm(formdata=None),
            token=token or TokenForm(formdata=None),
            roles=ROLES,
            secret=secret,
            shortest=SHORTEST_PASSWORD,
        )

    @routes.get("")
    @allow(ADMINS)
    def show() -> str:
        return page()

    @routes.post("")
    @allow(ADMINS)
    def add() -> Response | str | tuple[str, int]:
        form = PersonForm()
        if not form.validate_on_submit():
            return page(person=form), HTTPStatus.UNPROCESSABLE_ENTITY
        typed = form.password.data or ""
        password = typed or make_password()
        try:
            added = accounts.add(
                runtime,
                form.email.data,
                Role(form.role.data),
                password,
                name=form.name.data or "",
                actor=me().email,
            )
        except NurtureError as error:
            wrong = form.password if typed and len(typed) < SHORTEST_PASSWORD else form.email
            wrong.errors = [error.sentence]
            return page(person=form), HTTPStatus.UNPROCESSABLE_ENTITY
        if not typed:
            return page(secret=of_person(added.email, password))
        return back(f"{added.email} may log in now.")

    @routes.post("/<int:user_id>/role")
    @allow(ADMINS)
    def role(user_id: int) -> Response:
        account, form = crew.account(runtime, user_id), RoleForm()
        if not form.validate_on_submit():
            return back("There is no such role.", "problem")
        chosen = Role(form.role.data)
        return attempt(
            lambda: accounts.set_role(runtime, account, chosen, actor=me().email),
            f"{account.email} is {chosen} now.",
        )

    @routes.post("/<int:user_id>/password")
    @allow(ADMINS)
    def password(user_id: int) -> str:
        account, new = crew.account(runtime, user_id), make_password()
        accounts.set_password(runtime, account, new, actor=me().email)
        return page(secret=of_person(account.email, new))

    @routes.post("/<int:user_id>/lock-out")
    @allow(ADMINS)
    def lock_out(user_id: int) -> Response:
        account = crew.account(runtime, user_id)
        return attempt(
            lambda: accounts.set_disabled(runtime, account, True, actor=me().email),
            f"{account.email} is locked out, everywhere.",
        )

    @routes.post("/<int:user_id>/let-in")
    @allow(ADMINS)
    def let_in(user_id: int) -> Response:
        account = crew.account(runtime, user_id)
        return attempt(
            lambda: accounts.set_disabled(runtime, account, False, actor=me().email),
            f"{account.email} may log in again.",
        )

    @routes.post("/tokens")
    @allow(ADMINS)
    def add_token() -> str | tuple[str, int]:
        form = TokenForm()
        if form.validate_on_submit():
            name = form.name.data.strip()
            try:
                shown = tokens.add(runtime, name, {Scope(one) for one in form.scopes.data}, actor=me().email)
            except NurtureError as error:
                form.name.errors = [error.sentence]
            else:
                said = "The system sends it as “Authorization: Bearer …”."
                return page(secret=Secret(f"The token of {name}", shown, said))
        return page(token=form), HTTPStatus.UNPROCESSABLE_ENTITY

    @routes.post("/tokens/revoke")
    @allow(ADMINS)
    def revoke() -> Response:
        name = RevokeForm().name.data or ""
        return attempt(
            lambda: tokens.revoke(runtime, name, actor=me().email),
            f"The token of {name} is worth nothing now.",
        )

    return routes


def attempt(deed: Callable[[], None], done: str) -> Response:
    """Do it, and say so on the list; or say there why not. Raises NotFoundError."""
    try:
        deed()
    except NotFoundError:
        raise
    except NurtureError as error:
        return back(error.sentence, "problem")
    return back(done)


def back(said: str, kind: str = "done") -> Response:
    flash(said, kind)
    return redirect(url_for("people.show"), HTTPStatus.SEE_OTHER)


def of_person(email: str, password: str) -> Secret:
    return Secret(
        f"The password of {email}",
        password,
        "Tell it to them, and nobody else; they can change it themselves.",
    )
