"""The front: what each kind of file becomes, and which file a detached signature belongs to."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from fixtures.signing import asic, cms, pdf, xades
from fixtures.signing.pki import NOW, Pki
from mailbot.signatures import cades, verify
from mailbot.signatures.report import Format, Integrity, Scope, SignatureReport, SubIndication, Verdict
from mailbot.signatures.trust import store
from tests.once import shipped

PAYLOAD = b"Wniosek: nowy adres jan.nowy@poczta.example"
OTHER = b"Protokol z zebrania"
PKI = Pki()
JAN = PKI.person()
ATTACHED = cms.SHAPES["attached"](PKI, JAN, PAYLOAD).data
P7S = cms.SHAPES["detached"](PKI, JAN, PAYLOAD).data
XADES = xades.SHAPES["detached"](PKI, JAN, PAYLOAD).data
TWO = cms.TAMPERED["two-signers-detached"](PKI, JAN, PAYLOAD).data
RULES = shipped().signatures


@pytest.fixture(scope="module")
def trust(tmp_path_factory: pytest.TempPathFactory) -> store.TrustStore:
    folder: Path = tmp_path_factory.mktemp("trust")
    PKI.write_trust(folder)
    return store.load(folder, NOW)


def check(
    trust: store.TrustStore, *files: tuple[str, bytes], content: bytes | None = None
) -> Sequence[SignatureReport]:
    return verify.verify(files, trust, RULES, NOW + timedelta(hours=1), content=content)


@pytest.mark.parametrize(
    ("name", "data", "flag"),
    [
        ("a.pdf", pdf.base(PAYLOAD).data, "document"),
        ("a.xml", b"<a/>", "document"),
        ("a.html", b"<!DOCTYPE html><p>Dzie\xf1", "document"),
        ("a.txt", PAYLOAD, "document"),
        ("a.jpg", b"\xff\xd8\xff\xe0", "image"),
        ("a.zip", asic.pack({"a.txt": PAYLOAD}, None), "container"),
        ("a.pdf", b"%PDF-1.7\ntrailer << /Encrypt 5 0 R >>", "container"),
        ("a.pdf.exe", PAYLOAD, "executable"),
        ("a.pdf", b"MZ\x90\x00", "executable"),
        ("a", b"\x00\x01\x02", "other"),
        ("a", b"", "empty"),
        ("a", bytes(30_000_001), "too_big"),
    ],
)
def test_file_without_a_signature(name: str, data: bytes, flag: str) -> None:
    (found,) = verify.examine(data, None, name)
    assert (found.format, found.integrity, found.scope) == (Format.NONE, Integrity.NOT_SIGNED, Scope.NONE)
    assert flag in found.flags
    assert found.failure is not None
    assert found.failure.code == "UNSIGNED"


def test_name_decides_nothing() -> None:
    (found,) = verify.examine(ATTACHED, None, "podpis.pdf.exe")
    assert (found.integrity, found.flags) == (Integrity.OK, ("executable",))


def test_signature_of_an_office_program_is_noted() -> None:
    document = {"[Content_Types].xml": b"<T/>", "word/document.xml": b"<w/>", "_xmlsignatures/sig1.xml": b"<s/>"}
    (found,) = verify.examine(asic.pack(document, None))
    assert found.flags == ("document", "office_signature")


def test_module_that_falls_gives_evidence(monkeypatch: pytest.MonkeyPatch) -> None:
    def fall(*_: object) -> None:
        raise RecursionError

    monkeypatch.setattr(cades, "verify", fall)
    (found,) = verify.examine(ATTACHED)
    assert (found.integrity, found.flags) == (Integrity.UNREADABLE, ("RecursionError",))


def test_memory_error_ends_the_job(monkeypatch: pytest.MonkeyPatch) -> None:
    def burst(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(cades, "verify", burst)
    with pytest.raises(MemoryError):
        verify.examine(ATTACHED)


@pytest.mark.parametrize("signature", [P7S, XADES])
@pytest.mark.parametrize("name", ["wniosek.txt.sig", "wniosek.xades", "smime.p7s", ""])
def test_detached_signature_finds_its_content_by_digest(signature: bytes, name: str, trust: store.TrustStore) -> None:
    files = [("logo.png", b"\x89PNG\r\n"), (name, signature), ("zebranie.txt", OTHER), ("wniosek.txt", PAYLOAD)]
    logo, found, other = check(trust, *files)
    assert (found.file, found.verdict, found.payload, found.payload_name) == (
        name,
        Verdict.ACCEPT,
        PAYLOAD,
        "wniosek.txt",
    )
    assert [(r.file, r.integrity) for r in (logo, other)] == [
        ("logo.png", Integrity.NOT_SIGNED),
        ("zebranie.txt", Integrity.NOT_SIGNED),
    ]


def test_name_is_only_a_hint(trust: store.TrustStore) -> None:
    """The file whose name fits is another one; the digest says which is signed."""
    found = check(trust, ("a.txt.p7s", P7S), ("a.txt", OTHER), ("b.txt", PAYLOAD))
    assert [(r.file, r.verdict, r.payload_name) for r in found] == [
        ("a.txt.p7s", Verdict.ACCEPT, "b.txt"),
        ("a.txt", Verdict.REJECT, ""),
    ]


def test_changed_content_beside_its_signature(trust: store.TrustStore) -> None:
    signature, content = check(trust, ("wniosek.txt.p7s", P7S), ("Wniosek.txt", PAYLOAD + b"!"))
    assert (signature.integrity, signature.sub_indication) == (Integrity.BROKEN, SubIndication.HASH_FAILURE)
    assert content.integrity is Integrity.NOT_SIGNED


@pytest.mark.parametrize("others", [(), (("logo.png", b"\x89PNG\r\n"),), (("kopia.p7s", P7S),)])
def test_signature_alone(others: tuple[tuple[str, bytes], ...], trust: store.TrustStore) -> None:
    found = check(trust, ("wniosek.txt.p7s", P7S), *others)[0]
    assert (found.verdict, found.sub_indication) == (Verdict.REJECT, SubIndication.SIGNED_DATA_NOT_FOUND)
    assert [reason.code for reason in found.reasons] == ["DETACHED_ONLY"]


def test_signed_content_has_its_own_report_too(trust: store.TrustStore) -> None:
    """A signature over a signed file: two signed objects."""
    inner = cms.SHAPES["detached"](PKI, JAN, ATTACHED).data
    found = check(trust, ("a.p7m", ATTACHED), ("a.p7m.p7s", inner))
    assert [(r.file, r.verdict) for r in found] == [("a.p7m", Verdict.ACCEPT), ("a.p7m.p7s", Verdict.ACCEPT)]


def test_content_that_is_none_of_the_files(trust: store.TrustStore) -> None:
    assert check(trust, ("a.p7s", P7S), content=PAYLOAD)[0].verdict is Verdict.ACCEPT
    assert check(trust, ("a.p7s", P7S), content=OTHER)[0].integrity is Integrity.BROKEN
    assert check(trust, ("a.p7m", ATTACHED), content=OTHER)[0].payload == PAYLOAD


def test_several_signers_are_never_accepted(trust: store.TrustStore) -> None:
    found = check(trust, ("a.p7s", TWO), ("a", PAYLOAD))
    assert [r.verdict for r in found] == [Verdict.MANUAL] * 2
    assert all("SEVERAL_SIGNATURES" in [reason.code for reason in r.reasons] for r in found)


def test_files_of_one_name(trust: store.TrustStore) -> None:
    found = check(trust, ("a", ATTACHED), ("a", PAYLOAD), ("a", P7S))
    assert [r.verdict for r in found] == [Verdict.ACCEPT, Verdict.ACCEPT]


def test_no_files(trust: store.TrustStore) -> None:
    assert check(trust) == ()
