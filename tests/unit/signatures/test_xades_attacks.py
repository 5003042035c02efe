"""XML that must not pass for a signed application. One test id for each attack."""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree

from fixtures.signing import xmldsig
from fixtures.signing.certificates import Profile, issue, qc_statements
from fixtures.signing.people import ANNA, JAN, Person
from fixtures.signing.pki import Pki
from fixtures.signing.xades import MISLEADING, SHAPES, TAMPERED
from fixtures.signing.xades_shapes import NOT_SIGNATURE, natural_person, serialise, signing_time
from fixtures.signing.xmldsig import BASE64, DS, EXC, PARSER, XADES, Reference, Style, c14n, transform
from mailbot.signatures.report import Evidence, Integrity, Scope
from mailbot.signatures.xades import core

PKI = Pki()
SIGNER = PKI.person(JAN)
PAYLOAD = b"Wniosek. login jan@stary.example, nowy jan@nowy.example\n"
EVIL = b"zlodziej@obcy.example"
JUDGED_LATER = {"seal-impostor"}
"""The arithmetic is right; that nobody trusts the issuer is for the policy."""


def accepted(data: bytes, files: dict[str, bytes] | None = None) -> list[Evidence]:
    """Evidence that the policy could accept: whole and covering everything."""
    found = core.verify(data, files)
    assert found
    return [e for e in found if e.integrity is Integrity.OK and e.scope is Scope.FULL and not e.failure]


@pytest.mark.parametrize("attack", TAMPERED)
def test_tampered(attack: str) -> None:
    signed = TAMPERED[attack](PKI, SIGNER, PAYLOAD)
    found = accepted(signed.data, {"wniosek.pdf": signed.content} if signed.content is not None else None)
    assert bool(found) == (attack in JUDGED_LATER)
    for evidence in core.verify(signed.data):
        if not found:
            assert evidence.failure is not None
            assert evidence.payload is None
            assert evidence.personal == ()


@pytest.mark.parametrize("case", MISLEADING)
def test_misleading(case: str) -> None:
    signed = MISLEADING[case](PKI, SIGNER, PAYLOAD)
    for evidence in accepted(signed.data):
        assert evidence.certificate in (SIGNER.der, PKI.seal(JAN).der)
        assert EVIL not in (evidence.payload or b"")
        assert b"<!--" not in (evidence.payload or b"")
    # an unsigned claim leaves the file uncovered; what is only a nuisance must not stop an honest citizen
    assert len(accepted(signed.data)) == (case != "role-unsigned")


def made(shape: str = "enveloped") -> bytes:
    return SHAPES[shape](PKI, SIGNER, PAYLOAD).data


def tree(shape: str = "enveloped") -> tuple[etree._Element, etree._Element]:
    """(root, signature) of a valid file."""
    root = etree.fromstring(made(shape), PARSER)
    return root, next(root.iter(f"{{{DS}}}Signature"))


def signed_again(edit: Callable[[etree._Element], object], style: Style = xmldsig.USUAL_STYLE) -> bytes:
    """SignedInfo changed and signed anew: what a signer may write who wants to deceive."""
    root, signature = tree()
    edit(signature)
    xmldsig.seal(signature, SIGNER, style)
    return serialise(root)


def find(signature: etree._Element, name: str) -> etree._Element:
    found = signature.find(f".//{{{DS}}}{name}")
    assert found is not None
    return found


def properties_of_another_signature() -> bytes:
    """The reference points at SignedProperties that stand in the document, not in the signature."""
    root, signature = tree()
    stray = etree.fromstring(etree.tostring(next(signature.iter(f"{{{XADES}}}SignedProperties"))))
    stray.set("Id", "obce")
    root.insert(0, stray)
    reference = find(signature, "SignedInfo").findall(f"{{{DS}}}Reference")[1]
    reference.set("URI", "#obce")
    find(reference, "DigestValue").text = xmldsig.base64(hashlib.sha256(c14n(stray)).digest())
    xmldsig.seal(signature, SIGNER, xmldsig.USUAL_STYLE)
    return serialise(root)


