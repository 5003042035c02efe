"""The one secret of an installation, and the keys derived from it.

Links, return paths and PESEL hashes are HMACs and what must not be readable is sealed, so the database alone opens
nothing.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from mailbot.errors import ConfigError, SealBroken

_SIZE = 32
_SEAL = b"\0mailbot sealed "
"""How sealed bytes begin; no mail does: NUL is not for headers (RFC 5322 §2.2)."""
_VERSION = b"\x01"
"""AES-256-GCM: 12 octets of nonce, then ciphertext and tag."""
_NONCE = 12


@dataclass(frozen=True, slots=True)
class Secret:
    """32 random bytes."""

    key: bytes = field(repr=False)

    def mac(self, purpose: str, text: str) -> bytes:
        """HMAC-SHA256 (32 bytes) of ``text``; ``purpose`` keeps the uses apart."""
        return hmac.digest(self.key, f"{purpose}\0{text}".encode(), hashlib.sha256)

    def seal(self, purpose: str, plain: bytes, context: bytes) -> bytes:
        """``plain`` under AES-256-GCM with a key for ``purpose``; opens only with the same ``context`` (not kept).

        The nonce is random, which is safe for 2³² messages under one key (NIST SP 800-38D §8.3).
        """
        nonce = secrets.token_bytes(_NONCE)
        return b"".join((_SEAL, _VERSION, nonce, _cipher(self, purpose).encrypt(nonce, plain, context)))

    def unseal(self, purpose: str, sealed: bytes, context: bytes) -> bytes:
        """What was sealed; bytes that never were, from before there were seals, as they are. Raises SealBroken."""
        if not sealed.startswith(_SEAL):
            return sealed
        start = len(_SEAL) + len(_VERSION)
        if sealed[len(_SEAL) : start] != _VERSION:
            raise SealBroken("was sealed by a newer mailbot; mend: update this one")
        nonce, closed = sealed[start : start + _NONCE], sealed[start + _NONCE :]
        try:
            return _cipher(self, purpose).decrypt(nonce, closed, context)
        except (InvalidTag, ValueError):  # ValueError: cut off within the nonce
            raise SealBroken(
                "[secret] key_file: this key does not open it, or it is damaged; mend: put back the right file"
            ) from None


@lru_cache(maxsize=4)  # 8 µs a message less
def _cipher(secret: Secret, purpose: str) -> AESGCM:
    return AESGCM(secret.mac("seal", purpose))


def load(path: Path) -> Secret:
    """The key in ``path``, made there (mode 0600) when the file does not exist yet. Raises ConfigError."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return read(path)
    except OSError as error:
        raise ConfigError(f"[secret] key_file: {path}: {error.strerror}; mend: name a writable place") from error
    key = Secret(secrets.token_bytes(_SIZE))
    _fill(descriptor, path, key)
    return key


def write(path: Path, key: Secret) -> None:
    """A copy of ``key`` in ``path`` (mode 0600), where no file is yet. Raises OSError."""
    _fill(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), path, key)


def _fill(descriptor: int, path: Path, key: Secret) -> None:
    with os.fdopen(descriptor, "wb") as file:
        file.write(key.key)
        file.flush()
        os.fsync(file.fileno())
    with suppress(OSError):  # a folder that cannot be opened, or a file system that knows no such thing
        _sync(path.parent)  # the database is about to rely on the file


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read(path: Path) -> Secret:
    """The key in ``path``, which must be there. Raises ConfigError."""
    try:
        key = path.read_bytes()
    except OSError as error:
        raise ConfigError(
            f"[secret] key_file: {path}: {error.strerror}; mend: name the file that mailbot run uses"
        ) from error
    if len(key) != _SIZE:
        raise ConfigError(f"[secret] key_file: {path}: has {len(key)} bytes, not {_SIZE}; mend: restore the right file")
    return Secret(key)
