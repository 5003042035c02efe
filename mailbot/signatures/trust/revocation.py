"""Revocation from disk: CRLs (RFC 5280 §5) and OCSP responses (RFC 6960) of the CAs, found by their issuer.

Our own layer because the usual one cannot use a CRL below an anchor that is not a root, and passes silently when it
knows nothing. Here nothing known means UNKNOWN. A CRL stays as DER: a lookup in 50,000 entries costs about 2 ms.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from asn1crypto import core
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID

from mailbot.signatures.trust.anchors import is_ca
from mailbot.signatures.trust.chain import certificate_signed_by
from mailbot.signatures.trust.keys import WEAK_DIGESTS, signed_by

_READABLE = frozenset(
    {ExtensionOID.AUTHORITY_KEY_IDENTIFIER, ExtensionOID.CRL_NUMBER, ExtensionOID.ISSUING_DISTRIBUTION_POINT}
)
"""Critical extensions of a CRL we understand; a CRL with another one is not used."""
_EXPIRED_CERTIFICATES = x509.ObjectIdentifier("2.5.29.60")
_SLOW_CLOCK = timedelta(hours=1)
"""How far the clock of a CA may be ahead of ours."""

_FOREVER = datetime.max.replace(tzinfo=UTC)


class _FromTheFutureError(Exception):
    """A statement dated later than now."""


class Status(StrEnum):
    """What the newest authentic statements say of one certificate."""

    GOOD = "good"
    REVOKED = "revoked"
    SUSPENDED = "suspended"
    UNKNOWN = "unknown"
    """Nobody said anything about it."""
    STALE = "stale"
    """It was said, but too long ago."""


@dataclass(frozen=True, slots=True)
class Answer:
    """``at``: since when REVOKED or SUSPENDED; otherwise when it was said. ``source``: the file."""

    status: Status
    at: datetime | None = None
    source: str = ""


@dataclass(frozen=True, slots=True)
class _Statement:
    status: Status
    at: datetime
    this_update: datetime
    next_update: datetime
    source: str
    keeps_expired: bool = False
    """Certificates that have expired by now are still named in it when they were revoked."""


class RevocationStore:
    """The files of ``revocation/``: name → bytes. Never raises over their content: see ``problems``.

    ``now`` (aware; default: the clock): what says that it was made later is not used. It would hide every newer word.
    """

    def __init__(self, files: Mapping[str, bytes], now: datetime | None = None) -> None:
        self._latest = (now or datetime.now(UTC)) + _SLOW_CLOCK
        self.problems: list[str] = []
        self.crls: dict[str, x509.CertificateRevocationList] = {}
        self._by_issuer: defaultdict[x509.Name, list[str]] = defaultdict(list)
        self._responses: dict[str, ocsp.OCSPResponse] = {}
        self._authentic: dict[tuple[str, bytes], bool] = {}
        for name, data in sorted(files.items()):
            try:
                self._add(name, data)
            except ValueError as error:
                self.problems.append(f"{name}: is no CRL or OCSP response ({error}); mend: mailbot trust update")
            except _FromTheFutureError as error:
                self.problems.append(f"{name}: is dated {error}, later than now; mend: set the clock, or remove it")

    def status(
        self, certificate: x509.Certificate, issuer: x509.Certificate, at: datetime, max_age: timedelta
    ) -> Answer:
        """What is known of ``certificate`` at ``at``; only what ``issuer``'s key (or its delegate) signed counts.

        GOOD needs a statement that is not older than ``max_age`` and whose nextUpdate has not passed. A revocation
        counts however old the statement is. Of a certificate that has expired by then, what was said at its end counts
        like that: no more is said later, unless a CRL keeps the expired ones.
        """
        end = certificate.not_valid_after_utc
        statements = [*self._from_crls(certificate, issuer), *self._from_responses(certificate, issuer)]
        statements = [s for s in statements if s.status is not Status.GOOD or s.this_update <= end or s.keeps_expired]
        revoked = [s for s in statements if s.status is Status.REVOKED]
        if revoked:
            first = min(revoked, key=lambda s: s.at)
            return Answer(Status.REVOKED, first.at, first.source)
        if not statements:
            return Answer(Status.UNKNOWN)
        newest = max(statements, key=lambda s: s.this_update)
        until = at if newest.this_update > end else min(at, end)
        fresh = until - newest.this_update <= max_age and until <= newest.next_update
        status = Status.STALE if newest.status is Status.GOOD and not fresh else newest.status
        return Answer(status, newest.at, newest.source)

    def _add(self, name: str, data: bytes) -> None:
        """Reads all that is used later, so that a broken file shows here and nowhere else."""
        if name.endswith(".ocsp"):
            response = ocsp.load_der_ocsp_response(data)
            if response.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL:
                raise ValueError(f"the responder said {response.response_status.name}")
            if any(extension.critical for extension in response.extensions):
                raise ValueError("a critical extension")  # RFC 6960 §4.4 knows none
            self._check_date(max(single.this_update_utc for single in response.responses))
            _ = [*response.certificates]
            self._responses[name] = response
        else:
            crl = load_crl(data)
            self._check_date(crl.last_update_utc)
            _ = [*crl.extensions]
            self.crls[name] = crl
            self._by_issuer[crl.issuer].append(name)

    def _check_date(self, said: datetime) -> None:
        if said > self._latest:
            raise _FromTheFutureError(f"{said:%Y-%m-%d %H:%M} UTC")

    def _from_crls(self, certificate: x509.Certificate, issuer: x509.Certificate) -> Iterator[_Statement]:
        for name in self._by_issuer.get(issuer.subject, ()):
            crl = self.crls[name]
            if not self._is_authentic(name, crl, issuer) or not _covers(crl, certificate):
                continue
            entry = crl.get_revoked_certificate_by_serial_number(certificate.serial_number)
            said, next_update = crl.last_update_utc, crl.next_update_utc or crl.last_update_utc
            status, since = (Status.GOOD, said) if entry is None else _entry(entry)
            yield _Statement(status, since, said, next_update, name, _keeps(crl, certificate.not_valid_after_utc))

    def _is_authentic(self, name: str, crl: x509.CertificateRevocationList, issuer: x509.Certificate) -> bool:
        """May the issuer sign CRLs, and did it? The signature is checked once for a file and a key."""
        key = name, issuer.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        if key not in self._authentic:
            self._authentic[key] = crl_signed_by(crl, issuer)
        return self._authentic[key] and is_ca(issuer, sign="crl_sign")

    def _from_responses(self, certificate: x509.Certificate, issuer: x509.Certificate) -> Iterator[_Statement]:
        for name, response in self._responses.items():
            singles = [s for s in response.responses if _is_about(s, certificate, issuer)]
            if singles and self._is_answer_of(response, issuer):
                yield from (_single(single, name) for single in singles)

    def _is_answer_of(self, response: ocsp.OCSPResponse, issuer: x509.Certificate) -> bool:
        """Signed by the issuer itself or by a responder it named for this (RFC 6960 §4.2.2.2)."""
        if _response_signed_by(response, issuer):
            return True
        for responder in response.certificates:
            produced = response.produced_at_utc
            if not responder.not_valid_before_utc <= produced <= responder.not_valid_after_utc:
                continue
            if _delegated(responder, issuer) and _response_signed_by(response, responder):
                return self._responder_is_good(responder, issuer)
        return False

    def _responder_is_good(self, responder: x509.Certificate, issuer: x509.Certificate) -> bool:
        """The CA said "do not check" (id-pkix-ocsp-nocheck), or a CRL of the CA knows the responder as good."""
        try:
            responder.extensions.get_extension_for_class(x509.OCSPNoCheck)
        except x509.ExtensionNotFound:
            said = {statement.status for statement in self._from_crls(responder, issuer)}
            return said == {Status.GOOD}
        return True


def load_crl(data: bytes) -> x509.CertificateRevocationList:
    """A CRL from DER or PEM. Raises ValueError."""
    return x509.load_pem_x509_crl(data) if data.startswith(b"-----BEGIN") else x509.load_der_x509_crl(data)


def crl_signed_by(crl: x509.CertificateRevocationList, issuer: x509.Certificate) -> bool:
    """Does the signature of the CRL verify with the issuer's key?"""
    digest = crl.signature_hash_algorithm
    if digest is None or digest.name in WEAK_DIGESTS:
        return False
    scheme = crl.signature_algorithm_parameters
    return signed_by(issuer.public_key(), crl.signature, crl.tbs_certlist_bytes, digest, scheme)


