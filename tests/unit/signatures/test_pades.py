"""PDF signatures: every shape citizens send, every attack, and bytes that are no PDF at all."""

from __future__ import annotations

import io
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from asn1crypto import keys as asn1_keys
from asn1crypto import x509 as asn1_x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given, settings
from hypothesis import strategies as st
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.pdf_utils.writer import copy_into_new_writer
from pyhanko.sign import signers
from pyhanko.sign.fields import SigSeedSubFilter
from pyhanko_certvalidator.registry import SimpleCertificateStore

from fixtures.signing import cms_writer, pdf, pdf_shapes
from fixtures.signing.cms_writer import CmsStyle
from fixtures.signing.keys import KeyKind
from fixtures.signing.pdf_attacks import THIEF
from fixtures.signing.pdf_sign import PdfStyle, sign
from fixtures.signing.pdf_writer import CATALOG, Pdf, document, stream
from fixtures.signing.pdf_writer import TEXT as TEXT_OBJECT
from fixtures.signing.people import JAN
from fixtures.signing.pki import Pki, Signer
from fixtures.signing.xades_shapes import signing_time
from mailbot.signatures import pades
from mailbot.signatures.report import Evidence, Format, Integrity, Scope
from tests.support import examples

TEXT = b"Wniosek Jana Kowalskiego, nowy adres: jan@nowy.example"
SENTENCE = "Opatrzono pieczęcią ministra właściwego do spraw informatyzacji w imieniu: "


@cache
def pki() -> Pki:
    return Pki()


@cache
def jan(key: KeyKind = "rsa-2048") -> Signer:
    return pki().person(JAN, key=key)


def one(data: bytes) -> Evidence:
    (found,) = pades.verify(data)
    return found


def signed(style: PdfStyle | None = None, text: Pdf | None = None) -> bytes:
    return bytes(sign(text or pdf.base(TEXT), [jan()], style or PdfStyle()).data)


def code(found: Evidence) -> str | None:
    return found.failure.code if found.failure else None


# ---------------------------------------------------------------------------------------------------- valid


VALID = [(name, shape, key) for name, shape in pdf.SHAPES.items() for key in ("rsa-2048", "rsa-3072", "p256", "p384")]
VALID += [(name, shape, "rsa-2048") for name, shape in {**pdf.RSA_SHAPES, **pdf.WEAK}.items()]


@pytest.mark.parametrize(("name", "shape", "key"), VALID, ids=lambda value: value if isinstance(value, str) else "")
def test_valid_shape_is_intact_and_whole(name: str, shape: pdf.Shape, key: KeyKind) -> None:
    data = shape(pki(), jan(key), TEXT).data
    found = one(data)
    signer = pki().seal(JAN, form="old" if name == "pz-old-seal" else "2024") if name.startswith("pz") else jan(key)
    assert (found.format, found.integrity, found.scope) == (Format.PADES, Integrity.OK, Scope.FULL)
    assert (found.failure, found.sub_indication, found.uncovered) == (None, None, ())
    assert found.payload == data
    assert found.certificate == signer.der
    assert signer.der not in found.certificates
    assert found.signature_value


@pytest.mark.parametrize(
    ("shape", "algorithms"),
    [
        ("pades", ("sha256", "rsa-2048")),
        ("pades-sha512", ("sha512", "rsa-2048")),
        ("pades-pss", ("sha256", "rsa-pss", "rsa-2048")),
        ("sha1", ("sha1", "rsa-2048")),
    ],
)
def test_algorithms_are_named_for_the_policy(shape: str, algorithms: tuple[str, ...]) -> None:
    shapes = pdf.SHAPES | pdf.RSA_SHAPES | pdf.WEAK
    assert one(shapes[shape](pki(), jan(), TEXT).data).algorithms == algorithms


@pytest.mark.parametrize(("key", "name"), [("p256", "ecdsa-p256"), ("p384", "ecdsa-p384")])
def test_curves_are_named(key: KeyKind, name: str) -> None:
    assert one(pdf.SHAPES["pades"](pki(), jan(key), TEXT).data).algorithms == ("sha256", name)


