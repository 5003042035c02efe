"""Trust anchors: whose certificates count, for what and when; and the part of the folder an admin fills by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from pathlib import Path

import asn1crypto.x509
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from mailbot.signatures.trust.criteria import Qualification

LISTS = "lists"
"""Folder of the lists of other states."""
SUFFIXES = (".pem", ".crt", ".der")
_MAX_BYTES = 1_000_000


class Role(StrEnum):
    """What an anchor is trusted for; also the names of the folders under ``anchors/``."""

    QUALIFIED_CA = "qualified-ca"
    """Issues qualified certificates of persons and organisations (CA/QC of a trusted list)."""
    SEAL_CA = "seal-ca"
    """Issues the seal of podpis zaufany and nothing else we take."""
    CUSTOMS_CA = "customs-ca"
    PERSONAL_CA = "personal-ca"
    TSA = "tsa"
    LOTL = "lotl"
    """Signs lotl.xml. Without any, the certificates bundled with pyHanko count (Official Journal of the EU)."""


@dataclass(frozen=True, slots=True)
class Anchor:
    """One certificate with one period of one status; a certificate with a history has several."""

    certificate: bytes
    """DER."""
    roles: frozenset[Role]
    service: str
    """Name of the service on the list, or the subject of the certificate."""
    source: str
    """"pl.xml", "lists/DE.xml" of another state, or the file under anchors/."""
    since: datetime
    until: datetime | None
    """None: granted until further notice."""
    qualifications: tuple[Qualification, ...] = ()
    """Exceptions for some certificates of this service (ETSI TS 119 612 §5.5.9.2)."""

    @property
    def foreign(self) -> bool:
        """Is it on the list of another state?"""
        return self.source.startswith(f"{LISTS}/")

    def granted(self, at: datetime) -> bool:
        """Was the service granted, and its certificate valid, at that moment?"""
        certificate = parsed(self.certificate)
        return (
            self.since <= at
            and (self.until is None or at < self.until)
            and certificate.not_valid_before_utc <= at <= certificate.not_valid_after_utc
        )

    def qualifiers(self, certificate: bytes) -> frozenset[str]:
        """Qualifiers of the list that hold for this certificate (DER): "NotQualified", "QCForESeal", …"""
        if not self.qualifications:
            return frozenset()
        subject = asn1crypto.x509.Certificate.load(certificate)
        return frozenset(
            qualifier
            for qualification in self.qualifications
            if qualification.criteria.matches(subject)
            for qualifier in qualification.qualifiers
        )


@lru_cache(maxsize=512)
def parsed(certificate: bytes) -> x509.Certificate:
    """The certificate (DER), parsed once. Raises ValueError."""
    return x509.load_der_x509_certificate(certificate)


def is_ca(certificate: x509.Certificate, *, sign: str = "key_cert_sign") -> bool:
    """basicConstraints says CA and keyUsage, where there is one, allows ``sign`` (RFC 5280 §4.2.1.3, §4.2.1.9)."""
    try:
        constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
    except x509.ExtensionNotFound:
        return False
    try:
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return constraints.ca
    return constraints.ca and bool(getattr(usage, sign))


def read_folder(folder: Path) -> tuple[tuple[Anchor, ...], tuple[str, ...]]:
    """Anchors of ``folder``/<role>/*.{pem,crt,der}, and what is wrong there: file, fault and mend, one a line."""
    anchors: list[Anchor] = []
    problems: list[str] = []
    for entry in visible(folder):
        if entry.name not in tuple(Role):
            problems.append(f"{entry}: is no role; mend: one of {', '.join(Role)}")
            continue
        for file in visible(entry):
            try:
                anchors += _read(file, Role(entry.name))
            except (OSError, ValueError) as error:
                problems.append(f"{file}: {_short(error)}; mend: put certificates (PEM or DER) there, or remove it")
    return tuple(anchors), tuple(problems)


def visible(folder: Path) -> list[Path]:
    """What is in ``folder``, in order, without names that begin with a dot (files being written)."""
    return sorted(p for p in folder.iterdir() if not p.name.startswith(".")) if folder.is_dir() else []


def _read(file: Path, role: Role) -> list[Anchor]:
    if file.suffix.lower() not in SUFFIXES:
        raise ValueError(f"does not end in {', '.join(SUFFIXES)}")
    certificates = read_certificates(file)
    for certificate in certificates:
        if role not in (Role.TSA, Role.LOTL) and not is_ca(certificate):
            raise ValueError(f"{certificate.subject.rfc4514_string()} is not the certificate of a CA")
    return [
        Anchor(
            certificate=certificate.public_bytes(Encoding.DER),
            roles=frozenset({role}),
            service=certificate.subject.rfc4514_string(),
            source=f"anchors/{role}/{file.name}",
            since=certificate.not_valid_before_utc,
            until=certificate.not_valid_after_utc,
        )
        for certificate in certificates
    ]


def read_certificates(file: Path) -> Sequence[x509.Certificate]:
    """Every certificate of a PEM or DER file. Raises OSError and ValueError."""
    data = read_bytes(file, _MAX_BYTES)
    if b"-----BEGIN" in data:
        return x509.load_pem_x509_certificates(data)
    return [x509.load_der_x509_certificate(data)]


def read_bytes(file: Path, limit: int) -> bytes:
    """The whole file. Raises OSError, and ValueError when it has more than ``limit`` octets."""
    with file.open("rb") as opened:
        data = opened.read(limit + 1)
    if len(data) > limit:
        raise ValueError(f"is larger than {limit} bytes")
    return data


def _short(error: Exception) -> str:
    text = (error.strerror or "cannot be read") if isinstance(error, OSError) else str(error)
    return text.splitlines()[0][:200] if text else type(error).__name__
