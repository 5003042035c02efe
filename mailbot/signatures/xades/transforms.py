"""Transforms of XML-DSig that Polish signers use (the list of KSeF, Ministry of Finance) and no others.

An XPath is never evaluated: a few literal expressions are known, all of which cut ds:Signature elements out.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from lxml import etree

from mailbot.signatures.cms import Refused, unreadable
from mailbot.signatures.xades import parse
from mailbot.signatures.xades.c14n import Canonical
from mailbot.signatures.xades.parse import DS, SIGNATURE

_EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"
_INCLUSIVE_11 = "http://www.w3.org/2006/12/xml-c14n11"
INCLUSIVE = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
"""What turns a node-set into octets when no transform says how (XML-DSig §4.4.3.2)."""
C14N = {
    INCLUSIVE: (False, False),
    f"{INCLUSIVE}#WithComments": (False, True),
    _INCLUSIVE_11: (False, False),
    f"{_INCLUSIVE_11}#WithComments": (False, True),
    _EXCLUSIVE: (True, False),
    f"{_EXCLUSIVE}WithComments": (True, True),
}
"""URI → (exclusive, with comments)."""
CHAIN_MAX = 5
PREFIXES_MAX = 64
"""In a PrefixList: each is looked for at every element."""

_ENVELOPED = f"{DS}enveloped-signature"
_BASE64 = f"{DS}base64"
_XPATH = "http://www.w3.org/TR/1999/REC-xpath-19991116"
_FILTER2 = "http://www.w3.org/2002/06/xmldsig-filter2"
_XML = "{http://www.w3.org/XML/1998/namespace}"

_P = r"(?P<p>[\w.-]{1,40})"
_OWN, _EVERY = False, True
_XPATHS = (
    (re.compile(rf"not\(ancestor-or-self::{_P}:Signature\)"), _EVERY),
    (
        re.compile(  # XML-DSig §6.6.4: the meaning of enveloped-signature, written out
            rf"count\(ancestor-or-self::{_P}:Signature\|here\(\)/ancestor::(?P=p):Signature\[1\]\)"
            r">count\(ancestor-or-self::(?P=p):Signature\)"
        ),
        _OWN,
    ),
)
_SUBTRACTED = (
    (re.compile(rf"(?:/descendant::|/descendant-or-self::|//){_P}:Signature"), _EVERY),
    (re.compile(rf"here\(\)/ancestor::{_P}:Signature\[1\]"), _OWN),
)


@dataclass(frozen=True, slots=True)
class Nodes:
    """A node-set: the subtree of ``element``, or the document around it."""

    element: etree._Element
    whole: bool = False
    """The document with the processing instructions beside its root."""
    comments: bool = False
    """References within the same document leave comments out, whatever c14n says (XML-DSig §4.4.3.3)."""
    own: etree._Element | None = None
    """The ds:Signature of the document that is being verified; None: it is not inside."""
    left_out: frozenset[etree._Element] = frozenset()
    """Elements that transforms have taken out of the node-set, with all that is in them."""


def apply(chain: Sequence[etree._Element], found: Nodes | bytes) -> bytes:
    """Octets after the ds:Transform elements of ``chain``. Raises Refused for any that is not known."""
    if len(chain) > CHAIN_MAX:
        raise _refused()
    for transform in chain:
        found = _step(transform, found)
    return canonical(found, INCLUSIVE) if isinstance(found, Nodes) else found


def _step(transform: etree._Element, found: Nodes | bytes) -> Nodes | bytes:
    algorithm = transform.get("Algorithm")
    if algorithm in C14N:
        if isinstance(found, bytes):
            found = Nodes(parse.read(found).root, whole=True, comments=True)
        return canonical(found, algorithm, prefixes(transform))
    if isinstance(found, bytes):
        raise _refused()
    if algorithm == _BASE64:
        if found.whole or len(found.element):
            raise _refused()
        return parse.base64(found.element.text)
    if algorithm == _ENVELOPED:
        return _without(found, every=_OWN)
    if algorithm == _XPATH:
        return _without(found, every=_known(transform, f"{{{DS}}}XPath", _XPATHS))
    if algorithm == _FILTER2:
        return _without(found, every=_known(transform, f"{{{_FILTER2}}}XPath", _SUBTRACTED))
    raise _refused()


def canonical(nodes: Nodes, algorithm: str, inclusive: Sequence[str] = ()) -> bytes:
    """Octets of ``nodes`` by one of ``C14N``; ``inclusive``: the PrefixList of exclusive canonicalization."""
    exclusive, comments = C14N[algorithm]
    inherited = {} if exclusive or nodes.whole else _inherited(nodes.element, algorithm)
    form = Canonical(exclusive, comments and nodes.comments, inclusive, nodes.left_out, inherited)
    return form.write(nodes.element, whole=nodes.whole)


def prefixes(parameters: etree._Element) -> list[str]:
    """PrefixList of a ds:Transform or ds:CanonicalizationMethod. Raises Refused for one of absurd length."""
    found = parameters.find(f"{{{_EXCLUSIVE}}}InclusiveNamespaces")
    listed = [] if found is None else found.get("PrefixList", "").split()
    if len(listed) > PREFIXES_MAX:
        raise _refused()
    return listed


def _inherited(element: etree._Element, algorithm: str) -> dict[str, str]:
    """Attributes xml:* that inclusive c14n takes from the ancestors (C14N 1.0 §2.4, 1.1 §2.4)."""
    found: dict[str, str] = {}
    for ancestor in element.iterancestors():
        for name, value in ancestor.attrib.items():
            if name.startswith(_XML):
                found.setdefault(name, value)
    joined = f"{_XML}base" in found
    found = {name: value for name, value in found.items() if name not in element.attrib}
    if not algorithm.startswith(_INCLUSIVE_11):
        return found
    if joined:
        raise _refused()  # 1.1 joins the paths, with that of the element too: nobody writes that
    return {name: value for name, value in found.items() if name in (f"{_XML}lang", f"{_XML}space")}


def _known(transform: etree._Element, name: str, expressions: Sequence[tuple[re.Pattern[str], bool]]) -> bool:
    """Does the one XPath below ``transform`` cut out every ds:Signature (else: its own)? Refused when it does not."""
    found = transform.findall(name)
    if len(transform) != 1 or len(found) != 1 or len(found[0]) or found[0].get("Filter", "subtract") != "subtract":
        raise _refused()
    text = re.sub(r"\s+", "", found[0].text or "")
    for expression, every in expressions:
        match = expression.fullmatch(text)
        if match and found[0].nsmap.get(match["p"]) == DS:
            return every
    raise _refused()


def _without(nodes: Nodes, *, every: bool) -> Nodes:
    """The document less the own signature, or less every one; the text around stays."""
    if nodes.own is None or nodes.own is nodes.element:
        raise _refused()
    found = nodes.element.iter(SIGNATURE) if every else (nodes.own,)
    return replace(nodes, left_out=nodes.left_out.union(found))


def _refused() -> Refused:
    return unreadable("Podpis używa przekształcenia XML, którego nie sprawdzamy.", "TRANSFORM_NOT_ALLOWED")
