"""XML of strangers → one checked tree: no DTD, no entity, no network, nothing too large, too deep or too many.

Everything that later code looks for (Ids, signatures) is collected in the one pass that counts.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass

from lxml import etree

from mailbot.signatures.bounds import FILE_MAX
from mailbot.signatures.cms import Refused, unreadable
from mailbot.signatures.report import Integrity, SubIndication

DS = "http://www.w3.org/2000/09/xmldsig#"
SIGNATURE = f"{{{DS}}}Signature"

ELEMENTS_MAX = 100_000
MARKS_MAX = 3 * ELEMENTS_MAX
""""<" of start and end tags, comments and the like, and "=" of attributes: counted before the tree of a bomb fills the
memory."""
ATTRIBUTES_MAX = 256
"""On one element: canonicalization sorts them in quadratic time."""
NAMESPACES_MAX = 5_000
"""Declarations in the whole file, for the same reason."""
WORK_MAX = 4 * ELEMENTS_MAX
"""Elements canonicalized, of one file; about 4 µs each."""
_OCTETS_AN_ELEMENT = 200
SMALL = 9_000_000
"""Octets up to which libxml2 keeps its own limits: depth 256, amplification, 10 MB a text. Above: depth 2048."""

_ENCODINGS = frozenset(
    {"utf-8", "utf-16", "us-ascii", "iso-8859-1", "iso-8859-2", "iso-8859-15", "windows-1250", "windows-1252"}
)
"""Known ones only: in UTF-7 or EBCDIC the scan for a DTD would see other characters than the parser."""
_DECLARED = re.compile(rb"<\?xml\s[^>]{0,200}?encoding\s*=\s*[\"']([A-Za-z0-9._-]{1,40})")
_WHITE_SPACE = re.compile(rb"[ \t\r\n]*")
_UTF16 = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16", b"<\0": "utf-16-le", b"\0<": "utf-16-be"}
_ID_ATTRIBUTES = ("Id", "ID", "id", "{http://www.w3.org/XML/1998/namespace}id")


@dataclass(slots=True)
class Work:
    """What all signatures of one file may cost: each may name large parts of it many times, in many transforms."""

    left: int = WORK_MAX

    def spend(self, elements: int, octets: int) -> None:
        """Raises Refused when there is no more."""
        self.left -= elements + octets // _OCTETS_AN_ELEMENT
        if self.left < 0:
            raise _too_large()


@dataclass(frozen=True, slots=True)
class SignedXml:
    """A parsed file."""

    root: etree._Element
    ids: Mapping[str, tuple[etree._Element, ...]]
    """Elements by value of any attribute that somebody may take for an Id."""
    signatures: tuple[etree._Element, ...]
    """Every ds:Signature, in document order."""


def read(data: bytes) -> SignedXml:
    """The document. Raises Refused for anything that is not well-formed, harmless XML."""
    marks = data.count(b"<"), data.count(b"=")
    if len(data) > FILE_MAX or data.count(b"xmlns") > NAMESPACES_MAX or max(marks) > MARKS_MAX:
        raise _too_large()
    _refuse_dtd(data)
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, remove_blank_text=False, huge_tree=len(data) > SMALL
    )
    try:
        root = etree.fromstring(data, parser)
    except Exception as error:  # XMLSyntaxError, and what decoders raise
        raise unreadable("Plik XML jest uszkodzony i nie da się go odczytać.") from error
    information = root.getroottree().docinfo
    if information.internalDTD is not None or information.externalDTD is not None:
        raise _dtd()
    return _survey(root)


def _survey(root: etree._Element) -> SignedXml:
    ids: dict[str, tuple[etree._Element, ...]] = {}
    signatures = []
    for number, element in enumerate(root.iter("*")):
        attributes = element.attrib
        if number >= ELEMENTS_MAX or len(attributes) > ATTRIBUTES_MAX:
            raise _too_large()
        if attributes:
            for value in {attributes[name] for name in _ID_ATTRIBUTES if name in attributes}:
                ids[value] = (*ids.get(value, ()), element)[:2]
        if element.tag == SIGNATURE:
            signatures.append(element)
    return SignedXml(root, ids, tuple(signatures))


def base64(text: str | None) -> bytes:
    """Octets of base64 with white space in it (xsd:base64Binary). Raises Refused."""
    try:
        octets = (text or "").encode("ascii")
        del text  # of a file with 10 MB each copy counts
        octets = octets.translate(None, b" \t\r\n")
        if len(octets) % 4 == 0:  # the strict mode of binascii lets a surplus "=" pass
            return binascii.a2b_base64(octets, strict_mode=True)
    except ValueError:
        pass
    raise unreadable("Podpis zawiera uszkodzone dane base64.")


def only(parent: etree._Element, name: str) -> etree._Element:
    """The one child of that name in the namespace of XML-DSig; Refused when there is none or more than one."""
    found = parent.findall(f"{{{DS}}}{name}")
    if len(found) != 1:
        raise unreadable(f"Podpis ma nieprawidłową budowę ({name}).")
    return found[0]


def is_blank(text: str | None) -> bool:
    """Nothing but white space?"""
    return not text or text.isspace()


def _refuse_dtd(data: bytes) -> None:
    """Look before the parser does: a DTD can only stand in front of the root, after comments and instructions."""
    wide = _UTF16.get(data[:2])
    if wide:
        data = data.decode(wide, "replace").encode()
    data = data.removeprefix(b"\xef\xbb\xbf")
    declared = _DECLARED.match(data)
    if declared and declared[1].decode().lower() not in _ENCODINGS:
        raise unreadable("Plik XML ma nieobsługiwane kodowanie znaków.", "XML_ENCODING")
    at = 0
    while at >= 0:
        at = _end_of_white_space(data, at)
        if data.startswith(b"<?", at):
            at = _after(data, b"?>", at)
        elif data.startswith(b"<!--", at):
            at = _after(data, b"-->", at + 4)
        elif data.startswith(b"<!", at):
            raise _dtd()
        elif data.startswith(b"<", at):
            return
        else:  # no XML, or in an encoding that hides what it says
            raise unreadable("Plik XML jest uszkodzony i nie da się go odczytać.")


def _end_of_white_space(data: bytes, at: int) -> int:
    found = _WHITE_SPACE.match(data, at)
    return found.end() if found else at


def _after(data: bytes, mark: bytes, start: int) -> int:
    """Where ``mark`` ends; -1: it does not come, so the file is not well-formed."""
    at = data.find(mark, start)
    return at if at < 0 else at + len(mark)


def _dtd() -> Refused:
    return unreadable("Plik XML zawiera niedozwolone deklaracje (DTD).", "XML_DTD")


def _too_large() -> Refused:
    text = "Plik XML jest zbyt duży lub zbyt złożony, żeby go sprawdzić."
    return Refused(Integrity.UNREADABLE, "TOO_LARGE", text, SubIndication.POLICY_PROCESSING_ERROR)
