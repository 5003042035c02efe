"""The last bound on what a stranger's files may cost: processor time. What is counted elsewhere is the rule."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from types import FrameType

from mailbot.signatures.cms import unreadable

SECONDS = 1.2
"""Of processor time for all files of a mail; an honest one takes a tenth of it."""


@contextlib.contextmanager
def patience(seconds: float = SECONDS) -> Iterator[None]:
    """Raises Refused (TOO_COMPLEX) inside after ``seconds`` of this process's time, again and again, and at the end in
    any case: a library that catches everything may have gone on without what it asked. In the main thread only."""
    spent = False
    refused = unreadable("Plik jest zbyt zawiły.", "TOO_COMPLEX")

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal spent
        spent = True
        raise refused

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds, seconds / 50)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
    if spent:
        raise refused
