"""``mailbot run``: the program on real servers."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import signal
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from mailbot import config, cores, logs, threads
from mailbot.cli import options
from mailbot.config import Settings
from mailbot.errors import ConfigError
from mailbot.observe import log_event
from mailbot.service import places
from mailbot.service.notify import Notifier
from mailbot.service.places import DEFAULT_CONFIG, ROLES

if TYPE_CHECKING:
    from mailbot.service.compose import Rules
    from mailbot.service.supervision import MailbotService

_SWITCH = 0.0005  # seconds a thread that computes may keep the event loop waiting: ten times less than Python's own
_GARBAGE = (20_000, 20, 20)  # a batch of mails is more objects than Python's 700: looking for cycles cost a tenth


@click.command()
@options.config
@click.option("--role", "roles", multiple=True, type=click.Choice(ROLES), help="Only these; default all. Repeatable.")
def run(config_file: Path | None, roles: tuple[str, ...]) -> None:
    """Take mail in, decide, send, serve the activation page and the console, until stopped (SIGTERM or Ctrl-C).

    SIGHUP: look at once whether the rule set has changed.
    """
    options.logs()
    logs.keep_values_out()
    sys.setswitchinterval(_SWITCH)
    settings = _settings(config_file, roles)
    from mailbot import counts

    logs.to(sys.stderr, form=settings.log.form, counted=counts.LOG_LINES)
    for one in config.outdated(settings):
        log_event("settings-old", level=logging.WARNING, reason=one)
    with cores.one_alone():
        asyncio.run(_run(settings, roles or ROLES))


def _settings(config_file: Path | None, roles: tuple[str, ...]) -> Settings:
    """The settings, when there is something to do with them. Raises ConfigError."""
    if config_file is None and not DEFAULT_CONFIG.is_file() and not config.in_environment(os.environ):
        raise ConfigError(f"no settings: {DEFAULT_CONFIG} is not here; mend: write it, or name another with --config")
    settings = places.settings(config_file)
    ways_in = (settings.lmtp.listen, settings.smtp.listen, settings.imap.host)
    if "ingress" in (roles or ROLES) and not any(ways_in):
        raise ConfigError("no way in for mail; mend: set [lmtp] listen, [imap] host or [smtp] listen")
    if "web" in roles and not settings.web.listen:
        raise ConfigError("[web] listen: is empty, and --role web asks for it; mend: write 127.0.0.1:8080")
    if "console" in roles and not (settings.console.listen or settings.api.listen):
        raise ConfigError("[console] listen: is empty, and --role console asks for it; mend: write 127.0.0.1:8081")
    return settings


async def _run(settings: Settings, roles: tuple[str, ...]) -> None:
    from mailbot.service import compose  # much: not for --help
    from mailbot.workers.understand import Processes

    notifier = Notifier()  # before any process of ours is started
    threads.ready()
    asyncio.get_running_loop().set_exception_handler(logs.of_the_loop)
    engine, key = compose.begin(settings)
    async with contextlib.AsyncExitStack() as stack:
        understand = None
        loading = asyncio.create_task(asyncio.to_thread(_load, settings))
        if "worker" in roles and settings.worker.processes:
            understand = Processes(partial(compose.understander, settings, key), settings.worker)
            await stack.enter_async_context(understand)
            await asyncio.gather(understand.start(), loading)  # Python starts there while we load here
        rules = await loading
        from mailbot import tracing
        from mailbot.service.supervision import MailbotService

        tracing.begin(key)
        await _serve(MailbotService(compose.assemble(settings, engine, key, rules), roles, understand), notifier)


def _load(settings: Settings) -> Rules:
    """The rule set, and with it all code."""
    from mailbot.service import compose, supervision  # noqa: F401

    return compose.load(settings)


async def _serve(service: MailbotService, notifier: Notifier) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    loop.add_signal_handler(signal.SIGHUP, service.look_at_rules)
    stopping = asyncio.create_task(stop.wait())
    failing: asyncio.Task[NoReturn] | None = None
    feeding: asyncio.Task[NoReturn] | None = None
    following: asyncio.Task[NoReturn] | None = None
    try:
        await service.start()
        gc.collect()
        gc.freeze()  # what the program is made of lives for ever: nobody need look through it again
        gc.set_threshold(*_GARBAGE)
        notifier.tell("READY=1")
        if notifier.seconds:
            feeding = asyncio.create_task(notifier.feed(service.stuck))
        following = asyncio.create_task(cores.follow())
        failing = asyncio.create_task(service.wait())
        await asyncio.wait({stopping, failing}, return_when=asyncio.FIRST_COMPLETED)
        if failing.done():
            failing.result()
    finally:
        notifier.tell("STOPPING=1")
        for task in (stopping, failing, feeding, following):
            if task is not None:
                task.cancel()
        await service.stop()
