"""``[webhooks.NAME]`` in nurture.toml: another system's address, as far as one may judge it without going there.

Whether the address may be connected to is asked each time somebody does (``channels.reach``).
"""

from __future__ import annotations

from ipaddress import ip_address
from typing import Annotated
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict

from nurture.model.errors import TextError

_OWN_NAMES = (".internal", ".local", ".lan", ".test", ".localhost")
_HINT = "write https://HOST/PATH"


def _url(text: str) -> str:
    """An address that can be written to: https, or http to a machine of one's own; nothing secret before the host."""
    parts = _parts(text)
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname or parts.fragment:
        raise TextError(f"'{text[:80]}' is no address that can be written to", hint=_HINT)
    if "@" in parts.netloc:
        raise TextError("a user or password has no place in an address", hint=f"{_HINT}: requests are signed")
    if parts.scheme == "http" and not _is_own(parts.hostname):
        hint = "write https; http is for machines of your own that NURTURE_WEBHOOK_ALLOW names"
        raise TextError("http lets everybody on the way read along", hint=hint)
    return text


def _parts(text: str) -> SplitResult | None:
    try:
        parts = urlsplit(text)
        usable = parts.port != 0 and text.isprintable() and " " not in text
    except ValueError:
        return None
    return parts if usable else None


def _is_own(host: str) -> bool:
    """A name or address that nobody else's machine can have."""
    if "." not in host and ":" not in host:
        return True
    try:
        return not ip_address(host).is_global
    except ValueError:
        return host.endswith(_OWN_NAMES)


class EndpointForm(BaseModel):
    """One ``[webhooks.NAME]``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: Annotated[str, AfterValidator(_url)]
