"""The parent of the workers: a stranger's bytes are parsed in a process that may hang or crash without harm.

A worker lives for many jobs and is replaced when it is old, fat, dead or late. What it answers is JSON and is checked
like any other foreign text; a job that fails gives a report for a person, never an exception.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import sys
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from mailbot import cores
from mailbot.errors import ConfigError, TemporaryError
from mailbot.observe import log_event
from mailbot.ruleset.model import SignatureRules
from mailbot.signatures import wire
from mailbot.signatures.child import Child, WorkerFailed, spawned
from mailbot.signatures.report import (
    Format,
    Indication,
    Integrity,
    Kind,
    Reason,
    Scope,
    SignatureReport,
    SubIndication,
    Trust,
    Verdict,
)

T = TypeVar("T")
File = tuple[str, bytes]
"""Name as the sender wrote it, and content."""

_GIVEN_BACK = 2**20
"""Blocks of so many octets glibc returns at once (mallopt(3)); else a worker keeps what a large file took."""
_KEPT = 4 * 2**20
"""Octets at the end of the heap that it keeps: pages that every mail with a file would get anew."""

_TEXTS = {
    "deadline": "Sprawdzanie pliku trwało zbyt długo i zostało przerwane.",
    "memory": "Sprawdzanie pliku wymagało zbyt wiele pamięci i zostało przerwane.",
    "died": "Program sprawdzający plik zakończył się nieoczekiwanie.",
    "garbage": "Program sprawdzający plik podał niezrozumiałą odpowiedź.",
    "failed": "Programowi sprawdzającemu plik nie udało się go odczytać.",
    "read": "Nie udało się odczytać pliku z dysku.",
    "reader": "Programowi sprawdzającemu pliki brakuje części; to nie wina pliku.",
    "start": "Nie udało się uruchomić programu sprawdzającego pliki.",
}


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a worker may cost."""

    deadline: float = 20.0
    """Seconds a job may take."""
    processor: int = 10
    """Seconds of processor time a job may take."""
    start: float = 60.0
    """Seconds until a new worker must be ready: the imports alone take one on a busy machine."""
    memory: int = 1_000_000_000
    """Octets of address space."""
    job: int | None = None
    """So many more at most than it takes when it is ready: what it was given to keep leaves a job as much."""
    resident: int = 150_000_000
    """A worker that holds more after a job is replaced."""
    jobs: int = 200
    """So is one that has done so many."""
    idle: float = 60.0
    """Seconds without a job after which the workers are ended, for each is as much memory as the program itself; the
    next job starts one."""


VERIFYING = Bounds(job=175_000_000)
"""Of workers that verify: with lists they take some 70 MB of address space, so with any file less than 250."""


