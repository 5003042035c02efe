"""Understands messages in a process of its own: it is most of a mail's computing, and so gets another core.

Strangers' bytes are read there, so it is locked and bounded as the processes that check signatures are
(signatures.worker), except that it may ask the DNS. A batch that is too slow, takes too much memory or kills the
process fails as a whole: its mails are then taken one by one (jobs.claim), and the one that is to blame fails alone.
"""

from __future__ import annotations

import asyncio
import base64
import io
import math
import pickle
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from mailbot.config import WorkerSettings
from mailbot.errors import ConfigError, ReadingFailed, TemporaryError
from mailbot.model import RawMessage, Understanding
from mailbot.signatures import wire
from mailbot.signatures.child import WorkerFailed
from mailbot.signatures.worker import Bounds, Workers
from mailbot.workers import shares

if TYPE_CHECKING:
    from mailbot.flow.understand import Understander

Understand = Callable[[Sequence[RawMessage]], Awaitable[list[Understanding]]]
"""Understander.understand_all without stopping the event loop. May raise ReadingFailed, or TemporaryError when no mail
is to blame."""

_RESIDENT = 400_000_000
_JOBS = 10_000
_SMALL = 2**18
"""Octets of a batch that go in one write."""


def in_thread(understander: Understander) -> Understand:
    """In a thread of this process: for tests, the demo and small machines. Nothing can end a thread, so there is
    neither deadline nor memory limit."""

    async def understand(batch: Sequence[RawMessage]) -> list[Understanding]:
        return await asyncio.to_thread(understander.understand_all, batch)

    return understand


class Processes(Workers):
    """Processes that understand, each with the understander that ``build`` makes there. ``build`` must be picklable."""

    def __init__(self, build: Callable[[], Understander], settings: WorkerSettings) -> None:
        given = {"build": base64.b64encode(pickle.dumps(build)).decode()}
        deadline = min(settings.deadline_seconds, shares.seconds(shares.UNDERSTAND, settings.lease_seconds))
        bounds = Bounds(
            deadline=deadline,
            processor=math.ceil(deadline),
            memory=settings.memory_mb * 1_000_000,
            resident=_RESIDENT,
            jobs=_JOBS,
            idle=math.inf,
        )
        job = f"{__name__}:handler"
        super().__init__(settings.processes, given, handler=job, bounds=bounds, network=True, streams=True)

    async def __call__(self, batch: Sequence[RawMessage]) -> list[Understanding]:
        """See Understand."""
        try:
            return await self._run(_asked(batch), lambda answer: _read(answer, len(batch)))
        except WorkerFailed as failure:
            if failure.cause == "start":
                raise TemporaryError("no process that understands mails can be started") from failure
            raise ReadingFailed(f"the process that understands mails failed: {failure.cause}") from failure
        except ConfigError as error:
            raise TemporaryError(f"no process that understands mails can be started: {error.reason}") from error


def _asked(batch: Sequence[RawMessage]) -> deque[bytes]:
    """The batch, pickled by us, and the octets of its messages; of large ones nobody need make a copy."""
    blobs = [pickle.dumps([replace(one, raw=b"") for one in batch]), *(one.raw for one in batch)]
    pieces = wire.pieces({}, blobs)
    return deque(pieces) if sum(map(len, blobs)) > _SMALL else deque([b"".join(pieces)])


def handler(settings: Mapping[str, Any]) -> wire.Handler:
    """The job of a process: its blobs are those of ``_asked``."""
    understander: Understander = pickle.loads(base64.b64decode(settings["build"]))()  # noqa: S301 - the parent's own

    def job(header: Mapping[str, Any], blobs: Iterable[bytes]) -> wire.Frame:
        del header
        coming = iter(blobs)
        heads = pickle.loads(next(coming))  # noqa: S301 - likewise
        batch = (replace(one, raw=octets) for one, octets in zip(heads, coming, strict=True))
        return {}, [dumped(understander.understand_all(batch))]

    return job


def dumped(understood: list[Understanding]) -> bytes:
    """Values of the model as their class and fields: a third of the time that dataclasses take by themselves."""
    out = io.BytesIO()
    pickler = pickle.Pickler(out, pickle.HIGHEST_PROTOCOL)
    pickler.dispatch_table = _BY_FIELDS
    pickler.dump(understood)
    return out.getvalue()


class _ByFields(dict[type, Callable[[Any], Any]]):
    """How a value is made anew, by its class. Where a class works out fields by itself, as pickle does it."""

    def __missing__(self, kind: type) -> Callable[[Any], Any]:
        if issubclass(kind, type):  # a class itself goes by its name
            raise KeyError(kind)
        self[kind] = made = (
            _by_value(kind) or _by_fields(kind) or (lambda value: value.__reduce_ex__(pickle.HIGHEST_PROTOCOL))
        )
        return made


def _by_value(kind: type) -> Callable[[Any], Any] | None:
    # until Python 3.11.3 an Enum goes by getattr and its name; _Unpickler knows no getattr
    return (lambda value: (kind, (value.value,))) if issubclass(kind, Enum) else None


def _by_fields(kind: type) -> Callable[[Any], Any] | None:
    ours = is_dataclass(kind) and kind.__module__.startswith("mailbot.model.")
    if not ours or hasattr(kind, "__post_init__") or not all(field.init for field in fields(kind)):
        return None
    names = [field.name for field in fields(kind)]
    values = attrgetter(*names, names[0])  # two at least: of one name alone it gives no tuple
    return lambda value: (kind, values(value)[:-1])


_BY_FIELDS = _ByFields()


def _read(answer: wire.Frame, count: int) -> list[Understanding]:
    """Raises ValueError for anything but ``count`` understandings: what has read strangers' bytes may say anything."""
    (blob,) = answer[1]
    try:
        found = _Unpickler(io.BytesIO(blob)).load()
    except Exception as error:  # pickle raises whatever its input makes it raise
        raise ValueError("not understandings") from error
    if not isinstance(found, list) or len(found) != count or not all(isinstance(u, Understanding) for u in found):
        raise ValueError("not understandings")
    return found


class _Unpickler(pickle.Unpickler):
    """Makes nothing but values of the model."""

    def find_class(self, module: str, name: str) -> Any:
        """See pickle.Unpickler."""
        if (module, name) in _PLAIN:
            return super().find_class(module, name)
        found = super().find_class(module, name) if module.startswith("mailbot.model.") and "." not in name else None
        if not isinstance(found, type) or found.__module__ != module:
            raise pickle.UnpicklingError(f"{module}.{name}")
        return found


_PLAIN = frozenset({("builtins", "frozenset"), *(("datetime", name) for name in ("datetime", "timedelta", "timezone"))})
