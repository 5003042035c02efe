"""Algorithms of XML-DSig by their URI (RFC 9231), and the check of a SignatureValue."""

from __future__ import annotations

import hashlib

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from mailbot.signatures import cms_value
from mailbot.signatures.cms_value import Algorithm, Key, Unsupported
from mailbot.signatures.xades.parse import DS

_MORE = "http://www.w3.org/2001/04/xmldsig-more#"
_MORE_2007 = "http://www.w3.org/2007/05/xmldsig-more#"
_ENC = "http://www.w3.org/2001/04/xmlenc#"
_SALTS = {"sha256": 32, "sha384": 48, "sha512": 64}

DIGESTS = {
    f"{DS}sha1": "sha1",  # computed, so that the policy can name it and refuse it
    f"{_ENC}sha256": "sha256",
    f"{_MORE}sha384": "sha384",
    f"{_ENC}sha512": "sha512",
    f"{_MORE_2007}sha3-256": "sha3-256",
    f"{_MORE_2007}sha3-384": "sha3-384",
    f"{_MORE_2007}sha3-512": "sha3-512",
}
_SIGNATURES = {
    f"{DS}rsa-sha1": Algorithm("rsassa_pkcs1v15", "sha1"),
    f"{_MORE}ecdsa-sha1": Algorithm("ecdsa", "sha1"),
    **{f"{_MORE}rsa-{name}": Algorithm("rsassa_pkcs1v15", name) for name in _SALTS},
    **{f"{_MORE}ecdsa-{name}": Algorithm("ecdsa", name) for name in _SALTS},
    # RFC 9231 §2.3.10: MGF1 with the same hash, a salt as long as it
    **{f"{_MORE_2007}{name}-rsa-MGF1": Algorithm("rsassa_pss", name, name, salt) for name, salt in _SALTS.items()},
}


def digest(name: str, data: bytes) -> bytes:
    """Digest of ``data``; ``name`` is one of the values of ``DIGESTS``."""
    return hashlib.new(name.replace("sha3-", "sha3_"), data, usedforsecurity=False).digest()


def digest_name(uri: str | None) -> str:
    """Name of a digest. Raises Unsupported."""
    if uri not in DIGESTS:
        raise Unsupported("digest")
    return DIGESTS[uri]


def algorithm(uri: str | None) -> Algorithm:
    """What a SignatureMethod means. Raises Unsupported for MACs, DSA and everything else unknown."""
    if uri not in _SIGNATURES:
        raise Unsupported("signature method")
    return _SIGNATURES[uri]


def public_key(certificate: x509.Certificate) -> Key:
    """The key. Raises Unsupported unless it is RSA or of a named curve."""
    try:
        key = certificate.public_key()
    except Exception as error:
        raise Unsupported("public key") from error
    if not isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey):
        raise Unsupported("public key")
    return key


def verify(key: Key, method: Algorithm, data: bytes, value: bytes) -> tuple[bytes, tuple[str, ...]]:
    """(canonical signature value, flags) when ``value`` signs ``data``; else InvalidSignature.

    ECDSA is r and s side by side (RFC 9231 §2.3.6); some programs write DER instead, which is taken as well.
    """
    if isinstance(key, ec.EllipticCurvePublicKey):
        size = (key.key_size + 7) // 8
        if len(value) == 2 * size:
            value = encode_dss_signature(int.from_bytes(value[:size]), int.from_bytes(value[size:]))
    flags = cms_value.verify(key, method, digest(method.digest, data), value)
    return cms_value.canonical(key, value), flags
