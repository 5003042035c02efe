"""The road from a signing certificate to a trust anchor. Only certificates at hand are used: nothing is ever fetched.

An address inside a certificate (AIA, CRL distribution point) is the sender's text until a listed CA has signed it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID

from mailbot.signatures.trust.anchors import Anchor, is_ca, parsed
from mailbot.signatures.trust.keys import signed_by

MAX_CANDIDATES = 32
"""Certificates of the file that are looked at; each is a place in the search at most once, so the work is bounded."""
MAX_DEPTH = 4

_PROCESSED = frozenset(
    {
        ExtensionOID.BASIC_CONSTRAINTS,
        ExtensionOID.KEY_USAGE,
        ExtensionOID.EXTENDED_KEY_USAGE,
        ExtensionOID.CERTIFICATE_POLICIES,
        x509.ObjectIdentifier("1.3.6.1.5.5.7.1.3"),  # QcStatements
    }
)
"""Critical extensions that somebody here understands, or that do not restrict what we ask."""

_Purposes = frozenset[x509.ObjectIdentifier]
_SIGNING = frozenset(
    {
        ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,
        ExtendedKeyUsageOID.EMAIL_PROTECTION,
        ExtendedKeyUsageOID.CLIENT_AUTH,
        x509.ObjectIdentifier("1.3.6.1.5.5.7.3.36"),  # id-kp-documentSigning (RFC 9336)
        x509.ObjectIdentifier("1.3.6.1.4.1.311.10.3.12"),  # Microsoft document signing
        x509.ObjectIdentifier("1.2.840.113583.1.1.5"),  # Adobe authentic documents
    }
)
"""Purposes one of which the certificate of a person, and every CA above it, must have where it names any."""


@dataclass(frozen=True, slots=True)
class Path:
    """Certificates below the anchor, the signer's first; every signature on the way has been verified.

    None when the anchor itself signed.
    """

    certificates: tuple[x509.Certificate, ...]
    anchor: Anchor

    @property
    def links(self) -> tuple[tuple[x509.Certificate, x509.Certificate], ...]:
        """(certificate, its issuer), the signer's first."""
        issuers = (*self.certificates[1:], parsed(self.anchor.certificate))
        return tuple(zip(self.certificates, issuers, strict=False))


_STAMPING = frozenset({ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE, ExtendedKeyUsageOID.TIME_STAMPING})


def paths(
    signer: bytes, others: Iterable[bytes], anchors: Sequence[Anchor], at: datetime, *, stamping: bool = False
) -> tuple[Path, ...]:
    """Every anchor the certificate ``signer`` (DER) leads to, directly or over CA certificates among ``others``.

    Checked: names, signatures, basicConstraints with pathLenConstraint, keyUsage, and the validity of intermediates at
    ``at`` (RFC 5280 §6.1). An intermediate with a constraint that is not understood (nameConstraints, another critical
    extension) or made for other purposes (than signing, or ``stamping``) leads nowhere. Left to the caller: the
    validity and purpose of ``signer``, revocation, and whether the anchor was granted. Raises ValueError when
    ``signer`` is no certificate, or when it, or every anchor it leads to, has such a constraint.
    """
    purposes = _STAMPING if stamping else _SIGNING
    candidates = _candidates(others, at, purposes)
    found: list[Path] = []
    seen = {signer}
    if not _understood(parsed(signer)):
        raise ValueError("the certificate has a constraint that is not understood")
    front: list[tuple[x509.Certificate, ...]] = [(parsed(signer),)]
    while front:
        below = front.pop(0)
        last = below[-1]
        found += [Path(below, a) for a in anchors if _issued(last, parsed(a.certificate), len(below))]
        if len(below) > MAX_DEPTH:
            continue
        for certificate in candidates:
            der = certificate.public_bytes(Encoding.DER)
            if der not in seen and _issued(last, certificate, len(below)):
                seen.add(der)
                front.append((*below, certificate))
    usable = tuple(path for path in found if _may_issue(parsed(path.anchor.certificate), purposes))
    if found and not usable:  # a constraint of an anchor counts like that of any CA (RFC 5937 §3.2)
        raise ValueError("the anchor has a constraint that is not understood")
    return usable


def signs(certificate: x509.Certificate) -> bool:
    """Is it the certificate of somebody who signs: no CA, and not made for other purposes alone (RFC 5280 §4.2.1.12)?

    Raises ValueError for extensions that cannot be read.
    """
    try:
        ca = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        ca = False
    return not ca and _has_purpose(certificate, _SIGNING)


def stamps(certificate: x509.Certificate) -> bool:
    """Is it the certificate of a time-stamping unit: for that alone, and critical (RFC 3161 §2.3)?

    Raises ValueError for extensions that cannot be read.
    """
    try:
        named = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    except x509.ExtensionNotFound:
        return False
    alone = named.critical and list(named.value) == [ExtendedKeyUsageOID.TIME_STAMPING]
    return alone and not is_ca(certificate) and _understood(certificate)


def _may_issue(certificate: x509.Certificate, purposes: _Purposes) -> bool:
    return _understood(certificate) and _has_purpose(certificate, purposes)


def _candidates(others: Iterable[bytes], at: datetime, purposes: _Purposes) -> list[x509.Certificate]:
    found: list[x509.Certificate] = []
    for der in dict.fromkeys(others):
        try:
            certificate = x509.load_der_x509_certificate(der)
            in_force = certificate.not_valid_before_utc <= at <= certificate.not_valid_after_utc
            usable = in_force and is_ca(certificate) and _may_issue(certificate, purposes)
        except ValueError:  # the sender may add any bytes
            continue
        if usable:
            found.append(certificate)
        if len(found) == MAX_CANDIDATES:
            break
    return found


def _understood(certificate: x509.Certificate) -> bool:
    """RFC 5280 §4.2: an unknown critical extension refuses the certificate; §4.2.1.10 for nameConstraints."""
    return not any(
        extension.oid == ExtensionOID.NAME_CONSTRAINTS or (extension.critical and extension.oid not in _PROCESSED)
        for extension in certificate.extensions
    )


def _has_purpose(certificate: x509.Certificate, purposes: _Purposes) -> bool:
    try:
        named = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return True
    return not purposes.isdisjoint(named)


def _issued(subject: x509.Certificate, issuer: x509.Certificate, below: int) -> bool:
    """Is ``issuer`` a CA that signed ``subject``, with ``below`` certificates under it (so below - 1 of them CAs)?"""
    try:
        if subject.issuer != issuer.subject or not is_ca(issuer):
            return False
        limit = issuer.extensions.get_extension_for_class(x509.BasicConstraints).value.path_length
        if limit is not None and below - 1 > limit:
            return False
        return certificate_signed_by(subject, issuer)
    except ValueError:
        return False


def certificate_signed_by(subject: x509.Certificate, issuer: x509.Certificate) -> bool:
    """Does the signature on ``subject`` verify with the key of ``issuer``? Raises ValueError for a strange key."""
    scheme = subject.signature_algorithm_parameters
    return signed_by(
        issuer.public_key(), subject.signature, subject.tbs_certificate_bytes, subject.signature_hash_algorithm, scheme
    )
