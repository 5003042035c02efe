"""When a signature provably existed: by a timestamp of a unit that the trust snapshot knows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from mailbot.signatures import algorithms
from mailbot.signatures.reasons import Code
from mailbot.signatures.report import Stamp
from mailbot.signatures.trust import chain
from mailbot.signatures.trust.anchors import Anchor, Role, parsed
from mailbot.signatures.trust.chain import Path
from mailbot.signatures.trust.revocation import Status
from mailbot.signatures.trust.store import TrustStore
from mailbot.signatures.trust.words import Words

CLOCK_SKEW = timedelta(hours=1)
"""How far another clock may be ahead of ours."""


@dataclass(frozen=True, slots=True)
class Proof:
    """``doubt``: why the time is not sure, though the unit is known."""

    time: datetime
    doubt: Code | None = None


def prove(stamps: Sequence[Stamp], trust: TrustStore, words: Words) -> Proof | None:
    """The earliest proof, a sure one first.

    A unit must be in force when it stamped, and still when the mail arrived, for whoever steals the key of one can
    write any time; or when a later stamp over its own proves that it had stamped (EN 319 102-1 §5.6.2.3), and it has
    but come to its end since. A stamp that is older than one inside it leaves all of them in doubt.
    """
    proofs: list[Proof] = []
    known, ordered = words.at, True
    for stamp in reversed(stamps):
        ordered = ordered and (known == words.at or stamp.time <= known + CLOCK_SKEW)
        proof = _prove(stamp, trust, words, known)
        if proof is not None:
            proofs.append(proof)
            if stamp.whole and proof.doubt is None:
                known = proof.time
    if not ordered:
        proofs = [replace(proof, doubt=proof.doubt or Code.TIMESTAMP_UNSURE) for proof in proofs]
    return min(proofs, key=lambda proof: (proof.doubt is not None, proof.time), default=None)


def _prove(stamp: Stamp, trust: TrustStore, words: Words, known: datetime) -> Proof | None:
    """``known``: when the stamp itself existed for certain."""
    try:
        unit = parsed(stamp.certificate)
        if stamp.time > known + CLOCK_SKEW or not chain.stamps(unit):
            return None
        if not unit.not_valid_before_utc <= stamp.time <= unit.not_valid_after_utc:
            return None
        trust = trust.for_issuer_of(stamp.certificate)
        units = [anchor for anchor in trust.anchors if Role.TSA in anchor.roles and anchor.granted(stamp.time)]
        judged = [_is_sure(path, trust, words, known) for path in _paths(stamp, units) if _strong(path, stamp)]
    except ValueError:  # a certificate may hold anything
        return None
    if all(sure is None for sure in judged):
        return None
    doubt = Code.TIMESTAMP_ARCHIVE if not stamp.read else None if any(judged) else Code.TIMESTAMP_UNSURE
    return Proof(min(stamp.time, known), doubt)


def _paths(stamp: Stamp, units: Sequence[Anchor]) -> Iterator[Path]:
    """A trusted list names the unit itself, or the CA that issued its certificate."""
    yield from (Path((), anchor) for anchor in units if anchor.certificate == stamp.certificate)
    issuers = [anchor for anchor in units if anchor.certificate != stamp.certificate]
    yield from chain.paths(stamp.certificate, stamp.certificates, issuers, stamp.time, stamping=True)


def _strong(path: Path, stamp: Stamp) -> bool:
    return not any(algorithms.faults(stamp.algorithms, path.certificates or (parsed(stamp.certificate),)))


def _is_sure(path: Path, trust: TrustStore, words: Words, known: datetime) -> bool | None:
    """Whether the unit could be trusted up to ``known``; None: it could not, and the stamp is worth nothing."""
    answers = words.of(path, known)
    if any(answer.status is Status.REVOKED and (answer.at is None or answer.at <= known) for answer in answers):
        return None
    in_force = path.anchor.granted(known) and all(known <= one.not_valid_after_utc for one in path.certificates)
    good = all(answer.status is Status.GOOD for answer in answers)
    return in_force and good and not _withdrawn(path.anchor, words.at) and not trust.is_stale(path.anchor, words.at)


def _withdrawn(anchor: Anchor, at: datetime) -> bool:
    """Has the service lost its status by ``at``, and not only come to the end of its certificate? Nobody says why."""
    until = anchor.until
    return until is not None and until <= at and until < parsed(anchor.certificate).not_valid_after_utc