def second_properties() -> bytes:
    root, signature = tree()
    forged = etree.fromstring(etree.tostring(signature.findall(f"{{{DS}}}Object")[0]))
    for element in forged.iter("*"):
        if element.get("Id"):
            element.set("Id", element.get("Id", "") + "x")
    signature.insert(3, forged)
    return serialise(root)


def unsigned_object(shape: str) -> bytes:
    root, signature = tree(shape)
    etree.SubElement(signature, f"{{{DS}}}Object").text = EVIL.decode()
    return serialise(root)


def beside_signatures_root() -> bytes:
    root, _ = tree("enveloping-signatures-root")
    etree.SubElement(root, "Wniosek").text = EVIL.decode()
    return serialise(root)


def text_in_signatures_root() -> bytes:
    root, signature = tree("enveloping-signatures-root")
    signature.tail = EVIL.decode()
    return serialise(root)


def enveloping_moved_into_a_document() -> bytes:
    """A signature over its own ds:Object, set into a document that nobody signed."""
    _, signature = tree("enveloping-base64")
    forged = etree.Element("Wniosek")
    etree.SubElement(forged, "Tresc").text = EVIL.decode()
    forged.append(signature)
    return serialise(forged)


def object_of_another_signature() -> bytes:
    """The object that the reference names is moved to a second signature."""
    root, signature = tree("enveloping-signatures-root")
    moved = signature.findall(f"{{{DS}}}Object")[1]
    etree.SubElement(root, f"{{{DS}}}Signature").append(moved)
    return serialise(root)


def empty_second_signature() -> bytes:
    """XPath takes every ds:Signature out, so one without anything may hold what it likes."""
    root, _ = tree("enveloped-xpath")
    etree.SubElement(root, f"{{{DS}}}Signature").text = EVIL.decode()
    return serialise(root)


def counter_signature() -> bytes:
    root, signature = tree()
    qualifying = next(signature.iter(f"{{{XADES}}}QualifyingProperties"))
    unsigned = etree.SubElement(
        etree.SubElement(qualifying, f"{{{XADES}}}UnsignedProperties"), f"{{{XADES}}}CounterSignature"
    )
    other = made("enveloping-base64").replace(b"Signature-1", b"Signature-2")
    unsigned.append(etree.fromstring(other, PARSER))
    return serialise(root)


def id_in_other_letters() -> bytes:
    """Two elements of one Id, told apart only by the case of the attribute's name."""
    root, _ = tree("enveloped-by-id")
    etree.SubElement(root, "Dodatek", ID="dokument")
    return serialise(root)


def stylesheet_beside_a_root_by_id() -> bytes:
    return made("enveloped-by-id").replace(b"<Wniosek", b'<?xml-stylesheet href="zly.xsl"?><Wniosek', 1)


def stylesheet_before_enveloping() -> bytes:
    signature = made("enveloping-base64").partition(b"<ds:Signature")
    return signature[0] + b'<?xml-stylesheet href="zly.xsl"?>' + b"".join(signature[1:])


def comment_in_digest() -> bytes:
    return made().replace(b"<ds:DigestValue>", b"<ds:DigestValue><!-- -->", 1)


def comment_in_object() -> bytes:
    return re.sub(rb'(<ds:Object Id="Object-1"[^>]*>.{8})', rb"\1<!-- -->", made("enveloping-base64"))


def xpath(expression: str) -> Callable[[], bytes]:
    def attack() -> bytes:
        def edit(signature: etree._Element) -> None:
            transforms = find(signature, "Transforms")
            new = etree.fromstring(f'<r xmlns:ds="{DS}">{xmldsig.xpath(expression)}</r>')[0]
            transforms.replace(transforms[0], new)

        return signed_again(edit)

    return attack