def test_time_comes_from_the_attribute_or_the_dictionary() -> None:
    when = signing_time(pki())
    for name in ("pz", "adbe", "pades"):
        assert one(pdf.SHAPES[name](pki(), jan(), TEXT).data).claimed_time == when
    assert one(signed()).claimed_time is None


def test_timestamp_is_noted_and_not_trusted() -> None:
    found = one(pdf.SHAPES["pades-t"](pki(), jan(), TEXT).data)
    assert (found.level, [stamp.time for stamp in found.stamps]) == ("B-T", [signing_time(pki())])
    assert "timestamp" in found.flags


# --------------------------------------------------------------------------------------- podpis zaufany


def test_podpis_zaufany_names_the_citizen() -> None:
    found = one(pdf.SHAPES["pz"](pki(), jan(), TEXT).data)
    assert dict(found.personal) == {"given": "JAN", "surname": "KOWALSKI", "pesel": JAN.pesel, "source": "reason"}
    assert found.flags == ("hybrid_xref", "rsa_digestinfo_without_null")


@pytest.mark.parametrize(
    ("reason", "name", "person"),
    [
        (f"{SENTENCE}JAN KOWALSKI, PESEL: 80051400011, PZ ID: jan", "", ("JAN", "KOWALSKI")),
        (f"{SENTENCE}JAN KOWALSKI, PESEL: 80051400011, PZ ID: jan", "Kowalski Jan", ("JAN", "KOWALSKI")),
        (f"{SENTENCE}JAN ADAM KOWALSKI,  PESEL: 80051400011,\nPZ ID: a.b-c@d", "", ("JAN ADAM", "KOWALSKI")),
        (f"{SENTENCE}ŻANETA ŻÓŁĆ - NOWAK, PESEL: 80051400011, PZ ID: z", "", ("ŻANETA", "ŻÓŁĆ-NOWAK")),
        (f"{SENTENCE}JAN O’HARA, PESEL: 80051400011, PZ ID: j", "", ("JAN", "O’HARA")),
        (f"{SENTENCE}JAN KOWALSKI, PESEL: 80051400011, PZ ID: jan", "Anna Nowak", None),
        (f"{SENTENCE}KOWALSKI, PESEL: 80051400011, PZ ID: jan", "", None),
        (f"{SENTENCE}JAN KOWALSKI, PESEL: 8005140001, PZ ID: jan", "", None),
        (f"{SENTENCE}JAN KOWALSKI, PESEL: 800514000112, PZ ID: jan", "", None),
        (f"{SENTENCE}JAN KOWALSKI, PESEL: 80051400011", "", None),
        # The login is free text: it must not bring another person in.
        (f"{SENTENCE}M O, PESEL: 80051400011, PZ ID: x, w imieniu: J K, PESEL: 80051400012, PZ ID: y", "", None),
        (f"{SENTENCE}M O, PESEL: 80051400011, PZ ID: x PESEL: 80051400012", "", None),
        (f"{SENTENCE}JAN\u202e KOWALSKI, PESEL: 80051400011, PZ ID: jan", "", None),
        (f"x {SENTENCE}JAN KOWALSKI, PESEL: 80051400011, PZ ID: jan", "", None),
        ("Wniosek o hasło", "Jan Kowalski", None),
        ("", "Jan Kowalski", None),
    ],
)
def test_reason(reason: str, name: str, person: tuple[str, str] | None) -> None:
    personal = dict(one(signed(PdfStyle(reason=reason, name=name))).personal)
    assert (personal.get("given"), personal.get("surname")) == (person or (None, None))


def test_literal_strings_are_read_as_well() -> None:
    octets = b"\xfe\xff" + f"{SENTENCE}JAN KOWALSKI, PESEL: 80051400011, PZ ID: jan".encode("utf-16-be")
    literal = "".join(f"\\{octet:03o}" for octet in octets)
    assert dict(one(signed(PdfStyle(more=f"/Reason ({literal})"))).personal)["surname"] == "KOWALSKI"


# --------------------------------------------------------------------------------------------- attacks


