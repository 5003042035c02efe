"""The signed files that ``signatures`` measures, all made by fixtures/signing."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from fixtures.signing import asic, cms, cms_writer, pdf, xades
from fixtures.signing.cms_writer import CmsStyle
from fixtures.signing.pdf_shapes import plain_style
from fixtures.signing.pdf_sign import sign, with_store
from fixtures.signing.pdf_writer import CATALOG, picture
from fixtures.signing.pki import Pki
from fixtures.signing.xades import Shape, Signed
from mailbot.signatures.bounds import FILE_MAX
from tests.bench.trust_lists import stranger
from tests.oracles import OPENSSL, PDFSIG, XMLSEC1, Tool
from tests.unit.signatures.test_cost import object_stream

PKI = Pki()
TEXT = b"Wniosek o haslo. Dotychczasowy login jan@stary.example, nowy adres jan@nowy.example\n"
_CORPORA: dict[str, Any] = {"XAdES": xades, "CAdES": cms, "PAdES": pdf, "ASiC": asic}
_LARGE = FILE_MAX - 1_000_000


@dataclass(frozen=True, slots=True)
class File:
    """One file to be timed."""

    name: str
    signed: Signed
    repeat: int
    """Times in a round."""
    bar: float = 0.0
    """Milliseconds that a report may take; 0: only compared."""
    tools: tuple[Tool, ...] = ()
    xml: bool = False
    """Is it one for signxml and java, too?"""


def timed() -> list[File]:
    """The files of the table of speeds."""
    large = TEXT * (5_000_000 // len(TEXT))
    return [
        File("XAdES enveloped", _made(xades, "enveloped"), 100, 0.6, (XMLSEC1,), xml=True),
        File("XAdES podpis zaufany, XPath", _made(xades, "pz-new"), 100, 0.6, (XMLSEC1,), xml=True),
        File("the same, orthodox DigestInfo", _made(xades, "pz-new-null"), 100, 0.6, (XMLSEC1,), xml=True),
        File("XAdES around 5 MB", _made(xades, "enveloping-base64", large), 3, 0.0, (XMLSEC1,), xml=True),
        File("CAdES detached", _made(cms, "detached"), 100, 4.0, (OPENSSL,)),
        File("CAdES with time stamp", _made(cms, "detached-t"), 100, 4.0, (OPENSSL,)),
        File("CAdES around 5 MB", _made(cms, "attached", large), 5, 0.0, (OPENSSL,)),
        File("PAdES 11 KB", _small_pdf(), 50, 12.0, (PDFSIG,)),
        File("PAdES with time stamp", _made(pdf, "pades-t"), 50, 12.0, (PDFSIG,)),
        File("PAdES podpis zaufany, hybrid", _made(pdf, "pz"), 50, 12.0, (PDFSIG,)),
        File("PAdES 10 MB", _large_pdf(), 5, 0.0, (PDFSIG,)),
    ]


def smallest() -> File:
    """For what a report costs besides its file."""
    return File("CAdES detached", _made(cms, "detached"), 100)


def corpora() -> Iterator[tuple[str, list[tuple[str, Signed]]]]:
    """Name → files of every shape and attack, without the bombs; and large files."""
    for family, module in _CORPORA.items():
        groups = ("SHAPES", "RSA_SHAPES", "WEAK", "TAMPERED", "MISLEADING", "DOUBTFUL")
        shapes = {name: shape for group in groups for name, shape in getattr(module, group, {}).items()}
        yield family, [(name, _signed(shape)) for name, shape in shapes.items() if "bomb" not in name]
    yield "10 MB each", large()


def large() -> list[tuple[str, Signed]]:
    """As large as gov.pl lets a citizen sign."""
    text = TEXT * (10_000_000 // len(TEXT))
    return [
        ("PAdES", _large_pdf()),
        ("CAdES attached", _made(cms, "attached", text)),
        ("CAdES detached", _made(cms, "detached", text)),
        ("ASiC-E", _made(asic, "asic-e-xades", random.Random(1).randbytes(9_000_000))),
        ("XAdES enveloping", _made(xades, "enveloping-base64", text)),
        ("podpisanyPlik", _made(xades, "pz-podpisany-plik", text)),
    ]


def bombs() -> Iterator[tuple[str, Signed]]:
    """Files that eat time or memory: those of the fixtures, and as much nonsense as a file may hold."""
    for family, module in _CORPORA.items():
        shapes = {**module.TAMPERED, **getattr(module, "HOSTILE", {})}
        yield from ((f"{family} {name}", _signed(shape)) for name, shape in shapes.items() if _is_bomb(name))
    signed = _made(xades, "enveloped").data.rpartition(b"</")
    for name, filling in {
        "elements": b"<a/>" * (_LARGE // 4),
        "names": b"".join(b'<a xmlns:n%d="u%d"/>' % (n, n) for n in range(_LARGE // 32)),
        "text": b"x" * _LARGE,
        "comments": b"<!---->" * (_LARGE // 7),
        "base64": b"QUJD" * (_LARGE // 4),
    }.items():
        yield f"XML of {name}", Signed(b"".join((signed[0], filling, *signed[1:])))
    for name, unit in {"strings": b"(", "dictionaries": b"<<", "arrays": b"[", "objects": b"1 0 obj\n"}.items():
        body = b"%PDF-1.7\n/ByteRange /Sig " + unit * (_LARGE // len(unit)) + b"\nstartxref\n9\n%%EOF\n"
        yield f"PDF of {name}", Signed(body)
    strings = b"".join(b"(%d)" % random.Random(n).randrange(10**6) for n in range(2_000_000))
    yield "PDF of packed strings", Signed(object_stream(b"<< /Fields [] /X [" + strings + b"] >>"))
    yield "PDF of packed numbers", Signed(object_stream(b"<< /Fields [] /X [" + b"1 " * 2_000_000 + b"] >>"))
    yield "PDF of packed arrays", Signed(object_stream(b"<< /Fields [] /X [" + b"[]" * 2_000_000 + b"] >>"))
    yield "PDF of many revisions' objects", Signed(_compared())
    signers = [stranger("ES"), stranger("IT")] * 8
    yield (
        "CMS of sixteen, two states",
        Signed(cms_writer.write(bytes(_LARGE), signers, CmsStyle(detached=False, digest="sha3_512"))),
    )
    content = b"x" * (_LARGE * 2 // 3)
    yield "XML enveloping, another state", xades.SHAPES["enveloping-base64"](PKI, stranger("ES"), content)
    attributes = b"<a " + b" ".join(b'a%d="x"' % n for n in range(250)) + b"/>"
    yield "XML of attributes", Signed(b"".join((signed[0], attributes * (_LARGE // len(attributes)), *signed[1:])))
    yield "DER of indefinite sets", Signed(b"\x30\x80" * (_LARGE // 2))
    yield "PEM of nothing", Signed(b"-----BEGIN CMS-----\n" + b"\n" * _LARGE)


def _compared() -> bytes:
    """Validation data behind a signed revision of a million references, so all of them are looked at."""
    made = pdf.base(TEXT)
    first = made.next_number
    made.save({first + n: b"[" + b"%d 0 R " % (first + (n + 1) % 3_000) * 400 + b"]" for n in range(3_000)})
    made.save({CATALOG: made.objects[CATALOG][:-2] + b" /Huge %d 0 R >>" % first})
    return bytes(with_store(sign(made, [PKI.person()], plain_style(PKI)), [], [b"a list"]).data)


def _is_bomb(name: str) -> bool:
    return "bomb" in name or name in ("contents-huge", "revisions", "many-entries", "not-pdf")


def _made(module: Any, shape: str, payload: bytes = TEXT) -> Signed:
    return _signed(module.SHAPES[shape], payload)


def _signed(shape: Shape, payload: bytes = TEXT) -> Signed:
    return shape(PKI, PKI.person(), payload)


def _small_pdf() -> Signed:
    return Signed(pdf.pades(PKI, PKI.person(), TEXT, style=replace(plain_style(PKI), hole=9_000)))


def _large_pdf() -> Signed:
    width, height = 2_000, 5_000
    scan = picture(random.Random(1).randbytes(width * height), width, height, deflate=False)
    return Signed(bytes(sign(scan, [PKI.person()], plain_style(PKI)).data))
