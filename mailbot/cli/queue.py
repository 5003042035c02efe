"""``mailbot queue``, ``outbox`` and ``inject``: the rows that are work, for operators."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import click

from mailbot.cli import options
from mailbot.cli.later import Group
from mailbot.config import Settings
from mailbot.errors import PermanentError
from mailbot.inbox import envelope_of, message_of, store, stored_message, take_back
from mailbot.installation import keys_at_hand, read_keys
from mailbot.model import Envelope, RawMessage, Source
from mailbot.observe import log_event, utc_now
from mailbot.outbox import jobs
from mailbot.service import compose
from mailbot.storage import schema
from mailbot.storage.engine import connect
from mailbot.storage.reading import read_only
from mailbot.tickets import decisions, sending, view

_STATES = (jobs.WAITING, jobs.QUEUED, jobs.LEASED, jobs.DONE, jobs.BURIED, jobs.CANCELLED)


@click.group(cls=Group)
def queue() -> None:
    """Messages that came in: list, show, try again, take out of the unsolicited mail."""


@click.group(cls=Group)
def outbox() -> None:
    """Mails that go out: list, try again."""


def _print(rows: Sequence[dict[str, Any]], *, as_json: bool) -> None:
    for row in rows:
        if as_json:
            options.line(row)
        else:
            what = row.get("kind") or row.get("outcome") or row.get("source")
            error = row["last_error"] or ""
            click.echo(f"{row['id']}  {row['state']}  {what}  due {row['due_at']:%Y-%m-%d %H:%M:%S}Z  {error}")


_limit = click.option("--limit", default=50, show_default=True, help="At most so many, newest first.")
_state = click.option("--state", type=click.Choice(_STATES), help="Only this state; default: all that is not done.")


@queue.command("ls")
@_state
@click.option("--spam", "only_spam", is_flag=True, help="Instead: unsolicited mail, with sender and subject.")
@_limit
@options.config
@options.as_json
def queue_ls(state: str | None, only_spam: bool, limit: int, config_file: Path | None, as_json: bool) -> None:
    """Messages not yet decided, or buried for a person."""
    if only_spam:
        from mailbot.cli import spam  # it reads mails

        spam.show(compose.settings(config_file), limit, as_json=as_json)
    else:
        with read_only(compose.settings(config_file).database.url) as connection:
            rows = jobs.listed(connection, schema.inbox, state, limit)
        _print(rows, as_json=as_json)


@queue.command("unspam")
@click.argument("row", type=options.ROW)
@options.config
def queue_unspam(row: int, config_file: Path | None) -> None:
    """Take a message out of the unsolicited mail: it is decided anew, as if no filter had marked it."""
    with compose.writing(compose.settings(config_file)) as connection:
        if not take_back(connection, row, utc_now()):
            raise click.ClickException(f"{row}: is not in the list of `mailbot queue ls --spam`")
    options.logs()
    log_event("unsolicited-taken-back", inbox=row, uid=os.getuid())
    click.echo(f"{row}: queued again")


@queue.command("show")
@click.argument("row", type=options.ROW)
@click.option("--raw", "show_raw", is_flag=True, help="The bytes as they came, to stdout; who looked is written down.")
@click.option("--infected", is_flag=True, help="With --raw: also when the virus scanner did not find them clean.")
@click.option(
    "--pictures",
    "folder",
    type=click.Path(exists=True, file_okay=False, writable=True, path_type=Path),
    help="Write what was seen of its signed application into this folder; who looked is written down.",
)
@options.config
def queue_show(row: int, show_raw: bool, infected: bool, folder: Path | None, config_file: Path | None) -> None:
    """One message: its state, its decision and every rule that was tried."""
    chosen = compose.settings(config_file)
    if folder is not None:
        _write_pictures(row, chosen, folder)
        return
    if show_raw:
        _show_raw(row, chosen, infected)
        return
    with read_only(chosen.database.url) as connection, keys_at_hand(connection, chosen, options.not_shown) as key:
        found = decisions.of_message(connection, key, row)
        if found is not None:
            found["envelope"] = envelope_of(found, key)
    if found is None:
        raise click.ClickException(f"{row}: no such message")
    options.line(found)


def _show_raw(row: int, chosen: Settings, infected: bool) -> None:
    """Unseal one message. The log tells who did, and so does the history of its ticket."""
    from mailbot.desk.letter import withheld  # it reads mails

    with compose.writing(chosen) as connection:
        found = stored_message(connection, row)
        if found is None:
            raise click.ClickException(f"{row}: no such message")
        if not infected and (scan := withheld(connection, row)):
            raise click.ClickException(f"{row}: the virus scanner {scan}; mend: leave it, or --infected")
        with read_keys(connection, chosen) as key:
            raw = message_of(found, key).raw
        view.note_look(connection, row, "raw-shown", os.getuid(), utc_now())
    _log_look(row, "raw-shown")
    sys.stdout.buffer.write(raw)


def _write_pictures(row: int, chosen: Settings, folder: Path) -> None:
    """Unseal what the reader saw of an application, into files only their owner can read; told like ``--raw``."""
    with compose.writing(chosen) as connection:
        with read_keys(connection, chosen) as key:
            kept = view.files(connection, key, row)
        if not kept:
            raise click.ClickException(f"{row}: nothing was seen of a signed application")
        view.note_look(connection, row, "pictures-shown", os.getuid(), utc_now())
    _log_look(row, "pictures-shown")
    for path in write_files(kept, row, folder):
        click.echo(path)


def write_files(kept: Mapping[str, bytes], row: int, folder: Path) -> Iterator[Path]:
    """Files that only their owner can read, one after the other; none that is there is touched."""
    for name, content in kept.items():
        path = folder / f"{row}-{name}"
        try:
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(content)
        except OSError as error:
            raise click.ClickException(f"{path}: {error.strerror}; mend: name an empty folder") from error
        yield path


def _log_look(row: int, kind: str) -> None:
    options.logs()
    log_event(kind, inbox=row, uid=os.getuid())


@queue.command("retry")
@click.argument("row", type=options.ROW)
@options.config
def queue_retry(row: int, config_file: Path | None) -> None:
    """Try a buried message again."""
    with compose.writing(compose.settings(config_file)) as connection:
        if not jobs.revive(connection, schema.inbox, row, utc_now()):
            raise click.ClickException(f"{row}: is not buried; only buried rows can be tried again")
    click.echo(f"{row}: queued again")


@outbox.command("ls")
@_state
@_limit
@options.config
@options.as_json
def outbox_ls(state: str | None, limit: int, config_file: Path | None, as_json: bool) -> None:
    """Mails that have not left, or are buried."""
    with read_only(compose.settings(config_file).database.url) as connection:
        rows = jobs.listed(connection, schema.outbox, state, limit)
    _print(rows, as_json=as_json)


@outbox.command("retry")
@click.argument("row", type=options.ROW)
@options.config
def outbox_retry(row: int, config_file: Path | None) -> None:
    """Try a buried mail again, for some hours or until its promise; what waits behind it follows.

    A mail of a stopped ticket goes on with `mailbot tickets release` only.
    """
    with compose.writing(compose.settings(config_file)) as connection:
        try:
            sending.again(connection, row, utc_now())
        except PermanentError as error:
            raise click.ClickException(f"{row}: {error.reason}") from error
    click.echo(f"{row}: queued again")


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@options.config
def inject(files: tuple[Path, ...], config_file: Path | None) -> None:
    """Put mail files into the inbox as if they had just come; the same file twice is one message."""
    chosen = compose.settings(config_file)
    engine = connect(chosen.database.url)
    key = compose.opened(chosen, engine)
    now = utc_now()
    with closing(key):
        for file in files:
            message = RawMessage(file.read_bytes(), Envelope(Source.INJECT), now)
            with engine.begin() as connection:
                (stored,) = store(connection, [message], now, key)
            click.echo(f"{file}: {'stored' if stored.new else 'was there already'} as {stored.inbox_id}")
