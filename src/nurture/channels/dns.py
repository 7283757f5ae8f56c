"""What the DNS says of a name: texts, mail servers, addresses and names of addresses. It asks, and judges nothing.

An answer that there is nothing is an answer; a server that cannot be reached is none, and is asked no second time. One
that fails at a name (SERVFAIL) may well know the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

SECONDS = 3.0
"""For one question, whatever it takes."""


class UnreachableError(Exception):
    """No name server gave an answer."""


class FailedNameError(UnreachableError):
    """The name server is there, and could not find out what is said of this ``name``."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


@dataclass
class Dns:
    """Asks the machine's own name servers, or ``server`` (address and port). For one thread."""

    server: tuple[str, int] | None = None
    seconds: float = SECONDS
    _away: bool = field(default=False, init=False)
    _resolver: Any = field(default=None, init=False, repr=False)

    def texts(self, name: str) -> list[str]:
        """The TXT records of a name, each in one piece; those that are no text are left out. Raises UnreachableError."""
        found = self._ask(name, "TXT")
        return [b"".join(one.strings).decode("ascii", "replace") for one in found]

    def mail_servers(self, name: str) -> list[str]:
        """The names in its MX records, the preferred first; a null MX (RFC 7505) is none. Raises UnreachableError."""
        found = sorted(self._ask(name, "MX"), key=lambda one: one.preference)
        return [host for one in found if (host := one.exchange.to_text().rstrip("."))]

    def addresses(self, name: str) -> list[str]:
        """Its addresses, of both kinds. Raises UnreachableError."""
        return [one.address for kind in ("A", "AAAA") for one in self._ask(name, kind)]

    def names_of(self, address: str) -> list[str]:
        """The names that an address goes by (PTR). Raises UnreachableError."""
        from dns import reversename

        found = self._ask(reversename.from_address(address).to_text(), "PTR")
        return [one.target.to_text().rstrip(".") for one in found]

    def _ask(self, name: str, kind: str) -> Sequence[Any]:
        import dns.exception
        import dns.resolver

        if self._away:
            raise UnreachableError
        try:
            if self._resolver is None:
                self._resolver = _resolver(self.server, self.seconds)
                if _denies_the_root(self._resolver):
                    self._away = True
                    raise UnreachableError
            return list(self._resolver.resolve(name, kind, search=False))
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return ()
        except dns.resolver.NoNameservers as error:
            if any(response is not None for *_, response in error.kwargs["errors"]):
                raise FailedNameError(name) from error
            self._away = True
            raise UnreachableError from error
        except (dns.exception.DNSException, OSError) as error:
            self._away = True
            raise UnreachableError from error


def _denies_the_root(resolver: Any) -> bool:
    """Does it say that there is no root, or nothing? So do name servers of closed networks, of every name."""
    import dns.exception
    import dns.resolver

    try:
        resolver.resolve(".", "NS", search=False)
    except (dns.resolver.NXDOMAIN, dns.exception.Timeout):
        return True
    except (dns.exception.DNSException, OSError):
        return False  # the question itself will show it
    return False


def _resolver(server: tuple[str, int] | None, seconds: float) -> Any:
    """A resolver of the library. Raises its NoResolverConfiguration where the machine has none."""
    from dns.resolver import Resolver

    made = Resolver(configure=server is None)
    if server is not None:
        made.nameservers, made.port = [server[0]], server[1]
    made.lifetime = seconds
    return made
