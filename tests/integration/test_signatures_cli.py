"""``mailbot signatures verify`` as an administrator and the tests of others call it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from fixtures.signing import asic, cms, xades
from fixtures.signing.pki import Pki
from mailbot.cli import cli

PAYLOAD = b"Wniosek: nowy adres jan.nowy@poczta.example"
AT = "2026-11-20T12:00:00+01:00"
FIELDS = {
    "file", "format", "verdict", "indication", "sub_indication", "integrity", "scope", "trust", "kind", "signer",
    "reasons", "wrapper", "level", "claimed_time", "proven_time", "received_at", "algorithms", "flags",
    "payload_sha256", "trust_snapshot", "uncovered",
}  # fmt: skip


@pytest.fixture(scope="module")
def pki() -> Pki:
    return Pki()


@pytest.fixture(scope="module")
def trust(pki: Pki, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trust")
    pki.write_trust(folder)
    return folder


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(cli, ["signatures", "verify", "--at", AT, *map(str, arguments)])


def reports(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_accepted_file(pki: Pki, trust: Path, tmp_path: Path) -> None:
    file = tmp_path / "wniosek.pdf"  # the name lies, the content is an ASiC
    file.write_bytes(asic.SHAPES["asic-e-xades"](pki, pki.person(), PAYLOAD).data)
    result = run(file, "--trust", trust, "--json")
    assert result.exit_code == 0, result.output
    (found,) = reports(result)
    assert found.keys() >= FIELDS
    assert (found["file"], found["format"], found["verdict"]) == (str(file), "asic-e", "ACCEPT")
    assert (found["kind"], found["trust"], found["reasons"]) == ("QUALIFIED", "trusted", [])
    assert (found["signer"]["given"], found["signer"]["surname"]) == ("Jan", "Kowalski")
    assert found["received_at"] == AT
    assert pki.person().person.pesel not in result.stdout
    assert "payload" not in found


def test_without_trust_nothing_is_accepted(pki: Pki, tmp_path: Path) -> None:
    file = tmp_path / "wniosek.xml"
    file.write_bytes(xades.SHAPES["enveloped"](pki, pki.person(), PAYLOAD).data)
    result = run(file, "--json")
    assert result.exit_code == 1
    assert reports(result)[0]["verdict"] == "MANUAL"


@pytest.mark.parametrize("shape", ["detached", "detached-pem"])
def test_detached_signature(shape: str, pki: Pki, trust: Path, tmp_path: Path) -> None:
    made = cms.SHAPES[shape](pki, pki.person(), PAYLOAD)
    signature, content = tmp_path / "podpis.p7s", tmp_path / "wniosek.txt"
    signature.write_bytes(made.data)
    content.write_bytes(PAYLOAD)
    alone = reports(run(signature, "--trust", trust, "--json"))[0]
    assert (alone["verdict"], alone["sub_indication"]) == ("REJECT", "SIGNED_DATA_NOT_FOUND")
    assert run(signature, "--content", content, "--trust", trust).exit_code == 0
    content.write_bytes(PAYLOAD + b"!")
    changed = reports(run(signature, "--content", content, "--trust", trust, "--json"))[0]
    assert (changed["verdict"], changed["integrity"]) == ("REJECT", "broken")


def test_detached_signature_beside_its_content(pki: Pki, trust: Path, tmp_path: Path) -> None:
    made = xades.SHAPES["detached"](pki, pki.person(), PAYLOAD)
    (tmp_path / "wniosek.txt").write_bytes(PAYLOAD)
    signature = tmp_path / "wniosek.txt.xades"
    signature.write_bytes(made.data)
    assert reports(run(signature, "--trust", trust, "--json"))[0]["verdict"] == "ACCEPT"


def test_folder_with_bad_files(pki: Pki, trust: Path, tmp_path: Path) -> None:
    (tmp_path / "a.p7m").write_bytes(cms.SHAPES["attached"](pki, pki.person(), PAYLOAD).data)
    (tmp_path / "b.pdf").write_bytes(b"%PDF-1.7 broken")
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "d.txt").write_bytes(PAYLOAD)
    (tmp_path / "c" / "e.exe").write_bytes(b"MZ\x90\x00")
    (tmp_path / "c" / "f").symlink_to(tmp_path / "nowhere")
    result = run(tmp_path, "--trust", trust, "--json")
    assert result.exit_code == 1
    found = {Path(r["file"]).name: r["verdict"] for r in reports(result)}
    assert found == {"a.p7m": "ACCEPT", "b.pdf": "MANUAL", "d.txt": "REJECT", "e.exe": "REJECT"}


def test_words_for_people(pki: Pki, trust: Path, tmp_path: Path) -> None:
    good, bad = tmp_path / "a.p7m", tmp_path / "b.txt"
    good.write_bytes(cms.SHAPES["attached"](pki, pki.person(), PAYLOAD).data)
    bad.write_bytes(PAYLOAD)
    lines = run(good, bad, "--trust", trust).stdout.splitlines()
    assert lines[0] == f"{good}: ACCEPT (cades-attached, QUALIFIED, Jan Kowalski)"
    assert lines[1:] == [f"{bad}: REJECT (none, OTHER)", "  UNSIGNED: Plik nie jest podpisany elektronicznie."]
