"""What a sender of nurture.toml means for a message that leaves: its return path, its signature.

A private key is read on the machine that sends and never goes anywhere: not into the database, a log or an error.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from nurture.model.addresses import parse_mailbox
from nurture.model.workspace import Sender, Workspace
from nurture.rendering.dkim import MAKE_ONE, DkimError, Signer, SigningKey, read_key
from nurture.rendering.links import Links

LARGEST_KEY = 64 * 1024


def sender_of(workspace: Workspace, name: str) -> Sender | None:
    """The sender of this name; who writes as ``owner`` writes by the default's leave."""
    return workspace.senders.get("default" if name == "owner" else name)


def house_sender(workspace: Workspace) -> Sender | None:
    """From whom the installation's own mails come: the default sender, or the first; None when there is none."""
    return workspace.senders.get("default") or next(iter(workspace.senders.values()), None)


def return_path(sender: Sender | None, links: Links, key: str) -> str | None:
    """Where the bounces of this message go; None where its sender has no address for them but its own."""
    if sender is None or sender.return_path_domain is None:
        return None
    return links.return_path(key, sender.return_path_domain)


@dataclass(frozen=True, slots=True)
class Keyring:
    """The keys of this machine. Files count from ``folder``; ``given`` is the text of NURTURE_DKIM_KEY."""

    folder: Path = Path()
    given: str | None = field(default=None, repr=False)

    def signer(self, sender: Sender | None) -> Signer | None:
        """Who signs this sender's mail; None for a sender that has no selector.

        The key is the sender's own file where that is there, else the one that the machine was given. Raises DkimError:
        mail that should be signed must not leave without.
        """
        if sender is None or sender.dkim_selector is None:
            return None
        return _signer(parse_mailbox(sender.address).domain, sender.dkim_selector, self._key(sender))

    def _key(self, sender: Sender) -> SigningKey:
        path = self.folder / sender.dkim_key_file if sender.dkim_key_file else None
        try:
            if path is not None and (path.exists() or self.given is None):
                return _read(path, path.stat().st_mtime_ns)
            if self.given is not None:
                return _parse(self.given)
        except OSError as error:
            said = f"the DKIM key of sender '{sender.name}' cannot be read: {path}: {error.strerror}"
            raise DkimError(said, hint=f"put it there, or set NURTURE_DKIM_KEY_FILE; {MAKE_ONE}") from None
        except DkimError as error:
            source = path if path is not None and path.exists() else "NURTURE_DKIM_KEY"
            raise DkimError(
                f"the DKIM key of sender '{sender.name}' ({source}) cannot be used: {error.message}",
                hint=error.hint,
            ) from error
        said = f"sender '{sender.name}' has a dkim_selector and no key on this machine"
        raise DkimError(said, hint=f"name its dkim_key_file, or set NURTURE_DKIM_KEY_FILE; {MAKE_ONE}")


@lru_cache(maxsize=64)
def _signer(domain: str, selector: str, key: SigningKey) -> Signer:
    return Signer(domain, selector, key)


@lru_cache(maxsize=64)
def _read(path: Path, changed: int) -> SigningKey:
    """Read once for as long as the file stays as it is (``changed``)."""
    with path.open("rb") as file:
        return read_key(file.read(LARGEST_KEY))


@lru_cache(maxsize=4)
def _parse(pem: str) -> SigningKey:
    # A platform that keeps variables on one line writes its line ends as \n.
    return read_key(pem.replace("\\n", "\n").encode())
