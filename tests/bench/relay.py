"""``python -m tests.bench.relay FILE``: takes every mail and keeps none; prints its port, ends with SIGTERM.

How many it took stands in FILE, eight octets. It speaks just as much SMTP (LMTP) as a client needs that makes no
mistake, so that it costs next to nothing beside what is measured.
"""

from __future__ import annotations

import asyncio
import mmap
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support import ROOT


class _Taker(asyncio.Protocol):
    count = 0

    def __init__(self, told: mmap.mmap) -> None:
        self._told, self._buffer, self._data = told, bytearray(), False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(b"220 sink.example ready\r\n")

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        answers = []
        while (end := self._buffer.find(b"\r\n.\r\n" if self._data else b"\r\n")) >= 0:
            answers.append(self._mail(end) if self._data else self._command(end))
        self._transport.write(b"".join(answers))
        if b"221 2.0.0 bye\r\n" in answers:
            self._transport.close()

    def _mail(self, end: int) -> bytes:
        del self._buffer[: end + 5]
        self._data = False
        _Taker.count += 1
        self._told[:8] = _Taker.count.to_bytes(8)
        return b"250 2.0.0 queued as %d\r\n" % _Taker.count

    def _command(self, end: int) -> bytes:
        verb = bytes(self._buffer[:4]).upper()
        del self._buffer[: end + 2]
        if verb == b"DATA":
            self._data = True
            return b"354 go on\r\n"
        if verb in (b"EHLO", b"LHLO"):
            return b"250-sink.example\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 PIPELINING\r\n"
        return b"221 2.0.0 bye\r\n" if verb == b"QUIT" else b"250 2.0.0 well\r\n"


@dataclass(frozen=True, slots=True)
class Sink:
    """A running one."""

    port: int
    file: Path

    def count(self) -> int:
        """Mails taken until now."""
        return int.from_bytes(self.file.read_bytes())


@contextmanager
def sink(folder: Path) -> Iterator[Sink]:
    """A sink in a process of its own, for the time of the block."""
    file = folder / "taken"
    file.write_bytes(bytes(8))
    command = [sys.executable, "-m", "tests.bench.relay", str(file)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield Sink(int(process.stdout.readline()), file)
        finally:
            process.terminate()


async def _main(told: mmap.mmap) -> None:
    server = await asyncio.get_running_loop().create_server(lambda: _Taker(told), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    with Path(sys.argv[1]).open("r+b") as counter, mmap.mmap(counter.fileno(), 8) as shared:
        asyncio.run(_main(shared))
