"""The PDFs of the corpus of applications: whatever is hidden in one is a doubt, and honest ones are read whole."""

from __future__ import annotations

import email
import email.policy
from collections.abc import Iterator
from pathlib import Path

import yaml

from fixtures.signing.application import Data, write
from mailbot.application.pdf.reader import MARK
from mailbot.application.read import read


def _pdfs(folder: Path, kind: str) -> Iterator[tuple[str, bytes]]:
    for file in sorted(folder.glob(f"{kind}-*.eml")):
        message = email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
        for part in message.iter_attachments():
            payload = part.get_payload(decode=True)
            if isinstance(payload, bytes) and payload.startswith(MARK):
                yield file.name, payload


def test_what_is_hidden_is_a_doubt(corpora: Path) -> None:
    hidden = [*_pdfs(corpora / "applications", "a01"), *_pdfs(corpora / "applications", "a07")]
    assert len(hidden) > 70
    assert [name for name, data in hidden if not read(data, "").doubts] == []


def test_honest_pdfs_are_read_without_a_doubt(corpora: Path) -> None:
    honest = list(_pdfs(corpora / "applications", "honest"))
    assert len(honest) > 20
    found = {name: read(data, "") for name, data in honest}
    assert {name: one.doubts for name, one in found.items() if one.doubts or one.missing} == {}


def test_every_application_of_the_citizens(corpora: Path) -> None:
    mails = yaml.safe_load((corpora / "citizens" / "mails.yaml").read_text(encoding="utf-8"))
    specs = [spec["app"] for mail in mails for spec in mail["attachments"] if "app" in spec]
    assert specs
    for spec in specs:
        data = Data(spec.get("name", ""), spec.get("old", ""), spec.get("new", ""))
        for extension, style in (("pdf", "labels"), ("docx", "prose"), ("txt", "numbered"), ("xml", "labels")):
            found = read(write(data, extension, style), "")
            assert (found.given, found.surname) == (data.given, data.surname), (spec, style)
            assert (found.old_login, found.new_email) == (data.old or None, data.new or None), (spec, style)
