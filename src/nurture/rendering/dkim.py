"""Our seal on a message: whoever receives it can see that it is ours, and that nobody changed it on the way (DKIM).

It signs and does nothing else: keys are read and kept by others. Bodies must have CRLF line ends, as ``mime`` makes them.
Sources: RFC 6376 (DKIM), RFC 8301 (no SHA-1, RSA of 2048 bits), RFC 8463 (Ed25519), RFC 8058, 4 (which headers).
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256

from nurture.model.addresses import is_selector, wire_domain
from nurture.model.errors import NurtureError
from nurture.rendering.mime import Header

LEAST_BITS, BITS = 1024, 2048
"""Receivers take no RSA key that is shorter than the first; new ones have the second (RFC 8301, 3.2)."""
SIGNED = (
    *("from", "to", "cc", "reply-to", "subject", "date", "message-id"),
    *("mime-version", "content-type", "content-transfer-encoding"),
    *("list-id", "list-unsubscribe", "list-unsubscribe-post", "auto-submitted"),
)
"""What is signed where it is there. RFC 8058 wants both headers of one-click; RFC 6376, 5.4.1 the others."""
OVERSIGNED = frozenset({"from", "to", "cc", "reply-to", "subject", "date"})
"""Signed once more than they are there: nobody can add a second one that a reader would see instead."""
_WIDTH = 72
EXTRA = "install it with: pip install 'nurture[mail]'"


class KeyKind(StrEnum):
    """The value is what a signature says in ``a=``."""

    RSA = "rsa-sha256"
    ED25519 = "ed25519-sha256"


class DkimError(NurtureError):
    """This key cannot sign; never repeats anything of it."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key, ready to sign. ``public`` is what the DNS record holds; the key itself is never shown."""

    kind: KeyKind
    public: str
    sign: Callable[[bytes], bytes]

    def __repr__(self) -> str:
        return f"SigningKey({self.kind})"

    @property
    def record(self) -> str:
        """The TXT record that lets others check our signatures (RFC 6376, 3.6.1)."""
        return f"v=DKIM1; k={'rsa' if self.kind is KeyKind.RSA else 'ed25519'}; p={self.public}"


@dataclass(frozen=True, slots=True)
class Signer:
    """Signs as one domain, with one selector and key. May be called by many threads; it is a ``mime.Sign``."""

    domain: str
    selector: str
    key: SigningKey

    def __post_init__(self) -> None:
        if not is_selector(self.selector):
            raise DkimError(f"{self.selector!r} is no selector", hint="use letters, digits and -")

    @property
    def record_name(self) -> str:
        """Where the record stands in the DNS."""
        return record_name(self.selector, self.domain)

    def __call__(self, headers: Sequence[Header], body: bytes) -> Sequence[Header]:
        """The DKIM-Signature over these headers, in the order in which they travel, and this body."""
        hashed = b64encode(sha256(relaxed_body(body)).digest()).decode()
        names, lines = covered(headers)
        unsigned = (
            f"v=1; a={self.key.kind}; c=relaxed/relaxed;\r\n"
            f" d={wire_domain(self.domain)}; s={self.selector};\r\n"
            f" h={_folded_names(names)};\r\n"
            f" bh={hashed};\r\n b="
        )
        lines.append(_relaxed("DKIM-Signature", unsigned))  # the last one has no line end: RFC 6376, 3.7
        signature = b64encode(self.key.sign("\r\n".join(lines).encode())).decode()
        folded = [signature[at : at + _WIDTH] for at in range(0, len(signature), _WIDTH)]
        return [("DKIM-Signature", unsigned + "\r\n ".join(folded))]


def record_name(selector: str, domain: str) -> str:
    """Where the DNS record of a selector stands. Raises AddressError."""
    return f"{selector}._domainkey.{wire_domain(domain)}"


def covered(headers: Sequence[Header]) -> tuple[list[str], list[str]]:
    """The names for ``h=``, and the canonical lines they stand for.

    Of a header that is there twice the lower one comes first (RFC 6376, 5.4.2).
    """
    there: dict[str, list[str]] = {}
    for name, value in headers:
        there.setdefault(name.lower(), []).append(_relaxed(name, value))
    names: list[str] = []
    lines: list[str] = []
    for name in SIGNED:
        found = there.get(name, ())
        names += [name] * (len(found) + (name in OVERSIGNED))
        lines += reversed(found)
    return names, lines


def _relaxed(name: str, value: str) -> str:
    """One header as it is signed: unfolded, its runs of white space one space each (RFC 6376, 3.4.2)."""
    if "\r\n" in value or "\t" in value:
        value = value.replace("\r\n", "").replace("\t", " ")
    while "  " in value:
        value = value.replace("  ", " ")
    return f"{name.lower()}:{value.strip(' ')}"


def relaxed_body(body: bytes) -> bytes:
    """The body as it is signed (RFC 6376, 3.4.4), looking for what there is to change before changing anything.

    A regular expression over every line costs as much as an Ed25519 signature; most bodies need none of it.
    """
    if b"\t" in body:
        body = body.replace(b"\t", b" ")
    while b"  " in body:
        body = body.replace(b"  ", b" ")
    if b" \r\n" in body:
        body = body.replace(b" \r\n", b"\r\n")
    text = body.removesuffix(b" ").rstrip(b"\r\n")
    return text + b"\r\n" if text else b""


def _folded_names(names: Sequence[str]) -> str:
    """``from:from:to…`` in lines that fit; a break may stand beside a colon."""
    lines, line = [], ""
    for name in names:
        if len(line) + len(name) > _WIDTH - 8:
            lines.append(line)
            line = ""
        line += f"{name}:"
    return "\r\n ".join([*lines, line.removesuffix(":")])


# --- keys ---------------------------------------------------------------------------------------------------------


def read_key(pem: bytes) -> SigningKey:
    """The key in a PEM file without a password. Raises DkimError."""
    try:
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import padding
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
        from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    except ImportError as error:
        raise _no_extra() from error
    try:
        key = serialization.load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # Its words could hold a part of the key.
        raise DkimError("it holds no private key in PEM that could be read", hint=MAKE_ONE) from None
    if isinstance(key, Ed25519PrivateKey):
        raw = key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        ed25519 = key

        def sign_ed25519(data: bytes) -> bytes:
            return ed25519.sign(sha256(data).digest())  # RFC 8463, 3: the hash is what is signed

        return SigningKey(KeyKind.ED25519, b64encode(raw).decode(), sign_ed25519)
    if isinstance(key, RSAPrivateKey):
        if key.key_size < LEAST_BITS:
            raise DkimError(f"an RSA key of {key.key_size} bits is too short", hint=MAKE_ONE)
        der = key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        rsa, scheme, digest = key, padding.PKCS1v15(), hashes.SHA256()
        return SigningKey(KeyKind.RSA, b64encode(der).decode(), lambda data: rsa.sign(data, scheme, digest))
    raise DkimError("its key is neither RSA nor Ed25519", hint=MAKE_ONE)


def new_key(kind: KeyKind) -> bytes:
    """A new private key, as PEM (PKCS #8). Raises DkimError without the extra ``mail``."""
    try:
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
    except ImportError as error:
        raise _no_extra() from error
    key = (
        ed25519.Ed25519PrivateKey.generate()
        if kind is KeyKind.ED25519
        else rsa.generate_private_key(public_exponent=65537, key_size=BITS)
    )
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


MAKE_ONE = "make one with `nurture dkim new SELECTOR`"


def _no_extra() -> DkimError:
    return DkimError("signing mail needs the extra `mail`", hint=EXTRA)
