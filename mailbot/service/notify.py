"""Tells systemd how the process does: sd_notify(3), a datagram to the socket that the environment names.

WATCHDOG=1 is sent only while everything gets on, so a process that hangs is ended and started anew. To fail and to try
again is to get on: a server that is away is no reason to throw away what is known and not recorded yet.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import Callable, Collection, MutableMapping
from contextlib import suppress
from typing import NoReturn

from mailbot.observe import log_event

_PARTS = 3  # of the time that systemd waits for a sign
_SOCKET, _USEC, _PID = "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"


class Notifier:
    """Without a socket in the environment all of it is silent."""

    def __init__(self, environment: MutableMapping[str, str] = os.environ) -> None:
        """Takes the variables out of ``environment``: they are for this process, not for its children."""
        name = environment.pop(_SOCKET, "")
        usec, pid = environment.pop(_USEC, ""), environment.pop(_PID, "")
        ours = not pid or pid == str(os.getpid())
        self._address = f"\0{name[1:]}" if name.startswith("@") else name  # an abstract one (unix(7))
        self.seconds = int(usec) / 1e6 if self._address and ours and usec.isascii() and usec.isdigit() else 0.0
        """A sign of life is wanted at least so often; 0: none is."""

    def tell(self, *lines: str) -> None:
        """Send "READY=1" or the like. Whatever fails is systemd's to notice."""
        if self._address:
            with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as sender:
                sender.sendto("\n".join(lines).encode(), self._address)

    async def feed(self, stuck: Callable[[], Collection[str]]) -> NoReturn:
        """Give a sign as often as is wanted, but none while something is ``stuck``; the log names that once."""
        told: Collection[str] = ()
        while True:
            found = sorted(stuck())
            if not found:
                self.tell("WATCHDOG=1")
            elif found != told:
                log_event("stuck", level=logging.CRITICAL, what=", ".join(found))
                self.tell(f"STATUS=stuck: {', '.join(found)}")
            told = found
            await asyncio.sleep(self.seconds / _PARTS)
