"""Attacks through the real front: what must be refused, and what may pass only with the same person and content.

The attacks of ``fixtures.signing`` one and all, and more that change what a reader other than ours might see:
encodings, namespaces, zip and ASN.1 tricks, a signature moved into another format, odd chains and odd revocation data.
"""

from __future__ import annotations

import base64
import io
import json
import random
import re
import struct
import subprocess
import sys
import unicodedata
import zipfile
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import cache, partial
from pathlib import Path

import asn1crypto.crl
import pytest
from asn1crypto import cms as asn1_cms
from click.testing import CliRunner
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from lxml import etree

from fixtures.signing import asic, cms, cms_writer, pdf, xades, xades_shapes, xmldsig
from fixtures.signing.certificates import KEY_USAGES, Profile, issue, name, qc_statements
from fixtures.signing.cms_writer import CmsStyle
from fixtures.signing.der import children, element, indefinite, sequence
from fixtures.signing.keys import PrivateKey, private_key
from fixtures.signing.people import ANNA, JAN
from fixtures.signing.pki import NOW, Pki, Signer
from fixtures.signing.xades_shapes import Signed, signing_time
from fixtures.signing.xmldsig import DS, EXC, PARSER, XADES, Reference, Style, c14n
from mailbot.cli import cli
from mailbot.signatures import verify
from mailbot.signatures.report import SignatureReport, Verdict
from mailbot.signatures.trust import store
from tests.once import shipped
from tests.support import ROOT

PAYLOAD = b"Wniosek. Jan Kowalski, login jan@stary.example, nowy jan@nowy.example\n"
EVIL = b"Nowy adres: zlodziej@obcy.example"
PDF_IN_COMMENT = b"<!-- %PDF-1.7 " + EVIL + b" -->"
"""A reader that looks for the mark in the first 1024 octets takes such an XML for a PDF."""
PKI = Pki()
SIGNER = PKI.person()
RULES = shipped().signatures
FORMATS = {"xades": xades, "cms": cms, "pdf": pdf, "asic": asic}
Make = Callable[[], Signed]
Edit = Callable[[bytes], bytes]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return PKI.write_trust(tmp_path_factory.mktemp("trust"))


@pytest.fixture(scope="module")
def trust(folder: Path) -> store.TrustStore:
    return store.load(folder, NOW)


def check(made: Signed, trust: store.TrustStore) -> tuple[SignatureReport, ...]:
    files = [("wniosek", made.data)] + ([("wniosek.txt", made.content)] if made.content is not None else [])
    return verify.verify(files, trust, RULES, NOW)


@cache
def shape(module: str, kind: str) -> Signed:
    return FORMATS[module].SHAPES[kind](PKI, SIGNER, PAYLOAD)


def edited(module: str, kind: str, edit: Edit) -> Make:
    def make() -> Signed:
        whole = shape(module, kind)
        changed = edit(whole.data)
        assert changed != whole.data, "the attack changed nothing"
        return whole._replace(data=changed)

    return make


def swap(old: bytes | str, new: bytes | str) -> Edit:
    """Put ``new`` in the place of the first match of ``old``, a pattern."""
    pattern, text = (part if isinstance(part, bytes) else part.encode() for part in (old, new))
    return lambda data: re.sub(pattern, lambda match: match.expand(text), data, count=1)


# XML


def encoded(codec: str, declared: str) -> Edit:
    return lambda data: data.decode().replace("UTF-8", declared, 1).encode(codec)


def role(inner: str, kind: str = "enveloped", signer: Signer | None = None) -> Make:
    style = Style(role=inner, scheme="pkcs1-no-null")
    who = signer or PKI.seal()
    return lambda: Signed(xades_shapes.enveloped(PKI, who, PAYLOAD, xades_shapes.NOT_SIGNATURE, style=style))


def moved(put: Callable[[etree._Element, etree._Element], None], kind: str = "enveloped") -> Edit:
    """``put(root, signature)`` rearranges the signed tree."""

    def edit(data: bytes) -> bytes:
        root = etree.fromstring(data, PARSER)
        put(root, next(root.iter(f"{{{DS}}}Signature")))
        return xades_shapes.serialise(root)

    return edit


def doubled(tag: str) -> Edit:
    def put(root: etree._Element, signature: etree._Element) -> None:
        found = next(signature.iter(tag))
        copy = etree.fromstring(etree.tostring(found, with_tail=False), PARSER)
        found.addnext(copy)

    return moved(put)


def around_signature(root: etree._Element, signature: etree._Element) -> None:
    """The victim's signed document becomes an object of a thief's signature."""
    thief = etree.SubElement(etree.Element("a"), f"{{{DS}}}Signature")
    etree.SubElement(thief, f"{{{DS}}}Object").append(etree.fromstring(etree.tostring(root), PARSER))
    signature.append(thief)


def into_first_child(root: etree._Element, signature: etree._Element) -> None:
    """The signature leaves its place for the inside of another element: c14n never sees it."""
    xmldsig.detach(signature)
    root[0].append(signature)


def own_reference(attributes: str, transforms: str, octets: Callable[[etree._Element], bytes]) -> Make:
    def make() -> Signed:
        root = etree.fromstring(xades_shapes.as_document(PAYLOAD), PARSER)
        xmldsig.write(SIGNER, signing_time(PKI), [Reference(attributes, transforms, octets)], place=root.append)
        return Signed(xades_shapes.serialise(root))

    return make


