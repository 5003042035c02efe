"""Files inside signed XML: ``podpisanyPlik`` of gov.pl, a root ``Signatures``, base64 or XML in a ds:Object.

Only octets that a signature covers come here, after its transforms; nothing is looked up in the file again.
"""

from __future__ import annotations

import re
from dataclasses import replace

from lxml import etree

from mailbot.signatures.cms import Refused
from mailbot.signatures.report import Evidence, Format
from mailbot.signatures.xades import parse
from mailbot.signatures.xades.parse import DS

SIGNED_FILE = "podpisanyPlik"
SIGNATURES = "Signatures"

_SIGNED_FILE_NAMESPACE = re.compile(r"https?://epuap\.gov\.pl/fe-model-web/wzor_lokalny/[^/]{1,40}/podpisanyPlik/")
_STRUCTURE = "{http://crd.gov.pl/xml/schematy/struktura/2009/11/16/}"
_OBJECT = f"{{{DS}}}Object"
_BASE64 = f"{DS}base64"


def around(signature: etree._Element) -> str | None:
    """``Signatures`` when the signature stands alone below such a root, else None."""
    parent = signature.getparent()
    if parent is None or etree.QName(parent).localname != SIGNATURES:
        return None
    return SIGNATURES


def unwrap(evidence: Evidence) -> Evidence:
    """``evidence`` with the file that the citizen signed as its payload, and its name as written: text, never a path.

    A payload that is no wrapper stays. One that holds several files, or a text beside one, stays too, with the flag
    "several_files".
    """
    if evidence.payload is None or evidence.format is Format.XADES_DETACHED:
        return evidence
    is_object = evidence.format is Format.XADES_ENVELOPING and evidence.payload.startswith(b"<")
    if not is_object and SIGNED_FILE.encode() not in evidence.payload:
        return evidence
    try:
        root = parse.read(evidence.payload).root
        if root.tag == _OBJECT:
            return replace(evidence, payload=_inside_object(root, evidence.payload))
        if _SIGNED_FILE_NAMESPACE.fullmatch(etree.QName(root).namespace or ""):
            return _signed_file(root, evidence)
    except Refused:  # the octets are signed all the same: whoever reads them next will see what they are
        return evidence
    return evidence


def _inside_object(element: etree._Element, octets: bytes) -> bytes:
    """The file in a ds:Object that was digested as an element: decoded, or its one child."""
    children = list(element.iterchildren("*"))
    if not children and element.get("Encoding") == _BASE64:
        return parse.base64(element.text)
    texts = [element.text, *(child.tail for child in element)]
    if len(children) != 1 or not all(map(parse.is_blank, texts)):
        return octets
    inner: bytes = etree.tostring(children[0], method="c14n", exclusive=False, with_comments=True)
    return inner


def _signed_file(root: etree._Element, evidence: Evidence) -> Evidence:
    found = list(root.iter(f"{_STRUCTURE}Zalacznik"))
    wrapped = replace(evidence, wrapper=SIGNED_FILE)
    if len(found) != 1 or _says_more(root, found[0]):
        return replace(wrapped, flags=(*evidence.flags, "several_files")) if found else wrapped
    contents = found[0].findall(f"{_STRUCTURE}DaneZalacznika")
    if len(contents) != 1 or len(contents[0]) or found[0].get("kodowanie") != "base64":
        return wrapped
    name = _name(found[0].get("nazwaPliku", ""))
    return replace(wrapped, payload=parse.base64(contents[0].text), payload_name=name)


def _says_more(root: etree._Element, file: etree._Element) -> bool:
    """Is there a text beside the file in what was signed (TrescDokumentu)? It belongs to the application, too."""
    body = next((e for e in file.iterancestors() if etree.QName(e).localname == "TrescDokumentu"), root)
    inside = set(file.iter("*"))
    return not all(parse.is_blank(e.text) for e in body.iter("*") if e not in inside)


def _name(encoded: str) -> str:
    """gov.pl writes the name in base64; other programs write it as it is."""
    try:
        return parse.base64(encoded).decode()
    except (Refused, UnicodeDecodeError):
        return encoded
