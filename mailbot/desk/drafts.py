"""What a person has typed and not sent: kept as it is typed, for that person, that ticket and that form alone.

Nothing anybody else does touches a draft, and none moves to another ticket: the seal is tied to all three.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select

from mailbot.desk.requests import File
from mailbot.secret import Secret
from mailbot.storage.desk import draft
from mailbot.tickets import sealing

_PURPOSE = "draft"
_SENT = "sent "
"""Before the name of a form: it has left, and may be taken back."""


@dataclass(frozen=True, slots=True)
class Draft:
    """The fields of a form by name, each with its values, and the files with it."""

    fields: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    files: tuple[File, ...] = ()
    saved_at: datetime | None = None

    def one(self, name: str) -> str:
        """The first value of a field; "" when there is none."""
        return next(iter(self.fields.get(name, ())), "")

    @property
    def digest(self) -> str:
        """What tells this content from any other."""
        return hashlib.sha256(_packed(self)).hexdigest()


def load(connection: Connection, secret: Secret, operator_id: int, ticket_id: int, form: str) -> Draft:
    """The draft; an empty one when there is none. Raises SealBroken."""
    d = draft.c
    which = (d.operator_id == operator_id, d.ticket_id == ticket_id, d.form == form)
    row = connection.execute(select(d.sealed, d.saved_at).where(*which)).first()
    if row is None:
        return Draft()
    kept = json.loads(secret.unseal(_PURPOSE, row.sealed, _context(operator_id, ticket_id, form)))
    files = tuple(File(name, base64.b64decode(octets)) for name, octets in kept["files"])
    return Draft({name: tuple(values) for name, values in kept["fields"].items()}, files, row.saved_at)


def save(
    connection: Connection, secret: Secret, operator_id: int, ticket_id: int, form: str, kept: Draft, now: datetime
) -> None:
    """Keep ``kept`` in place of what was there; one without a word is forgotten."""
    drop(connection, operator_id, ticket_id, form)
    if not kept.files and not any(value.strip() for values in kept.fields.values() for value in values):
        return
    under = sealing.key_of(connection, secret, ticket_id)
    sealed = secret.seal(_PURPOSE, _packed(kept), _context(operator_id, ticket_id, form), under)
    row = {"operator_id": operator_id, "ticket_id": ticket_id, "form": form, "sealed": sealed, "saved_at": now}
    connection.execute(insert(draft).values(row))


def drop(connection: Connection, operator_id: int, ticket_id: int, form: str) -> None:
    """Forget it: it was sent, or its owner says so."""
    d = draft.c
    which = (d.operator_id == operator_id, d.ticket_id == ticket_id, d.form == form)
    connection.execute(delete(draft).where(*which))


def sent(
    connection: Connection, secret: Secret, operator_id: int, ticket_id: int, form: str, kept: Draft, now: datetime
) -> None:
    """It was sent: kept aside while it can be taken back, in place of whatever this person sent before."""
    d = draft.c
    drop(connection, operator_id, ticket_id, form)
    connection.execute(delete(draft).where(d.operator_id == operator_id, d.form.like(f"{_SENT}%")))
    save(connection, secret, operator_id, ticket_id, _SENT + form, kept, now)


def taken_back(connection: Connection, secret: Secret, operator_id: int, ticket_id: int, now: datetime) -> None:
    """What this person sent last on the ticket is a draft again, unless a new one was begun."""
    d = draft.c
    which = (d.operator_id == operator_id, d.ticket_id == ticket_id, d.form.like(f"{_SENT}%"))
    for form in connection.execute(select(d.form).where(*which)).scalars().all():
        kept, back = load(connection, secret, operator_id, ticket_id, form), form.removeprefix(_SENT)
        drop(connection, operator_id, ticket_id, form)
        if load(connection, secret, operator_id, ticket_id, back).saved_at is None:
            save(connection, secret, operator_id, ticket_id, back, kept, now)


def begun(connection: Connection, operator_id: int, ticket_id: int) -> frozenset[str]:
    """The forms of a ticket in which a person has written something."""
    d = draft.c
    which = (d.operator_id == operator_id, d.ticket_id == ticket_id)
    return frozenset(connection.execute(select(d.form).where(*which)).scalars())


def _packed(kept: Draft) -> bytes:
    files = [[file.name, base64.b64encode(file.octets).decode()] for file in kept.files]
    fields = {name: list(values) for name, values in sorted(kept.fields.items())}
    return json.dumps({"fields": fields, "files": files}).encode()


def _context(operator_id: int, ticket_id: int, form: str) -> bytes:
    return f"{operator_id} {ticket_id} {form}".encode()
