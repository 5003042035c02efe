"""From authentication results (RFC 8601), whoever wrote them, to one verdict about the From domain."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from mailbot.model import Authentication, AuthResult
from mailbot.sender.alignment import aligned, ascii_domain

_SPF_FAILS = frozenset({"fail", "hardfail"})
_SPF_DOUBTS = _SPF_FAILS | {"softfail"}
"""RFC 7208 §8.5: softfail is weak. It proves no forgery, so a person looks; but it never agrees with a pass."""


@dataclass(frozen=True, slots=True)
class MethodResult:
    """One resinfo: method and result in lower case, properties such as "header.d" → value."""

    method: str
    result: str
    properties: Mapping[str, str] = field(default_factory=dict)


def judge(domain: str, results: Iterable[MethodResult]) -> Authentication:
    """Does the From domain ``domain`` (ASCII) vouch for the mail, going by ``results``? (procedure §3.2 row 3.)

    pass: an aligned DKIM or SPF pass. A DMARC pass adds nothing to it and never stands for it: OpenDMARC takes the SPF
    or DKIM result from a field that the sender wrote. fail: DMARC failed, or SPF failed and no aligned DKIM holds. A
    broken DKIM signature alone is the same as none (RFC 6376 §6.1): a person looks.
    """
    results = tuple(results)
    dmarc = {r.result for r in results if r.method == "dmarc"}
    dkim = {r.result for r in results if r.method == "dkim" and signs(r, domain)}
    spf = {r.result for r in results if r.method == "spf" and not _about_helo_only(r)}
    if "fail" in dmarc:
        return Authentication(AuthResult.FAIL, "dmarc=fail")
    if len(dmarc) > 1 or ("pass" in spf and spf & _SPF_DOUBTS) or len(_reverse_paths(results)) > 1:
        return Authentication(AuthResult.FAIL, "results contradict each other")
    if any(_other_from(r, domain) for r in results):
        return Authentication(AuthResult.NONE, "dmarc was checked for another From domain")
    methods = frozenset(r.method for r in results if _passes(r, domain))
    if methods - {"dmarc"}:
        told = ", ".join(f"{method}=pass" for method in sorted(methods))
        return Authentication(AuthResult.PASS, f"{told}, aligned", methods)  # the domain may name a person
    spf_failed = bool(spf & _SPF_FAILS)
    undecided = "temperror" in dkim or _undecided_dkim(results) or "temperror" in spf
    if undecided or ("temperror" in dmarc and not spf_failed):
        return Authentication(AuthResult.TEMPERROR, "a check could not be finished")
    if spf_failed:
        return Authentication(AuthResult.FAIL, "spf fails and no aligned dkim passes")
    if "dmarc" in methods:
        return Authentication(AuthResult.NONE, "dmarc=pass, but neither dkim nor spf of our own passes aligned")
    return Authentication(AuthResult.NONE, "nothing aligned passes")


def signs(result: MethodResult, domain: str) -> bool:
    """Is a DKIM result about a signature of ``domain``? d= decides; i= only when the verifier did not write d=."""
    signer = result.properties.get("header.d")
    identity = result.properties.get("header.i", "").rpartition("@")[2]
    if signer is None:
        return aligned(identity, domain)
    if identity and not _within(identity, signer):  # RFC 6376 §3.5: i= is d= or below it
        return False
    return aligned(signer, domain)


def vouches(result: MethodResult, domain: str) -> bool:
    """Is an SPF result about a reverse-path of ``domain``? A HELO name alone proves nothing about a person."""
    return aligned(reverse_path(result), domain)


def _about_helo_only(result: MethodResult) -> bool:
    """RFC 7208 §2.3: an MX may check HELO as well and say so in a result of its own."""
    return "smtp.helo" in result.properties and "smtp.mailfrom" not in result.properties


def reverse_path(result: MethodResult) -> str:
    """Domain of smtp.mailfrom, in lower case, "" when there is none."""
    return result.properties.get("smtp.mailfrom", "").rpartition("@")[2].rstrip(">").lower()


def _reverse_paths(results: Iterable[MethodResult]) -> set[str]:
    """A mail has one; a second was slipped in through a local part that the MX did not quote."""
    return {reverse_path(r) for r in results if r.method == "spf" and "smtp.mailfrom" in r.properties}


def _within(identity: str, signer: str) -> bool:
    return f".{identity.lower()}".endswith(f".{signer.lower()}")


def _other_from(result: MethodResult, domain: str) -> bool:
    """Our MX checked DMARC for another domain than the one we read: the two of us read the From differently."""
    said = result.properties if result.method == "dmarc" else {}
    checked = said.get("header.from", said.get("d"))  # Cisco writes d=
    return checked is not None and ascii_domain(checked.rpartition("@")[2]) != domain


def _passes(result: MethodResult, domain: str) -> bool:
    if result.result != "pass":
        return False
    if result.method == "dmarc":
        return "header.from" in result.properties
    return (result.method == "dkim" and signs(result, domain)) or (result.method == "spf" and vouches(result, domain))


def _undecided_dkim(results: Iterable[MethodResult]) -> bool:
    """A verifier that got no key often writes no domain either."""
    return any(
        r.method == "dkim" and r.result == "temperror" and not {"header.d", "header.i"} & r.properties.keys()
        for r in results
    )
