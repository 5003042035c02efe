"""The inside of a worker: limits of the kernel, a guard over Python's own doors, then one job after another.

Run as ``python -m mailbot.signatures.sandbox``. The first frame on stdin names the factory of the handler and gives its
settings; after the answer to it the process is locked. The end of stdin is the end of the process.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import logging
import math
import os
import re
import resource
import signal
import site
import socket
import sys
import sysconfig
import zoneinfo
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import mailbot
from mailbot.errors import MailbotError
from mailbot.signatures import wire

_NEW_USER, _NEW_NET = 0x10000000, 0x40000000  # <linux/sched.h>
_NO_NEW_PRIVILEGES = 38  # <linux/prctl.h>
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_FORBIDDEN = re.compile(
    r"ctypes\.dlopen|os\.(?:chmod|chown|exec|fork|kill|link|mkdir|posix_spawn|remove|rename|rmdir|setxattr|spawn|symlink"
    r"|system|truncate|utime)|pty\.|shutil\.|socket\.(?:bind|connect|get|send)|sqlite3\.|subprocess\.|tempfile\.|urllib\."
)


def main() -> None:
    """Serve until stdin ends."""
    gc.disable()  # while modules load: there is nothing to find among them
    logging.disable()  # libraries quote what they parse: nobody may log that, and nobody reads it here
    requests, answers = _streams()
    setup, _ = wire.read(requests)
    try:
        module, _, name = setup["handler"].partition(":")
        factory: wire.Factory = getattr(importlib.import_module(module), name)
        handler = factory(setup["settings"])
    except MailbotError as error:
        _send(answers, {"wrong": error.reason})
        return
    gc.freeze()
    gc.enable()
    _lock(
        _memory(setup["memory"], setup["job"]), [Path(folder) for folder in setup["readable"]], network=setup["network"]
    )
    _send(answers, {"ready": True})
    _serve(requests, answers, handler, setup["processor"], setup["alarm"], streams=setup["streams"])


def _serve(
    requests: BinaryIO, answers: BinaryIO, handler: wire.Handler, processor: int, alarm: int, *, streams: bool
) -> None:
    while True:
        try:
            header, coming = wire.begun(requests)
            blobs = coming if streams else list(coming)
        except EOFError:
            return
        # The parent kills at the deadline; these two end the process also when there is no parent any more.
        signal.alarm(alarm)
        _limit(resource.RLIMIT_CPU, math.ceil(_cpu_seconds()) + processor)
        try:
            found, parts = handler(header, blobs)
        except MemoryError:
            coming.skip()
            _send(answers, {"failed": "memory"})
            return
        except Exception as error:  # no input may end a worker without a word
            found, parts = {"failed": type(error).__name__}, []
        coming.skip()
        _send(answers, found, parts)
        del header, blobs, coming, found, parts  # a large file must not stay in memory beside the next one
        signal.alarm(0)


def _streams() -> tuple[BinaryIO, BinaryIO]:
    """The pipe from and to the parent; what a library prints does not get into it."""
    answers = os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 1)
    os.close(nothing)
    return sys.stdin.buffer, answers


def _send(answers: BinaryIO, header: dict[str, Any], blobs: list[bytes] | None = None) -> None:
    answers.write(wire.frame(header, blobs or []))
    answers.flush()


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _lock(memory: int, readable: list[Path], *, network: bool) -> None:
    """No files but Python's own and ``readable``, no children, ``memory`` octets of address space. No network and no
    threads either, unless the handler has to ask the DNS."""
    _kernel(network=network)
    _limit(resource.RLIMIT_AS, memory, memory)
    for what, most in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, 512 if network else 32),
        *(() if network else ((resource.RLIMIT_NPROC, 0),)),  # threads count as processes
    ):
        _limit(what, most, most)
    sys.addaudithook(_guard(_folders(readable), network=network))


def _memory(most: int, job: int | None) -> int:
    """Octets of address space: ``most``, and no more than ``job`` beyond what is taken now."""
    if job is None:
        return most
    return min(most, int(Path("/proc/self/statm").read_bytes().split()[0]) * resource.getpagesize() + job)


def _limit(what: int, soft: int, hard: int | None = None) -> None:
    """Never above what the administrator of the machine allows (ulimit, systemd): the kernel would refuse it."""
    allowed = resource.getrlimit(what)[1]
    ceiling = allowed if hard is None or 0 <= allowed < hard else hard  # RLIM_INFINITY is -1
    resource.setrlimit(what, (soft if ceiling < 0 else min(soft, ceiling), ceiling))


def _kernel(*, network: bool) -> None:
    """A network namespace of our own, without an interface, where the kernel lets us; the guard stands in any case."""
    with contextlib.suppress(OSError, AttributeError):
        libc = ctypes.CDLL(None)
        libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
        if not network and libc.unshare(_NEW_NET):
            libc.unshare(_NEW_USER | _NEW_NET)


def _folders(readable: list[Path]) -> tuple[Path, ...]:
    """Where a late import, or the handler itself, may read. Some modules ask for a time zone while they are loaded."""
    python = [sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    folders = [*python, *zoneinfo.TZPATH, *site.getsitepackages(), *mailbot.__path__, *map(str, readable)]
    return tuple({Path(folder).resolve() for folder in folders})


def _guard(folders: tuple[Path, ...], *, network: bool) -> Callable[[str, tuple[Any, ...]], None]:
    """An audit hook (PEP 578): it cannot be taken off again. PermissionError is what importlib can live with."""

    def guard(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            path, _, flags = arguments
            if not isinstance(path, int) and (flags & _WRITES or not _inside(path, folders)):
                raise PermissionError("a worker opens no files")
        elif event in ("os.listdir", "os.scandir"):
            if not _inside(arguments[0] or ".", folders):
                raise PermissionError("a worker lists no folders")
        elif network and event.startswith("socket."):
            pass
        elif event == "socket.__new__":  # asyncio talks to itself through a pair
            if arguments[1] != socket.AF_UNIX:
                raise PermissionError("a worker has no network")
        elif _FORBIDDEN.match(event):
            raise PermissionError(f"a worker does not {event}")

    return guard


def _inside(path: Any, folders: tuple[Path, ...]) -> bool:
    return any(Path(os.fsdecode(path)).resolve().is_relative_to(folder) for folder in folders)


if __name__ == "__main__":
    main()
