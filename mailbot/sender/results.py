"""What our own MX found out, read from its Authentication-Results (RFC 8601). Nobody else's count.

An MX adds its field above its own Received line, and everything below that line came with the mail: the sender can
have written it. authserv_id must therefore be the name the MX writes after "by" in Received; where no such line
exists, only the topmost field above every Received line counts.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from mailbot.model import Authentication, AuthResult, Header
from mailbot.sender.verdict import Result, judge, signs, vouches

_OUTSIDE = re.compile(r'(?P<text>[^()";\\]++|"[^"\\]*+(?:\\.[^"\\]*+)*")|(?P<semicolon>;)|(?P<open>\()')
_INSIDE = re.compile(r"(?:[^()\\]++|\\.)+|(?P<open>\()|(?P<close>\))", re.DOTALL)
_FOLD = re.compile(rb"\r?\n(?=[ \t])")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_METHOD = re.compile(r"\s*([A-Za-z0-9_-]+)\s*(?:/\s*(\d+)\s*)?=\s*([A-Za-z0-9_-]+)(?=\s|\Z)")
_PROPERTY = re.compile(r'\s+([\w-]+(?:\s*\.\s*[\w-]+)?)\s*=\s*((?:"[^"\\]*+(?:\\.[^"\\]*+)*"|[^\s"]++)*)', re.ASCII)
_UNESCAPE = re.compile(r"\\(.)")


@dataclass(frozen=True, slots=True)
class Report:
    """One Authentication-Results field. ``results`` is None when the field cannot be read for certain."""

    authserv_id: str
    results: tuple[Result, ...] | None


def from_headers(headers: Sequence[Header], domain: str, authserv_id: str) -> Authentication:
    """Verdict about the From domain ``domain`` (ASCII) going by the fields of ``authserv_id``. Never raises."""
    if not authserv_id:
        return Authentication(AuthResult.NONE, "no authserv-id is configured")
    trusted, proven = _above_our_mx(headers, authserv_id)
    parsed = (parse(h.value) for h in trusted if h.name.lower() == "authentication-results")
    reports = [r for r in parsed if r.authserv_id == authserv_id.lower()]
    if not reports:
        return Authentication(AuthResult.NONE, "no Authentication-Results of our MX")
    readable = [r.results for r in reports if r.results is not None]
    if len(readable) < len(reports):
        return Authentication(AuthResult.NONE, "Authentication-Results of our MX cannot be read")
    if _disagree(readable, domain):
        return Authentication(AuthResult.FAIL, "Authentication-Results of our MX contradict each other")
    if proven:  # each filter of the MX (SPF, DKIM, DMARC) may have written a field of its own
        return judge(domain, [result for results in readable for result in results])
    verdicts = [judge(domain, results) for results in readable]
    return next((v for v in verdicts if v.result is AuthResult.FAIL), verdicts[0])


def _above_our_mx(headers: Sequence[Header], authserv_id: str) -> tuple[Sequence[Header], bool]:
    """The fields that only our side can have written, and whether a Received line of our MX proves it."""
    ours = re.compile(rb"(?:^|\s)by\s+%b(?=[\s;(]|$)" % re.escape(authserv_id.encode()), re.IGNORECASE)
    received = [i for i, h in enumerate(headers) if h.name.lower() == "received"]
    for i in received:
        if ours.search(headers[i].value):
            return headers[:i], True
    return headers[: received[0]] if received else headers, False


def _disagree(reports: Sequence[Sequence[Result]], domain: str) -> bool:
    """Does one field say pass and another fail, of the same method and about the same domain?"""
    for method in ("dmarc", "dkim", "spf"):
        said = [{r.result for r in results if r.method == method and _about(r, domain)} for results in reports]
        if any("pass" in s for s in said) and any("pass" not in s and s & {"fail", "softfail"} for s in said):
            return True
    return False


def _about(result: Result, domain: str) -> bool:
    if result.method == "dmarc":
        return True
    return signs(result, domain) if result.method == "dkim" else vouches(result, domain)


def parse(value: bytes) -> Report:
    """Read one raw field value (RFC 8601 §2.2), folding included. Never raises.

    Wider than the RFC: a final semicolon and properties without a type (Microsoft's "action=none"). A quoted
    authserv-id stays quoted and so never equals ours: no MX writes its own name in quotes, forgers do.
    """
    text = _FOLD.sub(b"", value).decode("utf-8", "replace")
    segments, complete = _segments(text)
    head = segments[0].split()
    authserv_id = head[0].lower() if head else ""
    if not complete or _CONTROL.search(text) or len(head) not in (1, 2) or head[1:] not in ([], ["1"]):
        return Report(authserv_id, None)
    infos = [s for s in segments[1:] if s.strip()]
    if [s.strip().lower() for s in infos] == ["none"]:
        return Report(authserv_id, ())
    results = [_resinfo(info) for info in infos]
    known = tuple(r for r in results if r is not None)
    return Report(authserv_id, known if len(known) == len(results) else None)


def _segments(text: str) -> tuple[list[str], bool]:
    """``text`` cut at its semicolons, comments replaced by a space; False: quotes or comments are not balanced."""
    segments, depth, position = [""], 0, 0
    while position < len(text):
        match = (_INSIDE if depth else _OUTSIDE).match(text, position)
        if match is None:
            return segments, False
        position = match.end()
        if match.lastgroup == "open":
            depth += 1
        elif match.lastgroup == "close":
            depth -= 1
            segments[-1] += " "
        elif match.lastgroup == "semicolon":
            segments.append("")
        elif match.lastgroup == "text":
            segments[-1] += match[0]
    return segments, depth == 0


def _resinfo(text: str) -> Result | None:
    """``method[/1]=result property=value ...``; None when it is anything else or says one property twice."""
    method = _METHOD.match(text)
    if method is None or method[2] not in (None, "1"):
        return None
    properties: dict[str, str] = {}
    position = method.end()
    while match := _PROPERTY.match(text, position):
        name = "".join(match[1].lower().split())
        if name in properties:
            return None
        properties[name] = _value(match[2])
        position = match.end()
    return None if text[position:].strip() else Result(method[1].lower(), method[3].lower(), properties)


def _value(spelt: str) -> str:
    if len(spelt) > 1 and spelt.startswith('"') and spelt.endswith('"'):
        return _UNESCAPE.sub(r"\1", spelt[1:-1])
    return spelt
