"""The one secret of an installation, and the keys derived from it.

Links, return paths and PESEL hashes are HMACs, so the database alone opens nothing.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from mailbot.errors import ConfigError

_SIZE = 32


@dataclass(frozen=True, slots=True)
class Secret:
    """32 random bytes."""

    key: bytes = field(repr=False)

    def mac(self, purpose: str, text: str) -> bytes:
        """HMAC-SHA256 (32 bytes) of ``text``; ``purpose`` keeps the uses apart."""
        return hmac.digest(self.key, f"{purpose}\0{text}".encode(), hashlib.sha256)


def load(path: Path) -> Secret:
    """The key in ``path``, made there (mode 0600) when the file does not exist yet. Raises ConfigError."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        key = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"[secret] key_file: {path}: {error.strerror}; mend: name a writable place") from error
    else:
        key = secrets.token_bytes(_SIZE)
        with os.fdopen(descriptor, "wb") as file:
            file.write(key)
            file.flush()
            os.fsync(file.fileno())
    if len(key) != _SIZE:
        raise ConfigError(f"[secret] key_file: {path}: has {len(key)} bytes, not {_SIZE}; mend: restore the right file")
    return Secret(key)
