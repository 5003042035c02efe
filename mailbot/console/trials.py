"""Trials for the rules screen, each in a locked process of its own (mailbot.trial.locked), and the rule sets that are
handed in for them."""

from __future__ import annotations

import base64
import io
import lzma
import pickle
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from mailbot.config import Settings
from mailbot.errors import ConfigError, PermanentError
from mailbot.model import RawMessage
from mailbot.signatures import wire
from mailbot.signatures.child import WorkerFailed
from mailbot.signatures.worker import Bounds, Workers
from mailbot.tickets.decisions import StoredDecision

_DEADLINE = 40.0
"""Seconds: the connection of a page is cut after 60 (http.doors)."""
_MEMORY = 1_500_000_000
_JOBS = 1
"""A process is for one job, so it always has the rule set of now."""

_MOST_FILES = 400
_LARGEST = 1_000_000
"""Octets of one file of a rule set."""
_ALL = 10_000_000
_SUFFIXES = (".yaml", ".yml", ".j2")
_FOLDERS = ("", "mails", "languages")
_MARK = "procedures.yaml"
_NO_ARCHIVE = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, RuntimeError, EOFError, ValueError, OSError)
"""What reading octets as ZIP may raise."""


class TrialFailed(PermanentError):
    """There is no answer; the reason is for an admin."""


class TrialJob(Workers):
    """One job for ``mailbot.trial.locked:<what>``."""

    def __init__(self, what: str, settings: Settings, rules: Sequence[Path | None] = ()) -> None:
        """``rules``: folders of rule sets; None: that of the settings."""
        folders = [str(folder) if folder else "" for folder in rules]
        given = {"settings": base64.b64encode(pickle.dumps(settings)).decode(), "rules": folders}
        bounds = Bounds(deadline=_DEADLINE, processor=int(_DEADLINE), memory=_MEMORY, jobs=_JOBS)
        super().__init__(1, given, handler=f"mailbot.trial.locked:{what}", bounds=bounds)

    async def explain(self, mail: bytes, taken: Mapping[str, Any]) -> dict[str, Any]:
        """What would happen to ``mail``. Raises TrialFailed."""
        return await self._ask_for(wire.frame(taken, [mail]))

    async def compare(self, stored: Sequence[tuple[StoredDecision, RawMessage | None]]) -> dict[str, Any]:
        """What the two sets make of ``stored``. Raises TrialFailed."""
        return await self._ask_for(wire.frame({}, [pickle.dumps(stored)]))

    async def _ask_for(self, job: bytes) -> dict[str, Any]:
        try:
            return await self._run(job, _found)
        except WorkerFailed as failure:
            raise TrialFailed(failure.cause) from failure
        except ConfigError as error:
            raise TrialFailed(error.reason) from error
        finally:
            await self.close()


def _found(answer: wire.Frame) -> dict[str, Any]:
    """What has read strangers' bytes may say anything: a page escapes it. Raises ValueError."""
    found = answer[0].get("found")
    if not isinstance(found, dict):
        raise ValueError("no answer")
    return found


def unpack(archive: bytes, folder: Path) -> None:
    """Write the rule set that ``archive`` (ZIP) holds into ``folder``. Only YAML files and templates are taken, where a
    rule set has them, and no more than one can have. Raises TrialFailed."""
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as packed:
            _write(packed, folder)
    except _NO_ARCHIVE as error:
        raise TrialFailed(f"no ZIP archive of a rule set: {type(error).__name__}") from error


def _write(packed: zipfile.ZipFile, folder: Path) -> None:
    names = [info for info in packed.infolist() if not info.is_dir()]
    top = next((PurePosixPath(i.filename).parent for i in names if PurePosixPath(i.filename).name == _MARK), None)
    if top is None:
        raise TrialFailed(f"there is no {_MARK} in the archive")
    if len(names) > _MOST_FILES:
        raise TrialFailed(f"more than {_MOST_FILES} files")
    left = _ALL
    for info in names:
        path = PurePosixPath(info.filename)
        if not path.is_relative_to(top) or path.suffix not in _SUFFIXES:
            continue
        inside = path.relative_to(top)
        kind = "" if inside.parent == PurePosixPath() else str(inside.parent)
        if kind not in _FOLDERS or ".." in path.parts:
            continue
        with packed.open(info) as file:
            data = file.read(_LARGEST + 1)
        left -= len(data)
        if len(data) > _LARGEST or left < 0:
            raise TrialFailed("more than a rule set can hold")
        (folder / kind).mkdir(exist_ok=True)
        (folder / kind / inside.name).write_bytes(data)