ANOTHER_ROLE = xades_shapes.natural_person(ANNA, NOW)
UNSIGNED = (
    f'<x:UnsignedProperties xmlns:x="{XADES}"><x:UnsignedSignatureProperties><x:SignerRole><x:ClaimedRoles>'
    f"<x:ClaimedRole>{xades_shapes.old_person(ANNA)}</x:ClaimedRole></x:ClaimedRoles></x:SignerRole>"
    "</x:UnsignedSignatureProperties></x:UnsignedProperties></xades:QualifyingProperties>"
)
ROLE = xades_shapes.natural_person(JAN, NOW)

XML_REFUSED: dict[str, Make] = {
    "utf-7": edited("xades", "enveloped", encoded("utf-7", "UTF-7")),
    "utf-32": edited("xades", "enveloped", encoded("utf-32", "UTF-32")),
    "declared-utf-7": edited("xades", "enveloped", swap("UTF-8", "UTF-7")),
    "ebcdic": edited("xades", "enveloped", encoded("cp500", "IBM500")),
    "attribute-twice": edited("xades", "enveloped-by-id", swap('Id="dokument"', 'Id="dokument" Id="dokument"')),
    "attribute-added": edited("xades", "enveloped", swap("<Wniosek ", '<Wniosek nowy="zlodziej@obcy.example" ')),
    "xml-base": edited("xades", "enveloped", swap("<Wniosek ", '<Wniosek xml:base="http://obcy.example/" ')),
    "xml-base-c14n11": edited("xades", "enveloped-c14n11", swap("<Wniosek ", '<Wniosek xml:base="//obcy.example/" ')),
    "namespace-of-document": edited("xades", "enveloped", swap("wniosek.example", "obcy.example")),
    "prefix-rebound": edited("xades", "enveloped-xpath", swap("<ds:XPath>", '<ds:XPath xmlns:ds="urn:x">')),
    "instruction-inside": edited("xades", "enveloped", swap("<Tresc>", "<Tresc><?zlodziej obcy.example?>")),
    "instruction-before": edited("xades", "enveloped", swap("<Wniosek", "<?xml-stylesheet href='x'?><Wniosek")),
    "instruction-before-by-id": edited("xades", "enveloped-by-id", swap("<Wniosek", "<?nowy obcy.example?><Wniosek")),
    "instruction-in-base64": edited("xades", "enveloping-base64", swap(rb"(#base64\" Mime[^>]*>)", rb"\1<?x?>")),
    "comment-in-base64": edited("xades", "enveloping-base64", swap(rb"(#base64\" Mime[^>]*>)", rb"\1<!---->")),
    "id-of-other-case": edited("xades", "enveloped-by-id", swap("<Tresc>", '<Tresc ID="dokument">')),
    "id-of-xml": edited("xades", "enveloped-by-id", swap("</ds:KeyInfo>", '<a xml:id="dokument"/></ds:KeyInfo>')),
    "object-of-same-id": edited(
        "xades",
        "enveloping-base64",
        swap("</ds:Signature>", '<ds:Object Id="Object-1">QUE=</ds:Object></ds:Signature>'),
    ),
    "object-more": edited(
        "xades", "enveloping-base64", swap("</ds:Signature>", "<ds:Object>A</ds:Object></ds:Signature>")
    ),
    "signed-info-twice": edited("xades", "enveloped", doubled(f"{{{DS}}}SignedInfo")),
    "value-twice": edited("xades", "enveloped", doubled(f"{{{DS}}}SignatureValue")),
    "key-info-twice": edited("xades", "enveloped", doubled(f"{{{DS}}}KeyInfo")),
    "signed-properties-twice": edited("xades", "enveloped", doubled(f"{{{XADES}}}SignedProperties")),
    "qualifying-properties-twice": edited("xades", "enveloped", doubled(f"{{{XADES}}}QualifyingProperties")),
    "signature-twice": edited("xades", "enveloped", doubled(f"{{{DS}}}Signature")),
    "signature-in-signature": edited("xades", "enveloped", moved(around_signature)),
    "properties-of-other-version": edited("xades", "enveloped", lambda d: d.replace(b"v1.3.2#", b"v1.4.1#")),
    "time-later": edited("xades", "enveloped", swap(r"(SigningTime>20)26", r"\g<1>27")),
    "text-behind": edited("xades", "enveloped", lambda data: data + b"zlodziej@obcy.example"),
    "pdf-behind": edited("xades", "enveloped", lambda data: data + pdf.base(EVIL).data),
    "roles-two-people": role(ROLE + ANOTHER_ROLE),
    "roles-two-people-two-forms": role(xades_shapes.old_person(JAN) + ANOTHER_ROLE),
    "role-two-natural-persons": role(ROLE.replace("<pz:SignatureData>", "<pz:NaturalPerson/><pz:SignatureData>")),
    "role-two-numbers": role(
        ROLE.replace("</pz:PersonalId", f"</pz:PersonalIdentifier><pz:PersonalIdentifier>{ANNA.pesel}</pz:PersonalId")
    ),
    "role-birth-against-pesel": role(ROLE.replace("1980-05-14", "1981-05-14")),
    "role-name-with-markup": role(ROLE.replace("JAN<", "JAN<b/>ANNA<")),
    "role-empty": role(""),
    "role-of-company-seal": role(ROLE, signer=PKI.company_seal()),
    "role-unsigned-object": edited(
        "xades", "enveloped", swap("</ds:Signature>", f"<ds:Object>{ANOTHER_ROLE}</ds:Object></ds:Signature>")
    ),
    "reference-to-properties-as-document": own_reference(
        'URI="#SignedProps-Signature-1"',
        xmldsig.transform(EXC),
        lambda made: c14n(next(made.iter(f"{{{XADES}}}SignedProperties"))),
    ),
    "reference-to-key-info": own_reference(
        'URI="#nic"', xmldsig.transform(EXC), lambda made: c14n(next(made.iter(f"{{{DS}}}KeyInfo")))
    ),
    "reference-without-uri": own_reference("", "", lambda _: b""),
    "reference-file-encoded": own_reference('URI="%66ile:///dev/null"', "", lambda _: b""),
    "transforms-many": own_reference('URI=""', xmldsig.transform(xmldsig.ENVELOPED) * 6, lambda _: b""),
    "base64-of-the-document": own_reference('URI=""', xmldsig.transform(xmldsig.BASE64), lambda _: b""),
}