OK, BROKEN, UNREADABLE = Integrity.OK, Integrity.BROKEN, Integrity.UNREADABLE
ATTACKS: dict[str, tuple[Integrity, Scope, str]] = {
    "byte-flipped": (BROKEN, Scope.NONE, "DOCUMENT_CHANGED"),
    "trailing-bytes": (OK, Scope.PARTIAL, "ADDED_ON_THE_WAY"),
    "update-content": (OK, Scope.PARTIAL, "NOT_WHOLE_FILE"),
    "update-page": (OK, Scope.PARTIAL, "NOT_WHOLE_FILE"),
    "update-annotation": (OK, Scope.PARTIAL, "NOT_WHOLE_FILE"),
    "reason-override": (OK, Scope.PARTIAL, "NOT_WHOLE_FILE"),
    "form-field": (OK, Scope.PARTIAL, "NOT_WHOLE_FILE"),
    "byte-range-short": (BROKEN, Scope.NONE, "DOCUMENT_CHANGED"),
    "byte-range-late": (UNREADABLE, Scope.NONE, "SIGNATURE_UNREADABLE"),
    "byte-range-negative": (UNREADABLE, Scope.NONE, "SIGNATURE_UNREADABLE"),
    "byte-range-odd": (UNREADABLE, Scope.NONE, "SIGNATURE_UNREADABLE"),
    "byte-range-missing": (UNREADABLE, Scope.NONE, "SIGNATURE_UNREADABLE"),
    "contents-zero": (UNREADABLE, Scope.NONE, "SIGNATURE_UNREADABLE"),
    "contents-missing": (UNREADABLE, Scope.NONE, "SIGNATURE_UNREADABLE"),
    "contents-no-hex": (UNREADABLE, Scope.NONE, "SIGNATURE_UNREADABLE"),
    "sub-filter-unknown": (UNREADABLE, Scope.NONE, "SUBFILTER"),
    "certificate-not-named": (BROKEN, Scope.NONE, "CERTIFICATE_MISMATCH"),
    "two-signers": (OK, Scope.PARTIAL, "NOT_WHOLE_FILE"),
    "two-signer-infos": (OK, Scope.PARTIAL, "SEVERAL_SIGNATURES"),
    "revisions": (UNREADABLE, Scope.NONE, "TOO_MANY_REVISIONS"),
    "cut": (UNREADABLE, Scope.NONE, "SIGNATURE_UNREADABLE"),
    "not-pdf": (UNREADABLE, Scope.NONE, "SIGNATURE_UNREADABLE"),
    "contents-huge": (UNREADABLE, Scope.NONE, "TOO_LARGE"),
}
NOT_OURS = {"seal-impostor", "seal-company", "timestamp-fake", "flate-bomb"}
"""Attacks on trust, or on readers of the text: as a signature they are good."""


@pytest.mark.parametrize("name", [*pdf.TAMPERED, *pdf.HOSTILE])
def test_attack(name: str) -> None:
    found = pades.verify((pdf.TAMPERED | pdf.HOSTILE)[name](pki(), jan(), TEXT).data)
    if name in NOT_OURS:
        assert [(e.integrity, e.scope) for e in found] == [(OK, Scope.FULL)]
        return
    assert (found[0].integrity, found[0].scope, code(found[0])) == ATTACKS[name]
    for evidence in found:
        assert evidence.scope is not Scope.FULL
        assert (evidence.payload, evidence.personal) == (None, ())
        assert evidence.sub_indication


def test_second_signer_is_no_better() -> None:
    first, second = pades.verify(pdf.TAMPERED["two-signers"](pki(), jan(), TEXT).data)
    assert (code(first), code(second)) == ("NOT_WHOLE_FILE", "SEVERAL_SIGNATURES")


def _fake_dictionary(text: Pdf) -> int:
    """Adds a signature dictionary that names a victim to a document somebody will have sealed; its number."""
    number = text.next_number
    style = pdf_shapes.trusted_style(pki(), THIEF)
    reason = style.reason.encode("utf-16-be").hex()
    body = (
        f"<< /Type /Sig /SubFilter /ETSI.CAdES.detached /ByteRange [0 9 10 9] /Contents <30> /Reason <FEFF{reason}> >>"
    )
    text.save({number: body.encode()})
    return number


