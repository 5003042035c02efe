"""The last bound on what a stranger's files may cost: processor time. What is counted elsewhere is the rule."""

from __future__ import annotations

import signal
from types import FrameType
from typing import Any

from mailbot.signatures.cms import unreadable

SECONDS = 1.2
"""Of processor time for all files of a mail; an honest one takes a tenth of it."""
_AGAIN = SECONDS / 50


class Patience:
    """``seconds`` of this process's time for what is done inside, in one go or in several. Raises Refused (TOO_COMPLEX)
    when they are over, again and again, and at the end in any case: a library that catches everything may have gone on
    without what it asked. In the main thread only."""

    def __init__(self, seconds: float = SECONDS) -> None:
        self._left = seconds
        self._spent = False
        self._before: Any = None

    def __enter__(self) -> None:
        self._before = signal.signal(signal.SIGPROF, self._stop)
        signal.setitimer(signal.ITIMER_PROF, self._left, _AGAIN)

    def __exit__(self, *_: object) -> None:
        self._left = signal.setitimer(signal.ITIMER_PROF, 0)[0] or _AGAIN  # 0 would be for ever
        signal.signal(signal.SIGPROF, self._before)
        if self._spent:
            raise _refused()

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self._spent = True
        raise _refused()


def _refused() -> Exception:
    return unreadable("Plik jest zbyt zawiły.", "TOO_COMPLEX")
