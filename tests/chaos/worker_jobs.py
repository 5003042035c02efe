"""What the workers of test_signature_worker.py are told to do: each first blob begins with the name of a job."""

from __future__ import annotations

import ctypes
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from mailbot.application.pdf import ocr
from mailbot.errors import ConfigError
from mailbot.signatures import wire
from mailbot.signatures.report import SignatureReport, to_json
from mailbot.signatures.worker import failed


def factory(settings: Mapping[str, Any]) -> wire.Handler:
    if settings.get("wrong"):
        raise ConfigError("the settings are wrong")
    jobs = 0

    def job(header: Mapping[str, Any], blobs: Sequence[bytes]) -> wire.Frame:
        nonlocal jobs
        jobs += 1
        words = blobs[0].decode().split(" ", 1)
        at = datetime.fromisoformat(header["received_at"])
        reports = [failed(name, at, "died") for name in header["names"]]
        told = JOBS[words[0]](words[-1])
        if isinstance(told, SignatureReport):
            return {"reports": [to_json(told)]}, []
        if isinstance(told, dict):
            return told, []
        entries = [{**to_json(r), "flags": [str(told), str(jobs), str(os.getpid())]} for r in reports]
        return {"reports": entries}, []

    return job


def hang(_: str) -> None:
    while True:
        Path(os.devnull).exists()  # gives the processor away now and then, needs time all the same


def sleep(_: str) -> None:
    import threading

    threading.Event().wait()


def bomb(_: str) -> int:
    return len([bytearray(50_000_000) for _ in range(1000)])


def take(megabytes: str) -> int:
    return len(bytearray(int(megabytes) * 1_000_000)) // 1_000_000


def native_bomb(_: str) -> None:
    """As a C library that does not ask whether there is memory."""
    libc = ctypes.pythonapi
    libc.PyMem_RawMalloc.restype = ctypes.c_void_p
    while address := libc.PyMem_RawMalloc(ctypes.c_size_t(50_000_000)):
        ctypes.memset(address, 1, 50_000_000)
    os.abort()


def garbage(_: str) -> None:
    os.write(_answers(), b"\x00\x00\x00\x05hello")


def flood(_: str) -> None:
    os.write(_answers(), b"\xff" * 60_000)


def deep(_: str) -> None:
    text = b"[" * 100_000
    os.write(_answers(), len(text).to_bytes(4, "big"))
    os.write(_answers(), text)


def half(_: str) -> None:
    os.write(_answers(), b"\x00\x00\x01\x00{")
    os._exit(0)


def _answers() -> int:
    """The descriptor that the sandbox made of stdout: what an attacker in the worker would look for."""
    return next(d for d in range(3, 32) if _is_pipe(d))


def _is_pipe(descriptor: int) -> bool:
    try:
        return os.fstat(descriptor).st_mode & 0o170000 == 0o010000
    except OSError:
        return False


def other_file(_: str) -> SignatureReport:
    return failed("another file", datetime.fromisoformat("2026-11-20T10:00:00+00:00"), "died")


def forbidden(what: str) -> str:
    """The name of the error that a door answers with."""
    try:
        DOORS[what]()
    except (PermissionError, OSError) as error:
        return type(error).__name__
    return "open"


def fat(_: str) -> str:
    _KEPT.append(bytearray(os.urandom(1000) * 200_000))
    return "fat"


_KEPT: list[bytearray] = []
_HERE = Path(__file__)

DOORS: dict[str, Callable[[], object]] = {
    "connect": lambda: socket.create_connection(("127.0.0.1", 9)),
    "listen": lambda: socket.create_server(("127.0.0.1", 0)),
    "udp": lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM),
    "resolve": lambda: socket.getaddrinfo("localhost", 80),
    "unix": lambda: socket.socket(socket.AF_UNIX).connect("/run/any.sock"),
    "read": lambda: Path("/etc/passwd").read_bytes(),
    "read-relative": lambda: Path(os.path.relpath("/etc/passwd")).read_bytes(),
    "read-descriptor": lambda: os.open("/etc/passwd", os.O_RDONLY),
    "read-up": lambda: Path(sys.prefix, "lib", "..", "..", "..", "..", "etc", "passwd").read_bytes(),
    "list": lambda: list(Path("/etc").iterdir()),
    "write": lambda: Path(_HERE.parent, "made-by-a-worker").write_bytes(b"x"),
    "append": lambda: os.open(ctypes.__file__, os.O_WRONLY | os.O_APPEND),
    "remove": lambda: Path(_HERE.parent, "is-not-there").unlink(),
    "temporary": tempfile.mkdtemp,
    "run": lambda: subprocess.run(["true"], check=False),
    "fork": os.fork,
    "exec": lambda: os.execv(sys.executable, [sys.executable, "-V"]),
    "kill": lambda: os.kill(os.getppid(), 0),
    "library": lambda: ctypes.CDLL("libm.so.6"),
}

JOBS: dict[str, Callable[[str], object]] = {
    "ok": lambda words: words,
    "hang": hang,
    "sleep": sleep,
    "abort": lambda _: os.abort(),
    "exit": lambda _: os._exit(3),
    "raise": lambda _: [][0],
    "recurse": lambda words: JOBS["recurse"](words),
    "bomb": bomb,
    "take": take,
    "native-bomb": native_bomb,
    "garbage": garbage,
    "flood": flood,
    "deep": deep,
    "half": half,
    "no-reports": lambda _: {"reports": "none"},
    "strange-report": lambda _: {"reports": [{"file": "a.pdf", "verdict": "ACCEPT"}]},
    "other-file": other_file,
    "forbidden": forbidden,
    "print": lambda words: print(words) or "printed",
    "fat": fat,
    "environment": lambda name: os.environ.get(name, "unset"),
}


def no_reader(settings: Mapping[str, Any]) -> wire.Handler:
    """A reader whose data are not installed."""
    del settings
    ocr.Engine(Path("/nowhere"))
    raise AssertionError("it must not start")
