"""Reads applications in worker processes, in the same sandbox as signatures are verified in (signatures.worker)."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import TypeGuard

from mailbot.application import sample
from mailbot.application.data import MOST_PICTURES, Application, Reading
from mailbot.errors import ConfigError
from mailbot.observe import log_event
from mailbot.ruleset.model import ApplicationWords
from mailbot.signatures import wire
from mailbot.signatures.child import WorkerFailed
from mailbot.signatures.worker import Bounds, Workers

_TEXTS = ("given", "surname", "old_login", "new_email")
_LISTS = ("doubts", "torn")
_MEMORY = 320_000_000
"""Octets of address space: 220 MB with every library and the dictionary, 70 MB to draw and recognise an A3 page, 10 MB
for each set of words; not 250 MB of them are ever held."""
LONGEST_TEXT = 100_000
_LONGEST_DATUM = 1_000
_MOST_DOUBTS = 100
_PNG = b"\x89PNG\r\n\x1a\n"
BROKEN = "reader"
"""The header of an answer that is not about the file: a part of the reader does not work in the locked process."""


class Readers(Workers):
    """The processes. Started when first needed; ``close`` ends them."""

    def __init__(self, count: int, deadline: float) -> None:
        """``deadline``: seconds a job may take."""
        bounds = Bounds(deadline=deadline, memory=_MEMORY, resident=_MEMORY)
        super().__init__(count, {}, handler="mailbot.application.inside:handler", bounds=bounds)

    async def read(self, payload: bytes) -> Reading | None:
        """What ``payload`` says; None when its process failed. Raises nothing but CancelledError."""
        return await self._read(wire.frame({}, [payload]))

    async def judge(self, payload: bytes, letter: ApplicationWords, at: datetime) -> Reading | None:
        """As ``read``, its application with a doubt for all that keeps it from being that of case B (purpose.judged).

        at: when the mail came.
        """
        return await self._read(wire.frame({"at": at.isoformat()}, [payload, letter.source.encode()]))

    async def _read(self, job: bytes) -> Reading | None:
        try:
            return await self._run(job, _reading)
        except (WorkerFailed, ConfigError) as failure:
            ours = isinstance(failure, ConfigError) or failure.cause in ("start", "reader")
            cause = failure.cause if isinstance(failure, WorkerFailed) else str(failure)
            log_event("application not read", level=logging.ERROR if ours else logging.INFO, cause=cause)
            return None

    async def prove(self) -> None:
        """Read a small PDF of our own; who did it ends, for nothing else waits yet, and most mails have no application.
        Raises ConfigError when the answer is not what stands there."""
        try:
            found = await self._run(wire.frame({}, [sample.build()]), _reading)
            await self._end_idle()
        except WorkerFailed as failure:
            raise ConfigError(
                f"the reader of applications does not work: {failure.cause}; mend: {sample.MEND}"
            ) from failure
        if found.application != sample.APPLICATION or found.application.doubts:
            doubts = "; ".join(found.application.doubts) or "other data"
            raise ConfigError(f"the reader of applications does not read a simple page: {doubts}; mend: {sample.MEND}")


def _reading(answer: wire.Frame) -> Reading:
    """Raises WorkerFailed, and ValueError for anything else: a worker's word is foreign text."""
    header, pictures = answer
    if "failed" in header:
        raise WorkerFailed(header["failed"] if header["failed"] in ("memory", BROKEN) else "failed")
    found, text, seen = header.get("application"), header.get("text"), header.get("seen")
    if not isinstance(found, dict) or found.keys() != {*_TEXTS, "readable", "named", *_LISTS}:
        raise ValueError("not an application")
    if not all(found[name] is None or _bounded(found[name], _LONGEST_DATUM) for name in _TEXTS):
        raise ValueError("not an application")
    if type(found["readable"]) is not bool or type(found["named"]) is not bool:
        raise ValueError("not an application")
    lists = {name: found[name][:_MOST_DOUBTS] for name in _LISTS if isinstance(found[name], list)}
    if len(lists) < len(_LISTS) or not all(_bounded(one, _LONGEST_DATUM) for some in lists.values() for one in some):
        raise ValueError("not an application")
    if not _bounded(text, LONGEST_TEXT) or not (seen is None or _bounded(seen, LONGEST_TEXT)):
        raise ValueError("not a reading")
    if len(pictures) > MOST_PICTURES or not all(one.startswith(_PNG) for one in pictures):
        raise ValueError("not the pictures of a reading")
    application = Application(**{**found, **{name: tuple(some) for name, some in lists.items()}})
    return Reading(application, text, seen, tuple(pictures))


def _bounded(text: object, most: int) -> TypeGuard[str]:
    return isinstance(text, str) and len(text) <= most
