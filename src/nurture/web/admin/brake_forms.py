"""The two forms of every brake: stop, which wants a reason, and go on."""

from __future__ import annotations

from flask_wtf import FlaskForm
from wtforms import StringField
from wtforms.validators import InputRequired, Length

from nurture.services.contacts.steering import LONGEST_REASON


class StopForm(FlaskForm):
    reason = StringField(
        "Why?", [InputRequired("Please say why: others will read it."), Length(max=LONGEST_REASON)]
    )


class GoOnForm(FlaskForm):
    reason = StringField("Why now?", [Length(max=LONGEST_REASON)])
