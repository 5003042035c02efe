"""What would become of mails, each by itself, with what ``mailbot explain`` tells of it."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from mailbot.errors import ConfigError
from mailbot.flow.lookup import Lookup
from mailbot.model import Envelope, RawMessage, Source, Understanding
from mailbot.observe import utc_now
from mailbot.trial import history
from mailbot.trial.simulator import Trial, arrival, blank

_STATE = ".state.yaml"
_TOGETHER = 20
"""Mails for which the history is asked at once: alone, asking takes as long as everything else."""


@dataclass(frozen=True, slots=True)
class ExplainOptions:
    """What the options ask for."""

    received: datetime | None
    now: datetime | None
    mails: bool
    state: Path | None


@dataclass(frozen=True, slots=True)
class _Mail:
    """One mail, understood."""

    file: Path
    raw: RawMessage
    u: Understanding
    now: datetime
    seconds: float
    """What it took so far."""

    @property
    def moments(self) -> tuple[datetime, datetime]:
        """Mails that share them are asked about together."""
        return self.raw.received_at, self.now


async def tried(
    trial: Trial, paths: Sequence[Path], wanted: ExplainOptions
) -> AsyncIterator[tuple[dict[str, Any], str]]:
    """What is told of each mail of ``paths`` (files, or folders walked), and its subject."""
    with blank() as connection:
        if wanted.state:
            await history.fill(trial, connection, history.read(wanted.state, trial.flow.ruleset.categories))
        files = _walk(paths)
        while chunk := list(islice(files, _TOGETHER)):
            for found in await _explain(trial, chunk, wanted, connection):
                yield found


def _walk(paths: Sequence[Path]) -> Iterator[Path]:
    """The mails: files as named; of a folder every file but the YAML beside the mails, in order."""
    for path in paths:
        if path.is_dir():
            yield from (f for f in sorted(path.rglob("*")) if f.is_file() and f.suffix not in (".yaml", ".yml"))
        else:
            yield path


async def _explain(
    trial: Trial, files: Sequence[Path], wanted: ExplainOptions, connection: Connection
) -> list[tuple[dict[str, Any], str]]:
    """Each mail by itself after the same history, which is asked once for all that come at the same moment.

    Gives what is told of it, and its subject.
    """
    tried = [await _read(trial, file, wanted, connection) for file in files]
    together: dict[tuple[datetime, datetime], list[Understanding]] = defaultdict(list)
    for one in tried:
        if isinstance(one, _Mail):
            together[one.moments].append(one.u)
    lookups = {moments: trial.flow.lookup(connection, us, moments[1]) for moments, us in together.items()}
    return [
        (await _told(trial, one, wanted, lookups[one.moments], connection), one.u.message.subject)
        if isinstance(one, _Mail)
        else (one, "")
        for one in tried
    ]


async def _read(trial: Trial, file: Path, wanted: ExplainOptions, connection: Connection) -> _Mail | dict[str, Any]:
    started = time.perf_counter()
    try:
        octets = await asyncio.to_thread(file.read_bytes)
    except OSError as error:  # one bad file never stops the rest
        return _failed(file, f"cannot be read: {error.strerror}")
    raw = RawMessage(octets, Envelope(Source.INJECT), wanted.received or arrival(octets) or utc_now())
    u, now = trial.read(raw), wanted.now or raw.received_at
    if not _has_past(file, wanted):
        u = await trial.checked(u, connection, now)
    return _Mail(file, raw, u, now, time.perf_counter() - started)


def _has_past(file: Path, wanted: ExplainOptions) -> bool:
    """Whether something came before this mail alone."""
    return not wanted.state and file.with_suffix(_STATE).is_file()


async def _told(
    trial: Trial, mail: _Mail, wanted: ExplainOptions, lookup: Lookup, connection: Connection
) -> dict[str, Any]:
    started = time.perf_counter()
    if not _has_past(mail.file, wanted):
        found = _assessed(trial, mail, wanted, lookup, connection)
    else:
        try:
            past = history.read(mail.file.with_suffix(_STATE), trial.flow.ruleset.categories)
        except ConfigError as error:
            return _failed(mail.file, error.reason)
        with blank() as fresh:
            await history.fill(trial, fresh, past)
            mail = replace(mail, u=await trial.checked(mail.u, fresh, mail.now))
            found = _assessed(trial, mail, wanted, trial.flow.lookup(fresh, [mail.u], mail.now), fresh)
    return {"file": str(mail.file), **found, "seconds": round(mail.seconds + time.perf_counter() - started, 6)}


def _assessed(
    trial: Trial, mail: _Mail, wanted: ExplainOptions, lookup: Lookup, connection: Connection
) -> dict[str, Any]:
    found = trial.report(trial.flow.assess(mail.u, lookup))
    if wanted.mails:
        found["rendered"] = [text.decode("utf-8") for text in trial.mails(mail.raw, mail.u, connection, mail.now)]
    return found


def _failed(file: Path, why: str) -> dict[str, Any]:
    return {"file": str(file), "outcome": "ERROR", "error": why}
