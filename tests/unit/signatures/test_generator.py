"""fixtures/signing: every generator runs, and where a shape is a plain one other programs agree with it."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp

from fixtures.signing import application, asic, citizens, cms, keys, pdf, xades
from fixtures.signing.application import Data
from fixtures.signing.der import indefinite
from fixtures.signing.people import ANNA, JAN, WITHOUT_PESEL, pesel
from fixtures.signing.pki import Pki, Signer
from fixtures.signing.revocation import REVOKED_SERIALS
from fixtures.signing.xades import Shape, Signed
from tests.support import program

PAYLOAD = application.labels(Data("Jan Kowalski", "jan@dawna.example", "jan@nowa.example")).encode()
MODULES = (xades, pdf, cms, asic)
GROUPS = ("SHAPES", "RSA_SHAPES", "WEAK", "TAMPERED", "MISLEADING", "DOUBTFUL", "HOSTILE")
LARGEST = {"attribute-bomb": 2_000_000, "depth-bomb": 2_000_000, "contents-huge": 6_000_000}


@pytest.fixture(scope="module")
def pki() -> Pki:
    return Pki()


@pytest.fixture(scope="module")
def signer(pki: Pki) -> Signer:
    return pki.person(JAN)


def _every() -> Iterator[Any]:
    for module in MODULES:
        for group in GROUPS:
            for name, shape in getattr(module, group, {}).items():
                yield pytest.param(shape, name, id=f"{module.__name__.rpartition('.')[2]}-{group.lower()}-{name}")


@pytest.mark.parametrize(("shape", "name"), list(_every()))
def test_every_shape_is_made(pki: Pki, signer: Signer, shape: Shape, name: str) -> None:
    made = shape(pki, signer, PAYLOAD)
    assert isinstance(made, Signed)
    assert 10 < len(made.data) < LARGEST.get(name, 600_000)


@pytest.mark.parametrize("kind", ["p256", "p384", "rsa-1024", "rsa-3072"])
def test_any_key_signs_every_valid_shape(pki: Pki, kind: keys.KeyKind) -> None:
    other = pki.person(JAN, key=kind)
    for module in MODULES:
        for shape in module.SHAPES.values():
            assert shape(pki, other, PAYLOAD).data


@pytest.mark.parametrize("module", MODULES)
def test_attacks_differ_from_the_valid_file(module: Any, pki: Pki, signer: Signer) -> None:
    valid = {shape(pki, signer, PAYLOAD) for shape in module.SHAPES.values()}
    for name, shape in module.TAMPERED.items():
        assert shape(pki, signer, PAYLOAD) not in valid, name


def test_pesel_has_the_right_check_digit_in_every_century() -> None:
    assert pesel(datetime(1944, 5, 14, tzinfo=UTC).date(), "m", 13) == "44051401311"
    assert JAN.pesel == "80051400011"
    assert ANNA.pesel[2:4] == "27"
    assert WITHOUT_PESEL.pesel not in WITHOUT_PESEL.name


def test_certificates_are_signed_by_their_issuers(pki: Pki) -> None:
    for by in ("qualified", "qualified2", "silent", "customs", "personal"):
        authority = pki.authority(by)
        pki.person(JAN, by=by).certificate.verify_directly_issued_by(authority.certificate)
        authority.certificate.verify_directly_issued_by(pki.authority("root").certificate)
    pki.seal().certificate.verify_directly_issued_by(pki.authority("seal").certificate)


def test_fake_authority_has_the_name_and_not_the_key(pki: Pki) -> None:
    true, fake = pki.authority("qualified").certificate, pki.authority("fake").certificate
    assert true.subject == fake.subject
    assert true.public_key() != fake.public_key()


def test_keys_live_longer_than_the_pki() -> None:
    assert Pki().person(JAN).key is Pki(datetime(2030, 1, 1, tzinfo=UTC)).person(JAN).key


def test_revoked_certificate_stands_on_the_list(pki: Pki) -> None:
    revoked, good = pki.person(JAN, validity="revoked").certificate, pki.person(JAN).certificate
    fresh = x509.load_der_x509_crl(pki.crl("qualified", "fresh"))
    assert fresh.get_revoked_certificate_by_serial_number(revoked.serial_number) is not None
    assert fresh.get_revoked_certificate_by_serial_number(good.serial_number) is None
    empty = x509.load_der_x509_crl(pki.crl("qualified", "empty"))
    assert empty.get_revoked_certificate_by_serial_number(revoked.serial_number) is None
    assert len(REVOKED_SERIALS) == len(list(fresh))


def test_lists_are_signed_as_they_say(pki: Pki) -> None:
    key = pki.authority("qualified").certificate.public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    assert x509.load_der_x509_crl(pki.crl("qualified", "big")).is_signature_valid(key)
    assert not x509.load_der_x509_crl(pki.crl("qualified", "forged")).is_signature_valid(key)
    stale = x509.load_der_x509_crl(pki.crl("silent", "stale"))
    assert stale.next_update_utc is not None
    assert stale.next_update_utc < pki.now


@pytest.mark.parametrize(("status", "word"), [("good", "GOOD"), ("revoked", "REVOKED"), ("unknown", "UNKNOWN")])
def test_ocsp_says_what_was_asked(pki: Pki, signer: Signer, status: Any, word: str) -> None:
    answer = ocsp.load_der_ocsp_response(pki.ocsp(signer, status))
    assert answer.certificate_status.name == word
    assert answer.serial_number == signer.certificate.serial_number


def test_trust_folder_has_the_documented_form(pki: Pki, tmp_path: Path) -> None:
    pki.write_trust(tmp_path)
    assert {path.name for path in (tmp_path / "anchors").iterdir()} == {
        "qualified-ca",
        "seal-ca",
        "customs-ca",
        "personal-ca",
        "tsa",
    }
    assert all(path.read_bytes().startswith(b"-----BEGIN") for path in tmp_path.glob("anchors/*/*.pem"))
    assert (tmp_path / "revocation" / "qualified.crl").exists()
    assert b"PRIVATE" not in b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())


def test_trust_folder_takes_other_revocations(pki: Pki, tmp_path: Path) -> None:
    pki.write_trust(tmp_path, {"jan.ocsp": pki.ocsp(pki.person())})
    assert [path.name for path in (tmp_path / "revocation").iterdir()] == ["jan.ocsp"]


def test_digest_info_without_null_is_exactly_that(pki: Pki) -> None:
    key = pki.seal().key
    assert isinstance(key, rsa.RSAPrivateKey)
    value = keys.sign(key, b"x", "pkcs1-no-null")
    found = key.public_key().recover_data_from_signature(value, padding.PKCS1v15(), None)
    digest = hashes.Hash(hashes.SHA256())
    digest.update(b"x")
    assert found == bytes.fromhex("302f300b06096086480165030402010420") + digest.finalize()


def test_indefinite_lengths_keep_the_value() -> None:
    assert indefinite(bytes.fromhex("3006300402020100")).hex() == "3080" + "3080" + "02020100" + "0000" + "0000"
    assert indefinite(bytes.fromhex("310402020100")).hex() == "310402020100"


@pytest.mark.parametrize("style", application.TEXTS)
def test_application_holds_what_it_is_given(style: str) -> None:
    text = application.TEXTS[style](Data("Ewa Żółć", "stary@dawna.example", ""))
    assert "stary@dawna.example" in text
    assert "Żółć" in text
    assert text.count("@") == 1


@pytest.mark.parametrize("extension", [*application.FORMATS, "xml"])
def test_application_is_the_same_file_every_time(extension: str) -> None:
    assert application.write(Data(), extension) == application.write(Data(), extension)


def test_every_attachment_of_the_corpus_is_made(corpora: Path, pki: Pki) -> None:
    entries = yaml.safe_load((corpora / "citizens" / "mails.yaml").read_text(encoding="utf-8"))
    made = {
        entry["id"]: citizens.build_attachments(entry["attachments"], pki) for entry in entries if entry["attachments"]
    }
    assert len(made) > 20
    (plain, signature) = made["C096"]
    assert plain[2].startswith(b"%PDF-")
    assert signature[2].startswith(b"\x30")
    assert len(made["C121"][0][2]) > 60_000_000


def test_unknown_kind_is_named(pki: Pki) -> None:
    with pytest.raises(ValueError, match="no kind 'pades-zielony'"):
        citizens.build_attachment({"name": "a.pdf", "kind": "pades-zielony"}, pki)


# --------------------------------------------------------------------------------------------------- second opinions


@pytest.mark.parametrize("name", ["attached", "attached-sha512", "attached-ber", "detached", "detached-t"])
def test_openssl_agrees(pki: Pki, signer: Signer, tmp_path: Path, name: str) -> None:
    made = cms.SHAPES[name](pki, signer, PAYLOAD)
    (tmp_path / "ca.pem").write_bytes(pki.authority("qualified").certificate.public_bytes(Encoding.PEM))
    (tmp_path / "signature").write_bytes(made.data)
    (tmp_path / "content").write_bytes(made.content or b"")
    command = [
        *(program("openssl"), "cms", "-verify", "-binary", "-inform", "DER", "-in", "signature", "-out", "out"),
        *("-CAfile", "ca.pem", "-partial_chain", "-purpose", "any", "-attime", str(int(pki.now.timestamp()))),
        *(("-content", "content") if made.content else ()),
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out").read_bytes() == PAYLOAD


def test_openssl_refuses_what_the_minister_writes(pki: Pki, signer: Signer, tmp_path: Path) -> None:
    made = cms.RSA_SHAPES["attached-no-null"](pki, signer, PAYLOAD)
    (tmp_path / "signature").write_bytes(made.data)
    command = [program("openssl"), "cms", "-verify", "-noverify", "-binary", "-inform", "DER", "-in", "signature"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=30, check=False)
    assert done.returncode != 0


@pytest.mark.parametrize("name", ["enveloped", "enveloped-xpath", "enveloped-filter2", "enveloping-base64"])
def test_xmlsec_agrees(pki: Pki, signer: Signer, tmp_path: Path, name: str) -> None:
    (tmp_path / "ca.pem").write_bytes(pki.authority("qualified").certificate.public_bytes(Encoding.PEM))
    (tmp_path / "signed.xml").write_bytes(xades.SHAPES[name](pki, signer, PAYLOAD).data)
    ids = [
        *("--id-attr:Id", "http://uri.etsi.org/01903/v1.3.2#:SignedProperties"),
        *("--id-attr:Id", "http://www.w3.org/2000/09/xmldsig#:Object"),
    ]
    command = [program("xmlsec1"), "--verify", "--insecure", *ids, "signed.xml"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", ["pades", "pades-xref-stream", "pades-identity-font", "adbe"])
def test_pdfsig_agrees(pki: Pki, signer: Signer, tmp_path: Path, name: str) -> None:
    (tmp_path / "signed.pdf").write_bytes(pdf.SHAPES[name](pki, signer, PAYLOAD).data)
    command = [program("pdfsig"), "-nocert", "signed.pdf"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=30, check=False)
    assert b"Signature is Valid" in done.stdout
    assert b"Total document signed" in done.stdout
