"""From evidence to a verdict (procedure §7). ACCEPT needs everything; any doubt is for a person, never for ACCEPT.

The order: integrity and scope → chain and kind → validity, revocation → algorithms → time → identity. A fault of the
signature itself rejects even where something else is in doubt: the citizen can mend it at once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from cryptography import x509

from mailbot.ruleset.model import SignatureRules
from mailbot.signatures import algorithms, commitment, identity
from mailbot.signatures.cms import Refused
from mailbot.signatures.kinds import Classified, classify, on_device
from mailbot.signatures.proof import CLOCK_SKEW, prove
from mailbot.signatures.reasons import MEANINGS, Code, indication, reason
from mailbot.signatures.report import (
    Evidence,
    Integrity,
    Kind,
    Reason,
    Scope,
    SignatureReport,
    SignerIdentity,
    SubIndication,
    Trust,
    Verdict,
)
from mailbot.signatures.told import LOCKED
from mailbot.signatures.trust.anchors import Role, parsed
from mailbot.signatures.trust.chain import Path, paths, signs
from mailbot.signatures.trust.revocation import RevocationStore, Status
from mailbot.signatures.trust.store import TrustStore
from mailbot.signatures.trust.words import Words

PeselHash = Callable[[str], str]

_DOUBTS_OF_SCOPE = {str(code): code for code in (Code.SEVERAL_SIGNATURES, Code.ADDED_ON_THE_WAY)}
"""Codes of the format modules for a signature that does not cover the file alone, through no fault of the signer."""
_BY_TIME = frozenset({Code.CERTIFICATE_EXPIRED, Code.CERTIFICATE_REVOKED, Code.ISSUER_NOT_GRANTED, Code.ISSUER_UNKNOWN})
"""Faults that an earlier moment may mend; an intermediate that has expired leaves the issuer unknown."""


@dataclass(frozen=True, slots=True)
class _Finding:
    reason: Reason
    verdict: Verdict
    sub_indication: SubIndication


@dataclass(frozen=True, slots=True)
class _Standing:
    """What the snapshot says of the certificate."""

    trust: Trust
    classified: Classified
    codes: tuple[Code, ...] = ()
    proven: datetime | None = None
    """When the signature existed for certain; it was judged at that time."""


_UNCHECKED = _Standing(Trust.NOT_CHECKED, Classified(Kind.OTHER))


def judge(
    evidence: Evidence,
    trust: TrustStore,
    rules: SignatureRules,
    received_at: datetime,
    file: str,
    pesel_hash: PeselHash | None,
) -> SignatureReport:
    """The report on one signature. ``received_at`` (aware) is the proof of existence, or a sure timestamp before it.

    Raises nothing but Refused, when ``Patience`` is over.
    """
    try:
        return _judge(evidence, trust, rules, received_at, file, pesel_hash)
    except Refused:
        raise
    except Exception:  # a certificate may hold anything; what we cannot judge goes to a person
        found = [_finding(Code.POLICY_ERROR)]
        return _report(evidence, trust.snapshot, received_at, file, _UNCHECKED, None, found)


def _judge(
    evidence: Evidence,
    trust: TrustStore,
    rules: SignatureRules,
    at: datetime,
    file: str,
    pesel_hash: PeselHash | None,
) -> SignatureReport:
    found = list(_form(evidence))
    standing, signer = _UNCHECKED, None
    if evidence.integrity is Integrity.OK and evidence.certificate is not None:
        certificate = parsed(evidence.certificate)
        trust = trust.for_issuer_of(evidence.certificate)
        standing = _at_proven_time(evidence, trust, rules, at)
        path = standing.classified.path
        codes = [*standing.codes]
        codes += algorithms.faults(evidence.algorithms, path.certificates if path else (certificate,))
        if "no_signing_certificate_attribute" in evidence.flags:  # a certificate is easily put in another's place
            codes.append(Code.CERTIFICATE_NOT_BOUND)
        if evidence.format.value.startswith("xades") and any(_is_leaf(other) for other in evidence.certificates):
            codes.append(Code.CERTIFICATE_FOREIGN)
        if standing.classified.kind is not Kind.TRUSTED_PZ and not commitment.consents(evidence.commitments):
            codes.append(Code.COMMITMENT)  # under the seal all words are the minister's
        if not signs(certificate):
            codes.append(Code.CERTIFICATE_PURPOSE)
        codes += _times(evidence.claimed_time, standing.proven, rules.signed_max_age, at)
        signer = _signer(evidence, standing.classified.kind, pesel_hash)
        if signer is None and evidence.scope is Scope.FULL and standing.classified.kind in rules.accept:
            codes.append(Code.IDENTITY_UNREADABLE)
        found += [_finding(code) for code in codes]
    return _report(evidence, trust.snapshot, at, file, standing, signer, found)


def _form(evidence: Evidence) -> Iterator[_Finding]:
    """Integrity, scope, and whether there is a certificate. The format module's own words come first."""
    if evidence.sub_indication is SubIndication.SIGNED_DATA_NOT_FOUND:
        yield _finding(Code.DETACHED_ONLY, evidence)
    elif evidence.integrity is Integrity.NOT_SIGNED:
        yield _finding(Code.UNSIGNED, evidence)
    elif evidence.integrity is Integrity.BROKEN:
        doubt = evidence.failure is not None and evidence.failure.code == Code.CHANGED_ON_THE_WAY
        yield _finding(Code.CHANGED_ON_THE_WAY if doubt else Code.SIGNATURE_WRONG, evidence)
    elif evidence.integrity is Integrity.UNREADABLE:
        locked = evidence.failure is not None and evidence.failure.code in LOCKED
        yield _finding(Code.ENCRYPTED if locked else Code.SIGNATURE_UNREADABLE, evidence)
    elif evidence.certificate is None:
        yield _finding(Code.CERTIFICATE_MISSING, evidence)
    elif evidence.failure is not None and evidence.failure.code in _DOUBTS_OF_SCOPE:
        yield _finding(_DOUBTS_OF_SCOPE[evidence.failure.code], evidence)
    elif evidence.scope is not Scope.FULL or evidence.uncovered:
        yield _finding(Code.NOT_WHOLE_FILE, evidence)
    elif evidence.failure is not None or evidence.sub_indication is not None:
        yield _finding(Code.SIGNATURE_UNREADABLE, evidence)  # a doubt of the format module without a word for it


