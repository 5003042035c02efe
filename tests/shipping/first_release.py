"""A database as 0.1.0 leaves it. Run by test_upgrade.py in the tree of that release, whose ``mailbot`` and ``tests``
these are: ``first_release.py begin|finish FOLDER``. ``begin`` tells as JSON the path of a link that lives and what was
sent; ``finish`` goes on with a copy of that database and tells what 0.1.0 itself would have sent.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from mailbot.cli import demo_mails
from mailbot.cli.demo import _load_accounts
from mailbot.service import compose
from tests import flow


async def begin(folder: Path) -> None:
    async with flow.running(folder) as office:
        assert await office.answer(flow.mail()) == "OK_A"
        path = re.search(r"(/aktywacja/\S+)", office.sink.accepted[-1].text)
        assert path, "T3 holds the link"
        service: Any = SimpleNamespace(parts=office.parts)
        await _load_accounts(service, folder)  # those who write the demo's mails
        office.sink.answer = lambda _: "451 4.3.0 later"  # what follows is decided, and stays in the outbox
        for case in demo_mails.cases():
            if case.via == "lmtp":
                await asyncio.to_thread(demo_mails.hand_over, case, ("127.0.0.1", office.port))
        await office.decide()
        await office.deliver()
        await office.take(flow.mail(flow.EWA.login, name="undecided"), flow.EWA.login)
        print(json.dumps({"link": path[1], "sent": [sent.message_id for sent in office.sink.accepted]}))


async def finish(folder: Path) -> None:
    async with flow.running(folder, accounts=False) as office:
        await office.decide()
        for _ in range(100):
            await office.deliver()
            office.clock.advance(minutes=10)
        print(json.dumps([[sent.ticket, sent.kind, sent.rcpt_to] for sent in office.sink.accepted]))


if __name__ == "__main__":
    assert Path(compose.__file__).is_relative_to(Path.cwd()), "not the program of today"
    asyncio.run({"begin": begin, "finish": finish}[sys.argv[1]](Path(sys.argv[2])))