def test_dictionary_planted_before_the_seal_is_not_read() -> None:
    text = pdf.base(TEXT)
    _fake_dictionary(text)
    found = one(bytes(sign(text, [pki().seal(JAN)], pdf_shapes.trusted_style(pki(), JAN)).data))
    assert dict(found.personal)["surname"] == "KOWALSKI"


def test_field_planted_before_the_seal_spoils_the_file() -> None:
    text = pdf.base(TEXT)
    fake = _fake_dictionary(text)
    field = text.next_number
    catalog = text.objects[CATALOG][:-2] + b"/AcroForm << /Fields [%d 0 R ] /SigFlags 3 >> >>" % field
    text.save({CATALOG: catalog, field: b"<< /FT /Sig /T (x) /V %d 0 R >>" % fake})
    found = pades.verify(bytes(sign(text, [pki().seal(JAN)], pdf_shapes.trusted_style(pki(), JAN)).data))
    assert len(found) == 2
    assert all(not evidence.personal and evidence.scope is not Scope.FULL for evidence in found)


@pytest.mark.parametrize(
    "more",
    [
        "/Reason (b)",
        "/Reas#6fn (b)",
        "/Contents <00>",
        "/X (1 0 obj)",
        "% remark\n",
        "/X",
        "/X [<<]>>",
        "1 2",
        "/X {}",
        "/X (",
        "/Y [ " * 5000,
    ],
)
def test_dictionary_that_readers_could_take_in_two_ways(more: str) -> None:
    found = one(signed(PdfStyle(reason="a", more=more)))
    assert (found.integrity, found.personal) == (UNREADABLE, ())


@pytest.mark.parametrize(
    "more", ["/X [1 [2 << /A (a\\)) >>] 3 0 R]", "/X 3 0 R /Y null", "/X (a(b)c\\\\)", "/X <>", "/X<<>>/Y/Z"]
)
def test_dictionary_with_odd_but_clear_entries(more: str) -> None:
    assert one(signed(PdfStyle(more=more))).scope is Scope.FULL


def _resigned(move: Callable[[int, int], tuple[int, int]]) -> bytes:
    """A file whose signer left another gap than /Contents alone: ``move`` (start, end of the hex string) → the gap."""
    data = bytearray(signed())
    hole = re.search(rb"/Contents (<[0-9a-f]+>)", data)
    assert hole is not None
    start, end = move(*hole.span(1))
    at = data.index(b"/ByteRange [") + len(b"/ByteRange [")
    data[at : at + 48] = f"0 {start} {end} {len(data) - end}".ljust(48).encode()
    value = cms_writer.write(bytes(data[:start] + data[end:]), [jan()]).hex().encode()
    data[hole.start(1) + 1 : hole.end(1) - 1] = value.ljust(len(hole[1]) - 2, b"0")
    return bytes(data)


def test_resigned_is_a_fair_test() -> None:
    assert one(_resigned(lambda start, end: (start, end))).scope is Scope.FULL


@pytest.mark.parametrize("before", [0, 1, 11])
@pytest.mark.parametrize("after", [0, 1, 3])
def test_gap_wider_than_contents(before: int, after: int) -> None:
    found = one(_resigned(lambda start, end: (start - before, end + after)))
    assert found.integrity is OK
    assert found.scope is (Scope.FULL if before == after == 0 else Scope.PARTIAL)


def test_data_hidden_behind_the_cms() -> None:
    data = signed()
    end = data.index(b">", data.index(b"/Contents <"))
    found = one(data[: end - 2] + b"41" + data[end:])
    assert (found.integrity, found.scope, found.uncovered) == (OK, Scope.PARTIAL, ("dane ukryte w /Contents",))


def test_spaces_inside_contents() -> None:
    data = signed()
    end = data.index(b">", data.index(b"/Contents <"))
    assert one(data[: end - 2] + b" \n" + data[end:]).scope is Scope.PARTIAL


