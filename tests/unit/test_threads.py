"""A thread that finds no memory for its first step leaves whoever started it waiting for ever: the event loop, too."""

from __future__ import annotations

import asyncio
import gc
import threading
from pathlib import Path

import pytest
from sqlalchemy import text

from mailbot import threads
from mailbot.signatures.child import spawned
from mailbot.storage.database import Database
from mailbot.storage.engine import connect


def _refused(thread: threading.Thread) -> None:
    raise AssertionError(f"{thread.name} is started by the event loop")


def test_the_event_loop_starts_no_thread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What `mailbot run` makes before it works is all that it needs: to read, to give something to a thread, to start a
    locked process."""

    async def work() -> None:
        threads.ready()
        database = Database(connect(f"sqlite:///{tmp_path}/mailbot.db"))
        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", _refused)
            reads = [database.read(lambda c: c.execute(text("SELECT 1")).scalar_one()) for _ in range(8)]
            assert await asyncio.gather(*reads) == [1] * 8
            assert len(await asyncio.gather(*(asyncio.to_thread(threading.get_ident) for _ in range(40)))) == 40
            child = await spawned({})
            await child.end()
            assert child.process.returncode is not None
        await database.close()

    monkeypatch.setattr(asyncio.get_event_loop_policy(), "_watcher", None, raising=False)
    asyncio.run(work())


def test_a_machine_without_threads_is_left_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that had begun end: at its exit Python waits for them."""
    begin, begun = threading.Thread.start, []

    def scarce(thread: threading.Thread) -> None:
        if len(begun) == 2:
            raise RuntimeError("can't start new thread")
        begin(thread)
        begun.append(thread)

    monkeypatch.setattr(threading.Thread, "start", scarce)
    with pytest.raises(RuntimeError, match="new thread"):
        threads.pool(4, "scarce")
    gc.collect()
    for thread in begun:
        thread.join(10)
        assert not thread.is_alive()