XML_SAME: dict[str, Make] = {
    "utf-16": edited("xades", "enveloped", encoded("utf-16", "UTF-16")),
    "utf-16-be": edited("xades", "enveloped", lambda d: b"\xfe\xff" + encoded("utf-16-be", "UTF-16")(d)),
    "windows-1250": edited("xades", "enveloped", encoded("cp1250", "windows-1250")),
    "comment-in-text": edited("xades", "enveloped", swap("jan@", "jan@<!--.obcy.example-->")),
    "comment-in-role": edited("xades", "pz-new", swap("KOWALSKI", "KO<!-- NOWAK -->WALSKI")),
    "comment-is-pdf": edited("xades", "enveloped", swap(r"\?>", b"?>" + PDF_IN_COMMENT)),
    "cdata": edited("xades", "enveloped", swap("Kowalski", "<![CDATA[Kowalski]]>")),
    "character-references": edited("xades", "enveloped", swap("jan@nowy", "&#x6a;an&#64;nowy")),
    "reference-by-character": edited("xades", "enveloped-by-id", swap('URI="#dok', 'URI="&#x23;dok')),
    "signature-elsewhere": edited("xades", "enveloped", moved(into_first_child)),
    "role-in-unsigned-properties": edited("xades", "pz-new", swap("</xades:QualifyingProperties>", UNSIGNED)),
    "role-in-key-info": edited("xades", "pz-new", swap("</ds:KeyInfo>", f"{ANOTHER_ROLE}</ds:KeyInfo>")),
    "object-says-other-type": edited("xades", "enveloping-base64", swap("application/octet-stream", "application/pdf")),
    "namespace-unused": edited("xades", "enveloped", swap("<Wniosek ", '<Wniosek xmlns:u="urn:obcy" ')),
}

# CMS


def parts_of(data: bytes) -> tuple[bytes, list[bytes]]:
    """contentType and the elements of SignedData."""
    kind, explicit = children(data)
    (body,) = children(explicit)
    return kind, children(body)


def joined(kind: bytes, parts: list[bytes]) -> bytes:
    return sequence(kind, element(0xA0, sequence(*parts)))


def cms_edit(change: Callable[[list[bytes]], None]) -> Edit:
    def edit(data: bytes) -> bytes:
        kind, parts = parts_of(data)
        change(parts)
        return joined(kind, parts)

    return edit


def same_key_first(parts: list[bytes]) -> None:
    """Anna's certificate for Jan's key stands before his own."""
    parts[3] = element(0xA0, certificate_for(SIGNER.key).public_bytes(Encoding.DER) + SIGNER.der)


def certificate_for(key: PrivateKey) -> x509.Certificate:
    authority = PKI.authority("qualified")
    profile = Profile(PKI.person(ANNA).certificate.subject, qc=qc_statements(), crl=authority.crl_url)
    return issue(profile, key, NOW, authority.certificate, authority.key)


def replaced(number: int, part: Callable[[bytes], bytes]) -> Edit:
    """One element of SignedData made anew from the old."""
    return cms_edit(lambda parts: parts.__setitem__(number, part(parts[number])))


def info_twice(parts: list[bytes]) -> None:
    parts[4] = element(0x31, b"".join(children(parts[4]) * 2))


def by_key_identifier() -> Signed:
    """No ESS attribute; the signer is named by the key, which Anna's certificate (alone in the file) has as well."""
    style = replace(cms.ATTACHED, ess="none", chain=False, signing_time=signing_time(PKI))
    kind, parts = parts_of(cms_writer.write(PAYLOAD, [SIGNER], style))
    other = certificate_for(SIGNER.key)
    identifier = x509.SubjectKeyIdentifier.from_public_key(SIGNER.key.public_key()).digest
    info = children(children(parts[4])[0])
    info[1] = element(0x80, identifier)
    parts[3] = element(0xA0, other.public_bytes(Encoding.DER))
    parts[4] = element(0x31, sequence(*info))
    return Signed(joined(kind, parts))


def attributes_as_content() -> Signed:
    """RFC 5652 §11: the signed attributes of a signature pass for a document signed without attributes."""
    kind, parts = parts_of(shape("cms", "attached").data)
    version, sid, digest, attributes, *rest = children(children(parts[4])[0])
    parts[2] = sequence(children(parts[2])[0], element(0xA0, element(4, b"\x31" + attributes[1:])))
    parts[4] = element(0x31, sequence(version, sid, digest, *rest))
    return Signed(joined(kind, parts))


