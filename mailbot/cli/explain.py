"""``mailbot explain``: what would happen to a mail and why. Changes nothing, touches no network."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mailbot.cli import options
from mailbot.config import Settings
from mailbot.model import AuthResult
from mailbot.observe import utc_now
from mailbot.service import places

if TYPE_CHECKING:
    from mailbot.accounts.memory import MemoryDirectory
    from mailbot.trial.explaining import ExplainOptions

_AGES = 36_500
"""More days than any mail is old."""
_LANGUAGES = ("en", "pl")
_VOUCHED = [result.value for result in AuthResult]


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(exists=True, path_type=Path))
@click.option(
    "--accounts", "accounts_file", type=click.Path(path_type=Path), help="YAML file of accounts; default none."
)
@click.option("--rules", "rules_dir", type=click.Path(path_type=Path, file_okay=False), help="Another rule set.")
@click.option("--trust", type=click.Path(path_type=Path), help="Folder of trust anchors (for signed applications).")
@click.option("--authserv-id", default=None, help="Whose Authentication-Results count; default from the settings.")
@click.option(
    "--authentication", type=click.Choice(_VOUCHED), help="Take every sender as so far proven, whatever the mail says."
)
@click.option(
    "--received", type=options.Moment(), help="Arrival, and then its age counts; default: as its headers say."
)
@click.option("--now", type=options.Moment(), help="Moment of the decision; default: the arrival.")
@click.option(
    "--state", type=click.Path(path_type=Path), help="YAML file of earlier tickets and mails; default FILE.state.yaml."
)
@click.option("--mails", "show_mails", is_flag=True, help="Show the mails that would be sent.")
@click.option(
    "--queue", type=options.ROW, multiple=True, metavar="ID", help="Instead: a message of the database; repeatable."
)
@click.option("--ticket", metavar="ZGL", help="Instead: every message of a ticket of the database.")
@click.option("--again", is_flag=True, help="With those two: also what the present rule set decides.")
@click.option("--lang", type=click.Choice(_LANGUAGES), default="en", show_default=True)
@options.config
@options.as_json
def explain(
    paths: tuple[Path, ...],
    accounts_file: Path | None,
    rules_dir: Path | None,
    trust: Path | None,
    authserv_id: str | None,
    authentication: str | None,
    received: datetime | None,
    now: datetime | None,
    state: Path | None,
    show_mails: bool,
    queue: tuple[int, ...],
    ticket: str | None,
    again: bool,
    lang: str,
    config_file: Path | None,
    as_json: bool,
) -> None:
    """Tell which rule each mail of PATHS meets and what would be sent. PATHS are files, or folders with all below them.

    With --queue or --ticket tell how messages of the database were decided; with --again also what the present rule
    set makes of the recorded facts (as mailbot rules replay does). Nothing is changed.
    """
    if bool(paths) == bool(queue or ticket) or (again and paths):
        raise click.UsageError("name mails, or messages of the database by --queue or --ticket; --again is for those")
    from mailbot.accounts.memory import MemoryDirectory, load  # what decides is not loaded for --help
    from mailbot.trial.explaining import ExplainOptions
    from mailbot.trial.simulator import chosen

    settings = chosen(places.settings(config_file), rules_dir, trust, authserv_id)
    if received is None:  # a mail kept for years is tried as one that has just come
        settings = replace(settings, intake=replace(settings.intake, oldest_days=_AGES))
    if not paths:
        from mailbot.cli import explain_stored

        explain_stored.show(settings, queue, ticket, lang, again=again, as_json=as_json)
        return
    if settings.scanner.address:
        click.echo("the virus scanner is not asked: the worker asks it, before it decides", err=True)
    accounts = load(accounts_file, utc_now().year) if accounts_file else MemoryDirectory(())
    vouched = AuthResult(authentication) if authentication else None
    wanted = ExplainOptions(received, now, show_mails, state)
    asyncio.run(_all(settings, accounts, vouched, paths, wanted, None if as_json else lang))


async def _all(
    settings: Settings,
    accounts: MemoryDirectory,
    vouched: AuthResult | None,
    paths: tuple[Path, ...],
    wanted: ExplainOptions,
    language: str | None,
) -> None:
    """``language`` None: JSON."""
    from mailbot.sender.resolver import StaticResolver
    from mailbot.trial.explaining import tried
    from mailbot.trial.simulator import open_trial

    async with open_trial(settings, accounts, StaticResolver({}), vouched) as trial:
        titles = {rule.name: rule.title for rule in trial.flow.ruleset.rules}
        async for found, subject in tried(trial, paths, wanted):
            _show(found, subject, titles, language)


def _show(found: dict[str, Any], subject: str, titles: Mapping[str, str], language: str | None) -> None:
    if language is None:
        options.line(found)
    elif "error" in found:
        click.echo(f"{found['file']}: {found['error']}")
    else:
        click.secho(found["file"], bold=True)
        from mailbot.cli import explain_text

        for line in explain_text.told(found, subject, titles, language):
            click.echo(line)
