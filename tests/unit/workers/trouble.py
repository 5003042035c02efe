"""Understanders whose mails say what is to become of the process that reads them."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterable
from pathlib import Path

from mailbot.config import ListenerSettings, Settings
from mailbot.errors import ConfigError
from mailbot.flow.understand import Understander, unread
from mailbot.model import RawMessage, Understanding
from mailbot.secret import Secret
from mailbot.sender.resolver import DnsResolver, Forbearing


def _expression() -> None:
    """Holds the interpreter: no other thread of the process ever runs again."""
    re.match(r"(a+)+$", "a" * 60 + "b")


def _burst() -> None:
    bytearray(10_000_000_000)


def _look() -> None:
    Path("/etc/passwd").read_bytes()


def _die() -> None:
    os._exit(9)


_DO = {b"look": _look, b"expression": _expression, b"burst": _burst, b"die": _die}


class Trouble:
    """Takes the place of an Understander."""

    def understand_all(self, batch: Iterable[RawMessage]) -> list[Understanding]:
        return [self._understood(raw) for raw in batch]

    def _understood(self, raw: RawMessage) -> Understanding:
        _DO.get(raw.raw, lambda: None)()
        return unread(raw, "")


def refused() -> Understander:
    raise ConfigError("the key is missing")


def killed() -> Understander:
    """As by a system whose memory is gone."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


def asking(port: int) -> Understander:
    """Checks senders itself, at a name server on this machine."""
    settings = Settings(smtp=ListenerSettings(authentication="own"))
    return Understander(settings, Secret(b"k" * 32), Forbearing(DnsResolver(["127.0.0.1"], port=port, timeout=1.0)))
