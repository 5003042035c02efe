"""The one secret of an installation, the keys derived from it, and the seals.

Links, return paths and PESEL hashes are HMACs and what must not be readable is sealed, so the database alone opens
nothing. What citizens write is sealed under a key of the message or ticket (``DataKeys``), so that one of them can be
erased in every copy; the rest (second factors, cookies) under the secret itself.

The key file holds the key, and behind it those that were before (`mailbot key rotate`), the eldest last.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import IntEnum
from functools import lru_cache, partial
from io import BytesIO
from pathlib import Path
from typing import Any, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from mailbot.errors import ConfigError, SealBroken
from mailbot.packing import packed, unpacked

_SIZE = 32
SEALED = b"\0mailbot sealed "
"""How sealed bytes begin; no mail does: NUL is not for headers (RFC 5322 §2.2)."""
_VERSION = b"\x01"
"""AES-256-GCM under the secret: 12 octets of nonce, then ciphertext and tag."""
_OWN = b"\x02"
"""The same under a key of its own: before the nonce stand the 16 octets of its id."""
_DEFLATED = b"\x03"
"""As _OWN, of a content that was deflated (RFC 1951)."""
_PACKED = b"\x04"
"""As _OWN, of a content that mailbot.packing has deflated."""
_LARGE = 65_536
"""Octets of a content that is mostly files, from which on it is not copied once more."""
_DEFLATES = range(256, _LARGE)
"""Octets of a content that is: less gains nothing, and files are packed already."""
_NONCE, _TAG = 12, 16
KEY_ID = 16
_LASTING = frozenset({"bounce", "pesel", "thread", "personal", "eldest"})
"""Purposes whose HMACs no rotation reaches, so that they stay with the eldest key: they lie in mails that left, in the
registry of accounts, or in every row by which an address is found again (storage.personal); and by which that key is
known (installation)."""


class DataKeys(Protocol):
    """Where the keys of messages and tickets are kept (storage.keys)."""

    def fresh(self) -> bytes:
        """The id of a key that was never used, and lies safely in the store. Raises DatabaseUnavailable."""

    def several(self, count: int) -> list[bytes]:
        """``fresh`` for many at once."""

    def find(self, key_id: bytes) -> bytes:
        """The key. Raises SealBroken when it was erased or is not there, DatabaseUnavailable."""

    def ready(self, key_ids: Iterable[bytes]) -> None:
        """Fetch keys together, so that ``find`` need not ask for each. Raises DatabaseUnavailable."""

    def check(self) -> None:
        """Raises DatabaseGone when the store is not there any more."""

    def close(self) -> None:
        """Let the store go."""


class Hiding(IntEnum):
    """Whether addresses, names and our own mails are sealed in the database (storage.personal): in no row, in new
    ones, in all."""

    NO, BEGUN, DONE = range(3)


@dataclass(frozen=True, slots=True)
class Secret:
    """32 random bytes, and the keys of messages, where there are any. former: the keys before it, the eldest last.
    hiding: of the database that it belongs to.

    Another process gets the secret alone: it opens no mail.
    """

    key: bytes = field(repr=False)
    store: DataKeys | None = field(default=None, repr=False, compare=False)
    former: tuple[bytes, ...] = field(default=(), repr=False)
    hiding: Hiding = field(default=Hiding.NO, compare=False)

    def __reduce__(self) -> tuple[Any, ...]:
        return Secret, (self.key, None, self.former, self.hiding)

    def each(self) -> Iterator[Secret]:
        """Every key for itself, the newest first."""
        return (Secret(key) for key in (self.key, *self.former))

    def mac(self, purpose: str, text: str) -> bytes:
        """HMAC-SHA256 (32 bytes) of ``text``; ``purpose`` keeps the uses apart."""
        key = self.former[-1] if self.former and purpose in _LASTING else self.key
        return hmac.digest(key, f"{purpose}\0{text}".encode("utf-8", "surrogatepass"), hashlib.sha256)

    def fresh(self) -> bytes | None:
        """The id of a new key to seal under; None: there is no store, and the secret itself is what seals."""
        return None if self.store is None else self.store.fresh()

    def several(self, count: int) -> Sequence[bytes | None]:
        """``fresh`` for many at once."""
        return [None] * count if self.store is None else self.store.several(count)

    def ready(self, key_ids: Iterable[bytes]) -> None:
        """Fetch keys together that are about to be needed one by one."""
        if self.store is not None:
            self.store.ready(key_ids)

    def close(self) -> None:
        """Let the store go: what is under keys of messages is not opened any more."""
        if self.store is not None:
            self.store.close()

    def seal(self, purpose: str, plain: bytes, context: bytes, key_id: bytes | None = None) -> bytes:
        """``plain`` under AES-256-GCM with the key ``key_id``, or one of the secret; opens only with the same
        ``purpose`` and ``context`` (not kept). Raises SealBroken when that key was erased.

        The nonce is random, which is safe for 2³² messages under one key (NIST SP 800-38D §8.3).
        """
        nonce = secrets.token_bytes(_NONCE)
        if key_id is None:
            return b"".join((SEALED, _VERSION, nonce, _cipher(self.key, purpose).encrypt(nonce, plain, context)))
        version = _OWN
        if self.hiding and len(plain) in _DEFLATES:  # older programs, which know no such seal, are kept out
            version, plain, context = _PACKED, packed(plain), _PACKED + context
        head, cipher, bound = b"".join((SEALED, version, key_id, nonce)), self._own(key_id), _bound(purpose, context)
        if len(plain) < _LARGE:
            return head + cipher.encrypt(nonce, plain, bound)
        sealed = BytesIO()  # it gives away what it holds: of a large message there is no second copy
        sealed.seek(len(head) + len(plain) + _TAG - 1)
        sealed.write(b"\0")
        with sealed.getbuffer() as buffer:
            buffer[: len(head)] = head
            cipher.encrypt_into(nonce, plain, bound, buffer[len(head) :])
        return sealed.getvalue()

    def unseal(self, purpose: str, sealed: bytes, context: bytes) -> bytes:
        """What was sealed; bytes that never were, from before there were seals, as they are. Raises SealBroken."""
        if not sealed.startswith(SEALED):
            return sealed
        start = len(SEALED) + len(_VERSION)
        version, rest = sealed[len(SEALED) : start], memoryview(sealed)[start:]
        if version in (_OWN, *_INFLATED_BY):
            cipher = self._own(bytes(rest[:KEY_ID]))
            inflated = _INFLATED_BY.get(version)
            found = _opened(cipher, rest[KEY_ID:], _bound(purpose, version + context if inflated else context))
            found = inflated(found) if inflated and found is not None else found
        elif version == _VERSION:
            tried = (_opened(_cipher(one.key, purpose), rest, context) for one in self.each())
            found = next((plain for plain in tried if plain is not None), None)
        else:
            raise SealBroken("was sealed by a newer mailbot; mend: update this one")
        if found is None:
            raise SealBroken(
                "[secret] key_file: this key does not open it, or it is damaged; mend: put back the right file"
            )
        return found

    def _own(self, key_id: bytes) -> AESGCM:
        if self.store is None:
            raise SealBroken("[keys] url: its key lies in a store that is not open; mend: name that of mailbot run")
        return _of_key(self.store.find(key_id))


NO_KEY = Secret(b"")
"""Opens nothing."""
HEAD = len(SEALED) + len(_OWN) + KEY_ID
"""Octets at the beginning of what is sealed that ``key_of`` looks at."""


def is_sealed(stored: bytes) -> bool:
    """Whether ``stored`` was sealed; else ``Secret.unseal`` gives it back as it is."""
    return stored.startswith(SEALED)


def key_of(sealed: bytes) -> bytes | None:
    """The id of the key that ``sealed`` is under; None: the secret itself, or not sealed."""
    own = sealed.startswith((SEALED + _OWN, SEALED + _DEFLATED, SEALED + _PACKED))
    return sealed[HEAD - KEY_ID : HEAD] if own else None


_INFLATED_BY: Mapping[bytes, Callable[[bytes], bytes]] = {
    _DEFLATED: partial(zlib.decompress, wbits=-zlib.MAX_WBITS),
    _PACKED: unpacked,
}


def _bound(purpose: str, context: bytes) -> bytes:
    return purpose.encode() + b"\0" + context


def _opened(cipher: AESGCM, rest: memoryview, context: bytes) -> bytes | None:
    try:
        return cipher.decrypt(rest[:_NONCE], rest[_NONCE:], context)
    except (InvalidTag, ValueError):  # ValueError: cut off within the nonce
        return None


_of_key = lru_cache(maxsize=8)(AESGCM)
"""Five things are sealed under the key of a ticket, one after the other."""


@lru_cache(maxsize=8)  # 8 µs a message less
def _cipher(key: bytes, purpose: str) -> AESGCM:
    return AESGCM(hmac.digest(key, f"seal\0{purpose}".encode(), hashlib.sha256))


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
    if not key or len(key) % _SIZE:
        raise ConfigError(f"[secret] key_file: {path}: has {len(key)} bytes, not {_SIZE}; mend: restore the right file")
    newest, *former = (key[start : start + _SIZE] for start in range(0, len(key), _SIZE))
    return Secret(newest, former=tuple(former))


def put_new_first(path: Path) -> Secret:
    """Write a new key before those in ``path``, all or nothing: whoever opens it finds the old file or the new one.

    Raises ConfigError.
    """
    known, new = read(path), secrets.token_bytes(_SIZE)
    target = path.resolve()  # a link stays one
    beside = target.with_name(f"{target.name}.new")
    try:
        status = target.stat()
        beside.unlink(missing_ok=True)  # of a rotation that was cut off: nothing is under it yet
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            os.fchown(file.fileno(), status.st_uid, status.st_gid)
            os.fchmod(file.fileno(), status.st_mode & 0o777)
            file.write(b"".join((new, known.key, *known.former)))
            file.flush()
            os.fsync(file.fileno())
        beside.replace(target)
        _sync(target.parent)
    except OSError as error:
        raise ConfigError(
            f"[secret] key_file: {path}: {error.strerror}; mend: run it as a user who may write there"
        ) from error
    return read(path)
