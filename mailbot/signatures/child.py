"""The process that a worker is, as its parent sees it: started, asked, ended (signatures.sandbox is its inside)."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mailbot.signatures import wire

_LAST = 5.0  # seconds that a process may take to end when it has closed its answers
_SLICE = 2**20


class WorkerFailed(Exception):
    """A job has no answer. ``cause``: a key of the texts of signatures.worker; ``passing``: no setting is to blame, but
    the machine."""

    def __init__(self, cause: str, *, passing: bool = False) -> None:
        super().__init__(cause)
        self.cause = cause
        self.passing = passing


@dataclass(slots=True)
class Child:
    """A running worker."""

    process: Process
    handle: int
    """A pidfd: unlike a number it never means another process."""
    done: int = 0

    async def ask(self, pieces: deque[bytes], seconds: float) -> wire.Frame:
        """The next frame after the one in ``pieces``, which are taken out: they may be large, and nobody needs them
        once they are sent. Raises WorkerFailed, ValueError."""
        stdin, stdout = self.process.stdin, self.process.stdout
        assert stdin is not None
        assert stdout is not None
        try:
            async with asyncio.timeout(seconds):
                while pieces:
                    piece = memoryview(pieces.popleft())
                    for start in range(0, len(piece), _SLICE):  # what the pipe does not take at once is copied
                        stdin.write(piece[start : start + _SLICE])
                        await stdin.drain()
                    del piece
                return await wire.read_async(stdout)
        except TimeoutError as error:
            raise WorkerFailed("deadline") from error
        except (asyncio.IncompleteReadError, OSError) as error:
            with contextlib.suppress(TimeoutError):  # how it ends tells why
                await asyncio.wait_for(self.process.wait(), _LAST)
            await self.end()
            raise WorkerFailed("deadline" if self.process.returncode == -signal.SIGXCPU else "died") from error

    async def end(self) -> None:
        """Kill and reap; the second time nothing. Waiting is shielded: a cancelled caller leaves no zombie."""
        if self.handle < 0:
            return
        handle, self.handle = self.handle, -1
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(handle, signal.SIGKILL)
        os.close(handle)
        await asyncio.shield(_gone(self.process))

    def resident(self) -> int:
        """Octets of memory that it holds; 0 where the system does not say."""
        with contextlib.suppress(OSError, ValueError, IndexError):
            return int(Path(f"/proc/{self.process.pid}/statm").read_bytes().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        return 0


async def spawned(environment: Mapping[str, str]) -> Child:
    """A new process. Raises WorkerFailed when the system has no memory, process or descriptor left for one."""
    command = (sys.executable, "-B", "-P", "-m", "mailbot.signatures.sandbox")
    try:
        process = await asyncio.create_subprocess_exec(
            *command, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, env=environment, start_new_session=True
        )
    except OSError as error:
        raise WorkerFailed("start", passing=True) from error
    assert process.stdin is not None
    with contextlib.suppress(OSError):
        fcntl.fcntl(process.stdin.transport.get_extra_info("pipe"), fcntl.F_SETPIPE_SZ, _SLICE)
    try:
        return Child(process, os.pidfd_open(process.pid))
    except OSError as error:
        process.kill()
        await process.wait()
        raise WorkerFailed("start", passing=True) from error


async def _gone(process: Process) -> None:
    """Wait until it has ended. What it did not take is nobody's failure: where nobody asks about a pipe that broke,
    Python 3.11.2 tells the loop."""
    if process.stdin is not None:
        process.stdin.close()
    await process.wait()
    if process.stdin is not None:
        with contextlib.suppress(OSError):
            await process.stdin.wait_closed()
