"""``mailbot trust show`` and ``mailbot trust update`` as an administrator sees them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from fixtures.signing.pki import NOW, Pki
from mailbot.cli import cli
from mailbot.errors import ConfigError, TrustSourceUnavailable
from mailbot.signatures.trust import refresh
from tests.trusted_lists import Edition, Service, list_of_lists, list_signer, polish_list

PKI = Pki()
AT = NOW.isoformat()


def mailbot(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments)


def rows(result: Result) -> list[dict[str, object]]:
    return [json.loads(line) for line in result.output.splitlines()]


def test_show(tmp_path: Path) -> None:
    PKI.write_trust(tmp_path)
    result = mailbot("trust", "show", "--trust", str(tmp_path), "--at", AT)
    assert result.exit_code == 0, result.output
    assert len(result.output.splitlines()) == 13
    assert "2026-01-24 09:00 – 2035-02-06 09:00" in result.output
    assert "[qualified-ca  anchors/qualified-ca/qualified.pem]" in result.output
    assert result.output.count("NOT IN FORCE") == 1  # the CRL of "silent" ended a month ago


def test_show_as_json(tmp_path: Path) -> None:
    PKI.write_trust(tmp_path)
    found = rows(mailbot("trust", "show", "--trust", str(tmp_path), "--at", AT, "--json"))
    anchors = [row for row in found if row["what"] == "anchor"]
    assert {str(row["source"]): row["roles"] for row in anchors}["anchors/seal-ca/seal.pem"] == ["seal-ca"]
    assert all(row["in_force"] and row["since"] and row["until"] for row in anchors)
    assert {row["source"]: row["revoked"] for row in found if row["what"] == "crl"}["revocation/seal.crl"] == 64


@pytest.mark.parametrize("which", ["empty", "stale", "broken file"])
def test_show_fails_when_something_is_wrong(which: str, tmp_path: Path) -> None:
    if which != "empty":
        PKI.write_trust(tmp_path)
    if which == "broken file":
        (tmp_path / "revocation" / "x.crl").write_bytes(b"x")
    if which == "stale":
        eu, pl = list_signer("EU"), list_signer("PL")
        (tmp_path / "anchors" / "lotl").mkdir()
        (tmp_path / "anchors" / "lotl" / "eu.pem").write_bytes(eu.pem)
        (tmp_path / "lotl.xml").write_bytes(list_of_lists(eu, pl, Edition(next_update=NOW - timedelta(days=1))))
        (tmp_path / "pl.xml").write_bytes(polish_list(pl, Edition()))
    result = mailbot("trust", "show", "--trust", str(tmp_path), "--at", AT)
    assert result.exit_code == 1
    assert ("PROBLEM  " in result.output) is (which != "stale")
    assert ("NOT IN FORCE" in result.output) is (which != "empty")


def test_the_folder_comes_from_the_settings(tmp_path: Path) -> None:
    (tmp_path / "mailbot.toml").write_text(f'[trust]\ndirectory = "{PKI.write_trust(tmp_path / "t")}"\n')
    result = mailbot("trust", "show", "--config", str(tmp_path / "mailbot.toml"), "--at", AT)
    assert result.exit_code == 0, result.output


def test_no_folder_is_a_mistake_with_a_mend() -> None:
    result = mailbot("trust", "show")
    assert isinstance(result.exception, ConfigError)
    assert "mend: set it, or give --trust DIR" in result.exception.reason


@pytest.mark.parametrize("temporary", [True, False])
def test_update(temporary: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = datetime.now(UTC)
    eu, pl = list_signer("EU", (-5000, 50_000)), list_signer("PL", (-5000, 50_000))
    edition = Edition(services=(Service(PKI.authority("qualified").certificate),), next_update=now + timedelta(days=9))
    pages = {
        "https://ec.europa.eu/tools/lotl/eu-lotl.xml": list_of_lists(eu, pl, edition),
        "https://tsl.example/pl.xml": polish_list(pl, edition),
    }

    def fetch(url: str, limit: int) -> bytes:
        if temporary and url not in pages:
            raise TrustSourceUnavailable(f"{url}: no route")
        return pages.get(url, b"rubbish")

    (tmp_path / "anchors" / "lotl").mkdir(parents=True)
    (tmp_path / "anchors" / "lotl" / "eu.pem").write_bytes(eu.pem)
    monkeypatch.setattr(refresh, "download", fetch)
    result = mailbot("trust", "update", "--trust", str(tmp_path), "--json")
    assert [(row["file"], row["ok"]) for row in rows(result)][:2] == [("lotl.xml", True), ("pl.xml", True)]
    assert rows(result)[2]["ok"] is False  # the CRL that rules/signatures.yaml names
    assert result.exit_code == (75 if temporary else 1)


def test_update_of_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    result = mailbot("trust", "update", "--trust", str(tmp_path / "file" / "folder"))
    assert isinstance(result.exception, ConfigError)
    assert "mend: run it as the user who owns the folder" in result.exception.reason
