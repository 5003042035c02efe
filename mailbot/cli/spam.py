"""The list of unsolicited mail, for the person who looks through it."""

from __future__ import annotations

from pathlib import Path

import click

from mailbot.cli import options
from mailbot.config import Settings
from mailbot.inbox import message_of, unsolicited
from mailbot.installation import read_key
from mailbot.model import RawMessage
from mailbot.parsing.mime import parse
from mailbot.storage.reading import read_only


def show(settings: Settings, limit: int, *, as_json: bool) -> None:
    """Print the newest: row, arrival, From and Subject as they are written."""
    with read_only(settings.database.url) as connection:
        rows = unsolicited(connection, limit)
        key = read_key(connection, Path(settings.secret.key_file)) if rows else None
    for row in rows:
        assert key is not None
        found = {"id": row["id"], "received_at": row["received_at"], **_told(message_of(row, key))}
        if as_json:
            options.line(found)
        else:
            click.echo(f"{found['id']}  {found['received_at']:%Y-%m-%d %H:%M}Z  {found['from']}  {found['subject']}")


def _told(raw: RawMessage) -> dict[str, str]:
    message = parse(raw.raw, raw.envelope, frozenset())
    sender = b" ".join(message.all("from")).decode("utf-8", "replace")
    return {"from": _plain(sender), "subject": _plain(message.subject)}


def _plain(text: str) -> str:
    """One line that does nothing to a terminal."""
    return "".join(c for c in " ".join(text.split()) if c.isprintable())[:120]