def xml_signature_as_cms() -> Signed:
    """SignedInfo of an XML signature as the content of a CMS without attributes: the same key, the same value."""
    root = etree.fromstring(shape("xades", "enveloped").data, PARSER)
    info, value = (next(root.iter(f"{{{DS}}}{tag}")) for tag in ("SignedInfo", "SignatureValue"))
    style = replace(cms.ATTACHED, signed_attributes=False)
    kind, parts = parts_of(cms_writer.write(c14n(info), [SIGNER], style))
    fields = children(children(parts[4])[0])
    fields[-1] = element(4, base64.b64decode(value.text or ""))
    parts[4] = element(0x31, sequence(*fields))
    return Signed(joined(kind, parts))


def pdf_signature_as_cms() -> Signed:
    """The CMS of podpis zaufany beside the octets it signs: true arithmetic, and nobody named."""
    data = shape("pdf", "pz").data
    found = re.search(rb"/Contents (<[0-9a-f]+>)", data)
    assert found is not None
    return Signed(bytes.fromhex(found[1][1:-1].decode()), data[: found.start(1)] + data[found.end(1) :])


PEM = shape("cms", "attached-pem").data
TST_INFO = bytes.fromhex("060b2a864886f70d0109100104")
"""id-ct-TSTInfo, the content type of a timestamp."""
CMS_REFUSED: dict[str, Make] = {
    "signer-info-twice": edited("cms", "attached", cms_edit(info_twice)),
    "certificate-by-key-identifier": by_key_identifier,
    "attributes-as-content": attributes_as_content,
    "xml-signature-as-cms": xml_signature_as_cms,
    "pdf-signature-as-cms": pdf_signature_as_cms,
    "pem-twice": lambda: Signed(PEM + PEM),
    "pem-with-words": lambda: Signed(PEM + EVIL),
    "der-twice": edited("cms", "attached", lambda data: data * 2),
    "content-emptied": edited(
        "cms", "attached", replaced(2, lambda old: sequence(children(old)[0], element(0xA0, element(4, b""))))
    ),
    "content-removed": edited("cms", "attached", replaced(2, lambda old: sequence(children(old)[0]))),
    "content-of-other-type": edited("cms", "attached", replaced(2, lambda old: sequence(TST_INFO, children(old)[1]))),
    "indefinite-without-end": edited("cms", "attached-ber", lambda data: data[:-4]),
    "length-of-nine-octets": edited("cms", "attached", lambda data: b"\x30\x89" + data[2:]),
    "certificates-emptied": edited("cms", "attached", replaced(3, lambda _: element(0xA0, b""))),
    "certificates-garbage": edited("cms", "attached", replaced(3, lambda _: element(0xA0, sequence(b"\x05\x00")))),
    "no-signed-attributes": lambda: cms.DOUBTFUL["no-signed-attributes"](PKI, SIGNER, PAYLOAD),
    "no-signing-certificate": lambda: cms.DOUBTFUL["no-signing-certificate"](PKI, SIGNER, PAYLOAD),
}
CMS_SAME: dict[str, Make] = {
    "ber": edited("cms", "attached", indefinite),
    "same-key-first": edited("cms", "attached", cms_edit(same_key_first)),
    "content-beside-attached": lambda: shape("cms", "attached")._replace(content=EVIL),
    "zeros-behind": edited("cms", "attached", lambda data: data + b"\0" * 9),
}

# PDF


def contents(edit: Callable[[bytes], bytes]) -> Edit:
    """``edit`` the hex digits of /Contents."""

    def change(data: bytes) -> bytes:
        found = re.search(rb"/Contents <([0-9a-f]+)>", data)
        assert found is not None
        return data[: found.start(1)] + edit(found[1]) + data[found.end(1) :]

    return change


def ranges(*numbers: str) -> Edit:
    def change(data: bytes) -> bytes:
        found = re.search(rb"/ByteRange \[([^\]]+)\]", data)
        assert found is not None
        a, b, c, d = map(int, found[1].split())
        text = " ".join(numbers).format(a=a, b=b, c=c, d=d, near=b - 20, over=c - 20, far=2**64).encode()
        return data[: found.start(1)] + text.ljust(len(found[1]))[: len(found[1])] + data[found.end(1) :]

    return change


def second_dictionary(data: bytes) -> bytes:
    """A later revision gives the one field another signature dictionary with the same CMS."""
    found = re.search(rb"\d+ 0 obj\n(<< /Type /Sig.*?>>)\nendobj", data, re.DOTALL)
    field = re.search(rb"(\d+) 0 obj\n(<< /Type /Annot.*?/FT /Sig.*?>>)\nendobj", data, re.DOTALL)
    previous = re.findall(rb"startxref\n(\d+)", data)[-1]
    assert found is not None
    assert field is not None
    one = len(data)
    data += b"900 0 obj\n%s\nendobj\n" % found[1].replace(b"/Type /Sig", b"/Type /Sig /Reason (zlodziej)")
    two = len(data)
    data += b"%s 0 obj\n%s\nendobj\n" % (field[1], re.sub(rb"/V \d+ 0 R", b"/V 900 0 R", field[2]))
    table = len(data)
    data += b"xref\n900 1\n%010d 00000 n \n%s 1\n%010d 00000 n \n" % (one, field[1], two)
    return data + b"trailer\n<< /Size 901 /Root 1 0 R /Prev %s >>\nstartxref\n%d\n%%%%EOF\n" % (previous, table)


