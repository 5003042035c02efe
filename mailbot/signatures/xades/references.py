"""ds:Reference: what is signed, and what in the file is not (XML-DSig §4.4.3, ETSI EN 319 132-1 §4.4).

A signature covers a document only when it points at the whole file (``""`` or the Id of the root), at a ds:Object that
is a child of this very signature, or at a file beside. All else can be moved about without breaking it (wrapping).
"""

from __future__ import annotations

import hmac
import re
import urllib.parse
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum, auto

from lxml import etree

from mailbot.signatures.cms import Refused, unreadable
from mailbot.signatures.report import Integrity, SubIndication
from mailbot.signatures.xades import keys, parse, transforms
from mailbot.signatures.xades.parse import DS, SIGNATURE, SignedXml, Work, is_blank
from mailbot.signatures.xades.transforms import Nodes

Files = Mapping[str, bytes]

REFERENCES_MAX = 70
"""An ASiC has at most 64 files."""
INSIDE_MAX = 8
"""References into the same document: document, properties, KeyInfo, and some room."""

_XADES = tuple(f"http://uri.etsi.org/01903/v{version}#" for version in ("1.3.2", "1.2.2", "1.1.1"))
_PROPERTIES_TYPES = frozenset({"http://uri.etsi.org/01903#SignedProperties", *(f"{x}SignedProperties" for x in _XADES)})
_MANIFEST_TYPE = f"{DS}Manifest"
_OBJECT, _MANIFEST = f"{{{DS}}}Object", f"{{{DS}}}Manifest"
_PARTS = frozenset({f"{{{DS}}}{name}" for name in ("SignedInfo", "SignatureValue", "KeyInfo", "Object")})


class Target(Enum):
    """What a reference points at."""

    DOCUMENT = auto()
    OBJECT = auto()
    DETACHED = auto()
    PROPERTIES = auto()
    OTHER = auto()
    """Something that is signed, but no document: KeyInfo, a part of the document, another signature's value."""


@dataclass(frozen=True, slots=True)
class Reference:
    """One ds:Reference, checked."""

    target: Target
    element: etree._Element | None
    """None for a file beside."""
    octets: bytes
    """Exactly what was digested."""
    digest: str
    """Name of the digest."""
    matches: bool
    """Is it the signed digest?"""
    written: str = ""
    """Name of a file beside, as the signer wrote it. Never a path to open."""
    file: str = ""
    """The key of the file taken for it."""
    whole: bool = False
    """The URI is empty, so what stands beside the root is signed too."""


def check(document: SignedXml, signature: etree._Element, files: Files, work: Work) -> tuple[Reference, ...]:
    """All references of one signature, digested. Raises Refused, or keys.Unsupported for an unknown digest."""
    listed = parse.only(signature, "SignedInfo").findall(f"{{{DS}}}Reference")
    inside = [reference for reference in listed if reference.get("URI", "?")[:1] in ("", "#")]
    if not listed or len(listed) > REFERENCES_MAX or len(inside) > INSIDE_MAX:
        raise unreadable("Podpis ma nieprawidłową liczbę odwołań do treści.")
    properties = _properties(signature)
    found = tuple(_check(document, signature, reference, properties, files, work) for reference in listed)
    if sum(reference.target is Target.PROPERTIES for reference in found) != 1:
        raise unreadable("Podpis nie obejmuje swoich właściwości (XAdES SignedProperties).", "NO_SIGNED_PROPERTIES")
    return found


def _check(
    document: SignedXml,
    signature: etree._Element,
    reference: etree._Element,
    properties: etree._Element | None,
    files: Files,
    work: Work,
) -> Reference:
    uri, kind = reference.get("URI"), reference.get("Type") or ""
    name = keys.digest_name(parse.only(reference, "DigestMethod").get("Algorithm"))
    wanted = parse.base64(parse.only(reference, "DigestValue").text)
    chain = reference.findall(f"{{{DS}}}Transforms/{{{DS}}}Transform")
    if kind == _MANIFEST_TYPE:
        raise unreadable("Podpis obejmuje tylko spis plików (Manifest), a nie ich treść.", "MANIFEST")
    if uri == "" or (uri is not None and uri.startswith("#")):
        element = _resolve(document, uri)
        target = _target(document, signature, element, kind, properties)
        own = signature if target is Target.DOCUMENT else None
        work.spend(sum(1 for _ in element.iter()) * max(1, len(chain)), 0)
        octets = transforms.apply(chain, Nodes(element, whole=uri == "", own=own))
        work.spend(0, len(octets))
        return Reference(target, element, octets, name, _same(name, octets, wanted), whole=uri == "")
    return _detached(uri or "", chain, name, wanted, files, work)


