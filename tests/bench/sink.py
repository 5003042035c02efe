"""``python -m tests.bench.sink``: mailbot's LMTP server that stores nothing; prints its port, ends with SIGTERM."""

from __future__ import annotations

import asyncio
from typing import cast

from mailbot.config import ListenerSettings
from mailbot.inbox import StoredMessage
from mailbot.ingress import smtp
from mailbot.model import RawMessage, Source
from mailbot.secret import Secret
from mailbot.storage.database import Database, ManyWork


class _Nowhere:
    """Takes the place of the database."""

    async def write_together(self, work: ManyWork[RawMessage, StoredMessage], item: RawMessage) -> StoredMessage:
        return StoredMessage(1, True)


async def _main() -> None:
    settings = ListenerSettings("127.0.0.1:0", authentication="headers")
    server = await smtp.serve(settings, Source.LMTP, cast(Database, _Nowhere()), Secret(bytes(32)))
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(_main())
