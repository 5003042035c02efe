"""DKIM-signed mails for tests: keys made here, signatures made by hand.

dkimpy signs with the machine's clock and knows no Ed25519.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache

import dkim
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from dkim.canonicalization import CanonicalizationPolicy

DOMAIN = "wp.example"
NOW = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
STAMP = int(NOW.timestamp())
FIELDS = (
    ("From", "Jan Kowalski <jan@wp.example>"),
    ("To", "helpdesk@helpdesk.example"),
    ("Subject", "HASLO AWARYJNE"),
    ("Date", "Fri, 20 Nov 2026 10:00:00 +0000"),
    ("Message-ID", "<1@wp.example>"),
    ("MIME-Version", "1.0"),
    ("Content-Type", "text/plain; charset=utf-8"),
    ("Content-Transfer-Encoding", "7bit"),
)
BODY = b"Prosze o zmiane hasla awaryjnego dla Jan Kowalski, 1980\r\n"
ALL = tuple(name.lower() for name, _ in FIELDS)
GMAIL = (
    "to",
    "subject",
    "message-id",
    "date",
    "from",
    "mime-version",
    "from",
    "to",
    "cc",
    "subject",
    "date",
    "reply-to",
)
"""h= as Gmail writes it: neither Content-Type nor Content-Transfer-Encoding."""


def mail(*without: str, fields: Sequence[tuple[str, str]] = FIELDS) -> bytes:
    """A mail unsigned; ``without``: fields left out."""
    lines = (f"{name}: {value}\r\n".encode() for name, value in fields if name.lower() not in without)
    return b"".join(lines) + b"\r\n" + BODY


@cache
def rsa_key(bits: int = 2048) -> rsa.RSAPrivateKey:
    """The RSA key that signs everything."""
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


ED25519 = Ed25519PrivateKey.from_private_bytes(
    base64.b64decode("nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=")  # RFC 8463 §A.2
)


def rsa_record(more: str = "", bits: int = 2048, form: serialization.PublicFormat | None = None) -> str:
    """Its record, with ``more`` tags."""
    der = (
        rsa_key(bits)
        .public_key()
        .public_bytes(serialization.Encoding.DER, form or serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    return f"v=DKIM1; k=rsa; {more}p={base64.b64encode(der).decode()}"


def ed25519_record() -> str:
    """The record of the Ed25519 key."""
    raw = ED25519.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return f"v=DKIM1; k=ed25519; p={base64.b64encode(raw).decode()}"


def sign(
    raw: bytes,
    *,
    covered: Sequence[str] = ALL,
    algorithm: str = "rsa-sha256",
    selector: str = "s1",
    tags: str = f"t={STAMP}; ",
    domain: str = DOMAIN,
    bits: int = 2048,
    break_it: bool = False,
) -> bytes:
    """``raw`` under one more signature, of DOMAIN as a rule; ``tags``: t= and others that may stand."""
    form = CanonicalizationPolicy.from_c_value(b"relaxed/relaxed")
    headers, body = dkim.rfc822_parse(raw)
    body_hash = base64.b64encode(hashlib.sha256(form.canonicalize_body(body)).digest()).decode()
    start = (
        f" v=1; a={algorithm}; c=relaxed/relaxed; d={domain}; s={selector}; {tags}"
        f"h={':'.join(covered)}; bh={body_hash}; b="
    ).encode()

    class Collected:
        octets = b""

        def update(self, octets: bytes) -> None:
            self.octets += octets

    signed = Collected()
    field = (b"DKIM-Signature", start + b"\r\n")
    names = [name.encode() for name in (*covered, "from")]
    dkim.hash_headers(signed, form, form.canonicalize_headers(headers), names, field, {})
    if algorithm == "ed25519-sha256":
        signature = ED25519.sign(hashlib.sha256(signed.octets).digest())
    else:
        signature = rsa_key(bits).sign(signed.octets, PKCS1v15(), SHA256())
    if break_it:
        signature = bytes([signature[0] ^ 1]) + signature[1:]
    return b"DKIM-Signature:" + start + base64.b64encode(signature) + b"\r\n" + raw