def foreign_prefix() -> bytes:
    """The literal words, but the prefix means somebody's own namespace."""

    def edit(signature: etree._Element) -> None:
        transforms = find(signature, "Transforms")
        new = etree.fromstring(
            f'<ds:Transform xmlns:ds="{DS}" Algorithm="{xmldsig.XPATH}"><ds:XPath xmlns:moje="urn:moje">'
            "not(ancestor-or-self::moje:Signature)</ds:XPath></ds:Transform>"
        )
        transforms.replace(transforms[0], new)

    return signed_again(edit)


def long_chain() -> bytes:
    def edit(signature: etree._Element) -> None:
        transforms = find(signature, "Transforms")
        for _ in range(20):
            transforms.append(etree.fromstring(f'<ds:Transform xmlns:ds="{DS}" Algorithm="{EXC}"/>'))

    return signed_again(edit)


def many_references() -> bytes:
    def edit(signature: etree._Element) -> None:
        info = find(signature, "SignedInfo")
        for _ in range(30):
            info.append(etree.fromstring(etree.tostring(find(signature, "Reference"))))

    return signed_again(edit)


def without_uri() -> bytes:
    return signed_again(lambda signature: find(signature, "Reference").attrib.pop("URI"))


def relative_path() -> bytes:
    return signed_again(lambda signature: find(signature, "Reference").set("URI", "../../../etc/passwd"))


def algorithm(name: str, uri: str) -> Callable[[], bytes]:
    return lambda: signed_again(lambda signature: find(signature, name).set("Algorithm", uri))


def untyped_properties() -> bytes:
    def edit(signature: etree._Element) -> None:
        find(signature, "SignedInfo").findall(f"{{{DS}}}Reference")[1].attrib.pop("Type")

    return signed_again(edit)


def without_properties() -> bytes:
    root = etree.fromstring(b"<Wniosek><Tresc>jan@stary.example</Tresc></Wniosek>", PARSER)
    whole = Reference('URI=""', NOT_SIGNATURE, lambda _: c14n(xmldsig.without_signatures(root), xmldsig.INC))
    xmldsig.write(SIGNER, signing_time(PKI), [whole], Style(with_properties=False), root.append)
    return serialise(root)


def octets(content: bytes) -> Callable[[etree._Element], bytes]:
    return lambda _: content


def two_objects() -> bytes:
    """Two files in one signature: which is the application?"""
    objects = "".join(
        f'<ds:Object Id="o{n}" Encoding="{BASE64}">{xmldsig.base64(text)}</ds:Object>'
        for n, text in enumerate((PAYLOAD, EVIL))
    )
    inside = [Reference(f'URI="#o{n}"', transform(BASE64), octets(text)) for n, text in enumerate((PAYLOAD, EVIL))]
    return serialise(xmldsig.write(SIGNER, signing_time(PKI), inside, Style(objects=objects)))


def manifest_in_object() -> bytes:
    """A ds:Object that holds nothing but a Manifest, referred to as an object."""
    objects = '<ds:Object Id="o"><ds:Manifest Id="m"><ds:Reference URI=""/></ds:Manifest></ds:Object>'
    inside = Reference('URI="#o"', transform(EXC), lambda s: c14n(s.xpath("*[@Id='o']")[0]))
    return serialise(xmldsig.write(SIGNER, signing_time(PKI), [inside], Style(objects=objects)))


def manifest_deeper() -> bytes:
    """Inside another element of the object."""
    objects = '<ds:Object Id="o"><a><ds:Manifest Id="m"><ds:Reference URI=""/></ds:Manifest></a></ds:Object>'
    inside = Reference('URI="#o"', transform(EXC), lambda s: c14n(s.xpath("*[@Id='o']")[0]))
    return serialise(xmldsig.write(SIGNER, signing_time(PKI), [inside], Style(objects=objects)))


