"""What is known of certificates: from the folder, and of those that have expired from what the file brings along."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509

from mailbot.signatures.trust.chain import Path
from mailbot.signatures.trust.revocation import Answer, RevocationStore, Status


@dataclass(frozen=True, slots=True)
class Words:
    """``brought`` are CRLs and OCSP responses that the sender chose, though a CA signed them: a revocation in them
    counts like any other, a good word only where no newer one is to be had, and only when it was said after the
    signature provably existed. Else who has a revoked card would bring the words of the day before."""

    folder: RevocationStore
    brought: RevocationStore
    at: datetime
    """When the mail arrived."""
    max_age: timedelta

    def of(self, path: Path, since: datetime) -> list[Answer]:
        """What is known of each certificate below the anchor; what was signed with them existed at ``since``."""
        return [self._of(certificate, issuer, since) for certificate, issuer in path.links]

    def _of(self, certificate: x509.Certificate, issuer: x509.Certificate, since: datetime) -> Answer:
        known = self.folder.status(certificate, issuer, self.at, self.max_age)
        told = self.brought.status(certificate, issuer, since, timedelta())
        if told.status is Status.REVOKED:
            return _earlier(told, known)
        silent = known.status in (Status.UNKNOWN, Status.STALE) and self.at > certificate.not_valid_after_utc
        return told if silent and told.status in (Status.GOOD, Status.SUSPENDED) else known


def _earlier(revoked: Answer, other: Answer) -> Answer:
    if other.status is Status.REVOKED and other.at is not None and revoked.at is not None and other.at < revoked.at:
        return other
    return revoked
