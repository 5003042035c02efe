"""Our own check: SPF, DKIM and DMARC of mail straight to our SMTP server; DKIM alone where our MX wrote nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from mailbot.errors import ResolverUnavailable
from mailbot.model import Authentication, AuthResult, Envelope, Header
from mailbot.sender import dkim, dmarc, spf
from mailbot.sender.alignment import aligned
from mailbot.sender.resolver import Budget, Resolver
from mailbot.sender.verdict import MethodResult, judge, signs, vouches


def check(
    raw: bytes,
    headers: Sequence[Header],
    domain: str,
    envelope: Envelope,
    resolver: Resolver,
    now: datetime,
    *,
    strict: bool,
) -> Authentication:
    """Verdict about the From domain ``domain`` (ASCII). ``now``: arrival of the mail, aware. Never raises.

    Finds the results our MX would have written and judges them by the same rules. ``strict``: see ``dkim.check``.
    """
    limited = Budget(resolver)
    results = [spf.check(envelope, limited), *dkim.check(raw, headers, domain, limited, now, strict=strict)]
    return _verdict(domain, results, limited)


def signature_alone(
    raw: bytes, headers: Sequence[Header], domain: str, resolver: Resolver, now: datetime, *, strict: bool
) -> Authentication:
    """The same where nobody told us which peer gave the mail to our side: a signature can prove it, nothing refute it.

    Without SPF a policy says no more than which alignment it counts.
    """
    limited = Budget(resolver)
    results = dkim.check(raw, headers, domain, limited, now, strict=strict)
    if not any(r.result == "pass" for r in results):
        return judge(domain, results)
    found = _verdict(domain, results, limited)
    if found.result is AuthResult.FAIL:
        return Authentication(AuthResult.NONE, "the only signatures that hold are not aligned as the domain asks")
    return found


def _verdict(domain: str, results: Sequence[MethodResult], limited: Resolver) -> Authentication:
    """The results together with the DMARC result that follows from them."""
    try:
        policy = dmarc.find(domain, limited)
    except ResolverUnavailable:
        # alignment may be strict and the policy reject: only what is aligned strictly can vouch now
        strict = dmarc.Policy(enforced=False, strict_dkim=True, strict_spf=True)
        return judge(domain, [*_in_mode(results, domain, strict), MethodResult("dmarc", "temperror")])
    if policy is None:
        return judge(domain, results)
    results = _in_mode(results, domain, policy)
    return judge(domain, [*results, MethodResult("dmarc", _dmarc(results, domain, policy), {"header.from": domain})])


def _in_mode(results: Sequence[MethodResult], domain: str, policy: dmarc.Policy) -> list[MethodResult]:
    """The results without a pass that the policy's strict alignment does not count (RFC 7489 §3.1)."""
    strict = {"dkim": policy.strict_dkim, "spf": policy.strict_spf}
    return [
        r for r in results if r.result != "pass" or not strict[r.method] or aligned(_signer(r), domain, strict=True)
    ]


def _signer(result: MethodResult) -> str:
    spelt = result.properties["header.d" if result.method == "dkim" else "smtp.mailfrom"]
    return spelt.rpartition("@")[2]


def _dmarc(results: Sequence[MethodResult], domain: str, policy: dmarc.Policy) -> str:
    """The DMARC result (RFC 7489 §6.6.2).

    Under p=none nothing aligned is "none", not "fail": the owner only watches, as most small domains do whose users'
    mail is forwarded, and asks that it is not held against them (§6.3). It proves nothing either: a person looks.
    Nor is it a failure when a signature is of a kind that we cannot check.
    """
    about = [r for r in results if (signs(r, domain) if r.method == "dkim" else vouches(r, domain))]
    if any(r.result == "pass" for r in about):
        return "pass"
    if any(r.result == "temperror" for r in about):
        return "temperror"
    unchecked = any(r.method == "dkim" and r.result == "neutral" for r in about)
    return "fail" if policy.enforced and not unchecked else "none"
