"""When a signature provably existed: by a timestamp of a unit that the trust snapshot knows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from mailbot.signatures import algorithms
from mailbot.signatures.report import Stamp
from mailbot.signatures.trust import chain
from mailbot.signatures.trust.anchors import Anchor, Role, parsed
from mailbot.signatures.trust.chain import Path
from mailbot.signatures.trust.revocation import Status
from mailbot.signatures.trust.store import TrustStore

CLOCK_SKEW = timedelta(hours=1)
"""How far another clock may be ahead of ours."""


@dataclass(frozen=True, slots=True)
class Proof:
    """``sure``: else the unit is known, but not that it could be trusted up to now."""

    time: datetime
    sure: bool


def prove(stamps: Iterable[Stamp], trust: TrustStore, at: datetime, max_age: timedelta) -> Proof | None:
    """The earliest proof, a sure one first. ``at``: when the mail arrived, aware.

    A unit must be in force when it stamped and still at ``at``: whoever steals the key of one can write any time.
    """
    proofs = [proof for stamp in stamps if (proof := _prove(stamp, trust, at, max_age))]
    return min(proofs, key=lambda proof: (not proof.sure, proof.time), default=None)


def _prove(stamp: Stamp, trust: TrustStore, at: datetime, max_age: timedelta) -> Proof | None:
    try:
        unit = parsed(stamp.certificate)
        if stamp.time > at + CLOCK_SKEW or not chain.stamps(unit):
            return None
        if not unit.not_valid_before_utc <= stamp.time <= unit.not_valid_after_utc:
            return None
        known = trust.for_issuer_of(stamp.certificate)
        units = [anchor for anchor in known.anchors if Role.TSA in anchor.roles and anchor.granted(stamp.time)]
        found = [_judged(path, stamp, known, at, max_age) for path in _paths(stamp, units)]
    except ValueError:  # a certificate may hold anything
        return None
    judged = [sure for sure in found if sure is not None]
    return Proof(min(stamp.time, at), any(judged)) if judged else None


def _paths(stamp: Stamp, units: Sequence[Anchor]) -> Iterator[Path]:
    """A trusted list names the unit itself, or the CA that issued its certificate."""
    yield from (Path((), anchor) for anchor in units if anchor.certificate == stamp.certificate)
    issuers = [anchor for anchor in units if anchor.certificate != stamp.certificate]
    yield from chain.paths(stamp.certificate, stamp.certificates, issuers, stamp.time, stamping=True)


def _judged(path: Path, stamp: Stamp, trust: TrustStore, at: datetime, max_age: timedelta) -> bool | None:
    """Whether the time is sure; None: it is worth nothing."""
    if any(algorithms.faults(stamp.algorithms, path.certificates or (parsed(stamp.certificate),))):
        return None
    said = {trust.revocation.status(one, issuer, at, max_age).status for one, issuer in path.links}
    if Status.REVOKED in said:
        return None
    in_force = path.anchor.granted(at) and all(at <= one.not_valid_after_utc for one in path.certificates)
    return in_force and said <= {Status.GOOD} and not trust.is_stale(path.anchor, at)
