"""The pages for people who log in: one file for each part of the work."""

from __future__ import annotations

from flask import Flask

from nurture.web.admin import (
    audit,
    calls,
    clock,
    contact,
    contacts,
    domains,
    experiments,
    forecasts,
    home,
    login,
    mail,
    me,
    offers,
    people,
    plan,
    releases,
    reports,
    rights,
    segments,
    suppressions,
    templates,
    versions,
    walks,
    webhooks,
    workflows,
)
from nurture.wiring import Nurture

MODULES = (
    login,
    home,
    calls,
    workflows,
    versions,
    walks,
    forecasts,
    plan,
    releases,
    experiments,
    offers,
    people,
    audit,
    me,
    contact,
    contacts,
    rights,
    segments,
    suppressions,
    templates,
    mail,
    reports,
    domains,
    webhooks,
    clock,
)


def register(app: Flask, nurture: Nurture) -> None:
    """Every page behind `/admin`."""
    for module in MODULES:
        app.register_blueprint(module.pages(nurture))
