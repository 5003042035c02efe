"""Text that mail programs changed on the way: what provably is the signed text is taken, the rest is a person's."""

from __future__ import annotations

import base64
import quopri
from collections.abc import Callable

import pytest

from fixtures.signing import cms, xades_shapes
from fixtures.signing.cms_writer import CmsStyle
from fixtures.signing.pki import NOW, Pki
from mailbot.signatures.detect import Detected, detect
from mailbot.signatures.report import SignatureReport, Verdict
from mailbot.signatures.trust import store
from mailbot.signatures.trust.store import TrustStore
from mailbot.signatures.verify import verify
from tests.once import shipped

PKI = Pki()
RULES = shipped().signatures
UNIX = "Wniosek\no nowe hasło awaryjne\n\nJan Kowalski\n".encode()
DOS = UNIX.replace(b"\n", b"\r\n")


@pytest.fixture(scope="module")
def trust(tmp_path_factory: pytest.TempPathFactory) -> TrustStore:
    return store.load(PKI.write_trust(tmp_path_factory.mktemp("trust")), NOW)


def report(trust: TrustStore, signed: bytes, arrived: bytes, name: str = "wniosek.txt") -> SignatureReport:
    signature = cms.signed(PKI, PKI.person(), signed, CmsStyle()).data
    return verify([(name, arrived), (f"{name}.p7s", signature)], trust, RULES, NOW)[-1]


CHANGES: dict[str, tuple[bytes, Callable[[bytes], bytes]]] = {
    "unix to dos": (UNIX, lambda text: text.replace(b"\n", b"\r\n")),
    "dos to unix": (DOS, lambda text: text.replace(b"\r\n", b"\n")),
    "unix to mac": (UNIX, lambda text: text.replace(b"\n", b"\r")),
    "a last line end more": (UNIX.rstrip(), lambda text: text + b"\r\n"),
    "a last line end less": (DOS, bytes.rstrip),
    "base64": (UNIX, base64.encodebytes),
    "base64 of DOS": (DOS, lambda text: base64.b64encode(text).replace(b"\n", b"\r\n") + b"\r\n"),
    "quoted-printable": (UNIX, quopri.encodestring),
    "quoted-printable of a DOS text": (DOS, lambda text: quopri.encodestring(text.replace(b"\r\n", b"\n"))),
    "XML": (b"<?xml version='1.0'?>\n<a>\nx</a>\n", lambda text: text.replace(b"\n", b"\r\n")),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_is_provably_the_same_is_read_as_it_was_signed(change: str, trust: TrustStore) -> None:
    signed, way = CHANGES[change]
    assert way(signed) != signed
    found = report(trust, signed, way(signed))
    assert (found.verdict, found.payload) == (Verdict.ACCEPT, signed)
    assert "changed_on_the_way" in found.flags
    assert found.payload_name == "wniosek.txt"


def test_a_detached_xades_as_well(trust: TrustStore) -> None:
    made = xades_shapes.detached(PKI, PKI.person(), UNIX, "wniosek.txt")
    (found,) = verify([("wniosek.txt", DOS), ("wniosek.xades", made.data)], trust, RULES, NOW)
    assert (found.verdict, found.payload) == (Verdict.ACCEPT, UNIX)


@pytest.mark.parametrize(
    ("signed", "arrived", "verdict", "code"),
    [
        (UNIX, UNIX.replace(b"Jan", b"Ewa"), Verdict.MANUAL, "CHANGED_ON_THE_WAY"),
        (b"Wniosek\r\no\n", b"Wniosek\no\r\nx", Verdict.MANUAL, "CHANGED_ON_THE_WAY"),
        (b"Wniosek o", b"Wniosek  o", Verdict.REJECT, "DOCUMENT_CHANGED"),  # no line ends, so nothing can have happened
        (b"\x89PNG\r\n\n", b"\x89PNG\r\n\r\n", Verdict.REJECT, "DOCUMENT_CHANGED"),  # no text
    ],
)
def test_what_does_not_fit_is_never_accepted(
    signed: bytes, arrived: bytes, verdict: Verdict, code: str, trust: TrustStore
) -> None:
    found = report(trust, signed, arrived)
    assert (found.verdict, [reason.code for reason in found.reasons]) == (verdict, [code])
    assert found.payload is None


MAIL = (
    b"Received: from a by b\r\nFrom: Jan <jan@firma.example>\r\nMIME-Version: 1.0\r\n"
    b'Content-Type: multipart/mixed; boundary="x"\r\n\r\n--x\r\n'
)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (MAIL, Detected.CONTAINER),
        (b"From: jan\nMIME-Version: 1.0\nContent-Type: application/pdf\n\nx", Detected.CONTAINER),
        (
            bytes.fromhex("d0cf11e0a1b11ae1") + bytes(600) + "__substg1.0_0037001F".encode("utf-16-le"),
            Detected.CONTAINER,
        ),
        (bytes.fromhex("d0cf11e0a1b11ae1") + bytes(600), Detected.OFFICE),
        ("Wniosek: proszę o hasło\nMIME-Version: 1.0 nie wiem co to\n".encode(), Detected.TEXT),
        (b"From: jan\nMIME-Version: 1.0\nContent-Type: text/plain\n\nx", Detected.TEXT),
    ],
)
def test_a_mail_is_a_container(data: bytes, kind: Detected) -> None:
    assert detect(data) is kind


def test_a_file_in_a_mail_is_not_told_to_be_unsigned(trust: TrustStore) -> None:
    (found,) = verify([("FW wniosek.eml", MAIL)], trust, RULES, NOW)
    assert "container" in found.flags


@pytest.mark.parametrize(
    ("start", "logo"),
    [(b"\x89PNG\r\n", True), (b"GIF89a", True), (b"\0\0\0\x24ftypheic", False), (b"II*\0", False), (b"MM\0*", False)],
)
def test_what_a_telephone_or_a_scanner_writes_is_no_logo(start: bytes, logo: bool, trust: TrustStore) -> None:
    (found,) = verify([("IMG_0001", start + bytes(300))], trust, RULES, NOW)
    assert ("logo" in found.flags) is logo
