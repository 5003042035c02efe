"""``mailbot run``: the program on real servers."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
import sys
from functools import partial
from pathlib import Path

import click

from mailbot.cli import compose, options
from mailbot.cli.service import ROLES, Service
from mailbot.workers.understand import Processes

_SWITCH = 0.0005  # seconds a thread that computes may keep the event loop waiting: ten times less than Python's own
_GARBAGE = (20_000, 20, 20)  # a batch of mails is more objects than Python's 700: looking for cycles cost a tenth


@click.command()
@options.config
@click.option("--role", "roles", multiple=True, type=click.Choice(ROLES), help="Only these; default all. Repeatable.")
def run(config_file: Path | None, roles: tuple[str, ...]) -> None:
    """Take mail in, decide, send, serve the activation page, until stopped (SIGTERM or Ctrl-C).

    SIGHUP: look at once whether the rule set has changed.
    """
    options.logs()
    sys.setswitchinterval(_SWITCH)
    gc.set_threshold(*_GARBAGE)
    asyncio.run(_run(config_file, roles or ROLES))


async def _run(config_file: Path | None, roles: tuple[str, ...]) -> None:
    settings = compose.settings(config_file)
    parts = compose.build(settings)
    with contextlib.ExitStack() as stack:
        understand = None
        if "worker" in roles and settings.worker.processes:
            understand = Processes(partial(compose.understander, settings, parts.secret), settings.worker.processes)
            stack.callback(understand.close)
            await understand.start()
        await _serve(Service(parts, roles, understand))


async def _serve(service: Service) -> None:
    await service.start()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    loop.add_signal_handler(signal.SIGHUP, service.look_at_rules)
    stopping = asyncio.create_task(stop.wait())
    failing = asyncio.create_task(service.wait())
    try:
        done, _ = await asyncio.wait({stopping, failing}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await service.stop()
        stopping.cancel()
        failing.cancel()
    if failing in done:
        failing.result()
