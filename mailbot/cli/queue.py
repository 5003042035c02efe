"""``mailbot queue``, ``outbox`` and ``inject``: the rows that are work, for operators."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click
from sqlalchemy import Connection, Table, insert, select

from mailbot.cli import options, spam
from mailbot.config import Settings
from mailbot.errors import PermanentError
from mailbot.inbox import message_of, store
from mailbot.installation import read_key
from mailbot.model import Envelope, RawMessage, Source
from mailbot.observe import step, utc_now
from mailbot.outbox import jobs
from mailbot.service import compose
from mailbot.storage import schema
from mailbot.storage.engine import connect
from mailbot.tickets import sending, view

_STATES = (jobs.WAITING, jobs.QUEUED, jobs.LEASED, jobs.DONE, jobs.BURIED, jobs.CANCELLED)
_RAW = {"raw"}


@click.group()
def queue() -> None:
    """Messages that came in: list, show, try again."""


@click.group()
def outbox() -> None:
    """Mails that go out: list, try again."""


def _list(table: Table, state: str | None, limit: int, config_file: Path | None, as_json: bool) -> None:
    columns = [c for c in table.c if c.name not in _RAW]
    wanted = select(*columns).order_by(table.c.id.desc()).limit(limit)
    wanted = (
        wanted.where(table.c.state == state)
        if state
        else wanted.where(table.c.state.not_in([jobs.DONE, jobs.CANCELLED]))
    )
    with connect(compose.settings(config_file).database.url).connect() as connection:
        connection.info["reader"] = True
        for row in connection.execute(wanted).mappings():
            if as_json:
                options.line(dict(row))
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
        spam.show(compose.settings(config_file), limit, as_json=as_json)
    else:
        _list(schema.inbox, state, limit, config_file, as_json)


@queue.command("unspam")
@click.argument("row", type=int)
@options.config
def queue_unspam(row: int, config_file: Path | None) -> None:
    """Take a message out of the unsolicited mail: it is decided anew, as if no filter had marked it."""
    with connect(compose.settings(config_file).database.url).begin() as connection:
        if not spam.take_back(connection, row, utc_now()):
            raise click.ClickException(f"{row}: is not in the list of `mailbot queue ls --spam`")
    options.logs()
    step("unsolicited-taken-back", inbox=row, uid=os.getuid())
    click.echo(f"{row}: queued again")


@queue.command("show")
@click.argument("row", type=int)
@click.option("--raw", "show_raw", is_flag=True, help="The bytes as they came, to stdout; who looked is written down.")
@click.option(
    "--pictures",
    "folder",
    type=click.Path(exists=True, file_okay=False, writable=True, path_type=Path),
    help="Write what was seen of its signed application into this folder; who looked is written down.",
)
@options.config
def queue_show(row: int, show_raw: bool, folder: Path | None, config_file: Path | None) -> None:
    """One message: its state, its decision and every rule that was tried."""
    chosen = compose.settings(config_file)
    if folder is not None:
        _write_pictures(row, chosen, folder)
        return
    if show_raw:
        _show_raw(row, chosen)
        return
    with connect(chosen.database.url).connect() as connection:
        connection.info["reader"] = True
        c = schema.inbox.c
        found = connection.execute(select(schema.inbox).where(c.id == row)).mappings().one_or_none()
        if found is None:
            raise click.ClickException(f"{row}: no such message")
        d = schema.decision
        decided = connection.execute(select(d).where(d.c.inbox_id == row)).mappings().one_or_none()
    options.line({**found, "decision": dict(decided) if decided else None})


def _show_raw(row: int, chosen: Settings) -> None:
    """Unseal one message. The log tells who did, and so does the history of its ticket."""
    wanted = select(schema.inbox, schema.raw_message.c.raw).join(schema.raw_message).where(schema.inbox.c.id == row)
    with connect(chosen.database.url).begin() as connection:
        found = connection.execute(wanted).mappings().one_or_none()
        if found is None:
            raise click.ClickException(f"{row}: no such message")
        raw = message_of(found, read_key(connection, Path(chosen.secret.key_file))).raw
        _note_look(connection, row, found["ticket_id"], "raw-shown")
    sys.stdout.buffer.write(raw)


def _write_pictures(row: int, chosen: Settings, folder: Path) -> None:
    """Unseal what the reader saw of an application, into files only their owner can read; told like ``--raw``."""
    wanted = select(schema.inbox.c.ticket_id).where(schema.inbox.c.id == row)
    with connect(chosen.database.url).begin() as connection:
        kept = view.files(connection, read_key(connection, Path(chosen.secret.key_file)), row)
        if not kept:
            raise click.ClickException(f"{row}: nothing was seen of a signed application")
        _note_look(connection, row, connection.execute(wanted).scalar_one(), "pictures-shown")
    for name, content in kept.items():
        path = folder / f"{row}-{name}"
        try:
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(content)
        except OSError as error:
            raise click.ClickException(f"{path}: {error.strerror}; mend: name an empty folder") from error
        click.echo(path)


def _note_look(connection: Connection, row: int, ticket_id: int | None, kind: str) -> None:
    """Who looked, in the history of the ticket and in the log."""
    user = os.getuid()
    if ticket_id is not None:
        seen = {"ticket_id": ticket_id, "at": utc_now(), "kind": kind}
        connection.execute(insert(schema.ticket_event), {**seen, "detail": {"inbox": row, "uid": user}})
    options.logs()
    step(kind, inbox=row, uid=user)


@queue.command("retry")
@click.argument("row", type=int)
@options.config
def queue_retry(row: int, config_file: Path | None) -> None:
    """Try a buried message again."""
    with connect(compose.settings(config_file).database.url).begin() as connection:
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
    _list(schema.outbox, state, limit, config_file, as_json)


@outbox.command("retry")
@click.argument("row", type=int)
@options.config
def outbox_retry(row: int, config_file: Path | None) -> None:
    """Try a buried mail again, for some hours or until its promise; what waits behind it follows.

    A mail of a stopped ticket goes on with `mailbot tickets release` only.
    """
    try:
        with connect(compose.settings(config_file).database.url).begin() as connection:
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
    for file in files:
        message = RawMessage(file.read_bytes(), Envelope(Source.INJECT), now)
        with engine.begin() as connection:
            (stored,) = store(connection, [message], now, key)
        click.echo(f"{file}: {'stored' if stored.new else 'was there already'} as {stored.inbox_id}")
