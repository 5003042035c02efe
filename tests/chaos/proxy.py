"""A wire that can be cut, or go silent: between a client of mailbot's and its server."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Proxy:
    """Carries octets both ways. ``refuses``: a new connection ends at once."""

    def __init__(self, connect: Callable[[], Awaitable[Streams]]) -> None:
        self.refuses = False
        self._flows = asyncio.Event()
        self._flows.set()
        self._connect = connect
        self._open: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def listen_on_port(self, port: int) -> None:
        """Clients come by TCP."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", port)

    async def listen_on_socket(self, path: Path) -> None:
        """Clients come by a Unix socket."""
        self._server = await asyncio.start_unix_server(self._accept, path)
        path.chmod(0o777)  # noqa: ASYNC240  # the program may run as another account

    def cut(self) -> int:
        """End every connection, in the middle of whatever. Returns how many."""
        for writer in self._open:
            writer.transport.abort()
        return len(self._open) // 2

    def silence(self) -> None:
        """Carry nothing and close nothing, as a firewall that forgot the connections does."""
        self._flows.clear()

    def speak(self) -> None:
        """Carry again, what was held back too."""
        self._flows.set()

    async def close(self) -> None:
        """Listen no more.

        asyncio forgets a connection that it accepts in the turn that closes its server, and closes what is aborted in
        the next one.
        """
        await _turns()
        if self._server is not None:
            self._server.close()
            self._server = None
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await _turns()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """A task that is cancelled before its first step ends nothing, so its callback does."""
        if self._server is None:  # accepted while it was closed
            writer.transport.abort()
            return
        task = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(lambda done: (self._tasks.discard(done), writer.transport.abort()))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.CancelledError):
            await self._carry_both(reader, writer)

    async def _carry_both(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.refuses:
            return
        theirs, ours = await self._connect()
        pair = {writer, ours}
        self._open |= pair
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._carry(reader, ours))
                group.create_task(self._carry(theirs, writer))
        except* OSError:
            pass
        finally:
            self._open -= pair
            ours.transport.abort()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while octets := await reader.read(65536):
            await self._flows.wait()
            writer.write(octets)
            await writer.drain()
        raise ConnectionResetError("one end has gone")


async def _turns() -> None:
    """A few of the loop: one to accept, one to begin, one to end."""
    for _ in range(5):
        await asyncio.sleep(0)
