"""Reads applications in worker processes, in the same sandbox as signatures are verified in (signatures.worker)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, TypeGuard

from mailbot.application.data import Application, Reading
from mailbot.application.fields import LONGEST
from mailbot.application.read import reading
from mailbot.errors import ConfigError
from mailbot.observe import step
from mailbot.signatures import wire
from mailbot.signatures.worker import Bounds, WorkerFailed, Workers

_LONGEST_DATUM = 1_000
_MOST_DOUBTS = 100


class Readers(Workers):
    """The processes. Started when first needed; ``close`` ends them."""

    def __init__(self, count: int, bounds: Bounds) -> None:
        super().__init__(count, {}, handler="mailbot.application.isolated:handler", bounds=bounds)

    async def read(self, payload: bytes) -> Reading | None:
        """What ``payload`` says; None when its process failed. Raises nothing but CancelledError."""
        try:
            return await self._run(wire.frame({}, [payload]), _reading)
        except (WorkerFailed, ConfigError) as failure:
            step("application not read", cause=str(failure))
            return None


def handler(settings: Mapping[str, Any]) -> wire.Handler:
    """The job of a worker: one blob is one payload. There are no settings."""
    del settings

    def job(header: Mapping[str, Any], blobs: Sequence[bytes]) -> wire.Frame:
        del header
        found = reading(blobs[0])
        return {"application": asdict(found.application), "text": found.text}, []

    return job


def _reading(answer: wire.Frame) -> Reading:
    """Raises WorkerFailed, and ValueError for anything else: a worker's word is foreign text."""
    header, _ = answer
    if "failed" in header:
        raise WorkerFailed("memory" if header["failed"] == "memory" else "failed")
    found, text = header.get("application"), header.get("text")
    texts = ("given", "surname", "old_login", "new_email")
    if not isinstance(found, dict) or found.keys() != {*texts, "readable", "named", "doubts"}:
        raise ValueError("not an application")
    if not _bounded(text, LONGEST):
        raise ValueError("not an application")
    doubts = found["doubts"]
    if not all(found[name] is None or _bounded(found[name], _LONGEST_DATUM) for name in texts):
        raise ValueError("not an application")
    if type(found["readable"]) is not bool or type(found["named"]) is not bool:
        raise ValueError("not an application")
    if not isinstance(doubts, list | tuple) or len(doubts) > _MOST_DOUBTS:
        raise ValueError("not an application")
    if not all(_bounded(doubt, _LONGEST_DATUM) for doubt in doubts):
        raise ValueError("not an application")
    return Reading(Application(**{**found, "doubts": tuple(doubts)}), text)


def _bounded(text: object, most: int) -> TypeGuard[str]:
    return isinstance(text, str) and len(text) <= most
