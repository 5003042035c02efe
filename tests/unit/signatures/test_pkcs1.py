"""RSA PKCS#1 v1.5 with and without NULL in the DigestInfo, and nothing else."""

from __future__ import annotations

import hashlib

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import rsa

from fixtures.signing.keys import Digest, private_key, sign
from mailbot.signatures import pkcs1

DATA = b"Wniosek"
SHA256 = bytes.fromhex("0609608648016503040201")


def key() -> rsa.RSAPrivateKey:
    found = private_key("pkcs1")
    assert isinstance(found, rsa.RSAPrivateKey)
    return found


def raw(block: bytes) -> bytes:
    """The value whose decrypted form is ``block``."""
    numbers = key().private_numbers()
    return pow(int.from_bytes(block), numbers.d, numbers.public_numbers.n).to_bytes(256)


def padded(info: bytes) -> bytes:
    return b"\0\1" + b"\xff" * (256 - 3 - len(info)) + b"\0" + info


def tlv(tag: int, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return bytes([tag, len(body)]) + body


def hashed(digest: str) -> bytes:
    return hashlib.new(digest, DATA).digest()


@pytest.mark.parametrize("digest", ["sha1", "sha256", "sha384", "sha512"])
def test_both_forms(digest: Digest) -> None:
    public = key().public_key()
    assert pkcs1.verify(public, sign(key(), DATA, digest=digest), digest, hashed(digest)) == ()
    without = sign(key(), DATA, "pkcs1-no-null", digest)
    assert pkcs1.verify(public, without, digest, hashed(digest)) == (pkcs1.WITHOUT_NULL,)
    for value in (sign(key(), DATA, digest=digest), without):
        with pytest.raises(InvalidSignature):
            pkcs1.verify(public, value, digest, hashlib.new(digest, b"inny").digest())


INFO = tlv(0x30, tlv(0x30, SHA256, b"\x05\x00"), tlv(0x04, hashed("sha256")))
FORGED: dict[str, bytes] = {
    "other-parameter": padded(tlv(0x30, tlv(0x30, SHA256, b"\x04\x00"), tlv(0x04, hashed("sha256")))),
    "parameter-with-garbage": padded(tlv(0x30, tlv(0x30, SHA256, tlv(0x04, b"x" * 20)), tlv(0x04, hashed("sha256")))),
    "long-length": padded(b"\x30\x81" + INFO[1:]),
    "garbage-behind": padded(INFO + b"x" * 8),
    "short-padding": b"\0\1" + b"\xff" * 8 + b"\0" + INFO + b"x" * (256 - 11 - len(INFO)),
    "block-type-2": b"\0\2" + b"\xff" * (256 - 3 - len(INFO)) + b"\0" + INFO,
    "padding-not-ff": b"\0\1" + b"\xfe" * (256 - 3 - len(INFO)) + b"\0" + INFO,
    "bare-digest": padded(hashed("sha256")),
    "other-digest-name": padded(tlv(0x30, tlv(0x30, SHA256[:-1] + b"\2", b"\x05\x00"), tlv(0x04, hashed("sha256")))),
}


def test_the_way_to_forge_is_right() -> None:
    assert pkcs1.verify(key().public_key(), raw(padded(INFO)), "sha256", hashed("sha256")) == ()


@pytest.mark.parametrize("form", FORGED)
def test_every_other_form_is_refused(form: str) -> None:
    with pytest.raises(InvalidSignature):
        pkcs1.verify(key().public_key(), raw(FORGED[form]), "sha256", hashed("sha256"))


@pytest.mark.parametrize("value", [b"", b"\0", b"\0" * 256, b"\xff" * 256, b"\xff" * 257, b"\1" * 255])
def test_values_that_are_none(value: bytes) -> None:
    with pytest.raises(InvalidSignature):
        pkcs1.verify(key().public_key(), value, "sha256", hashed("sha256"))


def test_a_value_of_another_length_is_refused() -> None:
    """Also when what is missing is a zero, which means nothing in a number: one signature, one value."""
    small = private_key("pkcs1", "rsa-1024")
    assert isinstance(small, rsa.RSAPrivateKey)
    texts = (b"%d" % n for n in range(5_000))
    text, value = next((text, value) for text in texts if (value := sign(small, text))[0] == 0)
    digest = hashlib.sha256(text).digest()
    assert pkcs1.verify(small.public_key(), value, "sha256", digest) == ()
    for other in (b"\0" + value, value[1:], value + b"\0"):
        with pytest.raises(InvalidSignature):
            pkcs1.verify(small.public_key(), other, "sha256", digest)
