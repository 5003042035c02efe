"""``mailbot run``: the program on real servers."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

import click

from mailbot.cli import compose, options
from mailbot.cli.service import ROLES, Service

_SWITCH = 0.0005  # seconds a thread that computes may keep the event loop waiting: ten times less than Python's own


@click.command()
@options.config
@click.option("--role", "roles", multiple=True, type=click.Choice(ROLES), help="Only these; default all. Repeatable.")
def run(config_file: Path | None, roles: tuple[str, ...]) -> None:
    """Take mail in, decide, send, serve the activation page, until stopped (SIGTERM or Ctrl-C)."""
    options.logs()
    sys.setswitchinterval(_SWITCH)
    asyncio.run(_run(config_file, roles or ROLES))


async def _run(config_file: Path | None, roles: tuple[str, ...]) -> None:
    service = Service(compose.build(compose.settings(config_file)), roles)
    await service.start()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
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
