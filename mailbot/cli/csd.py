"""``mailbot csd``: the connector to CSD, for operators."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from mailbot.cli import options
from mailbot.cli.later import Group
from mailbot.csd import queue
from mailbot.observe import log_event, utc_now
from mailbot.outbox import jobs
from mailbot.service import compose
from mailbot.storage.engine import transaction
from mailbot.storage.reading import read_only
from mailbot.storage.webhooks import webhook

_STATES = (jobs.WAITING, jobs.QUEUED, jobs.LEASED, jobs.DONE, jobs.BURIED)


@click.group(cls=Group)
def csd() -> None:
    """The events of tickets that CSD is told: list, try again."""


@csd.command("status")
@options.config
@options.as_json
def status(config_file: Path | None, as_json: bool) -> None:
    """How the connector does. Exit code 1: somebody must see to it."""
    with read_only(compose.settings(config_file).database.url) as connection:
        found = queue.standing(connection)
    if as_json:
        options.line(asdict(found))
    else:
        click.echo(f"{found.waiting} events wait, {found.buried} of them for a person")
    for trouble in queue.troubles(found):
        click.echo(trouble, err=True)
    if queue.troubles(found):
        raise SystemExit(1)


@csd.command("ls")
@click.option("--state", type=click.Choice(_STATES), help="Only this state; default: all that was not accepted.")
@click.option("--limit", default=50, show_default=True, help="At most so many, newest first.")
@options.config
@options.as_json
def list_(state: str | None, limit: int, config_file: Path | None, as_json: bool) -> None:
    """Events that CSD has not accepted."""
    with read_only(compose.settings(config_file).database.url) as connection:
        rows = jobs.listed(connection, webhook, state, limit)
    for row in rows:
        if as_json:
            options.line(row)
        else:
            due, error = f"{row['due_at']:%Y-%m-%d %H:%M:%S}Z", row["last_error"] or ""
            click.echo(f"{row['id']}  {row['state']}  {row['kind']}  {row['message_id']}  due {due}  {error}")


@csd.command("retry")
@click.argument("row", type=int, required=False)
@click.option("--all", "every", is_flag=True, help="Every buried event.")
@options.config
def retry(row: int | None, every: bool, config_file: Path | None) -> None:
    """Try a buried event again; those behind it follow."""
    if every == (row is not None):
        raise click.UsageError("which? mend: ROW of `mailbot csd ls`, or --all")
    with transaction(compose.settings(config_file).database.url) as connection:
        count = queue.revive(connection, row, utc_now())
    if not count and row is not None:
        raise click.ClickException(f"{row}: is not buried; only buried rows can be tried again")
    click.echo(f"{count} queued again")


@csd.command("resume")
@options.config
def resume(config_file: Path | None) -> None:
    """CSD said 410 and wants events again: let them leave."""
    with transaction(compose.settings(config_file).database.url) as connection:
        if not queue.resume(connection, utc_now()):
            raise click.ClickException("nothing was stopped")
    options.logs()
    log_event("csd-resumed", user=options.user())
    click.echo("events leave again")