def _finding(code: Code, evidence: Evidence | None = None) -> _Finding:
    meaning = MEANINGS[code]
    own = evidence.failure if evidence else None
    sub = evidence.sub_indication if evidence else None
    return _Finding(own or reason(code), meaning.verdict, sub or meaning.sub_indication)


def _at_proven_time(evidence: Evidence, trust: TrustStore, rules: SignatureRules, at: datetime) -> _Standing:
    """The standing when the signature provably existed; with a proof that is not sure it is a person's question."""
    brought = RevocationStore(dict(evidence.revocation), at)
    words = Words(trust.revocation, brought, at, rules.revocation_max_age)
    proof = prove(evidence.stamps, trust, words)
    if proof is not None and proof.doubt is None:
        moment = _not_before(evidence, proof.time)
        return replace(_standing(evidence, trust, rules, words, moment), proven=proof.time)
    standing = _standing(evidence, trust, rules, words, at)
    if proof is None or proof.doubt is None or _BY_TIME.isdisjoint(standing.codes):
        return standing
    earlier = _standing(evidence, trust, rules, words, proof.time)
    return replace(earlier, codes=(*earlier.codes, proof.doubt))


def _not_before(evidence: Evidence, proven: datetime) -> datetime:
    """A certificate may be made for one signature: the clock of its CA may be a little ahead of that of the unit."""
    assert evidence.certificate is not None
    begins = parsed(evidence.certificate).not_valid_before_utc
    return begins if proven < begins <= proven + CLOCK_SKEW else proven


def _standing(
    evidence: Evidence, trust: TrustStore, rules: SignatureRules, words: Words, moment: datetime
) -> _Standing:
    """``moment``: that of the signature, the arrival or before; what is known of it is known at the arrival."""
    assert evidence.certificate is not None
    certificate, at = parsed(evidence.certificate), words.at
    if not trust.anchors and not trust.broken_list:
        return _Standing(Trust.NOT_CHECKED, Classified(Kind.OTHER), (Code.TRUST_EMPTY,))
    issuers = [anchor for anchor in trust.anchors if anchor.roles != {Role.TSA}]
    found = paths(evidence.certificate, evidence.certificates, issuers, moment)
    classified = classify(certificate, found, rules, moment)
    path = classified.path
    if trust.stale_lists(at) if path is None else trust.is_stale(path.anchor, at):
        return _Standing(Trust.STALE_TRUST_LIST, classified, (Code.TRUST_LIST_STALE,))
    codes = [classified.fault] if classified.fault else []
    if not codes and classified.kind not in rules.accept:
        codes.append(Code.KIND_NOT_ACCEPTED)
    if path is None:
        return _Standing(Trust.UNTRUSTED, classified, tuple(codes))
    if classified.kind is Kind.QUALIFIED and not on_device(certificate, path.anchor):
        codes.append(Code.NO_DEVICE)
    if moment > certificate.not_valid_after_utc:
        return _Standing(Trust.EXPIRED, classified, (*codes, Code.CERTIFICATE_EXPIRED))
    if moment < certificate.not_valid_before_utc:
        return _Standing(Trust.EXPIRED, classified, (*codes, Code.CERTIFICATE_NOT_YET_VALID))
    state, code = _revocation(path, words, moment)
    return _Standing(state, classified, (*codes, code) if code else tuple(codes))