def object_in_key_info() -> bytes:
    """A ds:Object of this signature, but no child of it: no program shows it."""
    holder = f'<ds:Object xmlns:ds="{DS}" Id="o">{EVIL.decode()}</ds:Object>'

    def place(signature: etree._Element) -> None:
        find(signature, "KeyInfo").append(etree.fromstring(holder))

    inside = Reference('URI="#o"', transform(EXC), lambda s: c14n(find(s, "KeyInfo")[-1]))
    return serialise(xmldsig.write(SIGNER, signing_time(PKI), [inside], place=place))


def xpath_with_comment() -> bytes:
    """C14N drops the comment, so the signer signed "... or true()"; a reader of the first text node sees less."""
    expression = "not(ancestor-or-self::ds:Signature)<!-- --> or true()"

    def edit(signature: etree._Element) -> None:
        transforms = find(signature, "Transforms")
        new = f'<r xmlns:ds="{DS}">{transform(xmldsig.XPATH, f"<ds:XPath>{expression}</ds:XPath>")}</r>'
        transforms.replace(transforms[0], etree.fromstring(new)[0])

    return signed_again(edit)


def same_key_without_serial() -> bytes:
    """SigningCertificateV2 gives the digest alone; the certificate is Anna's for Jan's key."""
    authority = PKI.authority("qualified")
    profile = Profile(PKI.person(ANNA).certificate.subject, qc=qc_statements())
    other = issue(profile, SIGNER.key, PKI.now, authority.certificate, authority.key).public_bytes(Encoding.DER)
    return made("enveloped-certificate-v2").replace(b64encode(SIGNER.der), b64encode(other))


def many_certificates() -> bytes:
    one = b"<ds:X509Certificate>" + b64encode(SIGNER.der) + b"</ds:X509Certificate>"
    return made().replace(one, one * 40)


def two_key_infos() -> bytes:
    root, signature = tree()
    signature.insert(2, etree.fromstring(etree.tostring(find(signature, "KeyInfo"))))
    return serialise(root)


def two_signed_infos() -> bytes:
    root, signature = tree()
    signature.insert(0, etree.fromstring(etree.tostring(find(signature, "SignedInfo"))))
    return serialise(root)


def serial_of_another() -> bytes:
    """The digest names the right certificate, IssuerSerial another one."""
    root, signature = tree()
    find(signature, "X509SerialNumber").text = "1"
    (properties,) = signature.iter(f"{{{XADES}}}SignedProperties")
    reference = find(signature, "SignedInfo").findall(f"{{{DS}}}Reference")[1]
    find(reference, "DigestValue").text = xmldsig.base64(hashlib.sha256(c14n(properties)).digest())
    xmldsig.seal(signature, SIGNER, xmldsig.USUAL_STYLE)
    return serialise(root)


def key_of_another() -> bytes:
    """Anna's key under a signature whose properties name Jan's certificate."""
    root, signature = tree()
    xmldsig.seal(signature, PKI.person(ANNA), xmldsig.USUAL_STYLE)
    return serialise(root)


def pss_named_pkcs1() -> bytes:
    root, signature = tree()
    xmldsig.seal(signature, SIGNER, Style(scheme="pss"))
    return serialise(root)


def utf7_doctype() -> bytes:
    return b"<?xml version='1.0' encoding='UTF-7'?>" + made().partition(b"?>")[2]


def utf16_doctype() -> bytes:
    text = made().decode().replace("UTF-8", "UTF-16")
    return text.replace("<Wniosek", '<!DOCTYPE Wniosek [<!ENTITY a "b">]><Wniosek', 1).encode("utf-16")


def doctype_behind_comments() -> bytes:
    return made().replace(b"<Wniosek", b"<!-- --><?a b?><!DOCTYPE Wniosek SYSTEM 'http://127.0.0.1:9/a'><Wniosek", 1)


