"""``mailbot retention``: what is erased before its time, and why."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict
from pathlib import Path

import click
from sqlalchemy import Engine

from mailbot.audit import chain
from mailbot.cli import options
from mailbot.observe import utc_now
from mailbot.retention import erase as erasing
from mailbot.service import compose
from mailbot.storage.engine import connect, scour
from mailbot.storage.keys import KeyStore
from mailbot.tickets import number as numbers


@click.group()
def retention() -> None:
    """Erase what a person wrote, here and, with its keys, in every backup."""


@retention.command("erase")
@click.argument("what")
@click.option("--reason", required=True, help="Why; kept for good, so it must not name the person.")
@click.option("--even-open", is_flag=True, help="Also of tickets that nobody has closed.")
@options.config
@options.as_json
def erase_(what: str, reason: str, even_open: bool, config_file: Path | None, as_json: bool) -> None:
    """Erase ticket WHAT (ZGL…) with its messages, or everything from and to address WHAT. It cannot be undone.

    The copies in the mailbox of the office are listed, and stay. Writers of a SQLite database wait for the end.
    """
    now, address = utc_now(), what if "@" in what else ""
    if address and address.lower() in reason.lower():
        raise click.ClickException("--reason: names the address, and is kept; mend: give the number of the request")
    with _opened(config_file) as (engine, store):
        with engine.begin() as connection:
            if address:
                found = erasing.of_address(connection, address)
            else:
                found = erasing.of_ticket(connection, numbers.read(what) or "")
            if not found.messages and not found.tickets:
                raise click.ClickException(f"{what}: nothing is known of it")
            if found.open and not even_open:
                raise click.ClickException(f"{', '.join(found.open)}: open; mend: close it first, or --even-open")
            left = erasing.quoted(connection, found, address) if address else ()
            report = erasing.erase(connection, found, chain.shell(options.user()), reason, now)
        _end(engine, store)
    _tell(report, left, as_json=as_json)


def _tell(report: erasing.Report, left: Sequence[int], *, as_json: bool) -> None:
    if as_json:
        options.line(asdict(report) | {"quoted_by_events": list(left)})
        return
    tickets = ", ".join(report.tickets) or "none"
    click.echo(f"erasure {report.erasure}: messages {list(report.messages)}, tickets {tickets}")
    click.echo(f"{report.keys} keys erased: what lies in backups under them cannot be opened any more")
    if report.under_the_old_key:
        click.echo(f"{report.under_the_old_key} were sealed before there were such keys: backups from then open still")
    for copy in report.copies:
        click.echo(f"in the mailbox of the office still: {copy}")
    for event in left:
        click.echo(f"event {event} quotes the address: the audit chain holds it")


@retention.command()
@options.config
def finish(config_file: Path | None) -> None:
    """End erasures whose keys are there still: they were cut off, or the store of keys was put back from a backup."""
    with _opened(config_file) as (engine, store):
        click.echo(f"{_end(engine, store, again=True)} erasures ended")


@contextmanager
def _opened(config_file: Path | None) -> Iterator[tuple[Engine, KeyStore]]:
    settings = compose.settings(config_file)
    engine = connect(settings.database.url)
    try:
        with closing(compose.opened(settings, engine)) as key:
            assert isinstance(key.store, KeyStore)
            yield engine, key.store
    finally:
        engine.dispose()


def _end(engine: Engine, store: KeyStore, *, again: bool = False) -> int:
    with engine.begin() as connection:
        ended = erasing.finish(connection, store, utc_now(), again=again)
    scour(engine)
    scour(store.engine)
    return ended
