"""What is known of one signed object: first the bare evidence, then the report with its verdict.

Words are those of ETSI EN 319 102-1 (indication, sub-indication) where it has them.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Any


class Format(StrEnum):
    """How the signature and the content hold together."""

    PADES = "pades"
    XADES_ENVELOPED = "xades-enveloped"
    XADES_ENVELOPING = "xades-enveloping"
    XADES_DETACHED = "xades-detached"
    CADES_ATTACHED = "cades-attached"
    CADES_DETACHED = "cades-detached"
    ASIC_S = "asic-s"
    ASIC_E = "asic-e"
    NONE = "none"
    """There is no signature in the file."""


class Integrity(StrEnum):
    """Do the signed bytes and the signature value match?"""

    OK = "ok"
    BROKEN = "broken"
    NOT_SIGNED = "not_signed"
    UNREADABLE = "unreadable"


class Scope(StrEnum):
    """How much of what a person sees is signed."""

    FULL = "full"
    PARTIAL = "partial"
    NONE = "none"


class Trust(StrEnum):
    """What the trust snapshot says of the signing certificate at the moment of arrival."""

    TRUSTED = "trusted"
    UNTRUSTED = "untrusted"
    REVOKED = "revoked"
    EXPIRED = "expired"
    UNKNOWN_REVOCATION = "unknown_revocation"
    STALE_TRUST_LIST = "stale_trust_list"
    NOT_CHECKED = "not_checked"


class Kind(StrEnum):
    """What sort of signature it is (procedure P9)."""

    QUALIFIED = "QUALIFIED"
    TRUSTED_PZ = "TRUSTED_PZ"
    ADVANCED_CUSTOMS = "ADVANCED_CUSTOMS"
    PERSONAL = "PERSONAL"
    SEAL = "SEAL"
    OTHER = "OTHER"


class Verdict(StrEnum):
    """What the bot may do with it. Any doubt is MANUAL, never ACCEPT."""

    ACCEPT = "ACCEPT"
    REJECT = "REJECT"
    MANUAL = "MANUAL"


class Indication(StrEnum):
    """ETSI EN 319 102-1 §5.1.3."""

    TOTAL_PASSED = "TOTAL_PASSED"
    TOTAL_FAILED = "TOTAL_FAILED"
    INDETERMINATE = "INDETERMINATE"


class SubIndication(StrEnum):
    """ETSI EN 319 102-1 tables 5 and 6: the ones this verifier gives."""

    FORMAT_FAILURE = "FORMAT_FAILURE"
    HASH_FAILURE = "HASH_FAILURE"
    SIG_CRYPTO_FAILURE = "SIG_CRYPTO_FAILURE"
    REVOKED = "REVOKED"
    EXPIRED = "EXPIRED"
    NOT_YET_VALID = "NOT_YET_VALID"
    SIG_CONSTRAINTS_FAILURE = "SIG_CONSTRAINTS_FAILURE"
    CHAIN_CONSTRAINTS_FAILURE = "CHAIN_CONSTRAINTS_FAILURE"
    CERTIFICATE_CHAIN_GENERAL_FAILURE = "CERTIFICATE_CHAIN_GENERAL_FAILURE"
    CRYPTO_CONSTRAINTS_FAILURE = "CRYPTO_CONSTRAINTS_FAILURE"
    POLICY_PROCESSING_ERROR = "POLICY_PROCESSING_ERROR"
    NO_SIGNING_CERTIFICATE_FOUND = "NO_SIGNING_CERTIFICATE_FOUND"
    NO_CERTIFICATE_CHAIN_FOUND = "NO_CERTIFICATE_CHAIN_FOUND"
    REVOKED_NO_POE = "REVOKED_NO_POE"
    OUT_OF_BOUNDS_NO_POE = "OUT_OF_BOUNDS_NO_POE"
    SIGNED_DATA_NOT_FOUND = "SIGNED_DATA_NOT_FOUND"
    TRY_LATER = "TRY_LATER"


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a verdict is not ACCEPT: a stable code and one plain Polish sentence for the operator."""

    code: str
    text_pl: str


@dataclass(frozen=True, slots=True)
class SignerIdentity:
    """Who signed. In reports, logs and the database a PESEL is only a mask and a keyed hash.

    The worker itself gives it once in clear, over the pipe to its parent, in the place of ``pesel_hash``; the parent
    hashes or drops it at once. So the key never enters the process that parses a stranger's bytes.
    """

    given: str
    """All given names, as signed (podpis zaufany prints capitals)."""
    surname: str
    source: str
    """"certificate", "PodpisZP", "EPSignature" or "reason" (PDF signature dictionary)."""
    birth_date: date | None = None
    """From PESEL (checksum verified) or DateOfBirth."""
    pesel_masked: str | None = None
    """"*******1234": the last four digits."""
    pesel_hash: str | None = None
    """HMAC-SHA256 hex as mailbot.text.pesel makes it; None without PESEL or without a key."""
    cert_sha256: str = ""
    """Hex digest of the signing certificate."""


