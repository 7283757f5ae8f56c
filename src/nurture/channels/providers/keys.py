"""Signatures by public keys, checked: SendGrid's (ECDSA) and Amazon's (RSA, by a certificate).

Needs the extra `mail`; without it a request cannot be checked, and is refused with that reason.
"""

from __future__ import annotations

from base64 import b64decode
from binascii import Error as BinasciiError
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING

from nurture.model.errors import SettingsError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
    from cryptography.x509 import Certificate


def verify_ecdsa(key: str, signature: bytes, signed: bytes) -> bool:
    """Did the owner of this public key (PEM, or base64 of DER) sign these bytes, with SHA-256? Raises SettingsError."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec

    try:
        read_public_key(key).verify(signature, signed, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True


@lru_cache(maxsize=8)
def read_public_key(text: str) -> EllipticCurvePublicKey:
    """A public key of an elliptic curve. Raises SettingsError for anything else, and without the extra `mail`."""
    try:
        from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
        from cryptography.hazmat.primitives.serialization import load_der_public_key, load_pem_public_key
    except ModuleNotFoundError:
        raise SettingsError(
            "signatures of this provider cannot be checked here", hint="install nurture[mail]"
        ) from None
    try:
        pem = "BEGIN PUBLIC KEY" in text
        key = (
            load_pem_public_key(text.encode()) if pem else load_der_public_key(b64decode(text, validate=True))
        )
    except (ValueError, BinasciiError):
        key = None
    if not isinstance(key, EllipticCurvePublicKey):
        raise SettingsError(
            "NURTURE_HOOK_SENDGRID_KEY holds no public key",
            hint="copy the verification key of SendGrid's event webhook as it stands there",
        )
    return key


def read_certificate(pem: bytes) -> Certificate | None:
    """A certificate; None for what is none. Raises SettingsError without the extra `mail`."""
    try:
        from cryptography.x509 import load_pem_x509_certificate
    except ModuleNotFoundError:
        raise SettingsError(
            "signatures of this provider cannot be checked here", hint="install nurture[mail]"
        ) from None
    try:
        return load_pem_x509_certificate(pem)
    except ValueError:
        return None


def verify_rsa(
    certificate: Certificate, signature: bytes, signed: bytes, *, sha1: bool, at: datetime
) -> bool:
    """Did the owner of this certificate, good at ``at``, sign these bytes (PKCS #1 v1.5, SHA-256 or SHA-1)?"""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

    key = certificate.public_key()
    if not isinstance(key, RSAPublicKey):
        return False
    if not certificate.not_valid_before_utc <= at <= certificate.not_valid_after_utc:
        return False
    digest: hashes.HashAlgorithm = hashes.SHA1() if sha1 else hashes.SHA256()  # noqa: S303 - what SNS signs with
    try:
        key.verify(signature, signed, padding.PKCS1v15(), digest)
    except InvalidSignature:
        return False
    return True
