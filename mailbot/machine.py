"""The name of this process among those of all machines that share a database, and the clock that nobody sets."""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path
from typing import NamedTuple

_FIRST = 0xEFFFFFFC
"""The namespace of process numbers (namespaces(7)) that is outside of all containers."""


class Uptime(NamedTuple):
    """``seconds`` since this machine began to run, asleep or not. ``boot``: which time that was, of any machine."""

    boot: str
    seconds: int


def uptime() -> Uptime | None:
    """None where the system does not tell."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:  # no Linux
        return None
    return Uptime(boot, int(time.clock_gettime(time.CLOCK_BOOTTIME)))


def own_name() -> str:
    """host:pid, of at most 110 characters; within a container host/namespace:pid: those with the network of their host
    bear its name, and each has a process 1."""
    return f"{_place()}:{os.getpid()}"


def is_dead(name: str) -> bool:
    """Whether ``name`` is of this machine and its process has ended."""
    place, _, number = name.rpartition(":")
    return place == _place() and not Path("/proc", number).exists()


def _place() -> str:
    """Where a number means one process."""
    host, namespace = socket.gethostname()[:80], _namespace()
    return host if namespace == _FIRST else f"{host}/{namespace}"


def _namespace() -> int:
    try:
        return Path("/proc/self/ns/pid").stat().st_ino
    except OSError:  # no Linux
        return _FIRST
