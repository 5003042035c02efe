"""What the reader saw of a signed application, kept sealed beside the decision: a person judges by the picture."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select

from mailbot.model import View
from mailbot.secret import Secret
from mailbot.storage.schema import application_view, inbox, ticket_event

_PURPOSE = "view"


def rows(secret: Secret, inbox_id: int, view: View | None) -> Iterator[dict[str, Any]]:
    """The rows of ``application_view`` for one message; its names are those of files."""
    if view is None:
        return
    files = {f"page-{i}.png": picture for i, picture in enumerate(view.pictures, 1)}
    files |= {"text.txt": view.text.encode()} | ({} if view.seen is None else {"seen.txt": view.seen.encode()})
    for name, content in files.items():
        sealed = secret.seal(_PURPOSE, content, _context(inbox_id, name))
        yield {"inbox_id": inbox_id, "name": name, "sealed": sealed}


def files(connection: Connection, secret: Secret, inbox_id: int) -> dict[str, bytes]:
    """Names and contents that were kept for a message. Raises SealBroken."""
    c = application_view.c
    found = connection.execute(select(c.name, c.sealed).where(c.inbox_id == inbox_id).order_by(c.name))
    return {row.name: secret.unseal(_PURPOSE, row.sealed, _context(inbox_id, row.name)) for row in found}


def note_look(connection: Connection, inbox_id: int, kind: str, user: int, now: datetime) -> None:
    """Write into the history of the message's ticket, where it has one, which user of the machine looked at it."""
    ticket_id = connection.execute(select(inbox.c.ticket_id).where(inbox.c.id == inbox_id)).scalar_one()
    if ticket_id is not None:
        detail = {"inbox": inbox_id, "uid": user}
        connection.execute(insert(ticket_event).values(ticket_id=ticket_id, at=now, kind=kind, detail=detail))


def _context(inbox_id: int, name: str) -> bytes:
    return f"{inbox_id} {name}".encode()