PDF_REFUSED: dict[str, Make] = {
    **{
        f"byte-range-{label}": edited("pdf", "pades", ranges(*numbers.split()))
        for label, numbers in {
            "overlap": "{a} {b} {near} {d}",
            "second-inside": "{a} {b} {over} {d}",
            "gap-larger": "{a} {near} {c} {d}",
            "minus": "{a} {b} -1 {d}",
            "plus": "+{a} {b} {c} {d}",
            "huge": "{a} {b} {c} {far}",
            "six": "0 1 2 3 4 5",
            "nothing": "0 0 0 0",
            "real": "0.0 {b} {c} {d}",
        }.items()
    },
    "contents-not-zero-behind": edited("pdf", "pades", contents(lambda h: h[:-8] + b"deadbeef")),
    "contents-white-space": edited("pdf", "pades", contents(lambda h: h[:-2] + b"  ")),
    "contents-comment": edited("pdf", "pades", contents(lambda h: h[:-4] + b"%>>>")),
    "second-dictionary": edited("pdf", "pades", second_dictionary),
    "second-dictionary-pz": edited("pdf", "pz-classic", second_dictionary),
    "second-end-mark": edited("pdf", "pades", lambda data: data + b"%%EOF\n"),
    "zip-behind": edited("pdf", "pades", lambda data: data + asic.pack({"a.txt": EVIL})),
    "pdf-before": edited("pdf", "pades", lambda data: bytes(pdf.base(EVIL).data) + data),
    "xml-before": edited("pdf", "pades", lambda data: b"<a/>\n" + data),
    "reason-octet": edited("pdf", "pz", swap(rb"(/Reason <FEFF0)\w", rb"\g<1>1")),
    "field-of-other-type": edited("pdf", "pades", swap("/FT /Sig", "/FT /Txx")),
}
PDF_SAME: dict[str, Make] = {
    "contents-capitals": edited("pdf", "pades", contents(bytes.upper)),
    "contents-capitals-pz": edited("pdf", "pz", contents(bytes.upper)),
}

# ASiC


def normalised(module_files: bool, content: bytes) -> Signed:
    """An ASiC (or a file beside) whose signature canonicalizes the XML it names; ``content`` is what came."""
    signed = xades_shapes.as_document(PAYLOAD)
    octets = c14n(etree.fromstring(signed, PARSER).getroottree())
    reference = Reference('Id="r1" URI="wniosek.xml"', xmldsig.transform(EXC), lambda _: octets)
    if not module_files:
        return Signed(xades_shapes.serialise(xmldsig.write(SIGNER, signing_time(PKI), [reference])), content)
    root = etree.Element(f"{{{asic.ASIC}}}XAdESSignatures")
    xmldsig.write(SIGNER, signing_time(PKI), [reference], place=root.append)
    return Signed(asic.pack({"wniosek.xml": content, asic.SIGNATURES: xades_shapes.serialise(root)}))


WITH_PDF = swap(r"\?>", b"?>" + PDF_IN_COMMENT)(xades_shapes.as_document(PAYLOAD))


def twice_referenced() -> Signed:
    """Two references to one file, with and without canonicalization: which octets did the citizen read?"""
    signed = xades_shapes.as_document(PAYLOAD)
    octets = c14n(etree.fromstring(signed, PARSER).getroottree())
    references = [
        Reference('Id="r1" URI="wniosek.xml"', xmldsig.transform(EXC), lambda _: octets),
        Reference('Id="r2" URI="./wniosek.xml"', xmldsig.transform(EXC), lambda _: octets),
    ]
    root = etree.Element(f"{{{asic.ASIC}}}XAdESSignatures")
    xmldsig.write(SIGNER, signing_time(PKI), references, place=root.append)
    return Signed(asic.pack({"wniosek.xml": WITH_PDF, asic.SIGNATURES: xades_shapes.serialise(root)}))


def zipped(**more: bytes) -> Edit:
    """The same container with more entries."""

    def edit(data: bytes) -> bytes:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            files = {entry: archive.read(entry) for entry in archive.namelist()}
        mime = files.pop("mimetype")
        return asic.pack({**files, **more}, mime)

    return edit


def second_directory(data: bytes) -> bytes:
    """The container, then another zip: readers of the first and of the last directory differ."""
    return data + asic.pack({"wniosek.txt": EVIL})


def hidden_entry(data: bytes) -> bytes:
    """An entry between the others that only a reader of local headers sees."""
    end = data.rindex(b"PK\5\6")
    size, offset = struct.unpack_from("<2I", data, end + 12)
    extra = asic.pack({"aneks.txt": EVIL}, None)
    extra = extra[: extra.index(b"PK\1\2")]
    tail = data[end : end + 16] + struct.pack("<I", offset + len(extra)) + data[end + 20 :]
    assert offset + size == end
    return data[:offset] + extra + data[offset:end] + tail


def commented(comment: bytes) -> Edit:
    return lambda data: data[:-2] + struct.pack("<H", len(comment)) + comment


