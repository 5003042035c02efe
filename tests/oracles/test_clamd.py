"""The scanner against a real clamd, with a signature file of our own."""

from __future__ import annotations

import base64
from collections.abc import Iterator

import pytest

from mailbot import scanner
from mailbot.config import ScannerSettings
from mailbot.scanner import Scanned
from tests.integration.servers import free_port
from tests.scanners import VIRUS, clamd

FOUND = Scanned(found="Mailbot.Test.Virus.UNOFFICIAL")


@pytest.fixture(scope="module")
def addresses(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    port = free_port()
    with clamd(tmp_path_factory.mktemp("clamd"), port) as socket:
        yield socket, f"127.0.0.1:{port}"


@pytest.fixture(params=["unix", "tcp"])
def settings(request: pytest.FixtureRequest, addresses: tuple[str, str]) -> ScannerSettings:
    return ScannerSettings(addresses[0] if request.param == "unix" else addresses[1])


async def test_it_finds_what_it_knows_wherever_it_stands(settings: ScannerSettings) -> None:
    assert await scanner.scan(settings, b"nothing", b"") == Scanned()
    assert await scanner.scan(settings, b"nothing", b"x" * 200_000 + VIRUS) == FOUND
    inside = b"Content-Transfer-Encoding: base64\r\nContent-Type: application/octet-stream; name=a\r\nSubject: x\r\n"
    letter = b"From: <a@b.example>\r\nMIME-Version: 1.0\r\n" + inside + b"\r\n" + base64.encodebytes(b"!" + VIRUS)
    assert await scanner.scan(settings, letter) == FOUND


async def test_what_is_too_large_for_it_is_not_clean(settings: ScannerSettings) -> None:
    found = await scanner.scan(settings, b"x" * 3_000_000)
    assert found.failed
    assert not found.away


async def test_it_says_what_it_is(settings: ScannerSettings) -> None:
    said = await scanner.version(settings)
    assert isinstance(said, str)
    assert said.startswith("ClamAV ")