def _resolve(document: SignedXml, uri: str) -> etree._Element:
    if uri == "":
        return document.root
    found = document.ids.get(uri[1:], ())
    if len(found) != 1:
        raise unreadable("Podpis wskazuje element, którego nie ma albo który występuje dwa razy.", "ID_NOT_UNIQUE")
    return found[0]


def _target(
    document: SignedXml,
    signature: etree._Element,
    element: etree._Element,
    kind: str,
    properties: etree._Element | None,
) -> Target:
    if kind in _PROPERTIES_TYPES:
        if element is not properties:
            raise unreadable("Podpis wskazuje cudze właściwości (SignedProperties).", "NO_SIGNED_PROPERTIES")
        return Target.PROPERTIES
    if element is document.root:
        return Target.DOCUMENT
    if element.tag == _OBJECT and element.getparent() is signature:
        if element.find(f".//{_MANIFEST}") is not None:
            raise unreadable("Podpis obejmuje tylko spis plików (Manifest), a nie ich treść.", "MANIFEST")
        return Target.OBJECT
    return Target.OTHER


def _detached(uri: str, chain: list[etree._Element], name: str, wanted: bytes, files: Files, work: Work) -> Reference:
    """A file beside, by its name; a file sent under another name is found by its digest. Nothing is ever opened."""
    written = urllib.parse.unquote(uri)
    short = re.split(r"[/\\]", written)[-1]
    named = next((key for key in (written, written.removeprefix("./"), short) if key in files), None)
    candidates = files if named is None else {named: files[named]}
    octets = b""
    for key, data in candidates.items():
        work.spend(data.count(b"<") * len(chain), len(data) // 10)  # digesting alone costs a tenth
        octets = transforms.apply(chain, data)
        if _same(name, octets, wanted):
            return Reference(Target.DETACHED, None, octets, name, matches=True, written=short, file=key)
    if len(candidates) == 1:
        return Reference(Target.DETACHED, None, octets, name, matches=False, written=short)
    text = "Jest sam podpis, bez pliku, którego dotyczy."
    raise Refused(Integrity.UNREADABLE, "DETACHED_ONLY", text, SubIndication.SIGNED_DATA_NOT_FOUND)


def _same(name: str, octets: bytes, wanted: bytes) -> bool:
    return hmac.compare_digest(keys.digest(name, octets), wanted)


def _properties(signature: etree._Element) -> etree._Element | None:
    """The SignedProperties of this signature and no other; Refused when there are two."""
    found = [
        element
        for space in _XADES
        for element in signature.findall(f"{_OBJECT}/{{{space}}}QualifyingProperties/{{{space}}}SignedProperties")
    ]
    if len(found) > 1:
        raise unreadable("Podpis ma dwa zestawy właściwości (SignedProperties).", "NO_SIGNED_PROPERTIES")
    return found[0] if found else None


def uncovered(document: SignedXml, signature: etree._Element, references: Iterable[Reference]) -> tuple[str, ...]:
    """What in the file is neither signed nor part of the signature's own frame."""
    signed = [r.element for r in references if r.element is not None]
    left = [f"ds:{_local(part)}" for part in signature.iterchildren("*") if not _is_frame(part, signed)]
    if not any(r.whole for r in references):  # an xml-stylesheet may show another text than the signed one
        left += [
            f"instrukcja {i.target}" for i in _beside(document.root) if isinstance(i, etree._ProcessingInstruction)
        ]
    if any(r.target is Target.DOCUMENT for r in references):
        return tuple(left)
    for ancestor in signature.iterancestors():
        others = [child for child in ancestor.iterchildren("*") if child.tag != SIGNATURE]
        texts = [ancestor.text, *(child.tail for child in ancestor)]
        if others or ancestor is not document.root or not all(map(is_blank, texts)):
            left.append(_local(ancestor))
    return tuple(left)


def _is_frame(part: etree._Element, signed: list[etree._Element]) -> bool:
    """A signed part, or one whose only content is XML-DSig's and XAdES's own."""
    if part.tag not in _PARTS:
        return False
    if part.tag != _OBJECT or any(part is one for one in signed):
        return True
    texts = [part.text, *(child.tail for child in part)]
    children = list(part.iterchildren("*"))
    qualifying = [child for child in children if child.tag in {f"{{{x}}}QualifyingProperties" for x in _XADES}]
    inner = [_local(child) for holder in children for child in holder.iterchildren("*")]
    return (
        len(children) == len(qualifying) == 1
        and all(map(is_blank, texts))
        and sorted(inner) in (["SignedProperties"], ["SignedProperties", "UnsignedProperties"])
    )


def _beside(root: etree._Element) -> list[etree._Element]:
    return [*root.itersiblings(preceding=True), *root.itersiblings()]


def _local(element: etree._Element) -> str:
    return str(etree.QName(element).localname[:40])
