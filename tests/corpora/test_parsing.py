"""None of the real mails raises, hangs over 2 s or takes over 200 MB."""

from __future__ import annotations

import json
import time
import tracemalloc
from pathlib import Path

from tests.unit.parsing.mails import IMAP, read


def test_every_mail_of_the_corpus(corpora: Path) -> None:
    folder = corpora / "mail"
    entries = json.loads((folder / "INDEX.json").read_text(encoding="utf-8"))
    assert len(entries) >= 1785
    slow: list[str] = []
    failed: list[str] = []
    for entry in entries:
        raw = (folder / entry["path"]).read_bytes()
        start = time.perf_counter()
        message = read(raw, IMAP)
        if time.perf_counter() - start > 2:
            slow.append(entry["path"])
        if any("failed" in reason for reason in message.damage):
            failed.append(entry["path"])
    assert not slow
    assert not failed


def test_memory_of_the_largest(corpora: Path) -> None:
    folder = corpora / "mail"
    entries = json.loads((folder / "INDEX.json").read_text(encoding="utf-8"))
    worst = 0
    tracemalloc.start()
    try:
        for entry in sorted(entries, key=lambda e: -e["bytes"])[:40]:
            raw = (folder / entry["path"]).read_bytes()
            tracemalloc.reset_peak()
            read(raw, IMAP)
            worst = max(worst, tracemalloc.get_traced_memory()[1])
    finally:
        tracemalloc.stop()
    assert worst < 200 * 1024 * 1024


def test_reports_of_the_corpus_are_automatic(corpora: Path) -> None:
    """Bounces of many servers: hardly any may pass for a person (the rest are lines of text without a mail header)."""
    folder = corpora / "mail"
    entries = json.loads((folder / "INDEX.json").read_text(encoding="utf-8"))
    reports = [e["path"] for e in entries if "dsn" in e["tags"]]
    missed = [path for path in reports if read((folder / path).read_bytes(), IMAP).automatic is None]
    assert len(missed) <= len(reports) // 50, missed
