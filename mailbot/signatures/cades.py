"""CAdES (ETSI EN 319 122-1): .p7m, .p7s, .sig as DER, BER, PEM or bare base64, the content inside or beside it."""

from __future__ import annotations

import base64
import re
from dataclasses import replace

from mailbot.signatures import cms, timestamp
from mailbot.signatures.cms import Refused, unreadable
from mailbot.signatures.report import Evidence, Format, Integrity, Reason, Scope, SubIndication

_PEM = re.compile(rb"-----BEGIN (?P<label>PKCS7|CMS|PKCS #7 SIGNED DATA)-----(?P<body>[^-]*+)-----END (?P=label)-----")
_BASE64 = re.compile(rb"[A-Za-z0-9+/\s]++={0,2}\s*+")
_SPACE = b" \t\n\r\v\f"
_SEQUENCE = b"\x30"


def verify(data: bytes, content: bytes | None) -> tuple[Evidence, ...]:
    """Evidence for every SignerInfo in ``data``. Never raises.

    The payload is what the signature carries inside; else ``content``, the file it came with. Without either nothing
    can be checked: UNREADABLE, SIGNED_DATA_NOT_FOUND, reason DETACHED_ONLY. ``content`` beside a signature that carries
    its own is not looked at: it is not signed.
    """
    blank = Evidence(Format.CADES_DETACHED, Integrity.UNREADABLE, Scope.NONE)
    try:
        octets, around = _unarmour(data)
        signed = cms.parse(octets)
    except Refused as refused:
        return (refused.evidence(blank),)
    payload = content if signed.content is None else signed.content
    known = replace(blank, format=Format.CADES_DETACHED if signed.content is None else Format.CADES_ATTACHED)
    if payload is None:
        text = "Jest sam podpis, bez pliku, którego dotyczy."
        return (
            Refused(Integrity.UNREADABLE, "DETACHED_ONLY", text, SubIndication.SIGNED_DATA_NOT_FOUND).evidence(known),
        )
    if around.strip() or octets[signed.size :].strip(b"\0\r\n"):
        known = replace(known, uncovered=("dane poza podpisem",))
    found = cms.verify(signed, (payload,), known)
    return tuple(_with_scope(timestamp.noted(evidence), payload) for evidence in found)


def _with_scope(found: Evidence, payload: bytes) -> Evidence:
    if found.integrity is not Integrity.OK:
        return found
    if not found.uncovered:
        return replace(found, scope=Scope.FULL, payload=payload)
    return replace(
        found,
        scope=Scope.PARTIAL,
        failure=Reason("NOT_WHOLE_FILE", "W pliku podpisu jest coś, czego podpis nie obejmuje."),
        sub_indication=SubIndication.SIG_CONSTRAINTS_FAILURE,
    )


def _unarmour(data: bytes) -> tuple[bytes, bytes]:
    """(DER or BER, what stands around it) of PEM (RFC 7468), bare base64 or binary."""
    if data.startswith(_SEQUENCE):
        return data, b""
    if match := _PEM.search(data):
        return _decode(match["body"]), data[: match.start()] + data[match.end() :]
    if _BASE64.fullmatch(data):
        return _decode(data), b""
    raise unreadable("Plik nie jest podpisem CAdES.")


def _decode(text: bytes) -> bytes:
    try:
        return base64.b64decode(text.translate(None, _SPACE), validate=True)
    except ValueError as error:
        raise unreadable("Podpis jest uszkodzony (base64).") from error
