"""Canonical XML 1.0 and 1.1, Exclusive XML Canonicalization 1.0: a subtree or a document, less some of its elements.

Written out, because libxml2 over lxml takes whole documents only: a subtree is first copied with other declarations of
namespaces, and for trees that declare one twice, as .NET writes them, other octets come out than were signed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from lxml import etree

_XML = "http://www.w3.org/XML/1998/namespace"
_TEXT = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#xD;"})
_VALUE = str.maketrans({"&": "&amp;", "<": "&lt;", '"': "&quot;", "\t": "&#x9;", "\n": "&#xA;", "\r": "&#xD;"})
_EVENTS = ("start-ns", "start", "end", "comment", "pi")

_Scope = Mapping[str, str]
"""Prefix ("" for the default namespace) → URI."""


@dataclass(slots=True)
class Canonical:
    """One pass over the tree (C14N §2.3); ``write`` gives the octets."""

    exclusive: bool
    comments: bool
    inclusive: Sequence[str] = ()
    """PrefixList of exclusive canonicalization (§3); "#default" is the default namespace."""
    left_out: Collection[etree._Element] = ()
    """Elements that are not in the node-set, with all that is in them; the text behind them is."""
    inherited: Mapping[str, str] = field(default_factory=dict)
    """Attributes xml:* that the apex has from its ancestors."""
    _out: list[str] = field(default_factory=list)
    _scopes: list[_Scope] = field(default_factory=list)
    """Namespaces in scope, from the parent of the apex down to here."""
    _rendered: list[_Scope] = field(default_factory=list)
    """Namespaces that the output has declared so far."""
    _prefixes: list[Mapping[str, Sequence[str]]] = field(default_factory=list)
    """For each scope: URI → its prefixes, without the default namespace."""

    def write(self, apex: etree._Element, *, whole: bool) -> bytes:
        """The subtree of ``apex``; with ``whole`` it is a root, and comments and instructions beside it count too."""
        parent = apex.getparent()
        self._open({} if parent is None else {prefix or "": uri for prefix, uri in parent.nsmap.items()})
        self._rendered.append({})
        for node in reversed(list(apex.itersiblings(preceding=True))) if whole else ():
            self._beside(node, behind="\n")
        self._walk(apex)
        for node in apex.itersiblings() if whole else ():
            self._beside(node, before="\n")
        return "".join(self._out).encode()

    def _walk(self, apex: etree._Element) -> None:
        declared: dict[str, str] = {}
        walker = etree.iterwalk(apex, events=_EVENTS)
        for event, node in walker:
            if event == "start-ns":
                declared[node[0]] = node[1]
            elif event == "start":
                self._enter(node, declared, self.inherited if node is apex else {})
                declared = {}
                if node in self.left_out:
                    walker.skip_subtree()
            else:
                self._leave(node) if event == "end" else self._beside(node)
                if node is not apex:
                    self._out.append((node.tail or "").translate(_TEXT))

    def _open(self, scope: _Scope) -> None:
        prefixes: dict[str, list[str]] = {}
        for prefix, uri in scope.items():
            if prefix:
                prefixes.setdefault(uri, []).append(prefix)
        self._scopes.append(scope)
        self._prefixes.append(prefixes)

    def _enter(self, element: etree._Element, declared: _Scope, inherited: Mapping[str, str]) -> None:
        if declared:
            self._open({**self._scopes[-1], **declared})
        else:
            self._scopes.append(self._scopes[-1])
            self._prefixes.append(self._prefixes[-1])
        if element in self.left_out:
            return
        attributes = sorted(self._attributes(element, inherited))
        prefixes = [element.prefix or "", *(name.rpartition(":")[0] for _, _, name, _ in attributes if ":" in name)]
        self._out.append(f"<{_name(element)}")
        self._out += (f' xmlns{":" if prefix else ""}{prefix}="{uri}"' for prefix, uri in self._namespaces(prefixes))
        self._out += (f' {name}="{value}"' for _, _, name, value in attributes)
        self._out.append(">" + (element.text or "").translate(_TEXT))

    def _leave(self, element: etree._Element) -> None:
        self._scopes.pop()
        self._prefixes.pop()
        if element not in self.left_out:
            self._rendered.pop()
            self._out.append(f"</{_name(element)}>")

    def _beside(self, node: etree._Element, before: str = "", behind: str = "") -> None:
        """A comment or a processing instruction."""
        text = (node.text or "").replace("\r", "&#xD;")
        if isinstance(node, etree._ProcessingInstruction):
            self._out.append(f"{before}<?{node.target}{' ' if text else ''}{text}?>{behind}")
        elif self.comments:
            self._out.append(f"{before}<!--{text}-->{behind}")

    def _namespaces(self, used: Sequence[str]) -> Iterator[tuple[str, str]]:
        """Declarations that this element needs: what its output parents have not said already, in order."""
        scope, rendered = self._scopes[-1], self._rendered[-1]
        if self.exclusive:
            listed = ("" if prefix == "#default" else prefix for prefix in self.inclusive)
            wanted = {*used, *(prefix for prefix in listed if prefix in scope or not prefix)}
        elif scope is self._scopes[-2] and len(self._rendered) > 1:
            wanted = set()  # nothing declared here, and the parent has said all there is
        else:
            wanted = {*scope, ""}
        new = {p: scope.get(p, "") for p in wanted if p != "xml" and scope.get(p, "") != rendered.get(p, "")}
        self._rendered.append({**rendered, **new} if new else rendered)
        for prefix in sorted(new):
            yield prefix, new[prefix].translate(_VALUE)

    def _attributes(self, element: etree._Element, inherited: Mapping[str, str]) -> Iterator[tuple[str, str, str, str]]:
        """(namespace URI, local name, name as written, value in octets of the output): the first two are the order."""
        for key, value in [*element.attrib.items(), *inherited.items()]:
            name = etree.QName(key)
            uri, local = name.namespace or "", name.localname
            written = f"{self._prefix(element, uri, local)}:{local}" if uri else local
            yield uri, local, written, value.translate(_VALUE)

    def _prefix(self, element: etree._Element, uri: str, local: str) -> str:
        """The prefix an attribute is written with; lxml tells it only where two prefixes are of one namespace."""
        if uri == _XML:
            return "xml"
        known = self._prefixes[-1].get(uri, ())
        if len(known) == 1:
            return known[0]
        path = "name(@*[namespace-uri() = $uri and local-name() = $local])"
        return str(element.xpath(path, uri=uri, local=local)).partition(":")[0]


def _name(element: etree._Element) -> str:
    local = etree.QName(element).localname
    return f"{element.prefix}:{local}" if element.prefix else local
