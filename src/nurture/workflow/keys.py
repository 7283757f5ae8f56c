"""Which key of a workflow file belongs where, and what is told when one that is needed is missing.

Words only; the reader uses them.
"""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import BaseModel

from nurture.steps import KINDS
from nurture.workflow.fields import LossFields, StageFields, WorkflowFields
from nurture.workflow.forms import Plain

KINDS_HINT = f"a step has one of {', '.join(KINDS)}"
MISSING: Mapping[str, Mapping[str, tuple[str, str, str]]] = {
    "stage": {
        "need": (
            "stage-without-need",
            "this stage does not say what the contact needs here",
            "add 'need:', in the contact's own words",
        ),
        "validate": (
            "stage-without-validation",
            "nothing proves that a contact got through this stage",
            "add 'validate:' with an event from outside",
        ),
    },
    "wait_until": {
        "timeout": (
            "wait-without-timeout",
            "this wait could last forever",
            "add 'timeout:', such as 3 days",
        ),
    },
}


def _where_keys_belong() -> dict[str, str]:
    """For each key of a workflow file, where it may stand."""
    steps: dict[str, list[str]] = {}
    for kind in KINDS.values():
        for name, info in kind.fields.model_fields.items():
            steps.setdefault(info.alias or name, []).append(kind.name)
        for name in kind.branches:
            if kind.name not in steps.setdefault(name, []):
                steps[name].append(kind.name)
    found = {key: _to_steps(kinds) for key, kinds in steps.items()}
    for form, words in _FORMS:
        for name, info in form.model_fields.items():
            found.setdefault(info.alias or name, words)
    return found | {"stages": "to the top of the file", "steps": "to a stage", "loss": "to a stage"}


def _to_steps(kinds: list[str]) -> str:
    """The kinds by name, or where nearly all are meant, those that are not."""
    others = [kind for kind in KINDS if kind not in kinds]
    if len(others) < len(kinds):
        return f"to a step of any kind but {' or '.join(others)}" if others else "to a step"
    *most, last = kinds
    return f"to {', '.join(most)} or {last} steps" if most else f"to {last} steps"


_FORMS: tuple[tuple[type[BaseModel], str], ...] = (
    (WorkflowFields, "to the top of the file"),
    (StageFields, "to a stage"),
    (LossFields, "to a loss of a stage"),
)
BELONGS = _where_keys_belong()
STAND_INS: Mapping[str, Mapping[str, Plain]] = {
    "stage": {"need": "?", "validate": "nothing.proves"},
    "wait_until": {"timeout": "1 day"},
}
"""What a draft says where such a key is missing, so that the other keys can be checked all the same."""
