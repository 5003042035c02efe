"""The signed mails of the demo (fixtures/case_b.yaml) through ``mailbot explain`` and the real workers."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mailbot.cli.demo_mails import applications
from mailbot.observe import utc_now
from mailbot.service.places import FIXTURES
from tests.citizens import AUTHSERV_ID
from tests.support import ROOT

DEFECTS = {
    "b05-changed-after-signing": ["SIGNATURE_INVALID"],
    "b06-self-made-certificate": ["SIGNATURE_KIND"],
    "b08-signed-by-another": ["SIGNER_NOT_APPLICANT"],
    "b09-replayed": ["APP_NEW_EMAIL_DIFFERS"],
    "b10-revoked": ["SIGNATURE_INVALID"],
}


def explained(folder: Path, *options: str) -> dict[str, dict[str, Any]]:
    accounts = str(FIXTURES / "accounts.yaml")
    command = [sys.executable, "-m", "mailbot", "explain", str(folder), "--json", "--accounts", accounts, *options]
    done = subprocess.run(
        [*command, "--authserv-id", AUTHSERV_ID], capture_output=True, text=True, timeout=600, cwd=ROOT, check=True
    )
    return {Path(found["file"]).stem: found for found in map(json.loads, done.stdout.splitlines())}


@pytest.fixture(scope="module")
def mails(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, dict[str, dict[str, Any]]]:
    """The mails, the trust folder, and what must become of each."""
    folder, trust = tmp_path_factory.mktemp("mails"), tmp_path_factory.mktemp("trust")
    cases = applications(trust, AUTHSERV_ID, utc_now())
    for case in cases:
        (folder / f"{case.name}.eml").write_bytes(case.raw)
    return folder, trust, {case.name: case.expect for case in cases}


def test_every_mail_has_its_outcome_and_defects(mails: tuple[Path, Path, dict[str, dict[str, Any]]]) -> None:
    folder, trust, expected = mails
    found = explained(folder, "--trust", str(trust))
    assert {name: one["outcome"] for name, one in found.items()} == {n: e["outcome"] for n, e in expected.items()}
    assert {name: one["mails"] for name, one in found.items()} == {n: e["mails"] for n, e in expected.items()}
    assert {name: one["defects"] for name, one in found.items() if one["defects"]} == DEFECTS


def test_without_anchors_no_signature_is_accepted(mails: tuple[Path, Path, dict[str, dict[str, Any]]]) -> None:
    folder, _, expected = mails
    found = explained(folder)
    granted = [name for name, expect in expected.items() if expect["outcome"] == "OK_B"]
    assert granted
    assert {found[name]["outcome"] for name in granted} == {"REVIEW"}
    assert not any(one["outcome"] == "OK_B" for one in found.values())
