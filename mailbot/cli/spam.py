"""The list of unsolicited mail, for the person who looks through it."""

from __future__ import annotations

import click

from mailbot.cli import options
from mailbot.config import Settings
from mailbot.inbox import message_of, unsolicited
from mailbot.installation import read_keys
from mailbot.model import RawMessage
from mailbot.parsing.mime import parse
from mailbot.storage.reading import read_only


def show(settings: Settings, limit: int, *, as_json: bool) -> None:
    """Print the newest: row, arrival, From and Subject as they are written."""
    with read_only(settings.database.url) as connection:
        rows = unsolicited(connection, limit)
        if not rows:
            return
        with read_keys(connection, settings) as key:
            opened = [(row["id"], row["received_at"], message_of(row, key)) for row in rows]
    for number, received_at, message in opened:
        found = {"id": number, "received_at": received_at, **_told(message)}
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