def local_name(data: bytes) -> bytes:
    return data.replace(b"wniosek.txt", b"aneksik.txt", 1)


NFD = unicodedata.normalize("NFD", "wniosek ó.txt")
ASIC_REFUSED: dict[str, Make] = {
    "second-directory": edited("asic", "asic-e-xades", second_directory),
    "hidden-entry": edited("asic", "asic-e-xades", hidden_entry),
    "bytes-before": edited("asic", "asic-e-xades", lambda data: b"%PDF-1.7\n" + data),
    "bytes-behind": edited("asic", "asic-e-xades", lambda data: data + EVIL),
    "end-in-comment": edited("asic", "asic-e-xades", commented(b"PK\5\6" + b"\0" * 18)),
    "local-name": edited("asic", "asic-e-xades", local_name),
    "name-of-other-case": edited("asic", "asic-e-xades", zipped(**{"WNIOSEK.txt": EVIL})),
    "name-in-other-form": lambda: Signed(
        asic.pack({**asic.with_xades(PKI, [SIGNER], {"wniosek ó.txt": PAYLOAD}), NFD: EVIL})
    ),
    "name-with-drive": edited("asic", "asic-e-xades", zipped(**{"C:aneks.txt": EVIL})),
    "name-with-backslash": edited("asic", "asic-e-xades", zipped(**{"..\\aneks.txt": EVIL})),
    "folder-with-data": edited("asic", "asic-e-xades", zipped(**{"aneks/": EVIL})),
    "file-among-signatures": edited("asic", "asic-e-xades", zipped(**{"META-INF/signatures2.xml": b"<a/>"})),
    "file-in-meta-inf": edited("asic", "asic-e-cades", zipped(**{"META-INF/wniosek.txt": EVIL})),
    "mimetype-in-capitals": edited("asic", "asic-e-xades", zipped(MIMETYPE=b"application/pdf")),
    "mimetype-of-office": edited(
        "asic", "asic-e-xades", lambda d: d.replace(asic.MIME_E, b"application/vnd.etsi.asic-x+zip")
    ),
    "manifest-of-other-file": edited("asic", "asic-e-cades", zipped(**{"aneks.txt": EVIL})),
    "file-signed-twice": twice_referenced,
}
ASIC_SAME: dict[str, Make] = {
    "comment": edited("asic", "asic-e-xades", commented(EVIL)),
    "normalised-with-pdf-in-comment": partial(normalised, True, WITH_PDF),
    "normalised-beside-with-pdf-in-comment": partial(normalised, False, WITH_PDF),
}
DOCUMENT = etree.fromstring(xades_shapes.as_document(PAYLOAD), PARSER)
BY_ID = etree.fromstring(swap("<Wniosek ", '<Wniosek Id="dokument" ')(xades_shapes.as_document(PAYLOAD)), PARSER)
CONTENTS = {PAYLOAD, c14n(DOCUMENT), c14n(DOCUMENT, xmldsig.INC), c14n(BY_ID)}
"""What was signed, as the transforms of the shapes leave it."""

REFUSED: dict[str, Make] = {
    f"{kind}-{label}": make
    for kind, table in (("xml", XML_REFUSED), ("cms", CMS_REFUSED), ("pdf", PDF_REFUSED), ("asic", ASIC_REFUSED))
    for label, make in table.items()
}
KNOWN: dict[str, Make] = {
    f"{module}/{table}/{label}": partial(make, PKI, SIGNER, PAYLOAD)
    for module, fixtures in FORMATS.items()
    for table in ("TAMPERED", "WEAK")
    for label, make in getattr(fixtures, table, {}).items()
}
SAME: dict[str, Make] = {
    f"{kind}-{label}": make
    for kind, table in (("xml", XML_SAME), ("cms", CMS_SAME), ("pdf", PDF_SAME), ("asic", ASIC_SAME))
    for label, make in table.items()
}


@pytest.mark.parametrize("attack", [*REFUSED, *KNOWN])
def test_refused(attack: str, trust: store.TrustStore) -> None:
    found = check({**REFUSED, **KNOWN}[attack](), trust)
    assert found
    for report in found:
        assert report.verdict is not Verdict.ACCEPT
        assert report.reasons


@pytest.mark.parametrize("attack", SAME)
def test_nothing_unsigned_comes_out(attack: str, trust: store.TrustStore) -> None:
    """The file may be accepted: then with the signer and the octets that were signed."""
    for report in check(SAME[attack](), trust):
        if report.verdict is Verdict.ACCEPT:
            assert report.signer is not None
            assert (report.signer.given.title(), report.signer.surname.title()) == ("Jan", "Kowalski")
            assert report.payload is not None
            assert b"obcy.example" not in report.payload
            if not report.payload.startswith(b"%PDF-"):
                assert report.payload in CONTENTS


@pytest.mark.parametrize("attack", ["normalised-with-pdf-in-comment", "comment"])
def test_these_are_accepted_as_signed(attack: str, trust: store.TrustStore) -> None:
    (report,) = check(ASIC_SAME[attack](), trust)
    assert report.verdict is Verdict.ACCEPT


