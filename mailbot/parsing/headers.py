"""The raw header block: its fields as they stand, RFC 2047 words decoded, parameters (RFC 2045, 2231) read.

Own code instead of email.policy.default, which raised on 5 % of fuzzed headers, and instead of decode_header, which
fails on unknown charsets and drops the space of a fold.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass

from mailbot.model import Header
from mailbot.parsing import charset
from mailbot.parsing.bounds import HEADER_BLOCK_MAX, HEADER_LINES_MAX
from mailbot.text.unicode import nfc

_NAME = re.compile(rb"[!-9;-~]+")
_FOLD = re.compile(rb"\r\n?|\n")
_END = re.compile(rb"\n[\r\n]|\r\r")
_WORD = re.compile(rb"=\?([!->@-~]+)\?([BbQq])\?(.*?)\?=", re.DOTALL)
_ESCAPE = re.compile(rb"=([0-9A-Fa-f]{2})")
_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/]")
_BREAK = re.compile("[\n\x0b\x0c\r\x85\u2028\u2029]+")
_CONTROL = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f]")


@dataclass(frozen=True, slots=True)
class Block:
    """One header block of a message or part."""

    fields: tuple[Header, ...]
    named: dict[str, list[bytes]]
    """The same by name (by_name)."""
    body: int
    """Offset of the first octet behind the empty line."""
    lines: int
    cut_off: bool
    """It does not end within HEADER_BLOCK_MAX octets."""
    remarks: tuple[str, ...]
    """What is not as RFC 5322 has it: other programs may see other fields than we do."""

    def top(self, name: str) -> bytes:
        """Raw value of the topmost field called ``name`` (lower case), b"" when there is none."""
        return self.named[name][0] if name in self.named else b""


@dataclass(frozen=True, slots=True)
class DecodedHeader:
    """A header value as text (NFC, unfolded, no control character but TAB) and the repairs it took."""

    text: str
    repairs: tuple[str, ...] = ()


def split(raw: bytes, start: int = 0, end: int | None = None) -> Block:
    """Fields of the header block at ``raw[start:end]``. Lines end in CRLF, LF or a bare CR; an mbox "From " line is
    passed over; the first line that is no field ends the header, as in Postfix. Reads HEADER_BLOCK_MAX octets at most.
    """
    end = len(raw) if end is None else end
    stop, body = _end_of_block(raw, start, min(end, start + HEADER_BLOCK_MAX))
    cut_off = stop == start + HEADER_BLOCK_MAX < end
    lines = raw[start:stop].splitlines(keepends=True)
    read, passed = _fields(lines[: HEADER_LINES_MAX + 1])
    remarks = []
    if passed:
        remarks.append(f"{passed} lines before the header are no fields")
    if read.stray is not None:
        remarks.append("the header ends without an empty line")
        stop = body = start + sum(map(len, lines[: read.stray]))
    if read.spaced:
        remarks.append("space before the colon of a field")
    if raw.find(b"\r", start, stop) >= 0 and _bare_cr(raw[start:stop]):
        remarks.append("bare CR in the header")
    if raw.find(b"\0", start, stop) >= 0:
        remarks.append("NUL in the header")
    return Block(read.fields, by_name(read.fields), body, len(lines), cut_off, tuple(remarks))


def _bare_cr(block: bytes) -> bool:
    return block.count(b"\r") != block.count(b"\r\n") + block.endswith(b"\r")


def _end_of_block(raw: bytes, start: int, limit: int) -> tuple[int, int]:
    """Offsets behind the last line of the block and behind the empty line that ends it."""
    if raw[start : start + 1] in (b"\r", b"\n"):
        return start, start + (2 if raw.startswith(b"\r\n", start) else 1)
    end = _END.search(raw, start, limit)
    if end is None:
        return limit, limit
    stop = end.start() + 1
    return stop, stop + (2 if raw.startswith(b"\r\n", stop) else 1)


@dataclass(frozen=True, slots=True)
class _Read:
    fields: tuple[Header, ...]
    stray: int | None
    """Number of the first line behind a field that is neither a field nor a continuation: the body starts there."""
    spaced: bool
    """A name stands apart from its colon: obsolete syntax that other programs overlook (RFC 5322 §4.5)."""


def _fields(lines: list[bytes]) -> tuple[_Read, int]:
    """What the lines hold, and how many lines before the first field are none (an mbox "From " line does not count)."""
    found: list[tuple[str, list[bytes]]] = []
    passed = 0
    stray = None
    spaced = False
    for number, line in enumerate(lines):
        line = line.rstrip(b"\r\n")
        if found and line[:1] in (b" ", b"\t"):
            found[-1][1].append(line)
            continue
        name, colon, value = line.partition(b":")
        bare = name.rstrip(b" \t")
        if colon and _NAME.fullmatch(bare):
            spaced = spaced or bare != name
            found.append((bare.decode("ascii"), [value.lstrip(b" \t")]))
        elif found:
            stray = number
            break
        elif number or not line.startswith((b"From ", b">From ")):
            passed += 1
    fields = tuple(Header(name, b"\r\n".join(value)) for name, value in found)
    return _Read(fields, stray, spaced), passed


def by_name(fields: Sequence[Header]) -> dict[str, list[bytes]]:
    """Raw values by lower-case name, each list from the top."""
    named: dict[str, list[bytes]] = {}
    for field in fields:
        named.setdefault(field.name.lower(), []).append(field.value)
    return named


def unfold(value: bytes) -> bytes:
    """RFC 5322 §2.2.3: line breaks go, the white space behind them stays."""
    return _FOLD.sub(b"", value) if b"\n" in value or b"\r" in value else value


def decode(value: bytes) -> DecodedHeader:
    """Text of a raw header value: RFC 2047 words wherever real clients put them, raw 8-bit repaired. Never raises.

    Neighbouring words of one charset are joined before they are decoded (clients cut characters in two); white space
    between two words is dropped, a fold becomes its own white space. A declared charset that fits is believed.
    """
    value = unfold(value)
    if value.isascii() and b"=?" not in value:
        return DecodedHeader(printable(value.decode("ascii").strip("\r\n")))
    texts: list[str] = []
    repairs: dict[str, None] = {}
    for label, data in _pieces(value):
        text, repair = _word_text(data, label) if label is not None else _raw_text(data)
        texts.append(text)
        if repair:
            repairs[repair] = None
    return DecodedHeader(printable("".join(texts)), tuple(repairs))


def _raw_text(data: bytes) -> tuple[str, str | None]:
    decoded = charset.decode(data)
    return decoded.text, decoded.repair and f"raw bytes{decoded.repair.removeprefix('no charset declared,')}"


def _word_text(data: bytes, label: str) -> tuple[str, str | None]:
    name = charset.codec(label)
    if name:
        try:
            return data.decode(name), None
        except ValueError:
            pass
    decoded = charset.decode(data, label)
    return decoded.text, decoded.repair and f"encoded word {decoded.repair}"


def _pieces(value: bytes) -> list[tuple[str | None, bytes]]:
    """The value cut into (charset label, bytes) for encoded words and (None, bytes) for the rest."""
    pieces: list[tuple[str | None, bytes]] = []
    at = 0
    for match in _WORD.finditer(value):
        between = value[at : match.start()]
        label = match[1].decode("ascii").partition("*")[0].lower()
        data = _unbase64(match[3]) if match[2] in b"Bb" else _unquote(match[3])
        at = match.end()
        after_word = bool(pieces) and pieces[-1][0] is not None
        if between.strip(b" \t") or (between and not after_word):
            pieces.append((None, between))
            after_word = False
        if after_word and pieces[-1][0] == label:
            pieces[-1] = (label, pieces[-1][1] + data)
        else:
            pieces.append((label, data))
    if at < len(value):
        pieces.append((None, value[at:]))
    return pieces


def _unquote(data: bytes) -> bytes:
    return _ESCAPE.sub(lambda m: bytes.fromhex(m[1].decode("ascii")), data.replace(b"_", b" "))


def _unbase64(data: bytes) -> bytes:
    digits = _NOT_BASE64.sub(b"", data)
    if len(digits) % 4 == 1:
        digits = digits[:-1]
    return binascii.a2b_base64(digits + b"=" * (-len(digits) % 4))


def printable(text: str) -> str:
    """Line breaks become a space, other control characters but TAB the replacement character."""
    if text.isprintable():
        return nfc(text)
    return nfc(_CONTROL.sub("\ufffd", _BREAK.sub(" ", text)))
