"""``mailbot accounts``: the embedded registry; of one over SCIM only ``show`` and what it must hold, ``pesel-hash``."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path

import click

from mailbot.accounts import importing, sql
from mailbot.audit import chain
from mailbot.cli import options
from mailbot.cli.later import Group
from mailbot.errors import ConfigError
from mailbot.installation import read_key
from mailbot.observe import utc_now
from mailbot.service import compose
from mailbot.storage.engine import connect, scour
from mailbot.storage.reading import read_only
from mailbot.text import pesel


@click.group(cls=Group)
def accounts() -> None:
    """Accounts: import, show, remove, and PESEL hashes for a registry elsewhere."""


@accounts.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--bad-lines",
    type=click.Choice(["skip", "refuse"]),
    default="skip",
    show_default=True,
    help=("skip: take the good lines and report the others; refuse: write nothing when a line is bad."),
)
@options.config
@options.as_json
def import_(file: Path, bad_lines: str, config_file: Path | None, as_json: bool) -> None:
    """Take accounts from a CSV file: login,given,surname,birth_year[,sex,pesel,scope,csd,status]."""
    settings = compose.settings(config_file)
    if settings.accounts.source == "scim":
        raise ConfigError('[accounts] source: "scim", so nobody looks at what is imported; mend: source = "sql"')
    engine = connect(settings.database.url)
    key = compose.key_alone(settings, engine)
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )

    def told(bad: importing.BadLine) -> None:
        if as_json:
            options.line({"line": bad.line, "reason": bad.reason})
        else:
            bar.console.print(f"{file}: line {bad.line}: {bad.reason}", markup=False, highlight=False, soft_wrap=True)

    with bar:
        task = bar.add_task("accounts", total=None)
        report = importing.import_file(
            file,
            engine,
            key,
            refuse=bad_lines == "refuse",
            progress=lambda p: bar.update(
                task, completed=p.bytes_read, total=p.bytes_total or None, description=f"accounts: {p.rows} lines"
            ),
            on_bad=told,
        )
    if as_json:
        options.line(asdict(report))
    else:
        click.echo(f"{report.written} accounts written, {report.bad} bad lines left out")
    if report.bad:
        raise SystemExit(1)


@accounts.command()
@click.argument("login")
@options.config
@options.as_json
def show(login: str, config_file: Path | None, as_json: bool) -> None:
    """Show the account of a login (any case, any spelling of an international domain)."""
    settings = compose.settings(config_file)
    directory = compose.accounts(settings)
    with read_only(settings.database.url) as connection:
        found = compose.answered(directory, lambda: directory.find(connection, login))
    if found is not None and found.doubtful:
        raise click.ClickException("the registry gives no clear answer about this login; mend: mailbot doctor")
    if found is None:
        raise click.ClickException(f"{login}: no such account")
    shown = asdict(found)
    shown["pesel_hash"] = "known" if found.pesel_hash else None
    if as_json:
        options.line(shown)
        return
    for key, value in shown.items():
        click.echo(f"{key:12} {value if value is not None else ''}")


@accounts.command()
@click.argument("login")
@options.config
def remove(login: str, config_file: Path | None) -> None:
    """Take the account of LOGIN out of the embedded registry: one that is deleted in PUESC. No mail of it is answered
    as a login's any more, and a link that was sent sets no password."""
    settings = compose.settings(config_file)
    if settings.accounts.source == "scim":
        raise ConfigError('[accounts] source: "scim"; mend: delete it in the registry of the office')
    with compose.with_store(settings) as (engine, _, _):
        with engine.begin() as connection:
            if not sql.remove(connection, login):
                raise click.ClickException(f"{login}: no such account")
            chain.note(connection, utc_now(), chain.shell(options.user()), "account-removed", "installation")
        scour(engine)
    click.echo("removed")


@accounts.command("pesel-hash")
@options.config
@options.as_json
def pesel_hash(config_file: Path | None, as_json: bool) -> None:
    """Read PESEL numbers from standard input, one a line, and print what a registry over SCIM keeps as peselHash.

    A line that holds none gets an empty one, and is told by its number; then the exit code is 1. Numbers are taken from
    nowhere else: what stands in a command line is seen by every user of the machine.
    """
    settings = compose.settings(config_file)
    with read_only(settings.database.url) as connection:
        key = read_key(connection, Path(settings.secret.key_file))
    bad = 0
    for number, octets in enumerate(sys.stdin.buffer, start=1):
        text = octets.strip().decode("ascii", "replace")
        try:
            pesel.parse(text)
        except ValueError as error:
            bad += 1
            made = ""
            click.echo(f"line {number}: {error}", err=True)
        else:
            made = pesel.keyed_hash(key, text)
        if as_json:
            options.line({"line": number, "peselHash": made or None})
        else:
            click.echo(made)
    if bad:
        raise SystemExit(1)
