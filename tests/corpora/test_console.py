"""What the mails of the world are to the desk: text, whatever they hold."""

from __future__ import annotations

import json
from pathlib import Path

from sqlalchemy import select, update

from mailbot import inbox
from mailbot.model import Envelope, RawMessage, Source
from mailbot.storage import schema
from mailbot.storage.schema import ticket
from tests.flow import Flow
from tests.integration.test_console_case import ZGL, Client, client, flow, harmless, page

__all__ = ["client", "flow"]  # fixtures


async def test_two_hundred_mails_of_the_world_are_text(flow: Flow, client: Client, corpora: Path) -> None:
    """The ones of the corpus with most that looks like HTML, each as a letter to us, in list, ticket and preview."""
    index = json.loads((corpora / "mail" / "INDEX.json").read_text(encoding="utf-8"))
    mails = [(corpora / "mail" / item["path"]).read_bytes() for item in index]
    mails = sorted((raw for raw in mails if len(raw) < 200_000), key=lambda raw: raw.count(b"<"), reverse=True)[:200]
    now = flow.clock()
    messages = [RawMessage(raw, Envelope(Source.LMTP, "x@y.example", ("a@b.example",)), now) for raw in mails]
    await flow.parts.database.write(lambda c: inbox.store(c, messages, now, flow.parts.secret))
    await flow.decide()
    numbers = [row.number for row in await flow.rows(select(ticket.c.number))]
    assert len(numbers) > 50, "the others are of machines, or repeats"
    with flow.parts.database.engine.begin() as connection:  # they are looked at as well
        connection.execute(update(schema.inbox).values(ticket_id=1))
    for number in numbers:
        harmless(await page(client, f"/tickets/{number}", "olek"))
    for row in await flow.rows(select(schema.inbox.c.id)):
        harmless(await page(client, f"{ZGL}/letters/{row.id}", "olek"))
    for path in ("/todo", "/todo?sort=quarantine"):
        harmless(await page(client, path))
