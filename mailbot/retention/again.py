"""After the database was put back from a backup: what was erased since is erased once more.

Its keys tell: they are gone from the store, so nothing of it opens, but hashes and what was never sealed are back.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from sqlalchemy import Column, Connection, Engine, func, select

from mailbot.retention import erase
from mailbot.retention.erase import ErasureScope, NotErased
from mailbot.secret import HEAD, key_of
from mailbot.storage.erasing import key_ids, ticket_key
from mailbot.storage.keys import KeyStore
from mailbot.storage.schema import raw_message, ticket

_PAGE = 500


def repeat(engine: Engine, store: KeyStore, actor: str, now: datetime) -> tuple[ErasureScope, list[str]]:
    """Erase what is back, and say of what that could not be done why: it is not decided, or has still to leave."""
    done, refused = ErasureScope((), (), ()), list[str]()
    for kind in (_tickets, _messages):  # a ticket takes its messages with it
        with engine.connect() as connection:
            pages = [page for page in kind(connection, store) if page.messages or page.tickets]
        for page in pages:
            try:
                with engine.begin() as connection:
                    erase.erase(connection, page, actor, "it was erased before the database was put back", now)
            except NotErased as error:
                refused += [error.reason] if error.reason not in refused else []
                continue
            done = ErasureScope(done.messages + page.messages, done.tickets + page.tickets, ())
    return done, refused


def _tickets(connection: Connection, store: KeyStore) -> Iterator[ErasureScope]:
    for ids in _ids(connection, ticket.c.id):
        heads = select(ticket.c.id, func.substr(ticket.c.sealed, 1, HEAD)).where(ticket.c.id.in_(ids))
        under = {row: key_of(bytes(head)) for row, head in connection.execute(heads) if head is not None}
        own = select(ticket_key.c.ticket_id, ticket_key.c.key_id).where(ticket_key.c.ticket_id.in_(ids))
        under |= {row: bytes(key) for row, key in connection.execute(own)}
        gone = store.gone([key for key in under.values() if key is not None])
        for row in sorted(row for row, key in under.items() if key in gone):
            yield erase.of_tickets(connection, [row])


def _messages(connection: Connection, store: KeyStore) -> Iterator[ErasureScope]:
    for ids in _ids(connection, raw_message.c.inbox_id):
        under = key_ids(connection, ids)
        gone = store.gone([key for key in under.values() if key is not None])
        for row in sorted(row for row, key in under.items() if key in gone):
            yield ErasureScope((row,), (), ())


def _ids(connection: Connection, column: Column[int]) -> Iterator[Sequence[int]]:
    after = 0
    while ids := connection.execute(select(column).where(column > after).order_by(column).limit(_PAGE)).scalars().all():
        yield ids
        after = ids[-1]