def test_cms_with_its_own_content_signs_that_content() -> None:
    found = one(signed(PdfStyle(cms=CmsStyle(detached=False), hole=60_000)))
    assert (found.integrity, code(found)) == (UNREADABLE, "CONTENT_INSIDE")


# ------------------------------------------------------------------------------ no signature, odd files


def test_unsigned() -> None:
    data = bytes(pdf.base(TEXT).data)
    found = one(data)
    assert (found.format, found.integrity, code(found)) == (Format.NONE, Integrity.NOT_SIGNED, "UNSIGNED")
    assert one(pdf.printed("Wniosek")).integrity is Integrity.NOT_SIGNED


def test_signature_that_no_field_leads_to_is_not_called_unsigned() -> None:
    assert one(signed().replace(b"/AcroForm", b"/AcroFarm")).integrity is UNREADABLE


def _with_form(form: bytes, others: dict[int, bytes] | None = None) -> bytes:
    text = pdf.base(TEXT)
    return text.save({CATALOG: text.objects[CATALOG][:-2] + b"/AcroForm " + form + b" >>", **(others or {})})


@pytest.mark.parametrize(
    ("form", "others", "integrity"),
    [
        (b"<< /Fields [] >>", {}, Integrity.NOT_SIGNED),
        (b"<< >>", {}, Integrity.NOT_SIGNED),
        (b"null", {}, Integrity.NOT_SIGNED),
        (b"7", {}, Integrity.NOT_SIGNED),
        (b"<< /Fields [20 0 R] >>", {20: b"<< /FT /Sig /T (a) >>"}, Integrity.NOT_SIGNED),
        (b"<< /Fields [20 0 R] >>", {20: b"<< /FT /Sig /V null >>"}, Integrity.NOT_SIGNED),
        (b"<< /Fields [20 0 R] >>", {20: b"<< /FT /Sig /V 99 0 R >>"}, Integrity.NOT_SIGNED),
        (b"<< /Fields [20 0 R] >>", {20: b"<< /FT /Sig /V << /Type /Sig >> >>"}, UNREADABLE),
        (b"<< /Fields [20 0 R] >>", {20: b"<< /FT /Sig /V 20 0 R >>"}, UNREADABLE),
        (b"<< /Fields [20 0 R] >>", {20: b"<< /FT /Sig /V 4 0 R >>"}, UNREADABLE),
        (b"<< /Fields [20 0 R] >>", {20: b"<< /FT /Sig /Kids [20 0 R] >>"}, UNREADABLE),
        (b"<< /Fields [20 0 R] >>", {20: b"<< /Kids [" + b"20 0 R " * 3000 + b"] >>"}, UNREADABLE),
        (b"<< /Fields 20 0 R >>", {20: b"20 0 R"}, UNREADABLE),
        (b"<< /Fields 3 >>", {}, UNREADABLE),
    ],
)
def test_strange_forms(form: bytes, others: dict[int, bytes], integrity: Integrity) -> None:
    assert one(_with_form(form, others)).integrity is integrity


def test_inherited_field_type() -> None:
    made = sign(pdf.base(TEXT), [jan()])
    widget = next(number for number, body in made.objects.items() if b"/FT /Sig" in body)
    parent = made.next_number
    text = made.copy()
    text.save(
        {
            CATALOG: text.objects[CATALOG].replace(b"%d 0 R" % widget, b"%d 0 R" % parent),
            parent: b"<< /FT /Sig /T (p) /Kids [%d 0 R] >>" % widget,
            widget: text.objects[widget].replace(b"/FT /Sig", b""),
        }
    )
    assert (one(bytes(text.data)).integrity, one(bytes(text.data)).scope) == (OK, Scope.PARTIAL)


STAMP = PdfStyle(sub_filter="ETSI.RFC3161", field="Stamp")


