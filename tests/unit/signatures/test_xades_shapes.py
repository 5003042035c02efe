"""XAdES as citizens produce it: every shape verifies, with every kind of key, and gives exactly what was signed."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from lxml import etree

from fixtures.signing.keys import KeyKind
from fixtures.signing.people import ANNA, JAN
from fixtures.signing.pki import Pki
from fixtures.signing.xades import RSA_SHAPES, SHAPES, WEAK, Signed
from fixtures.signing.xades_shapes import as_document
from mailbot.signatures.report import Evidence, Format, Integrity, Scope
from mailbot.signatures.xades import core

PKI = Pki()
PAYLOAD = "Wniosek o zmianę adresu. Jan Kowalski, login jan@stary.example, nowy jan@nowy.example <&>\n".encode()
NAME = "wniosek.pdf"


def check(signed: Signed) -> Evidence:
    files = {} if signed.content is None else {NAME: signed.content}
    (evidence,) = core.verify(signed.data, files)
    return evidence


def text(payload: bytes | None) -> str:
    """What a person reads: the payload itself or the text of the XML around it."""
    assert payload is not None
    if payload.startswith(b"<"):
        root = etree.fromstring(payload)
        return root.findtext("{*}Tresc") or ""
    return payload.decode()


@pytest.mark.parametrize("key", ["rsa-2048", "p256", "p384"])
@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_verifies(shape: str, key: KeyKind) -> None:
    signer = PKI.person(JAN, key=key)
    evidence = check(SHAPES[shape](PKI, signer, PAYLOAD))
    assert (evidence.integrity, evidence.scope, evidence.failure) == (Integrity.OK, Scope.FULL, None)
    assert evidence.sub_indication is None
    assert evidence.uncovered == ()
    assert text(evidence.payload) == PAYLOAD.decode()
    assert evidence.claimed_time == datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
    assert evidence.signature_value
    kind = shape.split("-")[0]
    expected = {"enveloped": Format.XADES_ENVELOPED, "enveloping": Format.XADES_ENVELOPING}
    assert evidence.format is expected.get(kind, evidence.format)
    if kind != "pz":
        assert evidence.certificate == signer.der
        assert evidence.personal == ()
        name = {"rsa-2048": "rsa-2048", "p256": "ecdsa-p256", "p384": "ecdsa-p384"}[key]
        assert name in evidence.algorithms


@pytest.mark.parametrize("shape", RSA_SHAPES)
def test_other_rsa_values_verify(shape: str) -> None:
    evidence = check(RSA_SHAPES[shape](PKI, PKI.person(JAN), PAYLOAD))
    assert (evidence.integrity, evidence.scope) == (Integrity.OK, Scope.FULL)
    assert ("rsa-pss" in evidence.algorithms) == (shape == "enveloped-pss")
    assert (evidence.flags == ("rsa_digestinfo_without_null",)) == (shape == "enveloped-no-null")


@pytest.mark.parametrize("shape", WEAK)
def test_sha1_is_evidence_for_the_policy(shape: str) -> None:
    evidence = check(WEAK[shape](PKI, PKI.person(JAN), PAYLOAD))
    assert evidence.integrity is Integrity.OK
    assert "sha1" in evidence.algorithms


@pytest.mark.parametrize("shape", [name for name in SHAPES if name.startswith("pz-")])
def test_podpis_zaufany_names_the_citizen(shape: str) -> None:
    evidence = check(SHAPES[shape](PKI, PKI.person(ANNA), PAYLOAD))
    personal = dict(evidence.personal)
    assert (personal["given"], personal["surname"], personal["pesel"]) == ("ANNA", "NOWAK", ANNA.pesel)
    assert personal["source"] == ("PodpisZP" if "old" in shape else "EPSignature")
    assert personal.get("birth_date") == (None if "old" in shape else "2002-07-08")
    assert ("rsa_digestinfo_without_null" in evidence.flags) == (not shape.endswith("-null"))
    assert ANNA.pesel not in repr(evidence)


def test_the_wrapper_of_gov_pl_gives_the_file_and_its_name() -> None:
    evidence = check(SHAPES["pz-podpisany-plik"](PKI, PKI.person(JAN), PAYLOAD))
    assert (evidence.wrapper, evidence.payload, evidence.payload_name) == ("podpisanyPlik", PAYLOAD, "wniosek.pdf")


def test_the_root_signatures_is_named() -> None:
    evidence = check(SHAPES["enveloping-signatures-root"](PKI, PKI.person(JAN), PAYLOAD))
    assert (evidence.wrapper, evidence.payload) == ("Signatures", PAYLOAD)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "iso-8859-2", "windows-1250"])
def test_the_encoding_of_the_file_does_not_matter(encoding: str) -> None:
    """Canonical XML is over characters: a file saved again in another encoding is still signed."""
    made = SHAPES["enveloped"](PKI, PKI.person(JAN), PAYLOAD).data.decode()
    saved = re.sub(r"^<\?xml[^>]*>", f"<?xml version='1.0' encoding='{encoding}'?>", made).encode(encoding)
    evidence = check(Signed(saved))
    assert (evidence.integrity, evidence.scope) == (Integrity.OK, Scope.FULL)
    assert text(evidence.payload) == PAYLOAD.decode()


def test_a_file_as_large_as_gov_pl_allows() -> None:
    """10 MB are 13.3 MB of base64 in one text node, more than libxml2 takes by itself."""
    payload = bytes(range(256)) * 39_063
    evidence = check(SHAPES["pz-podpisany-plik"](PKI, PKI.person(JAN), payload))
    assert (evidence.integrity, evidence.payload == payload) == (Integrity.OK, True)


def test_the_payload_is_what_was_digested() -> None:
    """Without the signature, and in canonical form."""
    evidence = check(SHAPES["enveloped-xpath"](PKI, PKI.person(JAN), PAYLOAD))
    document = etree.fromstring(as_document(PAYLOAD))
    assert evidence.payload == etree.tostring(document, method="c14n")


def test_a_detached_signature_alone_says_so() -> None:
    signed = SHAPES["detached-full-path"](PKI, PKI.person(JAN), PAYLOAD)
    (evidence,) = core.verify(signed.data)
    assert evidence.failure is not None
    assert evidence.failure.code == "DETACHED_ONLY"
    assert (evidence.format, evidence.integrity) == (Format.XADES_DETACHED, Integrity.UNREADABLE)


@pytest.mark.parametrize(
    "names", [("wniosek.pdf", "inny.pdf"), ("inny.pdf", "zmieniona nazwa.pdf")], ids=["by-name", "by-digest"]
)
def test_a_detached_signature_finds_its_file(names: tuple[str, str]) -> None:
    signed = SHAPES["detached"](PKI, PKI.person(JAN), PAYLOAD)
    files = dict.fromkeys(names, b"inna tresc") | {names[0] if "wniosek.pdf" in names else names[1]: PAYLOAD}
    ((evidence, covered),) = core.verify_with_files(signed.data, files)
    assert (evidence.integrity, evidence.scope, evidence.payload) == (Integrity.OK, Scope.FULL, PAYLOAD)
    assert evidence.payload_name == "wniosek.pdf"
    assert {files[name] for name in covered} == {PAYLOAD}


def test_xml_without_a_signature_is_not_signed() -> None:
    (evidence,) = core.verify(as_document(PAYLOAD))
    assert (evidence.format, evidence.integrity) == (Format.NONE, Integrity.NOT_SIGNED)
