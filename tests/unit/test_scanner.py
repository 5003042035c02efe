"""What a scanner says is read strictly: nothing but its own words makes a file clean."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailbot import scanner
from mailbot.config import ScannerSettings
from mailbot.scanner import Scanned
from tests.scanners import Liar, lying


async def asked(liar: Liar, *parts: bytes, seconds: float = 5) -> Scanned:
    async with lying(liar):
        return await scanner.scan(ScannerSettings(liar.address, timeout_seconds=seconds), *parts)


async def test_every_octet_of_every_part_is_sent() -> None:
    liar, large = Liar(), bytes(range(256)) * 1000
    assert await asked(liar, b"", large, b"x") == Scanned()
    assert liar.seen == [b"", large, b"x"]


@pytest.mark.parametrize("name", ["Eicar-Test-Signature", "Win.Trojan.Agent-1234.UNOFFICIAL", "a: OK"])
async def test_what_is_found_is_told_by_its_name(name: str) -> None:
    found = await asked(Liar(b"stream: " + name.encode() + b" FOUND\0"), b"x")
    assert (found == Scanned(found=name)) is (" " not in name)
    assert found != Scanned()


LIES = {
    "an error": b"stream: Can't allocate memory ERROR\0",
    "too large": b"INSTREAM size limit exceeded. ERROR\0",
    "no end": b"stream: OK",
    "another name": b"/tmp/x: OK\0",
    "two answers": b"stream: OK\nstream: OK\0",
    "lower case": b"stream: ok\0",
    "nothing": b"\0",
    "a shout": b"OK\0",
    "octets": bytes(range(1, 256)) + b"\0",
    "without end": b"x" * 100_000,
    "it hangs up": b"",
    "no name": b"stream:  FOUND\0",
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
async def test_what_is_no_verdict_makes_nothing_clean(lie: bytes) -> None:
    found = await asked(Liar(lie), b"x")
    assert found.failed
    assert not found.away
    assert not found.found


async def test_who_is_slow_is_not_waited_for() -> None:
    assert await asked(Liar(None), b"x", seconds=0.2) == Scanned(failed="no answer in time")


async def test_a_file_at_which_it_dies_is_told_from_a_scanner_that_is_dead() -> None:
    assert (await asked(Liar(b"", lives=True), b"x")).away is False
    assert (await asked(Liar(b"", lives=False), b"x")).away is True


async def test_it_may_hang_up_before_it_heard_everything() -> None:
    found = await asked(Liar(b"INSTREAM size limit exceeded. ERROR\0", most=100_000), b"x" * 20_000_000)
    assert found.failed
    assert not found.away


async def test_nobody_there(tmp_path: Path) -> None:
    found = await scanner.scan(ScannerSettings(f"unix:{tmp_path}/none"), b"x")
    assert found == Scanned(failed="not reached: FileNotFoundError", away=True)