def with_validation_data(made: Pdf) -> Pdf:
    """A document security store with a certificate (EN 319 142-1 §5.4.2), as B-LT has it."""
    made, number = made.copy(), made.next_number
    store = b"/DSS << /Certs [%d 0 R] /VRI << /%040X << /Cert [%d 0 R] >> >> >>" % (number, 7, number)
    made.save(
        {
            CATALOG: made.objects[CATALOG][:-2] + store + b" >>",
            number: stream(jan().chain[0].public_bytes(Encoding.DER)),
        }
    )
    return made


def test_what_is_kept_for_validation_changes_nothing() -> None:
    """B-LT and B-LTA: only the signed revision is read, and it is whole."""
    alone = sign(pdf.base(TEXT), [jan()])
    lasting, unused = with_validation_data(alone), alone.copy()
    unused.save({unused.next_number: b"<< /Nic true >>"})  # nothing refers to it
    for later in (unused, lasting, sign(alone, [pki().tsa], STAMP), sign(lasting, [pki().tsa], STAMP)):
        found = one(bytes(later.data))
        assert (found.integrity, found.scope, found.payload) == (OK, Scope.FULL, bytes(alone.data))
        assert "validation_data_added" in found.flags


def test_more_than_validation_data_is_a_change() -> None:
    later = with_validation_data(sign(pdf.base(TEXT), [jan()]))
    later.save({TEXT_OBJECT: stream(b"BT ET")})
    assert code(one(bytes(later.data))) == "NOT_WHOLE_FILE"


@pytest.mark.parametrize("behind", [b"\n", b"\r\n\r\n", b"\0" * 1_000, b" \t\f\n"])
def test_white_space_behind_the_file_is_nothing(behind: bytes) -> None:
    found = one(signed() + behind)
    assert (found.integrity, found.scope, found.payload) == (OK, Scope.FULL, signed())


@pytest.mark.parametrize("behind", [b"\r\n-- \r\nLista dyskusyjna", b"\xff\xd8\xff" * 90])
def test_what_is_no_pdf_behind_the_file_is_for_a_person(behind: bytes) -> None:
    """A footer of a list, decoded with the base64 of the file, is not the citizen's fault."""
    found = one(signed() + behind)
    assert (found.integrity, found.scope, code(found)) == (OK, Scope.PARTIAL, "ADDED_ON_THE_WAY")


def test_document_timestamp_is_no_signature_of_a_person() -> None:
    stamp = replace(STAMP, cms=CmsStyle(stamped_at=signing_time(pki())))
    found = one(signed(stamp))
    assert (found.format, found.integrity, found.flags) == (Format.NONE, Integrity.NOT_SIGNED, ("doc_timestamp",))
    found = one(bytes(sign(sign(pdf.base(TEXT), [jan()]), [pki().tsa], stamp).data))
    assert (found.integrity, found.scope) == (OK, Scope.FULL)
    assert found.flags == ("doc_timestamp", "validation_data_added", "timestamp")
    found = one(bytes(sign(sign(pdf.base(TEXT), [pki().tsa], stamp), [jan()]).data))
    assert (found.integrity, found.scope) == (OK, Scope.FULL)


def test_a_classic_trailer_that_calls_itself_xref() -> None:
    text = pdf.base(TEXT)
    text.data = bytearray(bytes(text.data).replace(b"trailer\n<< ", b"trailer\n<< /Type /XRef "))
    text.previous = bytes(text.data).rindex(b"xref\n", 0, bytes(text.data).rindex(b"startxref"))
    text.data[bytes(text.data).rindex(b"startxref") :] = b"startxref\n%d\n%%%%EOF\n" % text.previous
    found = one(signed(text=text))
    assert (found.integrity, found.scope) == (OK, Scope.FULL)


def test_a_trailer_that_claims_too_much_is_not_followed() -> None:
    """Where the trailer calls itself a cross-reference stream its size is taken at its word."""
    data = signed()
    for spelt in (b"%trailer\n<<", b"trailer <<", b"/trailer<<"):
        huge = data + b"9 0 obj " + spelt + b" /Type /XRef /Size 99999999 >>\nendobj\n"
        assert one(huge).integrity is UNREADABLE