def _revocation(path: Path, words: Words, moment: datetime) -> tuple[Trust, Code | None]:
    """The worst that is known at the arrival of the certificates below the anchor; nothing known is never good."""
    answers = words.of(path, moment)
    revoked = [answer.at for answer in answers if answer.status is Status.REVOKED]
    if any(since is None or since <= moment for since in revoked):
        return Trust.REVOKED, Code.CERTIFICATE_REVOKED
    if revoked:  # the signature is older, but a stolen key is often used before the holder notices
        return Trust.REVOKED, Code.CERTIFICATE_REVOKED_LATER
    for status, code in (
        (Status.SUSPENDED, Code.CERTIFICATE_SUSPENDED),
        (Status.UNKNOWN, Code.REVOCATION_UNKNOWN),
        (Status.STALE, Code.REVOCATION_STALE),
    ):
        if any(answer.status is status for answer in answers):
            return Trust.UNKNOWN_REVOCATION, code
    return Trust.TRUSTED, None


def _is_leaf(der: bytes) -> bool:
    """No CA: beside the signer's own it has no business in KeyInfo, which nobody signed. Rubbish counts as one."""
    try:
        return not parsed(der).extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (ValueError, x509.ExtensionNotFound, x509.DuplicateExtension):
        return True


def _times(claimed: datetime | None, proven: datetime | None, max_age: timedelta, at: datetime) -> Iterator[Code]:
    """A claimed time proves nothing, but an old application may come out of somebody's mailbox (procedure §3.5)."""
    if claimed is None or claimed.tzinfo is None:
        yield Code.TIME_MISSING
    elif claimed > at + CLOCK_SKEW:
        yield Code.TIME_IN_FUTURE
    elif at - min(claimed, proven or claimed) > max_age:
        yield Code.TIME_TOO_OLD


def _signer(evidence: Evidence, kind: Kind, pesel_hash: PeselHash | None) -> SignerIdentity | None:
    """Who signed: of podpis zaufany the signed data, of other signatures the certificate of a known issuer."""
    if evidence.scope is not Scope.FULL or evidence.certificate is None or kind in (Kind.SEAL, Kind.OTHER):
        return None
    personal = evidence.personal if kind is Kind.TRUSTED_PZ else identity.from_certificate(evidence.certificate)
    return identity.signer(personal, evidence.certificate, pesel_hash)


def _report(
    evidence: Evidence,
    snapshot: str,
    received_at: datetime,
    file: str,
    standing: _Standing,
    signer: SignerIdentity | None,
    found: Sequence[_Finding],
) -> SignatureReport:
    """The first finding of the worst verdict names the indication."""
    verdict = next((v for v in (Verdict.REJECT, Verdict.MANUAL) if any(f.verdict is v for f in found)), Verdict.ACCEPT)
    sub = next((f.sub_indication for f in found if f.verdict is verdict), None)
    return SignatureReport(
        file=file,
        format=evidence.format,
        verdict=verdict,
        indication=indication(sub),
        sub_indication=sub,
        integrity=evidence.integrity,
        scope=evidence.scope,
        trust=standing.trust,
        kind=standing.classified.kind,
        signer=signer,
        reasons=tuple(f.reason for f in found),
        received_at=received_at,
        wrapper=evidence.wrapper,
        level=evidence.level,
        claimed_time=evidence.claimed_time,
        proven_time=standing.proven,
        algorithms=evidence.algorithms,
        flags=evidence.flags,
        uncovered=evidence.uncovered,
        payload_sha256=hashlib.sha256(evidence.payload).hexdigest() if evidence.payload is not None else None,
        signature_sha256=hashlib.sha256(evidence.signature_value).hexdigest() if evidence.signature_value else None,
        trust_snapshot=snapshot,
        payload=evidence.payload,
        payload_name=evidence.payload_name,
    )
