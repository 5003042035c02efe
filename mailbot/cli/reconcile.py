"""``mailbot reconcile``: the mailbox against the database, after a restore or whenever somebody doubts."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mailbot.cli import options
from mailbot.errors import ConfigError
from mailbot.service import places

if TYPE_CHECKING:
    from mailbot.config import Settings
    from mailbot.ingress.reconcile import FolderReport


@click.command()
@click.option("--dry-run", is_flag=True, help="Only say what is missing; write nothing.")
@click.option(
    "--take-over", is_flag=True, help="Make the mailbox this installation's. The one that read it must be stopped."
)
@options.config
@options.as_json
def reconcile(dry_run: bool, take_over: bool, config_file: Path | None, as_json: bool) -> None:
    """Compare the IMAP folders with the database and take in what is missing. Running it twice changes nothing.

    What lies in the folder of taken messages was answered once, by words that are lost: a person gets it. Exit code 1:
    something is missing still.
    """
    from mailbot.ingress.imap_claim import Claimed  # not for --help

    options.logs()
    try:
        found = asyncio.run(_run(places.settings(config_file), dry_run=dry_run, take_over=take_over))
    except Claimed as error:
        raise ConfigError(error.reason) from error
    for one in found:
        if as_json:
            options.line(asdict(one))
        else:
            told = f"{one.folder}: {one.compared} messages, {one.missing} missing, {one.taken} taken in"
            click.echo(told + (f", {one.failed} not given by the server" if one.failed else ""))
    if any(one.left for one in found):
        raise SystemExit(1)


async def _run(settings: Settings, *, dry_run: bool, take_over: bool) -> list[FolderReport]:
    if not settings.imap.host:
        raise ConfigError("[imap] host: is empty, so there is no mailbox to compare; mend: name the IMAP server")
    from mailbot.ingress.reconcile import Reconciler
    from mailbot.oauth import tokens_of
    from mailbot.service import compose

    parts = compose.build(settings)
    try:
        reconciler = Reconciler(settings.imap, parts.database, parts.secret, parts.clock, tokens_of(settings))
        return await reconciler.run(dry_run=dry_run, take_over=take_over)
    finally:
        await parts.database.close()
