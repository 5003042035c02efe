"""What the reader saw of a signed application, kept sealed beside the decision: a person judges by the picture."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, select

from mailbot.model import View
from mailbot.secret import Secret
from mailbot.storage.schema import application_view

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


def _context(inbox_id: int, name: str) -> bytes:
    return f"{inbox_id} {name}".encode()
