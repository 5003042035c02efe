"""Threads that are there before they are needed.

Who starts a thread waits until it says that it runs. One that finds no memory for its first step says nothing, and who
waits does so for ever (CPython until 3.14): in the event loop that is all roles. So it starts none.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor


def pool(count: int, name: str) -> ThreadPoolExecutor:
    """An executor whose ``count`` threads run already. Raises RuntimeError where the machine has none left."""
    made = ThreadPoolExecutor(count, thread_name_prefix=name)
    here = threading.Barrier(count + 1)
    try:
        for _ in range(count):
            made.submit(here.wait)
    except RuntimeError:
        here.abort()  # else those that run already would never end
        raise
    here.wait()
    return made


def ready() -> None:
    """To be called in the event loop, at its beginning: what it gives to threads (asyncio.to_thread) finds them, and
    the processes that it starts need none (until Python 3.12 asyncio starts one for each)."""
    loop = asyncio.get_running_loop()
    as_many_as_its_own = min(32, (os.cpu_count() or 1) + 4)
    loop.set_default_executor(pool(as_many_as_its_own, "asyncio"))
    if sys.version_info < (3, 12):
        watcher = asyncio.PidfdChildWatcher()
        watcher.attach_loop(loop)
        asyncio.set_child_watcher(watcher)
