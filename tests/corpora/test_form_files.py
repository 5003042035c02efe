"""The ready form, filled in by each program that people have, signed in its own field, and sent: it is granted."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from pathlib import Path

import pytest
from asn1crypto import keys, x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign.fields import SigSeedSubFilter
from pyhanko.sign.signers import PdfSignatureMetadata, SimpleSigner, sign_pdf
from pyhanko_certvalidator.registry import SimpleCertificateStore

from fixtures.signing.citizens import person_named
from fixtures.signing.pki import Pki, Signer
from mailbot.application.form import FILE_NAME, octets
from mailbot.model import REQUIRED_SUBJECT, SENTENCES, Phrase
from tests import citizens
from tests.corpora.test_case_b_files import explained
from tests.form import FIELDS
from tests.unit.application.pdfs import fill, typed
from tests.unit.application.test_form import FIREFOX

DATA = ("Monika", "Zając", "monika@pracownia.example", "monika.zajac@nowa.example")
VALUES = dict(zip((field.name for field in FIELDS if field.kind == "Tx"), DATA, strict=True))
FILLED = {
    "chromium": typed(octets(), VALUES),
    "chromium-printed": typed(octets(), VALUES, flat=True),
    "firefox": FIREFOX.read_bytes(),
    "pypdf": fill(octets(), VALUES, appearances=True),
}


def signed(filled: bytes, signer: Signer, field: str) -> bytes:
    """``filled`` with a PAdES signature in ``field``, shown where it has room, by a signing program of others."""
    key = signer.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    tool = SimpleSigner(
        signing_cert=x509.Certificate.load(signer.der),
        signing_key=keys.PrivateKeyInfo.load(key),
        cert_registry=SimpleCertificateStore.from_certs(
            [x509.Certificate.load(issuer.public_bytes(Encoding.DER)) for issuer in signer.chain]
        ),
    )
    about = PdfSignatureMetadata(field_name=field, subfilter=SigSeedSubFilter.PADES, md_algorithm="sha256")
    out = io.BytesIO()
    sign_pdf(IncrementalPdfFileWriter(io.BytesIO(filled)), about, tool, output=out)
    return out.getvalue()


@pytest.mark.parametrize("field", ["podpis", "Signature1"])
def test_the_form_filled_in_and_signed_is_granted(tmp_path: Path, field: str) -> None:
    pki = Pki(datetime.now(UTC))
    pki.write_trust(tmp_path / "trust")
    folder = tmp_path / "mails"
    folder.mkdir()
    for program, filled in FILLED.items():
        data = signed(filled, pki.person(person_named("Monika Zając", 1988)), field)
        entry = {"id": program, "sender": DATA[3], "subject": REQUIRED_SUBJECT, "auth": "pass", "html_only": False}
        entry |= {"body": f"{SENTENCES[Phrase.B]} Moniki Zając, 1988", "headers": {}}
        mail = citizens.build(entry, "utf8-qp", [(FILE_NAME, "application/pdf", data)])
        (folder / f"{program}.eml").write_bytes(mail)
    found = explained(folder, "--trust", str(tmp_path / "trust"), "--received", datetime.now(UTC).isoformat())
    assert {name: (one["outcome"], one["defects"]) for name, one in found.items()} == dict.fromkeys(
        FILLED, ("OK_B", [])
    )
