"""XML applications: elements are labels. Also the one strict XML parser of the package."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from lxml import etree

from mailbot.application import plain
from mailbot.application.document import Document, UnreadableError
from mailbot.text.unicode import flat

_PROSE = 80
"""Longer values are no datum but a letter: they stand without their label."""
_DS = "http://www.w3.org/2000/09/xmldsig#"
_SIGNATURES = frozenset(
    (
        _DS,
        *(f"http://uri.etsi.org/01903/v{edition}#" for edition in ("1.1.1", "1.2.2", "1.3.2", "1.4.1")),
        "http://crd.gov.pl/xml/schematy/ppzp/",
        "http://crd.gov.pl/xml/schematy/podpis_zaufany/",
    )
)
"""What stands in a signature names the signer, not the applicant."""
_ISSUERS = (f"{{{_DS}}}X509IssuerName", f"{{{_DS}}}X509SubjectName")
_SENTENCE = re.compile(r"\S\s+[a-ząćęłńóśźż]")
"""Words that are no name: nothing in a signature says any."""
_OFFICIAL = re.compile(r"https?://(?:www\.)?(?:crd|epuap)\.gov\.pl/")
"""Letters by ePUAP take their parts from several schemas."""
_DRAWN = re.compile(
    r"http://www\.w3\.org/(?!2000/09/xmldsig)|urn:oasis:names:tc:|(?:http://|urn:)schemas[.-](?:openxmlformats|microsoft|xmlsoap)"
    r"|https?://(?:www\.)?(?:crd\.gov\.pl/wzor/|(?:openoffice|xfa|docbook|idpf|daisy|tei-c|gribuser|abisource|opengis|purl"
    r"|relaxng|music-encoding|gnome|kde|scribus|inkscape)\.|(?:ns|schemas)\.(?:adobe|apple)\.)"
)
"""What a program, or the style sheet of a form of crd.gov.pl, draws in its own way, and may leave out."""
_ENCODINGS = frozenset(
    ("utf-8", "utf-16", "us-ascii", "ascii", "iso-8859-1", "iso-8859-2", "windows-1250", "windows-1252")
)
_ASCII = 128
_REFERENCE = re.compile(rb"&#(?:x0*([0-9A-Fa-f]{1,2})|0*([0-9]{1,3}));")
_MOST_EMPTY = 100
"""Elements without a word: a form has fewer fields, and rows of them push the others out of sight."""
_MOST_ATTRIBUTES = 100
"""Of one element: to look at each takes a time that grows by the square of them."""
_PREFIX = 6
"""Letters of a short name of a namespace that says nothing."""
_PAGES = frozenset((
    "html", "body", "svg", "style", "script", "stylesheet", "fodt", "a", "b", "i", "s", "u", "p", "q", "em",
    "strike", "del", "small", "sub", "sup", "font", "center", "pre", "span", "div", "template", "noscript",
    "noembed", "textarea", "table",
))  # fmt: skip
_QUIET = re.compile(r"\{http://www\.w3\.org/(?:2001/XMLSchema-instance|XML/1998/namespace)\}|(?:Id|ID|id)\Z")
"""Attributes that say nothing to a person."""
_NEUTRAL = frozenset(
    ("dokument", "document", "tresc", "tekst", "text", "content", "akapit", "paragraph", "linia", "line", "wiersz")
)
"""Names of elements that only hold text: they say nothing of it."""
_CAMEL = re.compile(r"(?<=[a-ząćęłńóśźż0-9])(?=[A-ZĄĆĘŁŃÓŚŹŻ])|[_.-]+")


def parse(data: bytes) -> Any:
    """The root element of ``data``. Raises UnreadableError for broken XML and for any DTD (XML 1.0 §2.8): no entity is
    ever declared or fetched.
    """
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True)
    try:
        root = etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise UnreadableError("XML") from error
    if root.getroottree().docinfo.internalDTD is not None:
        raise UnreadableError("DTD")
    if (root.getroottree().docinfo.encoding or "utf-8").lower() not in _ENCODINGS:
        raise UnreadableError("an encoding of XML that not all can read")
    if (
        root.getprevious() is not None
        or root.getnext() is not None
        or next(root.iter(etree.PI, etree.Entity), None) is not None
    ):
        raise UnreadableError("processing instruction")  # a stylesheet decides what a person sees
    if any(len(element.attrib) > _MOST_ATTRIBUTES for element in root.iter("*")):
        raise UnreadableError("attributes")
    return root


def spells(data: bytes) -> bool:
    """Whether letters of ASCII are written as numbers, which an editor shows."""
    plain = data.replace(b"\0", b"")
    codes = (int(found[1], 16) if found[1] else int(found[2]) for found in _REFERENCE.finditer(plain))
    return any(code < _ASCII and chr(code).isalnum() for code in codes)


def local(element: Any) -> str:
    """Name of an element without its namespace; "" for what is no element."""
    return etree.QName(element).localname if isinstance(element.tag, str) else ""


def read_xml(root: Any) -> Document:
    """Each element with text of its own as a line "parent name: value"; prose without a name, which stands beside.

    Raises UnreadableError for the languages of pages, whose readers show no elements but a drawing.
    """
    lines: list[str] = []
    beside: dict[str, None] = {}
    empty = 0
    doubts: set[str] = set()
    stack = [root]
    main = next((space for e in root.iter("*") if (space := etree.QName(e).namespace or "") not in _SIGNATURES), "")
    while stack:
        element = stack.pop()
        if not isinstance(element.tag, str):
            continue
        space = etree.QName(element).namespace or ""
        if space in _SIGNATURES:
            doubts.update(_beside_signature(element))
            continue
        if space not in ("", main) and not _OFFICIAL.match(space):
            doubts.add("elements of another namespace")
        if _DRAWN.match(space) or local(element).lower() in _PAGES:
            raise UnreadableError("a page in XML")
        if any(not _QUIET.match(name) for name in element.attrib):
            doubts.add("attributes, which a reader of XML may not show")
        label = _label(element)
        lines += [_line(_spaced(etree.QName(name).localname), value) for name, value in element.attrib.items()]
        texts = _texts(element)
        for text in texts:
            doubts.update(plain.oddities(text))
        texts = [text for text in texts if text.strip()]
        empty += not texts and not len(element)
        beside |= dict.fromkeys(_names(element, texts))
        for text in texts:
            if _is_encoded(text.strip()):
                doubts.add("encoded bytes")
        lines += [_line(label, text) for text in texts]
        stack += reversed(element)
    if empty > _MOST_EMPTY:
        doubts.add("rows of empty elements")
    text = "\n".join(line for line in lines if line)
    return Document(text, beside=tuple(beside), doubts=tuple(sorted(doubts)))


def _names(element: Any, texts: list[str]) -> Iterator[str]:
    """What an element and its namespace are called, where that is no label."""
    if not any(_is_labelled(text) for text in texts) and not _is_neutral(element):
        yield _spaced(local(element))
    if len(element.prefix or "") > _PREFIX:
        yield _spaced(element.prefix)


def _beside_signature(signature: Any) -> Iterator[str]:
    """What does not belong into a signature, where no one looks for data."""
    for element in signature.iter("*"):
        space = etree.QName(element).namespace or ""
        if space not in _SIGNATURES and not _OFFICIAL.match(space):
            yield "something else in a signature"
        if element.tag not in _ISSUERS and any(_SENTENCE.search(text) for text in _texts(element)):
            yield "words in a signature"


def _texts(element: Any) -> list[str]:
    """Its own, without those of the elements in it."""
    return [text for text in (element.text, *(child.tail for child in element)) if text]


def _label(element: Any) -> str:
    """Name of an element behind that of its parent: <nowy><email> says what <email> does not."""
    own = "" if _is_neutral(element) else _spaced(local(element))
    parent = element.getparent()
    inner = parent is not None and parent.getparent() is not None and not _is_neutral(parent)
    above = _spaced(local(parent)) if inner else ""
    if not own:
        return above
    return own if not above or own[:4].lower() in ("imie", "imię", "nazw") else f"{above} {own}"


def _is_neutral(element: Any) -> bool:
    return flat(local(element)) in _NEUTRAL


def _spaced(name: str) -> str:
    return " ".join(part for part in _CAMEL.split(name) if part)


def _line(label: str, value: str) -> str:
    """ "label: value", or the value alone where it is a letter or encoded bytes."""
    value = value.strip()
    if _is_encoded(value):
        return ""
    return f"{label}: {value}" if label and _is_labelled(value) else value


def _is_labelled(value: str) -> bool:
    """Whether a value is a datum, which its label belongs to."""
    value = value.strip()
    return "\n" not in value and len(value) <= _PROSE


def _is_encoded(value: str) -> bool:
    return len(value) > 200 and not re.search(r"\s", value)
