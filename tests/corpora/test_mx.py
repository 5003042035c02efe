"""Mails as the mail servers of the corpus delivered them: genuine ones are proven, forged and injected ones never."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from mailbot.config import AuthenticationSettings
from mailbot.model import Authentication, AuthResult, Envelope, Source
from mailbot.parsing.mime import parse
from mailbot.sender import chain
from mailbot.sender.mailbox import read_from
from mailbot.sender.results import conclude

MX = "mx.helpdesk.example"
TWICE = (MX, "localhost", MX)
BELOW = {"placement": "below", "strips_foreign": True}
SETTINGS: dict[str, dict[str, object]] = {
    "c5": BELOW,
    "c7": {"received_by": ("mbox.helpdesk.example", MX)},
    "c12": {"received_by": TWICE, **BELOW},
    "x1": {
        "authserv_id": "none",
        "received_by": ("*.prod.outlook.example", "*.office365.example", "*.mail.protection.outlook.example"),
    },
    "x3": {
        "authserv_id": tuple(f"esa{n}.helpdesk.example" for n in range(1, 5)),
        "received_by": ("mbox.helpdesk.example", "esa?.helpdesk.example"),
    },
    "x6": {"received_by": ("d0c0ffee0001", "mail.helpdesk.example"), "authserv_id": "mail.helpdesk.example", **BELOW},
}
"""Where it is not the default: how docs/mx.md describes the chain."""
UNSAFE = frozenset({"c14"})
"""It keeps the sender's fields next to its own: no settings describe it."""


@pytest.fixture(scope="module")
def folder(corpora: Path) -> Path:
    if not (corpora / "mx").is_dir():
        pytest.skip("the corpus of mail servers is not here")
    return corpora / "mx"


def judged(raw: bytes, settings: AuthenticationSettings) -> Authentication:
    message = parse(raw, Envelope(Source.INJECT), frozenset())
    address = read_from(message.headers).address
    assert address is not None
    reading = chain.read(message.headers, settings)
    if not reading.reports:
        return Authentication(AuthResult.NONE, reading.why)
    return conclude(reading.reports, address.rpartition("@")[2], together=reading.edge is not None)


def test_only_genuine_mail_is_proven(folder: Path) -> None:
    wrong, genuine = [], 0
    for file in sorted(folder.glob("*.eml")):
        told = dict(
            re.findall(r"^(\w+): (.*)$", file.with_suffix(".expected.txt").read_text(encoding="utf-8"), re.MULTILINE)
        )
        name = file.name.partition("-")[0]
        options = ast.literal_eval(told["options"])
        settings = AuthenticationSettings(**{"authserv_id": options["authserv"], **SETTINGS.get(name, {})})
        found = judged(file.read_bytes(), settings)
        expected = told["proven"] == "yes" and name not in UNSAFE
        genuine += expected
        if (found.result is AuthResult.PASS) is not expected:
            wrong.append(f"{file.name}: {found.result.value}, {found.detail}")
        if told["outcome"] == "QUARANTINE" and name not in UNSAFE and found.result is not AuthResult.FAIL:
            wrong.append(f"{file.name}: {found.result.value} is no quarantine, {found.detail}")
    assert wrong == []
    assert genuine > 40
