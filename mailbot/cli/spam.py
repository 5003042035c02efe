"""The list of unsolicited mail, for the person who looks through it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import click
from sqlalchemy import Connection, delete, select, update

from mailbot.cli import options
from mailbot.config import Settings
from mailbot.inbox import message_of
from mailbot.installation import read_key
from mailbot.model import Outcome
from mailbot.outbox import jobs
from mailbot.parsing.mime import parse
from mailbot.storage.schema import decision, inbox, raw_message, shadow_hit
from mailbot.tickets.decisions import read_only


def show(settings: Settings, limit: int, *, as_json: bool) -> None:
    """Print the newest: row, arrival, From and Subject as they are written."""
    with read_only(settings.database.url) as connection:
        for found in _newest(connection, settings, limit):
            if as_json:
                options.line(found)
            else:
                click.echo(
                    f"{found['id']}  {found['received_at']:%Y-%m-%d %H:%M}Z  {found['from']}  {found['subject']}"
                )


def _newest(connection: Connection, settings: Settings, limit: int) -> Iterator[dict[str, Any]]:
    c = inbox.c
    wanted = (
        select(inbox, raw_message.c.raw)
        .join(raw_message)
        .where(c.state == jobs.DONE, c.outcome == Outcome.SPAM.value)
        .order_by(c.id.desc())
        .limit(limit)
    )
    rows = connection.execute(wanted).mappings().all()
    key = read_key(connection, Path(settings.secret.key_file)) if rows else None
    for row in rows:
        assert key is not None
        raw = message_of(row, key)
        message = parse(raw.raw, raw.envelope, frozenset())
        sender = b" ".join(message.all("from")).decode("utf-8", "replace")
        told = {"from": _plain(sender), "subject": _plain(message.subject)}
        yield {"id": row["id"], "received_at": row["received_at"], **told}


def _plain(text: str) -> str:
    """One line that does nothing to a terminal."""
    return "".join(c for c in " ".join(text.split()) if c.isprintable())[:120]


def take_back(connection: Connection, row: int, now: datetime) -> bool:
    """Let a message be decided anew, and the filter's marks be forgotten. False when it is not unsolicited mail."""
    c = inbox.c
    found = connection.execute(
        select(c.envelope).where(c.id == row, c.state == jobs.DONE, c.outcome == Outcome.SPAM.value).with_for_update()
    ).one_or_none()
    if found is None:
        return False
    connection.execute(delete(decision).where(decision.c.inbox_id == row))
    connection.execute(delete(shadow_hit).where(shadow_hit.c.inbox_id == row))
    envelope = {**found.envelope, "wanted": True}
    again = {"state": jobs.QUEUED, "due_at": now, "attempts": 0, "outcome": None, "envelope": envelope}
    connection.execute(update(inbox).where(c.id == row).values(**again))
    return True
