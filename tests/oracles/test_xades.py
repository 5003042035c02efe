"""A second opinion: what xmlsec1 verifies as well."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from fixtures.signing.people import JAN
from fixtures.signing.pki import Pki
from fixtures.signing.xades import SHAPES, TAMPERED
from fixtures.signing.xmldsig import DS, XADES
from mailbot.signatures.report import Integrity
from mailbot.signatures.xades import core

PKI = Pki()
PAYLOAD = b"Wniosek. login jan@stary.example, nowy jan@nowy.example\n"
IDS = (f"{XADES}:SignedProperties", f"{DS}:Object", "http://wniosek.example/haslo:Wniosek")
BOTH = [name for name in SHAPES if not name.startswith(("pz-", "detached"))] + ["pz-new-null", "pz-podpisany-plik-null"]
BROKEN = ["content-changed", "time-changed", "value-changed", "value-empty"]


def xmlsec1_agrees(data: bytes, folder: Path, certificate: bytes) -> bool:
    """xmlsec1's verdict with that certificate, nothing of the trust."""
    tool = shutil.which("xmlsec1")
    if tool is None:
        pytest.skip("xmlsec1 is not on this machine; CI needs no oracle")
    (folder / "key.der").write_bytes(certificate)
    (folder / "signed.xml").write_bytes(data)
    ids = [argument for name in IDS for argument in ("--id-attr:Id", name)]
    command = [tool, "--verify", *ids, "--pubkey-cert-der", str(folder / "key.der"), str(folder / "signed.xml")]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize("shape", BOTH)
def test_both_verify(shape: str, tmp_path: Path) -> None:
    signer = PKI.seal(JAN) if shape.startswith("pz-") else PKI.person(JAN)
    data = SHAPES[shape](PKI, PKI.person(JAN), PAYLOAD).data
    assert xmlsec1_agrees(data, tmp_path, signer.certificate.public_bytes(Encoding.DER))
    assert core.verify(data)[0].integrity is Integrity.OK


@pytest.mark.parametrize("attack", BROKEN)
def test_both_refuse(attack: str, tmp_path: Path) -> None:
    data = TAMPERED[attack](PKI, PKI.person(JAN), PAYLOAD).data
    assert not xmlsec1_agrees(data, tmp_path, PKI.person(JAN).der)
    assert core.verify(data)[0].integrity is Integrity.BROKEN
