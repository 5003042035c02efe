"""A helper that runs complete mailbots which kill themselves at a given step.

``python -m tests.chaos.victim`` imports everything once and forks a mailbot for each order it reads from its standard
input, so that a run does not pay for the imports. An order is a line of JSON: url, key_file, relay (port), label (of
the steps to die at; empty: never), last (at which of them), offset (seconds the clock is ahead). The mailbot writes
"listening PORT" and, when it dies, "killed LABEL"; the helper writes "ended". A line "stop" ends a mailbot that still
lives.

A step is a moment between two things that are stored or told: before and after every COMMIT, every making of
keys, every write to the relay, every 250 of LMTP, and after the relay's 250 before it is recorded.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import threading
import traceback
from collections.abc import Callable
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

from aiosmtplib.protocol import SMTPProtocol
from sqlalchemy import Engine

from mailbot.delivery.smtp import Relay
from mailbot.delivery.talk import Talk
from mailbot.ingress.trimmed import Trimmed
from mailbot.observe import utc_now
from mailbot.sender.resolver import StaticResolver
from mailbot.service import compose
from mailbot.service.supervision import MailbotService
from mailbot.storage.engine import connect, migrate
from mailbot.storage.keys import KeyStore
from tests.flow import settings


class Steps:
    """Counts the steps of one label in all threads and kills the process at the ``last``-th of them.

    Counted by label, for how threads take turns differs from run to run: the n-th of all steps would be one of a rare
    kind in some campaigns only.
    """

    def __init__(self, label: str, last: int) -> None:
        self._label, self._last = label, last
        self._count = 0
        self._lock = threading.Lock()

    def __call__(self, label: str) -> None:
        """One step."""
        if label != self._label:
            return
        with self._lock:
            self._count += 1
            if self._count == self._last:
                say(f"killed {label}")
                os.kill(os.getpid(), signal.SIGKILL)

    def around(self, label: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """``function`` between two steps."""

        def stepped(*arguments: Any) -> Any:
            self(f"before {label}")
            result = function(*arguments)
            self(f"after {label}")
            return result

        return stepped


def say(line: str) -> None:
    """To the test, at once."""
    os.write(1, f"{line}\n".encode())


def put_steps(stack: ExitStack, steps: Steps, engine: Engine) -> None:
    """Put the steps between the things that are stored or told."""
    flush, send = Trimmed._flush, Relay.send

    async def answering(server: Trimmed) -> None:
        told = any(said.startswith(b"250 2.0.0 stored") for said in server._said)
        if told:
            steps("before 250")
        await flush(server)
        if told:
            steps("after 250")

    async def sending(relay: Relay, return_path: str, recipient: str, raw: bytes) -> str:
        answer = await send(relay, return_path, recipient, raw)
        steps("accepted")
        return answer

    def written(write: Callable[[Any, bytes], None]) -> Callable[[Any, bytes], None]:
        def writing(protocol: Any, data: bytes) -> None:
            command = data[:4].decode("ascii", "replace")
            label = command if command in ("EHLO", "MAIL", "RCPT", "DATA", "QUIT") else "content"
            steps.around(label, write)(protocol, data)

        return writing

    stack.enter_context(patch.object(engine.dialect, "do_commit", steps.around("COMMIT", engine.dialect.do_commit)))
    stack.enter_context(patch.object(KeyStore, "_make", steps.around("KEYS", KeyStore._make)))
    stack.enter_context(patch.object(Trimmed, "_flush", answering))
    stack.enter_context(patch.object(Relay, "send", sending))
    for owner, name in ((SMTPProtocol, "write"), (Talk, "_write")):  # up to the login, and behind it
        stack.enter_context(patch.object(owner, name, written(getattr(owner, name))))


async def mailbot(order: dict[str, Any]) -> None:
    """A complete mailbot, until "stop" or its last step."""
    offset = timedelta(seconds=order["offset"])
    with ExitStack() as stack:
        chosen = settings(order["url"], Path(order["key_file"]), order["relay"])
        parts = compose.build(
            chosen, clock=lambda: utc_now() + offset, rng=random.Random(0), resolver=StaticResolver({})
        )
        put_steps(stack, Steps(order["label"], order["last"]), parts.database.engine)
        service = MailbotService(parts, roles=("ingress", "worker", "delivery"))
        stop = asyncio.Event()
        asyncio.get_running_loop().add_reader(0, stop.set)
        await service.start()
        say(f"listening {service.addresses['lmtp'][1]}")
        await stop.wait()
        await service.stop()


def main() -> None:
    """Fork a mailbot for each order."""
    _warm()
    while order := _line():
        if order == "stop":  # came as the mailbot died
            continue
        if (child := os.fork()) == 0:
            try:
                asyncio.run(mailbot(json.loads(order)))
                _line()  # the "stop"
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(0)
        os.waitpid(child, 0)
        say("ended")


def _warm() -> None:
    """Do once what is costly only the first time; without threads, which a fork would lose."""
    engine = connect("sqlite://")
    migrate(engine)
    engine.dispose()
    kept = compose.rules(settings("", Path(), 0))  # half a second to proofread, at every start
    patch.object(compose, "rules", lambda _: kept).start()


def _line() -> str:
    """A line of standard input, and not a byte more: the rest is for the other process."""
    line = b""
    while (byte := os.read(0, 1)) not in (b"", b"\n"):
        line += byte
    return line.decode()


if __name__ == "__main__":
    main()
