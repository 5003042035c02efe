"""A virus scanner: clamd, asked by INSTREAM (clamd(8)) over a Unix socket or TCP.

Not by a package: of those on PyPI that are kept, aioclamd knows no Unix socket and takes an answer that was cut for
none, clamav-client reads an answer of any length for any time and takes an empty one; both send 1 KB at a time. What
must never be read as "clean" is read strictly here.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import struct
from dataclasses import dataclass, replace

from mailbot.config import ScannerSettings

_CHUNK = 64 * 1024
_LONGEST = 1024  # octets of an answer
_FOUND = re.compile(r"stream: ([\x21-\x7e]{1,200}) FOUND")


@dataclass(frozen=True, slots=True)
class Scanned:
    """What the scanner said of some octets. found: the name of a virus; failed: why nothing is known; neither: clean.

    away: the scanner itself did not answer, whatever it was asked.
    """

    found: str = ""
    failed: str = ""
    away: bool = False

    @property
    def told(self) -> str:
        """In one line."""
        if self.found:
            return f"found {self.found}"
        return f"failed: {self.failed}" if self.failed else CLEAN


CLEAN = "clean"


async def scan(settings: ScannerSettings, *parts: bytes) -> Scanned:
    """Each of ``parts``, until something is found or fails. Never raises for what the scanner does."""
    for part in parts:
        answer = await _asked(settings, b"zINSTREAM\0", part)
        if isinstance(answer, Scanned):  # is it the scanner, or this file at which it dies?
            return replace(answer, away=isinstance(await version(settings), Scanned))
        if answer != "stream: OK":
            found = _FOUND.fullmatch(answer)
            return Scanned(found=found[1]) if found else Scanned(failed=_why(answer))
    return Scanned()


async def version(settings: ScannerSettings) -> Scanned | str:
    """What the scanner is, with the number and day of its signatures: "ClamAV 1.0.9/27500/Mon Nov 30 …"."""
    return await _asked(settings, b"zVERSION\0", None)


async def _asked(settings: ScannerSettings, command: bytes, part: bytes | None) -> Scanned | str:
    """The answer, which ended as the protocol says."""
    try:
        async with asyncio.timeout(settings.timeout_seconds):
            reader, writer = await _connected(settings.address)
            try:
                writer.write(command)
                with contextlib.suppress(ConnectionError):  # it had enough, and perhaps said why
                    await _send(writer, part)
                octets = await reader.readuntil(b"\0")
            finally:
                writer.transport.abort()
                with contextlib.suppress(OSError):
                    await writer.wait_closed()
    except TimeoutError:
        return Scanned(failed="no answer in time")
    except asyncio.LimitOverrunError:
        return Scanned(failed="an answer without end")
    except asyncio.IncompleteReadError:
        return Scanned(failed="its answer was cut")
    except OSError as error:
        return Scanned(failed=f"not reached: {type(error).__name__}")
    return octets[:-1].decode("ascii", "replace")


async def _send(writer: asyncio.StreamWriter, part: bytes | None) -> None:
    if part is None:
        return
    view = memoryview(part)
    for start in range(0, len(view), _CHUNK):
        chunk = view[start : start + _CHUNK]
        writer.write(struct.pack("!L", len(chunk)))
        writer.write(chunk)
        await writer.drain()
    writer.write(struct.pack("!L", 0))
    await writer.drain()


async def _connected(address: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    if address.startswith("unix:"):
        return await asyncio.open_unix_connection(address.removeprefix("unix:"), limit=_LONGEST)
    host, _, port = address.rpartition(":")
    return await asyncio.open_connection(host.strip("[]"), int(port), limit=_LONGEST)


def _why(answer: str) -> str:
    """What it says instead of a verdict, as far as it is one of its own words."""
    if answer == "INSTREAM size limit exceeded. ERROR":
        return "the file is larger than StreamMaxLength of clamd"
    return "it could not scan" if answer.endswith("ERROR") else "an answer that is none"
