"""Understanding in processes of their own gives what a thread gives, and survives the death of a process."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from mailbot.cli import compose
from mailbot.config import Settings
from mailbot.errors import TemporaryError
from mailbot.model import REQUIRED_SUBJECT, Envelope, RawMessage, Source
from mailbot.workers.understand import Processes, in_thread
from tests.citizens import build
from tests.support import ROOT

WHEN = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
ENTRY = {
    "id": "process",
    "sender": "Żaneta Wójcik <zaneta@poczta.example>",
    "auth": "pass",
    "headers": {},
    "subject": REQUIRED_SUBJECT,
    "html_only": False,
    "body": "Proszę o zmianę hasła awaryjnego dla Żaneta Wójcik, 1980",
    "attachments": [],
}
BATCH = [
    RawMessage(raw, Envelope(Source.LMTP, "zaneta@poczta.example", ("helpdesk-eclo@mf.gov.pl",)), WHEN)
    for raw in (build(ENTRY, "alternative-utf8"), b"\xff\x00 no mail at all", build(ENTRY, "latin2-raw"))
]

_PARENT = """
import asyncio, sys
from functools import partial
from pathlib import Path
from mailbot.cli import compose
from mailbot.workers.understand import Processes

async def main(folder):
    settings = compose.settings(folder / "mailbot.toml")
    processes = Processes(partial(compose.understander, settings), settings.worker)
    await processes.start()
    print(processes._idle[0].process.pid, flush=True)
    await asyncio.sleep(600)

if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    config = tmp_path / "mailbot.toml"
    config.write_text(
        f'[secret]\nkey_file = "{tmp_path / "key"}"\n[authentication]\nauthserv_id = "mx.helpdesk.example"\n',
        encoding="utf-8",
    )
    return compose.settings(config)


@pytest.fixture
async def processes(settings: Settings) -> AsyncIterator[Processes]:
    async with Processes(partial(compose.understander, settings), settings.worker) as running:
        await running.start()
        yield running


async def test_a_process_understands_what_a_thread_understands(settings: Settings, processes: Processes) -> None:
    expected = await in_thread(compose.understander(settings))(BATCH)
    assert [u.request.year for u in expected] == [1980, None, 1980], "the mails must be worth comparing"
    assert await processes(BATCH) == expected


async def test_a_process_that_dies_costs_its_batch_a_delay_only(processes: Processes) -> None:
    processes._idle[0].process.kill()
    with pytest.raises(TemporaryError, match="died"):
        await processes(BATCH)
    assert len(await processes(BATCH)) == len(BATCH)


def test_a_process_ends_with_its_parent(settings: Settings, tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(_PARENT, encoding="utf-8")
    with subprocess.Popen([sys.executable, script, tmp_path], cwd=ROOT, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        watch = os.pidfd_open(child)
        parent.send_signal(signal.SIGKILL)
        parent.wait(30)
    assert select.select([watch], [], [], 60)[0], "the process outlived its parent"
    os.close(watch)
