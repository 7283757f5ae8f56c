"""The step kinds, one file each. To add a kind: write its file, list it here."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from nurture.steps.base import Kind
from nurture.steps.call_task import CALL_TASK
from nurture.steps.email import EMAIL
from nurture.steps.enroll import ENROLL
from nurture.steps.exit import EXIT
from nurture.steps.jump import JUMP
from nurture.steps.lose import LOSE
from nurture.steps.notify import NOTIFY
from nurture.steps.offer import OFFER
from nurture.steps.set import SET
from nurture.steps.split import SPLIT
from nurture.steps.wait import WAIT
from nurture.steps.wait_until import WAIT_UNTIL
from nurture.steps.webhook import WEBHOOK
from nurture.steps.when import WHEN

KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        kind.name: kind
        for kind in (
            EMAIL,
            CALL_TASK,
            OFFER,
            NOTIFY,
            WEBHOOK,
            WAIT,
            WAIT_UNTIL,
            WHEN,
            SPLIT,
            SET,
            ENROLL,
            JUMP,
            LOSE,
            EXIT,
        )
    }
)
