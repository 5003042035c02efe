"""What parent and worker say to each other: JSON and raw octets, so that the parent never unpickles a child's words.

A frame is the length of its header (4 octets, network order), the header (a JSON object) and the blobs one after
another; ``header["blobs"]`` holds their lengths.
"""

from __future__ import annotations

import asyncio
import json
import re
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from enum import StrEnum
from types import NoneType
from typing import Any, BinaryIO, get_args, get_origin, get_type_hints

from mailbot.ruleset.model import SignatureRules
from mailbot.signatures.report import Reason, SignatureReport, SignerIdentity

HEADER_MAX = 4_000_000
BLOBS_MAX = 200_000_000

_LENGTH = struct.Struct("!I")
_LITTLE = 65_536

Frame = tuple[dict[str, Any], list[bytes]]
"""Header and blobs."""
Handler = Callable[[dict[str, Any], Any], Frame]
"""A job to its answer. Its blobs are a list, or come one by one (worker.Workers.streams)."""
Factory = Callable[[dict[str, Any]], Handler]
"""Settings to a handler; loads what it needs, raises MailbotError when a setting is wrong."""


def frame(header: Mapping[str, Any], blobs: Sequence[bytes] = ()) -> bytes:
    """One message as octets."""
    return b"".join(pieces(header, blobs))


def pieces(header: Mapping[str, Any], blobs: Sequence[bytes] = ()) -> Iterator[bytes]:
    """The same in pieces."""
    text = json.dumps({**header, "blobs": [len(blob) for blob in blobs]}).encode()
    yield _LENGTH.pack(len(text)) + text
    yield from blobs


def read(stream: BinaryIO) -> Frame:
    """The next message from a blocking stream. Raises EOFError at the end, ValueError when it is not one."""
    header, blobs = begun(stream)
    return header, list(blobs)


def begun(stream: BinaryIO) -> tuple[dict[str, Any], Coming]:
    """The same before its blobs are there."""
    header, sizes = _header(_exactly(stream, _length(_exactly(stream, _LENGTH.size))))
    return header, Coming(stream, sizes)


class Coming:
    """The blobs of a message, each read when it is asked for."""

    def __init__(self, stream: BinaryIO, sizes: list[int]) -> None:
        self._stream = stream
        self._sizes = sizes[::-1]

    def __iter__(self) -> Iterator[bytes]:
        while self._sizes:
            blob = _exactly(self._stream, self._sizes[-1])
            self._sizes.pop()
            yield blob
            del blob  # not beside the next one

    def skip(self) -> None:
        """Read what was not asked for, and keep nothing: whoever writes it waits until it is taken."""
        left = sum(self._sizes)
        while left and (octets := self._stream.read(min(left, _LITTLE))):
            left -= len(octets)
        self._sizes.clear()


async def read_async(stream: asyncio.StreamReader) -> Frame:
    """The next message. Raises asyncio.IncompleteReadError at the end, ValueError when it is not one."""
    header, sizes = _header(await stream.readexactly(_length(await stream.readexactly(_LENGTH.size))))
    return header, [await stream.readexactly(size) for size in sizes]


def report_of(found: Any, payload: bytes | None) -> SignatureReport:
    """The report of which ``report.to_json`` made ``found``. Raises ValueError when it is anything else."""
    try:
        given = {name: value for name, value in found.items() if name not in ("signer", "reasons")}
        signer = None if found["signer"] is None else SignerIdentity(**_fields(SignerIdentity, found["signer"]))
        reasons = tuple(Reason(**_fields(Reason, reason)) for reason in found["reasons"])
        return SignatureReport(**_fields(SignatureReport, given), signer=signer, reasons=reasons, payload=payload)
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError("not a report") from error


def rules_to_json(rules: SignatureRules) -> dict[str, Any]:
    """The rules as values for a job: a worker never reads the admins' folder, which may be half-written or refused."""
    return {
        "accept": sorted(rules.accept),
        "seal_organizations": sorted(rules.seal_organizations),
        "seal_name": rules.seal_name.pattern,
        "revocation_max_age": rules.revocation_max_age.total_seconds(),
        "signed_max_age": rules.signed_max_age.total_seconds(),
        "crl_urls": list(rules.crl_urls),
    }


def rules_of(found: Mapping[str, Any]) -> SignatureRules:
    """The rules of which ``rules_to_json`` made ``found``."""
    return SignatureRules(
        accept=frozenset(found["accept"]),
        seal_organizations=frozenset(found["seal_organizations"]),
        seal_name=re.compile(found["seal_name"]),
        revocation_max_age=timedelta(seconds=found["revocation_max_age"]),
        signed_max_age=timedelta(seconds=found["signed_max_age"]),
        crl_urls=tuple(found["crl_urls"]),
    )


def _length(octets: bytes) -> int:
    size: int = _LENGTH.unpack(octets)[0]
    if size > HEADER_MAX:
        raise ValueError("header too long")
    return size


def _header(text: bytes) -> tuple[dict[str, Any], list[int]]:
    try:
        header = json.loads(text)
    except RecursionError as error:
        raise ValueError("too deep") from error
    sizes = header.pop("blobs", None) if isinstance(header, dict) else None
    if not isinstance(sizes, list) or any(type(size) is not int or size < 0 for size in sizes):
        raise ValueError("not a frame")
    if sum(sizes) > BLOBS_MAX:
        raise ValueError("too much")
    return header, sizes


def _exactly(stream: BinaryIO, size: int) -> bytes:
    found = stream.read(size)
    if len(found) < size:
        raise EOFError
    return found


def _fields(kind: type[Any], given: Mapping[str, Any]) -> dict[str, Any]:
    hints = get_type_hints(kind)
    return {name: _typed(hints[name], value) for name, value in given.items()}


def _typed(hint: Any, value: Any) -> Any:
    """``value`` of JSON as ``hint``: enums and moments from their words, all else must be of the type already."""
    options = get_args(hint) or (hint,)
    if get_origin(hint) is tuple:
        if not isinstance(value, list):
            raise TypeError("not a list")
        return tuple(_typed(options[0], item) for item in value)
    if value is None and NoneType in options:
        return None
    kind = options[0]
    if issubclass(kind, StrEnum):
        return kind(value)
    if issubclass(kind, date) and isinstance(value, str):
        return kind.fromisoformat(value)
    if type(value) is not kind:
        raise TypeError("wrong type")
    return value