@pytest.mark.campaign
def test_the_command_refuses_every_attack(folder: Path, tmp_path: Path) -> None:
    """All files in one folder, asked as an administrator asks: no order, name or neighbour makes one good."""
    for number, make in enumerate([*REFUSED.values(), *KNOWN.values()]):
        if (made := make()).content is None:
            (tmp_path / f"{number}.bin").write_bytes(made.data)
    command = [sys.executable, "-m", "mailbot", "signatures", "verify", str(tmp_path), "--trust", str(folder)]
    result = subprocess.run(
        [*command, "--at", NOW.isoformat(), "--json"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
        timeout=300,
    )
    verdicts = [json.loads(line)["verdict"] for line in result.stdout.splitlines()]
    assert result.returncode == 1
    assert len(verdicts) >= len(list(tmp_path.iterdir()))
    assert "ACCEPT" not in verdicts


# Changes by chance


@pytest.mark.parametrize("times", [10, pytest.param(40, marks=pytest.mark.campaign)])
@pytest.mark.parametrize(("module", "kind"), [(module, kind) for module in FORMATS for kind in FORMATS[module].SHAPES])
def test_changed_by_chance(module: str, kind: str, times: int, trust: store.TrustStore) -> None:
    """Octets changed, cut, doubled, exchanged: refused, or a part of the file that says nothing of signer and content.

    Of a PDF that is the hex string of /Contents: its case, and in the CMS the certificates of the chain and the stamp.
    """
    whole, chance = shape(module, kind), random.Random(f"{module}/{kind}")
    (true,) = check(whole, trust)
    assert true.verdict is Verdict.ACCEPT
    for _ in range(times):
        data = bytearray(whole.data)
        at, other, size = chance.randrange(len(data)), chance.randrange(len(data)), chance.randrange(1, 60)
        step = chance.choice(("bit", "cut", "double", "exchange"))
        if step == "bit":
            data[at] ^= 1 << chance.randrange(8)
        elif step == "cut":
            del data[at : at + size]
        else:
            data[at : at + (size if step == "exchange" else 0)] = data[other : other + size]
        for report in check(whole._replace(data=bytes(data)), trust):
            if report.verdict is Verdict.ACCEPT:
                assert replace(report, **dict.fromkeys(UNSIGNED_WORDS)) == replace(
                    true, **dict.fromkeys(UNSIGNED_WORDS)
                )
                assert report.proven_time in (None, true.proven_time)
                assert report.payload == true.payload or (
                    module == "pdf" and beside_contents(report) == beside_contents(true)
                )


def beside_contents(report: SignatureReport) -> bytes:
    return re.sub(rb"/Contents <[0-9A-Fa-f]+>", b"", report.payload or b"")


UNSIGNED_WORDS = ("level", "flags", "proven_time", "payload", "payload_sha256")
"""What the unsigned properties say, and the octets compared apart."""


# Chains


def constraint(**usages: bool) -> x509.KeyUsage:
    return x509.KeyUsage(**{**dict.fromkeys(KEY_USAGES, False), **usages})


CA_USAGE = constraint(key_cert_sign=True, crl_sign=True)
OTHER_TREE = x509.NameConstraints([x509.DirectoryName(name(C="DE"))], None)
UNKNOWN = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4.5"), b"\x05\x00")
Extensions = list[tuple[x509.ExtensionType, bool]]
CA: Extensions = [(x509.BasicConstraints(True, None), True), (CA_USAGE, True)]
CHAINS: dict[str, tuple[Extensions, Extensions, int, bool]] = {
    "plain": (CA, [], 600, True),
    "no-ca": ([(x509.BasicConstraints(False, None), True), (CA_USAGE, True)], [], 600, False),
    "no-basic-constraints": ([(CA_USAGE, True)], [], 600, False),
    "no-key-cert-sign": (
        [(x509.BasicConstraints(True, None), True), (constraint(crl_sign=True), True)],
        [],
        600,
        False,
    ),
    "name-constraints": ([*CA, (OTHER_TREE, True)], [], 600, False),
    "name-constraints-not-critical": ([*CA, (OTHER_TREE, False)], [], 600, False),
    "unknown-critical": ([*CA, (UNKNOWN, True)], [], 600, False),
    "unknown-not-critical": ([*CA, (UNKNOWN, False)], [], 600, True),
    "unknown-critical-of-the-signer": (CA, [(UNKNOWN, True)], 600, False),
    "expired": (CA, [], -1, False),
}
"""(extensions of the intermediate, more of the signer, last day of the intermediate, accepted)."""


def certificate(
    subject: x509.Name, key: PrivateKey, issuer: x509.Name, by: PrivateKey, extensions: Extensions, until: int = 600
) -> x509.Certificate:
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number()).not_valid_before(NOW - timedelta(days=300))
    builder = builder.not_valid_after(NOW + timedelta(days=until))
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    return builder.sign(by, hashes.SHA256())


def empty_crl(issuer: x509.Name, key: PrivateKey) -> bytes:
    builder = x509.CertificateRevocationListBuilder(issuer, NOW - timedelta(hours=1), NOW + timedelta(days=7), [], [])
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)


