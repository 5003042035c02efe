"""A question for texts to the DNS in its plain case (RFC 1035 §4): one small packet each way.

dnspython does all of it, and takes eight times as long. What is not plain is None here and for dnspython to ask: names
with odd octets, aliases, failures, and answers that are cut off, badly formed or late.
"""

from __future__ import annotations

import re
import secrets
import selectors
import socket
import struct
import time
from collections.abc import Iterable
from contextlib import ExitStack, suppress
from itertools import islice
from typing import NamedTuple

_NAME = re.compile(r"(?=.{1,253}\Z)(?:[A-Za-z0-9_-]{1,63}\.)+[A-Za-z0-9_-]{1,63}", re.ASCII)
_SIDE_BY_SIDE = 128  # questions; a process that reads mails may have 512 descriptors
_MOST = 4096  # octets of a packet; servers that keep to the rules send 512
_ASKING = bytes.fromhex("0100 0001 0000 0000 0000")
"""A recursive query with one question, from behind its number on."""
_LOOKED_AT, _FOUND, _NO_SUCH_NAME = 0xFA0F, 0x8000, 0x8003
"""Of the flags: QR, opcode, TC and the code of the result; what is right in them."""
_TXT, _SOA, _IN = 16, 6, 1
_COUNTS = struct.Struct("!5H")
_RECORD = struct.Struct("!HHIH")
_HEAD, _OWNER = 12, 2
_SAME_NAME = b"\xc0\x0c"
"""A pointer to the name of the question."""
_TTL_MAX = 2**31 - 1


class PlainAnswer(NamedTuple):
    """The texts of a name (octets as latin-1), and for how many seconds they, or their absence, count."""

    seconds: int
    texts: tuple[str, ...]


def ask(server: str, port: int, names: Iterable[str], patience: float) -> dict[str, PlainAnswer]:
    """The texts of those of ``names`` (no final dot) that the server with that address tells in time; all are asked
    side by side, each from a port of its own. ``patience``: seconds."""
    found, until = dict[str, PlainAnswer](), time.monotonic() + patience
    family = socket.AF_INET6 if ":" in server else socket.AF_INET
    with ExitStack() as ends, selectors.PollSelector() as waiting:
        for name in islice(names, _SIDE_BY_SIDE):
            if question := question_of(name):
                number = secrets.token_bytes(2)
                to = ends.enter_context(socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK))
                with suppress(OSError):
                    to.connect((server, port))  # so nobody else is heard
                    to.send(number + _ASKING + question)
                    waiting.register(to, selectors.EVENT_READ, (to, name, number, question))
        while waiting.get_map() and (left := until - time.monotonic()) > 0:
            for key, _ in waiting.select(left):
                to, name, number, question = key.data
                waiting.unregister(to)
                with suppress(OSError):
                    if answer := answer_of(to.recv(_MOST), number, question):
                        found[name] = answer
    return found


def question_of(name: str) -> bytes | None:
    """The question for the texts of ``name``, as it stands in a packet."""
    if _NAME.fullmatch(name) is None:
        return None
    labels = [bytes((len(label),)) + label.encode() for label in name.split(".")]
    return b"".join(labels) + struct.pack("!BHH", 0, _TXT, _IN)


def answer_of(packet: bytes, number: bytes, question: bytes) -> PlainAnswer | None:
    """What a packet says to the question under that number."""
    start = _HEAD + len(question)
    if len(packet) < start or packet[:2] != number or packet[_HEAD:start].lower() != question.lower():
        return None
    flags, questions, *others = _COUNTS.unpack_from(packet, 2)
    result = flags & _LOOKED_AT
    if questions != 1 or result not in (_FOUND, _NO_SUCH_NAME):
        return None
    try:
        match others:
            case [answers, 0, 0] if answers and result == _FOUND:
                return _texts(packet, start, answers)
            case [0, 1, 0]:
                return _nothing(packet, start)
    except (struct.error, IndexError, ValueError):
        pass
    return None


def _texts(packet: bytes, at: int, count: int) -> PlainAnswer | None:
    """Raises ValueError, IndexError, struct.error."""
    texts, seconds = dict[bytes, None](), _TTL_MAX  # a set, as all records of a name are (RFC 2181 §5)
    for _ in range(count):
        kind, which, ttl, length = _RECORD.unpack_from(packet, at + _OWNER)
        if packet[at : at + _OWNER] != _SAME_NAME or (kind, which) != (_TXT, _IN) or ttl > _TTL_MAX:
            return None
        at += _OWNER + _RECORD.size
        texts[_exactly(packet, at, length)] = None
        at += length
        seconds = min(seconds, ttl)
    if at != len(packet):
        return None
    return PlainAnswer(seconds, tuple(_joined(one) for one in texts))


def _nothing(packet: bytes, at: int) -> PlainAnswer | None:
    """That there is none, for as long as the SOA says (RFC 2308 §5). Raises ValueError, IndexError, struct.error."""
    kind, which, ttl, length = _RECORD.unpack_from(packet, at + _OWNER)
    above = packet[at] == _SAME_NAME[0] and _HEAD <= packet[at + 1] < at - 4  # its name ends that of the question
    if not above or _behind_name(packet, packet[at + 1]) != at - 4 or (kind, which) != (_SOA, _IN) or ttl > _TTL_MAX:
        return None
    at += _OWNER + _RECORD.size
    numbers = _behind_name(packet, _behind_name(packet, at))
    *_, minimum = struct.unpack("!5I", packet[numbers:])
    if numbers + 20 != at + length:
        return None
    return PlainAnswer(min(ttl, minimum), ())


def _behind_name(packet: bytes, at: int) -> int:
    """Where a name ends (RFC 1035 §4.1.4). Raises ValueError, IndexError."""
    while 0 < (length := packet[at]) < 64:
        at += 1 + length
    if not length:
        return at + 1
    if length < 192 or (length & 63) << 8 | packet[at + 1] >= at:
        raise ValueError
    return at + 2


def _exactly(packet: bytes, at: int, length: int) -> bytes:
    octets = packet[at : at + length]
    if len(octets) < length:
        raise ValueError
    return octets


def _joined(data: bytes) -> str:
    """The strings of a TXT record in one. Raises ValueError."""
    joined, at = b"", 0
    while at < len(data) or not data:
        length = data[at]
        joined += _exactly(data, at + 1, length)
        at += 1 + length
    return joined.decode("latin-1")
