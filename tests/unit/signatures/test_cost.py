"""Small files that would keep the verifier busy: the work is counted, not the time."""

from __future__ import annotations

import copy
import re

import pytest
from lxml import etree

from fixtures.signing import pdf_shapes, xades_shapes
from fixtures.signing.pki import Pki
from mailbot.signatures import pdf_reader, transport
from mailbot.signatures.report import Evidence, Integrity
from mailbot.signatures.verify import examine
from mailbot.signatures.xades import parse
from mailbot.signatures.xades.parse import DS

PKI = Pki()
M = 1_000_000
END = b"\nstartxref\n9\n%%EOF"


def code(found: Evidence) -> str:
    return found.failure.code if found.failure else ""


@pytest.mark.parametrize(
    "body",
    [
        b"<" * 2 * M,
        b"<<" * M + b"/ByteRange",
        b"/" * 2 * M,
        b"1 0 obj<</Type/Sig/ByteRange[" + b"0 1 " * M + b"]>>endobj\ntrailer<</Root 1 0 R>>" + END,
        b"1 0 obj<</Contents<" + b"0" * 3 * M + b">>>endobj\ntrailer<</Root 1 0 R>>" + END,
    ],
    ids=["<", "<<", "names", "an array", "a string"],
)
def test_a_pdf_that_is_read_for_minutes(body: bytes) -> None:
    (found,) = examine(b"%PDF-1.7\n" + body)
    assert (found.integrity, code(found)) == (Integrity.UNREADABLE, "TOO_COMPLEX")


def test_an_honest_pdf_is_far_from_the_bound() -> None:
    data = pdf_shapes.SHAPES["pades-t"](PKI, PKI.person(), b"wniosek").data
    reader = pdf_reader.open_pdf(data)
    assert reader.root is not None
    assert reader.stream.left > 0.99 * pdf_reader.MAX_READS


def signed_many_times(elements: int, references: int, signatures: int) -> bytes:
    """Nobody needs a key to make such a file: none of it is right."""
    data = xades_shapes.SHAPES["enveloped"](PKI, PKI.person(), b"<a><b/></a>").data
    root = etree.fromstring(data)
    signature = next(root.iter(f"{{{DS}}}Signature"))
    (info,) = signature.iterchildren(f"{{{DS}}}SignedInfo")
    (whole,) = info.iterfind(f"{{{DS}}}Reference[@URI='']")
    for _ in range(references - 1):
        info.append(copy.deepcopy(whole))
    octets: bytes = etree.tostring(root)
    first, *rest = octets.split(b"<ds:Signature ")
    tail = rest[0].partition(b"</ds:Signature>")
    copies = [re.sub(rb'( Id="| URI="#| Target="#)', rb"\g<1>s%d" % i, tail[0]) for i in range(signatures)]
    many = b"".join(b"<ds:Signature " + one + b"</ds:Signature>" for one in copies)
    return first.replace(b"<b/>", b"<b/>" * elements) + many + tail[2]


def test_an_xml_whose_signatures_name_it_many_times() -> None:
    found = examine(signed_many_times(90_000, 7, 8))
    assert {code(one) for one in found} == {"TOO_LARGE"}


def test_the_work_of_a_file_is_shared_by_its_signatures(monkeypatch: pytest.MonkeyPatch) -> None:
    spent: list[int] = []
    true = parse.Work.spend

    def noted(self: parse.Work, elements: int, octets: int) -> None:
        spent.append(elements)
        true(self, elements, octets)

    monkeypatch.setattr(parse.Work, "spend", noted)
    found = examine(signed_many_times(30_000, 1, 8))
    assert len(found) == 8
    assert sum(spent) < 2 * parse.WORK_MAX
    assert {code(one) for one in found} > {"TOO_LARGE"}


@pytest.mark.parametrize("octets", [b"a\r\n" * 330_000, b"=\n" * 490_000, b"QUFB" * 240_000, b"\r" * 900_000])
def test_the_forms_of_a_text_are_few(octets: bytes) -> None:
    assert len(list(transport.forms(octets))) <= 12
    assert list(transport.forms(octets + b"x" * M)) == []
