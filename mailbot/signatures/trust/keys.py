"""Signatures on certificates, CRLs and OCSP responses, with the tolerance of ``pkcs1`` (no NULL in DigestInfo)."""

from __future__ import annotations

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

from mailbot.signatures import pkcs1

WEAK_DIGESTS = frozenset({"md2", "md4", "md5", "sha1", "sha224", "ripemd160"})
RSA_MIN, EC_MIN = 2048, 256
"""Bits (ETSI TS 119 312)."""


def signed_by(
    key: CertificatePublicKeyTypes,
    value: bytes,
    data: bytes,
    digest: hashes.HashAlgorithm | None,
    scheme: padding.PKCS1v15 | padding.PSS | ec.ECDSA | None,
) -> bool:
    """Is ``value`` the signature of ``key`` over ``data``? RSA (PKCS#1 v1.5, PSS) and ECDSA; everything else: no.

    Whether ``digest`` is strong enough is not asked here.
    """
    if digest is None:
        return False
    try:
        if isinstance(key, rsa.RSAPublicKey) and isinstance(scheme, padding.PKCS1v15):
            hasher = hashes.Hash(digest)
            hasher.update(data)
            pkcs1.verify(key, value, digest.name, hasher.finalize())
        elif isinstance(key, rsa.RSAPublicKey) and isinstance(scheme, padding.PSS):
            key.verify(value, data, scheme, digest)
        elif isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(value, data, ec.ECDSA(digest))
        else:
            return False
    except (InvalidSignature, ValueError, KeyError):
        return False
    return True


def strong(key: object) -> bool:
    """RSA of 2048 bits or a curve of 256, at least."""
    if isinstance(key, rsa.RSAPublicKey):
        return key.key_size >= RSA_MIN
    return isinstance(key, ec.EllipticCurvePublicKey) and key.key_size >= EC_MIN