def parameter_entities() -> bytes:
    dtd = b'<!DOCTYPE Wniosek [<!ENTITY % a SYSTEM "file:///etc/hostname">%a;]><Wniosek'
    return made().replace(b"<Wniosek", dtd, 1)


def namespace_bomb() -> bytes:
    return b"<a " + b" ".join(b'xmlns:a%d="urn:%d"' % (n, n) for n in range(20_000)) + b"/>"


def element_bomb() -> bytes:
    return b"<a>" + b"<b/>" * 200_000 + b"</a>"


def deep_and_large() -> bytes:
    """Past the size where libxml2's own limits are off."""
    return b"<a>" * 5_000 + b"x" * 10_000_000 + b"</a>" * 5_000


def xinclude() -> bytes:
    include = b'<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="file:///etc/hostname" parse="text"/>'
    return made().replace(b"<Tresc>", b"<Tresc>" + include)


def many_signatures() -> bytes:
    return b'<a xmlns:ds="%s">' % DS.encode() + b"<ds:Signature/>" * 50 + b"</a>"


def role_twice() -> bytes:
    """Two citizens in one signature of podpis zaufany: nobody is named."""
    role = natural_person(JAN, PKI.now) + natural_person(Person("Marek", "Obcy"), PKI.now)
    seal = PKI.seal(JAN)
    root = etree.fromstring(b"<Wniosek/>", PARSER)
    whole = Reference('URI=""', NOT_SIGNATURE, lambda _: c14n(xmldsig.without_signatures(root), xmldsig.INC))
    xmldsig.write(seal, signing_time(PKI), [whole], Style(role=role), root.append)
    return serialise(root)