def _covers(crl: x509.CertificateRevocationList, certificate: x509.Certificate) -> bool:
    """Is the certificate in the scope of this CRL (RFC 5280 §5.2.5, §6.3.3 b)? In doubt no, which ends as UNKNOWN."""
    for extension in crl.extensions:
        if extension.critical and extension.oid not in _READABLE:
            return False
        if (
            extension.oid == ExtensionOID.DELTA_CRL_INDICATOR
        ):  # must be critical (§5.2.4); a CA may err, a delta stays one
            return False
        if not isinstance(extension.value, x509.IssuingDistributionPoint):
            continue
        scope = extension.value
        if scope.indirect_crl or scope.only_some_reasons or scope.only_contains_attribute_certs or scope.relative_name:
            return False
        if scope.only_contains_ca_certs if not is_ca(certificate) else scope.only_contains_user_certs:
            return False
        if scope.full_name and not set(scope.full_name) & set(_distribution_points(certificate)):
            return False
    return True


def _keeps(crl: x509.CertificateRevocationList, expired: datetime) -> bool:
    """Does the CRL keep what was revoked and expired then (expiredCertsOnCRL: X.509 §9.5.2.8, EN 319 411-2 §6.3.10)?"""
    try:
        value = crl.extensions.get_extension_for_oid(_EXPIRED_CERTIFICATES).value
        assert isinstance(value, x509.UnrecognizedExtension)
        since = core.GeneralizedTime.load(value.value, strict=True).native
    except (x509.ExtensionNotFound, ValueError):
        return False
    return isinstance(since, datetime) and since <= expired