@dataclass
class Workers:
    """``count`` workers, started when first needed. An asynchronous context manager; used in one event loop only."""

    count: int
    settings: Mapping[str, Any]
    """For the handler's factory; JSON."""
    readable: Sequence[Path] = ()
    """Folders that a handler may read again later (trust material)."""
    pesel_hash: Callable[[str], str] | None = None
    """Makes the keyed hash of a PESEL here, so that no worker has the key."""
    handler: str = "mailbot.signatures.verify:handler"
    """"module:factory", see ``wire.Factory``."""
    bounds: Bounds = field(default_factory=Bounds)
    network: bool = False
    """Whether the handler may ask the DNS, and may start threads for it."""
    streams: bool = False
    """Whether the handler takes the blobs of a job one by one, while they come."""

    def __post_init__(self) -> None:
        self._idle: list[Child] = []
        self._free = asyncio.Semaphore(self.count)
        self._closed = False
        self._ill = False
        self._mending: asyncio.Task[None] | None = None
        self._rest: asyncio.TimerHandle | None = None
        self._letting_go: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def start(self) -> None:
        """Have one worker ready. Raises ConfigError when its settings are wrong, so that an admin sees it at once, and
        TemporaryError when the machine was too slow, or had no room for it."""
        async with self._free:
            if self._idle:
                self._ill = False
                return
            try:
                self._keep(await self._start())
            except WorkerFailed as failure:
                kind = TemporaryError if failure.passing else ConfigError
                raise kind(f"worker {self.handler}: {_TEXTS[failure.cause]}") from failure

    async def verify_isolated(
        self, files: Sequence[File], received_at: datetime, rules: SignatureRules, content: bytes | None = None
    ) -> tuple[SignatureReport, ...]:
        """Reports on the files of one mail, in their order, one for each signed object and each unsigned file.

        ``content`` is what detached signatures sign, when it is none of the files. A job that fails gives MANUAL with
        reason WORKER_FAILED for every file. Raises nothing but asyncio.CancelledError.
        """
        names = [name for name, _ in files]
        header = {
            "names": names,
            "received_at": received_at.isoformat(),
            "content": content is not None,
            "rules": wire.rules_to_json(rules),
        }
        blobs = [data for _, data in files] + ([content] if content is not None else [])
        try:
            found = await self._run(wire.frame(header, blobs), lambda answer: _reports(answer, names, received_at))
        except (WorkerFailed, ConfigError) as failure:
            cause = failure.cause if isinstance(failure, WorkerFailed) else "start"
            log_event("signature worker failed", cause=cause, files=len(files))
            return tuple(failed(name, received_at, cause) for name in names)
        return tuple(self._hashed(report) for report in found)

    def _hashed(self, report: SignatureReport) -> SignatureReport:
        """The worker gives the PESEL itself in the place of its hash."""
        if report.signer is None or report.signer.pesel_hash is None:
            return report
        hashed = self.pesel_hash(report.signer.pesel_hash) if self.pesel_hash else None
        return replace(report, signer=replace(report.signer, pesel_hash=hashed))

    async def _run(self, job: bytes | deque[bytes], read: Callable[[wire.Frame], T]) -> T:
        """The answer to a frame, or its pieces, as ``read`` understands it (ValueError: such a worker is ended).

        Raises WorkerFailed, and ConfigError when a new worker refuses its settings.
        """
        async with self._free:
            child = self._idle.pop() if self._idle else await self._start()
            pieces = deque([job]) if isinstance(job, bytes) else job
            del job
            try:
                answer = read(_unfailed(await child.ask(pieces, self.bounds.deadline)))
            except ValueError as error:
                await child.end()
                raise WorkerFailed("garbage") from error
            except BaseException:  # a cancelled job too leaves a worker that still works at it
                await child.end()
                raise
            child.done += 1
            if self._closed or child.done >= self.bounds.jobs or child.resident() > self.bounds.resident:
                await child.end()
            else:
                self._keep(child)
            return answer

    def _keep(self, child: Child) -> None:
        self._idle.append(child)
        if self._rest is not None:
            self._rest.cancel()
        if math.isfinite(self.bounds.idle):
            self._rest = asyncio.get_running_loop().call_later(self.bounds.idle, self._let_go)

    def _let_go(self) -> None:
        self._letting_go = asyncio.create_task(self._end_idle())

    async def _end_idle(self) -> None:
        while self._idle:
            await self._idle.pop().end()

    def works(self) -> bool:
        """Whether no worker is missing that should be there. One that died while it was idle, or could not be started,
        is replaced meanwhile: the next job need not find out."""
        dead = [child for child in self._idle if child.process.returncode is not None]
        if dead:
            self._ill = True
            self._idle = [child for child in self._idle if child not in dead]
        if self._ill and not self._closed and (self._mending is None or self._mending.done()):
            self._mending = asyncio.create_task(self._mend(dead))
        return not self._ill

    async def _mend(self, dead: Sequence[Child]) -> None:
        for child in dead:
            await child.end()
        with contextlib.suppress(ConfigError, TemporaryError):  # it stays ill, and the next look tries again
            await self.start()

    async def close(self) -> None:
        """End the workers: the idle ones now, a busy one after its job."""
        self._closed = True
        if self._mending is not None:
            self._mending.cancel()
            await asyncio.wait({self._mending})
        if self._rest is not None:
            self._rest.cancel()
        if self._letting_go is not None:
            await self._letting_go
        await self._end_idle()

    async def _start(self) -> Child:
        """A worker that has said it is ready. Its environment holds no secret of ours."""
        environment = {
            "PYTHONPATH": os.pathsep.join(p for p in sys.path if p),
            "PYTHONHASHSEED": "random",
            "TZ": "UTC",
            "MALLOC_MMAP_THRESHOLD_": str(_GIVEN_BACK),
            "MALLOC_TRIM_THRESHOLD_": str(_KEPT),
            "MALLOC_ARENA_MAX": "2",  # an arena for each thread would take the address space for nothing
        }
        try:
            child = await spawned(environment)
        except WorkerFailed:
            self._ill = True
            raise
        cores.release(child.process.pid)
        setup = {
            "handler": self.handler,
            "settings": dict(self.settings),
            "readable": [str(folder) for folder in self.readable],
            "network": self.network,
            "streams": self.streams,
            "memory": self.bounds.memory,
            "job": self.bounds.job,
            "processor": self.bounds.processor,
            "alarm": 2 * math.ceil(self.bounds.deadline),
        }
        try:
            answer, _ = await child.ask(deque([wire.frame(setup)]), self.bounds.start)
            if "wrong" in answer:
                raise ConfigError(str(answer["wrong"]))
        except (WorkerFailed, ValueError) as failure:
            self._ill = True
            await child.end()
            code = child.process.returncode  # of a signal: by us as too slow, or by whoever needed its memory
            raise WorkerFailed("start", passing=code is not None and code < 0) from failure
        except BaseException:
            await child.end()
            raise
        self._ill = False
        return child


def failed(name: str, received_at: datetime, cause: str) -> SignatureReport:
    """What a person gets for a file that no worker could read."""
    return SignatureReport(
        file=name,
        format=Format.NONE,
        verdict=Verdict.MANUAL,
        indication=Indication.INDETERMINATE,
        sub_indication=SubIndication.POLICY_PROCESSING_ERROR,
        integrity=Integrity.UNREADABLE,
        scope=Scope.NONE,
        trust=Trust.NOT_CHECKED,
        kind=Kind.OTHER,
        signer=None,
        reasons=(Reason("WORKER_FAILED", _TEXTS[cause]),),
        received_at=received_at,
        flags=(cause,),
    )


def _unfailed(answer: wire.Frame) -> wire.Frame:
    if "failed" in answer[0]:
        raise WorkerFailed("memory" if answer[0]["failed"] == "memory" else "failed")
    return answer


def _reports(answer: wire.Frame, names: Sequence[str], received_at: datetime) -> tuple[SignatureReport, ...]:
    """Raises ValueError unless the answer is about these files and this moment."""
    header, parts = answer
    found = header.get("reports")
    if not isinstance(found, list) or not all(isinstance(entry, dict) for entry in found):
        raise ValueError("no reports")
    reports = tuple(wire.report_of(entry, _part(entry.pop("payload", None), parts)) for entry in found)
    about = {report.file for report in reports}
    if not about <= set(names) or bool(about) != bool(names) or any(r.received_at != received_at for r in reports):
        raise ValueError("reports about something else")
    return reports


def _part(place: object, parts: Sequence[bytes]) -> bytes | None:
    """Raises ValueError."""
    if place is None:
        return None
    if type(place) is not int or not 0 <= place < len(parts):
        raise ValueError("no such payload")
    return parts[place]
