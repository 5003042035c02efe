"""Which keys of the store are in use. The rest are of no use, and open copies of what this database never had."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Connection, func, select

from mailbot.secret import HEAD, key_of
from mailbot.storage.desk import desk_text, draft
from mailbot.storage.erasing import ticket_key
from mailbot.storage.outgoing import outbox_raw
from mailbot.storage.schema import activation, application_view, decision, outbox, raw_message, ticket

SPARED = timedelta(days=30)
"""Keys younger than that stay: a database put back from before them may still be followed by a newer one."""

SEALED = (
    *(raw_message.c.raw, application_view.c.sealed, desk_text.c.sealed, draft.c.sealed),
    *(ticket.c.sealed, outbox.c.raw, outbox_raw.c.raw, activation.c.sealed, decision.c.sealed),
)
"""Every column that holds what is sealed under a key of its own (a test looks for others)."""


def used(connection: Connection) -> set[bytes]:
    """The ids of all keys that something is sealed under, or will be: some 100 octets of memory each."""
    found = {bytes(one) for one in connection.execute(select(ticket_key.c.key_id)).scalars()}
    for column in SEALED:
        heads = connection.execute(select(func.substr(column, 1, HEAD)).where(column.is_not(None))).scalars()
        # SQLite makes NULL of a part of nothing, which is what an erased mail holds.
        found.update(key for head in heads if head is not None and (key := key_of(bytes(head))) is not None)
    return found
