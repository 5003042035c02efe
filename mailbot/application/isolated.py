"""Reads applications in worker processes, in the same sandbox as signatures are verified in (signatures.worker)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from mailbot.application.data import Application
from mailbot.application.read import read
from mailbot.errors import ConfigError
from mailbot.observe import step
from mailbot.signatures import wire
from mailbot.signatures.worker import Bounds, WorkerFailed, Workers


class Readers(Workers):
    """The processes. Started when first needed; ``close`` ends them."""

    def __init__(self, count: int, bounds: Bounds) -> None:
        super().__init__(count, {}, handler="mailbot.application.isolated:handler", bounds=bounds)

    async def read(self, payload: bytes, name: str) -> Application | None:
        """The application in ``payload``; None when its process failed. Raises nothing but CancelledError."""
        try:
            return await self._run(wire.frame({"name": name}, [payload]), _application)
        except (WorkerFailed, ConfigError) as failure:
            step("application not read", cause=str(failure))
            return None


def handler(settings: Mapping[str, Any]) -> wire.Handler:
    """The job of a worker: one blob is one payload. There are no settings."""
    del settings

    def job(header: Mapping[str, Any], blobs: Sequence[bytes]) -> wire.Frame:
        return {"application": asdict(read(blobs[0], header["name"]))}, []

    return job


def _application(answer: wire.Frame) -> Application:
    """Raises WorkerFailed, and ValueError for anything else: a worker's word is foreign text."""
    header, _ = answer
    if "failed" in header:
        raise WorkerFailed("memory" if header["failed"] == "memory" else "failed")
    found = header.get("application")
    texts = ("given", "surname", "old_login", "new_email")
    if not isinstance(found, dict) or found.keys() != {*texts, "readable"} or type(found["readable"]) is not bool:
        raise ValueError("not an application")
    if not all(isinstance(found[name], str | None) for name in texts):
        raise ValueError("not an application")
    return Application(**found)
