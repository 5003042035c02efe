"""Content decides what a file is; its name and its type header do not."""

from __future__ import annotations

import base64
import io
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailbot.signatures import bounds
from mailbot.signatures.detect import Detected, detect, has_office_signature, has_xml_signature, looks_executable

SIGNED_DATA = bytes.fromhex("3082010006092a864886f70d010702a082") + b"\x00" * 200
ENVELOPED = SIGNED_DATA.replace(bytes.fromhex("010702"), bytes.fromhex("010703"))
XML = '<?xml version="1.0"?><a/>'
MIMETYPE = "application/vnd.etsi.asic-e+zip"


def packed(**files: str) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, content in files.items():
            archive.writestr(name.replace("__", "/").replace("_DOT_", "."), content)
    return target.getvalue()


def armoured(label: str, data: bytes) -> bytes:
    return f"-----BEGIN {label}-----\r\n".encode() + base64.encodebytes(data) + f"-----END {label}-----\r\n".encode()


DOCX = packed(**{"[Content_Types].xml": "<Types/>", "word/document.xml": "<w/>"})
ODT = packed(mimetype="application/vnd.oasis.opendocument.text", **{"content.xml": "<o/>"})
SIGNED_ODT = packed(
    mimetype="application/vnd.oasis.opendocument.text",
    **{"META-INF/documentsignatures.xml": "<s/>", "content.xml": "x"},
)
LOCKED_ODT = packed(
    mimetype="application/vnd.oasis.opendocument.text",
    **{"META-INF/manifest.xml": "<manifest:encryption-data/>", "content.xml": "x"},
)

FILES: dict[str, tuple[bytes, Detected]] = {
    "pdf": (b"%PDF-1.7\n1 0 obj", Detected.PDF),
    "pdf after junk": (b"\x00\x01junk" * 100 + b"%PDF-1.4", Detected.PDF),
    "pdf mark too late": (b"\x00" * 1024 + b"%PDF-1.4", Detected.OTHER),
    "pdf encrypted": (b"%PDF-1.7\ntrailer << /Encrypt 5 0 R /Root 1 0 R >>", Detected.CONTAINER),
    "xml": (XML.encode(), Detected.XML),
    "xml after a mark and blanks": (b"\xef\xbb\xbf \r\n\t" + XML.encode(), Detected.XML),
    "xml utf-16 with a mark": (XML.encode("utf-16"), Detected.XML),
    "xml utf-16-be without": (XML.encode("utf-16-be"), Detected.XML),
    "xml with a pdf inside": (b"<a>%PDF-1.7</a>", Detected.XML),
    "cms der": (SIGNED_DATA, Detected.CMS),
    "cms ber": (b"\x30\x80" + SIGNED_DATA[4:], Detected.CMS),
    "cms with a pdf inside": (SIGNED_DATA[:40] + b"%PDF-1.7", Detected.CMS),
    "cms pem": (armoured("PKCS7", SIGNED_DATA), Detected.CMS),
    "cms pem after words": (b"Podpis:\n" + armoured("CMS", SIGNED_DATA), Detected.CMS),
    "cms base64": (base64.encodebytes(SIGNED_DATA), Detected.CMS),
    "cms base64 in one line": (b"\n" + base64.b64encode(SIGNED_DATA), Detected.CMS),
    "cms enveloped": (ENVELOPED, Detected.CONTAINER),
    "cms enveloped pem": (armoured("PKCS7", ENVELOPED), Detected.CONTAINER),
    "cms authenticated": (
        bytes.fromhex("30820100060b2a864886f70d0109100117a082") + b"\x00" * 99,
        Detected.CONTAINER,
    ),
    "certificate": (bytes.fromhex("308201003081f0a003020102") + b"\x00" * 99, Detected.OTHER),
    "asic by mimetype": (packed(mimetype=MIMETYPE, **{"a.txt": "x"}), Detected.ASIC),
    "asic by signature": (packed(**{"a.txt": "x", "META-INF/signatures0.xml": "<s/>"}), Detected.ASIC),
    "asic cut": (packed(mimetype=MIMETYPE, **{"a.txt": "x" * 500})[:400], Detected.ASIC),
    "asic with something behind": (packed(mimetype=MIMETYPE) + b"behind", Detected.ASIC),
    "docx": (DOCX, Detected.OFFICE),
    "odt": (ODT, Detected.OFFICE),
    "odt signed": (SIGNED_ODT, Detected.OFFICE),
    "odt with password": (LOCKED_ODT, Detected.CONTAINER),
    "zip": (packed(**{"wniosek.pdf": "%PDF-1.7"}), Detected.CONTAINER),
    "zip empty": (packed(), Detected.CONTAINER),
    "zip broken": (b"PK\3\4 and nothing", Detected.CONTAINER),
    "7z": (b"7z\xbc\xaf\x27\x1c\x00\x04", Detected.CONTAINER),
    "rar": (b"Rar!\x1a\x07\x01\x00", Detected.CONTAINER),
    "gzip": (b"\x1f\x8b\x08\x00", Detected.CONTAINER),
    "tar": (b"wniosek.pdf".ljust(257, b"\0") + b"ustar\x0000", Detected.CONTAINER),
    "doc": (bytes.fromhex("d0cf11e0a1b11ae1") + b"\x00" * 600, Detected.OFFICE),
    "docx with password": (
        bytes.fromhex("d0cf11e0a1b11ae1") + b"\x00" * 600 + "EncryptedPackage".encode("utf-16-le"),
        Detected.CONTAINER,
    ),
    "rtf": (rb"{\rtf1\ansi Wniosek}", Detected.RTF),
    "jpeg": (b"\xff\xd8\xff\xe0\x00\x10JFIF", Detected.IMAGE),
    "png": (b"\x89PNG\r\n\x1a\n", Detected.IMAGE),
    "heic": (b"\x00\x00\x00\x18ftypheic", Detected.IMAGE),
    "tiff": (b"II*\x00\x08", Detected.IMAGE),
    "text": ("Wniosek o zmianę hasła\r\n".encode(), Detected.TEXT),
    "text cp1250": ("Wniosek o zmianę hasła".encode("cp1250"), Detected.TEXT),
    "text like base64": (b"MIMO WSZYSTKO prosze o haslo, MIALEM je w notesie.", Detected.TEXT),
    "text about MZ": (b"MZ to skrot od Ministerstwa Zdrowia", Detected.TEXT),
    "binary": (bytes(range(256)), Detected.OTHER),
    "program": (b"MZ\x90\x00\x03\x00\x00\x00", Detected.EXECUTABLE),
    "program and pdf": (b"MZ\x90\x00" + b"%PDF-1.7", Detected.EXECUTABLE),
    "elf": (b"\x7fELF\x02\x01", Detected.EXECUTABLE),
    "script": (b"#!/bin/sh\nrm", Detected.EXECUTABLE),
    "batch": (b"@ECHO OFF\r\ndel", Detected.EXECUTABLE),
    "empty": (b"", Detected.EMPTY),
    "too big": (b"%PDF-" + bytes(bounds.FILE_MAX), Detected.TOO_BIG),
}


