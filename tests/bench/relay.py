"""``python -m tests.bench.relay FILE``: takes every mail and keeps none; prints its port, ends with SIGTERM.

How many it took stands in FILE, eight octets; with a second FILE, a line there for each mail: when, and what it
answers. It speaks just as much SMTP (LMTP) as a client needs that makes no
mistake, so that it costs next to nothing beside what is measured.
"""

from __future__ import annotations

import asyncio
import mmap
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from tests.support import ROOT

_ANSWERED = re.compile(rb"^In-Reply-To: *(?:\r\n )?<([^>\r\n]*)>", re.MULTILINE)


class _Taker(asyncio.Protocol):
    count = 0

    def __init__(self, told: mmap.mmap, log: TextIO | None) -> None:
        self._told, self._log, self._buffer, self._data = told, log, bytearray(), False

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
        if self._log is not None:
            found = _ANSWERED.search(self._buffer)
            print(time.time(), found[1].decode() if found else "", file=self._log, flush=True)
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
def sink(folder: Path, log: Path | None = None) -> Iterator[Sink]:
    """A sink in a process of its own, for the time of the block. ``log``: where it writes what came, and when."""
    file = folder / "taken"
    file.write_bytes(bytes(8))
    command = [sys.executable, "-m", "tests.bench.relay", str(file), *([str(log)] if log else ())]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield Sink(int(process.stdout.readline()), file)
        finally:
            process.terminate()


def first(log: Path) -> dict[str, float]:
    """For each message when the first mail that answers it came (time.time)."""
    came: dict[str, float] = {}
    for line in log.read_text().splitlines():
        at, _, answered = line.partition(" ")
        came.setdefault(answered, float(at))
    return came


async def _main(told: mmap.mmap, log: TextIO | None) -> None:
    server = await asyncio.get_running_loop().create_server(lambda: _Taker(told, log), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    with ExitStack() as stack:
        counter = stack.enter_context(Path(sys.argv[1]).open("r+b"))
        shared = stack.enter_context(mmap.mmap(counter.fileno(), 8))
        log = stack.enter_context(Path(sys.argv[2]).open("w")) if len(sys.argv) > 2 else None
        asyncio.run(_main(shared, log))
