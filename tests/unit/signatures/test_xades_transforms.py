"""The list of transforms: what each of them leaves, in every spelling that is known."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import pytest
from lxml import etree

from fixtures.signing import xmldsig
from fixtures.signing.people import JAN
from fixtures.signing.pki import Pki
from fixtures.signing.xades_shapes import NOT_SIGNATURE, serialise, signing_time
from fixtures.signing.xmldsig import EXC, INC, INC11, PARSER, Reference, Style, c14n, transform
from mailbot.signatures.cms import Refused
from mailbot.signatures.report import Evidence, Integrity, Scope
from mailbot.signatures.xades import core, keys, parse, transforms
from mailbot.signatures.xades.transforms import Nodes

PKI = Pki()
DOCUMENT = b"<a xmlns='urn:a' xmlns:b='urn:b' xml:lang='pl'>przed<!-- uwaga --> <b:c b:d='1'/>po</a>"


def verified(reference: Reference, root: etree._Element, style: Style = xmldsig.USUAL_STYLE) -> Evidence:
    xmldsig.write(PKI.person(JAN), signing_time(PKI), [reference], style, root.append)
    (evidence,) = core.verify(serialise(root))
    return evidence


@pytest.mark.parametrize(
    "chain",
    [
        xmldsig.xpath("not(ancestor-or-self::ds:Signature)"),
        xmldsig.xpath(" not( ancestor-or-self :: ds:Signature ) \n"),
        xmldsig.xpath(
            "count(ancestor-or-self::ds:Signature | here()/ancestor::ds:Signature[1]) > "
            "count(ancestor-or-self::ds:Signature)"
        ),
        xmldsig.filter2("/descendant::ds:Signature"),
        xmldsig.filter2("//ds:Signature"),
        xmldsig.filter2("here()/ancestor::ds:Signature[1]"),
        transform(xmldsig.ENVELOPED),
    ],
)
@pytest.mark.parametrize(
    "algorithm", ["", INC, EXC, INC11, f"{INC}#WithComments", f"{EXC}WithComments", f"{INC11}#WithComments"]
)
def test_every_spelling_cuts_the_signature_out(chain: str, algorithm: str) -> None:
    root = etree.fromstring(DOCUMENT, PARSER)

    def octets(_: etree._Element) -> bytes:
        # a reference within the document leaves comments out, also "WithComments" (XML-DSig §4.4.3.3)
        return c14n(xmldsig.without_signatures(root), EXC if algorithm.startswith(EXC) else INC)

    evidence = verified(Reference('URI=""', chain + (transform(algorithm) if algorithm else ""), octets), root)
    assert (evidence.integrity, evidence.scope) == (Integrity.OK, Scope.FULL)
    assert evidence.payload == octets(root)


def test_text_around_the_signature_stays() -> None:
    root = etree.fromstring(b"<a><b/>przed</a>", PARSER)
    signature = xmldsig.write(
        PKI.person(JAN),
        signing_time(PKI),
        [Reference('URI=""', NOT_SIGNATURE, lambda _: b"<a><b></b>przedpo<c></c></a>")],
        place=root.append,
    )
    signature.tail = "po"
    etree.SubElement(root, "c")
    (evidence,) = core.verify(serialise(root))
    assert (evidence.integrity, evidence.payload) == (Integrity.OK, b"<a><b></b>przedpo<c></c></a>")


def test_the_prefix_list_of_exclusive_canonicalization() -> None:
    inclusive = f'<ec:InclusiveNamespaces xmlns:ec="{EXC}" PrefixList="b #default"/>'
    root = etree.fromstring(b"<a xmlns:b='urn:b'><c/></a>", PARSER)
    chain = transform(xmldsig.ENVELOPED) + transform(EXC, inclusive)
    evidence = verified(Reference('URI=""', chain, lambda _: b'<a xmlns:b="urn:b"><c></c></a>'), root)
    assert (evidence.integrity, evidence.scope) == (Integrity.OK, Scope.FULL)


@pytest.mark.parametrize(
    ("algorithm", "expected"),
    [
        (INC, b'<c xmlns="urn:a" xmlns:b="urn:b" xml:base="x" xml:lang="pl"></c>'),
        (EXC, b'<c xmlns="urn:a"></c>'),
    ],
)
def test_an_element_takes_what_its_ancestors_say(algorithm: str, expected: bytes) -> None:
    """C14N 1.0 §2.4: namespaces and attributes xml:* in scope, also when nothing below uses them."""
    root = etree.fromstring(
        b"<a xmlns='urn:a' xmlns:b='urn:b' xml:lang='en' xml:base='x'><d xml:lang='pl'><c/></d></a>"
    )
    before = etree.tostring(root)
    assert transforms.canonical(Nodes(root[0][0]), algorithm) == expected
    assert etree.tostring(root) == before


def test_c14n_1_1_takes_no_ids_and_refuses_bases() -> None:
    root = etree.fromstring(b"<a xml:id='i' xml:space='preserve' xml:lang='pl'><c xml:lang='en'/></a>")
    assert transforms.canonical(Nodes(root[0]), INC11) == b'<c xml:lang="en" xml:space="preserve"></c>'
    for own in (b"", b" xml:base='y'"):  # the paths would be joined
        with pytest.raises(Refused):
            transforms.canonical(Nodes(etree.fromstring(b"<a xml:base='x'><c%s/></a>" % own)[0]), INC11)


def test_a_signature_in_a_document_with_a_language() -> None:
    """SignedInfo in inclusive c14n takes xml:lang of the root."""
    root = etree.fromstring(b"<a xml:lang='pl' xmlns:u='urn:u'>x</a>", PARSER)
    whole = Reference('URI=""', NOT_SIGNATURE, lambda _: c14n(xmldsig.without_signatures(root), INC))
    signature = xmldsig.write(PKI.person(JAN), signing_time(PKI), [whole], Style(c14n=INC), root.append)
    info = signature[0]
    info.set("{http://www.w3.org/XML/1998/namespace}lang", "pl")  # as C14N sees it from the root
    xmldsig.seal(signature, PKI.person(JAN), Style(c14n=INC))
    del info.attrib["{http://www.w3.org/XML/1998/namespace}lang"]
    (evidence,) = core.verify(serialise(root))
    assert (evidence.integrity, evidence.scope) == (Integrity.OK, Scope.FULL)


@pytest.mark.parametrize("comments", [False, True])
def test_a_detached_document_may_be_canonicalized(comments: bool) -> None:
    content = b"<?xml version='1.0'?>\n<!-- uwaga --><a  b='1'/>"
    algorithm = f"{INC}#WithComments" if comments else INC
    octets = (b"<!-- uwaga -->\n" if comments else b"") + b'<a b="1"></a>'
    reference = Reference('URI="a.xml"', transform(algorithm), lambda _: octets)
    made = xmldsig.write(PKI.person(JAN), signing_time(PKI), [reference])
    (evidence,) = core.verify(serialise(made), {"a.xml": content})
    assert (evidence.integrity, evidence.scope, evidence.payload) == (Integrity.OK, Scope.FULL, octets)


def octets(content: bytes) -> Callable[[etree._Element], bytes]:
    return lambda _: content


def test_two_files_beside_are_both_covered() -> None:
    files = {"a.txt": b"pierwszy", "b.txt": b"drugi"}
    references = [Reference(f'URI="{name}"', "", octets(text)) for name, text in files.items()]
    data = serialise(xmldsig.write(PKI.person(JAN), signing_time(PKI), references))
    ((evidence, covered),) = core.verify_with_files(data, files)
    assert (evidence.integrity, evidence.scope, evidence.payload) == (Integrity.OK, Scope.FULL, None)
    assert covered == {"a.txt", "b.txt"}
    ((evidence, covered),) = core.verify_with_files(data, files | {"b.txt": b"inny"})
    assert (evidence.integrity, covered) == (Integrity.BROKEN, frozenset())


@pytest.mark.parametrize(
    "text", ["QUJD", " QU\tJD\r\n", "QUJDRA==", ""], ids=["plain", "white-space", "padded", "empty"]
)
def test_base64(text: str) -> None:
    assert parse.base64(text) == {"QUJDRA==": b"ABCD", "": b""}.get(text, b"ABC")


@pytest.mark.parametrize("text", ["QUJ", "QU-D", "QUJD=", "QU=JD", "QUJDą"])
def test_bad_base64_is_refused(text: str) -> None:
    with pytest.raises(Refused):
        parse.base64(text)


@pytest.mark.parametrize(("name", "function"), [("sha3-256", hashlib.sha3_256), ("sha512", hashlib.sha512)])
def test_the_digests_are_those_of_hashlib(name: str, function: Any) -> None:
    assert keys.digest(name, b"x") == function(b"x").digest()
