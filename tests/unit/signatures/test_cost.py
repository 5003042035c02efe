"""Small files that would keep the verifier busy: the work is counted, not the time."""

from __future__ import annotations

import contextlib
import copy
import re
import time
import tracemalloc
import zlib
from datetime import timedelta
from typing import NoReturn

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree

from fixtures.signing import cms, pdf_shapes, xades_shapes
from fixtures.signing.pdf_sign import PdfStyle, sign, with_store
from fixtures.signing.pdf_writer import document
from fixtures.signing.pki import NOW, Pki
from mailbot.signatures import pdf_reader, pdf_update, policy, transport
from mailbot.signatures.cms import Refused
from mailbot.signatures.patience import Patience
from mailbot.signatures.report import Evidence, Integrity, Verdict
from mailbot.signatures.trust.anchors import Anchor, Role
from mailbot.signatures.trust.revocation import RevocationStore
from mailbot.signatures.trust.store import TrustStore
from mailbot.signatures.verify import examine, verify
from mailbot.signatures.xades import parse
from mailbot.signatures.xades.parse import DS
from tests.once import shipped

PKI = Pki()
M = 1_000_000
IN_A_CALLBACK = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
"""What time interrupts may be a callback of the tests' own libraries; the next moment interrupts what it should."""
END = b"\nstartxref\n9\n%%EOF"


def code(found: Evidence) -> str:
    return found.failure.code if found.failure else ""


@pytest.mark.parametrize(
    "body",
    [
        b"<" * 2 * M,
        b"<<" * M + b"/ByteRange",
        b"/" * 2 * M,
        pytest.param(
            b"1 0 obj<</Type/Sig/ByteRange[" + b"0 1 " * M + b"]>>endobj\ntrailer<</Root 1 0 R>>" + END,
            marks=pytest.mark.campaign,
        ),
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


def test_xml_of_nothing_but_attributes() -> None:
    """Each takes some 250 octets of memory."""
    many = b"<a " + b" ".join(b'a%d=""' % i for i in range(250)) + b"/>"
    data = b'<a xmlns:ds="http://www.w3.org/2000/09/xmldsig#">' + many * (parse.MARKS_MAX // 250) + b"</a>"
    (found,) = examine(data)
    assert code(found) == "TOO_LARGE"


def object_stream(body: bytes) -> bytes:
    """A PDF whose form is packed: what is in there is read octet by octet, and no read of the file is counted."""
    objects = [b"<< /Type /Catalog /Pages 2 0 R /AcroForm 3 0 R >>", b"<< /Type /Pages /Kids [] /Count 0 >>", body]
    starts = [sum(len(one) + 1 for one in objects[:at]) for at in range(3)]
    head = b"".join(b"%d %d " % (at + 1, start) for at, start in enumerate(starts))
    packed = zlib.compress(head + b" ".join(objects))
    entries = b"/Type /ObjStm /N 3 /First %d /Filter /FlateDecode /Length %d" % (len(head), len(packed))
    data = b"%%PDF-1.7\n9 0 obj\n<< %s >>\nstream\n%s\nendstream\nendobj\n" % (entries, packed)
    rows = b"\0\0\0\0" + b"".join(b"\2\0\x09%c" % at for at in range(3)) + b"\1\0\x09\0" + b"\1" + bytes(3)
    entries = b"/Type /XRef /W [1 2 1] /Size 11 /Index [0 4 9 2] /Root 1 0 R /Length %d" % len(rows)
    return data + b"10 0 obj\n<< %s >>\nstream\n%s\nendstream\nendobj\nstartxref\n%d\n%%%%EOF" % (
        entries,
        rows,
        len(data),
    )


@IN_A_CALLBACK
def test_what_no_count_bounds_is_bounded_by_time() -> None:
    """A file of 4 kB that takes seconds, though it is read through; the other file of the mail is no better read."""
    costly, honest = object_stream(b"<< /Fields [] /X [" + b"1 " * 2 * M + b"] >>"), b"Wniosek"
    trust = TrustStore((), RevocationStore({}), (), (), (), broken_list=False, snapshot="", stamp="")
    files = [("a.pdf", costly), ("b.txt", honest)]
    found = verify(files, trust, shipped().signatures, NOW, bound=Patience(0.2))
    assert [(one.verdict, one.reasons[0].code) for one in found] == [(Verdict.MANUAL, "TOO_COMPLEX")] * 2
    (before,) = verify(files[1:], trust, shipped().signatures, NOW, bound=Patience(0.2))
    assert before.integrity is Integrity.NOT_SIGNED


def test_judging_is_bounded_by_time_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever ``judge`` makes of other faults: of many signatures that take long the first is the last."""
    begun = []

    def endless(*_: object) -> NoReturn:
        begun.append(1)
        while True:
            sum(range(1_000))

    monkeypatch.setattr(policy, "paths", endless)
    trust = TrustStore((anchor(),), RevocationStore({}), (), (), (), broken_list=False, snapshot="", stamp="")
    data = cms.SHAPES["attached"](PKI, PKI.person(), b"Wniosek").data
    found = verify([("a.p7m", data)] * 3, trust, shipped().signatures, NOW, bound=Patience(0.3))
    assert [(one.verdict, one.reasons[0].code) for one in found] == [(Verdict.MANUAL, "TOO_COMPLEX")] * 3
    assert len(begun) == 1


def anchor() -> Anchor:
    der = PKI.authority("qualified").certificate.public_bytes(Encoding.DER)
    return Anchor(der, frozenset({Role.QUALIFIED_CA}), "", "", NOW - timedelta(days=1), None)


def test_patience_in_several_goes_is_one_patience() -> None:
    left = Patience(0.2)

    def work() -> None:
        with left:
            until = time.process_time() + 0.15
            while time.process_time() < until:
                sum(range(1_000))

    work()
    with pytest.raises(Refused, match="TOO_COMPLEX"):
        work()


@IN_A_CALLBACK
def test_time_that_is_up_cannot_be_caught_away() -> None:
    """As libraries do: they may have gone on without what they asked."""

    def stubborn() -> None:
        with Patience(0.01):
            for _ in range(3):
                with contextlib.suppress(Refused):
                    while True:
                        sum(range(1_000))

    with pytest.raises(Refused, match="TOO_COMPLEX"):
        stubborn()
    sum(range(1_000_000))


def test_what_is_too_complex_to_be_compared_is_a_doubt(monkeypatch: pytest.MonkeyPatch) -> None:
    made = with_store(sign(document("Wniosek"), [PKI.person()], PdfStyle()), [], [b"a list"])
    monkeypatch.setattr(pdf_update, "open_pdf", lambda data: pdf_reader.PdfFileReader(short(data), strict=False))
    (found,) = examine(bytes(made.data))
    assert (found.integrity, code(found)) == (Integrity.UNREADABLE, "TOO_COMPLEX")


def short(data: bytes) -> pdf_reader._Bounded:
    stream = pdf_reader._Bounded(data)
    stream.left = 2_000
    return stream


def test_the_content_of_a_large_file_is_copied_a_few_times() -> None:
    data = cms.SHAPES["attached"](PKI, PKI.person(), b"w" * 4 * M).data
    tracemalloc.start()
    try:
        examine(data)
        assert tracemalloc.get_traced_memory()[1] < 1.5 * len(data)
    finally:
        tracemalloc.stop()