def _distribution_points(certificate: x509.Certificate) -> Iterator[x509.GeneralName]:
    try:
        points = certificate.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    except x509.ExtensionNotFound:
        return
    for point in points:
        yield from point.full_name or ()


def _entry(entry: x509.RevokedCertificate) -> tuple[Status, datetime]:
    try:
        reason = entry.extensions.get_extension_for_class(x509.CRLReason).value.reason
    except x509.ExtensionNotFound:
        return Status.REVOKED, entry.revocation_date_utc
    return _by_reason(reason), entry.revocation_date_utc


def _by_reason(reason: x509.ReasonFlags | None) -> Status:
    """removeFromCRL means something in a delta CRL alone (RFC 5280 §5.3.1), and none is read: a person asks the CA."""
    held = reason in (x509.ReasonFlags.certificate_hold, x509.ReasonFlags.remove_from_crl)
    return Status.SUSPENDED if held else Status.REVOKED


def _is_about(single: ocsp.OCSPSingleResponse, certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    if single.serial_number != certificate.serial_number:
        return False
    algorithm = single.hash_algorithm.name
    if algorithm not in ("sha1", "sha256", "sha384", "sha512"):  # SHA-1 here only finds the issuer (RFC 6960 §4.3)
        return False
    key = _key_bits(issuer)
    name = issuer.subject.public_bytes()
    return (single.issuer_key_hash, single.issuer_name_hash) == (
        hashlib.new(algorithm, key, usedforsecurity=False).digest(),
        hashlib.new(algorithm, name, usedforsecurity=False).digest(),
    )


def _key_bits(certificate: x509.Certificate) -> bytes:
    key = certificate.public_key()
    if isinstance(key, rsa.RSAPublicKey):
        return key.public_bytes(Encoding.DER, PublicFormat.PKCS1)
    if isinstance(key, ec.EllipticCurvePublicKey):
        return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return b""


def _single(single: ocsp.OCSPSingleResponse, source: str) -> _Statement:
    said = single.this_update_utc
    if single.certificate_status is ocsp.OCSPCertStatus.GOOD:
        status, since = Status.GOOD, said
    elif single.certificate_status is ocsp.OCSPCertStatus.REVOKED:
        status, since = _by_reason(single.revocation_reason), single.revocation_time_utc or said
    else:
        status, since = Status.UNKNOWN, said
    # no nextUpdate: newer words are always to be had (RFC 6960 §2.4), so only the age counts
    return _Statement(status, since, said, single.next_update_utc or _FOREVER, source)


def _delegated(responder: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        usage = responder.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        return ExtendedKeyUsageOID.OCSP_SIGNING in usage and certificate_signed_by(responder, issuer)
    except (ValueError, x509.ExtensionNotFound):
        return False


def _response_signed_by(response: ocsp.OCSPResponse, signer: x509.Certificate) -> bool:
    digest = response.signature_hash_algorithm
    if digest is None or digest.name in WEAK_DIGESTS:
        return False
    return signed_by(signer.public_key(), response.signature, response.tbs_response_bytes, digest, padding.PKCS1v15())