def test_encrypted() -> None:
    writer: Any = copy_into_new_writer(PdfFileReader(io.BytesIO(signed())))
    writer.encrypt(owner_pass="właściciel", user_pass="")
    out = io.BytesIO()
    writer.write(out)
    assert code(one(out.getvalue())) == "ENCRYPTED"


def test_signature_dictionary_in_an_object_stream() -> None:
    reader = PdfFileReader(io.BytesIO(signed(text=pdf.base(TEXT, "stream"))))
    writer: Any = copy_into_new_writer(reader, writer_kwargs={"stream_xrefs": True})
    field = writer.root["/AcroForm"]["/Fields"][0]
    field["/V"] = writer.add_object(field["/V"], obj_stream=writer.prepare_object_stream())
    out = io.BytesIO()
    writer.write(out)
    assert one(out.getvalue()).integrity is UNREADABLE


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"%PDF-1.7",
        b"%PDF-1.7\nstartxref\n0\n%%EOF",
        b"%PDF-1.7\nstartxref\n-5\n%%EOF",
        b"%PDF-1.7\nstartxref\n99999999999999999999\n%%EOF",
        b"%PDF-1.7\nxref\n0 0\ntrailer\n<< /Size 1 /Prev 9 >>\nstartxref\n9\n%%EOF",
        b"%PDF-1.7\nxref\n0 99999999\ntrailer\n<< /Size 1 >>\nstartxref\n9\n%%EOF",
        b"%PDF-1.7\nxref\n0 0\ntrailer\n<< /Size 1 /Root 1 0 R >>\nstartxref\n9\n%%EOF",
        b"%PDF-1.7\nxref\n0 0\ntrailer\n" + b"<< /A " * 20_000 + b"\nstartxref\n9\n%%EOF",
        b"%PDF-1.7\nxref\n0 0\ntrailer\n" + b"[" * 20_000 + b"\nstartxref\n9\n%%EOF",
    ],
)
def test_malformed(data: bytes) -> None:
    assert one(data).integrity is UNREADABLE
    assert code(one(data)) == "SIGNATURE_UNREADABLE"


@pytest.mark.timeout(10)
@pytest.mark.parametrize(
    "entries",
    [
        b"/Type /XRef /Size 9999999",
        b"/Type /XR#65f /Size 9999999",
        b"/Type /XRef /Size 9 /Index [0 9999999]",
        b"/Type /XRef /Size 9 /#49ndex [0 9999999]",
        b"/Type /XRef /Size 9 /Index 1 0 R",
        b"/A (obj<</Size 1>>) /Type /XRef /Size 9999999",
        b"/A (obj) /Type /XRef /Size 9999999",
        b"/Type /XRef % obj<<\n /Size 9999999",
    ],
)
def test_xref_stream_that_claims_millions_of_objects(entries: bytes) -> None:
    body = b"1 0 obj\n<< /W [9 9 9] /Length 0 %s >>\nstream\nendstream\n" % entries
    assert one(b"%PDF-1.7\n" + body + b"startxref\n9\n%%EOF").integrity is UNREADABLE


# -------------------------------------------------------------------------------------------- properties


@cache
def _sample() -> tuple[bytes, int, int]:
    """A podpis zaufany PDF, start and end of its gap."""
    data = pdf.SHAPES["pz"](pki(), jan(), TEXT).data
    found = re.search(rb"/ByteRange \[0 (\d+) (\d+) ", data)
    assert found is not None
    return data, int(found[1]), int(found[2])


@settings(max_examples=examples(300), deadline=None)
@given(st.integers(0, 10**9), st.integers(1, 255))
def test_no_changed_octet_in_the_covered_range_stays_intact(place: int, change: int) -> None:
    data, gap, end = _sample()
    at = place % (len(data) - (end - gap))
    at += 0 if at < gap else end - gap
    found = pades.verify(data[:at] + bytes([data[at] ^ change]) + data[at + 1 :])
    assert all(evidence.integrity is not OK and not evidence.personal for evidence in found)


