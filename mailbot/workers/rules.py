"""Keeps the rule set that decides: a new one in the folder takes its place when it is right, and is refused when not.

A look is cheap: names, sizes and times. Only when two looks in a row find the same change (an editor or rsync may be in
the middle of writing) is the folder read, and what was read counts only if nothing changed meanwhile.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, insert, select

from mailbot import processes
from mailbot.audit import chain
from mailbot.audit.chain import AuditEntry
from mailbot.errors import MailbotError
from mailbot.flow.pipeline import Pipeline
from mailbot.mails.write import Writer
from mailbot.observe import Clock, log_event
from mailbot.ruleset.model import Ruleset
from mailbot.storage.database import Database
from mailbot.storage.schema import ruleset_load

Load = Callable[[], tuple[Ruleset, Writer]]
"""Reads and proofreads the folder. Raises RulesError with every mistake, one a line."""

FolderStamp = tuple[tuple[str, int, int, int, int], ...]
"""Name, size, times of the last change of the content and of anything else, inode."""

_SETTLE = 1.0  # seconds between the look that finds a change and the one that must agree
_NAMED = 3  # mistakes in the log line; the table has them all
_SHARES = ("*.yaml", "*.yml", "mails/*", "languages/*")


@dataclass(frozen=True, slots=True)
class _WrongFolder:
    """``content`` tells one wrong folder from another, so that each is told once."""

    content: str
    mistakes: str


class RulesKeeper:
    """Holds ``pipeline``, the flow with the last rule set that was right; gives each new one to ``use``."""

    def __init__(
        self,
        name: str,
        database: Database,
        pipeline: Pipeline,
        load: Load,
        use: Callable[[Pipeline], None],
        clock: Clock,
        settle: float = _SETTLE,
        seen: FolderStamp | None = None,
    ) -> None:
        """``use`` is called in the event loop and must only swap references. ``settle`` is in seconds. ``seen``: what
        ``look_at`` gave before the set of ``pipeline`` was read."""
        self.name = name
        self.pipeline = pipeline
        self._database = database
        self._load = load
        self._use = use
        self._clock = clock
        self._settle = settle
        self._judged = seen
        self._pending: FolderStamp | None = None
        self._refused = ""

    async def start(self) -> None:
        """Note the rule set the process began with; whether the folder changed since, the first ``step`` finds out."""
        await self._note(hash=self.pipeline.ruleset.hash)

    async def step(self) -> int:
        """One look. 1: something has changed, look again at once; 0: nothing to do before the next look."""
        look = await asyncio.to_thread(look_at, self.pipeline.ruleset.directory)
        if look == self._judged:
            self._pending = None
            return 0
        if look != self._pending:
            self._pending = look
            await asyncio.sleep(self._settle)
            return 1
        found = await asyncio.to_thread(self._read)
        if await asyncio.to_thread(look_at, self.pipeline.ruleset.directory) != look:
            return 1
        if isinstance(found, _WrongFolder):
            await self._refuse(found)
        else:
            await self._take(*found)
        self._judged, self._pending = look, None
        return 0

    def _read(self) -> tuple[Ruleset, Writer] | _WrongFolder:
        """The folder as it is now. Whatever goes wrong refuses it: a rule file must never stop the program."""
        try:
            return self._load()
        except MailbotError as error:
            mistakes = error.reason
        except Exception as error:
            mistakes = f"{self.pipeline.ruleset.directory}: cannot be read: {error!r}"
        return _WrongFolder(_content(self.pipeline.ruleset.directory), mistakes)

    async def _take(self, ruleset: Ruleset, writer: Writer) -> None:
        recovered = bool(self._refused)
        if ruleset.hash == self.pipeline.ruleset.hash and not recovered:
            return
        await self._note(in_force=ruleset.hash != self.pipeline.ruleset.hash, hash=ruleset.hash)
        self._refused = ""
        if ruleset.hash != self.pipeline.ruleset.hash:
            self.pipeline = replace(self.pipeline, ruleset=ruleset, writer=writer)
            self._use(self.pipeline)
        log_event("rules-taken", hash=ruleset.hash, rules=len(ruleset.rules), recovered=recovered)

    async def _refuse(self, found: _WrongFolder) -> None:
        if found.content == self._refused:
            return
        await self._note(mistakes=found.mistakes)
        self._refused = found.content
        lines = found.mistakes.splitlines()
        first = " | ".join(lines[:_NAMED])
        active = self.pipeline.ruleset.hash
        log_event("rules-refused", level=logging.ERROR, mistakes=len(lines), first=first, active=active)

    async def _note(self, *, in_force: bool = False, **values: str) -> None:
        """``in_force``: it decides from now on, on every machine."""
        loaded = {"at": self._clock(), "process": self.name, **values}

        def noted(connection: Connection) -> None:
            _noted(connection, loaded)
            if in_force:
                processes.force(connection, values["hash"])

        await self._database.write(noted)


def _noted(connection: Connection, loaded: dict[str, Any]) -> None:
    """The load, and its row in the audit chain: what decided, and since when."""
    row_id = connection.execute(insert(ruleset_load).values(loaded).returning(ruleset_load.c.id)).scalar_one()
    row = connection.execute(select(ruleset_load).where(ruleset_load.c.id == row_id)).mappings().one()
    what = "rules-taken" if row["hash"] else "rules-refused"
    digest, reason = chain.load_digest(row), row["hash"] or ""
    chain.append(
        connection, [AuditEntry(row["at"], chain.MACHINE, what, chain.RULES, digest, after=row_id, reason=reason)]
    )


def _files(directory: Path) -> Iterable[Path]:
    return sorted(path for share in _SHARES for path in directory.glob(share))


def look_at(directory: Path) -> FolderStamp:
    """What the system says of the files of a rule set; a file that cannot be asked counts as another file."""
    found = []
    for path in _files(directory):
        try:
            stat = path.stat()
        except OSError:
            found.append((str(path), -1, 0, 0, 0))
        else:
            found.append((str(path), stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino))
    return tuple(found)


def _content(directory: Path) -> str:
    """Digest of what the files say, and of what cannot be read."""
    digest = hashlib.sha256()
    for path in _files(directory):
        try:
            data = path.read_bytes() if path.is_file() else b""  # a pipe would keep us waiting
        except OSError as error:
            data = repr(error).encode()
        for part in (path.name.encode(), data):
            digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()
