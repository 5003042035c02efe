"""What is made of finished reports, without the libraries that read signatures: those are for locked processes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mailbot.model import Defect
from mailbot.signatures.reasons import MEANINGS, Code, indication, reason
from mailbot.signatures.report import Integrity, SignatureReport, SubIndication, Verdict

_CONTAINER = frozenset({"container", "too_big"})
"""Flags of ``verify`` for unsigned files that are not opened."""
LOCKED = frozenset({"ENCRYPTED", "ZIP_ENCRYPTED", "ASIC_NESTED"})
"""Codes of the format modules for a PDF or a container that nobody can read without a key or more unpacking."""


def defect(report: SignatureReport) -> Defect | None:
    """What to tell the citizen (procedure §3.3). None: accepted, or a person looks at it and nothing is told."""
    if report.verdict is not Verdict.REJECT:
        return None
    if any(found.code in LOCKED for found in report.reasons) or _CONTAINER.intersection(report.flags):
        return Defect.CONTAINER
    if report.integrity is Integrity.NOT_SIGNED:
        return Defect.UNSIGNED
    if report.sub_indication is SubIndication.SIGNED_DATA_NOT_FOUND:
        return Defect.DETACHED_ONLY
    of_kind = {Code.ISSUER_UNKNOWN, Code.ISSUER_NOT_GRANTED, Code.NOT_QUALIFIED, Code.KIND_NOT_ACCEPTED}
    wrong_kind = any(found.code in of_kind for found in report.reasons)
    return Defect.SIGNATURE_KIND if wrong_kind else Defect.SIGNATURE_INVALID


def combine(reports: Sequence[SignatureReport]) -> SignatureReport:
    """One report for a file from the reports on its signatures.

    More than one signature is MANUAL, whoever signed (procedure §3.3), unless none of them is any good: then the first
    tells why. Raises ValueError when there is none.
    """
    if not reports:
        raise ValueError("no report to combine")
    if len(reports) == 1:
        return reports[0]
    hopeful = [r for r in reports if r.verdict is not Verdict.REJECT]
    if not hopeful:
        return reports[0]
    first = hopeful[0]
    several = reason(Code.SEVERAL_SIGNATURES)
    reasons = first.reasons if any(r.code == several.code for r in first.reasons) else (*first.reasons, several)
    sub = first.sub_indication or MEANINGS[Code.SEVERAL_SIGNATURES].sub_indication
    return replace(
        first, verdict=Verdict.MANUAL, indication=indication(sub), sub_indication=sub, reasons=reasons, signer=None
    )
