"""How a command fails plainly: the words and the exit code of what a person or the machine can cause."""

from __future__ import annotations

import errno
from typing import NamedTuple

from mailbot.errors import DatabaseGone, MailbotError, TemporaryError
from mailbot.service import refusals

EX_IOERR, EX_TEMPFAIL, EX_CONFIG = 74, 75, 78  # sysexits.h
_LACKING = {
    errno.EAGAIN: "process or thread",
    errno.ENOMEM: "memory",
    errno.EMFILE: "file descriptor",
    errno.ENFILE: "file descriptor",
}
"""What the machine, or a limit of ours, has none left of."""


class Failure(NamedTuple):
    """One that has an end: no traceback."""

    words: str
    code: int


def told(error: Exception) -> Failure | None:
    """None: a fault of the program, whose traceback is wanted."""
    error = refusals.plainly(error) or error
    if isinstance(error, MailbotError):
        # Started again at once it would begin an empty database where the other one was.
        again = isinstance(error, TemporaryError) and not isinstance(error, DatabaseGone)
        return Failure(error.reason, EX_TEMPFAIL if again else EX_CONFIG)
    if (number := _lacks(error)) is not None:
        mend = "mend: end what takes them, or raise the limit (ulimit -a, systemd's Limit… and TasksMax)"
        return Failure(f"there is no {_LACKING[number]} left; {mend}", EX_TEMPFAIL)
    if isinstance(error, OSError) and error.strerror:
        place = f"{error.filename}: " if error.filename else ""
        return Failure(f"{place}{error.strerror}; mend: let this user read and write there, or name another", EX_IOERR)
    return None


def _lacks(error: Exception) -> int | None:
    """A key of ``_LACKING``."""
    if isinstance(error, MemoryError):
        return errno.ENOMEM
    if isinstance(error, RuntimeError) and str(error) == "can't start new thread":  # so Python says it
        return errno.EAGAIN
    number = error.errno if isinstance(error, OSError) else None
    return number if number in _LACKING else None
