"""Where a webhook may go: to the public internet, and to what NURTURE_WEBHOOK_ALLOW names; never to a machine beside us.

Judges the address that is really connected to, never the name: a name may mean another machine a second later.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from threading import Thread
from urllib.parse import quote, urlsplit

from nurture.model.addresses import AddressError, wire_domain

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
Resolve = Callable[[str, int, float], Sequence[str]]
"""Host, port and the seconds there are → the addresses of that host now. Raises OSError."""

PORTS = frozenset((80, 443))
_HOST = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*\.?")
_SAFE = "!$&'()*+,;=:@/%-._~?"
# What ``is_global`` of some Python lets through, or what hides another address: IANA's registries of special addresses.
_NEVER = tuple(
    ip_network(text)
    for text in (
        "0.0.0.0/8",
        "100.64.0.0/10",
        "169.254.0.0/16",
        "192.0.0.0/24",
        "192.88.99.0/24",
        "198.18.0.0/15",
        "224.0.0.0/3",
        "::/96",
        "64:ff9b:1::/48",
        "100::/64",
        "2001::/23",
        "2002::/16",
        "3fff::/20",
        "5f00::/16",
        "fc00::/7",
        "fe80::/9",
        "ff00::/8",
    )
)
_TRANSLATED = ip_network("64:ff9b::/96")
"""NAT64: the last 32 bits are the IPv4 address that is reached (RFC 6052)."""


class UnreachableError(Exception):
    """We do not connect there; the text says why, in words for whoever wrote the address."""


@dataclass(frozen=True, slots=True)
class Target:
    """The parts of an address that a request needs. ``path`` holds the query too."""

    host: str
    port: int
    tls: bool
    path: str

    @property
    def name(self) -> str:
        """As the Host header wants it: a port only where it is not the usual one."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.tls else 80) else f"{host}:{self.port}"


def read_target(url: str) -> Target:
    """The parts of ``url``. Raises UnreachableError for what is no http or https address, or holds a password."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        # Not repeated: the path of an address may be a secret, and this goes into the books.
        raise UnreachableError("the url is no address") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UnreachableError("only http and https addresses with a host are written to")
    if "@" in parts.netloc:
        raise UnreachableError("an address with a user or password in it is not written to")
    if port == 0 or not url.isprintable() or " " in url:
        raise UnreachableError("the address holds what no address may hold")
    tls = parts.scheme == "https"
    path = quote(parts.path or "/", safe=_SAFE) + (
        f"?{quote(parts.query, safe=_SAFE)}" if parts.query else ""
    )
    return Target(_host(parts.hostname), port or (443 if tls else 80), tls, path)


def _host(text: str) -> str:
    if literal(text):
        return text
    try:
        host = text if text.isascii() else wire_domain(text)
    except AddressError:
        host = ""
    if not _HOST.fullmatch(host):
        raise UnreachableError(f"{text!r} is no host")
    return host.lower().removesuffix(".")


def literal(host: str) -> Address | None:
    """The address that stands there instead of a name, if one does."""
    try:
        return ip_address(host)
    except ValueError:
        return None


@dataclass(frozen=True, slots=True)
class Reach:
    """How far webhooks go. ``hosts`` and ``networks`` may be private, without TLS and on any port."""

    hosts: frozenset[str] = frozenset()
    networks: tuple[Network, ...] = ()

    @classmethod
    def of(cls, words: Iterable[str]) -> Reach:
        """Hosts, addresses and networks. Raises ValueError with the word that is none of them."""
        hosts, networks = set(), []
        for word in words:
            try:
                networks.append(ip_network(word))
            except ValueError:
                if not _HOST.fullmatch(word) or word.replace(".", "").isdecimal():
                    raise ValueError(word) from None
                hosts.add(word.lower().removesuffix("."))
        return cls(frozenset(hosts), tuple(networks))

    def names(self, host: str) -> bool:
        """Is this host, or the address that stands in its place, named outright?"""
        address = literal(host)
        return host in self.hosts or (address is not None and self._trusts(address))

    def addresses(self, target: Target, resolve: Resolve, seconds: float) -> list[str]:
        """The addresses to try, in order. Raises UnreachableError when none may be connected to, OSError when none is found."""
        given = [target.host] if literal(target.host) else resolve(target.host, target.port, seconds)
        refusals = []
        allowed = []
        for text in given:
            why_not = self._why_not(target, ip_address(text))
            allowed += [] if why_not else [text]
            refusals += [why_not] if why_not else []
        if not allowed:
            raise UnreachableError(refusals[0] if refusals else f"'{target.host}' has no address")
        return allowed

    def _why_not(self, target: Target, address: Address) -> str | None:
        if target.host in self.hosts or self._trusts(address):
            return None
        if not is_public(address):
            return f"{address} is no public address, and NURTURE_WEBHOOK_ALLOW does not name it"
        if not target.tls:
            return "http is for what NURTURE_WEBHOOK_ALLOW names; write https"
        if target.port not in PORTS:
            return f"port {target.port} is for what NURTURE_WEBHOOK_ALLOW names"
        return None

    def _trusts(self, address: Address) -> bool:
        plain = unwrapped(address)
        return any(plain in network for network in self.networks if network.version == plain.version)


def unwrapped(address: Address) -> Address:
    """The IPv4 address that an IPv6 one stands for, where it is only a wrapping; without the zone of its link."""
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped:
        return address.ipv4_mapped
    if address in _TRANSLATED:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return IPv6Address(int(address))


def is_public(address: Address) -> bool:
    """Does this address belong to the public internet, whatever it is wrapped in?"""
    plain = unwrapped(address)
    hidden = any(plain in network for network in _NEVER if network.version == plain.version)
    return plain.is_global and not plain.is_multicast and not plain.is_reserved and not hidden


def look_up(host: str, port: int, seconds: float) -> Sequence[str]:
    """The addresses of ``host``, in the order in which the system would try them, within ``seconds``."""
    found: list[str] = []
    failed: list[OSError] = []

    def ask() -> None:
        try:
            infos = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            found.extend(str(info[4][0]) for info in infos)
        except OSError as error:
            failed.append(error)

    # The system's resolver knows no deadline: one that hangs is left behind, and ends by itself.
    asking = Thread(target=ask, name="look-up", daemon=True)
    asking.start()
    asking.join(seconds)
    if failed:
        raise failed[0]
    if not found:
        raise TimeoutError(f"'{host}' was not found in time")
    return list(dict.fromkeys(found))
