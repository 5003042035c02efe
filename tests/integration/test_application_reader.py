"""The reader of applications in its locked process: what it hands back, what it may cost, how it says it is broken."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mailbot.application import inside, isolated, sample
from mailbot.application.isolated import Readers
from mailbot.application.pdf import ocr
from mailbot.errors import ConfigError
from mailbot.signatures import worker
from tests.once import shipped


@pytest.fixture
async def readers() -> AsyncIterator[Readers]:
    async with Readers(1, 20.0) as found:
        yield found


async def test_a_page_is_read_and_its_picture_comes_back(readers: Readers) -> None:
    found = await readers.read(sample.build())
    assert found is not None
    assert found.application == sample.APPLICATION
    assert found.application.doubts == ()
    assert "adam@nowa.example" in found.text
    assert "adam@nowa.example" in (found.seen or "").replace(" ", "")
    assert [picture[1:4] for picture in found.pictures] == [b"PNG"]
    assert len(found.pictures[0]) < 400_000


async def test_a_large_page_is_read_also_after_the_rules_have_changed(readers: Readers) -> None:
    """Without room for its picture it would be a doubt about every such letter."""
    page = sample.build().replace(b"MediaBox [0 0 595 842]", b"MediaBox[0 0 842 1191]")  # A3, and no octet moved
    letter, at = shipped().application_words, datetime(2026, 11, 28, tzinfo=UTC)
    for rules in (letter, replace(letter, source=f"{letter.source}\n# changed")):
        found = await readers.judge(page, rules, at)
        assert found is not None
        assert found.seen
        assert (found.application, found.application.doubts) == (sample.APPLICATION, ())


async def test_it_proves_itself(readers: Readers) -> None:
    await readers.prove()
    assert readers._idle == [], "50 MB that nobody needs until an application comes"


async def test_a_part_that_is_missing_is_our_fault(
    readers: Readers, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(readers, "handler", "tests.integration.worker_jobs:no_reader")
    with caplog.at_level(logging.INFO, "mailbot"):
        assert await readers.read(sample.build()) is None
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    with pytest.raises(ConfigError, match="mend"):
        await readers.prove()


def test_data_that_are_not_there_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"does not load.*mend: "):
        ocr.Engine(tmp_path)


def test_an_error_of_the_reader_is_no_defect_of_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(payload: bytes) -> None:
        raise PermissionError("a worker opens no files")

    job = inside.handler({})
    monkeypatch.setattr(inside, "reading", broken)
    answer = job({}, [b""])
    assert answer == ({"failed": "reader"}, [])
    with pytest.raises(worker.WorkerFailed, match="reader"):
        isolated._reading(answer)
