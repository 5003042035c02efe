"""RSA PKCS#1 v1.5 with the DigestInfo that podpis zaufany writes (RFC 8017 §8.2.2 and §9.2, note 2).

The Minister's seal leaves the NULL parameter of the hash out and no library takes that. Two exact byte strings are
good, with and without NULL, compared whole: nothing of what the signer wrote is parsed, so nothing can hide in it.
"""

from __future__ import annotations

import hmac

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import padding, rsa

WITHOUT_NULL = "rsa_digestinfo_without_null"
"""Flag of the report."""

_OIDS = {
    "sha1": "2b0e03021a",
    "sha224": "608648016503040204",
    "sha256": "608648016503040201",
    "sha384": "608648016503040202",
    "sha512": "608648016503040203",
    "sha3_256": "608648016503040208",
    "sha3_384": "608648016503040209",
    "sha3_512": "60864801650304020a",
}
_NULL = b"\x05\x00"


def verify(key: rsa.RSAPublicKey, value: bytes, digest: str, hashed: bytes) -> tuple[str, ...]:
    """Flags when ``value`` signs ``hashed``, the ``digest`` ("sha256") of the data; else InvalidSignature.

    ``value`` has to be as long as the modulus. Raises KeyError for another digest than those above.
    """
    if len(value) != (key.key_size + 7) // 8:
        raise InvalidSignature
    found = key.recover_data_from_signature(value, padding.PKCS1v15(), None)
    if hmac.compare_digest(found, _digest_info(digest, hashed, _NULL)):
        return ()
    if hmac.compare_digest(found, _digest_info(digest, hashed, b"")):
        return (WITHOUT_NULL,)
    raise InvalidSignature


def _digest_info(digest: str, hashed: bytes, parameters: bytes) -> bytes:
    algorithm = _element(0x30, _element(0x06, bytes.fromhex(_OIDS[digest])) + parameters)
    return _element(0x30, algorithm + _element(0x04, hashed))


def _element(tag: int, contents: bytes) -> bytes:
    """DER with the short form of length: a DigestInfo is never longer than 127 octets."""
    return bytes([tag, len(contents)]) + contents
