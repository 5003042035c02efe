"""Virus scanners for tests: one that lies, and a real clamd with a signature of our own."""

from __future__ import annotations

import asyncio
import struct
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

from tests.support import missing, program

VIRUS = b"MAILBOT-TEST-VIRUS-7b1f0d52"
"""What our signature finds."""


class Liar:
    """Answers a scan with ``says`` (None: never; b"": hangs up), the question for its version as ``lives``.

    ``most``: octets after which it hangs up without having read the rest. ``seen``: what it was sent.
    ``seconds``: that each scan takes. ``poison``: octets at which it dies; ``lives`` says when it was started again.
    """

    def __init__(self, says: bytes | None = b"stream: OK\0", *, lives: bool = True, most: int = 2**40) -> None:
        self.says, self.lives, self.most = says, lives, most
        self.poison: bytes | None = None
        self.seconds = 0.0
        self.seen: list[bytes] = []
        self.address = ""
        self.tasks: list[asyncio.Task[None] | None] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.tasks.append(asyncio.current_task())
        try:
            await self._answer(reader, writer)
        finally:
            writer.transport.abort() if self.says is None else writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        command = await reader.readuntil(b"\0")
        if command == b"zVERSION\0":
            says: bytes | None = b"ClamAV 1.0.9/27500/Mon Nov 30 09:00:00 2026\0" if self.lives else b""
        else:
            assert command == b"zINSTREAM\0"
            says = self.says
            self.seen.append(await self._body(reader))
            await asyncio.sleep(self.seconds)
            if self.poison is not None and self.poison in self.seen[-1]:
                self.lives = False
            if not self.lives:
                says = b""
        if says is None:
            await asyncio.sleep(60)
        writer.write(says or b"")

    async def _body(self, reader: asyncio.StreamReader) -> bytes:
        octets = b""
        while size := struct.unpack("!L", await reader.readexactly(4))[0]:
            octets += await reader.readexactly(size)
            if len(octets) > self.most:
                break
        return octets


@asynccontextmanager
async def lying(liar: Liar) -> AsyncIterator[Liar]:
    """It listens on loopback."""
    server = await asyncio.start_server(liar.serve, "127.0.0.1", 0)
    liar.address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield liar
    finally:
        server.close()
        for task in filter(None, liar.tasks):
            task.cancel()
        await asyncio.gather(*filter(None, liar.tasks), return_exceptions=True)


@contextmanager
def clamd(folder: Path, port: int) -> Iterator[str]:
    """A clamd on ``port`` and on a Unix socket, which is given; it knows VIRUS alone, and takes 1 MB at most."""
    command, database = program("clamd"), folder / "signatures"
    database.mkdir()
    (database / "own.ndb").write_text(f"Mailbot.Test.Virus:0:*:{VIRUS.hex()}\n", encoding="ascii")
    socket = folder / "clamd.ctl"
    lines = ("Foreground yes", f"LocalSocket {socket}", f"TCPSocket {port}", "TCPAddr 127.0.0.1")
    more = (f"DatabaseDirectory {database}", "StreamMaxLength 1M", f"LogFile {folder}/log", "OfficialDatabaseOnly no")
    (folder / "clamd.conf").write_text("\n".join((*lines, *more)) + "\n", encoding="ascii")
    with subprocess.Popen([command, "-c", str(folder / "clamd.conf")], stdout=subprocess.DEVNULL) as running:
        try:
            deadline = time.monotonic() + 30
            while not socket.exists() and running.poll() is None and time.monotonic() < deadline:
                time.sleep(0.05)
            if not socket.exists():
                missing("a clamd that starts")
            yield f"unix:{socket}"
        finally:
            running.terminate()
            running.wait(30)