@settings(max_examples=examples(150), deadline=None)
@given(st.integers(0, 10**9), st.integers(1, 255))
def test_changes_in_the_gap_never_change_who_signed(place: int, change: int) -> None:
    data, gap, end = _sample()
    at = gap + place % min(end - gap, 5000)
    for found in pades.verify(data[:at] + bytes([data[at] ^ change]) + data[at + 1 :]):
        assert found.integrity is not OK or found.certificate == pki().seal(JAN).der


@settings(max_examples=examples(150), deadline=None)
@given(st.integers(0, 10**9), st.integers(0, 400), st.binary(max_size=60))
def test_spliced_files_are_never_whole(place: int, cut: int, insert: bytes) -> None:
    data, gap, end = _sample()
    at = place % (len(data) + 1)
    spliced = data[:at] + insert + data[at + cut :]
    for found in pades.verify(spliced):
        same = spliced[:gap] + spliced[end:] == data[:gap] + data[end:]
        assert found.scope is not Scope.FULL or same


@settings(max_examples=examples(150), deadline=None)
@given(st.binary(max_size=400), st.sampled_from([b"", b"%PDF-1.7\n", b"%PDF-1.4\nxref\n"]))
def test_any_bytes_give_evidence(data: bytes, head: bytes) -> None:
    for whole in (head + data, head + data + b"\nstartxref\n9\n%%EOF\n"):
        assert one(whole).integrity in (UNREADABLE, Integrity.NOT_SIGNED)


# ------------------------------------------------------------------------------------------------ oracle


PDFSIG_DIFFERS = {name for name in pdf.SHAPES if name.startswith("pz") and name != "pz-null"} | {"pades-no-null"}
"""pdfsig refuses DigestInfo without NULL, so every real podpis zaufany (procedure §7, 1)."""


@pytest.mark.parametrize("name", [*pdf.SHAPES, *pdf.RSA_SHAPES, "byte-flipped", "byte-range-short"])
def test_pdfsig_agrees(name: str, tmp_path: Path) -> None:
    tool = shutil.which("pdfsig")
    if tool is None:
        pytest.skip("pdfsig is not installed: a second opinion, not a need")
    data = (pdf.SHAPES | pdf.RSA_SHAPES | pdf.TAMPERED)[name](pki(), jan(), TEXT).data
    file = tmp_path / "x.pdf"
    file.write_bytes(data)
    said = subprocess.run([tool, "-nocert", str(file)], capture_output=True, timeout=60, check=False).stdout
    valid = b"Signature is Valid" in said
    assert valid == (one(data).integrity is OK and name not in PDFSIG_DIFFERS)


def test_two_documents_give_two_payloads() -> None:
    """Nothing is kept between calls."""
    first, second = signed(), signed(text=document("inny"))
    assert (one(first).payload, one(second).payload, one(first).payload) == (first, second, first)


def test_style_of_the_seal_with_der_and_null() -> None:
    style = replace(pdf_shapes.trusted_style(pki(), JAN, null=True, ber=False), sub_filter="adbe.pkcs7.detached")
    assert dict(one(signed(style)).personal)["given"] == "JAN"


def test_a_form_that_is_an_object_of_its_own_is_found() -> None:
    """As pyHanko, Adobe and most programs write it: /AcroForm, /Fields and /FT may all be references."""
    signer = Pki().person(JAN)
    key = signer.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    with_pyhanko = signers.SimpleSigner(
        signing_cert=asn1_x509.Certificate.load(signer.der),
        signing_key=asn1_keys.PrivateKeyInfo.load(key),
        cert_registry=SimpleCertificateStore(),
    )
    writer = IncrementalPdfFileWriter(io.BytesIO(bytes(pdf.base(b"Wniosek").data)))
    metadata = signers.PdfSignatureMetadata(
        field_name="Podpis", subfilter=SigSeedSubFilter.PADES, md_algorithm="sha256"
    )
    signed = signers.sign_pdf(writer, metadata, with_pyhanko).getvalue()
    assert re.search(rb"/AcroForm \d+ 0 R", signed)
    (found,) = pades.verify(signed)
    assert (found.integrity, found.scope) == (Integrity.OK, Scope.FULL)
