"""``mailbot retention``: what is erased, before its time or at its age, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import click

from mailbot import processes
from mailbot.audit import chain
from mailbot.cli import options
from mailbot.cli.later import Group
from mailbot.observe import utc_now
from mailbot.retention import again, age
from mailbot.retention import erase as erasing
from mailbot.retention import sweep as sweeping
from mailbot.service import compose
from mailbot.storage.engine import reading, scour
from mailbot.tickets import number as numbers


@click.group(cls=Group)
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
    with compose.with_store(compose.settings(config_file)) as (engine, key, store):
        with engine.begin() as connection:
            if address:
                found = erasing.of_address(connection, key, address)
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


def _tell(report: erasing.ErasureReport, left: Sequence[int], *, as_json: bool) -> None:
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
@click.option("--dry-run", is_flag=True, help="Count only what would be erased.")
@options.config
@options.as_json
def run(dry_run: bool, config_file: Path | None, as_json: bool) -> None:
    """Erase what has reached the age of its class in rules/retention.yaml, as a running worker does once a day."""
    settings, now, total = compose.settings(config_file), utc_now(), age.RetentionReport()
    ages = compose.rules(settings)[0].retention
    with compose.with_store(settings) as (engine, _, store):
        for kind in age.steps(ages, now, chain.shell(options.user()), dry=dry_run):
            after: int | None = 0
            while after is not None:
                with reading(engine) if dry_run else engine.begin() as connection:
                    found, after = kind(after)(connection)
                total.add(found)
        if not dry_run:
            _end(engine, store)
    rows = [{"class": name, "days": ages[name].days, "erased": total.classes[name]} for name in ages]
    if as_json:
        options.line({"dry_run": dry_run, "messages": total.messages, "keys": total.keys, "classes": rows})
        return
    what = "would be erased" if dry_run else "erased"
    for row in rows:
        click.echo(f"{row['class']}: {row['erased']} {what} (older than {row['days']} days)")
    click.echo(f"{total.messages} messages {what}" + ("" if dry_run else f", with {total.keys} keys"))


@retention.command()
@click.option("--dry-run", is_flag=True, help="Count only.")
@options.config
def sweep(dry_run: bool, config_file: Path | None) -> None:
    """Take keys out of their store that nothing here is sealed under, if they are older than 30 days. A process that
    ended had made them ahead, or a lost database knew their messages. mailbot must be stopped on every machine."""
    now = utc_now()
    with compose.with_store(compose.settings(config_file)) as (engine, _, store):
        with engine.connect() as connection:
            processes.refuse_others(connection, processes.common_now(connection))
            used = sweeping.used(connection)
        count = store.sweep(used, now - sweeping.SPARED, dry=dry_run)
        if not dry_run:
            scour(store.engine)
    click.echo(f"{count} unused keys" + ("" if dry_run else " taken away"))


@retention.command()
@options.config
def finish(config_file: Path | None) -> None:
    """End erasures that are not whole: they were cut off, or the store of keys or the database was put back from a
    backup."""
    with compose.with_store(compose.settings(config_file)) as (engine, _, store):
        ended = _end(engine, store, again=True)
        back, refused = again.repeat(engine, store, chain.shell(options.user()), utc_now())
        if back.tickets or back.messages:
            _end(engine, store)
    click.echo(f"{ended} erasures ended")
    if back.tickets or back.messages:
        click.echo(f"erased once more: {len(back.tickets)} tickets, {len(back.messages)} messages")
    if refused:
        raise click.ClickException("; ".join(refused))


def _end(engine: compose.Engine, store: compose.KeyStore, *, again: bool = False) -> int:
    with engine.begin() as connection:
        ended = erasing.finish(connection, store, utc_now(), again=again)
    scour(engine)
    scour(store.engine)
    return ended