@dataclass(frozen=True, slots=True)
class Token:
    """A timestamp as it stands in the file, not looked at."""

    der: bytes
    """TimeStampToken (RFC 3161 §2.4.2)."""
    over: tuple[bytes | memoryview, ...] | None
    """What it must be over, in pieces; None: an archive timestamp, and nobody here knows what those are over."""
    whole: bool = False
    """Over the tokens before it, too (DocTimeStamp)."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """A timestamp over this very signature, if it is ``read``, whose own signature is right; nobody has asked yet whose
    it is."""

    time: datetime
    """genTime; aware."""
    certificate: bytes
    """Of the unit that stamped (DER)."""
    certificates: tuple[bytes, ...]
    """Others in the token (DER)."""
    algorithms: tuple[str, ...]
    """As in ``Evidence``, with the digest of the imprint."""
    whole: bool = False
    """As in ``Token``."""
    read: bool = True
    """False: what an archive timestamp is over was not looked at."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a format module found in one signature, before anybody asks whether to trust it. Never leaves the worker."""

    format: Format
    integrity: Integrity
    scope: Scope
    wrapper: str | None = None
    """"podpisanyPlik", "Signatures" or None."""
    level: str = "B-B"
    certificate: bytes | None = None
    """Signing certificate (DER), chosen by the signed SigningCertificate(V2) digest where there is one."""
    certificates: tuple[bytes, ...] = ()
    """Other certificates in the file (DER): candidates for the chain, never anchors."""
    claimed_time: datetime | None = None
    """Signing time the signer claims; aware."""
    tokens: tuple[Token, ...] = ()
    stamps: tuple[Stamp, ...] = ()
    """What ``timestamp.noted`` found in ``tokens`` (level B-T)."""
    revocation: tuple[tuple[str, bytes], ...] = field(default=(), repr=False)
    """CRLs and OCSP responses that the file brings along, as ``RevocationStore`` takes them."""
    commitments: tuple[str, ...] = ()
    """What the signer says that the signature is for, as signed: commitment types, /Reason, claimed roles."""
    algorithms: tuple[str, ...] = ()
    """e.g. "sha256", "rsa-2048", "rsa-pss", "ecdsa-p256"; the policy refuses weak ones."""
    personal: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    """Identity of podpis zaufany, only when the whole file is covered: given, surname, pesel, birth_date, source."""
    payload: bytes | None = None
    """The signed content a person would read: the PDF, the XML, the wrapped file."""
    payload_name: str = ""
    """Its name as the signer wrote it. Never a path."""
    signature_value: bytes = b""
    uncovered: tuple[str, ...] = ()
    """What is in the file and not signed."""
    flags: tuple[str, ...] = ()
    """e.g. "rsa_digestinfo_without_null", "hybrid_xref"."""
    failure: Reason | None = None
    """Set when integrity or scope is not what it should be."""
    sub_indication: SubIndication | None = None


@dataclass(frozen=True, slots=True)
class SignatureReport:
    """One signed object, verified. JSON-able by ``to_json`` (no PESEL, no payload bytes)."""

    file: str
    format: Format
    verdict: Verdict
    indication: Indication
    sub_indication: SubIndication | None
    integrity: Integrity
    scope: Scope
    trust: Trust
    kind: Kind
    signer: SignerIdentity | None
    reasons: tuple[Reason, ...]
    """Empty only for ACCEPT."""
    received_at: datetime
    wrapper: str | None = None
    level: str = "B-B"
    claimed_time: datetime | None = None
    proven_time: datetime | None = None
    """Time of a trusted timestamp; None: the arrival is the proof of existence."""
    algorithms: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    uncovered: tuple[str, ...] = ()
    payload_sha256: str | None = None
    signature_sha256: str | None = None
    """Digest of the signature value: with payload_sha256 the key of the replay store."""
    trust_snapshot: str = ""
    """Sequence number and issue date of the lists, or the digest of the anchors' folder."""
    payload: bytes | None = field(default=None, repr=False)
    """For the application reader; never in JSON."""
    payload_name: str = ""


def to_json(report: SignatureReport) -> dict[str, Any]:
    """What JSON can hold of a report: enums as their words, moments in ISO 8601; without the payload's bytes."""
    found = asdict(replace(report, payload=None))
    del found["payload"]
    return {name: _plain(value) for name, value in found.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, dict):
        return {name: _plain(entry) for name, entry in value.items()}
    return [_plain(entry) for entry in value] if isinstance(value, tuple) else value
