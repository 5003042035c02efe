"""What our own MX found out: Authentication-Results (RFC 8601) and Received-SPF (RFC 7208 §9.1) read and judged.

Whose fields they are is the matter of ``chain``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from mailbot.model import Authentication, AuthResult
from mailbot.sender.verdict import MethodResult, judge, signs, vouches

_OUTSIDE = re.compile(r'(?P<text>[^()";\\]++|"[^"\\]*+(?:\\.[^"\\]*+)*")|(?P<semicolon>;)|(?P<open>\()')
_INSIDE = re.compile(r"(?:[^()\\]++|\\.)+|(?P<open>\()|(?P<close>\))", re.DOTALL)
_FOLD = re.compile(rb"\r?\n(?=[ \t])")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_METHOD = re.compile(r"\s*([A-Za-z0-9_-]+)\s*(?:/\s*(\d+)\s*)?=\s*([A-Za-z0-9_-]+)(?=\s|\Z)")
_PROPERTY = re.compile(r'\s+([\w-]+(?:\s*\.\s*[\w-]+)?)\s*=\s*((?:"[^"\\]*+(?:\\.[^"\\]*+)*"|[^\s"]++)*)', re.ASCII)
_DOMAIN = re.compile(r"[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")
_PLAIN_RESULT = re.compile(
    r"\s*[a-z][a-z0-9-]*=[a-z]+(?:\s+(?:reason=\"[^\"\\]*\"|(?:smtp|header|body|policy)\.[a-z0-9-]+=[^\s\"\\;()]*+"
    r"(?:\"[^\s\"\\]*\")?))*\s*",
    re.ASCII,
)
_PLAIN_SIZE, _PLAIN_RESULTS = 4_096, 16
_UNESCAPE = re.compile(r"\\(.)")


@dataclass(frozen=True, slots=True)
class AuthResultsField:
    """One Authentication-Results field. ``results`` is None when the field cannot be read for certain."""

    authserv_id: str
    results: tuple[MethodResult, ...] | None


def conclude(reports: Sequence[AuthResultsField], domain: str, *, together: bool) -> Authentication:
    """Verdict about the From domain ``domain`` (ASCII) going by one or more ``reports``. Never raises.

    ``together``: each filter of the MX (SPF, DKIM, DMARC) may have written a report of its own.
    """
    readable = [r.results for r in reports if r.results is not None]
    if len(readable) < len(reports):
        return Authentication(AuthResult.NONE, "Authentication-Results of our MX cannot be read")
    if _disagree(readable, domain):
        return Authentication(AuthResult.FAIL, "Authentication-Results of our MX contradict each other")
    if together:
        return judge(domain, [result for results in readable for result in results])
    verdicts = [judge(domain, results) for results in readable]
    return next((v for v in verdicts if v.result is AuthResult.FAIL), verdicts[0])


def _disagree(reports: Sequence[Sequence[MethodResult]], domain: str) -> bool:
    """Does one field say pass and another fail, of the same method and about the same domain?"""
    for method in ("dmarc", "dkim", "spf"):
        said = [{r.result for r in results if r.method == method and _about(r, domain)} for results in reports]
        if any("pass" in s for s in said) and any("pass" not in s and s & {"fail", "softfail"} for s in said):
            return True
    return False


def _about(result: MethodResult, domain: str) -> bool:
    if result.method == "dmarc":
        return True
    return signs(result, domain) if result.method == "dkim" else vouches(result, domain)


def parse(value: bytes) -> AuthResultsField:
    """Read one raw field value (RFC 8601 §2.2), folding included. Never raises.

    Wider than the RFC: a final semicolon and properties without a type (Microsoft's "action=none"). A quoted
    authserv-id stays quoted and so never equals ours: no MX writes its own name in quotes, forgers do.
    """
    text = _unfolded(value)
    segments, complete = _segments(text)
    head = segments[0].split()
    authserv_id = _lower(head[0]) if head else ""
    if not complete or _CONTROL.search(text) or len(head) not in (1, 2) or head[1:] not in ([], ["1"]):
        return AuthResultsField(authserv_id, None)
    infos = [s for s in segments[1:] if s.strip()]
    if [s.strip().lower() for s in infos] == ["none"]:
        return AuthResultsField(authserv_id, ())
    return AuthResultsField(authserv_id, _known(infos))


def is_plain(value: bytes) -> bool:
    """Is a field written as filters write theirs?

    A filter that removes a sender's field must read it first. OpenDKIM leaves what its narrow parser does not read:
    unknown kinds of properties, odd blanks and quotes, more results or octets than it has room for.
    """
    text = _unfolded(value)
    segments, complete = _segments(text)
    infos = [s for s in segments[1:] if s.strip()]
    return (
        complete
        and text.isascii()
        and len(value) <= _PLAIN_SIZE
        and 0 < len(infos) <= _PLAIN_RESULTS
        and all(_PLAIN_RESULT.fullmatch(info) for info in infos)
    )


def parse_without_id(value: bytes) -> AuthResultsField | None:
    """Read a field that begins with a result, as Exchange Online writes them; None: it begins with something else.

    Its older form repeats the recipient's domain between the results.
    """
    text = _unfolded(value)
    segments, complete = _segments(text)
    if _METHOD.match(segments[0]) is None:
        return None
    infos = [s for s in segments if s.strip() and _DOMAIN.fullmatch(s.strip()) is None]
    return AuthResultsField("", _known(infos) if complete and not _CONTROL.search(text) else None)


def parse_received_spf(value: bytes) -> MethodResult | None:
    """Read one raw Received-SPF (RFC 7208 §9.1) as the SPF result it tells; None when it cannot be read for certain.

    Its "client-ip" is kept as a property. Checked for HELO alone it has no "smtp.mailfrom".
    """
    text = _unfolded(value)
    segments, complete = _segments(text)
    word, _, first = segments[0].strip().partition(" ")
    pairs: dict[str, str] = {}
    for pair in (first, *segments[1:]):
        key, _, said = pair.partition("=")
        key = _lower(key.strip())
        if key in pairs:
            return None
        if key:
            pairs[key] = _value(said.strip())
    if not complete or _CONTROL.search(text) or not word.isalpha():
        return None
    properties = {"client-ip": pairs["client-ip"]} if "client-ip" in pairs else {}
    if _lower(pairs.get("identity", "mailfrom")) != "mailfrom":
        properties["smtp.helo"] = pairs.get("helo", "")
    elif "envelope-from" in pairs:
        properties["smtp.mailfrom"] = pairs["envelope-from"]
    return MethodResult("spf", _lower(word), properties)


def _unfolded(value: bytes) -> str:
    return _FOLD.sub(b"", value).decode("utf-8", "replace")


def _lower(text: str) -> str:
    """Lower case of ASCII alone: a Kelvin sign must not become the "k" of our name."""
    return text.lower() if text.isascii() else text


def _known(infos: Sequence[str]) -> tuple[MethodResult, ...] | None:
    results = [_resinfo(info) for info in infos]
    known = tuple(r for r in results if r is not None)
    return known if len(known) == len(results) else None


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


def _resinfo(text: str) -> MethodResult | None:
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
    return None if text[position:].strip() else MethodResult(method[1].lower(), method[3].lower(), properties)


def _value(spelt: str) -> str:
    if len(spelt) > 1 and spelt.startswith('"') and spelt.endswith('"'):
        return _UNESCAPE.sub(r"\1", spelt[1:-1])
    return spelt
