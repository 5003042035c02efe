"""Files inside signed XML."""

from __future__ import annotations

from base64 import b64encode

import pytest

from mailbot.signatures import wrappers
from mailbot.signatures.report import Evidence, Format, Integrity, Scope

STRUCTURE = "http://crd.gov.pl/xml/schematy/struktura/2009/11/16/"
SPACE = "http://epuap.gov.pl/fe-model-web/wzor_lokalny/EPUAP-----/podpisanyPlik/"
FILE = b"%PDF-1.7 wniosek"


def attachment(content: bytes = FILE, name: str = "d25pb3Nlay5wZGY=", coding: str = "base64") -> str:
    data = f"<s:DaneZalacznika>{b64encode(content).decode()}</s:DaneZalacznika>"
    return f'<s:Zalacznik kodowanie="{coding}" nazwaPliku="{name}">{data}</s:Zalacznik>'


def evidence(payload: bytes, form: Format = Format.XADES_ENVELOPED) -> Evidence:
    return Evidence(form, Integrity.OK, Scope.FULL, payload=payload)


def wrapped(inside: str, space: str = SPACE) -> Evidence:
    text = f'<w:Dokument xmlns:w="{space}" xmlns:s="{STRUCTURE}"><s:Zalaczniki>{inside}</s:Zalaczniki></w:Dokument>'
    return wrappers.unwrap(evidence(text.encode()))


def test_one_file() -> None:
    found = wrapped(attachment())
    assert (found.wrapper, found.payload, found.payload_name) == ("podpisanyPlik", FILE, "wniosek.pdf")


def in_a_body(inside: str) -> str:
    return f"<w:TrescDokumentu><s:Zalaczniki>{attachment()}</s:Zalaczniki>{inside}</w:TrescDokumentu>"


@pytest.mark.parametrize(
    ("inside", "whole"),
    [
        (in_a_body(""), False),
        (in_a_body("<s:Wartosc> </s:Wartosc>"), False),
        (in_a_body("<s:Wartosc>Nie wyrażam zgody</s:Wartosc>"), True),
        ("<w:OpisDokumentu>Wniosek</w:OpisDokumentu>" + in_a_body(""), False),
        (attachment() + "<s:Opis>Nie wyrażam zgody</s:Opis>", True),
    ],
)
def test_a_text_beside_the_file_belongs_to_the_application(inside: str, whole: bool) -> None:
    found = wrapped(inside)
    assert (found.payload != FILE, "several_files" in found.flags) == (whole, whole)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("", ""),
        ("wniosek ż.pdf", "wniosek ż.pdf"),
        (b64encode("żółć.pdf".encode()).decode(), "żółć.pdf"),
        (b64encode(b"../../etc/passwd").decode(), "../../etc/passwd"),
        (b64encode(b"\xff\xfe").decode(), "//4="),
    ],
)
def test_the_name_is_text(name: str, expected: str) -> None:
    assert wrapped(attachment(name=name)).payload_name == expected


@pytest.mark.parametrize(
    "inside",
    [attachment() + attachment(b"drugi"), "", attachment(coding="XML"), attachment().replace("JVBE", "!!!!")],
    ids=["several", "none", "other-coding", "broken-base64"],
)
def test_what_is_not_one_file_stays_as_it_was_signed(inside: str) -> None:
    found = wrapped(inside)
    assert found.payload is not None
    assert found.payload.startswith(b"<w:Dokument")
    assert found.payload_name == ""
    assert ("several_files" in found.flags) == (inside.count("<s:Zalacznik ") > 1)


def test_another_namespace_is_no_wrapper() -> None:
    assert wrapped(attachment(), "http://obcy.example/podpisanyPlik/").wrapper is None


DS = "http://www.w3.org/2000/09/xmldsig#"


def held(inside: str, attributes: str = "") -> bytes | None:
    text = f'<ds:Object xmlns:ds="{DS}"{attributes}>{inside}</ds:Object>'
    return wrappers.unwrap(evidence(text.encode(), Format.XADES_ENVELOPING)).payload


def test_what_an_object_holds() -> None:
    assert held("V25pb3Nlaw==", f' Encoding="{DS}base64"') == b"Wniosek"
    inner = held(" <a xmlns='urn:a'><b>x</b></a>\n")
    assert inner == f'<a xmlns="urn:a" xmlns:ds="{DS}"><b>x</b></a>'.encode()


@pytest.mark.parametrize("inside", ["<a/><b/>", "<a/>tekst", "tekst", "Vn="])
def test_an_object_that_holds_more_or_less_stays(inside: str) -> None:
    found = held(inside)
    assert found is not None
    assert found.startswith(b"<ds:Object")


def test_a_decoded_file_stays() -> None:
    for payload in (FILE, b"<a>podpisanyPlik</a>", b"<zle podpisanyPlik"):
        assert wrappers.unwrap(evidence(payload)).payload == payload
    detached = evidence(b"<a/>", Format.XADES_DETACHED)
    assert wrappers.unwrap(detached) is detached
