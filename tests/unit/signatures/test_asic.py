"""ASiC containers: what is signed, what is left out, and whether anything but the zip itself says what is inside."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import pytest

from fixtures.signing import asic as made
from fixtures.signing import cms_writer
from fixtures.signing.asic import ASIC, Files, pack, with_cades_e, with_cades_s, with_xades
from fixtures.signing.cms_writer import CmsStyle
from fixtures.signing.pki import Pki, Signer
from fixtures.signing.xades_shapes import signing_time
from fixtures.signing.xmldsig import DIGESTS, DS, base64
from mailbot.signatures import asic
from mailbot.signatures.report import Evidence, Format, Integrity, Scope, SubIndication

PAYLOAD = b"Wniosek: nowy adres jan.nowy@poczta.example"
DATA: Files = {"wniosek.txt": PAYLOAD}
MORE: Files = {**DATA, "załącznik nr 1.txt": b"zgoda"}


@pytest.fixture(scope="module")
def pki() -> Pki:
    return Pki()


@pytest.fixture(scope="module")
def jan(pki: Pki) -> Signer:
    return pki.person()


def one(data: bytes) -> Evidence:
    (evidence,) = asic.verify(data)
    return evidence


@pytest.mark.parametrize("shape", made.SHAPES)
def test_valid_container(shape: str, pki: Pki, jan: Signer) -> None:
    found = one(made.SHAPES[shape](pki, jan, PAYLOAD).data)
    assert (found.integrity, found.scope, found.failure, found.uncovered) == (Integrity.OK, Scope.FULL, None, ())
    assert found.format is (Format.ASIC_S if "asic-s" in shape else Format.ASIC_E)
    assert (found.payload, found.payload_name) == (PAYLOAD, "wniosek.txt")
    assert found.certificate == jan.der
    assert found.claimed_time == signing_time(pki)
    assert "sha256" in found.algorithms
    assert found.signature_value


@pytest.mark.parametrize("shape", made.TAMPERED)
def test_tampered_container_is_never_whole(shape: str, pki: Pki, jan: Signer) -> None:
    for found in asic.verify(made.TAMPERED[shape](pki, jan, PAYLOAD).data):
        assert found.integrity is not Integrity.OK or found.failure is not None
        assert found.payload is None or found.failure is not None


Change = Callable[[Files], Files]
Make = Callable[[Pki, Signer, Files], Files]


def with_one_xades(pki: Pki, signer: Signer, data: Files) -> Files:
    return with_xades(pki, [signer], data)


MAKERS: dict[str, Make] = {"xades": with_one_xades, "cades-e": with_cades_e, "cades-s": with_cades_s}


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize(
    "extra", ["aneks.txt", "META-INF/aneks.txt", "META-INF/container.xml", "meta-inf/manifest.xml"]
)
def test_file_added_later(make: str, extra: str, pki: Pki, jan: Signer) -> None:
    """Of ASiC-S without a manifest nobody can say any more which file is signed."""
    found = one(pack({**MAKERS[make](pki, jan, DATA), extra: b"Nowy adres: zlodziej@obcy.example"}))
    if make == "cades-s":
        assert (found.integrity, found.sub_indication) == (Integrity.UNREADABLE, SubIndication.SIGNED_DATA_NOT_FOUND)
    else:
        assert (found.integrity, found.scope, found.uncovered) == (Integrity.OK, Scope.PARTIAL, (extra,))
        assert found.failure is not None
        assert found.failure.code == "NOT_WHOLE_FILE"
    assert found.payload is None


@pytest.mark.parametrize(
    "extra", ["META-INF/manifest.xml", "META-INF/ASiCArchiveManifest.xml", "META-INF/timestamp1.tst"]
)
def test_files_of_asic_itself_are_no_documents(extra: str, pki: Pki, jan: Signer) -> None:
    assert one(pack({**with_one_xades(pki, jan, DATA), extra: b"<x/>"})).scope is Scope.FULL


@pytest.mark.parametrize("make", ["xades", "cades-e"])
def test_several_signed_files_are_for_a_person(make: str, pki: Pki, jan: Signer) -> None:
    found = one(pack(MAKERS[make](pki, jan, MORE)))
    assert (found.integrity, found.scope, found.uncovered, found.payload) == (Integrity.OK, Scope.FULL, (), None)
    assert found.failure is not None
    assert found.failure.code == "SEVERAL_FILES"


def test_two_signatures_over_different_files(pki: Pki, jan: Signer) -> None:
    """Each leaves out what the other signs: together they cover all, none of them does."""
    first, second = ({name: content} for name, content in MORE.items())
    files = {**MORE, "META-INF/signatures1.xml": with_one_xades(pki, jan, first)[made.SIGNATURES]}
    files["META-INF/signatures2.xml"] = with_one_xades(pki, jan, second)[made.SIGNATURES]
    found = asic.verify(pack(files))
    assert [e.uncovered for e in found] == [tuple(second), tuple(first)]
    assert {e.scope for e in found} == {Scope.PARTIAL}


def manifest(pki: Pki, signer: Signer, text: str) -> Files:
    """A container whose manifest is ``text``, signed as it stands."""
    octets = text.encode()
    signature = cms_writer.write(octets, [signer], CmsStyle(signing_time=signing_time(pki)))
    return {**DATA, "META-INF/ASiCManifest.xml": octets, "META-INF/signature.p7s": signature}


METHODS: dict[str, str] = {str(name): uri for name, uri in DIGESTS.items()} | {
    "md5": "http://www.w3.org/2001/04/xmldsig-more#md5",
    "sha3_256": "http://www.w3.org/2007/05/xmldsig-more#sha3-256",
}


def reference(uri: str = "wniosek.txt", digest: str = "sha256", value: bytes | None = None) -> str:
    value = hashlib.new(digest, PAYLOAD).digest() if value is None else value
    return (
        f'<DataObjectReference URI="{uri}"><d:DigestMethod Algorithm="{METHODS[digest]}"/>'
        f"<d:DigestValue>{base64(value)}</d:DigestValue></DataObjectReference>"
    )


def listed(*references: str, start: str = "", of: str = "META-INF/signature.p7s") -> str:
    inner = f'<SigReference URI="{of}"/>' + "".join(references)
    return f'{start}<ASiCManifest xmlns="{ASIC}" xmlns:d="{DS}">{inner}</ASiCManifest>'


MANIFESTS: dict[str, tuple[str, Integrity, str]] = {
    "wrong digest": (listed(reference(value=b"x" * 32)), Integrity.BROKEN, "DOCUMENT_CHANGED"),
    "short digest": (listed(reference(value=b"")), Integrity.BROKEN, "DOCUMENT_CHANGED"),
    "no such file": (listed(reference("inny.txt")), Integrity.BROKEN, "ASIC_FILE_MISSING"),
    "path outside": (listed(reference("../../etc/passwd")), Integrity.BROKEN, "ASIC_FILE_MISSING"),
    "address": (listed(reference("http://obcy.example/")), Integrity.BROKEN, "ASIC_FILE_MISSING"),
    "md5": (listed(reference(digest="md5")), Integrity.UNREADABLE, "ASIC_MANIFEST"),
    "other signature": (listed(reference(), of="META-INF/signature2.p7s"), Integrity.UNREADABLE, "ASIC_MANIFEST"),
    "no xml": ("a manifest", Integrity.UNREADABLE, "ASIC_XML"),
    "dtd": (listed(reference(), start='<!DOCTYPE a [<!ENTITY b "c">]>'), Integrity.UNREADABLE, "ASIC_XML"),
}


@pytest.mark.parametrize("name", MANIFESTS)
def test_manifest_that_says_something_else(name: str, pki: Pki, jan: Signer) -> None:
    text, integrity, code = MANIFESTS[name]
    found = one(pack(manifest(pki, jan, text)))
    assert (found.integrity, found.failure and found.failure.code, found.payload) == (integrity, code, None)


def test_manifest_without_references_signs_nothing(pki: Pki, jan: Signer) -> None:
    found = one(pack(manifest(pki, jan, listed())))
    assert (found.scope, found.uncovered) == (Scope.PARTIAL, ("wniosek.txt",))


def test_weak_digest_of_a_manifest_is_named(pki: Pki, jan: Signer) -> None:
    found = one(pack(manifest(pki, jan, listed(reference(digest="sha1")))))
    assert found.integrity is Integrity.OK
    assert "sha1" in found.algorithms


def test_sha3_in_a_manifest(pki: Pki, jan: Signer) -> None:
    found = one(pack(manifest(pki, jan, listed(reference(digest="sha3_256")))))
    assert (found.integrity, found.scope) == (Integrity.OK, Scope.FULL)
    assert "sha3-256" in found.algorithms


def test_other_names_for_the_same_file(pki: Pki, jan: Signer) -> None:
    for uri in ("wniosek.txt", "./wniosek.txt", "wniosek%2Etxt"):
        assert one(pack(manifest(pki, jan, listed(reference(uri))))).scope is Scope.FULL


def test_attached_signature_does_not_stand_for_the_file(pki: Pki, jan: Signer) -> None:
    style = CmsStyle(signing_time=signing_time(pki), detached=False)
    attached = cms_writer.write(b"something else", [jan], style)
    found = one(pack({**DATA, "META-INF/signature.p7s": attached}))
    assert (found.integrity, found.failure and found.failure.code) == (Integrity.UNREADABLE, "CONTENT_INSIDE")


@pytest.mark.parametrize("inner", [pack({"a.txt": b"x"}), pack({"a.txt": b"x"}, None), b"Rar!\x1a\x07\x01\x00"])
def test_archive_inside_is_refused(inner: bytes, pki: Pki, jan: Signer) -> None:
    found = one(pack(with_one_xades(pki, jan, {"wniosek.zip": inner})))
    assert (found.integrity, found.failure and found.failure.code) == (Integrity.UNREADABLE, "ASIC_NESTED")


def test_office_document_inside_is_a_document(pki: Pki, jan: Signer) -> None:
    document = pack({"[Content_Types].xml": b"<Types/>", "word/document.xml": b"<w/>"}, None)
    found = one(pack(with_one_xades(pki, jan, {"wniosek.docx": document})))
    assert (found.scope, found.payload) == (Scope.FULL, document)


def test_no_signature_at_all() -> None:
    found = one(pack(DATA))
    assert (found.format, found.integrity, found.scope) == (Format.NONE, Integrity.NOT_SIGNED, Scope.NONE)


def test_no_document_at_all(pki: Pki, jan: Signer) -> None:
    found = one(pack({"META-INF/signature.p7s": with_cades_s(pki, jan, DATA)["META-INF/signature.p7s"]}))
    assert found.integrity is Integrity.UNREADABLE