@pytest.mark.parametrize("chain", CHAINS)
def test_an_intermediate_must_be_allowed_to_issue(chain: str, tmp_path: Path) -> None:
    extensions, more, until, good = CHAINS[chain]
    top_name, middle_name = name(C="PL", CN="Korzeń"), name(C="PL", CN="Pośrednie")
    top_key, middle_key, key = (private_key(f"red/{label}") for label in ("top", "middle", "leaf"))
    top = certificate(top_name, top_key, top_name, top_key, CA, 900)
    middle = certificate(middle_name, middle_key, top_name, top_key, extensions, until)
    leaf = certificate(
        SIGNER.certificate.subject,
        key,
        middle_name,
        middle_key,
        [(constraint(content_commitment=True), True), (qc_statements(), False), *more],
    )
    place = tmp_path / "anchors" / "qualified-ca"
    place.mkdir(parents=True)
    (place / "top.pem").write_bytes(top.public_bytes(Encoding.PEM))
    (tmp_path / "revocation").mkdir()
    (tmp_path / "revocation" / "top.crl").write_bytes(empty_crl(top_name, top_key))
    (tmp_path / "revocation" / "middle.crl").write_bytes(empty_crl(middle_name, middle_key))
    style = CmsStyle(detached=False, signing_time=signing_time(PKI))
    made = Signed(cms_writer.write(PAYLOAD, [Signer(JAN, leaf, key, (middle,))], style))
    (report,) = check(made, store.load(tmp_path, NOW))
    assert (report.verdict is Verdict.ACCEPT) is good


# Revocation


def without_next_update() -> bytes:
    key = PKI.authority("qualified").key
    found = asn1crypto.crl.CertificateList.load(PKI.crl("qualified"))
    del found["tbs_cert_list"]["next_update"]
    tbs = found["tbs_cert_list"].dump(force=True)
    found["signature"] = cms_writer.sign(key, tbs)
    octets: bytes = found.dump(force=True)
    return octets


def answer(about: Signer, by: Signer) -> dict[str, bytes]:
    """An OCSP response that says "good" of ``about``, signed by ``by``."""
    builder = ocsp.OCSPResponseBuilder().add_response(
        about.certificate,
        PKI.authority("qualified").certificate,
        hashes.SHA1(),
        ocsp.OCSPCertStatus.GOOD,
        NOW - timedelta(hours=1),
        NOW + timedelta(days=1),
        None,
        None,
    )
    builder = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, by.certificate).certificates([by.certificate])
    return {"a.ocsp": builder.sign(by.key, hashes.SHA256()).public_bytes(Encoding.DER)}


def listed(reason: x509.ReasonFlags) -> dict[str, bytes]:
    authority = PKI.authority("qualified")
    entry = x509.RevokedCertificateBuilder().serial_number(SIGNER.certificate.serial_number)
    entry = entry.revocation_date(NOW - timedelta(days=1)).add_extension(x509.CRLReason(reason), False)
    builder = x509.CertificateRevocationListBuilder(
        authority.certificate.subject, NOW - timedelta(hours=1), NOW + timedelta(days=7), [], [entry.build()]
    )
    return {"a.crl": builder.sign(authority.key, hashes.SHA256()).public_bytes(Encoding.DER)}


REVOCATION: dict[str, tuple[Callable[[], dict[str, bytes]], bool]] = {
    "fresh": (lambda: {"a.crl": PKI.crl("qualified")}, True),
    "answer-of-responder": (lambda: answer(SIGNER, PKI.responder("qualified")), True),
    "nothing": (dict, False),
    "stale": (lambda: {"a.crl": PKI.crl("qualified", "stale")}, False),
    "forged": (lambda: {"a.crl": PKI.crl("qualified", "forged")}, False),
    "of-another-ca": (lambda: {"a.crl": PKI.crl("seal")}, False),
    "without-next-update": (lambda: {"a.crl": without_next_update()}, False),
    "remove-from-crl": (lambda: listed(x509.ReasonFlags.remove_from_crl), False),
    "revoked": (lambda: listed(x509.ReasonFlags.key_compromise), False),
    "answer-about-another": (lambda: answer(PKI.person(ANNA), PKI.responder("qualified")), False),
    "answer-of-a-person": (lambda: answer(SIGNER, SIGNER), False),
    "answer-of-another-ca": (lambda: answer(SIGNER, PKI.responder("seal")), False),
    "answer-of-a-self-signed": (lambda: answer(SIGNER, PKI.self_signed()), False),
}


@pytest.mark.parametrize("case", REVOCATION)
def test_nothing_known_is_never_good(case: str, tmp_path: Path) -> None:
    files, good = REVOCATION[case]
    trust = store.load(PKI.write_trust(tmp_path, files()), NOW)
    (report,) = check(shape("cms", "attached"), trust)
    assert (report.verdict is Verdict.ACCEPT) is good


# Personal data


@pytest.mark.parametrize("json_too", [[], ["--json"]])
def test_no_pesel_is_printed_or_logged(
    json_too: list[str], folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for module, kind in (("pdf", "pz"), ("xades", "pz-new"), ("xades", "pz-old")):
        (tmp_path / kind).write_bytes(shape(module, kind).data)
    command = ["signatures", "verify", str(tmp_path), "--trust", str(folder), "--at", NOW.isoformat(), *json_too]
    result = CliRunner().invoke(cli, command)
    assert result.exit_code == 0, result.stderr
    assert result.stdout.count("KOWALSKI") >= 3
    assert JAN.pesel not in result.stdout + result.stderr + caplog.text


def test_signed_data_is_read_back() -> None:
    """The knife of this file cuts where asn1crypto cuts."""
    kind, parts = parts_of(shape("cms", "attached").data)
    assert asn1_cms.ContentInfo.load(joined(kind, parts))["content"]["signer_infos"]
    assert joined(kind, parts) == shape("cms", "attached").data
