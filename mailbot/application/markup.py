"""XML applications: elements are labels. Also the one strict XML parser of the package."""

from __future__ import annotations

import re
from typing import Any

from lxml import etree

from mailbot.application.document import Document, UnreadableError

_PROSE = 80
"""Longer values are no datum but a letter: they stand without their label."""
_LONGEST_VALUE = 60_000
_SIGNATURES = (
    "http://www.w3.org/2000/09/xmldsig#",
    "http://uri.etsi.org/01903/",
    "http://crd.gov.pl/xml/schematy/ppzp/",
    "http://crd.gov.pl/xml/schematy/podpis_zaufany/",
)
"""What stands in a signature names the signer, not the applicant."""
_CAMEL = re.compile(r"(?<=[a-ząćęłńóśźż0-9])(?=[A-ZĄĆĘŁŃÓŚŹŻ])|[_.-]+")


def parse(data: bytes) -> Any:
    """The root element of ``data``. Raises UnreadableError for broken XML and for any DTD (XML 1.0 §2.8): no entity is
    ever declared or fetched.
    """
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True, remove_pis=True
    )
    try:
        root = etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise UnreadableError("XML") from error
    if root.getroottree().docinfo.internalDTD is not None:
        raise UnreadableError("DTD")
    return root


def local(element: Any) -> str:
    """Name of an element without its namespace; "" for what is no element."""
    return etree.QName(element).localname if isinstance(element.tag, str) else ""


def read_xml(root: Any) -> Document:
    """Each element with text of its own as a line "parent name: value"; prose without a name."""
    lines: list[str] = []
    stack = [root]
    while stack:
        element = stack.pop()
        if not isinstance(element.tag, str) or (etree.QName(element).namespace or "").startswith(_SIGNATURES):
            continue
        label = _label(element)
        lines += [_line(_spaced(etree.QName(name).localname), value) for name, value in element.attrib.items()]
        texts = [element.text, *(child.tail for child in element)]
        lines += [_line(label, text) for text in texts if text and text.strip() and len(text) <= _LONGEST_VALUE]
        stack += reversed(element)
    return Document("\n".join(line for line in lines if line))


def _label(element: Any) -> str:
    """Name of an element behind that of its parent: <nowy><email> says what <email> does not."""
    own = _spaced(local(element))
    parent = element.getparent()
    above = _spaced(local(parent)) if parent is not None and parent.getparent() is not None else ""
    return own if not above or own[:4].lower() in ("imie", "imię", "nazw") else f"{above} {own}"


def _spaced(name: str) -> str:
    return " ".join(part for part in _CAMEL.split(name) if part)


def _line(label: str, value: str) -> str:
    """ "label: value", or the value alone where it is a letter or encoded bytes."""
    value = value.strip()
    if len(value) > 200 and not re.search(r"\s", value):
        return ""
    return value if "\n" in value or len(value) > _PROSE else f"{label}: {value}"
