"""The load: an LMTP (RFC 2033) or SMTP client with kept connections, commands in one packet, as an MTA sends."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence

from tests.citizens import HELPDESK


async def send(
    port: int, mails: Sequence[bytes], sender: str, connections: int, *, hello: str = "LHLO", recipient: str = HELPDESK
) -> list[float]:
    """Hand ``mails`` over and return, for each, the seconds from its final dot to the 250. Any other answer raises."""
    ready = iter([raw.replace(b"\r\n.", b"\r\n..") + b".\r\n" for raw in mails])
    waits: list[float] = []
    async with asyncio.TaskGroup() as group:
        for _ in range(connections):
            group.create_task(_client(port, ready, sender, waits, hello, recipient))
    return waits


async def paced(
    port: int, mails: Mapping[str, bytes], sender: str, connections: int, rate: float
) -> dict[str, tuple[float, int]]:
    """Hand ``mails`` over, so many a second, whatever the server does; for each name when its 250 came (time.time), and
    the row that it tells. Any other answer raises."""
    ready, began, told = iter(enumerate(mails.items())), time.monotonic(), dict[str, tuple[float, int]]()

    async def client() -> None:
        reader, writer = await _greeted(port, "LHLO")
        for n, (name, raw) in ready:
            await asyncio.sleep(max(0.0, began + n / rate - time.monotonic()))
            await _announced(reader, writer, sender, HELPDESK)
            writer.write(raw.replace(b"\r\n.", b"\r\n..") + b".\r\n")
            row = await _reply(reader, b"250")
            told[name] = (time.time(), int(row.split()[-1]))
        await _bidden(reader, writer)

    async with asyncio.TaskGroup() as group:
        for _ in range(connections):
            group.create_task(client())
    return told


async def _client(
    port: int, ready: Iterator[bytes], sender: str, waits: list[float], hello: str, recipient: str
) -> None:
    reader, writer = await _greeted(port, hello)
    for content in ready:
        await _announced(reader, writer, sender, recipient)
        sent = time.perf_counter()
        writer.write(content)
        await _reply(reader, b"250")
        waits.append(time.perf_counter() - sent)
    await _bidden(reader, writer)


async def _greeted(port: int, hello: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    await _reply(reader, b"220")
    writer.write(f"{hello} mx.helpdesk.example\r\n".encode())
    await _reply(reader, b"250")
    return reader, writer


async def _announced(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, sender: str, recipient: str) -> None:
    writer.write(f"MAIL FROM:<{sender}>\r\nRCPT TO:<{recipient}>\r\nDATA\r\n".encode())
    for code in (b"250", b"250", b"354"):
        await _reply(reader, code)


async def _bidden(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"QUIT\r\n")
    await _reply(reader, b"221")
    writer.close()


async def _reply(reader: asyncio.StreamReader, code: bytes) -> bytes:
    """The last line of one reply (RFC 5321 §4.2.1)."""
    while True:
        line = await reader.readline()
        if not line.startswith(code):
            raise AssertionError(f"{code.decode()} expected, the server says {line!r}")
        if line[3:4] != b"-":
            return line
