"""The refresh token in its file. A server may give a new one each time and forget the old one (RFC 6749 §6).

The new one is written beside the file, synced and renamed before it is used. The room for it is made before the server
is asked: a full disk or a closed folder costs no token. Processes of one machine take turns by a lock on the folder.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from mailbot.errors import ConfigError, TokenUnavailable

_PATIENCE = 40.0  # seconds for the turn of another process: longer than an answer may take
_LOOK = 0.05


def read(key: str, file: str) -> str:
    """The secret alone in a file; ``key`` of [oauth] names it. Raises ConfigError."""
    try:
        text = Path(file).read_text(encoding="ascii").strip()
    except OSError as error:
        raise ConfigError(f"[oauth] {key}: {file!r}: {error.strerror}; mend: name a readable file") from error
    except ValueError:
        raise ConfigError(f"[oauth] {key}: {file!r}: is not ASCII; mend: write the secret alone into it") from None
    if not text or not text.isprintable():
        raise ConfigError(f"[oauth] {key}: {file!r}: is empty or has more lines; mend: write the secret alone into it")
    return text


class Turn:
    """Our turn with the file. ``token``: what it holds."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._beside = file.with_name(f".{file.name}.new")
        self._finish()
        self.token = read("refresh_token_file", str(file))
        self._room = self._make_room()

    def _finish(self) -> None:
        """A process that died may have written a newer token, and not renamed it: then its line has an end.
        What a person put into the file since then is newer still."""
        with suppress(FileNotFoundError):
            line, end, _ = self._beside.read_bytes().partition(b"\n")
            if end and self._beside.stat().st_mtime_ns >= self._file.stat().st_mtime_ns:
                os.truncate(self._beside, len(line) + 1)
                self._rename()
        with suppress(FileNotFoundError):
            self._beside.unlink()

    def _make_room(self) -> int:
        """A file of the same owner, with its octets on the disk."""
        room = os.open(self._beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            now = self._file.stat()
            os.fchown(room, now.st_uid, now.st_gid)  # `mailbot doctor` is run by root
            os.posix_fallocate(room, 0, 32_768)
        except BaseException:
            os.close(room)
            self._beside.unlink()
            raise
        return room

    def keep(self, token: str) -> None:
        """Write a new token. Without a pause: between the server's answer and this nothing may come."""
        with suppress(ConfigError):  # an empty file is no better token
            if token == self.token or read("refresh_token_file", str(self._file)) != self.token:
                return  # a person wrote another one meanwhile, who knows better
        os.ftruncate(self._room, os.write(self._room, token.encode() + b"\n"))
        os.fsync(self._room)
        self._rename()

    def _rename(self) -> None:
        self._beside.replace(self._file)
        folder = os.open(self._file.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def end(self) -> None:
        """Give back what was not used."""
        os.close(self._room)
        with suppress(FileNotFoundError):
            self._beside.unlink()


@asynccontextmanager
async def turn(path: str) -> AsyncIterator[Turn]:
    """Wait for the other processes, then have the file alone. Raises ConfigError, TokenUnavailable."""
    file = await asyncio.to_thread(Path(path).resolve)
    try:
        folder = os.open(file.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise ConfigError(f"[oauth] refresh_token_file: {path!r}: {error.strerror}; mend: name a file") from error
    try:
        until = time.monotonic() + _PATIENCE
        while not _locked(folder):
            if time.monotonic() > until:
                raise TokenUnavailable("another process has had the refresh token for too long")
            await asyncio.sleep(_LOOK)
        try:
            ours = Turn(file)
        except OSError as error:
            raise ConfigError(
                f"[oauth] refresh_token_file: {path!r}: {error.strerror}: a new token could not be kept; mend: a file "
                "that mailbot owns, in a folder where it may write, with room on the disk"
            ) from error
        try:
            yield ours
        finally:
            ours.end()
    finally:
        os.close(folder)  # and with it the lock


def _locked(folder: int) -> bool:
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