@pytest.mark.parametrize("name", FILES)
def test_kind(name: str) -> None:
    data, kind = FILES[name]
    assert detect(data) is kind


@given(
    st.binary(max_size=400), st.sampled_from([b"", b"PK\3\4", b"<", b"\x30\x80\x06", b"MII", b"%PDF-", b"\xff\xfe<\0"])
)
def test_any_bytes_are_something(data: bytes, start: bytes) -> None:
    assert detect(start + data) in Detected


@pytest.mark.parametrize(
    ("name", "dangerous"),
    [
        ("wniosek.pdf", False),
        ("wniosek.pdf.exe", True),
        ("WNIOSEK.PDF.SCR", True),
        ("wniosek.exe.", True),
        ("wniosek.exe  ", True),
        ("wniosek\u202efdp.exe", True),
        ("wniosek.ex\u200be", True),
        ("wniosek.js", True),
        ("wniosek.lnk", True),
        ("exe", False),
        ("wniosek.com.pl.pdf", False),
        ("wniosek.docx", False),
        ("wniosek.p7m", False),
        ("", False),
    ],
)
def test_name_of_a_program(name: str, dangerous: bool) -> None:
    assert looks_executable(name, b"%PDF-1.7") is dangerous


def test_content_of_a_program_under_a_good_name() -> None:
    assert looks_executable("wniosek.pdf", b"MZ\x90\x00\x03")


def test_signatures_of_office_and_xml_are_seen() -> None:
    assert has_office_signature(SIGNED_ODT)
    assert not has_office_signature(ODT)
    assert not has_office_signature(b"PK\3\4broken")
    signed = '<a xmlns:ds="http://www.w3.org/2000/09/xmldsig#"/>'
    assert has_xml_signature(signed.encode("utf-16"))
    assert has_xml_signature(signed.encode())
    assert not has_xml_signature(XML.encode())