ATTACKS: dict[str, tuple[str, Callable[[], bytes]]] = {
    "properties-elsewhere": ("NO_SIGNED_PROPERTIES", properties_of_another_signature),
    "properties-twice": ("NO_SIGNED_PROPERTIES", second_properties),
    "properties-untyped": ("NO_SIGNED_PROPERTIES", untyped_properties),
    "properties-missing": ("NO_SIGNED_PROPERTIES", without_properties),
    "object-unsigned-enveloped": ("NOT_WHOLE_FILE", lambda: unsigned_object("enveloped")),
    "object-unsigned-enveloping": ("NOT_WHOLE_FILE", lambda: unsigned_object("enveloping-base64")),
    "object-of-another-signature": ("SEVERAL_SIGNATURES", object_of_another_signature),
    "signatures-root-with-element": ("NOT_WHOLE_FILE", beside_signatures_root),
    "signatures-root-with-text": ("NOT_WHOLE_FILE", text_in_signatures_root),
    "enveloping-in-foreign-document": ("NOT_WHOLE_FILE", enveloping_moved_into_a_document),
    "second-signature-empty": ("SEVERAL_SIGNATURES", empty_second_signature),
    "counter-signature": ("SEVERAL_SIGNATURES", counter_signature),
    "id-in-other-letters": ("ID_NOT_UNIQUE", id_in_other_letters),
    "stylesheet-beside-root-by-id": ("NOT_WHOLE_FILE", stylesheet_beside_a_root_by_id),
    "stylesheet-before-enveloping": ("NOT_WHOLE_FILE", stylesheet_before_enveloping),
    "comment-in-digest": ("DOCUMENT_CHANGED", comment_in_digest),
    "comment-in-object": ("TRANSFORM_NOT_ALLOWED", comment_in_object),
    "xpath-true": ("TRANSFORM_NOT_ALLOWED", xpath("true()")),
    "xpath-or": ("TRANSFORM_NOT_ALLOWED", xpath("not(ancestor-or-self::ds:Signature) or true()")),
    "xpath-not-elements": ("TRANSFORM_NOT_ALLOWED", xpath("not(ancestor-or-self::Tresc)")),
    "xpath-foreign-prefix": ("TRANSFORM_NOT_ALLOWED", foreign_prefix),
    "xpath-document": ("TRANSFORM_NOT_ALLOWED", xpath("document('http://127.0.0.1:9/')")),
    "transform-chain": ("TRANSFORM_NOT_ALLOWED", long_chain),
    "references-many": ("SIGNATURE_UNREADABLE", many_references),
    "reference-without-uri": ("DETACHED_ONLY", without_uri),
    "reference-relative-path": ("DETACHED_ONLY", relative_path),
    "digest-md5": ("ALGORITHM_UNSUPPORTED", algorithm("DigestMethod", "http://www.w3.org/2001/04/xmldsig-more#md5")),
    "signature-dsa": ("ALGORITHM_UNSUPPORTED", algorithm("SignatureMethod", f"{DS}dsa-sha1")),
    "c14n-unknown": ("ALGORITHM_UNSUPPORTED", algorithm("CanonicalizationMethod", "http://www.w3.org/2010/xml-c14n2")),
    "objects-two": ("NOT_WHOLE_FILE", two_objects),
    "manifest-in-object": ("MANIFEST", manifest_in_object),
    "manifest-deeper": ("MANIFEST", manifest_deeper),
    "manifest-by-type": ("MANIFEST", lambda: TAMPERED["manifest-only"](PKI, SIGNER, PAYLOAD).data),
    "object-in-key-info": ("NOT_WHOLE_FILE", object_in_key_info),
    "xpath-with-comment": ("TRANSFORM_NOT_ALLOWED", xpath_with_comment),
    "certificate-same-key-v2": ("CERTIFICATE_MISMATCH", same_key_without_serial),
    "certificates-many": ("TOO_LARGE", many_certificates),
    "bomb-attributes": ("TOO_LARGE", lambda: TAMPERED["attribute-bomb"](PKI, SIGNER, PAYLOAD).data),
    "key-info-twice": ("SIGNATURE_UNREADABLE", two_key_infos),
    "signed-info-twice": ("SIGNATURE_UNREADABLE", two_signed_infos),
    "serial-of-another": ("CERTIFICATE_MISMATCH", serial_of_another),
    "key-of-another": ("SIGNATURE_WRONG", key_of_another),
    "pss-named-pkcs1": ("SIGNATURE_WRONG", pss_named_pkcs1),
    "dtd-in-utf7": ("XML_ENCODING", utf7_doctype),
    "dtd-in-utf16": ("XML_DTD", utf16_doctype),
    "dtd-behind-comments": ("XML_DTD", doctype_behind_comments),
    "dtd-parameter-entities": ("XML_DTD", parameter_entities),
    "bomb-namespaces": ("TOO_LARGE", namespace_bomb),
    "bomb-elements": ("TOO_LARGE", element_bomb),
    "bomb-depth-large": ("SIGNATURE_UNREADABLE", deep_and_large),
    "xinclude": ("DOCUMENT_CHANGED", xinclude),
    "signatures-many": ("TOO_LARGE", many_signatures),
}
"""Name → why it is refused, and the file."""


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.timeout(30)
def test_attack(attack: str) -> None:
    code, make = ATTACKS[attack]
    data = make()
    found = core.verify(data)
    assert found[0].failure is not None
    assert found[0].failure.code == code
    assert accepted(data) == []
    assert accepted(data, {"passwd": b"nic", "wniosek.pdf": EVIL}) == []
    for evidence in found:
        assert evidence.payload is None
        assert evidence.personal == ()
        assert evidence.failure is not None


def test_two_citizens_in_one_role_are_nobody() -> None:
    (evidence,) = accepted(role_twice())
    assert evidence.personal == ()


def test_an_attack_on_the_generator_would_be_seen() -> None:
    """The tool that signs anew makes valid files when nothing is changed: the attacks fail for what they change."""
    assert len(accepted(signed_again(lambda signature: None))) == 1
    assert len(accepted(serialise(tree("enveloping-signatures-root")[0]))) == 1
