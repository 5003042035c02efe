"""``mailbot explain``: what would happen to a mail and why. Changes nothing, touches no network."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

import click
from sqlalchemy import Connection

from mailbot.accounts import memory
from mailbot.accounts.memory import MemoryDirectory
from mailbot.cli import explain_stored, explain_text, options
from mailbot.config import Settings
from mailbot.errors import ConfigError
from mailbot.flow.lookup import Lookup
from mailbot.model import AuthResult, Envelope, RawMessage, Source, Understanding
from mailbot.observe import utc_now
from mailbot.sender.resolver import StaticResolver
from mailbot.service import compose
from mailbot.trial import history
from mailbot.trial.simulator import Trial, arrival, blank, chosen, open_trial

_STATE = ".state.yaml"
_AGES = 36_500
"""Days that no mail is old."""
_TOGETHER = 20
"""Mails for which the history is asked at once: alone, asking takes as long as everything else."""
_VOUCHED = [result.value for result in AuthResult]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the options ask for."""

    received: datetime | None
    now: datetime | None
    mails: bool
    state: Path | None
    language: str | None
    """None: JSON."""


@dataclass(frozen=True, slots=True)
class _Mail:
    """One mail, understood."""

    file: Path
    raw: RawMessage
    u: Understanding
    now: datetime
    seconds: float
    """What it took so far."""

    @property
    def moments(self) -> tuple[datetime, datetime]:
        """Mails that share them are asked about together."""
        return self.raw.received_at, self.now


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
@click.option("--queue", type=int, multiple=True, metavar="ID", help="Instead: a message of the database; repeatable.")
@click.option("--ticket", metavar="ZGL", help="Instead: every message of a ticket of the database.")
@click.option("--again", is_flag=True, help="With those two: also what the present rule set decides.")
@click.option("--lang", type=click.Choice(explain_text.LANGUAGES), default="en", show_default=True)
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
    """Tell for each mail of PATHS (files, or folders walked) which rule it meets and what would be sent.

    With --queue or --ticket tell how messages of the database were decided; with --again also what the present rule
    set makes of the recorded facts (as mailbot rules replay does). Nothing is changed.
    """
    if bool(paths) == bool(queue or ticket) or (again and paths):
        raise click.UsageError("name mails, or messages of the database by --queue or --ticket; --again is for those")
    settings = chosen(compose.settings(config_file), rules_dir, trust, authserv_id)
    if received is None:  # a mail kept for years is tried as one that has just come
        settings = replace(settings, intake=replace(settings.intake, oldest_days=_AGES))
    if not paths:
        explain_stored.show(settings, queue, ticket, lang, again=again, as_json=as_json)
        return
    accounts = memory.load(accounts_file, utc_now().year) if accounts_file else MemoryDirectory(())
    vouched = AuthResult(authentication) if authentication else None
    wanted = Wanted(received, now, show_mails, state, None if as_json else lang)
    asyncio.run(_all(settings, accounts, vouched, paths, wanted))


async def _all(
    settings: Settings,
    accounts: MemoryDirectory,
    vouched: AuthResult | None,
    paths: tuple[Path, ...],
    wanted: Wanted,
) -> None:
    async with open_trial(settings, accounts, StaticResolver({}), vouched) as trial:
        titles = {rule.name: rule.title for rule in trial.flow.ruleset.rules}
        with blank() as connection:
            if wanted.state:
                await history.fill(trial, connection, history.read(wanted.state, trial.flow.ruleset.categories))
            files = _walk(paths)
            while chunk := list(islice(files, _TOGETHER)):
                for found, subject in await _explain(trial, chunk, wanted, connection):
                    _show(found, subject, titles, wanted.language)


def _show(found: dict[str, Any], subject: str, titles: Mapping[str, str], language: str | None) -> None:
    if language is None:
        options.line(found)
    elif "error" in found:
        click.echo(f"{found['file']}: {found['error']}")
    else:
        click.secho(found["file"], bold=True)
        for line in explain_text.told(found, subject, titles, language):
            click.echo(line)


def _walk(paths: tuple[Path, ...]) -> Iterator[Path]:
    """The mails: files as named; of a folder every file but the YAML beside the mails, in order."""
    for path in paths:
        if path.is_dir():
            yield from (f for f in sorted(path.rglob("*")) if f.is_file() and f.suffix not in (".yaml", ".yml"))
        else:
            yield path


async def _explain(
    trial: Trial, files: Sequence[Path], wanted: Wanted, connection: Connection
) -> list[tuple[dict[str, Any], str]]:
    """Each mail by itself after the same history, which is asked once for all that come at the same moment.

    Gives what is told of it, and its subject.
    """
    tried = [await _read(trial, file, wanted) for file in files]
    together: dict[tuple[datetime, datetime], list[Understanding]] = defaultdict(list)
    for one in tried:
        if isinstance(one, _Mail):
            together[one.moments].append(one.u)
    lookups = {moments: trial.flow.lookup(connection, us, moments[1]) for moments, us in together.items()}
    return [
        (await _told(trial, one, wanted, lookups[one.moments], connection), one.u.message.subject)
        if isinstance(one, _Mail)
        else (one, "")
        for one in tried
    ]


async def _read(trial: Trial, file: Path, wanted: Wanted) -> _Mail | dict[str, Any]:
    started = time.perf_counter()
    try:
        octets = await asyncio.to_thread(file.read_bytes)
    except OSError as error:  # one bad file never stops the rest
        return _failed(file, f"cannot be read: {error.strerror}")
    raw = RawMessage(octets, Envelope(Source.INJECT), wanted.received or arrival(octets) or utc_now())
    u = await trial.understand(raw)
    return _Mail(file, raw, u, wanted.now or raw.received_at, time.perf_counter() - started)


async def _told(trial: Trial, mail: _Mail, wanted: Wanted, lookup: Lookup, connection: Connection) -> dict[str, Any]:
    started = time.perf_counter()
    own = mail.file.with_suffix(_STATE)
    if wanted.state or not own.is_file():
        found = _weighed(trial, mail, wanted, lookup, connection)
    else:
        try:
            past = history.read(own, trial.flow.ruleset.categories)
        except ConfigError as error:
            return _failed(mail.file, error.reason)
        with blank() as fresh:
            await history.fill(trial, fresh, past)
            found = _weighed(trial, mail, wanted, trial.flow.lookup(fresh, [mail.u], mail.now), fresh)
    return {"file": str(mail.file), **found, "seconds": round(mail.seconds + time.perf_counter() - started, 6)}


def _weighed(trial: Trial, mail: _Mail, wanted: Wanted, lookup: Lookup, connection: Connection) -> dict[str, Any]:
    found = trial.report(trial.flow.assess(mail.u, lookup))
    if wanted.mails:
        found["rendered"] = [text.decode("utf-8") for text in trial.mails(mail.raw, mail.u, connection, mail.now)]
    return found


def _failed(file: Path, why: str) -> dict[str, Any]:
    return {"file": str(file), "outcome": "ERROR", "error": why}
